"""One example for each message, as it is on the wire. Tests hold each against its model and its schema."""

from typing import Any

EXAMPLES: dict[str, dict[str, Any]] = {
    "init": {
        "type": "init",
        "config": {"language": "auto", "useWhisper": False, "sampleRate": 16000, "audioEncoding": "base64"},
    },
    "audio": {"type": "audio", "data": "AAABAP//", "timestamp": 1767225600000},
    "interrupt": {"type": "interrupt"},
    "close": {"type": "close"},
    "connected": {
        "type": "connected",
        "sessionId": "550e8400-e29b-41d4-a716-446655440000",
        "inputSampleRate": 16000,
        "outputSampleRate": 24000,
        "engine": "interpreter",
    },
    "input_transcription": {
        "type": "input_transcription",
        "text": "안녕하세요.",
        "isFinal": True,
        "language": "ko",
    },
    "output_transcription": {"type": "output_transcription", "text": "Hel", "isFinal": False},
    "audio_response": {"type": "audio_response", "data": "AAABAP//", "sampleRate": 24000},
    "turn_complete": {"type": "turn_complete", "inputText": "안녕하세요.", "outputText": "Hello."},
    "speech_state": {"type": "speech_state", "state": "speaking", "timestamp": 1767225600000},
    "interrupted": {"type": "interrupted", "reason": "client"},
    "warning": {
        "type": "warning",
        "message": "12.3 s of speech could not be interpreted in full",
        "code": "SPEECH_DROPPED",
        "ms": 12345,
    },
    "participant_joined": {
        "type": "participant_joined",
        "participantId": "2",
        "name": "Minji",
        "language": "ko",
    },
    "participant_left": {"type": "participant_left", "participantId": "2", "name": "Minji", "language": "ko"},
    "error": {"type": "error", "message": "expected 'init' first, got 'audio'", "code": "NOT_READY"},
}
