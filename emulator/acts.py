"""Plays the faults that strike a connection as a whole, and the go-away notice that schedules give, too."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.faults import DEADLINE_REASON, QUOTA_REASON, Fault, FaultName
from emulator.link import ConnectionReset, Ending, Link
from emulator.options import EmulatorOptions
from emulator.wire import WireError

INTERRUPTED = {"serverContent": {"interrupted": True}}
TURN_COMPLETE = {"serverContent": {"turnComplete": True}}


@dataclass(frozen=True, slots=True)
class GoingAway:
    """A go-away notice and what follows it.

    Attributes:
        time_left_secs: What the notice says; real seconds.
        ending: How the connection ends when they are over.
        silent: Nothing else is sent after the notice.
    """

    time_left_secs: float
    ending: Ending
    silent: bool = False


async def go_away(link: Link, going: GoingAway) -> None:
    """Send a go-away notice; its deadline ends the connection later."""
    time_left = f"{going.time_left_secs:.3f}".rstrip("0").rstrip(".") + "s"
    await link.send({"goAway": {"timeLeft": time_left}}, "goAway", timeLeft=time_left)
    link.mute = link.mute or going.silent
    link.spawn(link.end_later(going.time_left_secs, going.ending))


async def keep_schedule(link: Link) -> None:
    """Give the notice that the options plan, and end the connection at its age limit; counts from now."""
    options = link.options
    if options.age_limit_secs is not None:
        limit_secs = link.planned_secs(options.age_limit_secs)
        link.spawn(link.end_later(limit_secs, WireError(1011, DEADLINE_REASON)))
    if options.go_away_after_secs is not None:
        await asyncio.sleep(link.planned_secs(options.go_away_after_secs))
        await go_away(link, planned_going(options))


def planned_going(options: EmulatorOptions) -> GoingAway:
    """The notice that the options plan."""
    return GoingAway(
        options.go_away_time_left_secs * options.schedule_factor,
        going_ending(options.go_away_abort, options.go_away_close_code, options.go_away_close_reason),
        options.go_away_silent,
    )


async def act(link: Link, fault: Fault) -> None:
    """Play a fault of the stages ``link`` and ``voice``.

    Raises:
        WireError: It closes the connection.
        ConnectionReset: It resets it.
        ConnectionClosed: The client was faster.
    """
    if fault.name.startswith("close_"):
        raise WireError(int(fault.name.split("_")[1]), fault.value("reason"))
    await _ACTS[fault.name](link, fault)


def going_ending(abort: bool, code: int, reason: str) -> Ending:
    """How a connection ends at the deadline of a goAway."""
    return ConnectionReset() if abort else WireError(code, reason)


async def _reset(link: Link, fault: Fault) -> None:
    raise ConnectionReset


async def _half_open(link: Link, fault: Fault) -> None:
    await link.freeze()


async def _mute(link: Link, fault: Fault) -> None:
    link.mute = True


async def _mute_after_interrupted(link: Link, fault: Fault) -> None:
    await link.send(INTERRUPTED, "interrupted")
    link.mute = True


async def _quota_close(link: Link, fault: Fault) -> None:
    quota = WireError(1011, QUOTA_REASON)
    if fault.moment != "setup" and fault.delay_ms is None:
        raise quota
    link.spawn(link.end_later(link.planned_secs(fault.value("delay_ms") / 1000), quota))


async def _go_away(link: Link, fault: Fault) -> None:
    ending = going_ending(fault.value("abort"), fault.value("close_code"), fault.value("reason"))
    time_left_secs = link.planned_secs(fault.value("time_left_secs"))
    await go_away(link, GoingAway(time_left_secs, ending, silent=fault.name == "silent_after_go_away"))


async def _slow_reads(link: Link, fault: Fault) -> None:
    link.bytes_per_sec = fault.value("bytes_per_sec")


async def _no_pongs(link: Link, fault: Fault) -> None:
    link.socket.pong_delay_secs = math.inf


async def _delayed_pongs(link: Link, fault: Fault) -> None:
    link.socket.pong_delay_secs = link.planned_secs(fault.value("delay_ms") / 1000)


async def _big_frame(link: Link, fault: Fault) -> None:
    link.pad_to_bytes = fault.value("frame_bytes")
    if fault.moment in ("before", "during", "idle"):
        await link.send({"sessionResumptionUpdate": {}}, "sessionResumptionUpdate")


def _messages(*messages: tuple[dict[str, Any], str]) -> Callable[[Link, Fault], Awaitable[None]]:
    async def send(link: Link, fault: Fault) -> None:
        for message, kind in messages:
            await link.send(message, kind)

    return send


_ACTS: Mapping[FaultName, Callable[[Link, Fault], Awaitable[None]]] = {
    "reset": _reset,
    "half_open": _half_open,
    "mute": _mute,
    "mute_after_interrupted": _mute_after_interrupted,
    "quota_close": _quota_close,
    "go_away": _go_away,
    "silent_after_go_away": _go_away,
    "slow_reads": _slow_reads,
    "no_pongs": _no_pongs,
    "delayed_pongs": _delayed_pongs,
    "big_frame": _big_frame,
    "phantom_interrupted": _messages((INTERRUPTED, "interrupted")),
    "phantom_interruption": _messages((INTERRUPTED, "interrupted"), (TURN_COMPLETE, "turnComplete")),
    "premature_turn_complete": _messages((TURN_COMPLETE, "turnComplete")),
    "unknown_message": _messages(({"serverNotice": {"text": "Something that no client knows."}}, "serverNotice")),
    "not_resumable": _messages(
        ({"sessionResumptionUpdate": {"newHandle": "", "resumable": False}}, "sessionResumptionUpdate")
    ),
}
