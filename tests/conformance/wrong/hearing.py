"""Servers that listen badly: parts for the cases in :mod:`tests.conformance.wrong.taking`."""

import asyncio
from collections.abc import Callable, Iterable

from tests.conformance.wrong.server import Frame, Message, Misbehaviour, as_message

_GAP_SECS = 0.4
MAX_MESSAGE_BYTES = 1_048_576


class RefusesConfig(Misbehaviour):
    """Refuses an ``init`` for something in it."""

    def __init__(self, refused: Callable[[Message], bool]):
        super().__init__()
        self._refused = refused

    def message_to_server(self, message: Message) -> Iterable[Message]:
        """Keep it back, and say that it is wrong."""
        if message["type"] != "init" or not self._refused(message):
            return [message]
        self.fault("INVALID_MESSAGE")
        return []


class RefusesToken(Misbehaviour):
    """Refuses every URL with a query."""

    def opened(self) -> None:
        """Look at it."""
        if self.query:
            self.end(1008)


class RefusesAll(Misbehaviour):
    """Answers every handshake with 401."""

    handshake_status = 401


class TakesAnyText(Misbehaviour):
    """Takes a text that is no UTF-8."""

    strict_text = False


class RefusesInitForGood(Misbehaviour):
    """After a refused ``init`` no other one is taken."""

    def to_client(self, message: Message) -> Iterable[Message]:
        """End it."""
        if message["type"] == "error" and not self.connected:
            self.end(1008)
        return [message]


class EndsAtErrors(Misbehaviour):
    """Closes the connection after any error."""

    def to_client(self, message: Message) -> Iterable[Message]:
        """End it."""
        if message["type"] == "error":
            self.end(1008)
        return [message]


class EndsEverybody(Misbehaviour):
    """Ends all connections when it ends one."""

    everybody: "set[EndsEverybody]" = set()  # noqa: RUF012 - shared on purpose

    def opened(self) -> None:
        """Count it."""
        self.everybody.add(self)

    def to_client(self, message: Message) -> Iterable[Message]:
        """End the others at a fatal error, as soon as they say something."""
        if message.get("code") == "UNSUPPORTED_LANGUAGE":
            for other in self.everybody:
                other.end(1011)
        return [message]


class Unlimited(Misbehaviour):
    """Knows no limit: what it was asked too much of stays open, and silent."""

    def to_client(self, message: Message) -> Iterable[Message]:
        """Keep the error to itself."""
        return [] if message.get("code") in ("RATE_LIMITED", "INIT_TIMEOUT", "MESSAGE_TOO_LARGE") else [message]

    def close_code(self, code: int) -> int | None:
        """Stay."""
        return None


class CountsTooFew(Misbehaviour):
    """Takes fewer errors than it says."""

    def __init__(self) -> None:
        super().__init__()
        self._errors = 0

    def to_client(self, message: Message) -> Iterable[Message]:
        """End it at the tenth."""
        self._errors += message["type"] == "error"
        if self._errors == 10:
            self.fault("RATE_LIMITED")
            self.end(1008)
        return [message]


class Measures(Misbehaviour):
    """Has a lower limit of size than it says."""

    def to_server(self, frame: Frame) -> Iterable[Frame]:
        """Send a large one away."""
        if len(frame) < MAX_MESSAGE_BYTES:
            return [frame]
        self.fault("MESSAGE_TOO_LARGE")
        self.end(1009)
        return []


class Swallows(Misbehaviour):
    """Answers nothing to some frames."""

    def __init__(self, swallowed: Callable[["Swallows", Frame, Message | None], bool]):
        super().__init__()
        self._swallowed = swallowed
        self.inits = 0

    def to_server(self, frame: Frame) -> Iterable[Frame]:
        """Drop them."""
        message = as_message(frame)
        self.inits += message is not None and message["type"] == "init"
        return [] if self._swallowed(self, frame, message) else [frame]


class Answers(Misbehaviour):
    """Answers some frames with an error of its own choice."""

    def __init__(self, code: str, chosen: Callable[["Answers", Frame, Message | None], bool]):
        super().__init__()
        self._code = code
        self._chosen = chosen

    def to_server(self, frame: Frame) -> Iterable[Frame]:
        """Keep them back."""
        if not self._chosen(self, frame, as_message(frame)):
            return [frame]
        self.fault(self._code)
        return []


class Deaf(Misbehaviour):
    """Loses some chunks of audio.

    Args:
        lost: Given the connection and the chunk's length in seconds, whether it is lost.
    """

    def __init__(self, lost: Callable[["Deaf", float], bool]):
        super().__init__()
        self._lost = lost
        self.heard_secs = 0.0
        self.errors = 0
        self.gap = False
        self._last_at: float | None = None

    def to_server(self, frame: Frame) -> Iterable[Frame]:
        """Drop them."""
        message = as_message(frame)
        if isinstance(frame, str) and (message is None or message["type"] != "audio"):
            return [frame]
        secs = _chunk_secs(frame, message, int(self.config.get("sampleRate", 16_000)))
        now = asyncio.get_running_loop().time()
        self.gap |= self._last_at is not None and now - self._last_at > _GAP_SECS
        self._last_at = now
        lost = self._lost(self, secs)
        self.heard_secs += secs
        return [] if lost else [frame]

    def to_client(self, message: Message) -> Iterable[Message]:
        """Count errors."""
        self.errors += message["type"] == "error"
        return [message]


class WaitsForAudio(Misbehaviour):
    """Answers only who goes on sending."""

    def __init__(self) -> None:
        super().__init__()
        self._heard_at = 0.0

    def message_to_server(self, message: Message) -> Iterable[Message]:
        """Note when audio came."""
        if message["type"] == "audio":
            self._heard_at = asyncio.get_running_loop().time()
        return [message]

    def to_client(self, message: Message) -> Iterable[Message]:
        """Drop what comes in a gap."""
        gap_secs = asyncio.get_running_loop().time() - self._heard_at
        return [] if message["type"] == "turn_complete" and gap_secs > _GAP_SECS else [message]


class HearsVoices(Misbehaviour):
    """Takes silence for speech."""

    def __init__(self) -> None:
        super().__init__()
        self._chunks = 0

    def message_to_server(self, message: Message) -> Iterable[Message]:
        """Say so."""
        self._chunks += message["type"] == "audio"
        if self._chunks == 50:
            self.reply({"type": "turn_complete", "inputText": "Bye.", "outputText": "Bye."})
        return [message]


def _chunk_secs(frame: Frame, message: Message | None, rate_hz: int) -> float:
    size = len(frame) if message is None else len(str(message.get("data", ""))) * 3 // 4
    return size / 2 / rate_hz


def deaf(lost: Callable[[Deaf, float], bool]) -> Callable[[], Misbehaviour]:
    """Loses these chunks."""
    return lambda: Deaf(lost)


def swallows(chosen: Callable[[Swallows, Frame, Message | None], bool]) -> Callable[[], Misbehaviour]:
    """Ignores these frames."""
    return lambda: Swallows(chosen)


def answers(code: str, chosen: Callable[[Answers, Frame, Message | None], bool]) -> Callable[[], Misbehaviour]:
    """Answers these frames with an error."""
    return lambda: Answers(code, chosen)


def refuses(refused: Callable[[Message], bool]) -> Callable[[], Misbehaviour]:
    """Refuses these ``init``."""
    return lambda: RefusesConfig(refused)
