"""Who finds the utterances: the model, loudness, or the upstream itself."""

from tests.support.conversation import conversation
from tests.support.pcm import tone
from tests.support.speech import entry, silence, texts, words_only


async def test_without_voice_activity_detection_the_upstream_finds_the_utterances() -> None:
    """``VAD_THRESHOLD=0``: the stream goes up as it comes, without marks, and turns come back whole, in order."""
    async with conversation(vad_threshold=0) as talk:
        for number, phrase in enumerate(("kennedy-1", "kennedy-3", "kennedy-2")):
            turn = await talk.interpret(phrase)
            assert turn.texts == texts(phrase)
            assert turn.audio == entry(phrase).audio
            assert len(talk.turns) == number + 1
        assert "activityStart" not in talk.upstream.kinds("in")
        assert "speaking" not in talk.states


async def test_without_voice_activity_detection_a_mute_still_ends_an_utterance() -> None:
    """``VAD_THRESHOLD=0``: silence stands for what a muted client does not send; the upstream hears an end."""
    async with conversation(vad_threshold=0, audio_gap_ms=100) as talk:
        await talk.client.stream(words_only("kennedy-1"), speed=20)
        await talk.client.wait_for("turn_complete")
        assert talk.turns[0].texts == texts("kennedy-1")


async def test_loudness_finds_utterances() -> None:
    """``VAD_PROVIDER=energy``: speech is what is loud; utterances, states and turns are as with the model."""
    async with conversation(vad_provider="energy", vad_threshold=300) as talk:
        for number, phrase in enumerate(("kennedy-1", "kennedy-3"), 1):
            await talk.client.stream(silence(300) + words_only(phrase) + silence(1200), speed=40)
            await talk.client.wait_for("turn_complete", number)
        assert [turn.texts for turn in talk.turns] == [texts("kennedy-1"), texts("kennedy-3")]
        assert talk.states == ["speaking", "silent", "processing", "silent"] * 2


async def test_the_providers_differ_in_what_they_take_for_speech() -> None:
    """A tone is an utterance to loudness and none to the model; faint sound is none to either."""
    sound = silence(300) + tone(1.5, 16_000, hz=1000) + silence(1200)
    faint = silence(300) + tone(1.5, 16_000, hz=1000, amplitude=0.005) + silence(1200)
    async with conversation(vad_provider="energy") as loud, conversation() as model:
        await model.client.stream(sound + faint, speed=40)
        await model.interpret("kennedy-1")
        assert model.states.count("speaking") == 1
        await loud.client.stream(faint, speed=40)
        await loud.client.stream(sound, speed=40)
        await loud.client.wait_for("turn_complete")
        assert loud.states.count("speaking") == 1
