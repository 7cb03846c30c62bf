"""The matrix: every fault of the emulator, at every moment at which it can strike, once, twice and three times.

What must come of a case follows from the fault alone, by the tables here; nobody wrote it down case by case.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from emulator import EmulatorOptions
from emulator.faults import KINDS, Fault, FaultName, Moment
from gemini.connectors import ConnectorName
from tests.faults.case import Case
from tests.faults.judge import End, Expected
from tests.faults.run import SPEED
from tests.faults.saying import LEAST_VOICE_MS, draw_names

TIMES = (1, 2, 3)
AUTH = End("UPSTREAM_AUTH", 1011)
QUOTA = End("UPSTREAM_QUOTA", 1013)
UNAVAILABLE = End("UPSTREAM_UNAVAILABLE", 1011)
SETTINGS: Mapping[str, Any] = {
    "turn_timeout_secs": 2.5,
    "late_text_ms": 400,
    "connect_timeout_secs": 3.0,
    "reconnect_secs": 25.0,
    "audio_gap_ms": 60_000,
    "max_loop_lag_ms": 0,
    "init_timeout_secs": 60,
    "ws_ping_interval": 60,
    "ws_ping_timeout": 60,
}
"""Short waits for the upstream, and none that a busy machine could exceed for the client."""
_PHRASES = 4
_STRUCK_FROM = 2
"""The utterance that is struck first: there is one before it, and there are two after it."""
_CHUNKS_MS = (20, 60, 128, 250)
_AT_MS = (300, LEAST_VOICE_MS - 500)
_REFUSED: Mapping[FaultName, End] = {
    "refuse_401": AUTH,
    "refuse_403": AUTH,
    "refuse_404": AUTH,
    "refuse_key": AUTH,
    "refuse_model": AUTH,
    "refuse_429": QUOTA,
    "refuse_quota": QUOTA,
}
"""Refusals after which nobody tries again."""
_FATAL: Mapping[FaultName, End] = {**_REFUSED, "quota_close": QUOTA}
_FATAL_AT_SETUP: Mapping[FaultName, End] = {**_FATAL, "close_1007": AUTH}
_HANGS: frozenset[FaultName] = frozenset({"black_hole", "half_open", "mute"})
"""At setup, the upstream answers nothing."""
_STAYS: frozenset[FaultName] = frozenset(
    {"slow_reads", "no_pongs", "delayed_pongs", "unknown_message", "not_resumable", "big_frame"}
)
"""At setup, the connection goes on; so that another one is struck, it is broken later."""
_HARMLESS: frozenset[FaultName] = frozenset(
    {
        *_STAYS - {"slow_reads"},
        "missing_turn_complete",
        "late_transcripts",
        "duplicate_transcripts",
        "missing_transcripts",
        "truncated_transcripts",
        "unsolicited_transcripts",
        "multi_part",
        "bundled",
        "stalled_output",
    }
)
"""The answer comes whole all the same, so nothing may be sent again."""
_OTHER_TEXTS: frozenset[FaultName] = frozenset(
    {"missing_transcripts", "truncated_transcripts", "unsolicited_transcripts", "language_drift"}
)
"""The upstream's texts are not those that were said."""
_REFUSES_SPEECH: frozenset[FaultName] = frozenset({"close_1007", "close_1007_no_turn"})
"""It may be the bytes that are refused: they are not sent a third time."""
_GIVEN_UP_IN_PART: frozenset[tuple[FaultName, Moment]] = frozenset(
    {("close_1007", "before"), ("close_1007", "during")}
)
"""Refused twice while it is spoken, an utterance goes on behind what was said of it: no loss of a whole one."""
_UNANSWERED: tuple[FaultName, ...] = ("swallowed", "empty_turn", "no_audio", "zero_audio")
_MOST_REPLAYS = 3
_PARAMETERS: Mapping[FaultName, Mapping[str, Any]] = {
    "quota_close": {"delay_ms": 100.0},
    "go_away": {"time_left_secs": 3.0},
    "silent_after_go_away": {"time_left_secs": 3.0},
    "slow_reads": {"bytes_per_sec": 200_000},
    "delayed_pongs": {"delay_ms": 2000.0},
    "late_turn_complete": {"delay_ms": 3000.0},
    "stalled_output": {"delay_ms": 1000.0},
    "late_transcripts": {"delay_ms": 150.0},
    "duplicate_transcripts": {"delay_ms": 1500.0},
}
"""In proportion to ``SETTINGS``: a stall is shorter than ``turn_timeout_secs``, late text than ``late_text_ms``."""


