"""The strands of one speaker in a room: one for each language that somebody else hears."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame

from pipelines.jobs import Jobs
from pipelines.silence import put_silence
from pipelines.speaker_track import ends_so_far
from processors.frames import ProtocolMessageFrame
from protocol.errors import Fault
from protocol.messages import (
    Interrupted,
    ServerMessage,
    SpeechState,
    Transcription,
    TurnComplete,
    Warning,
)

_HEARING_OUT_SECS = 30.0
"""How long an interpretation may take to end whose speaker, or whose last listener, has left."""


class RunningStrand(Protocol):
    """One speaker's speech into one language; see :class:`pipelines.strand.Strand`."""

    @property
    def longest_gap_secs(self) -> float:
        """How much silence has to stand for a gap in the speech that it hears."""

    @property
    def turns_ended(self) -> int:
        """How many turns are over."""

    @property
    def turns_begun(self) -> int:
        """How many there were, with those of utterances that have begun."""

    def start(self) -> None:
        """Connect to the upstream, and run."""

    def put(self, frame: Frame) -> None:
        """Let it hear audio at 16 kHz; what comes before it runs waits."""

    async def drained(self) -> None:
        """Hear no further utterance; returns when everything is answered and handed on."""

    async def stop(self) -> None:
        """End it, and release everything."""

    def queue_depths(self) -> dict[str, float]:
        """What waits, in bytes, by the queue's name."""


MakeStrand = Callable[[str, Callable[[Frame], None], Callable[[Fault | BaseException], None]], RunningStrand]
"""A strand into a language, by its code; the first callable takes what it hands on, the second why it failed."""


class Audience(Protocol):
    """Who hears and reads what strands hand on."""

    def hear(self, language: str, frame: Frame) -> None:
        """For those who hear the speaker in ``language``: sound or a message of a turn."""

    def read(self, message: ServerMessage) -> None:
        """For the speaker, and for those who hear the speaker's own voice: a message of a turn."""

    def see(self, state: SpeechState) -> None:
        """For everybody: what the interpreter makes of the speaker."""


@dataclass(slots=True, eq=False)
class _Branch:
    """A strand and what it has said of its turn.

    Attributes:
        heard: Somebody hears it; else only the texts of what was said before count.
        turn: Which turn is under way, or was last, counted from 0.
    """

    language: str
    strand: RunningStrand
    heard: bool = True
    turn: int = 0
    stopping: asyncio.Future[None] | None = None
    state: SpeechState | None = None
    texts: dict[str, str] = field(default_factory=dict)
    open: bool = False

    def follow(self, frame: Frame) -> None:
        """Take notice of what it hands on."""
        match frame:
            case OutputAudioRawFrame():
                self._open()
            case ProtocolMessageFrame(message=Transcription(type=side, text=text)):
                self._open()
                self.texts[side] = text
            case ProtocolMessageFrame(message=Interrupted(reason="upstream")):
                self.texts.clear()
            case ProtocolMessageFrame(message=TurnComplete()):
                self.open = False
                self.texts.clear()

    def _open(self) -> None:
        if not self.open:
            self.open, self.turn = True, self.strand.turns_ended


@dataclass(slots=True, eq=False)
class _Chapter:
    """The turns that readers are told from one strand.

    Attributes:
        first: The first of them, as its strand counts.
        held: What waits until the chapter before is over.
        over: Nothing more comes.
    """

    branch: _Branch
    first: int
    held: list[ServerMessage] = field(default_factory=list)
    over: bool = False


