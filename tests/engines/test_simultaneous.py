"""Simultaneous interpreting from socket to emulator: what it promises beyond what every engine does."""

from typing import Any

import pytest

from emulator import EmulatorOptions, Fault
from emulator.options import Translation
from tests.support.conversation import Conversation, conversation
from tests.support.engines import ENGINES
from tests.support.speech import silence, spoken, texts, words_only

FIXED, AUTO = ENGINES["simultaneous, fixed"], ENGINES["simultaneous, auto"]
MODEL = "models/gemini-3.5-live-translate-preview"
MONOLOGUE = [f"harvard-{part}" for part in ("1", "2", "3", "4", "5", "6", "7a", "7b", "8", "9", "10a", "10b")]
ONE_SECOND = EmulatorOptions(time_factor=0.0, translation=Translation(lag_ms=1000))


async def test_the_sessions_are_set_up_to_translate_and_nothing_else() -> None:
    """One session a direction, each with its target, and without what the model ignores."""
    async with AUTO.conversation(EmulatorOptions(time_factor=0.0), gemini_voice="Kore") as talk:
        await talk.client.stream(spoken("kennedy-1") + silence(3000), speed=40)
        assert {session.target for session in talk.emulator.sessions} == {"en", "ko"}
        for session in talk.emulator.sessions:
            assert session.setup["model"] == MODEL
            assert set(session.setup["generationConfig"]) == {"responseModalities", "translationConfig"}
            assert set(session.setup) == {
                "model",
                "generationConfig",
                "inputAudioTranscription",
                "outputAudioTranscription",
                "contextWindowCompression",
            }


@pytest.mark.parametrize("config", [{"language": "en"}, {"language": "auto"}], ids=["fixed", "auto"])
async def test_output_starts_while_somebody_speaks(config: dict[str, Any]) -> None:
    """An utterance of more than four seconds is interpreted before it ends; with two sessions, too."""
    phrases = ("harvard-1", "harvard-2", "harvard-3")
    async with conversation(ONE_SECOND, pipeline="simultaneous", config=config, segment_silence_ms=600) as talk:
        await talk.client.stream(words_only(*phrases), speed=4)
        assert talk.states == ["speaking"]
        assert talk.client.of("audio_response")
        assert talk.client.of("output_transcription")
        await talk.client.stream(silence(6000), speed=20)
        await talk.client.wait_until(lambda: bool(talk.turns) and talk.turns[-1].complete)
        assert "processing" not in talk.states, "the utterance had output before it was finished"


async def test_only_what_is_said_goes_up() -> None:
    """Silence is paid for: it goes up for the tail after an utterance, and not beyond, in pieces of 100 ms."""
    async with FIXED.conversation(
        EmulatorOptions(time_factor=0.0), config=FIXED.english, stream_tail_secs=1
    ) as talk:
        await talk.client.stream(silence(20_000), speed=40)
        assert len(talk.upstream.audio) == 0
        await talk.say("kennedy-1", speed=4)
        await talk.client.stream(silence(20_000), speed=10)
        await talk.client.wait_for("turn_complete")
        sent_ms = len(talk.upstream.audio) / 32
        assert sent_ms % 100 == 0
        assert sent_ms < 20_000
        before = len(talk.upstream.audio)
        await talk.client.stream(silence(10_000), speed=20)
        assert len(talk.upstream.audio) == before


async def test_without_voice_activity_detection_everything_goes_up() -> None:
    """``VAD_THRESHOLD=0``: nobody says who speaks when, so nothing is withheld."""
    async with FIXED.conversation(EmulatorOptions(time_factor=0.0), config=FIXED.english, vad_threshold=0) as talk:
        pcm = silence(2000) + spoken("kennedy-1") + silence(5000)
        await talk.client.stream(pcm, speed=20)
        await talk.client.wait_for("turn_complete")
        assert bytes(talk.upstream.audio) in pcm + silence(10_000)
        assert len(talk.upstream.audio) > len(pcm) * 0.9
        assert talk.turns[0].texts == texts("kennedy-1")


async def test_the_wrong_direction_is_never_heard() -> None:
    """What a session says aloud that should pass over what it heard, the client never hears."""
    leak = Fault(name="leak", moment="during", at_ms=300, lasting_ms=1500, times=20)
    options = EmulatorOptions(time_factor=0.0, faults=(leak,), translation=Translation(lag_ms=1000))
    async with AUTO.conversation(options, arbiter_hold_ms=600) as talk:
        for phrase in ("kennedy-1", "speech-2c"):
            await talk.client.stream(spoken(phrase) + silence(4000), speed=1)
        await talk.client.wait_until(lambda: len(talk.turns) >= 2 and talk.turns[-1].complete)
        leaked = [
            session.sent_audio[said.from_byte : said.to_byte]
            for session in talk.emulator.sessions
            for said in session.said
            if said.kind == "leak"
        ]
        assert leaked, "nothing leaked, so nothing was shown"
        heard = talk.client.audio()
        assert all(piece[:4800] not in heard for piece in leaked if any(piece[:4800]))
        assert {turn.languages for turn in talk.turns} <= {("en", "ko"), ("ko", "en"), ("en", None), ("ko", None)}


async def test_a_renewal_in_the_middle_of_speech_loses_no_word() -> None:
    """The upstream announces its end while somebody speaks on and on: every word comes once, over two of them."""
    options = EmulatorOptions(
        time_factor=0.0, go_away_after_secs=1.0, go_away_time_left_secs=30, translation=Translation(lag_ms=1000)
    )
    async with FIXED.conversation(options, config=FIXED.english, segment_silence_ms=800) as talk:
        pcm = words_only(*MONOLOGUE)
        await talk.client.stream(pcm + silence(8000), speed=8)
        await talk.client.wait_until(lambda: bool(talk.turns) and talk.turns[-1].complete and all_said(talk))
        assert talk.emulator.connections >= 2
        sessions = [session for session in talk.emulator.sessions if session.audio]
        assert len(sessions) >= 2, "speech went over one connection"
        source = " ".join(turn.texts[0] for turn in talk.turns).split()
        assert source == texts(*MONOLOGUE)[0].split()
        assert talk.client.of("warning", "interrupted") == []


def all_said(talk: Conversation) -> bool:
    """Whether the last word of the monologue has been interpreted."""
    return bool(talk.turns[-1].texts[1]) and texts(*MONOLOGUE)[1].endswith(talk.turns[-1].texts[1][-4:])


async def test_a_loss_in_the_middle_of_speech_loses_no_word() -> None:
    """What may be unanswered goes up again: words may come twice, and none is missing."""
    options = EmulatorOptions(
        time_factor=0.0,
        faults=(Fault(name="reset", moment="during", at_ms=6000),),
        translation=Translation(lag_ms=1000),
    )
    async with FIXED.conversation(options, config=FIXED.english, segment_silence_ms=800) as talk:
        await talk.client.stream(words_only(*MONOLOGUE) + silence(8000), speed=4)
        await talk.client.wait_until(lambda: bool(talk.turns) and talk.turns[-1].complete and all_said(talk))
        heard = " ".join(turn.texts[0] for turn in talk.turns).split()
        assert set(texts(*MONOLOGUE)[0].split()) <= set(heard)
        assert [message["code"] for message in talk.client.of("warning")] == ["UPSTREAM_RECONNECTED"]
