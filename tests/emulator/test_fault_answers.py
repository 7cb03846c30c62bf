"""What faults make of an answer: what still comes of it, and whether it counts as complete."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

import pytest

from emulator import KINDS, Emulator, Fault, FaultName, Moment, Scenario, SessionRecord
from emulator.door import Door
from tests.emulator.talker import Talker, speech, talking

SOUND_MS = 901
"""Of the answer to ``speech()``."""
SOURCE, TARGET = "ask not", "묻지 마십시오,"

Start = Callable[..., Emulator]
Played = tuple[Talker, SessionRecord]


async def play(emulator: Emulator, pcm: bytes, next_pcm: bytes) -> Played:
    """Say one utterance, then another one; everything that came up to the second one's end."""
    async with talking(emulator) as talker:
        record = emulator.sessions[0]
        await talker.say(pcm)
        await talker.until(lambda: bool(emulator.struck))
        await talker.say(next_pcm)
        await talker.until(lambda: len(record.utterances) == 2 and record.utterances[1].complete)
        sent = len(record.kinds("out"))
        await talker.until(lambda: len(talker.messages) >= sent)
    return talker, record


@pytest.fixture
def spoil(start: Start, samples: Scenario) -> Callable[..., Any]:
    """Plays a turn that a fault strikes, and a second one, ``kennedy-3``, that it does not."""

    async def spoil_turn(name: FaultName, moment: Moment, **parameters: Any) -> Played:
        options = {"resumption_updates": False, **parameters.pop("options", {})}
        fault = Fault(name=name, moment=moment, **parameters)
        async with start(faults=(fault,), **options) as emulator:
            return await play(emulator, speech(samples), speech(samples, 5.0, 7.8))

    return spoil_turn


def first_answer(talker: Talker) -> list[dict[str, Any]]:
    """The messages up to the second utterance's transcription."""
    second = next(
        number
        for number, content in enumerate(talker.contents)
        if content.get("inputTranscription", {}).get("text", "").startswith("what your country")
    )
    return talker.contents[:second]


def sound_ms(talker: Talker, record: SessionRecord) -> float:
    """The sound of the first answer that came."""
    return (len(talker.sound) - record.utterances[1].answer_audio_bytes) / 48


@pytest.mark.parametrize(
    ("name", "moment", "sound", "ends"),
    [
        ("swallowed", "after", 0, []),
        ("empty_turn", "after", 0, ["turnComplete"]),
        ("missing_turn_end", "after", SOUND_MS, []),
        ("missing_turn_end", "output", SOUND_MS, []),
        ("missing_turn_complete", "after", SOUND_MS, ["generationComplete"]),
        ("missing_turn_complete", "output", SOUND_MS, ["generationComplete"]),
        ("late_turn_complete", "after", SOUND_MS, ["generationComplete", "turnComplete"]),
        ("late_turn_complete", "output", SOUND_MS, ["generationComplete", "turnComplete"]),
        ("frozen_output", "output", 300, []),
        ("stalled_output", "output", SOUND_MS, ["generationComplete", "turnComplete"]),
        ("zero_audio", "after", SOUND_MS, ["generationComplete", "turnComplete"]),
        ("zero_audio", "output", SOUND_MS, ["generationComplete", "turnComplete"]),
        ("no_audio", "after", 0, ["generationComplete", "turnComplete"]),
        ("no_audio", "output", 300, ["generationComplete", "turnComplete"]),
    ],
)
async def test_what_is_left_of_an_answer(
    spoil: Callable[..., Any], name: FaultName, moment: Moment, sound: float, ends: list[str]
) -> None:
    """So much sound, these ends, and the next utterance is answered as ever; spoiled ones are not complete."""
    timed = {"delay_ms": 1} if "delay_ms" in KINDS[name].parameters else {}
    talker, record = await spoil(name, moment, **timed)
    contents = first_answer(talker)
    assert int(sound_ms(talker, record)) == sound
    assert [
        field for content in contents for field in content if field in ("generationComplete", "turnComplete")
    ] == ends
    first, second = record.utterances
    assert [first.complete, second.complete] == [not KINDS[name].spoils, True]
    assert first.sent_audio_bytes // 48 == sound
    assert first.answer_audio_bytes // 48 == SOUND_MS
    assert (first.source_text, first.target_text) == (SOURCE, TARGET)
    texts = [] if name in ("swallowed", "empty_turn") else [SOURCE]
    assert [
        content["inputTranscription"]["text"] for content in contents if "inputTranscription" in content
    ] == texts


