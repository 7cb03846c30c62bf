"""Strands that interpret nothing: tests say what comes out."""

import asyncio
from collections.abc import Callable

from pipecat.frames.frames import CancelFrame, Frame, InputAudioRawFrame, OutputAudioRawFrame

from pipelines.choice import Languages
from pipelines.spec import PipelineSpec
from processors.frames import ProtocolMessageFrame
from protocol.errors import Fault
from protocol.messages import ServerMessage, SpeechState, Transcription, TurnComplete


class FakeStrand:
    """One speaker's speech into one language.

    Attributes:
        session_id: For whom.
        languages: What is spoken, and what comes out.
        heard: Audio that was put in.
        started: Whether it runs.
        draining: Whether it was asked to come to an end.
        stopped: Whether it was told to stop.
        may_end: Cleared by a test: something is still to be answered.
        longest_gap_secs: As a strand has it.
        turns_ended: How many turns are over.
        owed: How many utterances have begun of whose turns nothing was said.
    """

    def __init__(
        self,
        session_id: str,
        languages: Languages,
        on_frame: Callable[[Frame], None],
        on_failed: Callable[[Fault | BaseException], None],
    ):
        """Do nothing."""
        self.session_id, self.languages = session_id, languages
        self.heard = bytearray()
        self.started = self.draining = self.stopped = False
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.longest_gap_secs = 1.0
        self.turns_ended = self.owed = 0
        self._turn_open = False
        self.fail = on_failed
        self._on_frame = on_frame

    @property
    def way(self) -> tuple[str, str]:
        """What is spoken, and what comes out."""
        first, second = self.languages.pair
        return self.languages.spoken, second if self.languages.spoken == first else first

    # As a room sees it

    @property
    def turns_begun(self) -> int:
        """How many turns there were, with those of utterances that have begun."""
        return self.turns_ended + self._turn_open + self.owed

    def start(self) -> None:
        """Run."""
        self.started = True

    def put(self, frame: Frame) -> None:
        """Hear audio."""
        assert isinstance(frame, InputAudioRawFrame)
        self.heard += frame.audio

    async def drained(self) -> None:
        """Wait until the test has said everything."""
        self.draining = True
        await self.may_end.wait()

    async def stop(self) -> None:
        """Note it; what a transport's end writes last is handed on, as by a strand."""
        await asyncio.sleep(0)
        self._on_frame(CancelFrame())
        self.stopped = True

    def queue_depths(self) -> dict[str, float]:
        """What it heard waits."""
        return {"ring": len(self.heard)}

    # As a test uses it

    def state(self, state: str) -> None:
        """Say what is made of the speaker."""
        self._say(SpeechState.model_validate({"state": state, "timestamp": 1}))

    def source(self, text: str) -> None:
        """Say what was said so far."""
        self._say(Transcription(type="input_transcription", text=text, is_final=False))

    def target(self, text: str) -> None:
        """Say the interpretation so far."""
        self._say(Transcription(type="output_transcription", text=text, is_final=False))

    def sound(self, secs: float = 0.1, level: int = 1000) -> None:
        """Speak."""
        self._turn_open = True
        samples = int(secs * 24_000)
        self._on_frame(OutputAudioRawFrame(level.to_bytes(2, "little", signed=True) * samples, 24_000, 1))

    def complete(self, source: str, target: str) -> None:
        """End the turn."""
        spoken, heard = self.way
        if source:
            self._say(Transcription(type="input_transcription", text=source, is_final=True, language=spoken))
        if target:
            self._say(Transcription(type="output_transcription", text=target, is_final=True, language=heard))
        self._say(TurnComplete(input_text=source, output_text=target))

    def turn(self, source: str, target: str, *, secs: float = 0.1, level: int = 1000) -> None:
        """Interpret one utterance."""
        self.source(source)
        self.target(target)
        self.sound(secs, level)
        self.complete(source, target)

    def say(self, message: ServerMessage) -> None:
        """Say any message."""
        self._say(message)

    def _say(self, message: ServerMessage) -> None:
        if isinstance(message, Transcription):
            self._turn_open = True
        elif isinstance(message, TurnComplete):  # the mark of its end comes before it
            self._turn_open = False
            self.turns_ended += 1
        self._on_frame(ProtocolMessageFrame(message))


class FakeStrands:
    """Makes them, and keeps them in the order in which they were made.

    Attributes:
        made: All of them.
        pipelines: What each was to be made of.
    """

    def __init__(self) -> None:
        """None so far."""
        self.made: list[FakeStrand] = []
        self.pipelines: list[str] = []

    def __call__(
        self,
        session_id: str,
        pipeline: PipelineSpec,
        languages: Languages,
        *,
        on_frame: Callable[[Frame], None],
        on_failed: Callable[[Fault | BaseException], None],
    ) -> FakeStrand:
        """Make one."""
        strand = FakeStrand(session_id, languages, on_frame, on_failed)
        self.made.append(strand)
        self.pipelines.append(pipeline.name)
        return strand

    def live(self, source: str | None = None, target: str | None = None) -> list[FakeStrand]:
        """Those that were not stopped, of these languages."""
        return [
            strand
            for strand in self.made
            if not strand.stopped and source in (None, strand.way[0]) and target in (None, strand.way[1])
        ]

    def one(self, source: str, target: str) -> FakeStrand:
        """The only one from one language into another."""
        (strand,) = self.live(source, target)
        return strand
