"""One session from file to file: streams a recording in real time and takes down what comes back."""

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

from client.connection import Connection, open_connection
from client.errors import ClientError, InputError, ServerError
from client.pacing import Clock, MonotonicClock, paced
from client.playback import PLAYBACK_RATE_HZ, Playback
from client.summary import Summary, write_transcript
from client.turns import TurnTracker
from client.view import View
from client.wav import Recording, read_wav, write_wav
from client.wire import Event, Notice, Sound
from protocol.messages import InitConfig, Interrupted, SpeechState

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
        wav_path: The recording, see :func:`client.wav.read_wav`.
        url: Of the server's websocket.
        out_path: Where to write the interpretation: mono 16 bit WAV at 24000 Hz on the recording's time line;
            ``None`` for nowhere.
        transcript_path: Where to write one JSON object for each turn; ``None`` for nowhere.
        language: The language spoken to the interpreter, or ``"auto"`` for either of the pair.
        chunk_ms: Length of the chunks that are sent.
        patience: How long to wait in the end.
    """

    wav_path: Path
    url: str
    out_path: Path | None = None
    transcript_path: Path | None = None
    language: str = "auto"
    chunk_ms: int = 20
    patience: Patience = field(default_factory=Patience)


async def interpret(job: InterpretJob, view: View, clock: Clock | None = None) -> Summary:
    """Runs a session to its end and writes what the job asks for, also where the session fails on its way.

    Raises:
        InputError: The recording cannot be read or an output cannot be written; nothing was sent.
        ServerError: The server cannot be reached, fails, or leaves a turn undone.
        ClientError: An output cannot be written in the end.
    """
    for path in (job.out_path, job.transcript_path):
        _check_writable(path, job.wav_path)
    if job.out_path is not None and job.out_path == job.transcript_path:
        raise InputError(f"expected two files for interpretation and transcript, got {job.out_path} twice")
    recording = await asyncio.to_thread(read_wav, job.wav_path)
    session = _Session(job, recording, view, clock or MonotonicClock())
    try:
        async with open_connection(job.url) as connection:
            await session.run(connection)
    except ClientError as error:
        view.ended(f"failed: {error}")
        raise
    view.ended("done")
    return session.summary()


class _Session:
    """What is known of a running session."""

    def __init__(self, job: InterpretJob, recording: Recording, view: View, clock: Clock) -> None:
        self._job = job
        self._recording = recording
        self._view = view
        self._clock = clock
        self._turns = TurnTracker()
        self._playback = Playback()
        self._warnings: list[str] = []
        self._started_secs = 0.0
        self._last_activity_secs = 0.0

    async def run(self, connection: Connection) -> None:
        config = InitConfig(
            language=self._job.language, sample_rate=self._recording.rate_hz, audio_encoding="binary"
        )
        await connection.open_session(config)
        self._started_secs = self._clock.now_secs()
        self._view.started(self._recording.duration_secs)
        try:
            await self._talk(connection)
        finally:
            self._write_outputs()
        await connection.end()

    def summary(self) -> Summary:
        return Summary(
            tuple(self._turns.finished),
            self._recording.duration_secs,
            self._playback.heard_secs,
            tuple(self._warnings),
        )

    async def _talk(self, connection: Connection) -> None:
        listening = asyncio.create_task(self._listen(connection))
        speaking = asyncio.create_task(self._speak_and_settle(connection))
        try:
            await asyncio.wait((listening, speaking), return_when=asyncio.FIRST_COMPLETED)
            for task in (listening, speaking):
                if task.done():
                    task.result()
        finally:
            listening.cancel()
            speaking.cancel()
            await asyncio.gather(listening, speaking, return_exceptions=True)

    async def _speak_and_settle(self, connection: Connection) -> None:
        await self._speak(connection)
        await self._settle()

    async def _speak(self, connection: Connection) -> None:
        chunks = paced(self._recording, self._job.chunk_ms, self._clock, self._started_secs)
        async for spoken_secs, pcm in chunks:
            await connection.send_audio(pcm)
            self._view.sent(spoken_secs)

    async def _settle(self) -> None:
        """Returns once all turns are done."""
        self._view.waiting()
        patience = self._job.patience
        sent_secs = self._last_activity_secs = self._now_secs()
        while not self._done(patience.quiet_secs):
            if self._now_secs() - sent_secs > patience.limit_secs:
                raise ServerError(
                    f"expected all turns within {patience.limit_secs:.0f} s of the end of the recording, but "
                    f"{self._unfinished()}; look at the server's log"
                )
            await self._clock.sleep(_POLL_SECS)

    def _done(self, quiet_secs: float) -> bool:
        return self._turns.idle and self._now_secs() - self._last_activity_secs >= quiet_secs

    def _unfinished(self) -> str:
        if self._turns.live:
            return f"turn {self._turns.live.index} has no 'turn_complete'"
        return f"the server is still busy (state '{self._turns.state}')"

    async def _listen(self, connection: Connection) -> None:
        async for event in connection.events():
            self._last_activity_secs = self._now_secs()
            self._take(event, self._last_activity_secs)

    def _take(self, event: Event, at_secs: float) -> None:
        match event:
            case Sound(pcm=pcm):
                self._playback.queue(pcm, at_secs)
            case Interrupted():
                self._playback.interrupt(at_secs)
            case Notice(code=code, message=message):
                self._warnings.append(f"{code}: {message}")
                self._view.warning(self._warnings[-1])
            case SpeechState(state=state):
                self._view.state(state, at_secs)
        self._follow_turns(event, at_secs)

    def _follow_turns(self, event: Event, at_secs: float) -> None:
        finished, live = len(self._turns.finished), self._turns.live
        self._turns.apply(event, at_secs)
        for turn in self._turns.finished[finished:]:
            self._view.finished(turn)
        if self._turns.live is not live:
            self._view.live(self._turns.live)

    def _now_secs(self) -> float:
        return self._clock.now_secs() - self._started_secs

    def _write_outputs(self) -> None:
        if self._job.transcript_path is not None:
            write_transcript(self._job.transcript_path, self._turns.finished)
        if self._job.out_path is not None:
            heard = self._playback.rendered(min_secs=self._recording.duration_secs)
            write_wav(self._job.out_path, heard, PLAYBACK_RATE_HZ)


def _check_writable(path: Path | None, wav_path: Path) -> None:
    """Refuses an output before half a minute of speech has been sent for nothing."""
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"expected a file to write to, but {path} is a directory; name a file in it")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: the directory {path.parent} does not exist; create it")
    if path.exists() and wav_path.exists() and path.samefile(wav_path):
        raise InputError(f"expected an output other than the recording, got {path} for both")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"cannot write {path}: permission denied; choose another place")
