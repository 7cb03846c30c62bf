"""Faults at random, as many as a server can repair without giving speech up, and no more.

A server sends an utterance up to four times because of its answer, and gives it up after that. So that this cannot
happen by chance, each strike holds one of a few seats until everybody whom it can have struck was answered again:
never can more strikes fall on an utterance than there are seats.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from emulator.faults import KINDS, Fault, FaultName, FaultStrike, Moment
from tests.faults.saying import ENGLISH, KOREAN

Lane = Literal["spoils", "breaks", "refuses", "setup", "harmless"]

SEATS: Mapping[Lane, int] = {"spoils": 3, "breaks": 6, "refuses": 1, "setup": 2, "harmless": 8}
"""``spoils``: the connection holds, and the answer is no good, or late; three more attempts are made. ``breaks``:
the connection goes. ``refuses``: it goes with 1007, after which the same speech is sent once more, and not twice.
``setup``: while a connection is made."""
LEFT_OUT: frozenset[FaultName] = frozenset(
    {
        "refuse_401",
        "refuse_403",
        "refuse_404",
        "refuse_429",
        "refuse_key",
        "refuse_model",
        "refuse_quota",
        "quota_close",
        "resume_1007",
    }
)
"""They end a session, as documented; and the last one strikes only where sessions are resumed by handle."""
_LEFT_OUT_AT_SETUP: frozenset[FaultName] = frozenset({"close_1007"})
"""The same."""
_UNSEEN: frozenset[tuple[FaultName, Moment]] = frozenset({("no_audio", "output"), ("zero_audio", "output")})
"""Late in an answer nothing tells them from one that is complete (docs/soak.md)."""
_SPOIL: frozenset[FaultName] = frozenset(
    {
        "half_open",
        "mute",
        "mute_after_interrupted",
        "phantom_interrupted",
        "phantom_interruption",
        "premature_turn_complete",
        "slow_reads",
        "swallowed",
        "empty_turn",
        "missing_turn_end",
        "late_turn_complete",
        "frozen_output",
        "zero_audio",
        "no_audio",
    }
)
_BREAK: frozenset[FaultName] = frozenset(
    {
        "reset",
        "close_1000",
        "close_1008",
        "close_1008_deadline",
        "close_1011",
        "close_1011_unavailable",
        "close_1011_deadline",
        "go_away",
        "silent_after_go_away",
    }
)
_REFUSE: frozenset[FaultName] = frozenset({"close_1007", "close_1007_no_turn"})
_PARAMETERS: Mapping[FaultName, Mapping[str, Any]] = {
    "go_away": {"time_left_secs": 3.0},
    "silent_after_go_away": {"time_left_secs": 3.0},
    "late_turn_complete": {"delay_ms": 15_000.0},
    "late_transcripts": {"delay_ms": 500.0},
}
"""In proportion to the server's default times: it waits 12 s for the end of a turn, and 1.5 s for late text."""
_AT_MS = (300, 1500)
_MOST_TIMES = 3


def lane_of(name: FaultName, moment: Moment) -> Lane | None:
    """Which seats a fault takes; ``None``: it is left out."""
    if name in LEFT_OUT or (name, moment) in _UNSEEN or (moment == "setup" and name in _LEFT_OUT_AT_SETUP):
        return None
    if moment == "setup":
        return "setup"
    lanes: tuple[tuple[frozenset[FaultName], Lane], ...] = (
        (_SPOIL, "spoils"),
        (_BREAK, "breaks"),
        (_REFUSE, "refuses"),
    )
    return next((lane for names, lane in lanes if name in names), "harmless")


def mix() -> list[tuple[FaultName, Moment]]:
    """Every fault at every moment that is played."""
    return [
        (name, moment)
        for name, kind in KINDS.items()
        for moment in kind.moments
        if lane_of(name, moment) is not None
    ]


@dataclass(slots=True)
class _Seat:
    """One strike, from its injection until nobody can be struck by it any more.

    Attributes:
        lane: Where it sits.
        name: Of the fault.
        moment: Of the fault.
        strike: How it struck; ``None``: not yet.
        due: How many utterances each session has to be done with.
    """

    lane: Lane
    name: FaultName
    moment: Moment
    strike: FaultStrike | None = None
    due: Mapping[int, int] | None = None


class Mischief:
    """Draws faults, and keeps the seats.

    Attributes:
        injected: Strikes that were asked for, by name and moment.
    """

    def __init__(self, chance: random.Random):
        """No fault so far; ``chance`` draws them."""
        self._chance = chance
        self._seats: list[_Seat] = []
        self._hand: list[tuple[FaultName, Moment]] = []
        self._seen_strikes = 0
        self.injected: Counter[tuple[FaultName, Moment]] = Counter()

    def draw(self) -> Fault | None:
        """The next fault, all of them in turn in a random order; ``None`` where its lane has no free seat."""
        if not self._hand:
            self._hand = mix()
            self._chance.shuffle(self._hand)
        for place in range(len(self._hand) - 1, -1, -1):
            name, moment = self._hand[place]
            free = self._free(name, moment)
            if free:
                del self._hand[place]
                return self._seated(name, moment, self._chance.randint(1, min(_MOST_TIMES, free)))
        return None

    def note(
        self,
        strikes: Sequence[FaultStrike],
        owner: Callable[[int], int | None],
        said: Mapping[int, int],
        settled: Mapping[int, int],
    ) -> None:
        """Look at what struck, and free the seats of those whose utterances were answered since.

        Args:
            strikes: All of them so far.
            owner: The session that an upstream connection belongs to, where that is known.
            said: How many utterances each session has begun.
            settled: How many each is done with.
        """
        for strike in strikes[self._seen_strikes :]:
            seat = next(self._waiting(strike), None)
            if seat is not None:
                struck = owner(strike.session)
                seat.strike = strike
                # One more than it has begun: what strikes between two utterances is felt by the next one.
                seat.due = {number: count + 1 for number, count in said.items() if struck in (None, number)}
        self._seen_strikes = len(strikes)
        self._seats = [seat for seat in self._seats if not _is_over(seat, settled)]

    def _free(self, name: FaultName, moment: Moment) -> int:
        lane = lane_of(name, moment)
        assert lane is not None, f"{name} at {moment} is left out"
        return SEATS[lane] - sum(seat.lane == lane for seat in self._seats)

    def _waiting(self, strike: FaultStrike) -> Iterator[_Seat]:
        return (
            seat
            for seat in self._seats
            if seat.strike is None and (seat.name, seat.moment) == (strike.name, strike.moment)
        )

    def _seated(self, name: FaultName, moment: Moment, times: int) -> Fault:
        lane = lane_of(name, moment)
        assert lane is not None, f"{name} at {moment} is left out"
        self._seats += [_Seat(lane, name, moment) for _ in range(times)]
        self.injected[name, moment] += times
        more: dict[str, Any] = dict(_PARAMETERS.get(name, {}))
        if moment in ("during", "output"):
            more["at_ms"] = float(self._chance.randrange(*_AT_MS))
        if times > 1 and moment in ("after", "output"):
            more["entry"] = self._chance.choice(
                (*ENGLISH, *KOREAN)
            )  # so that it mostly strikes the same speech again
        return Fault(name=name, moment=moment, times=times, **more)


def _is_over(seat: _Seat, settled: Mapping[int, int]) -> bool:
    return seat.due is not None and all(settled[number] >= count for number, count in seat.due.items())
