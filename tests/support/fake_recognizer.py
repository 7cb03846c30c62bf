"""A recogniser that answers what a test says, when the test says so."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from processors.recognizer import Recognized, Recognizer


@dataclass(eq=False)
class Asked:
    """One question to the recogniser.

    Attributes:
        pcm: The sound.
        languages: Those that it may be in.
        answer: To be set by the test.
    """

    pcm: bytes
    languages: tuple[str, ...]
    answer: "asyncio.Future[Recognized]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def secs(self) -> float:
        """How much sound."""
        return len(self.pcm) / 32_000

    def say(self, text: str, language: str = "ko") -> None:
        """This was said."""
        self.answer.set_result(Recognized(text, language))


class FakeRecognizer(Recognizer):
    """Knows every language.

    Attributes:
        asked: Every question, in order.
        free: Whether a thread is free.
    """

    def __init__(self) -> None:
        """Begin with no question."""
        super().__init__(1)
        self.asked: list[Asked] = []
        self.free = True

    @property
    def idle(self) -> bool:
        """As the test says."""
        return self.free

    def knows(self, languages: Iterable[str]) -> bool:
        """All of them."""
        return True

    async def recognize(self, pcm: bytes, languages: Sequence[str]) -> Recognized:
        """Wait for the test's answer."""
        self.asked.append(Asked(pcm, tuple(languages)))
        return await self.asked[-1].answer

    @property
    def open(self) -> list[Asked]:
        """Questions that wait for an answer."""
        return [asked for asked in self.asked if not asked.answer.done()]
