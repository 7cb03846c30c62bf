"""Gives one answer: its script, step by step, with the faults that strike it on the way."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from emulator.answering import Answer
from emulator.audio import OUTPUT_BYTES_PER_MS
from emulator.faults import ALL_KINDS, Fault
from emulator.link import ConnectionReset, Link
from emulator.options import Variant
from emulator.record import UtteranceRecord
from emulator.spoiling import spoiled_answer, spoiled_script, spoiled_variant, spoiled_wanted
from emulator.strikes import SessionFaults
from emulator.turn import Script, Step, Wanted, write_script
from emulator.wire import WireError


@dataclass(slots=True)
class Utterance:
    """An utterance on its way to its answer.

    Attributes:
        record: Filled while that goes on.
        pcm: What came of it.
        ended_at: Its end, monotonic seconds.
        answer: What it is answered with, once that is known.
        merged: Earlier utterances that its answer answers, too.
        handed_over: It became part of another one.
    """

    record: UtteranceRecord
    pcm: bytearray = field(default_factory=bytearray, repr=False)
    ended_at: float = 0.0
    answer: Answer | None = None
    merged: list["Utterance"] = field(default_factory=list)
    handed_over: bool = False


class Performance:
    """One answer.

    Args:
        link: Where it goes.
        faults: What may strike it.
        utterance: What it answers.
        answer: What is said.
        variant: How.
        wanted: Which transcriptions the client asked for.

    Attributes:
        variant: How, with the faults that struck.
        output_begun: Something of it was sent.
    """

    def __init__(
        self,
        link: Link,
        faults: SessionFaults,
        utterance: Utterance,
        answer: Answer,
        *,
        variant: Variant,
        wanted: Wanted,
    ) -> None:
        self.variant = variant
        self.output_begun = False
        self._link = link
        self._faults = faults
        self._record = utterance.record
        self._ended_at = utterance.ended_at
        self._answer = answer
        self._wanted = wanted
        self._script = Script([], [])
        self._start = 0.0
        self._spoiled = variant.silent

    async def run(self) -> bool:
        """Give the answer; whether all of it was sent.

        Raises:
            WireError: A fault, or the variant, closes the connection.
            ConnectionReset: One of them resets it.
            ConnectionClosed: The client was faster.
        """
        self._script = self._write(await self._faults.strike("after", self._record))
        # A turn that waited for the one before it is late as a whole; its own pace does not change.
        delay_secs = self.variant.response_delay_ms / 1000 * self._link.options.time_factor
        self._start = max(self._ended_at, time.monotonic() - delay_secs)
        if not await self._play():
            return False
        await self._link.socket.flush()
        return not self._spoiled

    async def give_late(self) -> None:
        """Send what comes after the turn; beside what follows, unless it comes at once."""
        late = self._script.late
        if any(step.wait_secs or step.at_ms * self._link.options.time_factor > 0 for step in late):
            self._link.spawn(self._send_late(late))
        else:
            await self._send_late(late)

    def _write(self, shaping: Sequence[Fault]) -> Script:
        self.variant = spoiled_variant(self.variant, shaping)
        self._record.answer_audio_bytes = len(self._answer.audio) if self.variant.audio else 0
        script = write_script(
            spoiled_answer(self._answer, shaping),
            self.variant,
            spoiled_wanted(self._wanted, shaping),
            self._record.audio_bytes,
        )
        return self._shaped(script, shaping)

    def _shaped(self, script: Script, shaping: Sequence[Fault]) -> Script:
        for fault in shaping:
            script = spoiled_script(script, fault)
            self._spoiled = self._spoiled or ALL_KINDS[fault.name].spoils
        return script

    async def _play(self) -> bool:
        """Do the steps, of which faults may leave fewer at every moment; whether the client got all of them."""
        pending = deque(self._script.steps)
        while pending:
            step = pending[0]
            await self._wait(step)
            if step.audio_bytes and (shaping := await self._strike()):
                pending = self._reshaped(pending, shaping)
                continue
            pending.popleft()
            if not await self._take(step):
                return False
            if step.audio_bytes and (shaping := await self._strike()):
                pending = self._reshaped(pending, shaping)
        return True

    async def _strike(self) -> list[Fault]:
        sent_ms = self._record.sent_audio_bytes / OUTPUT_BYTES_PER_MS
        return await self._faults.strike("output", self._record, audio_ms=sent_ms)

    def _reshaped(self, pending: Sequence[Step], shaping: Sequence[Fault]) -> deque[Step]:
        self._script = self._shaped(Script(list(pending), self._script.late), shaping)
        return deque(self._script.steps)

    async def _wait(self, step: Step) -> None:
        if step.wait_secs:
            held_secs = self._link.planned_secs(step.wait_secs)
            step.wait_secs = 0.0
            self._start = max(self._start, time.monotonic() - step.at_ms / 1000 * self._link.options.time_factor)
            self._start += held_secs
        await self._link.sleep_until(self._start, step.at_ms)

    async def _take(self, step: Step) -> bool:
        if step.action == "close":
            raise WireError(self.variant.close_code, self.variant.close_reason)
        if step.action == "break":
            raise ConnectionReset
        if not await self._link.send(step.message, step.kind, **step.data):
            return False
        self.output_begun = True
        self._record.sent_audio_bytes += step.audio_bytes
        return True

    async def _send_late(self, steps: Sequence[Step]) -> None:
        for step in steps:
            await self._wait(step)
            await self._take(step)
