"""Every variant puts its messages on the wire in its own order."""

from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
from google.genai.errors import APIError

JFK = "en-11s-16k"
HEAD = ["setupComplete"]

Fixture = Callable[..., Any]
Play = Callable[..., Any]


@pytest.fixture
def play(start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, until: Fixture, draining: Fixture) -> Play:
    """Plays one turn with a variant; gives the session's record once the utterance is done."""

    async def play_turn(**variant: Any) -> Any:
        async with (
            start(variant=variant, resumption_updates=False) as emulator,
            connect(emulator) as session,
            draining(session),
        ):
            record = emulator.sessions[0]
            await say(session, cut(JFK, 5.0, 7.8))
            await until(lambda: bool(record.utterances) and record.utterances[0].complete)
        return record

    return play_turn


def runs(record: Any) -> list[str]:
    """What was sent, neighbours of one kind as one."""
    return [kind for kind, _ in groupby(record.kinds("out"))]


def texts(record: Any, kind: str) -> list[str]:
    """The texts of one kind of message."""
    return [message.data["text"] for message in record.messages if message.kind == kind]


INPUT = {
    "whole": ["inputTranscription", "audioOut"],
    "fragments": ["inputTranscription", "audioOut"],
    "interim": ["interimInputTranscription", "inputTranscription", "audioOut"],
    "missing": ["audioOut"],
}


@pytest.mark.parametrize("form", list(INPUT))
async def test_input_transcription(play: Play, form: str) -> None:
    """The input's words come before the sound in each form, or not at all."""
    record = await play(input_transcription=form, transcription_delay_ms=0, fragment_interval_ms=0)
    expected = [*HEAD, *INPUT[form]]
    assert runs(record)[: len(expected)] == expected
    if form == "fragments":
        assert texts(record, "inputTranscription") == [" what your country", " can do for", " you,"]
    if form == "interim":
        assert texts(record, "interimInputTranscription")[-1] == record.utterances[0].source_text
        final = next(item for item in record.messages if item.kind == "inputTranscription")
        assert final.data["finished"] is True


@pytest.mark.parametrize(("form", "count"), [("after_turn", 1), ("duplicate", 2)])
async def test_late_input_transcription(play: Play, form: str, count: int) -> None:
    """The input's words come after turnComplete, for the first or for the second time."""
    record = await play(input_transcription=form)
    assert runs(record)[-2:] == ["turnComplete", "inputTranscription"]
    assert texts(record, "inputTranscription") == ["what your country can do for you,"] * count


async def test_output_interleaved(play: Play) -> None:
    """Sound and its words alternate, the words add up."""
    record = await play(fragment_words=2)
    assert runs(record)[2:6] == ["audioOut", "outputTranscription", "audioOut", "outputTranscription"]
    assert "".join(texts(record, "outputTranscription")) == record.utterances[0].target_text


async def test_output_before_audio(play: Play) -> None:
    """All words come before the sound."""
    record = await play(output_transcription="before_audio")
    assert runs(record)[2:] == ["outputTranscription", "audioOut", "generationComplete", "turnComplete"]


async def test_output_bundled(play: Play) -> None:
    """The last words come in the message with turnComplete."""
    record = await play(output_transcription="bundled")
    assert runs(record)[-2:] == ["generationComplete", "outputTranscription+turnComplete"]


async def test_output_after_turn_and_missing(play: Play) -> None:
    """The words come after the turn, or never."""
    assert runs(await play(output_transcription="after_turn"))[-1] == "outputTranscription"
    assert "outputTranscription" not in runs(await play(output_transcription="missing"))


async def test_one_bundle(play: Play) -> None:
    """Sound, words and markers share messages."""
    record = await play(bundle=True, multi_part=100, turn_complete="immediate")
    kinds = record.kinds("out")
    assert kinds[1].startswith("audioOut+inputTranscription+outputTranscription")
    assert kinds[-1].endswith("generationComplete+turnComplete")


