"""One line alone with the interpreter: it hears the interpretation of what is said into it."""

import asyncio

from pipecat.frames.frames import Frame, InputAudioRawFrame

from pipelines.choice import Languages
from pipelines.conversation import Line
from pipelines.jobs import Jobs
from pipelines.player import Player
from pipelines.services import Services
from pipelines.silence import put_silence
from pipelines.spec import PipelineSpec
from pipelines.strand import Strand
from processors.frames import ProtocolMessageFrame
from protocol.messages import Interrupted, ServerMessage

_AUTO = "auto"


class SoloConversation:
    """A strand into a player, on the same line."""

    def __init__(self, line: Line, pipeline: PipelineSpec, languages: Languages, services: Services):
        """Make it; nothing runs yet.

        Args:
            line: Speaks and hears.
            pipeline: What interprets.
            languages: What is spoken, and what comes out.
            services: Of the process.
        """
        self._line = line
        self._pipeline = pipeline
        self._languages = languages
        self._services = services
        self._player = Player(rate_hz=line.rate_hz, play=line.play, tell=line.tell, clear=line.clear)
        self._player.meet(None, languages.pair)
        self._strands: list[Strand] = []
        self._strand = self._new_strand()
        self._jobs = Jobs(line.fail)
        self._one_strand_runs = asyncio.Lock()

    @property
    def longest_gap_secs(self) -> float:
        """How much silence has to stand for a gap in the line's speech."""
        return self._strand.longest_gap_secs

    def start(self) -> None:
        """Connect to the upstream, and play."""
        self._jobs.start(self._player.run())
        self._strand.start()

    def hear(self, frame: InputAudioRawFrame) -> None:
        """Take what the line says: audio at 16 kHz, mono."""
        self._strand.put(frame)

    def interrupt(self) -> None:
        """The line wants no more of what is playing."""
        self._player.interrupt()

    def repeat(self) -> None:
        """Play the last whole interpretation once more."""
        self._player.repeat()

    def swap(self) -> None:
        """Turn the direction round: what is said from here on is in the other language of the pair.

        Where either could be spoken, it is the first one of the pair from here on. What was said before is answered
        first. While one turn round waits for that, another one is not taken.
        """
        if len(self._strands) > 1:
            return
        source, target = self._languages.pair
        self._languages = Languages((source, target), target if self._languages.spoken == source else source)
        old, self._strand = self._strand, self._new_strand()
        put_silence(old)  # it hears no more of what is being said
        self._jobs.start(self._replace(old, self._strand))

    def announce(self, pcm: bytes) -> None:
        """Play this before any further interpretation: PCM s16le, mono, 24 kHz."""
        self._player.announce(pcm)

    async def drained(self) -> None:
        """Hear no further utterance; returns when everything is answered and played that was said before."""
        async with self._one_strand_runs:
            await self._strand.drained()
        await self._player.played()

    async def stop(self) -> None:
        """End it, and release everything."""
        await self._jobs.stop()
        await asyncio.gather(*(strand.stop() for strand in self._strands))

    def queue_depths(self) -> dict[str, float]:
        """What waits, in bytes, by the queue's name."""
        return {**self._strand.queue_depths(), "player": self._player.held_bytes}

    def _new_strand(self) -> Strand:
        strand = Strand(
            self._line.line_id,
            self._pipeline,
            self._languages,
            self._services,
            on_frame=self._play,
            on_failed=self._line.fail,
        )
        self._strands.append(strand)
        return strand

    def _play(self, frame: Frame) -> None:
        if isinstance(frame, ProtocolMessageFrame) and _is_barge_in(frame.message):
            self._player.interrupt()  # what was made long ago may still be playing
        self._player.take(None, frame)

    async def _replace(self, old: Strand, new: Strand) -> None:
        """Go on with ``new``, which keeps what it hears, when ``old`` has answered what it heard."""
        async with self._one_strand_runs:
            await old.drained()
            await old.stop()
            self._strands.remove(old)
            new.start()


def _is_barge_in(message: ServerMessage) -> bool:
    return isinstance(message, Interrupted) and message.reason == "barge_in"
