"""The laws about what a client is sent, each as a function from a transcript to what breaks it.

Pure, so that they can be tried on transcripts that no server made. They know nothing of who spoke or what was said.
"""

import itertools
import re
import time
from collections.abc import Iterator

from tests.conformance.kit import alike
from tests.conformance.transcript import INPUT, MALFORMED, OUTPUT, Message, Transcript, Turn, pcm_of, shown

CLOSE_CODES: dict[str, int | None] = {
    "INVALID_MESSAGE": None,
    "UNKNOWN_TYPE": None,
    "NOT_READY": None,
    "ALREADY_INIT": None,
    "INVALID_AUDIO": None,
    "UNSUPPORTED_LANGUAGE": 1008,
    "INIT_TIMEOUT": 1008,
    "IDLE_TIMEOUT": 1000,
    "SESSION_EXPIRED": 1000,
    "MESSAGE_TOO_LARGE": 1009,
    "RATE_LIMITED": 1008,
    "SERVER_BUSY": 1013,
    "SHUTTING_DOWN": 1001,
    "UPSTREAM_AUTH": 1011,
    "UPSTREAM_QUOTA": 1013,
    "UPSTREAM_UNAVAILABLE": 1011,
    "INTERNAL": 1011,
}
"""The table of errors; ``None``: the connection goes on."""

_OUTPUT_RATE_HZ = 24_000
_CLOCK_TOLERANCE_MS = 24 * 3600 * 1000
"""Clocks differ; seconds in place of milliseconds differ by more."""

_STATES = ("speaking", "silent", "processing")
_REASONS = ("client", "barge_in", "upstream")
_MIN_COMPARED = 10
_CORRECTED = 0.5
_FIELDS: dict[str, dict[str, type]] = {
    "connected": {"sessionId": str},
    INPUT: {"text": str, "isFinal": bool},
    OUTPUT: {"text": str, "isFinal": bool},
    "audio_response": {"data": str, "sampleRate": int},
    "turn_complete": {"inputText": str, "outputText": str},
    "speech_state": {"state": str, "timestamp": int},
    "error": {"message": str},
    "interrupted": {"reason": str},
    "warning": {"message": str, "code": str},
}
_LEAKS = re.compile(
    r"Traceback|File \"|\.py\b|(?:^|[\s'\"(])(?:/[\w.-]+){2,}|[A-Z]:\\|AIza|api[_-]?key[=:]", re.IGNORECASE
)
_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f]")
_LATIN = re.compile(r"[A-Za-z]")


def well_formed(transcript: Transcript) -> Iterator[str]:
    """Every text frame is one JSON object with the documented fields, of the documented types."""
    for message in transcript.received:
        if message["type"] == MALFORMED:
            yield f"a frame that is no JSON object with a type: {str(message['message'])[:80]!r}"
        if "pcm" in message:
            continue
        for name, kind in _FIELDS.get(str(message["type"]), {}).items():
            if not _is(message.get(name), kind):
                yield f"{shown(message)}: {name!r} is {message.get(name)!r:.60}, no {kind.__name__}"


def no_nulls(transcript: Transcript) -> Iterator[str]:
    """Fields that are absent are left out, not ``null``."""
    for message in transcript.received:
        for name, value in message.items():
            if value is None:
                yield f"{shown(message)}: {name!r} is null"


def connected_first(transcript: Transcript) -> Iterator[str]:
    """Nothing but ``error`` comes before ``connected``, and it comes once."""
    kinds = [str(message["type"]) for message in transcript.received]
    at = kinds.index("connected") if "connected" in kinds else len(kinds)
    for kind in kinds[:at]:
        if kind != "error":
            yield f"{kind!r} came before 'connected'"
    if kinds.count("connected") > 1:
        yield f"'connected' came {kinds.count('connected')} times"


