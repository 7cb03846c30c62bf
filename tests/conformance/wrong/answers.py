"""Servers whose answers are wrong in a way that takes more than one message to see."""

import base64
import time
from collections.abc import Iterable

from tests.conformance.wrong.cases import INPUT, OUTPUT, TURN, is_final
from tests.conformance.wrong.server import Message, Misbehaviour


class SpeaksFirst(Misbehaviour):
    """A greeting right after the handshake."""

    def opened(self) -> None:
        """Greet."""
        self.reply({"type": "warning", "message": "welcome", "code": "WELCOME"})


class StateBeforeConnected(Misbehaviour):
    """A state before ``connected``."""

    def to_client(self, message: Message) -> Iterable[Message]:
        """Put it there."""
        state = {"type": "speech_state", "state": "speaking", "timestamp": int(time.time() * 1000)}
        return [state, message] if message["type"] == "connected" else [message]


class SwapsFinals(Misbehaviour):
    """The input final after the output final."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[Message] = []

    def to_client(self, message: Message) -> Iterable[Message]:
        """Hold the first until the second came."""
        if is_final(message, INPUT):
            self._held = [message]
            return []
        held, self._held = (self._held, []) if message["type"] != "speech_state" else ([], self._held)
        return [message, *held]


class CompletesLate(Misbehaviour):
    """``turn_complete`` after the first message of the next turn."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[Message] = []

    def to_client(self, message: Message) -> Iterable[Message]:
        """Hold it until then."""
        if message["type"] == "turn_complete" and not self._held:
            self._held = [message]
            return []
        held, self._held = (self._held, []) if message["type"] in TURN else ([], self._held)
        return [message, *held]


class SwapsTurns(Misbehaviour):
    """The first turn after the second."""

    def __init__(self) -> None:
        super().__init__()
        self._first: list[Message] = []
        self._complete = 0

    def to_client(self, message: Message) -> Iterable[Message]:
        """Hold the whole of it."""
        if message["type"] not in TURN or self._complete > 1:
            return [message]
        self._complete += message["type"] == "turn_complete"
        if self._complete == 0 or (self._complete == 1 and message["type"] == "turn_complete"):
            self._first.append(message)
            return []
        return [message, *self._first] if self._complete > 1 else [message]


class DropsLastTurn(Misbehaviour):
    """No turn after the third."""

    def __init__(self) -> None:
        super().__init__()
        self._complete = 0

    def to_client(self, message: Message) -> Iterable[Message]:
        """Drop it."""
        if self._complete >= 3:
            return [message] if message["type"] not in TURN else []
        self._complete += message["type"] == "turn_complete"
        return [message]


class SendsPieces(Misbehaviour):
    """Partials with what is new in them, as a client would need that appends."""

    def __init__(self) -> None:
        super().__init__()
        self._told = {INPUT: "", OUTPUT: ""}

    def to_client(self, message: Message) -> Iterable[Message]:
        """Cut off what was told."""
        kind = message["type"]
        if kind == "turn_complete":
            self._told = {INPUT: "", OUTPUT: ""}
        if kind not in self._told or message["isFinal"]:
            return [message]
        new = message["text"].removeprefix(self._told[kind])
        self._told[kind] = message["text"]
        return [{**message, "text": new}]


class SkipsSilent(Misbehaviour):
    """No ``silent`` between ``speaking`` and ``processing``."""

    def __init__(self) -> None:
        super().__init__()
        self._state = "silent"

    def to_client(self, message: Message) -> Iterable[Message]:
        """Leave it out."""
        if message["type"] != "speech_state":
            return [message]
        before, self._state = self._state, message["state"]
        return [] if (before, self._state) == ("speaking", "silent") else [message]


class BargesIn(Misbehaviour):
    """Speech during output interrupts it."""

    def __init__(self) -> None:
        super().__init__()
        self._speaking = False

    def to_client(self, message: Message) -> Iterable[Message]:
        """Say so."""
        if message["type"] == "speech_state":
            self._speaking = message["state"] == "speaking"
        if message["type"] == "audio_response" and self._speaking:
            return [{"type": "interrupted", "reason": "barge_in"}, message]
        return [message]


class GoesOnAfterInterrupt(Misbehaviour):
    """A piece of sound after ``interrupted``, before the finals."""

    def __init__(self) -> None:
        super().__init__()
        self._sound: Message | None = None

    def to_client(self, message: Message) -> Iterable[Message]:
        """Send the last piece once more."""
        if message["type"] == "audio_response":
            self._sound = message
        if message["type"] == "interrupted" and self._sound:
            return [message, self._sound]
        return [message]


class CancelsAll(Misbehaviour):
    """``interrupt`` cancels whatever was said."""

    def __init__(self) -> None:
        super().__init__()
        self._cancelled = False

    def to_client(self, message: Message) -> Iterable[Message]:
        """Drop the next turn."""
        self._cancelled |= message["type"] == "interrupted"
        return [] if self._cancelled and message["type"] in TURN else [message]


class InterruptsOnce(Misbehaviour):
    """Only the first ``interrupt`` is answered."""

    def __init__(self) -> None:
        super().__init__()
        self._answered = False

    def to_client(self, message: Message) -> Iterable[Message]:
        """Drop the others."""
        if message["type"] != "interrupted":
            return [message]
        answered, self._answered = self._answered, True
        return [] if answered else [message]


class FinishesAtClose(Misbehaviour):
    """``close`` brings the finals of the open turn."""

    def message_to_server(self, message: Message) -> Iterable[Message]:
        """Send them first."""
        if message["type"] == "close" and self.connected:
            self.reply({"type": "turn_complete", "inputText": "", "outputText": ""})
        return [message]


class Echoes(Misbehaviour):
    """What is said comes back in its own language."""

    def __init__(self) -> None:
        super().__init__()
        self._final: Message = {}

    def to_client(self, message: Message) -> Iterable[Message]:
        """Say it again."""
        if is_final(message, INPUT):
            self._final = message
        if is_final(message, OUTPUT):
            return [{**self._final, "type": OUTPUT}]
        return [message]


class JsonForBinary(Misbehaviour):
    """``audio_response`` although binary frames were asked for."""

    def to_client(self, message: Message) -> Iterable[Message]:
        """Wrap them."""
        if "pcm" not in message:
            return [message]
        data = base64.b64encode(message["pcm"]).decode()
        return [{"type": "audio_response", "data": data, "sampleRate": 24000}]


class RepeatsTurns(Misbehaviour):
    """Every turn comes a second time."""

    def __init__(self) -> None:
        super().__init__()
        self._turn: list[Message] = []

    def to_client(self, message: Message) -> Iterable[Message]:
        """Say it again."""
        if message["type"] not in TURN:
            return [message]
        self._turn.append(message)
        if message["type"] != "turn_complete":
            return [message]
        again, self._turn = self._turn, []
        return [message, *again]
