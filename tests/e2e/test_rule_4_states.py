"""Rule 4: what the client is shown of the speaker: ``speaking``, ``silent``, ``processing``."""

import itertools
import time

import pytest

from emulator import EmulatorOptions, Variant
from tests.support.conversation import conversation
from tests.support.speech import silence, told, words_only

ONE_UTTERANCE = ["speaking", "silent", "processing", "silent"]


async def test_an_utterance_goes_through_the_states_in_order() -> None:
    """Every utterance is heard, ends, waits for its answer and is answered; ``silent`` stands before each wait."""
    async with conversation() as talk:
        before_ms = time.time() * 1000
        await talk.interpret("kennedy-1")
        await talk.interpret("kennedy-3")
        after_ms = time.time() * 1000
        assert talk.states == ONE_UTTERANCE * 2
        for state in talk.client.of("speech_state"):
            assert isinstance(state["timestamp"], int)
            assert before_ms - 1 <= state["timestamp"] <= after_ms + 1


async def test_processing_ends_with_the_first_output() -> None:
    """The last ``silent`` comes right before the first text or sound of the interpretation."""
    async with conversation() as talk:
        await talk.interpret("kennedy-1")
        kinds = [m.get("state", m["type"]) for m in talk.client.messages]
    output = min(kinds.index("audio_response"), kinds.index("output_transcription"))
    assert kinds[output - 1] == "silent"
    assert "processing" in kinds[:output]


async def test_silent_is_sent_although_processing_follows_at_once() -> None:
    """Where the utterance ends with its hangover, the client still sees the voice end first."""
    async with conversation(end_of_utterance_ms=0) as talk:
        await talk.client.stream(words_only("kennedy-2") + silence(1200), speed=40)
        await talk.client.wait_until(lambda: bool(talk.client.turns) and talk.states[-1] == "silent")
    assert "processing" in talk.states
    for state, following in itertools.pairwise(talk.states):
        assert (state, following) in {
            ("speaking", "silent"),
            ("silent", "processing"),
            ("silent", "speaking"),
            ("processing", "silent"),
            ("processing", "speaking"),
        }


async def test_voice_that_returns_before_the_end_of_the_utterance_continues_it() -> None:
    """A pause between the hangover and the end of utterance changes the state and not the turn."""
    async with conversation(end_of_utterance_ms=1500) as talk:
        words = words_only("kennedy-1") + silence(700) + words_only("kennedy-3")
        await talk.client.stream(words + silence(2000), speed=40)
        await talk.client.wait_for("turn_complete")
        assert talk.states == ["speaking", "silent", *ONE_UTTERANCE]
        assert len(talk.upstream.utterances) == 1
        assert talk.upstream.utterances[0].answered == ["kennedy-1", "kennedy-3"]


async def test_an_utterance_without_an_answer_leaves_processing() -> None:
    """The wait for an answer ends after ``TURN_TIMEOUT_SECS``, without a turn; the session goes on."""
    scenario = told(kennedy_1={"variant": {"silent": True}})
    async with conversation(scenario=scenario, turn_timeout_secs=0.3) as talk:
        await talk.say("kennedy-1")
        await talk.client.wait_until(lambda: talk.states == ONE_UTTERANCE)
        assert talk.turns == []
        await talk.interpret("kennedy-3")
        assert talk.states == ONE_UTTERANCE * 2


async def test_silent_is_sent_although_an_earlier_utterance_still_waits() -> None:
    """Voice ends while an earlier utterance has no output: first ``silent``, then ``processing`` again."""
    late = Variant(response_delay_ms=1500, transcription_delay_ms=1400, audio_speed=50, playback_factor=0)
    async with conversation(EmulatorOptions(variant=late)) as talk:
        await talk.say("kennedy-1")
        await talk.say("kennedy-2")
        await talk.client.wait_for("audio_response")
        assert talk.states[:6] == ["speaking", "silent", "processing"] * 2
        await talk.client.wait_for("turn_complete", 2)


async def test_processing_lasts_while_a_second_utterance_waits_for_its_answer() -> None:
    """The first answer being under way does not end the wait of an utterance that was spoken meanwhile."""
    slow = Variant(response_delay_ms=100, transcription_delay_ms=50, audio_speed=1.5, playback_factor=0)
    async with conversation(EmulatorOptions(variant=slow)) as talk:
        await talk.say("kennedy-1")
        await talk.client.wait_for("audio_response")
        await talk.say("kennedy-3")
        await talk.client.wait_for("turn_complete", 2)
        kinds = [m.get("state", m["type"]) for m in talk.client.messages]
        waiting = len(kinds) - kinds[::-1].index("processing") - 1
        assert talk.states == ONE_UTTERANCE * 2
        assert waiting < kinds.index("turn_complete") < len(kinds) - kinds[::-1].index("silent") - 1


@pytest.mark.parametrize("source_first", [True, False])
async def test_without_voice_activity_detection_texts_and_output_decide(source_first: bool) -> None:
    """``VAD_THRESHOLD=0``: ``processing`` from first source text to first output, and never ``speaking``."""
    times = {"transcription_delay_ms": 300, "response_delay_ms": 500 if source_first else 100}
    options = EmulatorOptions(time_factor=0.0, variant=Variant.model_validate(times))
    async with conversation(options, vad_threshold=0) as talk:
        await talk.interpret("kennedy-1")
        await talk.interpret("kennedy-3")
        if source_first:
            assert talk.states == ["processing", "silent"] * 2
            kinds = [m.get("state", m["type"]) for m in talk.client.messages]
            assert abs(kinds.index("processing") - kinds.index("input_transcription")) == 1
        else:
            assert "speaking" not in talk.states
            assert talk.states[-1:] in ([], ["silent"])