def all_cases(seed: int = 1, *, connector: ConnectorName = "genai") -> list[Case]:
    """The whole matrix.

    Args:
        seed: Decides what is said, in which chunks, and where exactly a fault strikes.
        connector: The server's.
    """
    chosen = {"gemini_connector": connector}
    return [replace(case, settings={**case.settings, **chosen}) for case in _Matrix(seed).cases()]


def short_cases(seed: int = 1) -> list[Case]:
    """A dozen cases that between them take every way of repair, and a few of them with the lean connector."""
    genai = {case.name: case for case in all_cases(seed)}
    lean = {case.name: case for case in all_cases(seed, connector="lean")}
    return [*(genai[name] for name in SHORT), *(lean[name] for name in SHORT_LEAN)]


SHORT = (
    "none:-:0",
    "refuse-503:connect:2",
    "refuse-key:connect:1",
    "reset:during:1",
    "reset:output:3",
    "close-1011:after:2",
    "half-open:idle:1",
    "go-away:during:1",
    "swallowed:after:3",
    "zero-audio:after:1",
    "bundled:after:3",
    "refuse-503:reconnect:2",
    "refuse-key:reconnect:1",
    "quota-close:output:1",
    "away:beyond-ring:1",
    "swallowed:after:4",
)
SHORT_LEAN = ("none:-:0", "refuse-key:connect:1", "reset:output:3", "half-open:idle:1", "refuse-503:reconnect:2")
"""One for each way in which a connector can fail."""


@dataclass(frozen=True, slots=True)
class _Draw:
    """What chance decides in a case."""

    phrases: tuple[str, ...]
    pauses_ms: tuple[int, ...]
    chunk_ms: int
    at_ms: float

    @classmethod
    def of(cls, seed: int, fault: str, moment: str, times: int) -> "_Draw":
        rng = random.Random(f"{seed}:{fault}:{moment}:{times}")
        return cls(
            draw_names(rng, _PHRASES),
            tuple(rng.randrange(0, 400) for _ in range(_PHRASES)),
            rng.choice(_CHUNKS_MS),
            float(rng.randrange(*_AT_MS)),
        )


