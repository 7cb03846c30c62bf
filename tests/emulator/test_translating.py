"""The translate model: sound without end, an interpretation that begins while the speaker speaks, and no turns."""

import json
import wave
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from google.genai import types

from emulator import Emulator, Scenario
from emulator.audio import resample, to_pcm
from tests.emulator.streaming import CHUNK_BYTES, MODEL, Speaking, into, speaking
from tests.emulator.talker import talking, until

JFK, KO = "en-11s-16k", "ko-30s-16k"
WORDS = (
    "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
)
INTERPRETED = (
    "그러니 국민 여러분, 묻지 마십시오, 조국이 여러분을 위해 무엇을 할 수 있는지. "
    "여러분이 조국을 위해 무엇을 할 수 있는지 물으십시오."
)

Start = Callable[..., Emulator]


def clip(samples: Scenario, name: str, from_secs: float = 0.0, to_secs: float = 60.0) -> bytes:
    """A part of a clip at 16 kHz."""
    sound = resample(samples.clips[name].samples, samples.clips[name].rate_hz, 16_000)
    return to_pcm(sound[round(from_secs * 16_000) : round(to_secs * 16_000)])


async def heard_out(emulator: Emulator, speaker: Speaking) -> None:
    """Pause until everything that was said is done with."""
    record = emulator.sessions[0]
    while not record.utterances or not all(item.complete for item in record.utterances):
        await speaker.pause(0.5)


async def test_whole_speech(start: Start, samples: Scenario) -> None:
    """Every word comes once in both languages, in fragments; the sound is that of the entries."""
    async with start() as emulator, speaking(emulator, into("ko")) as speaker:
        await speaker.say(clip(samples, JFK))
        await heard_out(emulator, speaker)
    record = emulator.sessions[0]
    talker = speaker.talker
    assert speaker.text("inputTranscription") == WORDS
    assert speaker.text("outputTranscription") == INTERPRETED
    assert speaker.codes("inputTranscription") == {"en"}
    assert speaker.codes("outputTranscription") == {"ko"}
    assert len(talker.texts("inputTranscription")) >= 8
    assert len(talker.texts("outputTranscription")) >= 8
    assert all(text.startswith(" ") for text in talker.texts("inputTranscription"))
    entries = [entry for entry in samples.entries if entry.id.startswith("kennedy")]
    assert b"".join(bytes(record.sent_audio[item.from_byte : item.to_byte]) for item in record.said) == b"".join(
        entry.audio for entry in entries
    )
    assert record.sent_audio == talker.sound
    assert emulator.stretches()[JFK] == [(0.0, 11.0, 1)]


async def test_google_genai(start: Start, connect: Callable[..., Any], samples: Scenario) -> None:
    """The unmodified client takes it for the translate model."""
    options = {"translation_config": {"target_language_code": "ko"}}
    heard = said = ""
    sound = b""
    async with start() as emulator, connect(emulator, model=MODEL, manual=False, **options) as session:
        pcm = clip(samples, JFK, 0.0, 5.0) + bytes(64_000)
        for at in range(0, len(pcm), 3200):
            blob = types.Blob(data=pcm[at : at + 3200], mime_type="audio/pcm;rate=16000")
            await session.send_realtime_input(audio=blob)
        async for message in session.receive():
            sound += message.data or b""
            content = message.server_content
            if content and content.input_transcription:
                assert content.input_transcription.language_code == "en"
                heard += content.input_transcription.text or ""
            if content and content.output_transcription:
                assert content.output_transcription.language_code == "ko"
                said += content.output_transcription.text or ""
            if said.endswith("묻지 마십시오,"):
                break
    assert heard == " And so my fellow Americans, ask not"
    assert said == " 그러니 국민 여러분, 묻지 마십시오,"
    assert emulator.sessions[0].target == "ko"
    assert any(sound)