def text_grows(transcript: Transcript) -> Iterator[str]:
    """A partial carries the whole text of the turn so far.

    Of the target a partial only adds to the one before, spaces aside; of the source it may also correct it.
    """
    for turn in transcript.turns:
        for kind in (INPUT, OUTPUT):
            texts = [str(message.get("text", "")) for message in _partials_of_last_output(turn, kind)]
            if "" in texts:
                yield f"an empty partial of {kind!r}"
            for before, after in itertools.pairwise(texts):
                if not _continues(before, after, may_correct=kind == INPUT):
                    yield f"{kind!r}: {after!r} does not carry {before!r} on"


def finals_repeat(transcript: Transcript) -> Iterator[str]:
    """Each side that has partials has one final, which carries the whole text once more."""
    for turn in transcript.turns:
        for kind in (INPUT, OUTPUT):
            partials = _partials_of_last_output(turn, kind)
            finals = turn.texts(kind, final=True)
            if turn.complete and partials and not finals:
                yield f"{kind!r} has partials and no final"
            if len(finals) > 1:
                yield f"{kind!r} has {len(finals)} finals in one turn"
            for final in finals:
                if not final.get("text"):
                    yield f"an empty final of {kind!r}"
                elif partials and final["text"] != partials[-1].get("text"):
                    last = partials[-1].get("text")
                    yield f"{kind!r}: the final {final['text']!r} is not the last partial {last!r}"


def finals_tell_language(transcript: Transcript) -> Iterator[str]:
    """A final has the ``language`` of its text, a partial has none; where the script tells a language it agrees."""
    for message in transcript.of(INPUT, OUTPUT):
        language = message.get("language")
        if message.get("isFinal") is not True:
            if "language" in message:
                yield f"{shown(message)}: a partial with 'language'"
        elif not isinstance(language, str) or _contradicts(language, str(message.get("text", ""))):
            yield f"{shown(message)}: 'language' is {language!r}"


def turn_order(transcript: Transcript) -> Iterator[str]:
    """Partials and audio, then the input final, the output final, ``turn_complete``; only then the next turn."""
    for turn in transcript.turns:
        finals: list[str] = []
        for message in turn.messages[:-1] if turn.complete else turn.messages:
            kind = str(message["type"])
            if message.get("isFinal") is True:
                if kind == INPUT and OUTPUT in finals:
                    yield "the input final came after the output final"
                finals.append(kind)
            elif finals:
                yield f"{shown(message)} came between a final and 'turn_complete'"


def turn_complete_repeats(transcript: Transcript) -> Iterator[str]:
    """The texts of ``turn_complete`` equal the finals, ``""`` where there is none; an empty turn has none."""
    for turn in transcript.turns:
        if not turn.complete:
            continue
        if len(turn.messages) == 1:
            yield f"'turn_complete' of a turn without text and sound: {turn.source!r}, {turn.target!r}"
            continue
        for kind, text in ((INPUT, turn.source), (OUTPUT, turn.target)):
            finals = [str(final.get("text")) for final in turn.texts(kind, final=True)]
            if finals[-1:] != ([text] if text else []):
                yield f"'turn_complete' has {text!r} where the final of {kind!r} has {finals}"


def sound_is_whole(transcript: Transcript) -> Iterator[str]:
    """Interpreted speech comes at 24 kHz, in pieces of whole samples that are not empty."""
    for message in transcript.of("audio_response"):
        pcm = pcm_of(message)
        if message.get("sampleRate", _OUTPUT_RATE_HZ) != _OUTPUT_RATE_HZ:
            yield f"a piece of sound with 'sampleRate' {message['sampleRate']!r}"
        if pcm is None:
            yield "a piece of sound that is no padded standard base64"
        elif not pcm or len(pcm) % 2:
            yield f"a piece of sound of {len(pcm)} bytes"


def states_change(transcript: Transcript) -> Iterator[str]:
    """It starts silent, unsent; no state comes twice in a row; ``silent`` follows ``speaking``."""
    states = ["silent", *transcript.states]
    for at, (before, after) in enumerate(itertools.pairwise(states)):
        if after not in _STATES:
            yield f"the state {after!r}"
        elif before == after:
            yield f"{after!r} twice in a row" if at else "'silent' at the start"
        elif (before, after) == ("speaking", "processing"):
            yield "'processing' right after 'speaking'"


