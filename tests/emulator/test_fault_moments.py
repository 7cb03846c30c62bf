"""Every fault strikes at every moment that it can strike at, as often as it should, and is noted everywhere."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidHandshake

from emulator import KINDS, Emulator, Fault, FaultName, Moment, Scenario
from tests.emulator.talker import Talker, speech, talking

PAIRS = [(name, moment) for name, kind in KINDS.items() for moment in kind.moments]
BEFORE_SESSION = {name for name, kind in KINDS.items() if kind.stage in ("door", "upgrade")}

Start = Callable[..., Emulator]
Until = Callable[..., Any]


async def ended_handle(emulator: Emulator) -> str:
    """The handle of a session that has ended."""
    async with talking(emulator) as talker:
        await talker.until(lambda: talker.count("sessionResumptionUpdate") > 0)
        handle = next(m for m in talker.messages if "sessionResumptionUpdate" in m)
    await talker.until(lambda: emulator.sessions[0].ended_at_secs is not None)
    return str(handle["sessionResumptionUpdate"]["newHandle"])


async def converse(emulator: Emulator, pcm: bytes, handle: str | None) -> None:
    """Connect, say one utterance, and stay."""
    async with talking(emulator, handle=handle) as talker:
        await talker.until(lambda: talker.count("setupComplete") > 0)
        await talker.say(pcm)
        await talker.until(lambda: False)


@pytest.mark.parametrize(("name", "moment"), PAIRS)
async def test_each_fault_at_each_moment(
    start: Start, samples: Scenario, until: Until, name: FaultName, moment: Moment
) -> None:
    """It strikes once, is spent then, and stands in the records of its emulator, session and utterance."""
    async with start() as emulator:
        handle = await ended_handle(emulator) if name == "resume_1007" else None
        speed = {"bytes_per_sec": 1_000_000} if name == "slow_reads" else {}
        emulator.inject(Fault(name=name, moment=moment, **speed))
        task = asyncio.create_task(converse(emulator, speech(samples), handle))
        await until(lambda: bool(emulator.struck))
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, InvalidHandshake, OSError, EOFError):
            await task
        (strike,) = emulator.struck
        number = 1 if handle is None else 2
        utterance = None if moment == "setup" else 1
        assert (strike.name, strike.moment, strike.session, strike.utterance) == (name, moment, number, utterance)
        assert emulator.faults == []
        if name not in BEFORE_SESSION:
            assert emulator.sessions[-1].faults == [strike]
        if moment != "setup":
            assert emulator.sessions[0].utterances[0].faults == [strike]


@pytest.mark.parametrize("moment", ["before", "during", "after", "output", "idle"])
async def test_a_fault_strikes_so_many_times(start: Start, samples: Scenario, moment: Moment) -> None:
    """Once in each of the first ``times`` utterances, never twice in one."""
    fault = Fault(name="not_resumable", moment=moment, times=2, at_ms=100)
    async with start(faults=(fault,)) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        await talker.until(lambda: len(emulator.struck) == 1 and emulator.sessions[0].utterances[0].complete)
        await talker.say(speech(samples))
        await talker.until(lambda: len(emulator.struck) == 2 and emulator.sessions[0].utterances[1].complete)
        await talker.say(speech(samples))
        await talker.answered(3)
    assert [strike.utterance for strike in emulator.struck] == [1, 2]


async def test_a_fault_strikes_over_all_sessions(start: Start) -> None:
    """``times`` counts connections of the emulator, not of a session."""
    async with start(faults=(Fault(name="close_1011", moment="setup", times=2),)) as emulator:
        ends = []
        for _ in range(2):
            async with talking(emulator) as talker:
                ends.append(await talker.closed())
        async with talking(emulator) as talker:
            await talker.until(lambda: talker.count("setupComplete") > 0)
    assert ends == [(1011, "Internal error encountered.")] * 2
    assert [strike.session for strike in emulator.struck] == [1, 2]


@pytest.mark.parametrize(
    ("selector", "struck"),
    [
        ({"session": 2}, [(2, 2)]),
        ({"utterance": 2}, [(2, 2)]),
        ({"utterance": 2, "times": 5}, [(2, 2), (3, 3)]),
        ({"model": "gemini-3.1-flash-live-preview", "times": 5}, [(3, 3)]),
        ({"entry": "kennedy-2", "times": 5}, [(1, 1), (3, 3)]),
    ],
)
async def test_where_a_fault_strikes(
    start: Start, samples: Scenario, selector: dict[str, Any], struck: list[tuple[int, int]]
) -> None:
    """Only in its session, from its utterance on, for its model, in answers with its entry."""
    models = ["gemini-3.8-live", "gemini-3.8-live", "gemini-3.1-flash-live-preview"]
    spoken = [speech(samples), speech(samples, 5.0, 7.8), speech(samples)]
    async with start(faults=(Fault(name="unknown_message", moment="after", **selector),)) as emulator:
        for model, pcm in zip(models, spoken, strict=True):
            async with talking(emulator, model=model) as talker:
                await talker.say(pcm)
                await talker.answered()
    assert [(strike.session, strike.utterance) for strike in emulator.struck] == struck


async def test_a_refused_reconnection(start: Start, samples: Scenario) -> None:
    """At ``setup``, ``utterance`` spares the connections before that utterance began."""
    async with start(faults=(Fault(name="refuse_503", moment="setup", utterance=1, times=2),)) as emulator:
        async with talking(emulator) as talker:
            await talker.say(speech(samples))
            await talker.answered()
        for _ in range(2):
            with pytest.raises(InvalidHandshake):
                async with talking(emulator):
                    pass
        async with talking(emulator) as talker:
            await talker.until(lambda: talker.count("setupComplete") > 0)
    assert len(emulator.sessions) == 2
    assert [(strike.session, strike.utterance) for strike in emulator.struck] == [(2, None)] * 2


@pytest.mark.parametrize(("at_ms", "blocks"), [(0, 1), (300, 3), (950, 10)])
async def test_during_counts_the_sound_that_came(
    start: Start, samples: Scenario, until: Until, at_ms: float, blocks: int
) -> None:
    """It strikes with the block of sound that reaches ``at_ms``."""
    async with start(faults=(Fault(name="reset", moment="during", at_ms=at_ms),)) as emulator:
        async with talking(emulator) as talker:
            await talker.say(speech(samples))
            await talker.closed()
        await until(lambda: emulator.sessions[0].closed)
    (utterance,) = emulator.sessions[0].utterances
    assert utterance.audio == speech(samples)[: blocks * 3200]
    assert utterance.audio_bytes == blocks * 3200
    assert utterance.ended_at_secs is None


@pytest.mark.parametrize("at_ms", [0, 300, 700])
async def test_output_counts_the_sound_that_was_sent(start: Start, samples: Scenario, at_ms: int) -> None:
    """It strikes when just that much of the answer's sound was sent, and not in an answer that has less."""
    faults = (
        Fault(name="reset", moment="output", at_ms=at_ms),
        Fault(name="reset", moment="output", at_ms=60_000),
    )
    async with start(faults=faults) as emulator:
        async with talking(emulator) as talker:
            await talker.say(speech(samples))
            await talker.closed()
            await talker.until(lambda: emulator.sessions[0].closed)
        assert [fault.at_ms for fault in emulator.faults] == [60_000]
    (utterance,) = emulator.sessions[0].utterances
    assert utterance.sent_audio_bytes == len(talker.sound) == at_ms * 48
    assert utterance.answer_audio_bytes > utterance.sent_audio_bytes
    assert not utterance.complete