async def test_an_incomplete_answer_does_not_count(start: Start, samples: Scenario) -> None:
    """Only complete answers are counted in the stretches."""
    faults = (
        Fault(name="missing_turn_end", moment="output"),
        Fault(name="zero_audio", moment="after", utterance=2),
    )
    async with start(faults=faults) as emulator, talking(emulator) as talker:
        for _ in range(3):
            await talker.say(speech(samples))
        await talker.until(
            lambda: [item.complete for item in emulator.sessions[0].utterances] == [False, False, True]
        )
        times = {stretch.times for stretch in emulator.stretches()["en-11s-16k"]}
    assert times == {0, 1}


@pytest.mark.parametrize(("moment", "from_ms"), [("after", 0), ("output", 300)])
async def test_zero_audio(spoil: Callable[..., Any], moment: Moment, from_ms: int) -> None:
    """The sound is all zeros from there on, of its usual length, beside its text."""
    talker, record = await spoil("zero_audio", moment)
    sound = talker.sound[: record.utterances[0].answer_audio_bytes]
    assert any(sound[: from_ms * 48]) is (from_ms > 0)
    assert not any(sound[from_ms * 48 :])
    assert any(talker.sound[len(sound) :])
    assert "".join(talker.texts("outputTranscription")).startswith(TARGET)


@pytest.mark.parametrize("moment", ["after", "output"])
async def test_no_audio_keeps_the_text(spoil: Callable[..., Any], moment: Moment) -> None:
    """The text comes in full."""
    talker, _ = await spoil("no_audio", moment)
    texts = [
        content["outputTranscription"]["text"]
        for content in first_answer(talker)
        if "outputTranscription" in content
    ]
    assert "".join(texts) == TARGET


@pytest.mark.parametrize(
    ("name", "moment", "kinds"),
    [
        ("late_turn_complete", "after", ["generationComplete", "turnComplete"]),
        ("late_turn_complete", "output", ["generationComplete", "turnComplete"]),
        ("stalled_output", "output", ["audioOut", "audioOut"]),
        ("late_transcripts", "after", ["turnComplete", "inputTranscription"]),
        ("duplicate_transcripts", "after", ["turnComplete", "inputTranscription"]),
    ],
)
async def test_delays(start: Start, samples: Scenario, name: FaultName, moment: Moment, kinds: list[str]) -> None:
    """What is late is late by ``delay_ms`` times the schedule factor."""
    fault = Fault(name=name, moment=moment, delay_ms=20_000)
    variant = {"output_transcription": "before_audio"}
    options = {"schedule_factor": 0.01, "resumption_updates": False, "variant": variant}
    async with start(faults=(fault,), **options) as emulator, talking(emulator) as talker:
        record = emulator.sessions[0]
        await talker.say(speech(samples))
        await talker.until(lambda: record.kinds("out").count(kinds[-1]) > (name == "duplicate_transcripts"))
        await talker.answered()
    out = [message for message in record.messages if message.direction == "out"]
    gaps = [after.at_secs - before.at_secs for before, after in pairwise(out) if [before.kind, after.kind] == kinds]
    assert max(gaps) >= 0.2


