"""The protocol's laws about what a client is sent, checked on a whole list of messages."""

import base64
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

Message = dict[str, Any]

INPUT = "input_transcription"
OUTPUT = "output_transcription"
_BESIDE_TURNS = {"connected", "speech_state", "warning", "error"}


@dataclass
class HeardTurn:
    """One turn as the client was told of it.

    Attributes:
        partials: Texts of the partials, by message type.
        finals: The final messages, by message type.
        audio: The interpreted speech.
        complete: Whether ``turn_complete`` came.
        interrupted: Whether ``interrupted`` came while it was open.
        restarts: How often the upstream's output broke off, so that texts and sound started anew.
    """

    partials: dict[str, list[str]] = field(default_factory=lambda: {INPUT: [], OUTPUT: []})
    finals: dict[str, Message] = field(default_factory=dict)
    audio: bytes = b""
    complete: bool = False
    interrupted: bool = False
    restarts: int = 0

    def start_anew(self) -> None:
        """Forget the texts and the sound that broke off."""
        self.restarts += 1
        self.partials = {INPUT: [], OUTPUT: []}
        self.audio = b""

    @property
    def texts(self) -> tuple[str, str]:
        """Source and target text of the finals."""
        return self._final_text(INPUT), self._final_text(OUTPUT)

    @property
    def languages(self) -> tuple[str | None, str | None]:
        """Languages of the finals."""
        source, target = (self.finals.get(kind, {}).get("language") for kind in (INPUT, OUTPUT))
        return source, target

    @property
    def empty(self) -> bool:
        """Whether nothing of it came yet."""
        return not (self.audio or self.finals or any(self.partials.values()))

    def _final_text(self, kind: str) -> str:
        text: str = self.finals.get(kind, {}).get("text", "")
        return text


def lawful_turns(messages: list[Message], *, source_grows: bool = True) -> list[HeardTurn]:
    """The turns in ``messages``, complete or not, once every law was seen to hold.

    Args:
        messages: Everything that a client was sent, in order.
        source_grows: Partials of the source only grow; ``False`` where the upstream sends interim text.

    Raises:
        AssertionError: A law is broken.
    """
    _check_messages(messages)
    _check_states(messages)
    turns = [HeardTurn()]
    for message in messages:
        if message["type"] in _BESIDE_TURNS:
            continue
        _take(turns[-1], message, source_grows=source_grows)
        if turns[-1].complete:
            turns.append(HeardTurn())
    return [turn for turn in turns if not turn.empty]


def states_of(messages: list[Message]) -> list[str]:
    """The states that were sent, in order."""
    return [message["state"] for message in messages if message["type"] == "speech_state"]


def pcm_of(message: Message) -> bytes:
    """The sound of an ``audio_response``, whatever its encoding."""
    return message["pcm"] if "pcm" in message else base64.b64decode(message["data"], validate=True)


def _check_messages(messages: list[Message]) -> None:
    kinds = [message["type"] for message in messages]
    before, found, after = _split(kinds, "connected")
    assert found or not after, "content came before 'connected'"
    assert set(before) <= {"error"}, f"before 'connected' came {before}"
    assert "connected" not in after, "'connected' came twice"
    for message in messages:
        assert None not in message.values(), f"an absent field was sent as null: {message}"


def _split(kinds: list[str], kind: str) -> tuple[list[str], bool, list[str]]:
    if kind not in kinds:
        return kinds, False, []
    at = kinds.index(kind)
    return kinds[:at], True, kinds[at + 1 :]


def _check_states(messages: list[Message]) -> None:
    states = ["silent", *states_of(messages)]
    for first, second in pairwise(states):
        assert first != second, f"the same state twice in a row: {states}"
    times = [message["timestamp"] for message in messages if message["type"] == "speech_state"]
    assert times == sorted(times)


def _take(turn: HeardTurn, message: Message, *, source_grows: bool) -> None:
    match message["type"]:
        case "audio_response":
            assert not turn.finals, "sound came after a final of its turn"
            assert message.get("sampleRate", 24_000) == 24_000
            pcm = pcm_of(message)
            assert pcm, "an empty piece of sound"
            assert len(pcm) % 2 == 0, "half a sample"
            turn.audio += pcm
        case "input_transcription" | "output_transcription" as kind if message["isFinal"]:
            _take_final(turn, kind, message)
        case "input_transcription" | "output_transcription" as kind:
            _take_partial(turn, kind, message, grows=source_grows or kind == OUTPUT)
        case "interrupted":
            assert not turn.finals, "'interrupted' came after a final of the turn that it cuts"
            if message["reason"] == "upstream":
                assert not turn.empty, "the upstream interrupted a turn of which nothing had come"
                turn.start_anew()
            else:
                turn.interrupted = not turn.empty
        case "turn_complete":
            assert not turn.empty, "a turn without text and sound was completed"
            assert (message["inputText"], message["outputText"]) == turn.texts
            for kind, partials in turn.partials.items():
                assert not partials or kind in turn.finals, f"{kind} has partials and no final"
            turn.complete = True
        case unknown:
            raise AssertionError(f"a message of an unknown type: {unknown}")


def _take_partial(turn: HeardTurn, kind: str, message: Message, *, grows: bool) -> None:
    assert not turn.finals, "a partial came after a final of its turn"
    assert "language" not in message
    partials = turn.partials[kind]
    assert message["text"], "an empty partial"
    if partials and grows:
        assert message["text"].startswith(partials[-1]), f"{message['text']!r} does not grow {partials[-1]!r}"
    partials.append(message["text"])


def _take_final(turn: HeardTurn, kind: str, message: Message) -> None:
    assert kind not in turn.finals, f"a second final: {message}"
    assert kind == OUTPUT or OUTPUT not in turn.finals, "the output's final came before the input's"
    assert message["text"], "an empty final"
    assert message["language"], "a final without language"
    assert turn.partials[kind][-1:] in ([], [message["text"]]), "the final differs from the last partial"
    turn.finals[kind] = message