class SpeakerStrands:
    """Lets one speaker be heard in other languages.

    Sound and texts of each strand go to those who hear its language. The oldest strand leads: its states are those
    that everybody sees. The speaker reads each turn once, from the strand that leads when it is said: one that
    nobody hears any more is read to its end before the next one, which keeps meanwhile what it has of later turns.
    """

    def __init__(
        self,
        make: MakeStrand,
        language: str,
        audience: Audience,
        *,
        on_failed: Callable[[Fault | BaseException], None],
        after: asyncio.Task[None] | None = None,
    ):
        """Begin with none.

        Args:
            make: Makes a strand.
            language: What is spoken.
            audience: Takes what comes out.
            on_failed: Told once, where a strand cannot go on.
            after: What has to be over before the first strand starts; speech waits meanwhile.
        """
        self._make = make
        self._language = language
        self._audience = audience
        self._on_failed = on_failed
        self._after = after
        self._heard: dict[str, _Branch] = {}
        self._branches: list[_Branch] = []
        """Those that nobody hears any more included, until they have ended; the oldest first."""
        self._chapters: deque[_Chapter] = deque()
        self._over = False
        self._shown = "silent"
        self._jobs = Jobs(self._fail)

    def serve(self, languages: Collection[str]) -> None:
        """Be heard in ``languages``, and in no other: start what is missing, end what nobody hears."""
        if self._over:
            return
        for language in [language for language in self._heard if language not in languages]:
            branch = self._heard.pop(language)
            branch.heard = False
            self._jobs.start(self._hear_out(branch))
        self._begin_chapter()
        for language in languages:
            if language in self._heard:
                continue
            try:
                self._start(self._add(language))
            except Exception as error:  # a step that cannot be made: the speaker's fault, not the listener's
                self._fail(error)

    def put(self, frame: InputAudioRawFrame) -> None:
        """Take what the speaker says: audio at 16 kHz."""
        for branch in self._branches:  # also those that are ending: they finish the utterance
            branch.strand.put(frame)

    async def drained(self) -> None:
        """Hear no further utterance; returns when everything is answered and handed on that was said before."""
        await asyncio.gather(*(branch.strand.drained() for branch in self._branches))

    async def heard_out(self) -> None:
        """The speaker is gone: let be said what is under way, then stop."""
        self._over = True
        await asyncio.gather(*(self._hear_out(branch, silence=True) for branch in list(self._branches)))
        await self.stop()

    async def stop(self) -> None:
        """End them all at once."""
        self._over = True
        await self._jobs.stop()
        await asyncio.gather(*(self._end(branch) for branch in list(self._branches)))

    @property
    def count(self) -> int:
        """How many there are, those included that are about to end."""
        return len(self._branches)

    @property
    def longest_gap_secs(self) -> float:
        """How much silence has to stand for a gap in the speech."""
        return max((branch.strand.longest_gap_secs for branch in self._branches), default=0.0)

    def queue_depths(self) -> dict[str, float]:
        """What waits, in bytes, by the queue's name, of all of them together."""
        total: dict[str, float] = {}
        for branch in self._branches:
            for queue, size_bytes in branch.strand.queue_depths().items():
                total[queue] = total.get(queue, 0.0) + size_bytes
        return total

    # Beginning and end of a strand

    def _add(self, language: str) -> _Branch:
        def hand_on(frame: Frame) -> None:
            self._hand_on(branch, frame)

        branch = _Branch(language, self._make(language, hand_on, self._fail))
        self._heard[language] = branch
        self._branches.append(branch)
        self._begin_chapter()
        return branch

    def _start(self, branch: _Branch) -> None:
        if self._after is None or self._after.done():
            branch.strand.start()
        else:
            self._jobs.start(self._start_after(self._after, branch))

    async def _start_after(self, task: asyncio.Task[None], branch: _Branch) -> None:
        await asyncio.wait([task])
        if branch.stopping is None:
            branch.strand.start()

    async def _hear_out(self, branch: _Branch, *, silence: bool = False) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HEARING_OUT_SECS):
                if silence:
                    put_silence(branch.strand)
                await branch.strand.drained()
        await self._end(branch)

    async def _end(self, branch: _Branch) -> None:
        if branch.stopping is None:
            branch.stopping = asyncio.ensure_future(branch.strand.stop())
        await asyncio.shield(branch.stopping)  # whoever waits may be cancelled
        if branch not in self._branches:
            return
        self._complete(branch)
        was_leading = self._leads(branch)
        self._branches.remove(branch)
        self._end_chapter(branch)
        if was_leading:
            state = self._branches[0].state if self._branches else None
            self._show(state or SpeechState(state="silent", timestamp=int(time.time() * 1000)))

    def _fail(self, failure: Fault | BaseException) -> None:
        if not self._over:
            self._over = True
            self._on_failed(failure)

    # What strands hand on

    def _leads(self, branch: _Branch) -> bool:
        return bool(self._branches) and self._branches[0] is branch

    def _hand_on(self, branch: _Branch, frame: Frame) -> None:
        if isinstance(frame, ProtocolMessageFrame) and isinstance(frame.message, SpeechState):
            branch.state = frame.message
            if self._leads(branch):
                self._show(frame.message)
            return
        branch.follow(frame)
        if isinstance(frame, ProtocolMessageFrame):
            self._let_read(branch, frame.message)
        if branch.heard:
            self._audience.hear(branch.language, frame)

    # What the speaker reads

    def _let_read(self, branch: _Branch, message: ServerMessage) -> None:
        if isinstance(message, Warning):
            self._audience.read(message)
            return
        for chapter in self._chapters:
            if chapter.branch is branch and branch.turn >= chapter.first:
                self._tell(chapter, message)

    def _tell(self, chapter: _Chapter, message: ServerMessage) -> None:
        if chapter is self._chapters[0]:
            self._audience.read(message)
        else:
            chapter.held.append(message)

    def _begin_chapter(self) -> None:
        """Where nobody hears any more what is read, let the oldest that is heard be read from its next turn on."""
        if not self._heard or (self._chapters and self._chapters[-1].branch.heard):
            return
        heir = next(branch for branch in self._branches if branch.heard)
        self._chapters.append(_Chapter(heir, heir.strand.turns_begun if self._chapters else 0))

    def _end_chapter(self, branch: _Branch) -> None:
        for chapter in self._chapters:
            chapter.over = chapter.over or chapter.branch is branch
        while self._chapters and self._chapters[0].over:
            self._chapters.popleft()
            if self._chapters:
                held, self._chapters[0].held = self._chapters[0].held, []
                for message in held:
                    self._audience.read(message)

    def _show(self, state: SpeechState) -> None:
        if state.state != self._shown and not self._over:
            self._shown = state.state
            self._audience.see(state)

    def _complete(self, branch: _Branch) -> None:
        """End a turn that its strand did not end, or its listeners would wait for the rest of it."""
        if not branch.open:
            return
        for message in ends_so_far(branch.texts, (self._language, branch.language)):
            self._hand_on(branch, ProtocolMessageFrame(message))
