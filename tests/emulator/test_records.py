"""What the records say of utterances that came in part, and how much they keep."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator import Emulator, Fault, Scenario
from tests.emulator.talker import speech, talking, until

Start = Callable[..., Emulator]


@pytest.mark.parametrize("keep", [True, False])
async def test_an_utterance_that_never_ended(start: Start, samples: Scenario, keep: bool) -> None:
    """What came of it is counted, and kept where sound is kept."""
    pcm = speech(samples)[:9600]
    async with start(keep_audio=keep) as emulator:
        async with talking(emulator) as talker:
            await talker.start()
            await talker.audio(pcm)
            await talker.until(lambda: emulator.sessions[0].audio_bytes == len(pcm))
        await until(lambda: emulator.sessions[0].ended_at_secs is not None)
    (utterance,) = emulator.sessions[0].utterances
    assert (utterance.audio_bytes, utterance.ended_at_secs, utterance.complete) == (len(pcm), None, False)
    assert utterance.audio == (pcm if keep else b"")


async def test_in_automatic_mode(start: Start, samples: Scenario) -> None:
    """The same of an utterance that the emulator cut itself."""
    async with start() as emulator:
        async with talking(emulator, realtimeInputConfig=None) as talker:
            await talker.audio(speech(samples))
            await talker.until(lambda: emulator.sessions[0].audio_bytes == len(speech(samples)))
        await until(lambda: emulator.sessions[0].ended_at_secs is not None)
    (utterance,) = emulator.sessions[0].utterances
    assert utterance.ended_at_secs is None
    assert 0 < utterance.audio_bytes <= len(speech(samples))
    assert utterance.audio in speech(samples)


async def test_numbers_go_over_all_sessions(start: Start, samples: Scenario) -> None:
    """An utterance's number counts over the emulator's life."""
    async with start() as emulator:
        for _ in range(2):
            async with talking(emulator) as talker:
                await talker.say(speech(samples))
                await talker.say(speech(samples))
                await talker.answered(2)
    assert [item.number for session in emulator.sessions for item in session.utterances] == [1, 2, 3, 4]


@pytest.mark.slow
async def test_bounds(start: Start, samples: Scenario) -> None:
    """Without sound the records keep a part of what there was; a closed session keeps less."""
    fault = Fault(name="not_resumable", moment="before", times=100_000)
    pcm = speech(samples)[:3200]
    options: dict[str, Any] = {"keep_audio": False, "variant": {"silent": True}, "faults": (fault,)}
    async with start(**options) as emulator:
        async with talking(emulator) as talker:
            for _ in range(2100):
                await talker.start()
                await talker.audio(pcm)
                await talker.end()
            record = emulator.sessions[0]
            await talker.until(lambda: record.audio_bytes == 2100 * len(pcm))
            await talker.until(lambda: record.utterances[-1].ended_at_secs is not None)
            assert 2000 <= len(record.messages) <= 4000
            assert len(record.utterances) == 200
            assert len(record.faults) == 2000
            assert record.utterances[-1].number == 2100
        await until(lambda: record.ended_at_secs is not None)
        assert len(record.messages) == 500
        assert not record.audio
        for _ in range(205):
            async with talking(emulator, setup=False):
                pass
        await until(lambda: sum(not session.closed for session in emulator.sessions) == 0)
    assert len(emulator.sessions) <= 201
    assert len(emulator.struck) == 2100


async def test_the_folder_has_everything(start: Start, samples: Scenario, tmp_path: Path) -> None:
    """Faults, and utterances that are not answered, are written to disk, too."""
    faults = (Fault(name="swallowed", moment="after"), Fault(name="reset", moment="during", utterance=2))
    async with start(server={"record_dir": tmp_path}, faults=faults) as emulator:
        async with talking(emulator) as talker:
            await talker.say(speech(samples))
            await talker.until(lambda: len(emulator.struck) == 1)
            await talker.say(speech(samples))
            await talker.closed()
        await until(lambda: emulator.sessions[0].ended_at_secs is not None)
    folder = tmp_path / "session-0001"
    utterances = [json.loads(line) for line in (folder / "utterances.jsonl").read_text().splitlines()]
    strikes = [json.loads(line) for line in (folder / "faults.jsonl").read_text().splitlines()]
    assert [(item["number"], item["complete"], len(item["faults"])) for item in utterances] == [
        (1, False, 1),
        (2, False, 1),
    ]
    assert [(item["name"], item["moment"], item["utterance"]) for item in strikes] == [
        ("swallowed", "after", 1),
        ("reset", "during", 2),
    ]
    assert (folder / "utterance-0002.wav").stat().st_size == 44 + 3 * 3200


@pytest.mark.parametrize(("handling", "ends"), [("honoured", True), ("ignored", False)])
async def test_silence_duration(start: Start, samples: Scenario, handling: str, ends: bool) -> None:
    """The setup's ``silenceDurationMs`` has no effect where the option says so."""
    detection = {"automaticActivityDetection": {"silenceDurationMs": 100}}
    pcm = speech(samples) + bytes(32_000)
    async with (
        start(silence_duration=handling, silence_duration_ms=3000) as emulator,
        talking(emulator, realtimeInputConfig=detection) as talker,
    ):
        record = emulator.sessions[0]
        await talker.audio(pcm)
        await talker.until(lambda: record.audio_bytes == len(pcm))
        assert any(item.ended_at_secs is not None for item in record.utterances) is ends


async def test_utterances_that_were_waiting_are_written(start: Start, samples: Scenario, tmp_path: Path) -> None:
    """Who leaves while utterances wait for their answers leaves all of them behind."""
    async with start(server={"record_dir": tmp_path}, time_factor=1.0) as emulator:
        async with talking(emulator) as talker:
            for _ in range(3):
                await talker.say(speech(samples))
            await talker.until(lambda: emulator.sessions[0].kinds("in").count("activityEnd") == 3)
        await until(lambda: emulator.sessions[0].ended_at_secs is not None)
    lines = (tmp_path / "session-0001" / "utterances.jsonl").read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3]
    assert (tmp_path / "session-0001" / "utterance-0003.wav").exists()
