"""One session from speech to files: streams a recording or a microphone and takes down what comes back."""

import asyncio
import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from client.connection import Connection, open_connection
from client.errors import ClientError, ServerError
from client.fast import FastPace
from client.outputs import Outputs
from client.pacing import Clock, MonotonicClock, Pacer, real_time
from client.playback import Playback
from client.sources import Input, Source
from client.stopping import Stop, StoppedError
from client.summary import Summary
from client.timeline import AudioTimeline
from client.turns import Turn, TurnTracker
from client.view import View
from client.wire import Event, Notice, Sound
from protocol.messages import SAMPLE_BYTES, InitConfig, Interrupted, SpeechState

_POLL_SECS = 0.05


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for the last turns once everything has been sent.

    Attributes:
        quiet_secs: All turns are done after this long without any message while nobody speaks and none is open.
        limit_secs: After this long a turn that is still not done is a failure.
    """

    quiet_secs: float = 3.0
    limit_secs: float = 60.0


@dataclass(frozen=True, slots=True)
class InterpretJob:
    """What to interpret, by whom, and what to write.

    Attributes:
        input: The speech.
        url: Of the server's websocket.
        outputs: What to write.
        recordings: Files that no output may overwrite.
        language: The language spoken to the interpreter, or ``"auto"`` for either of the pair.
        chunk_ms: Length of the chunks that are sent.
        fast_rate: How many seconds of audio to send in a second where nothing is outstanding, see
            :mod:`client.fast`; ``None``: real time.
        patience: How long to wait in the end.
        target_language: The language that is to come out; ``None``: the other one of the server's pair.
        engine: Name of the server's pipeline; ``None``: its default.
    """

    input: Input
    url: str
    outputs: Outputs
    recordings: Collection[Path] = ()
    language: str = "auto"
    chunk_ms: int = 20
    fast_rate: float | None = None
    patience: Patience = field(default_factory=Patience)
    target_language: str | None = None
    engine: str | None = None


async def interpret(job: InterpretJob, view: View, clock: Clock | None = None, stop: Stop | None = None) -> Summary:
    """Runs a session until all is interpreted, or the user wants no more, and writes what came.

    Raises:
        InputError: The speech cannot be had or an output cannot be written; nothing was sent.
        ServerError: The server cannot be reached, fails, or leaves a turn undone; what came is written.
        ClientError: The speech breaks off, or an output cannot be written in the end.
    """
    stop = stop or Stop()
    try:
        job.outputs.check(job.recordings)
        source = await asyncio.to_thread(job.input.open)
        async with contextlib.AsyncExitStack() as stack:
            connection = await stop.unless_asked(stack.enter_async_context(open_connection(job.url)))
            session = _Session(job, source, connection, view, clock or MonotonicClock())
            await session.run(stop)
            summary = session.summary()
    except StoppedError:
        summary = Summary((), 0.0, 0.0, stopped=True)
    except ClientError as error:
        view.ended(f"failed: {error}")
        raise
    view.ended("stopped" if summary.stopped else "done")
    return summary


class _Session:
    """What is known of a running session."""

    def __init__(self, job: InterpretJob, source: Source, connection: Connection, view: View, clock: Clock) -> None:
        self._job = job
        self._source = source
        self._connection = connection
        self._view = view
        self._clock = clock
        self._turns = TurnTracker()
        self._playback = Playback()
        self._warnings: list[str] = []
        self._timeline = AudioTimeline(0.0, 0.0)
        self._sent_samples = 0
        self._round_trip_secs = 0.0
        self._last_activity_secs = 0.0
        self._stopped = False

    async def run(self, stop: Stop) -> None:
        await stop.unless_asked(self._begin())
        try:
            await stop.unless_asked(self._talk())
        except StoppedError:
            self._stopped = True
        finally:
            self._turns.end(self._timeline.position_secs(self._clock.now_secs()))
            self._job.outputs.write(self._timed_turns(), self._playback, min_secs=self._sent_secs)
        with contextlib.suppress(ServerError) if self._stopped else contextlib.nullcontext():
            await self._connection.end()

    def summary(self) -> Summary:
        turns = [turn for turn in self._timed_turns() if turn.completed_secs is not None]
        return Summary(
            tuple(turns), self._sent_secs, self._playback.heard_secs, tuple(self._warnings), self._stopped
        )

    async def _begin(self) -> None:
        config = InitConfig(language=self._job.language, sample_rate=self._source.rate_hz, audio_encoding="binary")
        chosen = {"target_language": self._job.target_language, "engine": self._job.engine}
        await self._connection.open_session(config.model_copy(update=chosen))
        self._round_trip_secs = await self._connection.round_trip_secs()
        self._timeline = AudioTimeline(self._clock.now_secs(), self._room_secs())
        self._view.started(self._source.duration_secs)

    async def _talk(self) -> None:
        listening = asyncio.create_task(self._listen())
        speaking = asyncio.create_task(self._speak_and_settle())
        try:
            await asyncio.wait((listening, speaking), return_when=asyncio.FIRST_COMPLETED)
            for task in (listening, speaking):
                if task.done():
                    task.result()
        finally:
            listening.cancel()
            speaking.cancel()
            await asyncio.gather(listening, speaking, return_exceptions=True)

    # Speaking

    async def _speak_and_settle(self) -> None:
        await self._speak()
        self._timeline.finished(self._clock.now_secs())
        await self._settle()

    async def _speak(self) -> None:
        async for chunk in self._source.chunks(self._job.chunk_ms, self._pacer()):
            if chunk.lost_ms:
                self._warn(f"SPEECH_LOST: {chunk.lost_ms} ms of speech were not taken from the microphone in time")
            await self._connection.send_audio(chunk.pcm)
            self._sent_samples += len(chunk.pcm) // SAMPLE_BYTES
            self._timeline.sent(self._sent_secs, self._clock.now_secs(), self._room_secs())
            self._view.sent(self._sent_secs)

    @property
    def _sent_secs(self) -> float:
        return self._sent_samples / self._source.rate_hz

    def _pacer(self) -> Pacer:
        now_secs = self._clock.now_secs()
        if self._job.fast_rate is None:
            return Pacer(self._clock, now_secs, real_time)
        pace = FastPace(self._job.fast_rate, self._turns)
        return Pacer(self._clock, now_secs, lambda: pace.rate(self._clock.now_secs(), self._sent_secs))

    def _room_secs(self) -> float:
        """How much audio the next chunk can hold."""
        chunk_secs = self._job.chunk_ms / 1000
        duration_secs = self._source.duration_secs
        return chunk_secs if duration_secs is None else min(chunk_secs, max(0.0, duration_secs - self._sent_secs))

    async def _settle(self) -> None:
        """Returns once all turns are done."""
        self._view.waiting()
        patience = self._job.patience
        since_secs = self._last_activity_secs = self._clock.now_secs()
        while not self._done(patience.quiet_secs):
            if self._clock.now_secs() - since_secs > patience.limit_secs:
                raise ServerError(
                    f"expected all turns within {patience.limit_secs:.0f} s of the end of the speech, but "
                    f"{self._unfinished()}; look at the server's log"
                )
            await self._clock.sleep(_POLL_SECS)

    def _done(self, quiet_secs: float) -> bool:
        return self._turns.idle and self._clock.now_secs() - self._last_activity_secs >= quiet_secs

    def _unfinished(self) -> str:
        if self._turns.live:
            return f"turn {self._turns.live.index} has no 'turn_complete'"
        return f"the server is still busy (state '{self._turns.state}')"

    # Listening

    async def _listen(self) -> None:
        async for event in self._connection.events():
            now_secs = self._last_activity_secs = self._clock.now_secs()
            heard_secs = self._timeline.position_secs(now_secs - self._round_trip_secs)
            self._take(event, self._timeline.position_secs(now_secs), heard_secs)

    def _take(self, event: Event, at_secs: float, heard_secs: float) -> None:
        finished, live = len(self._turns.finished), self._turns.live
        self._turns.apply(event, at_secs, heard_secs)
        match event:
            case Sound(pcm=pcm) if self._turns.live:
                self._playback.queue(pcm, at_secs, self._turns.live.index)
            case Interrupted():
                self._playback.interrupt(at_secs)
            case Notice(code=code, message=message):
                self._warn(f"{code}: {message}")
            case SpeechState(state=state):
                self._view.state(state, at_secs)
        for turn in self._timed_turns()[finished:] if len(self._turns.finished) > finished else ():
            self._view.finished(turn)
        if self._turns.live is not live:
            self._view.live(self._turns.live)

    def _warn(self, text: str) -> None:
        self._warnings.append(text)
        self._view.warning(text)

    # What came of it

    def _timed_turns(self) -> list[Turn]:
        turns = self._turns.timed(self._sent_secs)
        return [replace(turn, target_span=self._playback.span(turn.index)) for turn in turns]
