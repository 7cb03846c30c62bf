"""One Gemini Live session: the setup, what the client sends, and the turns that answer it.

Two activities run side by side: the reader, which takes frames and cuts utterances, and the answerer, which
performs one turn after the other. Whoever finds the session broken ends both.
"""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from emulator.answering import Answer, Answerer
from emulator.audio import INPUT_RATE_HZ
from emulator.detector import SpeechDetector
from emulator.hearing import Hearing
from emulator.options import EmulatorOptions, Refusal, Variant
from emulator.record import SessionRecord, UtteranceRecord
from emulator.recording import SessionRecorder
from emulator.setup import Setup, parse_setup
from emulator.turn import Step, Wanted, write_script
from emulator.wire import Endpoint, WireError, parse_audio, parse_frame, parse_realtime_input

_SHORT_TURN_MS = 200
_QUOTA_REASON = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this "
    "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."
)
_BAD_KEY = WireError(1007, "API key not valid. Please pass a valid API key.")
_NO_KEY = WireError(
    1008,
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API.",
)
_SETUP_REFUSALS = {
    "bad_key": _BAD_KEY,
    "1007": WireError(1007, "Request contains an invalid argument."),
    "1011": WireError(1011, "Internal error encountered."),
    "quota_setup": WireError(1011, _QUOTA_REASON),
}


class Handles(Protocol):
    """The resumption handles of all sessions."""

    def issue(self, record: SessionRecord) -> str:
        """A handle that resumes the session."""
        ...

    def owner(self, handle: str) -> SessionRecord | None:
        """The session of a handle; None for a handle that was never issued."""
        ...


class Ear(Protocol):
    """Finds the known clips in an utterance."""

    def hear(self, pcm: bytes, rate_hz: int) -> Hearing:
        """See ``hearing.ClipIndex.hear``."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What all sessions of an emulator share."""

    ear: Ear
    answerer: Answerer
    handles: Handles


@dataclass(slots=True)
class _Utterance:
    """An utterance on its way to its answer."""

    record: UtteranceRecord
    pcm: bytearray = field(default_factory=bytearray, repr=False)
    ended_at: float = 0.0


