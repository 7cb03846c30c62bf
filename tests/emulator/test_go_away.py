"""The go-away schedule: what is sent when, how it ends, and what scales it."""

from collections.abc import Callable
from typing import Any

import pytest

from emulator import Emulator, EmulatorOptions, Fault, FaultName, Moment, Scenario
from emulator.record import SessionRecord
from tests.emulator.talker import speech, talking

Start = Callable[..., Emulator]
DEADLINE = (1011, "Deadline expired before operation could complete.")


def at_secs(record: SessionRecord, kind: str) -> float:
    """When the first message of a kind was sent."""
    return next(message.at_secs for message in record.messages if message.kind == kind)


@pytest.mark.parametrize(
    ("options", "time_left", "end"),
    [
        ({"go_away_after_secs": 540}, "0.05s", (1008, "")),
        ({"go_away_after_secs": 1, "go_away_time_left_secs": 300}, "0.3s", (1008, "")),
        ({"go_away_after_secs": 0, "go_away_time_left_secs": 1000}, "1s", (1008, "")),
        (
            {"go_away_after_secs": 100, "go_away_close_code": 1011, "go_away_close_reason": "x"},
            "0.05s",
            (1011, "x"),
        ),
        ({"go_away_after_secs": 100, "go_away_close_code": 1000}, "0.05s", (1000, "")),
        ({"go_away_after_secs": 100, "go_away_abort": True}, "0.05s", (1006, "")),
    ],
)
async def test_schedules(start: Start, options: dict[str, Any], time_left: str, end: tuple[int, str]) -> None:
    """A goAway after so long, with the time that is really left, and the end when it is over."""
    async with start(schedule_factor=0.001, **options) as emulator, talking(emulator) as talker:
        assert await talker.closed() == end
    record = emulator.sessions[0]
    notices = [message["goAway"] for message in talker.messages if "goAway" in message]
    assert notices == [{"timeLeft": time_left}]
    after_secs = options["go_away_after_secs"] / 1000
    left_secs = options.get("go_away_time_left_secs", 50) / 1000
    assert at_secs(record, "goAway") - at_secs(record, "setupComplete") >= after_secs * 0.99
    last = "break" if end[0] == 1006 else "close"
    assert at_secs(record, last) - at_secs(record, "goAway") >= left_secs * 0.99


async def test_age_limit(start: Start) -> None:
    """The connection ends at its age without any notice, as was seen at 58:00."""
    async with start(age_limit_secs=3480, schedule_factor=0.0001) as emulator, talking(emulator) as talker:
        assert await talker.closed() == DEADLINE
    assert talker.count("goAway") == 0
    record = emulator.sessions[0]
    assert at_secs(record, "close") - at_secs(record, "setupComplete") >= 0.348 * 0.99


async def test_the_schedule_has_a_factor_of_its_own(start: Start, samples: Scenario) -> None:
    """``time_factor`` leaves it alone: answers without delays, and a goAway in its own time."""
    assert EmulatorOptions(time_factor=0.0).schedule_factor == 1.0
    async with start(go_away_after_secs=0.3, go_away_time_left_secs=0.1) as emulator:
        async with talking(emulator) as talker:
            await talker.say(speech(samples))
            await talker.answered()
            assert talker.count("goAway") == 0
            await talker.closed()
        assert talker.count("goAway") == 1


async def test_each_connection_has_its_own_schedule(start: Start) -> None:
    """It counts from a connection's setup."""
    async with start(go_away_after_secs=0.1, go_away_time_left_secs=0.05) as emulator:
        for _ in range(2):
            async with talking(emulator) as talker:
                assert (await talker.closed())[0] == 1008
    for record in emulator.sessions:
        assert at_secs(record, "goAway") - at_secs(record, "setupComplete") >= 0.099


@pytest.mark.parametrize(("silent", "answers"), [(False, 1), (True, 0)])
async def test_silence_after_go_away(start: Start, samples: Scenario, silent: bool, answers: int) -> None:
    """After goAway the session goes on as ever until the deadline, or says nothing more; utterances are taken."""
    options = {"go_away_after_secs": 0, "go_away_time_left_secs": 1.0, "go_away_silent": silent}
    async with start(**options) as emulator, talking(emulator) as talker:
        await talker.until(lambda: talker.count("goAway") == 1)
        await talker.say(speech(samples))
        assert (await talker.closed())[0] == 1008
    assert talker.count("turnComplete") == answers
    assert emulator.sessions[0].utterances[0].answered == ["kennedy-2"]


@pytest.mark.parametrize("moment", ["setup", "before", "during", "after", "output", "idle"])
@pytest.mark.parametrize(("name", "silent"), [("go_away", False), ("silent_after_go_away", True)])
async def test_go_away_as_a_fault(
    start: Start, samples: Scenario, name: FaultName, silent: bool, moment: Moment
) -> None:
    """At any moment of a turn, which then goes on, or not."""
    fault = Fault(name=name, moment=moment, time_left_secs=500, close_code=1011, reason="over")
    async with start(faults=(fault,), schedule_factor=0.001) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        assert await talker.closed() == (1011, "over")
    place = next(number for number, message in enumerate(talker.messages) if "goAway" in message)
    assert talker.messages[place] == {"goAway": {"timeLeft": "0.5s"}}
    assert bool(talker.messages[place + 1 :]) is (not silent and moment != "idle")
    sounds = sum("modelTurn" in message.get("serverContent", {}) for message in talker.messages[:place])
    assert sounds == {"output": 3, "idle": 10}.get(moment, 0)


async def test_the_fault_can_end_with_a_reset(start: Start) -> None:
    """Abort in place of a close."""
    fault = Fault(name="go_away", moment="setup", time_left_secs=0.05, abort=True)
    async with start(faults=(fault,)) as emulator, talking(emulator) as talker:
        assert (await talker.closed())[0] == 1006


async def test_go_away_now(start: Start) -> None:
    """A session can be told to go away, closed or reset at any time; one that is not open cannot."""
    async with start() as emulator:
        async with talking(emulator) as talker:
            await talker.until(lambda: talker.count("setupComplete") == 1)
            await emulator.go_away(1)
            await talker.until(lambda: talker.count("goAway") == 1)
            assert talker.messages[-1] == {"goAway": {"timeLeft": "50s"}}
            emulator.close_session(1, 1011, "enough")
            assert await talker.closed() == (1011, "enough")
        async with talking(emulator) as talker:
            await talker.until(lambda: talker.count("setupComplete") == 1)
            with pytest.raises(LookupError, match="session 1 is not open; open: 2"):
                emulator.close_session(1)
            emulator.reset_session(2)
            assert (await talker.closed())[0] == 1006
