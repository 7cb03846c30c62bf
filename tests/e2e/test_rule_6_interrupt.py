"""Rule 6: an interpreter loses no content on its own, and stops when the client says so."""

import pytest

from emulator import EmulatorOptions, Variant
from tests.support.client import protocol_client
from tests.support.conversation import SLOW_OUTPUT, Conversation, conversation
from tests.support.gate import gated_server
from tests.support.speech import entry, samples_scenario, silence, spoken, texts, told

INTERRUPT = {"type": "interrupt"}


def assert_whole(talk: Conversation, number: int, *phrases: str) -> None:
    """Turn ``number`` (from 0) has all texts and sound of these phrases."""
    assert talk.turns[number].texts == texts(*phrases)
    assert talk.turns[number].audio == b"".join(entry(phrase).audio for phrase in phrases)


async def test_interrupt_during_output_cuts_the_turn() -> None:
    """``interrupted``, finals with the texts so far and ``turn_complete`` come at once, and nothing more of it."""
    async with conversation(SLOW_OUTPUT) as talk:
        await talk.say("kennedy-4")
        await talk.client.wait_for("audio_response", 3)
        await talk.client.send(INTERRUPT)
        await talk.client.wait_for("turn_complete")
        after = talk.client.messages[talk.client.messages.index(talk.client.of("interrupted")[0]) :]
        kinds = [m["type"] for m in after]
        assert kinds == ["interrupted", "input_transcription", "output_transcription", "turn_complete"]
        assert after[0]["reason"] == "client"
        cut = talk.turns[0]
        assert cut.texts[0] == texts("kennedy-4")[0]
        assert cut.texts[1] != texts("kennedy-4")[1]
        assert texts("kennedy-4")[1].startswith(cut.texts[1])
        assert entry("kennedy-4").audio.startswith(cut.audio)
        assert len(cut.audio) < len(entry("kennedy-4").audio)
        await talk.interpret("kennedy-1")
        assert_whole(talk, 1, "kennedy-1")
        assert talk.upstream.utterances[0].complete, "the upstream was to say the rest, to nobody"
        assert len(talk.turns) == 2


async def test_what_is_said_right_after_an_interrupt_is_interpreted() -> None:
    """An utterance that is spoken while the upstream still says the discarded rest is not discarded with it."""
    async with conversation(SLOW_OUTPUT) as talk:
        await talk.say("kennedy-4")
        await talk.client.wait_for("audio_response")
        await talk.client.send(INTERRUPT)
        await talk.interpret("kennedy-3")
        await talk.client.wait_for("turn_complete", 2)
        assert_whole(talk, 1, "kennedy-3")


async def test_interrupt_before_the_output_cancels_nothing() -> None:
    """A finished utterance whose answer has not begun is still answered, in whole."""
    late_answer = Variant(response_delay_ms=600, transcription_delay_ms=300, audio_speed=50, playback_factor=0)
    async with conversation(EmulatorOptions(variant=late_answer)) as talk:
        await talk.say("kennedy-1")
        await talk.client.wait_until(lambda: "processing" in talk.states)
        assert not talk.client.of("audio_response", "output_transcription")
        await talk.client.send(INTERRUPT)
        await talk.client.wait_for("interrupted")
        await talk.client.wait_for("turn_complete")
        assert_whole(talk, 0, "kennedy-1")