class Session:
    """One connection that was upgraded.

    Args:
        socket: The connection.
        endpoint: What was asked for.
        key: The API key or token as sent; empty without one.
        options: Fixed for the connection.
        refusal: How this connection is refused; None to serve it.
        services: Shared with the other sessions.
        record: Filled while the session runs.
        recorder: Where it is written to disk; None for nowhere.
    """

    def __init__(
        self,
        socket: ServerConnection,
        *,
        endpoint: Endpoint,
        key: str,
        options: EmulatorOptions,
        refusal: Refusal | None,
        services: Services,
        record: SessionRecord,
        recorder: SessionRecorder | None,
    ) -> None:
        self._socket = socket
        self._endpoint = endpoint
        self._key = key
        self._options = options
        self._refusal = refusal
        self._services = services
        self._record = record
        self._recorder = recorder
        self._setup: Setup | None = None
        self._detector: SpeechDetector | None = None
        self._open: _Utterance | None = None
        self._turns: asyncio.Queue[_Utterance] = asyncio.Queue()
        self._performing: asyncio.Task[None] | None = None
        self._performed: tuple[UtteranceRecord, Variant] | None = None
        self._background: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve the connection until it ends, for whatever reason; never raises for what a client did."""
        try:
            await self._serve()
        except WireError as error:
            await self._close(error.code, error.reason)
        except ConnectionClosed:
            pass
        finally:
            await self._finish()

    async def _serve(self) -> None:
        await self._set_up()
        if self._refusal == "mute":
            return
        answering = self._spawn(self._answer_turns())
        reading = self._spawn(self._read())
        done, _ = await asyncio.wait({answering, reading}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _finish(self) -> None:
        tasks = [*self._background, *([self._performing] if self._performing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._socket.close()
        self._record.closed = True
        self._record.close_code = self._socket.close_code
        self._record.close_reason = self._socket.close_reason or ""

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        async def guarded() -> None:
            with contextlib.suppress(ConnectionClosed):
                await work

        task = asyncio.create_task(guarded())
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    # Setup

    async def _set_up(self) -> None:
        kind, body = parse_frame(await self._socket.recv())
        if kind != "setup":
            raise WireError(1007, f"Request contains an invalid argument. Expected 'setup' first, got '{kind}'.")
        self._record.setup = body if isinstance(body, dict) else {}
        self._note_in("setup", setup=self._record.setup)
        if self._refusal == "mute":
            await self._stay_mute()
            return
        self._check_key()
        if self._refusal in _SETUP_REFUSALS:
            raise _SETUP_REFUSALS[self._refusal]
        models = frozenset[str]() if self._refusal == "1008" else self._options.models
        self._setup = parse_setup(body, models, self._endpoint.version)
        self._check_handle(self._setup.handle)
        await self._send({"setupComplete": {}}, "setupComplete")
        if self._refusal == "quota":
            await self._sleep_ms(self._options.quota_delay_ms)
            raise WireError(1011, _QUOTA_REASON)
        await self._send_handle()

    async def _stay_mute(self) -> None:
        async for frame in self._socket:
            with contextlib.suppress(WireError):
                self._note_in(parse_frame(frame)[0])

    def _check_key(self) -> None:
        if not self._key:
            raise _NO_KEY
        if self._options.api_keys is not None and self._key not in self._options.api_keys:
            raise _BAD_KEY

    def _check_handle(self, handle: str) -> None:
        if not handle:
            return
        owner = self._services.handles.owner(handle)
        if owner is None:
            raise WireError(1007, "Request contains an invalid argument.")
        if not owner.closed:
            raise WireError(1011, "Internal error encountered.")

    async def _send_handle(self) -> None:
        if self._options.resumption_updates or "sessionResumption" in self._record.setup:
            handle = self._services.handles.issue(self._record)
            update = {"newHandle": handle, "resumable": True}
            await self._send({"sessionResumptionUpdate": update}, "sessionResumptionUpdate")

    # Reading

    async def _read(self) -> None:
        async for frame in self._socket:
            kind, body = parse_frame(frame)
            if kind == "setup":
                raise WireError(1007, "Request contains an invalid argument. 'setup' came twice.")
            if kind == "realtimeInput":
                await self._take_input(*parse_realtime_input(body))
            else:
                self._note_in(kind)

    async def _take_input(self, kind: str, value: Any) -> None:
        if kind == "audio":
            await self._take_audio(value)
        elif kind in ("activityStart", "activityEnd"):
            self._note_in(kind)
            if not self._manual:
                raise WireError(
                    1007,
                    "Request contains an invalid argument. Activity signals need automatic detection disabled.",
                )
            await (self._start_activity(INPUT_RATE_HZ) if kind == "activityStart" else self._end_activity())
        else:
            self._note_in(kind)
            if kind == "audioStreamEnd" and value is not False:
                await self._end_stream()

    @property
    def _manual(self) -> bool:
        return self._setup is not None and self._setup.manual

    async def _take_audio(self, value: Any) -> None:
        blob = parse_audio(value)
        discarded = self._manual and self._open is None
        rate = {} if blob.rate_hz == INPUT_RATE_HZ else {"rate_hz": blob.rate_hz}
        self._note_in("discarded" if discarded else "audio", bytes=len(blob.pcm), **rate)
        self._record.note_audio(blob.pcm, discarded=discarded)
        if self._recorder:
            self._recorder.audio(blob.pcm, blob.rate_hz)
        if self._manual:
            if self._open is not None:
                self._open.record.rate_hz = blob.rate_hz
                self._open.pcm += blob.pcm
        else:
            await self._detect(blob.pcm, blob.rate_hz)

    async def _detect(self, pcm: bytes, rate_hz: int) -> None:
        if self._detector is None:
            wanted_ms = self._setup.silence_duration_ms if self._setup else None
            silence_ms = self._options.silence_duration_ms if wanted_ms is None else wanted_ms
            self._detector = SpeechDetector(rate_hz, silence_ms)
        for event in self._detector.feed(pcm):
            if event.kind == "start":
                await self._start_activity(rate_hz)
            elif self._open is not None:
                self._open.pcm[:] = event.audio
                await self._end_activity()

    async def _end_stream(self) -> None:
        if self._detector is None or self._options.audio_stream_end == "ignored":
            return
        event = self._detector.finish()
        if event is not None and self._open is not None:
            self._open.pcm[:] = event.audio
            await self._end_activity()

    async def _start_activity(self, rate_hz: int) -> None:
        if self._open is not None:
            return
        await self._interrupt()
        self._open = _Utterance(self._record.open_utterance(rate_hz))

    async def _end_activity(self) -> None:
        utterance, self._open = self._open, None
        if utterance is None:
            return
        record = utterance.record
        utterance.ended_at = time.monotonic()
        record.ended_at_secs = self._record.elapsed_secs()
        record.audio_bytes = len(utterance.pcm)
        if self._options.keep_audio:
            record.audio = bytes(utterance.pcm)
        if self._options.strict_short_turns and len(utterance.pcm) < _SHORT_TURN_MS * record.rate_hz * 2 // 1000:
            raise WireError(1007, "Request contains an invalid argument. No turn to complete.")
        self._turns.put_nowait(utterance)

    # Answering

    async def _answer_turns(self) -> None:
        while True:
            utterance = await self._turns.get()
            pcm, rate_hz = bytes(utterance.pcm), utterance.record.rate_hz
            hearing = await asyncio.to_thread(self._services.ear.hear, pcm, rate_hz)
            answer = self._services.answerer.answer(hearing)
            self._describe(utterance.record, hearing, answer)
            self._performing = asyncio.create_task(self._perform(utterance, answer))
            try:
                await asyncio.wait({self._performing})
            finally:  # the session may end in the middle of an answer
                if self._recorder:
                    self._recorder.utterance(utterance.record, pcm)
            performed, self._performing = self._performing, None
            if not performed.cancelled():
                performed.result()

    @staticmethod
    def _describe(record: UtteranceRecord, hearing: Hearing, answer: Answer) -> None:
        record.heard = list(hearing.stretches)
        record.answered = [piece.entry.id for piece in answer.pieces]
        record.source_text, record.target_text = answer.source, answer.target
        record.started_over = answer.started_over

    async def _perform(self, utterance: _Utterance, answer: Answer) -> None:
        variant = self._options.variant
        if answer.pieces and answer.pieces[0].entry.variant:
            variant = variant.overridden(dict(answer.pieces[0].entry.variant))
        self._performed = (utterance.record, variant)
        wanted = Wanted(
            input=self._setup is not None and self._setup.input_transcription,
            output=self._setup is not None and self._setup.output_transcription,
        )
        script = write_script(answer, variant, wanted, utterance.record.audio_bytes)
        # A turn that waited for the one before it is late as a whole; its own pace does not change.
        delay_secs = variant.response_delay_ms / 1000 * self._options.time_factor
        start = max(utterance.ended_at, time.monotonic() - delay_secs)
        for step in script.steps:
            await self._sleep_until(start, step.at_ms)
            await self._take_step(step, variant)
            utterance.record.sent_audio_bytes += step.audio_bytes
        if variant.silent:
            return
        utterance.record.complete = True
        self._services.answerer.count(answer)
        if self._options.resumption_updates:
            await self._send_handle()
        if script.late and script.late[-1].at_ms * self._options.time_factor > 0:
            self._spawn(self._send_late(script.late, start, variant))
        else:
            await self._send_late(script.late, start, variant)

    async def _send_late(self, steps: list[Step], start: float, variant: Variant) -> None:
        for step in steps:
            await self._sleep_until(start, step.at_ms)
            await self._take_step(step, variant)

    async def _take_step(self, step: Step, variant: Variant) -> None:
        if step.action == "send":
            await self._send(step.message, step.kind, **step.data)
        elif step.action == "close":
            raise WireError(variant.close_code, variant.close_reason)
        else:
            self._note_out("break")
            self._socket.transport.abort()
            await self._socket.wait_closed()
            raise self._socket.protocol.close_exc

    async def _interrupt(self) -> None:
        """Cut off the answer that is being given, where the variant and the setup let an activity do that."""
        task, performed = self._performing, self._performed
        if task is None or task.done() or performed is None or performed[1].on_overlap != "interrupt":
            return
        if self._setup is not None and self._setup.no_interruption:
            return
        task.cancel()
        await asyncio.wait({task})
        performed[0].interrupted = True
        await self._send({"serverContent": {"interrupted": True}}, "interrupted")
        await self._send({"serverContent": {"turnComplete": True}}, "turnComplete")

    # Plumbing

    async def _sleep_ms(self, delay_ms: float) -> None:
        await asyncio.sleep(delay_ms / 1000 * self._options.time_factor)

    async def _sleep_until(self, start: float, at_ms: float) -> None:
        due = start + at_ms / 1000 * self._options.time_factor
        await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _send(self, message: dict[str, Any], kind: str, **data: Any) -> None:
        text = json.dumps(message, ensure_ascii=False)
        self._note_out(kind, **data)
        await self._socket.send(text if self._options.text_frames else text.encode())

    async def _close(self, code: int, reason: str) -> None:
        self._note_out("close", code=code, reason=reason)
        await self._socket.close(code, reason)

    def _note_in(self, kind: str, **data: Any) -> None:
        self._write(self._record.note("in", kind, **data))

    def _note_out(self, kind: str, **data: Any) -> None:
        self._write(self._record.note("out", kind, **data))

    def _write(self, message: Any) -> None:
        if self._recorder:
            self._recorder.message(message)


def new_handle() -> str:
    """A resumption handle that nobody can guess."""
    return uuid.uuid4().hex