async def texts_of_a_turn(start: Start, samples: Scenario, name: FaultName, **parameters: Any) -> Talker:
    """One turn that a fault strikes, with everything that comes after it."""
    fault = Fault(name=name, moment="after", **parameters)
    async with start(faults=(fault,), resumption_updates=False) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples, 5.0, 7.8))
        await talker.answered()
        wanted = {"late_transcripts": 1, "duplicate_transcripts": 2}.get(name, 0)
        await talker.until(lambda: len(talker.texts("inputTranscription")) >= wanted)
        return talker


THIRD = "what your country can do for you,"


async def test_late_transcripts(start: Start, samples: Scenario) -> None:
    """Both transcriptions come after the turn, each whole."""
    talker = await texts_of_a_turn(start, samples, "late_transcripts", delay_ms=50)
    turn_end = next(number for number, content in enumerate(talker.contents) if "turnComplete" in content)
    assert not [c for c in talker.contents[:turn_end] if "inputTranscription" in c or "outputTranscription" in c]
    assert talker.texts("inputTranscription") == [THIRD]


async def test_late_transcripts_hold_up_nobody(start: Start, samples: Scenario) -> None:
    """They may come in the middle of the next answer, or after it."""
    fault = Fault(name="late_transcripts", moment="after", delay_ms=100)
    async with start(faults=(fault,), time_factor=0.02) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        await talker.answered()
        await talker.say(speech(samples, 5.0, 7.8))
        await talker.answered(2)
        await talker.until(lambda: SOURCE in talker.texts("inputTranscription"))
    assert sorted(talker.texts("inputTranscription")) == sorted([SOURCE, THIRD])


async def test_duplicate_transcripts(start: Start, samples: Scenario) -> None:
    """The transcription of the input comes again after the turn."""
    talker = await texts_of_a_turn(start, samples, "duplicate_transcripts", delay_ms=0)
    assert talker.texts("inputTranscription") == [THIRD, THIRD]
    assert "inputTranscription" in talker.contents[-1]


async def test_missing_transcripts(start: Start, samples: Scenario) -> None:
    """There is no text at all, and all the sound."""
    talker = await texts_of_a_turn(start, samples, "missing_transcripts")
    assert talker.texts("inputTranscription") == talker.texts("outputTranscription") == []
    assert talker.sound


async def test_truncated_transcripts(start: Start, samples: Scenario) -> None:
    """The first half of the words that were heard is missing; the interpretation is whole."""
    talker = await texts_of_a_turn(start, samples, "truncated_transcripts")
    assert talker.texts("inputTranscription") == ["can do for you,"]
    assert "".join(talker.texts("outputTranscription")).startswith("조국이 여러분을")


async def test_language_drift(start: Start, samples: Scenario) -> None:
    """The output is in the language of the input, and says so."""
    talker = await texts_of_a_turn(start, samples, "language_drift")
    assert "".join(talker.texts("outputTranscription")) == THIRD
    assert {c["outputTranscription"]["languageCode"] for c in talker.contents if "outputTranscription" in c} == {
        "en"
    }


async def test_unsolicited_transcripts(start: Start, samples: Scenario) -> None:
    """They come although the setup asked for none."""
    fault = Fault(name="unsolicited_transcripts", moment="after")
    silent: dict[str, Any] = {"inputAudioTranscription": None, "outputAudioTranscription": None}
    async with start(faults=(fault,)) as emulator, talking(emulator, **silent) as talker:
        await talker.say(speech(samples))
        await talker.answered()
        assert talker.texts("inputTranscription") == [SOURCE]
        await talker.say(speech(samples))
        await talker.answered(2)
        assert talker.texts("inputTranscription") == [SOURCE]


@pytest.mark.parametrize("parts", [3, 5])
async def test_multi_part(start: Start, samples: Scenario, parts: int) -> None:
    """Messages carry several parts of sound; none is missing."""
    talker = await texts_of_a_turn(start, samples, "multi_part", parts=parts)
    counts = [len(content["modelTurn"]["parts"]) for content in talker.contents if "modelTurn" in content]
    assert counts[0] == parts
    assert set(counts[:-1]) == {parts}