async def test_interrupt_while_speaking_cancels_nothing() -> None:
    """An utterance that is still being spoken goes on, and is answered in whole."""
    async with conversation() as talk:
        pcm = spoken("kennedy-3")
        await talk.client.stream(pcm[: len(pcm) // 4 * 2], speed=20)
        await talk.client.wait_until(lambda: talk.states == ["speaking"])
        await talk.client.send(INTERRUPT)
        await talk.client.stream(pcm[len(pcm) // 4 * 2 :] + silence(1200), speed=20)
        await talk.client.wait_for("turn_complete")
        assert len(talk.client.of("interrupted")) == 1
        assert_whole(talk, 0, "kennedy-3")


async def test_interrupt_after_the_output_only_empties_the_players_queue() -> None:
    """A turn that is over stays as it is; the client is told to drop what it still plays."""
    async with conversation() as talk:
        await talk.interpret("kennedy-1")
        before = len(talk.client.messages)
        await talk.client.send(INTERRUPT)
        await talk.client.wait_for("interrupted")
        assert [m["type"] for m in talk.client.messages[before:]] == ["interrupted"]
        await talk.interpret("kennedy-3")
        assert_whole(talk, 1, "kennedy-3")


async def test_interrupt_between_init_and_connected_is_answered_right_after_connected() -> None:
    """An impatient client gets its answer when the session is there, and a whole session."""
    async with gated_server(scenario=samples_scenario()) as (server, gate), protocol_client(server.url) as client:
        await client.send({"type": "init"})
        await client.send(INTERRUPT)
        gate.open()
        await client.wait_for("interrupted")
        assert [m["type"] for m in client.messages] == ["connected", "interrupted"]
        talk = Conversation(server, client)
        await talk.interpret("kennedy-1")
        assert_whole(talk, 0, "kennedy-1")


async def test_a_second_interrupt_is_harmless() -> None:
    """Each ``interrupt`` has its answer; the turn is cut once, with one pair of finals."""
    async with conversation(SLOW_OUTPUT) as talk:
        await talk.say("kennedy-4")
        await talk.client.wait_for("audio_response")
        await talk.client.send(INTERRUPT)
        await talk.client.send(INTERRUPT)
        await talk.client.wait_for("interrupted", 2)
        await talk.client.wait_for("turn_complete")
        await talk.interpret("kennedy-1")
        assert len(talk.client.of("interrupted")) == 2
        assert len(talk.turns) == 2
        assert_whole(talk, 1, "kennedy-1")


async def test_a_cut_turn_does_not_wait_for_late_text() -> None:
    """Without a source text when it is cut, a turn completes with what it has, whatever ``LATE_TEXT_MS`` says."""
    scenario = told(kennedy_4={"variant": {"input_transcription": "missing"}})
    async with conversation(SLOW_OUTPUT, scenario=scenario, late_text_ms=30_000) as talk:
        await talk.say("kennedy-4")
        await talk.client.wait_for("audio_response")
        await talk.client.send(INTERRUPT)
        await talk.client.wait_for("turn_complete")
        assert talk.turns[0].texts[0] == ""
        await talk.interpret("kennedy-1")
        assert_whole(talk, 1, "kennedy-1")


async def test_talking_on_does_not_cancel_the_interpretation() -> None:
    """Who speaks while the interpretation comes loses neither it nor what is said."""
    async with conversation(SLOW_OUTPUT) as talk:
        await talk.say("kennedy-4")
        await talk.client.wait_for("audio_response")
        await talk.say("kennedy-3")
        await talk.client.wait_for("turn_complete", 2)
        assert talk.client.of("interrupted") == []
        assert_whole(talk, 0, "kennedy-4")
        assert_whole(talk, 1, "kennedy-3")


@pytest.mark.parametrize("over", [False, True], ids=["while it comes", "while it plays"])
async def test_barge_in_makes_speech_do_what_interrupt_does(over: bool) -> None:
    """``BARGE_IN=true``: speech during output interrupts and cuts; what is said is interpreted."""
    options = EmulatorOptions(time_factor=0.0) if over else SLOW_OUTPUT
    async with conversation(options, barge_in=True) as talk:
        await talk.say("kennedy-4")
        await talk.client.wait_for("turn_complete" if over else "audio_response")
        await talk.say("kennedy-3")
        await talk.client.wait_for("turn_complete", 2)
        assert [m["reason"] for m in talk.client.of("interrupted")] == ["barge_in"]
        if over:
            assert_whole(talk, 0, "kennedy-4")
        else:
            assert len(talk.turns[0].audio) < len(entry("kennedy-4").audio)
        assert_whole(talk, 1, "kennedy-3")


async def test_barge_in_leaves_speech_alone_that_meets_no_output() -> None:
    """``BARGE_IN=true`` interrupts output only: an utterance that waits for its answer is answered in whole."""
    late_answer = Variant(response_delay_ms=800, transcription_delay_ms=300, audio_speed=50, playback_factor=0)
    async with conversation(EmulatorOptions(variant=late_answer), barge_in=True) as talk:
        await talk.say("kennedy-2")
        await talk.client.wait_until(lambda: "processing" in talk.states)
        assert not talk.client.of("audio_response", "output_transcription")
        await talk.say("kennedy-3", speed=100)
        await talk.client.wait_for("turn_complete", 2)
        assert talk.client.of("interrupted") == []
        assert_whole(talk, 0, "kennedy-2")