async def test_parts(play: Play) -> None:
    """A message carries as many parts of sound as it should."""
    record = await play(multi_part=3, audio_chunk_ms=40)
    sound = [message.data for message in record.messages if message.kind == "audioOut"]
    assert sound[0] == {"audio_bytes": 3 * 40 * 48, "parts": 3}
    assert sum(item["audio_bytes"] for item in sound) == record.utterances[0].sent_audio_bytes


async def test_ends_of_turns(play: Play) -> None:
    """A turn ends without generationComplete, or without turnComplete."""
    assert "generationComplete" not in runs(await play(generation_complete=False))
    assert runs(await play(turn_complete="never"))[-1] == "generationComplete"


async def test_text_only(play: Play) -> None:
    """Words without sound."""
    expected = [*HEAD, "inputTranscription", "outputTranscription", "generationComplete", "turnComplete"]
    assert runs(await play(audio=False)) == expected


async def test_silent(start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, until: Fixture) -> None:
    """A silent emulator takes the utterance and answers nothing at all."""
    async with start(variant={"silent": True}) as emulator, connect(emulator) as session:
        record = emulator.sessions[0]
        await say(session, cut(JFK, 5.0, 7.8))
        await until(lambda: bool(record.utterances) and bool(record.utterances[0].answered))
    assert record.kinds("out") == ["setupComplete", "sessionResumptionUpdate"]
    assert not record.utterances[0].complete
    assert emulator.stretches()[JFK] == [(0.0, 11.0, 0)]


async def test_flags_and_languages(play: Play) -> None:
    """Transcriptions carry their language and the mark of the last one."""
    record = await play(finished_flags=True, language_code=True)
    last = [message.data for message in record.messages if message.kind == "outputTranscription"][-1]
    assert (last["languageCode"], last["finished"]) == ("ko", True)
    first = next(message.data for message in record.messages if message.kind == "inputTranscription")
    assert first["languageCode"] == "en"


@pytest.mark.parametrize(
    ("variant", "code"),
    [
        ({"break_after_audio_ms": 300}, 1006),
        ({"close_after_audio_ms": 300, "close_code": 1008, "close_reason": "enough"}, 1008),
    ],
)
async def test_broken_turns(
    start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture, variant: dict[str, Any], code: int
) -> None:
    """The connection breaks or closes in the middle of the sound."""
    async with start(variant=variant) as emulator, connect(emulator) as session:
        await say(session, cut(JFK, 5.0, 7.8))
        with pytest.raises(APIError) as broken:
            await turn(session)
    assert broken.value.code == code
    utterance = emulator.sessions[0].utterances[0]
    assert utterance.sent_audio_bytes == 300 * 48
    assert not utterance.complete


async def test_transcriptions_only_when_asked_for(
    start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture
) -> None:
    """A setup without transcription settings gets none."""
    silent = {"input_audio_transcription": None, "output_audio_transcription": None}
    async with start() as emulator, connect(emulator, **silent) as session:
        await say(session, cut(JFK, 5.0, 7.8))
        await turn(session)
    assert not [kind for kind in emulator.sessions[0].kinds("out") if "Transcription" in kind]


async def test_turn_complete_waits_for_playback(
    start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture
) -> None:
    """TurnComplete comes when the sound would have been played."""
    async with start(time_factor=0.1) as emulator, connect(emulator) as session:
        await say(session, cut(JFK, 5.0, 7.8))
        await turn(session)
    record = emulator.sessions[0]
    at_secs = {message.kind: message.at_secs for message in record.messages}
    utterance = record.utterances[0]
    played_secs = utterance.sent_audio_bytes / 48_000 * 0.1
    assert utterance.ended_at_secs is not None
    assert at_secs["turnComplete"] - utterance.ended_at_secs >= played_secs
    assert at_secs["turnComplete"] - at_secs["generationComplete"] >= played_secs * 0.7
