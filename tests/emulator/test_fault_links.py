"""What faults do to a connection, seen from its other end."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from emulator import KINDS, Emulator, Fault, FaultName, Moment, Scenario
from emulator.faults import QUOTA_REASON
from tests.emulator.talker import Talker, speech, talking

CLOSES = {
    "close_1000": (1000, "The operation was cancelled."),
    "close_1007": (1007, "Request contains an invalid argument."),
    "close_1007_no_turn": (1007, "Request contains an invalid argument. No turn to complete."),
    "close_1008": (1008, "Operation is not implemented, or supported, or enabled."),
    "close_1008_deadline": (1008, ""),
    "close_1011": (1011, "Internal error encountered."),
    "close_1011_unavailable": (1011, "The service is currently unavailable."),
    "close_1011_deadline": (1011, "Deadline expired before operation could complete."),
    "reset": (1006, ""),
}
CLOSE_PAIRS = [(name, moment) for name in CLOSES for moment in KINDS[name].moments]  # type: ignore[index]
ANY: list[Moment] = ["setup", "before", "during", "after", "output", "idle"]
TALK = ANY[1:]
SENT = {"setup": 0, "before": 0, "during": 0, "after": 0, "output": 300, "idle": 901}
"""Milliseconds of sound that came before the fault."""

Start = Callable[..., Emulator]


async def another_turn(emulator: Emulator, pcm: bytes) -> None:
    """A whole turn on another connection: by then anything that was going to come has come."""
    async with talking(emulator) as other:
        await other.say(pcm)
        await other.answered()


async def struck(talker: Talker, emulator: Emulator) -> None:
    """Wait until a fault has struck."""
    await talker.until(lambda: bool(emulator.struck))


@pytest.mark.parametrize(("name", "moment"), CLOSE_PAIRS)
async def test_closes(start: Start, samples: Scenario, name: FaultName, moment: Moment) -> None:
    """The connection ends with the service's code and reason, at the moment, not before."""
    async with start(faults=(Fault(name=name, moment=moment),)) as emulator:
        async with talking(emulator) as talker:
            await talker.say(speech(samples))
            assert await talker.closed() == CLOSES[name]
        record = emulator.sessions[0]
        await talker.until(lambda: record.ended_at_secs is not None)
    assert (record.closed, record.close_code) == (True, CLOSES[name][0])
    assert (
        len(talker.sound) // 48
        == SENT[moment]
        == (record.utterances[0].sent_audio_bytes // 48 if record.utterances else 0)
    )
    assert bool(talker.count("setupComplete")) is (moment != "setup")
    assert bool(talker.count("turnComplete")) is (moment == "idle")
    assert [utterance.complete for utterance in record.utterances][:1] == (
        [] if moment == "setup" else [moment == "idle"]
    )


async def test_a_reset_is_a_reset(start: Start) -> None:
    """It is a TCP reset, and no mere end of the stream."""
    async with start(faults=(Fault(name="reset", moment="before"),)) as emulator, talking(emulator) as talker:
        await talker.start()
        await talker.closed()
        assert isinstance(talker.socket.close_exc.__cause__, ConnectionResetError)


async def test_a_reason_of_its_own(start: Start) -> None:
    """A close takes any reason."""
    fault = Fault(name="close_1011", moment="before", reason="RPC::DEADLINE_EXCEEDED")
    async with start(faults=(fault,)) as emulator, talking(emulator) as talker:
        await talker.start()
        assert await talker.closed() == (1011, "RPC::DEADLINE_EXCEEDED")


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
async def test_refused_upgrades(start: Start, status: int) -> None:
    """The upgrade is answered with the status, and there is no session."""
    fault = Fault.model_validate({"name": f"refuse_{status}", "moment": "setup"})
    async with start(faults=(fault,)) as emulator:
        with pytest.raises(InvalidStatus) as refused:
            async with talking(emulator):
                pass
        assert refused.value.response.status_code == status
        assert emulator.sessions == []
        async with talking(emulator) as talker:
            await talker.until(lambda: talker.count("setupComplete") > 0)


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("refuse_key", 1007, "API key not valid. Please pass a valid API key."),
        ("refuse_model", 1008, "models/gemini-3.8-live is not found for API version v1beta, or is not supported"),
        ("refuse_quota", 1011, "You exceeded your current quota"),
    ],
)
async def test_refused_setups(start: Start, name: FaultName, code: int, reason: str) -> None:
    """The setup is answered with a close, and with nothing else."""
    async with start(faults=(Fault(name=name, moment="setup"),)) as emulator, talking(emulator) as talker:
        closed = await talker.closed()
    assert (closed[0], str(closed[1])[: len(reason)]) == (code, reason)
    assert talker.messages == []


