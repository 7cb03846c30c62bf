"""Where a caller types the code of a seat: what a call talks to until it sits in a room."""

import asyncio
import math
from collections.abc import Awaitable, Callable

from pipecat.frames.frames import InputAudioRawFrame

from pipelines.conversation import Line
from pipelines.jobs import Jobs
from pipelines.player import Player
from protocol.errors import ErrorCode, Fault

_TRIES = 3
_TYPING_SECS = 60
"""For all tries together."""
_LONGEST_CODE = 20
_ENTER, _ANEW = "#", "*"


class CodeDoor:
    """Asks for a code; a :class:`~pipelines.conversation.Conversation` in which nobody listens."""

    longest_gap_secs = math.inf

    def __init__(
        self, line: Line, prompt: Callable[[], Awaitable[list[bytes]]], enter: Callable[[str], Fault | None]
    ):
        """Make it; nobody is asked yet.

        Args:
            line: The caller's; fails after three wrong codes, or a minute.
            prompt: What asks: PCM s16le, mono, 24 kHz.
            enter: Tries a code: lets the caller in, or says why not.
        """
        self._line = line
        self._prompt = prompt
        self._enter = enter
        self._typed = ""
        self._tries_left = _TRIES
        self._player = Player(rate_hz=line.rate_hz, play=line.play, tell=line.tell, clear=line.clear)
        self._jobs = Jobs(line.fail)

    def start(self) -> None:
        """Ask."""
        self._jobs.start(self._player.run())
        self._jobs.start(self._ask())
        self._jobs.start(self._lose_patience())

    def press(self, key: str) -> None:
        """Take a key: a digit of the code, ``#`` after its last one, ``*`` to begin anew."""
        if key == _ENTER:
            self._try()
        elif key == _ANEW:
            self._typed = ""
        else:
            if not self._typed:
                self._player.interrupt()
            self._typed = (self._typed + key)[:_LONGEST_CODE]

    def _try(self) -> None:
        typed, self._typed = self._typed, ""
        if not typed:
            return
        if self._enter(typed) is None:
            return
        self._tries_left -= 1
        if self._tries_left:
            self._jobs.start(self._ask())
        else:
            self._line.fail(Fault(ErrorCode.RATE_LIMITED, f"{_TRIES} codes were wrong"))

    async def _ask(self) -> None:
        for sound in await self._prompt():
            self._player.announce(sound)

    async def _lose_patience(self) -> None:
        await asyncio.sleep(_TYPING_SECS)
        self._line.fail(Fault(ErrorCode.INIT_TIMEOUT, f"expected a code within {_TYPING_SECS} s"))

    # What a conversation can do, and a door can't

    def hear(self, frame: InputAudioRawFrame) -> None:
        """Nobody listens."""

    def interrupt(self) -> None:
        """Stop asking."""
        self._player.interrupt()

    def repeat(self) -> None:
        """Nothing was interpreted."""

    def swap(self) -> None:
        """There is no direction."""

    def announce(self, pcm: bytes) -> None:
        """Play this: PCM s16le, mono, 24 kHz."""
        self._player.announce(pcm)

    async def drained(self) -> None:
        """Nobody waits for anything."""

    async def stop(self) -> None:
        """Ask no more."""
        await self._jobs.stop()

    def queue_depths(self) -> dict[str, float]:
        """What waits to be played, in bytes."""
        return {"player": self._player.held_bytes}