class _Matrix:
    """Makes the cases of one seed."""

    def __init__(self, seed: int):
        self._seed = seed

    def cases(self) -> Iterator[Case]:
        """All of them."""
        yield self._case("none", "-", 0, Expected(replays=0))
        yield from self._at_connect()
        yield from self._in_talk()
        yield from self._while_reconnecting()
        yield from self._away()
        yield from self._given_up()

    def _at_connect(self) -> Iterator[Case]:
        """The client's first connection is refused, or struck as soon as it is there."""
        for name in _with_moment("setup"):
            if name == "resume_1007":
                continue  # the first connection resumes nothing
            end = UNAVAILABLE if name in _HANGS else _FATAL_AT_SETUP.get(name)
            for times in (1,) if end else TIMES:
                losses = times - 1 if name in _STAYS else 0
                faults = (_fault(name, "setup", times), *self._losses(losses, name, "connect", times))
                yield self._case(name, "connect", times, Expected(times + losses, end, answered=0), faults=faults)

    def _in_talk(self) -> Iterator[Case]:
        """A session that works is struck, at each moment at which the fault can."""
        for name, kind in KINDS.items():
            for moment in kind.moments:
                if moment != "setup":
                    once = name in _FATAL or (name, moment) in _GIVEN_UP_IN_PART
                    for times in (1,) if once else TIMES:
                        yield self._struck(name, moment, times)

    def _struck(self, name: FaultName, moment: Moment, times: int) -> Case:
        idle = moment == "idle"
        from_utterance = None if idle else _STRUCK_FROM
        fault = _fault(name, moment, times, at_ms=self._at_ms(name, moment, times), utterance=from_utterance)
        expected = Expected(
            strikes=times,
            end=_FATAL.get(name),
            may_drop=name in _REFUSES_SPEECH and not idle and times > 1,
            whole_texts=name not in _OTHER_TEXTS,
            replays=0 if name in _HARMLESS else None,
        )
        return self._case(name, moment, times, expected, faults=(fault,), waits=idle)

    def _while_reconnecting(self) -> Iterator[Case]:
        """The connection breaks in the middle of an utterance, and what is dialled after it is struck."""
        for name in _with_moment("setup"):
            end = _FATAL_AT_SETUP.get(name)
            for times in (1,) if end else TIMES:
                losses = times if name in _STAYS or name == "resume_1007" else 1
                faults = (*self._losses(losses, name, "reconnect", times), _fault(name, "setup", times))
                settings = {"session_resumption": True} if name == "resume_1007" else {}
                expected = Expected(times + losses, end)
                yield self._case(name, "reconnect", times, expected, injected=faults, settings=settings)

    def _away(self) -> Iterator[Case]:
        """The connection breaks, and the upstream stays away: for a while, for longer than the ring, for good."""
        for moment, end, may_drop, settings in (
            ("short", None, False, {}),
            ("beyond-ring", None, True, {"uplink_ring_secs": 6.0}),
            ("for-good", UNAVAILABLE, False, {"reconnect_secs": 2.0}),
        ):
            yield self._case(
                "away",
                moment,
                1,
                Expected(1, end, may_drop=may_drop),
                injected=self._losses(1, "away", moment, 1),
                refuse="503",
                comes_back=end is None,
                settings=settings,
            )

    def _given_up(self) -> Iterator[Case]:
        """An utterance is never answered as it should be, however often it is sent."""
        for name in _UNANSWERED:
            times = 1 + _MOST_REPLAYS
            fault = _fault(name, "after", times, utterance=_STRUCK_FROM)
            yield self._case(name, "after", times, Expected(times, may_drop=True), faults=(fault,))

    def _case(self, fault: str, moment: str, times: int, expected: Expected, **more: Any) -> Case:
        drawn = _Draw.of(self._seed, fault, moment, times)
        options = EmulatorOptions(time_factor=1 / SPEED, faults=more.pop("faults", ()))
        return Case(
            fault=fault,
            moment=moment,
            times=times,
            phrases=drawn.phrases,
            pauses_ms=drawn.pauses_ms,
            chunk_ms=drawn.chunk_ms,
            expected=expected,
            options=options,
            settings={**SETTINGS, **more.pop("settings", {})},
            **more,
        )

    def _at_ms(self, fault: str, moment: str, times: int) -> float:
        return _Draw.of(self._seed, fault, moment, times).at_ms

    def _losses(self, count: int, fault: str, moment: str, times: int) -> tuple[Fault, ...]:
        """Connections that break in the middle of an utterance."""
        at_ms = self._at_ms(fault, moment, times)
        loss = {"name": "reset", "moment": "during", "at_ms": at_ms, "utterance": _STRUCK_FROM}
        return (Fault.model_validate({**loss, "times": count}),) if count else ()


def _fault(name: FaultName, moment: Moment, times: int, **more: Any) -> Fault:
    return Fault(name=name, moment=moment, times=times, **_PARAMETERS.get(name, {}), **more)


def _with_moment(moment: Moment) -> list[FaultName]:
    return [name for name, kind in KINDS.items() if moment in kind.moments]