async def test_quota_close(start: Start) -> None:
    """The setup succeeds, and ``delay_ms`` later the quota is exceeded; the schedule factor applies."""
    fault = Fault(name="quota_close", moment="setup", delay_ms=3000)
    async with start(faults=(fault,), schedule_factor=0.05) as emulator, talking(emulator) as talker:
        code, reason = await talker.closed()
        record = emulator.sessions[0]
    assert (code, QUOTA_REASON.startswith(str(reason))) == (1011, True)
    assert str(reason).startswith("You exceeded your current quota, please check your plan")
    done = next(message for message in record.messages if message.kind == "setupComplete")
    close = next(message for message in record.messages if message.kind == "close")
    assert close.at_secs - done.at_secs >= 0.15
    assert Fault(name="quota_close", moment="setup").value("delay_ms") == 800


@pytest.mark.parametrize("moment", TALK)
async def test_quota_close_in_a_session(start: Start, samples: Scenario, moment: Moment) -> None:
    """In the middle of a session the quota ends at once."""
    async with start(faults=(Fault(name="quota_close", moment=moment),)) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        code, reason = await talker.closed()
    assert code == 1011
    assert str(reason).startswith("You exceeded your current quota")
    assert len(talker.sound) // 48 == SENT[moment]


@pytest.mark.parametrize("moment", ANY)
@pytest.mark.parametrize("name", ["mute", "half_open"])
async def test_nothing_is_said_any_more(start: Start, samples: Scenario, name: FaultName, moment: Moment) -> None:
    """Nothing comes after the moment; a mute session answers pings and takes utterances, a frozen one does not."""
    async with start(faults=(Fault(name=name, moment=moment),)) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        await struck(talker, emulator)
        record = emulator.sessions[0]
        said, heard_bytes = len(record.kinds("out")), record.audio_bytes
        waiter = await talker.ping()
        await talker.say(speech(samples, 5.0, 7.8))
        await another_turn(emulator, speech(samples))
        if name == "mute":
            await waiter
            await talker.until(
                lambda: len(record.utterances) == 2 and record.utterances[1].answered == ["kennedy-3"]
            )
        else:
            assert not waiter.done()
            assert record.audio_bytes <= heard_bytes + len(speech(samples))
        assert not talker.reader.done()
        assert record.kinds("out")[said:] == []
        assert len(talker.sound) // 48 == SENT[moment]
        assert record.utterances == [] or not record.utterances[-1].complete or moment == "idle"


async def test_half_open_reads_nothing(start: Start, samples: Scenario) -> None:
    """What the client sends piles up on its own side, once the operating systems take no more."""
    async with start(faults=(Fault(name="half_open", moment="before"),)) as emulator:
        async with talking(emulator) as talker:
            await talker.start()
            await struck(talker, emulator)
            flood = asyncio.create_task(talker.audio(bytes(24 * 2**20)))
            for _ in range(5):
                await another_turn(emulator, speech(samples))
            assert not flood.done()
            flood.cancel()
            talker.socket.transport.abort()  # a close would wait for what nobody takes
        assert emulator.sessions[0].audio_bytes < 2**20


async def test_half_open_does_not_answer_a_close(start: Start) -> None:
    """The client's close is not answered, and the emulator still thinks that the session is open."""
    async with start(faults=(Fault(name="half_open", moment="before"),)) as emulator:
        async with talking(emulator) as talker:
            await talker.start()
            await struck(talker, emulator)
            await talker.socket.close()
        assert talker.socket.close_code == 1006
        assert not emulator.sessions[0].closed
    assert emulator.sessions[0].closed


@pytest.mark.parametrize("moment", TALK)
async def test_mute_after_interrupted(start: Start, samples: Scenario, moment: Moment) -> None:
    """``interrupted`` is the last word."""
    fault = Fault(name="mute_after_interrupted", moment=moment)
    async with start(faults=(fault,)) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        await talker.until(lambda: talker.count("interrupted") == 1)
        await another_turn(emulator, speech(samples))
        assert talker.messages[-1] == {"serverContent": {"interrupted": True}}
        assert len(talker.sound) // 48 == SENT[moment]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("phantom_interrupted", ["interrupted"]),
        ("phantom_interruption", ["interrupted", "turnComplete"]),
        ("premature_turn_complete", ["turnComplete"]),
    ],
)
@pytest.mark.parametrize("moment", TALK)
async def test_stray_messages(
    start: Start, samples: Scenario, name: FaultName, fields: list[str], moment: Moment
) -> None:
    """They come when they should not, alone in their message, and the answer goes on to its end."""
    async with start(faults=(Fault(name=name, moment=moment),)) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        await talker.answered(1 + fields.count("turnComplete"))
        await talker.until(lambda: bool(emulator.sessions[0].utterances[0].complete and emulator.struck))
        await talker.until(lambda: len(talker.messages) == len(emulator.sessions[0].kinds("out")))
    stray = [{field: True} for field in fields]
    place = talker.contents.index(stray[0])
    assert talker.contents[place : place + len(stray)] == stray
    sound_before = sum("modelTurn" in content for content in talker.contents[:place])
    assert sound_before == {"output": 3, "idle": 10}.get(moment, 0)
    assert len(talker.sound) == emulator.sessions[0].utterances[0].answer_audio_bytes


