"""A translating model in memory: it says what it hears a while later, second by second, and never ends a turn."""

import asyncio

import numpy as np

from gemini.events import SourceText, TargetAudio, TargetText, UpstreamEvent
from tests.support.fake_upstream import FakeConnection

_INPUT_BYTES_PER_SEC = 32_000
_OUTPUT_RATE_HZ = 24_000
_STEP_SECS = 0.25


class FakeTranslation:
    """What a connection says, by the sound that goes up: 250 ms for each that it hears, silence included.

    Every second that held sound becomes a fragment of the source text at once, and ``lag_secs`` later one of the
    target text, with a second of sound. Words and samples tell at which second of the loop's time it was heard;
    every fifth fragment ends a sentence, and with a pause of 250 ms.
    """

    def __init__(self, connection: FakeConnection, *, lag_secs: int = 2):
        """Speak over ``connection`` from here on."""
        self._connection = connection
        self._lag_secs = lag_secs
        self._steps = 0
        self._heard = bytearray()
        self._second = bytearray()
        self._due: dict[int, int] = {}
        self._saying: int | None = None
        connection.on_audio = self._hear

    def _hear(self, pcm: bytes) -> None:
        self._heard += pcm
        step_bytes = int(_INPUT_BYTES_PER_SEC * _STEP_SECS)
        while len(self._heard) >= step_bytes:
            self._second += self._heard[:step_bytes]
            del self._heard[:step_bytes]
            self._steps += 1
            self._connection.say(*self._step())

    def _step(self) -> list[UpstreamEvent]:
        events: list[UpstreamEvent] = []
        if self._steps % 4 == 0:
            self._saying = self._due.pop(self._steps // 4, None)
            if any(self._second):
                number = round(asyncio.get_running_loop().time())
                self._due[self._steps // 4 + self._lag_secs] = number
                events.append(SourceText(_fragment("said", number), language="en"))
            self._second.clear()
            if self._saying is not None:
                events.append(TargetText(_fragment("말", self._saying), language="ko"))
        return [*events, TargetAudio(self._sound(), _OUTPUT_RATE_HZ)]

    def _sound(self) -> bytes:
        pausing = self._saying is not None and self._saying % 5 == 0 and self._steps % 4 == 3
        level = 0 if pausing else self._saying or 0
        samples = np.full(int(_OUTPUT_RATE_HZ * _STEP_SECS), level, "<i2")
        return bytes(samples.tobytes())


def _fragment(word: str, number: int) -> str:
    return f" {word}{number}" + ("." if number % 5 == 0 else "")
