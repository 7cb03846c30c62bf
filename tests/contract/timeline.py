"""A connection whose every event is written down with its time, and the figures that follow from it."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from unittest import mock

from google.genai.types import LiveServerMessage

from gemini.connector import INPUT_RATE_HZ, LiveConnection
from gemini.errors import UpstreamError
from gemini.events import Resumable, TargetAudio, UpstreamEvent, Usage, parse
from tests.support.pcm import chunks_of

Line = dict[str, Any]
"""``at_ms`` since the connection was open, ``what`` happened, and what is known of it."""
END_OF_SPEECH = "end of speech"
_FIGURES = {
    "first_source_ms": "SourceText",
    "first_target_ms": "TargetText",
    "first_audio_ms": "TargetAudio",
    "generation_complete_ms": "GenerationComplete",
    "turn_complete_ms": "TurnComplete",
}
_TOLD_VALUES = {"interaction_status", "mime_type", "time_left", "turn_complete_reason"}


class Timeline:
    """What goes over one connection, line by line; sound that comes without a break is one line.

    Attributes:
        lines: So far.
        ended: How the connection was lost, if it was.
    """

    def __init__(self, connection: LiveConnection):
        """Receive from ``connection`` from here on."""
        self.lines: list[Line] = []
        self.ended: UpstreamError | None = None
        self._connection = connection
        self._now = asyncio.get_running_loop().time
        self._opened_at = self._heard_at = self._now()
        self._news = asyncio.Event()
        self._closing = False
        self._receiver = asyncio.create_task(self._receive())

    async def send(
        self, pcm: bytes, *, marked: bool = True, speech: bool = True, speed: float | None = None
    ) -> None:
        """Send sound. A connection that is lost on the way is noted, and no error.

        Args:
            pcm: The sound.
            marked: It is an utterance; else it comes without marks.
            speech: Its end is noted as the end of speech.
            speed: In times real time; ``None``: all at once.
        """
        try:
            if marked:
                await self._connection.send_activity_start()
            await self._send_audio(pcm, speed)
            if marked:
                await self._connection.send_activity_end()
        except UpstreamError as error:
            self._end(error)
        if speech:
            self._note(END_OF_SPEECH, sent_ms=len(pcm) // 2 * 1000 // INPUT_RATE_HZ)

    async def until(self, *kinds: str, at_most_secs: float) -> bool:
        """Wait for a line of one of these kinds after the last end of speech; whether it came in time."""
        try:
            async with asyncio.timeout(at_most_secs):
                while not any(line["what"] in kinds for line in _after_speech(self.lines)):
                    await self._next()
        except TimeoutError:
            return False
        return self.ended is None

    async def until_quiet(self, quiet_secs: float, *, at_most_secs: float) -> None:
        """Wait until nothing came for a while, counts and handles aside, or the connection is lost."""
        stop_at = self._now() + at_most_secs
        self._heard_at = self._now()
        while self.ended is None and (until := min(self._heard_at + quiet_secs, stop_at)) > self._now():
            try:
                async with asyncio.timeout_at(until):
                    await self._next()
            except TimeoutError:
                continue

    async def close(self) -> None:
        """Close the connection."""
        self._closing = True
        await self._connection.close()
        await self._receiver

    async def _send_audio(self, pcm: bytes, speed: float | None) -> None:
        started_at = self._now()
        for number, chunk in enumerate(chunks_of(pcm, 20 if speed else 60_000, INPUT_RATE_HZ), 1):
            await self._connection.send_audio(chunk)
            if speed:
                await asyncio.sleep(max(0.0, started_at + number * 0.02 / speed - self._now()))

    async def _next(self) -> None:
        self._news.clear()
        if self.ended is None:
            await self._news.wait()

    async def _receive(self) -> None:
        try:
            async for events in self._connection.receive():
                for event in events:
                    self._take(event)
                self._news.set()
        except UpstreamError as error:
            self._end(error)

    def _take(self, event: UpstreamEvent) -> None:
        if not isinstance(event, Resumable | Usage):
            self._heard_at = self._now()
        if isinstance(event, TargetAudio):
            self._note_audio(event)
        elif isinstance(event, Resumable):
            self._note("Resumable")
        else:
            self._note(type(event).__name__, **asdict(event))

    def _note_audio(self, event: TargetAudio) -> None:
        if not self.lines or self.lines[-1]["what"] != "TargetAudio":
            self._note("TargetAudio", audio_ms=0.0, pieces=0, sample_rate_hz=event.sample_rate_hz)
        line = self.lines[-1]
        line["audio_ms"] = round(line["audio_ms"] + len(event.pcm) / 2 / event.sample_rate_hz * 1000, 1)
        line["pieces"] += 1
        line["until_ms"] = self._ms()

    def _end(self, error: UpstreamError) -> None:
        if self.ended is None and not self._closing:
            self.ended = error
            self._note("lost", kind=error.kind.value, detail=str(error))
        self._news.set()

    def _note(self, what: str, **details: Any) -> None:
        self.lines.append({"at_ms": self._ms(), "what": what, **details})

    def _ms(self) -> int:
        return round((self._now() - self._opened_at) * 1000)


def figures(lines: Sequence[Line]) -> dict[str, Any]:
    """What the lines say in short: times in ms since the last end of speech; what did not come is left out."""
    after = _after_speech(lines)
    ended_at = after[0]["at_ms"] if after else 0
    found: dict[str, Any] = {}
    for figure, kind in _FIGURES.items():
        times = [line["at_ms"] for line in after if line["what"] == kind]
        if times:
            found[figure] = times[0] - ended_at
    sound = [line for line in lines if line["what"] == "TargetAudio"]
    texts = [line for line in lines if line["what"] in ("SourceText", "TargetText")]
    return found | {
        "audio_ms": round(sum(line["audio_ms"] for line in sound)),
        "source": _joined(lines, "SourceText"),
        "target": _joined(lines, "TargetText"),
        "finished": any(line["finished"] for line in texts),
        "language_codes": sorted({line["language"] for line in texts if line["language"]}),
        "counts": dict(Counter(line["what"] for line in lines)),
    }


@contextmanager
def fields_seen() -> Iterator[Counter[str]]:
    """Count, while the block runs, which fields Google's messages have: more than the events of the seam tell."""
    seen: Counter[str] = Counter()

    def note_and_parse(message: LiveServerMessage) -> list[UpstreamEvent]:
        seen.update(set(_fields(message.model_dump(exclude_none=True, mode="json"), "")))
        return parse(message)

    with mock.patch("gemini.genai_connector.parse", note_and_parse):
        yield seen


def _fields(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from _fields(below, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for below in value:
            yield from _fields(below, path)
    else:
        yield f"{path}={value}" if path.rsplit(".", 1)[-1] in _TOLD_VALUES else path


def _after_speech(lines: Sequence[Line]) -> Sequence[Line]:
    ends = [number for number, line in enumerate(lines) if line["what"] == END_OF_SPEECH]
    return lines[ends[-1] :] if ends else ()


def _joined(lines: Sequence[Line], kind: str) -> str:
    return "".join(line["text"] for line in lines if line["what"] == kind).strip()