@pytest.mark.parametrize("moment", ANY)
async def test_unknown_message(start: Start, samples: Scenario, moment: Moment) -> None:
    """A message of a name that no client knows comes, after ``setupComplete`` at the earliest."""
    fault = Fault(name="unknown_message", moment=moment)
    async with start(faults=(fault,)) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        await talker.answered()
        await talker.until(lambda: talker.count("serverNotice") == 1)
    assert "setupComplete" in talker.messages[0]
    assert len(talker.sound) == emulator.sessions[0].utterances[0].answer_audio_bytes


@pytest.mark.parametrize("moment", ANY)
async def test_not_resumable(start: Start, samples: Scenario, moment: Moment) -> None:
    """A ``sessionResumptionUpdate`` says that the session cannot be resumed now."""
    fault = Fault(name="not_resumable", moment=moment)
    async with (
        start(faults=(fault,), resumption_updates=False) as emulator,
        talking(emulator, sessionResumption=None) as talker,
    ):
        await talker.say(speech(samples))
        await talker.answered()
        await talker.until(lambda: talker.count("sessionResumptionUpdate") == 1)
    (update,) = [message for message in talker.messages if "sessionResumptionUpdate" in message]
    assert update["sessionResumptionUpdate"]["resumable"] is False


@pytest.mark.parametrize("moment", ANY)
async def test_big_frame(start: Start, samples: Scenario, moment: Moment) -> None:
    """One frame is over 1 MiB, and otherwise like any other."""
    async with start(faults=(Fault(name="big_frame", moment=moment),)) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        await talker.answered()
        await talker.until(lambda: max(talker.sizes) > 2**20)
    assert [size for size in talker.sizes if size > 100_000] == [3 * 2**19]
    assert len(talker.sound) == emulator.sessions[0].utterances[0].answer_audio_bytes


@pytest.mark.parametrize("moment", ANY)
async def test_no_pongs(start: Start, samples: Scenario, moment: Moment) -> None:
    """Pings are not answered any more, everything else is."""
    async with start(faults=(Fault(name="no_pongs", moment=moment),)) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        await struck(talker, emulator)
        waiter = await talker.ping()
        await talker.answered()
        await talker.say(speech(samples))
        await talker.answered(2)
        assert not waiter.done()
        waiter.cancel()


async def test_delayed_pongs(start: Start, samples: Scenario) -> None:
    """Pings are answered late; messages are not late."""
    fault = Fault(name="delayed_pongs", moment="setup", delay_ms=10_000)
    async with start(faults=(fault,), schedule_factor=0.1) as emulator, talking(emulator) as talker:
        await struck(talker, emulator)
        waiter = await talker.ping()
        await talker.say(speech(samples))
        await talker.answered()
        assert not waiter.done()
        assert await waiter >= 0.99


async def test_slow_reads(start: Start, samples: Scenario) -> None:
    """Frames are taken no faster than told: the end of an utterance is seen late."""
    fault = Fault(name="slow_reads", moment="before", bytes_per_sec=200_000)
    pcm = speech(samples)
    async with start(faults=(fault,)) as emulator, talking(emulator) as talker:
        await talker.say(pcm)
        await talker.answered()
        record = emulator.sessions[0]
    at_secs = {message.kind: message.at_secs for message in record.messages}
    wire_bytes = len(pcm) * 4 / 3
    assert at_secs["activityEnd"] - at_secs["activityStart"] >= wire_bytes / 200_000


async def test_a_model_that_fails(start: Start) -> None:
    """Only connections for one model fail, others work: what fallback models are for."""
    fault: dict[str, Any] = {"name": "close_1011", "moment": "setup", "model": "gemini-3.8-live", "times": 2}
    async with start(faults=(Fault.model_validate(fault),)) as emulator:
        async with talking(emulator) as talker:
            assert (await talker.closed())[0] == 1011
        async with talking(emulator, model="gemini-3.1-flash-live-preview") as talker:
            await talker.until(lambda: talker.count("setupComplete") > 0)