async def test_bundled(start: Start, samples: Scenario) -> None:
    """Sound, text and markers share messages."""
    talker = await texts_of_a_turn(start, samples, "bundled")
    assert {"modelTurn", "inputTranscription"} <= set(talker.contents[0])
    assert max(map(len, talker.contents)) >= 2


async def test_two_faults_of_one_answer(start: Start, samples: Scenario) -> None:
    """Faults add up."""
    faults = (
        Fault(name="multi_part", moment="after", parts=2),
        Fault(name="zero_audio", moment="output", at_ms=400),
    )
    async with start(faults=faults) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        await talker.answered()
        (utterance,) = emulator.sessions[0].utterances
    assert [strike.name for strike in utterance.faults] == ["multi_part", "zero_audio"]
    assert [len(content["modelTurn"]["parts"]) for content in talker.contents if "modelTurn" in content] == [2] * 5
    assert any(talker.sound[: 400 * 48])
    assert not any(talker.sound[400 * 48 :])


async def test_complete_means_written(start: Start, samples: Scenario) -> None:
    """While a client reads nothing, an answer that fills all buffers is not complete; it is once it is read."""
    options = {"variant": {"audio_chunk_ms": 10_000}, "resumption_updates": False}
    fault = Fault(name="big_frame", moment="after", frame_bytes=48 * 2**20)
    async with start(faults=(fault,), **options) as emulator, talking(emulator) as talker:
        await talker.until(lambda: talker.count("setupComplete") > 0)
        talker.socket.transport.pause_reading()
        await talker.say(speech(samples))
        await talker.until(lambda: bool(emulator.sessions[0].utterances and emulator.struck))
        async with talking(emulator) as other:
            await other.say(speech(samples))
            await other.answered()
        assert not emulator.sessions[0].utterances[0].complete
        talker.socket.transport.resume_reading()
        await talker.answered()
        await talker.until(lambda: emulator.sessions[0].utterances[0].complete)


async def test_a_client_that_reads_nothing_does_not_hold_up_the_end(start: Start, samples: Scenario) -> None:
    """The emulator stops although much of what it has sent was never taken."""
    fault = Fault(name="big_frame", moment="after", frame_bytes=48 * 2**20)
    async with AsyncExitStack() as clients:
        async with start(faults=(fault,)) as emulator:
            talker = await clients.enter_async_context(talking(emulator))
            await talker.until(lambda: talker.count("setupComplete") > 0)
            talker.socket.transport.pause_reading()
            await talker.say(speech(samples))
            await talker.until(
                lambda: bool(emulator.struck) and "inputTranscription" in emulator.sessions[0].kinds()
            )
        assert not emulator.sessions[0].utterances[0].complete
        assert emulator.sessions[0].closed
        talker.socket.transport.abort()


async def test_complete_waits_for_the_last_byte(
    start: Start, samples: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer whose last message the operating system has not taken yet is not complete."""
    unsent = [1]
    monkeypatch.setattr(Door, "_unsent_bytes", lambda door: unsent[0])
    async with start() as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        await talker.answered()
        (utterance,) = emulator.sessions[0].utterances
        assert not utterance.complete
        unsent[0] = 0
        await talker.until(lambda: utterance.complete)


@pytest.mark.parametrize("name", ["missing_turn_end", "missing_turn_complete"])
async def test_what_shares_a_message_with_the_turn_end_stays(
    start: Start, samples: Scenario, name: FaultName
) -> None:
    """The last words come, without ``turnComplete`` and without its ``usageMetadata``."""
    options = {"variant": {"output_transcription": "bundled"}, "resumption_updates": False}
    fault = Fault(name=name, moment="after")
    async with start(faults=(fault,), **options) as emulator, talking(emulator) as talker:
        await talker.say(speech(samples))
        await talker.until(lambda: "".join(talker.texts("outputTranscription")) == TARGET)
    assert talker.count("turnComplete") == 0
    assert talker.count("usageMetadata") == 0
