"""An engine's turns as pipecat's frames, whichever of our engines they come from."""

from pipecat.frames.frames import (
    Frame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.utils.text.base_text_aggregator import TextType

from gemini.turns import (
    OutputAudio,
    OutputEnded,
    OutputStarted,
    SourceChanged,
    SourceHeard,
    TargetGrew,
    TurnEnded,
    TurnEvent,
)
from processors.frames import OutputRestartedFrame
from processors.text_frames import mark_language, source_frame


class TurnFrames:
    """Makes the frames of one session.

    Source text goes as ``InterimTranscriptionFrame`` (whole so far) and once more as ``TranscriptionFrame``; target
    text as ``TTSTextFrame`` (pieces), speech as ``TTSAudioRawFrame``. Every turn that answers speech gets one pair
    of ``LLMFullResponseStartFrame`` and ``LLMFullResponseEndFrame``, even if it has no output.

    Attributes:
        response_open: Output of a turn has begun that is not over.
    """

    def __init__(self, session_id: str, *, utterances_marked: bool):
        """Begin with no turn.

        Args:
            session_id: Who speaks, as far as anybody knows.
            utterances_marked: A step marks utterances; else their first source text does.
        """
        self._session_id = session_id
        self._utterances_marked = utterances_marked
        self._announced = False
        self._source_seen = False
        self._speech_open = False
        self.response_open = False

    def frames_of(self, event: TurnEvent) -> list[Frame]:
        """The frames that tell of ``event``, in order."""
        match event:
            case SourceHeard():
                return []
            case SourceChanged():
                return self._source_frames(event)
            case OutputStarted():
                return self._start_response()
            case TargetGrew():
                return [_target_frame(event)]
            case OutputAudio():
                return self._speech_frames(event)
            case OutputEnded():
                return self._end_speech()
            case TurnEnded():
                return self._end_turn(event)

    def restart(self) -> list[Frame]:
        """The turn that is open begins anew."""
        begun, self.response_open = self.response_open, False
        if begun:
            self._source_seen = self._source_seen and self._announced
        return [*self._end_speech(), OutputRestartedFrame(begun and self._announced)]

    def _source_frames(self, event: SourceChanged) -> list[Frame]:
        frames: list[Frame] = []
        if not (self._utterances_marked or self._source_seen or self.response_open):
            frames.append(UserStoppedSpeakingFrame())  # the upstream heard an utterance; no mark of ours says so
        self._source_seen = True
        return [*frames, source_frame(event.text, self._session_id, event.language, final=False)]

    def _start_response(self) -> list[Frame]:
        self.response_open = True
        # An answer to speech that was never announced would count as the answer to an utterance to come.
        self._announced = self._utterances_marked or self._source_seen
        return [LLMFullResponseStartFrame()] if self._announced else []

    def _speech_frames(self, event: OutputAudio) -> list[Frame]:
        started: list[Frame] = [] if self._speech_open else [TTSStartedFrame()]
        self._speech_open = True
        return [*started, TTSAudioRawFrame(event.pcm, event.sample_rate_hz, 1)]

    def _end_speech(self) -> list[Frame]:
        was_open, self._speech_open = self._speech_open, False
        return [TTSStoppedFrame()] if was_open else []

    def _end_turn(self, event: TurnEnded) -> list[Frame]:
        frames = self._end_speech()
        if event.source_text:
            frames.append(source_frame(event.source_text, self._session_id, event.source_language, final=True))
        if event.answers_utterance and not self.response_open:
            frames += self._start_response()
        self.response_open = self._source_seen = False
        return [*frames, LLMFullResponseEndFrame()]


def _target_frame(event: TargetGrew) -> Frame:
    frame = TTSTextFrame(event.text, TextType.TOKEN)
    frame.includes_inter_frame_spaces = True
    mark_language(frame, event.language)
    return frame