async def test_no_turns(start: Start, samples: Scenario) -> None:
    """No mark of a turn comes, ever; tokens are counted in steps that add up to the sound both ways."""
    async with start() as emulator, speaking(emulator, into("ko")) as speaker:
        await speaker.say(clip(samples, JFK))
        await heard_out(emulator, speaker)
    talker = speaker.talker
    for mark in ("turnComplete", "generationComplete", "interrupted"):
        assert talker.count(mark) == 0
    usage = [message["usageMetadata"] for message in talker.messages if "usageMetadata" in message]
    assert len(usage) == len(talker.sound) // CHUNK_BYTES // 3
    assert sum(item["promptTokenCount"] for item in usage) == pytest.approx(speaker.spoken_ms / 40, abs=25)
    assert sum(item["responseTokenCount"] for item in usage) == pytest.approx(speaker.spoken_ms / 40, abs=25)


async def test_begins_while_the_speaker_speaks(start: Start, samples: Scenario) -> None:
    """Words are interpreted two seconds after they were said; the speech is still going on then."""
    async with start() as emulator, speaking(emulator, into("ko")) as speaker:
        await speaker.say(clip(samples, JFK))
        said_ms = [item.from_byte / 48 for item in emulator.sessions[0].said]
        await heard_out(emulator, speaker)
    onset_ms = 315
    assert onset_ms + 2000 - 500 <= said_ms[0] <= onset_ms + 2000 + 500
    assert len(said_ms) >= 6


@pytest.mark.parametrize("lag_ms", [1000, 3000])
async def test_lag(start: Start, samples: Scenario, lag_ms: int) -> None:
    """How far behind it is, is an option."""
    async with start(translation={"lag_ms": lag_ms}) as emulator, speaking(emulator, into("ko")) as speaker:
        await speaker.say(clip(samples, JFK, 0.0, 5.0))
    assert abs(emulator.sessions[0].said[0].from_byte / 48 - 315 - lag_ms) <= 500


async def test_through_pauses(start: Start) -> None:
    """A chunk for each 250 ms of silence: zeros, and no text."""
    async with start() as emulator, speaking(emulator, into("ko")) as speaker:
        await speaker.pause(5)
    assert len(speaker.talker.sound) == 20 * CHUNK_BYTES
    assert not any(speaker.talker.sound)
    assert speaker.talker.count("inputTranscription") == speaker.talker.count("outputTranscription") == 0


async def test_after_the_uplink_has_stopped(start: Start, samples: Scenario) -> None:
    """What is owed is still said, and then no sound comes any more."""
    async with start() as emulator, speaking(emulator, into("ko")) as speaker:
        record = emulator.sessions[0]
        await speaker.say(clip(samples, JFK, 0.0, 2.2))
        (utterance,) = record.utterances
        before = utterance.sent_audio_bytes
        await until(lambda: utterance.source_text == "And so my fellow Americans,")
        await until(lambda: utterance.sent_audio_bytes == utterance.answer_audio_bytes)
        for _ in range(20):
            await (await speaker.talker.ping())
    assert before < utterance.answer_audio_bytes
    assert record.sent_audio_bytes - record.said[-1].to_byte < 2 * CHUNK_BYTES
    assert utterance.target_text == "그러니 국민 여러분,"


async def test_speech_in_the_target_language(start: Start, samples: Scenario) -> None:
    """It is transcribed, and nothing is said: zeros without text."""
    async with start() as emulator, speaking(emulator, into("en")) as speaker:
        await speaker.say(clip(samples, JFK, 0.0, 5.0))
        await heard_out(emulator, speaker)
    record = emulator.sessions[0]
    assert speaker.text("inputTranscription") == "And so my fellow Americans, ask not"
    assert speaker.talker.count("outputTranscription") == 0
    assert not any(record.sent_audio)
    assert record.said == []
    assert record.utterances[0].answered == ["kennedy-1", "kennedy-2"]


