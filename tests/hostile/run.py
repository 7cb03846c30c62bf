"""The attack as a whole: clients of every class at once, rounds, and what must hold after them."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from tests.hostile import conversation, limits, violations
from tests.hostile.conversation import Attack, rng_of
from tests.hostile.frames import RawConnection
from tests.hostile.log_laws import check_log
from tests.hostile.tally import Tally, shown_failures, table, total
from tests.hostile.target import Level, Target
from tests.support.client import protocol_client
from tests.support.laws import lawful_turns
from tests.support.speech import silence, spoken, texts

Client = Callable[[Attack, Tally], Awaitable[None]]
_PATIENCE_SECS = 60
"""After which an answer that did not come is a failure."""
_PHRASES = ("kennedy-1", "kennedy-2", "kennedy-3")
_SPEED = 4.0
_SETTLE_SECS = 30
_WARM_UP_ROUNDS = 1
_MEMORY_TOLERANCE_MIB = 10.0
"""Caches fill slowly: 7 MiB in 100,000 messages. A server that kept 200 bytes of each one would grow by more."""


@dataclass(frozen=True, slots=True)
class Class:
    """A class of hostile clients.

    Attributes:
        client: One connection.
        share: How many of a hundred connections it makes.
        counts: Its messages count towards the number that was asked for: the server reads all of them.
    """

    client: Client
    share: int
    counts: bool = True


CLASSES: dict[str, Class] = {
    "refused messages": Class(conversation.refused, 32),
    "mutated messages": Class(conversation.mutated, 22),
    "fragments": Class(conversation.fragments, 6),
    "WebSocket violations": Class(violations.broken_frames, 12),
    "invalid UTF-8": Class(violations.invalid_utf8, 4),
    "frames too large": Class(limits.too_large, 2),
    "unsupported language": Class(limits.unsupported_language, 2),
    "no init": Class(limits.no_init, 1),
    "flood of errors": Class(limits.error_flood, 3, counts=False),
    "flood of audio": Class(limits.audio_flood, 1, counts=False),
    "flood of pings": Class(limits.ping_flood, 1, counts=False),
    "flood of interrupts": Class(limits.interrupt_flood, 1, counts=False),
    "never reads": Class(limits.never_reads, 1, counts=False),
    "abrupt ends": Class(violations.abrupt_ends, 6),
    "bad handshakes": Class(violations.bad_handshakes, 4),
    "half handshakes": Class(violations.half_handshakes, 2),
}


@dataclass
class Run:
    """An attack on a server.

    Attributes:
        target: The server.
        seed: Of everything that is sent.
        at_once: How many hostile clients there are at any moment.
        tallies: What they did, by class.
        levels: What the server's process held before the attack and after each round.
        failures: What did not hold once they were gone.
    """

    target: Target
    seed: int
    at_once: int
    tallies: dict[str, Tally] = field(default_factory=dict)
    levels: list[Level] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with nothing counted."""
        self.tallies = {name: Tally(name) for name in (*CLASSES, "normal clients", "last look")}

    @property
    def counted(self) -> int:
        """Messages so far that count."""
        return sum(self.tallies[name].messages for name, kind in CLASSES.items() if kind.counts)

    @property
    def passed(self) -> bool:
        """Whether all held."""
        return not (self.failures or total(list(self.tallies.values())).failures)

    async def attack(self, messages: int, *, rounds: int, normal_clients: int) -> None:
        """Send ``messages`` in rounds, while normal clients talk; then see what is left of it."""
        clients = _draw_clients(self.seed, self.target)
        with self._noted():
            await self._measure()
            for number in range(1, rounds + 1):
                await self._round(clients, messages * number // rounds, normal_clients)
                await self._measure()
            await self._look_at_the_end()

    def report(self) -> str:
        """What was done, and what came of it."""
        lines = [table(list(self.tallies.values()))]
        if self.levels:
            memory = ", ".join(f"{level.memory_mib:g}" for level in self.levels)
            lines.append(f"memory of the server before and after each round, MiB: {memory}")
            lines.append(f"growth from the first third of the rounds to the last: {self.growth_mib:+.1f} MiB")
            first, last = self.levels[0], self.levels[-1]
            lines.append(f"descriptors: {first.descriptors} before, {last.descriptors} after")
            lines.append(f"threads: {first.threads} before, {last.threads} after")
        lines += [f"FAILED {failure}" for failure in [*shown_failures(list(self.tallies.values())), *self.failures]]
        lines.append("passed" if self.passed else "failed")
        return "\n".join(lines)

    # Rounds

    async def _round(self, clients: Iterator[tuple[str, Attack]], until: int, normal_clients: int) -> None:
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for _ in range(normal_clients):
                group.create_task(self._talk(over))
            async with asyncio.TaskGroup() as workers:
                for _ in range(self.at_once):
                    workers.create_task(self._work(clients, until))
            over.set()

    async def _work(self, clients: Iterator[tuple[str, Attack]], until: int) -> None:
        while self.counted < until:
            name, attack = next(clients)
            await self._guarded(self.tallies[name], attack.number, CLASSES[name].client(attack, self.tallies[name]))

    async def _talk(self, over: asyncio.Event) -> None:
        """A client as it should be, again and again: it gets its turn whole, whatever others do."""
        tally = self.tallies["normal clients"]
        for phrase in itertools.cycle(_PHRASES):
            await self._guarded(tally, len(tally.closes), self._one_turn(phrase, tally))
            if over.is_set():
                return

    async def _one_turn(self, phrase: str, tally: Tally) -> None:
        tally.connections += 1
        pcm = spoken(phrase) + silence(1200)
        async with protocol_client(self.target.url) as client:
            tally.handshakes += 1
            await client.init()
            await client.stream(pcm, speed=_SPEED)
            await client.wait_for("turn_complete")
            await client.send({"type": "close"})
            assert await client.wait_closed() == 1000
        tally.messages += 2 + len(pcm) // 640
        tally.replies += len(client.messages)
        tally.closes["1000"] += 1
        assert not client.of("error", "warning"), client.of("error", "warning")
        assert [turn.texts for turn in lawful_turns(client.messages)] == [texts(phrase)]

    async def _guarded(self, tally: Tally, number: int, client: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECS):
                await client
        except TimeoutError:
            tally.failures.append(f"client {number}: no answer within {_PATIENCE_SECS} s")
        except (AssertionError, OSError) as error:
            tally.failures.append(f"client {number}: {type(error).__name__}: {' '.join(str(error).split())[:300]}")

    # What is left

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except (AssertionError, OSError, TimeoutError) as error:
            self.failures.append(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")

    async def _measure(self) -> None:
        """Wait until the server has let go of its clients, and note what it holds."""
        if self.target.pid is None:
            return
        level = self.target.level()
        before = self.levels[0].descriptors if self.levels else level.descriptors
        for _ in range(10 * _SETTLE_SECS):
            if level.descriptors <= before:
                break
            await asyncio.sleep(0.1)
            level = self.target.level()
        self.levels.append(level)

    async def _look_at_the_end(self) -> None:
        for path in ("/health", "/ready"):
            if not await self.target.answers(path):
                self.failures.append(f"GET {path} does not give 200")
        tally = self.tallies["last look"]
        await self._guarded(tally, 0, self._one_turn(_PHRASES[0], tally))
        if self.target.pid is None:
            return
        await self._guarded(tally, 1, self._all_seats_are_free(tally))
        self._nothing_is_left()
        await self._settle_log()

    async def _all_seats_are_free(self, tally: Tally) -> None:
        """As many connections without ``init``, and as many sessions, as are allowed, and not one more."""
        for seats, with_init in ((self.target.max_pending, False), (self.target.max_sessions, True)):
            for _ in range(_SETTLE_SECS):
                if (taken := await self._fill(tally, seats, with_init)) is None:
                    break
                await asyncio.sleep(1)  # until the server has noticed that the last one went
            assert taken is None, taken

    async def _fill(self, tally: Tally, seats: int, with_init: bool) -> str | None:
        """Take all seats; what is wrong with that."""
        held = [await self._sit_down(tally, with_init) for _ in range(seats)]
        try:
            refused = [connection.got.messages for connection in held if connection.ended]
            if refused:
                return f"{len(refused)} of {seats} seats were taken: {refused[0]}"
            held.append(await self._sit_down(tally, with_init))
            code = await held[-1].until_closed()
            return None if code == 1013 else f"one more than {seats} was let in, then closed with {code}"
        finally:
            for connection in held:
                await connection.drop()
                tally.note_end(connection.got)

    async def _sit_down(self, tally: Tally, with_init: bool) -> RawConnection:
        tally.connections += 1
        connection = await RawConnection.open(self.target.address)
        tally.handshakes += 1
        tally.messages += 1
        await connection.send('{"type":"init"}' if with_init else '{"type":"interrupt"}')
        await connection.until_messages(1)
        return connection

    def _nothing_is_left(self) -> None:
        first, last = self.levels[0], self.levels[-1]
        if last.descriptors > first.descriptors:
            self.failures.append(f"{last.descriptors - first.descriptors} descriptors are left open")
        if last.threads > max(level.threads for level in self.levels[:2]):
            self.failures.append(f"{last.threads - first.threads} threads are left")
        if self.growth_mib > _MEMORY_TOLERANCE_MIB:
            self.failures.append(f"the server's memory grew by {self.growth_mib:.1f} MiB once it was warm")

    @property
    def growth_mib(self) -> float:
        """By how much the last rounds lie over the first ones, those left out that warm the server up.

        The lowest level of several rounds counts: a frame of some MiB may wait for Python's garbage collector.
        """
        steady = [level.memory_mib for level in self.levels[1 + _WARM_UP_ROUNDS :]]
        count = len(steady) // 3
        return min(steady[-count:]) - min(steady[:count]) if count else 0.0

    async def _settle_log(self) -> None:
        handshakes = total(list(self.tallies.values())).handshakes
        for _ in range(10 * _SETTLE_SECS):
            if self.target.log_text().count("session ended") >= handshakes:
                break
            await asyncio.sleep(0.1)
        requests = sum(self.tallies[name].connections for name in ("bad handshakes", "half handshakes"))
        self.failures += check_log(self.target.log_text(), handshakes=handshakes, refused_requests=requests)[:10]


def _draw_clients(seed: int, target: Target) -> Iterator[tuple[str, Attack]]:
    """Clients without end: first one of every class, then as their shares say."""
    names = list(CLASSES)
    shares = [CLASSES[name].share for name in names]
    drawn = dict.fromkeys(names, 0)
    for number in itertools.count():
        rng = rng_of(seed, number)
        name = names[number] if number < len(names) else rng.choices(names, shares)[0]
        yield name, Attack(target.address, target.limits, rng, drawn[name])
        drawn[name] += 1
