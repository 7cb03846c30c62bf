"""Texts read aloud by the model that interprets: for callers, who can't be shown any.

One short session for each text, whose sound is kept for as long as the process runs: announcements are few, and the
same for everybody.
"""

import asyncio
import logging
from collections import OrderedDict
from contextlib import aclosing
from typing import TypeGuard

from gemini.connector import OUTPUT_RATE_HZ, Connector, LiveConfig, LiveConnection
from gemini.errors import FailureKind, UpstreamError
from gemini.events import GenerationComplete, Interrupted, TargetAudio, TurnComplete, UpstreamEvent
from gemini.rejections import REMEMBERED_SECS

logger = logging.getLogger(__name__)

_INSTRUCTION = (
    "You read announcements aloud on the telephone. Read each text that you are sent once, word for word, in the"
    " language in which it is written, clearly and calmly. Say nothing else: no greeting, no answer, no"
    " translation."
)
_KEPT_TEXTS = 64
_SILENT_SECS = REMEMBERED_SECS
"""How long a text that could not be read is silence, as a refused model is: each try costs a session, and its
callers the wait."""
_LONGEST_SECS = 60
"""Of sound; a model that goes on beyond it is not reading what it was sent."""
_SAMPLE_BYTES = 2


class Announcer:
    """Knows what announcements sound like."""

    def __init__(self, connector: Connector, *, model: str, voice: str | None, timeout_secs: float):
        """Make one that has read nothing yet.

        Args:
            connector: Opens sessions.
            model: Name of a dialogue model.
            voice: Name of a prebuilt voice; ``None``: the model's default.
            timeout_secs: How long reading one text may take, connecting included.
        """
        self._connector = connector
        self._config = LiveConfig(model, _INSTRUCTION, voice=voice, manual_activity=False)
        self._timeout_secs = timeout_secs
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._readings: dict[str, asyncio.Task[bytes | None]] = {}

    async def speech(self, text: str) -> bytes | None:
        """``text`` as PCM s16le mono at :data:`~gemini.connector.OUTPUT_RATE_HZ`.

        Asked for by several at once it is read once; a text that could not be read is tried again half a minute
        later at the earliest. Never raises for what the upstream does.

        Returns:
            The sound; ``None`` where there is none to be had, which the log says.
        """
        if text in self._kept:
            self._kept.move_to_end(text)
            return self._kept[text]
        if text not in self._readings:
            self._readings[text] = reading = asyncio.create_task(self._read(text))
            reading.add_done_callback(lambda _: self._note_read(text))
        return await asyncio.shield(self._readings[text])

    async def stop(self) -> None:
        """Give up what is being read."""
        readings = [*self._readings.values()]
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)

    def _note_read(self, text: str) -> None:
        if text in self._kept:
            del self._readings[text]
        else:
            asyncio.get_running_loop().call_later(_SILENT_SECS, self._readings.pop, text)

    async def _read(self, text: str) -> bytes | None:
        try:
            async with asyncio.timeout(self._timeout_secs):
                sound = await self._ask(text)
        except (UpstreamError, TimeoutError) as error:
            detail = f"not read within {self._timeout_secs:g} s" if isinstance(error, TimeoutError) else str(error)
            logger.warning("announcement not spoken", extra={"fields": {"detail": detail}})
            return None
        self._kept[text] = sound
        while len(self._kept) > _KEPT_TEXTS:
            self._kept.popitem(last=False)
        return sound

    async def _ask(self, text: str) -> bytes:
        connection = await self._connector.connect(self._config)
        try:
            await connection.send_text(text)
            return await _sound_of(connection)
        finally:
            await connection.close()


async def _sound_of(connection: LiveConnection) -> bytes:
    """The sound of one turn.

    Raises:
        UpstreamError: There is none, not all of it, or far too much.
    """
    sound = bytearray()
    async with aclosing(connection.receive()) as messages:
        async for events in messages:
            sound += b"".join(event.pcm for event in events if _is_sound(event))
            if len(sound) > _LONGEST_SECS * OUTPUT_RATE_HZ * _SAMPLE_BYTES or _has(events, Interrupted):
                raise UpstreamError(FailureKind.UNAVAILABLE, "the model broke off, or did not end")
            if _has(events, GenerationComplete, TurnComplete):
                break
    if not sound:
        raise UpstreamError(FailureKind.UNAVAILABLE, "the model said nothing")
    return bytes(sound)


def _is_sound(event: UpstreamEvent) -> TypeGuard[TargetAudio]:
    return isinstance(event, TargetAudio) and event.sample_rate_hz == OUTPUT_RATE_HZ


def _has(events: list[UpstreamEvent], *kinds: type[UpstreamEvent]) -> bool:
    return any(isinstance(event, kinds) for event in events)