async def test_echo(start: Start, samples: Scenario) -> None:
    """With ``echoTargetLanguage`` it is repeated, with the speaker's own sound and words."""
    async with start() as emulator, speaking(emulator, into("en", echo=True)) as speaker:
        await speaker.say(clip(samples, JFK, 0.0, 5.0))
        await heard_out(emulator, speaker)
    record = emulator.sessions[0]
    assert speaker.text("outputTranscription") == "And so my fellow Americans, ask not"
    assert {item.kind for item in record.said} == {"echo"}
    assert 3.5 <= sum(item.to_byte - item.from_byte for item in record.said) / 48_000 <= 5.5
    assert any(record.sent_audio)


async def test_both_directions(start: Start, samples: Scenario) -> None:
    """Of two sessions on one microphone the one speaks whose target is not being spoken."""
    async with (
        start() as emulator,
        speaking(emulator, into("ko")) as korean,
        speaking(emulator, into("en")) as english,
    ):
        for sound in (clip(samples, JFK, 0.0, 5.0), bytes(64_000), clip(samples, KO, 0.0, 9.0), bytes(192_000)):
            await korean.say(sound)
            await english.say(sound)
        said = {
            session.target: {item.entry.split("-")[0] for item in session.said} for session in emulator.sessions
        }
    assert said == {"ko": {"kennedy"}, "en": {"speech"}}


async def test_without_translation_config(start: Start, samples: Scenario) -> None:
    """Zeros, and texts without words."""
    async with start() as emulator, speaking(emulator, {"responseModalities": ["AUDIO"]}) as speaker:
        await speaker.say(clip(samples, JFK, 0.0, 5.0))
        await heard_out(emulator, speaker)
    assert not any(speaker.talker.sound)
    assert set(speaker.talker.texts("outputTranscription")) == {""}
    assert emulator.sessions[0].target is None


async def test_default_target(start: Start, samples: Scenario) -> None:
    """A ``translationConfig`` that names no language means English."""
    async with start() as emulator, speaking(emulator, into(None)) as speaker:
        await speaker.say(clip(samples, KO, 0.0, 6.0))
        await heard_out(emulator, speaker)
    assert speaker.codes("outputTranscription") == {"en"}
    assert emulator.sessions[0].target == "en"


async def test_unknown_speech(start: Start, samples: Scenario) -> None:
    """Everyday sentences stand for it, the same ones in both sessions, of which one interprets each."""
    strange = to_pcm(resample(samples.clips[KO].samples[: 12 * 16_000], 16_000, 17_000))
    async with (
        start(time_factor=1.0) as emulator,
        speaking(emulator, into("ko")) as korean,
        speaking(emulator, into("en")) as english,
    ):
        for speaker in (korean, english):
            for at in range(0, len(strange), 3200):
                await speaker.talker.audio(strange[at : at + 3200])
            await speaker.talker.audio(bytes(64_000))
        await until(lambda: all(len(item.utterances) and item.utterances[0].answered for item in emulator.sessions))
        first, second = emulator.sessions
        assert first.utterances[0].answered[0] == second.utterances[0].answered[0]


@pytest.mark.slow
async def test_a_speech_without_a_pause_is_cut(start: Start, samples: Scenario) -> None:
    """A minute without a pause is an utterance, and no word is lost between two."""
    once = clip(samples, JFK, 0.2, 2.2)
    async with start() as emulator, speaking(emulator, into("ko")) as speaker:
        await speaker.say(once * 32)
        await heard_out(emulator, speaker)
    assert len(emulator.sessions[0].utterances) == 2
    assert speaker.text("inputTranscription") == " ".join(["And so my fellow Americans,"] * 32)


