"""Speaks to a translate session as a microphone does: without end, 100 ms at a time, and never ahead of it."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from emulator import Emulator
from tests.emulator.talker import BLOCK_BYTES, Talker, talking

MODEL = "gemini-3.5-live-translate-preview"
CHUNK_MS = 250
CHUNK_BYTES = CHUNK_MS * 48
_BLOCK_MS = 100


class Speaking:
    """A client that hears each chunk before it says more, so that the speed of the machine changes nothing.

    Attributes:
        talker: Its connection.
        spoken_ms: How much it has said.
    """

    def __init__(self, talker: Talker) -> None:
        self.talker = talker
        self.spoken_ms = 0

    async def say(self, pcm: bytes) -> None:
        """Say something; whole blocks only."""
        for at in range(0, len(pcm) // BLOCK_BYTES * BLOCK_BYTES, BLOCK_BYTES):
            await self.talker.audio(pcm[at : at + BLOCK_BYTES])
            self.spoken_ms += _BLOCK_MS
            await self.talker.until(lambda: len(self.talker.sound) >= self.spoken_ms // CHUNK_MS * CHUNK_BYTES)

    async def pause(self, secs: float) -> None:
        """Say nothing, which is sound, too."""
        await self.say(bytes(round(secs * 10) * BLOCK_BYTES))

    def codes(self, kind: str) -> set[str]:
        """The language codes of a kind of transcription."""
        return {content[kind]["languageCode"] for content in self.talker.contents if kind in content}

    def text(self, kind: str) -> str:
        """All of a kind of transcription, without the blank before it."""
        return "".join(self.talker.texts(kind)).strip()


def into(target: str | None, *, echo: bool = False) -> dict[str, Any]:
    """A ``generationConfig`` that interprets into a language; None for one that names none."""
    translation = {"targetLanguageCode": target, "echoTargetLanguage": echo} if target else {}
    return {"responseModalities": ["AUDIO"], "translationConfig": translation}


@contextlib.asynccontextmanager
async def _speaking(emulator: Emulator, generation: dict[str, Any]) -> AsyncIterator[Speaking]:
    async with talking(emulator, model=MODEL, generationConfig=generation, realtimeInputConfig=None) as talker:
        yield Speaking(talker)


def speaking(emulator: Emulator, generation: dict[str, Any]) -> AbstractAsyncContextManager[Speaking]:
    """Connect to the translate model."""
    return _speaking(emulator, generation)