def states_tell_time(transcript: Transcript) -> Iterator[str]:
    """``timestamp`` is the server's clock in Unix milliseconds, and does not go back."""
    times = [message.get("timestamp") for message in transcript.of("speech_state")]
    known = [value for value in times if isinstance(value, int | float)]
    now_ms = time.time() * 1000
    for value in known:
        if abs(value - now_ms) > _CLOCK_TOLERANCE_MS:
            yield f"the timestamp {value!r}, which is not today's Unix time in ms"
    if known != sorted(known):
        yield "timestamps that go back"


def errors_are_told(transcript: Transcript) -> Iterator[str]:
    """An error has a message for people and a code of the table; it leaks nothing; a fatal one is the last word."""
    received = transcript.received
    for at, message in enumerate(received):
        if message["type"] != "error":
            continue
        text, code = message.get("message"), message.get("code")
        if not text:
            yield f"{shown(message)}: no message"
        elif _LEAKS.search(str(text)):
            yield f"{shown(message)}: looks like a path, a stack trace or a secret"
        if code is not None and code not in CLOSE_CODES:
            yield f"the unknown code {code!r}"
        close_code = CLOSE_CODES.get(str(code))
        if close_code is not None and at != len(received) - 1:
            yield f"{shown(received[at + 1])} came after the fatal error {code}"
    yield from _wrong_end(transcript)


def _wrong_end(transcript: Transcript) -> Iterator[str]:
    """A close by the server that does not fit the last message."""
    last = transcript.received[-1] if transcript.received else {"type": ""}
    if last["type"] != "error" or not transcript.server_closed or transcript.close_code is None:
        return
    wanted = CLOSE_CODES.get(str(last.get("code")), transcript.close_code)
    layer_below = transcript.close_code in (1007, 1009)
    asked = [entry.kind for entry in transcript.entries if entry.sent][-1:] == ["close"]
    if wanted != transcript.close_code and not (wanted is None and (layer_below or asked)):
        then = "goes on" if wanted is None else f"closes with {wanted}"
        yield f"close {transcript.close_code} after error {last.get('code')}, which {then}"


def interrupted_is_asked_for(transcript: Transcript) -> Iterator[str]:
    """``interrupted`` has a documented reason, and for ``client`` answers an ``interrupt``."""
    asked = answered = 0
    for entry in transcript.entries:
        asked += entry.sent and entry.kind == "interrupt"
        if entry.sent or entry.kind != "interrupted":
            continue
        reason = entry.message.get("reason")
        answered += reason == "client"
        if reason not in _REASONS:
            yield f"'interrupted' with the reason {reason!r}"
        if answered > asked:
            yield "more 'interrupted' with reason 'client' than there were 'interrupt'"


def _partials_of_last_output(turn: Turn, kind: str) -> list[Message]:
    """Partials of one side; output that broke off and is made again starts anew."""
    messages = turn.messages
    for at in range(len(messages) - 1, -1, -1):
        if messages[at]["type"] == "interrupted" and messages[at].get("reason") == "upstream":
            messages = messages[at + 1 :]
            break
    return [m for m in messages if m["type"] == kind and m.get("isFinal") is False]


def _continues(before: str, after: str, *, may_correct: bool) -> bool:
    one, other = ("".join(text.split()).casefold() for text in (before, after))
    if other.startswith(one):
        return True
    return may_correct and (len(one) < _MIN_COMPARED or alike(one, other[: len(one)]) >= _CORRECTED)


def _contradicts(language: str, text: str) -> bool:
    hangul, latin = len(_HANGUL.findall(text)), len(_LATIN.findall(text))
    korean = language.split("-")[0].lower() == "ko"
    return not language or (hangul > latin and not korean) or (latin > 0 and hangul == 0 and korean)


def _is(value: object, kind: type) -> bool:
    if kind is int:
        return (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and value.is_integer()
        )
    return isinstance(value, kind)