async def test_idle_waits_for_a_complete_answer_with_nothing_open(start: Start, samples: Scenario) -> None:
    """Not while the next utterance is being said, and not after an answer that was spoiled."""
    faults = (Fault(name="empty_turn", moment="after"), Fault(name="close_1000", moment="idle"))
    async with start(faults=faults, time_factor=0.01) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        await talker.answered()
        await talker.say(speech(samples))
        await talker.start()
        await talker.answered(2)
        await talker.until(lambda: emulator.sessions[0].utterances[1].complete)
        await talker.audio(speech(samples))
        assert [strike.name for strike in emulator.struck] == ["empty_turn"]
        await talker.end()
        assert await talker.closed() == (1000, "The operation was cancelled.")
    assert emulator.struck[-1].utterance == 3


async def test_faults_come_and_go_at_run_time(start: Start, samples: Scenario) -> None:
    """Injected faults strike open sessions; cleared ones strike nobody; other options bring their own."""
    swallowed = Fault(name="swallowed", moment="after", times=9)
    async with start(faults=(swallowed,)) as emulator, talking(emulator) as talker:
        emulator.options = emulator.options.model_copy(update={"faults": ()})
        await talker.say(speech(samples))
        await talker.answered()
        emulator.inject(swallowed)
        assert emulator.faults == [swallowed]
        await talker.say(speech(samples))
        await talker.until(lambda: len(emulator.struck) == 1)
        assert emulator.faults == [swallowed.model_copy(update={"times": 8})]
        emulator.clear_faults()
        await talker.say(speech(samples))
        await talker.answered(2)
    assert len(emulator.struck) == 1


async def test_options_without_a_change_of_faults_leave_them_alone(start: Start) -> None:
    """A fault that has struck is not switched on again by other options that name it, too."""
    async with start(faults=(Fault(name="close_1007", moment="setup"),)) as emulator:
        async with talking(emulator) as talker:
            await talker.closed()
        emulator.options = emulator.options.model_copy(update={"time_factor": 0.5})
        assert emulator.faults == []


def test_several_faults_at_one_moment(samples: Scenario) -> None:
    """They strike in the order in which they were switched on; what comes after the end of a connection is kept."""

    async def run() -> Talker:
        async with Emulator(scenario=samples) as emulator:
            for name in ("unknown_message", "close_1000", "close_1011"):
                emulator.inject(Fault(name=name, moment="before"))
            async with talking(emulator) as talker:
                await talker.start()
                await talker.closed()
            assert [fault.name for fault in emulator.faults] == ["close_1011"]
            return talker

    talker = asyncio.run(run())
    assert talker.messages[-1] == {"serverNotice": {"text": "Something that no client knows."}}
    assert talker.socket.close_code == 1000
