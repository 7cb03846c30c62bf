"""Answers the utterances of a session one after the other, and decides what becomes of those that overlap."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from emulator.acts import INTERRUPTED, TURN_COMPLETE
from emulator.answering import Answer
from emulator.hearing import Hearing
from emulator.link import Link
from emulator.performance import Performance, Utterance
from emulator.record import UtteranceRecord
from emulator.services import Services
from emulator.setup import Setup
from emulator.strikes import SessionFaults
from emulator.turn import Wanted

_MAX_WAITING = 100


class Turns:
    """The answers of one session.

    Args:
        link: Where they go.
        setup: What the client asked for.
        services: Shared with the other sessions.
        faults: What may strike.
        send_handle: Sends a resumption handle; called after each complete answer.
    """

    def __init__(
        self,
        link: Link,
        setup: Setup,
        services: Services,
        faults: SessionFaults,
        send_handle: Callable[[], Awaitable[None]],
    ) -> None:
        self._link = link
        self._setup = setup
        self._services = services
        self._faults = faults
        self._send_handle = send_handle
        self._waiting: deque[Utterance] = deque()
        self._changed = asyncio.Condition()
        self._current: Utterance | None = None
        self._performance: Performance | None = None
        self._task: asyncio.Task[None] | None = None
        self._speaking = False

    async def run(self) -> None:
        """Answer utterances until cancelled; raises what ends the session."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._waiting))
                utterance = self._current = self._waiting.popleft()
                self._changed.notify_all()
            task = self._task = asyncio.create_task(self._answer(utterance))
            try:
                await asyncio.wait({task})
            finally:  # the session may end in the middle of an answer
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                self._write_down(utterance)
            self._current = self._performance = None
            if not task.cancelled():
                task.result()

    async def begin(self, utterance: Utterance) -> None:
        """An activity begins: an answer that is owed is cut off, or the two are answered together, or one never."""
        self._speaking = True
        owed = self._current is not None and not self._current.record.complete
        if not owed and not self._waiting:
            return
        policy = (
            self._performance.variant.on_overlap if self._performance else self._link.options.variant.on_overlap
        )
        if policy == "interrupt":
            await self._interrupt()
        elif policy == "drop":
            utterance.record.dropped = True
        elif policy == "merge":
            await self._merge_into(utterance)

    def aloud(self, text: str, record: UtteranceRecord) -> Answer:
        """What reads ``text`` aloud; ``record`` is of the turn that does."""
        answer = self._services.answerer.aloud(text)
        record.answered = [piece.entry.id for piece in answer.pieces]
        record.source_text = record.target_text = text
        return answer

    async def end(self, utterance: Utterance) -> None:
        """An activity has ended: its utterance waits for its answer; waits itself while a hundred do."""
        self._speaking = False
        if utterance.record.dropped:
            self._write_down(utterance)
            return
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._waiting) < _MAX_WAITING)
            self._waiting.append(utterance)
            self._changed.notify_all()

    def finish(self) -> None:
        """Record what waits for an answer that it will not get."""
        for utterance in self._waiting:
            self._write_down(utterance)
        self._waiting.clear()

    async def _interrupt(self) -> None:
        current = self._current
        if self._setup.no_interruption or current is None or not await self._stop():
            return
        current.record.interrupted = True
        await self._link.send(INTERRUPTED, "interrupted")
        await self._link.send(TURN_COMPLETE, "turnComplete")

    async def _merge_into(self, utterance: Utterance) -> None:
        """Take over everything that no output has come of yet."""
        begun = self._performance is not None and self._performance.output_begun
        waiting, self._waiting = [*self._waiting], deque()
        current, taken = self._current, []
        if current is not None and not begun:
            current.handed_over = True
            current.handed_over = await self._stop()
            taken = [current] if current.handed_over else []
        for earlier in [*taken, *waiting]:
            earlier.handed_over = True
            utterance.merged += [*earlier.merged, earlier]
            earlier.merged = []

    async def _stop(self) -> bool:
        """Break the answer off that is being given; whether there was one."""
        task = self._task
        if task is None or task.done():
            return False
        task.cancel()
        await asyncio.wait({task})
        return task.cancelled()

    async def _answer(self, utterance: Utterance) -> None:
        parts = [*utterance.merged, utterance]
        answers = [await self._understood(part) for part in parts]
        if self._link.mute:
            return
        answer = Answer(
            tuple(piece for part in answers for piece in part.pieces), any(part.started_over for part in answers)
        )
        variant = self._link.options.variant
        if answer.pieces and answer.pieces[0].entry.variant:
            variant = variant.overridden(dict(answer.pieces[0].entry.variant))
        wanted = Wanted(self._setup.input_transcription, self._setup.output_transcription)
        performance = self._performance = Performance(
            self._link, self._faults, utterance, answer, variant=variant, wanted=wanted
        )
        complete = await performance.run()
        if complete:
            self._note_complete(parts)
            if self._link.options.resumption_updates:
                await self._send_handle()
        await performance.give_late()
        if complete and not self._waiting and not self._speaking:
            await self._faults.strike("idle", utterance.record)

    async def _understood(self, utterance: Utterance) -> Answer:
        if utterance.answer is None:
            record = utterance.record
            hearing = await asyncio.to_thread(self._services.ear.hear, bytes(utterance.pcm), record.rate_hz)
            utterance.answer = self._services.answerer.answer(hearing)
            _describe(record, hearing, utterance.answer)
        return utterance.answer

    def _note_complete(self, parts: list[Utterance]) -> None:
        last = parts[-1].record
        for part in parts:
            part.record.complete = True
            part.record.answered_with = last.number if part.record is not last else None
            if part.answer is not None:
                self._services.answerer.count(part.answer)

    def _write_down(self, utterance: Utterance) -> None:
        if utterance.handed_over:
            return
        for part in [*utterance.merged, utterance]:
            self._faults.forget(part.record)
            if self._link.recorder:
                self._link.recorder.utterance(part.record, bytes(part.pcm))


def _describe(record: UtteranceRecord, hearing: Hearing, answer: Answer) -> None:
    record.heard = list(hearing.stretches)
    record.answered = [piece.entry.id for piece in answer.pieces]
    record.source_text, record.target_text = answer.source, answer.target
    record.started_over = answer.started_over
