"""What renewing the connection costs the listener: the same speech, with go-aways and without, at the same time.

Pairs of clients say the same phrases in step, in real time, each pair in a process of its own. The upstream of one
ends each connection soon after it was opened, announced by ``goAway``; that of the other never does. Both share the
machine, so what slows one down slows the other down, too, and what is left of the difference is the renewals'.
"""

import asyncio
import contextlib
import io
import itertools
import multiprocessing
import random
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from statistics import median, quantiles

from websockets.exceptions import ConnectionClosed

from emulator import Emulator, EmulatorOptions
from gemini.connectors import ConnectorName
from tests.faults.cases import SETTINGS
from tests.faults.judge import Expected, Verdict, judge
from tests.faults.recording import Recording
from tests.faults.saying import ENGLISH, KOREAN, Phrase, phrase
from tests.faults.talk import Talk
from tests.support.client import protocol_client
from tests.support.servers import running_server
from tests.support.speech import samples_scenario

GOAL_MS = 300.0
_CHUNK_MS = 20
_SETTINGS = {**SETTINGS, "turn_timeout_secs": 12.0, "late_text_ms": 1500}
_SETTLE_SECS = 2.0
_LAST_ANSWER_SECS = 60.0
_ROOM_NOISE = 4
"""Loudest sample of the noise over everything that is said, so that no two moments of the stream are alike."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a connection ends; seconds.

    Attributes:
        go_away_after_secs: From the setup to ``goAway``.
        time_left_secs: From there to the end, as ``goAway`` says.
        speed: How fast speech, answers and this schedule go, in times real time.
        connector: The server's.
    """

    go_away_after_secs: float = 12.0
    time_left_secs: float = 10.0
    speed: float = 1.0
    connector: ConnectorName = "genai"

    def options(self, *, renewed: bool) -> EmulatorOptions:
        """What the upstream does."""
        return EmulatorOptions(
            time_factor=1 / self.speed,
            schedule_factor=1 / self.speed,
            go_away_after_secs=self.go_away_after_secs if renewed else None,
            go_away_time_left_secs=self.time_left_secs,
        )


@dataclass(slots=True)
class Figures:
    """What was measured.

    Attributes:
        renewals: Connections that took over from another.
        utterances: How many were said to clients whose connections were renewed.
        added_ms: For each piece of sound of a turn that a renewal touched: how much later it came than in the run
            without renewals.
        control_ms: The same for turns during which no connection was opened or left: what the machine adds.
        verdicts: Of each client with renewals.
        plain_verdicts: Of each client without.
    """

    renewals: int = 0
    utterances: int = 0
    added_ms: list[float] = field(default_factory=list)
    control_ms: list[float] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    plain_verdicts: list[Verdict] = field(default_factory=list)

    def add(self, other: "Figures") -> None:
        """Take in the figures of another pair."""
        self.renewals += other.renewals
        self.utterances += other.utterances
        self.added_ms += other.added_ms
        self.control_ms += other.control_ms
        self.verdicts += other.verdicts
        self.plain_verdicts += other.plain_verdicts

    @property
    def failures(self) -> list[str]:
        """What is wrong, a line each."""
        found = [f"with renewals: {failure}" for verdict in self.verdicts for failure in verdict.failures]
        found += [f"without: {failure}" for verdict in self.plain_verdicts for failure in verdict.failures]
        if self.added_ms and max(self.added_ms) > GOAL_MS:
            found.append(f"the worst gap that renewal adds is {max(self.added_ms):.0f} ms, expected {GOAL_MS:.0f}")
        return found

    def lines(self) -> list[str]:
        """The figures for people."""
        interrupted = sum(verdict.interrupted for verdict in self.verdicts)
        replayed = sum(verdict.replayed for verdict in self.verdicts)
        answered = sum(verdict.answered for verdict in self.verdicts)
        return [
            f"{self.renewals} renewals of {len(self.verdicts)} clients' connections during continuous speech",
            f"{self.utterances} utterances said, {answered} answered, {replayed} sent again, "
            f"{interrupted} begun again",
            "later than the same sound of the same run without renewals, in ms:",
            f"  in turns that a renewal touched: {_told(self.added_ms)} (goal {GOAL_MS:.0f})",
            f"  in all other turns, for comparison: {_told(self.control_ms)}",
        ]


def _told(late_ms: list[float]) -> str:
    if len(late_ms) < 2:
        return "nothing came"
    return (
        f"{len(late_ms)} pieces, median {median(late_ms):.1f}, 99 % {quantiles(late_ms, n=100)[98]:.1f}, "
        f"worst {max(late_ms):.1f}"
    )