async def test_other_messages(start: Start) -> None:
    """Tools, instructions, voices and marks are taken, and change nothing."""
    fields: dict[str, Any] = {
        "generationConfig": into("ko") | {"speechConfig": {"languageCode": "ko-KR"}, "temperature": 0.3},
        "systemInstruction": {"parts": [{"text": "Interpret."}]},
        "tools": [{"functionDeclarations": []}],
    }
    async with start() as emulator, talking(emulator, model=MODEL, **fields) as talker:
        await talker.start()
        await talker.audio(bytes(16_000))
        await talker.end()
        await talker.until(lambda: len(talker.sound) == 2 * CHUNK_BYTES)
    assert emulator.sessions[0].kinds("in")[1] == "activityStart"


async def test_handles_come_unasked(start: Start) -> None:
    """A resumption handle every five seconds."""
    async with start() as emulator, speaking(emulator, into("ko")) as speaker:
        await speaker.pause(11)
        await speaker.talker.until(lambda: speaker.talker.count("sessionResumptionUpdate") == 3)


async def test_recording(start: Start, samples: Scenario, tmp_path: Path) -> None:
    """The folder has all sound both ways, and a line for each piece that was said."""
    async with start(server={"record_dir": tmp_path}) as emulator:
        async with speaking(emulator, into("ko")) as speaker:
            await speaker.say(clip(samples, JFK, 0.0, 8.0))
        await until(lambda: emulator.sessions[0].ended_at_secs is not None)
    folder, record = tmp_path / "session-0001", emulator.sessions[0]
    for name, sound in (("received.wav", record.audio), ("sent.wav", record.sent_audio)):
        with wave.open(str(folder / name), "rb") as reader:
            assert reader.readframes(reader.getnframes()) == sound
    lines = (folder / "said.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [asdict(item) for item in record.said]
    assert len(lines) > 3
    utterances = (folder / "utterances.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["number"] for line in utterances] == [item.number for item in record.utterances]
    assert record.utterances[-1].ended_at_secs is None
    assert record.audio.endswith(record.utterances[-1].audio)


async def test_bounds(start: Start, samples: Scenario) -> None:
    """Without sound in memory the records still say what was said, and where."""
    async with start(keep_audio=False) as emulator, speaking(emulator, into("ko")) as speaker:
        await speaker.say(clip(samples, JFK, 0.0, 5.0))
        await heard_out(emulator, speaker)
    record = emulator.sessions[0]
    assert not record.audio
    assert not record.sent_audio
    assert not record.utterances[0].audio
    assert record.sent_audio_bytes == len(speaker.talker.sound)
    assert sum(item.to_byte - item.from_byte for item in record.said) == record.utterances[0].sent_audio_bytes


async def test_go_away(start: Start, samples: Scenario) -> None:
    """The schedule and the handles are those of other sessions."""
    schedule = {"go_away_after_secs": 10, "go_away_time_left_secs": 20, "schedule_factor": 0.01}
    async with start(**schedule) as emulator:
        async with speaking(emulator, into("ko")) as speaker:
            talker = speaker.talker
            await talker.audio(clip(samples, JFK))
            assert (await talker.closed())[0] == 1008
            assert talker.count("goAway") == 1
        handles = [item["sessionResumptionUpdate"] for item in talker.messages if "sessionResumptionUpdate" in item]
        handle: dict[str, Any] = {"sessionResumption": {"handle": handles[-1]["newHandle"]}}
        async with talking(emulator, model=MODEL, generationConfig=into("ko"), **handle) as again:
            await again.until(lambda: again.count("setupComplete") == 1)
    assert emulator.sessions[1].resumed_from == 1


async def test_messages_in_order(start: Start, samples: Scenario) -> None:
    """A fragment of text follows the chunk in which its sound begins."""
    async with start() as emulator, speaking(emulator, into("ko")) as speaker:
        await speaker.say(clip(samples, JFK, 0.0, 8.0))
    kinds = [item for item in emulator.sessions[0].messages if item.direction == "out"]
    for before, after in pairwise(kinds):
        if after.kind == "outputTranscription":
            assert before.kind == "audioOut"
            assert before.data["voiced"]
