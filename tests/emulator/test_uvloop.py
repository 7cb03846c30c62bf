"""Faults under uvloop, whose sockets are not asyncio's: what a server with ``--emulator`` runs."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from emulator import Emulator, EmulatorOptions, Fault, FaultName, Moment, Scenario
from tests.emulator.talker import Talker, speech, talking

uvloop = pytest.importorskip("uvloop")


def play(
    samples: Scenario, name: FaultName, moment: Moment, then: Callable[[Talker, Emulator], Awaitable[None]]
) -> None:
    """Say one utterance, with one fault, and do something once it has struck."""

    async def run() -> None:
        options = EmulatorOptions(time_factor=0.0, faults=(Fault(name=name, moment=moment),))
        async with Emulator(options, scenario=samples, control_port=0) as emulator, talking(emulator) as talker:
            await talker.say(speech(samples))
            await talker.until(lambda: bool(emulator.struck))
            await then(talker, emulator)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("moment", ["setup", "during", "output"])
def test_reset(samples: Scenario, moment: Moment) -> None:
    """A reset reaches the client."""

    async def then(talker: Talker, emulator: Emulator) -> None:
        assert (await talker.closed())[0] == 1006

    play(samples, "reset", moment, then)


@pytest.mark.parametrize("moment", ["setup", "during", "output"])
def test_half_open(samples: Scenario, moment: Moment) -> None:
    """A frozen connection answers no ping while another one is served, and does not hold the emulator's end up."""

    async def then(talker: Talker, emulator: Emulator) -> None:
        waiter = await talker.ping()
        async with talking(emulator) as other:
            await other.say(speech(samples))
            await other.answered()
        assert not waiter.done()
        waiter.cancel()

    play(samples, "half_open", moment, then)


def test_pongs(samples: Scenario) -> None:
    """Pings are not answered, everything else is."""

    async def then(talker: Talker, emulator: Emulator) -> None:
        waiter = await talker.ping()
        await talker.answered()
        await talker.say(speech(samples))
        await talker.answered(2)
        assert not waiter.done()
        waiter.cancel()

    play(samples, "no_pongs", "before", then)