def measure(*, renewals: int, pairs: int, schedule: Schedule, seed: int = 1) -> Figures:
    """Let pairs of clients speak until so many connections were renewed; each pair in a process of its own."""
    figures = Figures()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(pairs, mp_context=context) as pool:
        enough = -(-renewals // pairs)
        waiting = [pool.submit(_measured, enough, schedule, f"{seed}:{number}") for number in range(pairs)]
        for done in waiting:
            figures.add(done.result())
    return figures


def _measured(renewals: int, schedule: Schedule, seed: str) -> Figures:
    with contextlib.redirect_stderr(io.StringIO()):
        return asyncio.run(measure_pair(renewals, schedule, random.Random(seed)))


async def measure_pair(renewals: int, schedule: Schedule, rng: random.Random) -> Figures:
    """Let one pair speak until the connection of one was renewed so often; the figures."""
    async with _talk(schedule, True) as renewed, _talk(schedule, False) as plain:
        await _speak(renewed, plain, renewals, rng)
        return _compared(renewed, plain)


_Speaker = tuple[Talk, Emulator]


@contextlib.asynccontextmanager
async def _talk(schedule: Schedule, renewed: bool) -> AsyncIterator[_Speaker]:
    options = schedule.options(renewed=renewed)
    settings = {**_SETTINGS, "gemini_connector": schedule.connector}
    async with (
        running_server(options, scenario=samples_scenario(), **settings) as server,
        protocol_client(server.url, ping_interval=None) as client,
    ):
        talk = Talk(client, server.emulator, speed=schedule.speed, chunk_ms=_CHUNK_MS)
        await talk.open()
        yield talk, server.emulator


async def _speak(with_renewals: _Speaker, without: _Speaker, renewals: int, rng: random.Random) -> None:
    """Say the same to both, phrase by phrase, until the first one's connection was renewed often enough."""
    (renewed, emulator), (plain, _) = with_renewals, without
    said = 0
    with contextlib.suppress(ConnectionClosed):
        for words in _phrases(rng):
            said += 1
            await asyncio.gather(renewed.say(words), plain.say(words))
            if len(emulator.sessions) > renewals:
                break
    async with renewed.quiet(), plain.quiet():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_ANSWER_SECS):
                await asyncio.gather(renewed.until_settled(said), plain.until_settled(said))
        await asyncio.sleep(_SETTLE_SECS)


def _phrases(rng: random.Random) -> Iterator[Phrase]:
    """Continuous speech without end: phrases of both languages with the pauses between sentences."""
    for language in itertools.cycle((ENGLISH, KOREAN)):
        yield phrase(rng.choice(language), rng.randrange(0, 300), noise=(rng.getrandbits(32), _ROOM_NOISE))


def _compared(with_renewals: _Speaker, without: _Speaker) -> Figures:
    (renewed, emulator), (plain, _) = with_renewals, without
    late, usual = renewed.recording(), plain.recording()
    figures = Figures(len(emulator.sessions) - 1, len(late.spoken))
    turns, opened_at = _turns(late), [session.began_at_secs for session in emulator.sessions[1:]]
    touched = touched_turns([turn.complete_at_secs for turn in turns], _sessions(late), opened_at)
    for turn, plain_turn, is_touched in zip(turns, _turns(usual), touched, strict=False):
        figures_of_kind = figures.added_ms if is_touched else figures.control_ms
        figures_of_kind += added_ms(turn.pieces, plain_turn.pieces)
    figures.verdicts.append(judge(late, Expected()))
    figures.plain_verdicts.append(judge(usual, Expected()))
    return figures


def _sessions(recording: Recording) -> list[int]:
    """The upstream's session that answered each utterance."""
    return [heard.session for heard in recording.heard if heard.complete]


def touched_turns(ends: Sequence[float], sessions: Sequence[int], opened_at: Sequence[float]) -> list[bool]:
    """Whether a connection was opened during a turn, or left before it.

    Args:
        ends: When each turn was complete.
        sessions: The upstream's session that answered each.
        opened_at: When each session but the first was opened.
    """
    begins = [0.0, *ends]
    return [
        (number > 0 and sessions[number] != sessions[number - 1])
        or any(begins[number] < at <= end for at in opened_at)
        for number, end in enumerate(ends[: len(sessions)])
    ]


@dataclass(frozen=True, slots=True)
class _Turn:
    """A complete turn: its sound, and when it was complete."""

    pieces: list["Piece"]
    complete_at_secs: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a turn's sound.

    Attributes:
        until_bytes: How much sound of the turn there is with it.
        at_secs: When it came.
    """

    until_bytes: int
    at_secs: float


def added_ms(late: Sequence[Piece], plain: Sequence[Piece]) -> Iterator[float]:
    """How much later each piece of one turn's sound came than the same sound of the other."""
    ends = [piece.until_bytes for piece in plain]
    for piece in late:
        at = bisect_left(ends, piece.until_bytes)
        if at < len(plain):
            yield (piece.at_secs - plain[at].at_secs) * 1000


def _turns(recording: Recording) -> list[_Turn]:
    """The turns, without what broke off and was made again."""
    turns: list[_Turn] = []
    pieces: list[Piece] = []
    for message, at_secs in zip(recording.messages, recording.arrivals, strict=True):
        if message["type"] == "audio_response":
            before = pieces[-1].until_bytes if pieces else 0
            pieces.append(Piece(before + len(message["pcm"]), at_secs))
        elif message["type"] == "interrupted":
            pieces = []
        elif message["type"] == "turn_complete":
            turns.append(_Turn(pieces, at_secs))
            pieces = []
    return turns
