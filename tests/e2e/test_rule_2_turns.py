"""Rule 2: one utterance is one turn; turns come one after the other, each in the protocol's order."""

from typing import Any

import pytest

from emulator import EmulatorOptions, Variant
from tests.support.conversation import conversation
from tests.support.laws import HeardTurn
from tests.support.speech import entry, silence, spoken, texts, told, words_only

SHORT_WAIT_MS = 200
NO_DELAYS: dict[str, Any] = {
    "response_delay_ms": 0,
    "transcription_delay_ms": 0,
    "audio_speed": 1000,
    "playback_factor": 0,
}
"""Fields of a variant that answers at once where the emulator's time is real."""

WHOLE_ANSWERS = {
    "plain": {},
    "fragments": {"input_transcription": "fragments", "fragment_words": 1},
    "text before sound": {"output_transcription": "before_audio"},
    "all in one message": {"bundle": True, "multi_part": 3},
    "last text with turnComplete": {"output_transcription": "bundled", "fragment_words": 2},
    "all text with turnComplete": {"output_transcription": "bundled", "fragment_words": 50},
    "target text after the turn": {"output_transcription": "after_turn"},
    "source text after the turn": {"input_transcription": "after_turn"},
    "both texts after the turn": {"input_transcription": "after_turn", "output_transcription": "after_turn"},
    "source text twice": {"input_transcription": "duplicate"},
    "finished flags": {"finished_flags": True, "input_transcription": "fragments"},
    "no generationComplete": {"generation_complete": False},
    "no turnComplete": {"turn_complete": "never"},
    "no turnComplete, last text late": {"turn_complete": "never", "output_transcription": "bundled"},
}


def assert_interprets(turn: HeardTurn, *entry_ids: str) -> None:
    """The turn has the texts and the sound of these phrases, all of it and nothing else."""
    assert turn.complete
    assert turn.texts == texts(*entry_ids)
    assert turn.audio == b"".join(entry(entry_id).audio for entry_id in entry_ids)


@pytest.mark.parametrize("variant", WHOLE_ANSWERS.values(), ids=WHOLE_ANSWERS.keys())
async def test_every_form_of_answer_is_one_turn_in_the_order_of_the_protocol(variant: dict[str, Any]) -> None:
    """However the upstream orders, bundles, repeats and ends, the client gets whole turns that keep the laws."""
    options = EmulatorOptions(time_factor=0.0, variant=Variant.model_validate(variant))
    async with conversation(options, late_text_ms=500) as talk:
        for phrase in ("kennedy-1", "kennedy-3"):
            assert_interprets(await talk.interpret(phrase), phrase)
        assert len(talk.turns) == 2


async def test_a_side_without_text_is_empty_and_has_no_final() -> None:
    """A transcription that never comes is waited for a while; then the turn completes without it."""
    scenario = told(
        kennedy_1={"variant": {"input_transcription": "missing"}},
        kennedy_2={"variant": {"output_transcription": "missing"}},
        kennedy_3={"variant": {"input_transcription": "missing", "output_transcription": "missing"}},
    )
    async with conversation(scenario=scenario, late_text_ms=SHORT_WAIT_MS) as talk:
        without_source = await talk.interpret("kennedy-1")
        without_target = await talk.interpret("kennedy-2")
        sound_only = await talk.interpret("kennedy-3")
    assert without_source.texts == ("", texts("kennedy-1")[1])
    assert without_target.texts == (texts("kennedy-2")[0], "")
    assert sound_only.texts == ("", "")
    assert sound_only.audio == entry("kennedy-3").audio


async def test_source_text_without_any_output_completes() -> None:
    """What was said and not interpreted is a turn with an empty interpretation."""
    variant = {"audio": False, "output_transcription": "missing"}
    async with conversation(scenario=told(kennedy_1={"variant": variant})) as talk:
        turn = await talk.interpret("kennedy-1")
        assert turn.texts == (texts("kennedy-1")[0], "")
        assert turn.audio == b""
        assert_interprets(await talk.interpret("kennedy-3"), "kennedy-3")


async def test_an_answer_with_nothing_in_it_is_no_turn() -> None:
    """Neither text nor sound: no ``turn_complete``; the next utterance is answered as ever."""
    variant = {"audio": False, "output_transcription": "missing", "input_transcription": "missing"}
    scenario = told(kennedy_1={"variant": variant})
    async with conversation(scenario=scenario, late_text_ms=SHORT_WAIT_MS) as talk:
        await talk.say("kennedy-1")
        assert_interprets(await talk.interpret("kennedy-3"), "kennedy-3")
        assert len(talk.turns) == 1
        assert [utterance.answered for utterance in talk.upstream.utterances] == [["kennedy-1"], ["kennedy-3"]]


async def test_a_turn_that_never_ends_is_ended() -> None:
    """An upstream that stops without a word about it costs the client a wait, not the session."""
    scenario = told(kennedy_1={"variant": {"generation_complete": False, "turn_complete": "never"}})
    async with conversation(scenario=scenario, turn_timeout_secs=0.5) as talk:
        assert_interprets(await talk.interpret("kennedy-1"), "kennedy-1")
        assert_interprets(await talk.interpret("kennedy-3"), "kennedy-3")


async def test_an_utterance_that_is_never_answered_does_not_hold_up_the_next() -> None:
    """An upstream that swallows an utterance leaves no turn, and what was said after it is interpreted."""
    scenario = told(kennedy_1={"variant": {"silent": True}})
    async with conversation(scenario=scenario, turn_timeout_secs=0.5) as talk:
        await talk.say("kennedy-1")
        assert_interprets(await talk.interpret("kennedy-3"), "kennedy-3")
        assert len(talk.turns) == 1


async def test_new_text_after_the_turn_is_a_turn_of_its_own() -> None:
    """A transcription that comes when its turn is closed and nothing is unanswered is not lost."""
    variant = Variant(**NO_DELAYS, input_transcription="after_turn", late_text_ms=800)
    async with conversation(EmulatorOptions(variant=variant), late_text_ms=SHORT_WAIT_MS) as talk:
        turn = await talk.interpret("kennedy-1")
        assert turn.texts == ("", texts("kennedy-1")[1])
        await talk.client.wait_for("turn_complete", 2)
        assert talk.turns[1].texts == (texts("kennedy-1")[0], "")
        assert talk.turns[1].languages == ("en", None)


async def test_new_text_after_the_turn_belongs_to_the_utterance_that_is_unanswered() -> None:
    """Where an utterance waits for its answer, late text counts as its text: there is no other it could be of."""
    scenario = told(
        kennedy_1={"variant": {"input_transcription": "after_turn", "late_text_ms": 1000}},
        kennedy_3={"variant": {"input_transcription": "missing", "response_delay_ms": 1700}},
    )
    options = EmulatorOptions(variant=Variant(**NO_DELAYS))
    async with conversation(options, scenario=scenario, late_text_ms=SHORT_WAIT_MS) as talk:
        await talk.interpret("kennedy-1")
        turn = await talk.interpret("kennedy-3")
    assert turn.texts == (texts("kennedy-1")[0], texts("kennedy-3")[1])


@pytest.mark.parametrize("while_unanswered", [False, True])
async def test_a_repeated_transcription_is_dropped(while_unanswered: bool) -> None:
    """The upstream says a closed turn's text again: the client hears nothing of it, whether or not it waits."""
    scenario = told(
        kennedy_1={"variant": {"input_transcription": "duplicate", "late_text_ms": 700}},
        kennedy_3={"variant": {"response_delay_ms": 1500, "transcription_delay_ms": 1500}},
    )
    async with conversation(EmulatorOptions(variant=Variant(**NO_DELAYS)), scenario=scenario) as talk:
        assert_interprets(await talk.interpret("kennedy-1"), "kennedy-1")
        if not while_unanswered:
            while talk.upstream.kinds("out").count("inputTranscription") < 2:
                await talk.client.silence(100)
        assert_interprets(await talk.interpret("kennedy-3"), "kennedy-3")
        assert talk.upstream.kinds("out").count("inputTranscription") == 3
        assert len(talk.turns) == 2


async def test_utterances_while_another_is_answered_wait_their_turn() -> None:
    """Two utterances are spoken while the first is being answered: three turns, in order, none mixed or lost."""
    slow_answer = Variant(response_delay_ms=100, transcription_delay_ms=50, audio_speed=2, playback_factor=0)
    async with conversation(EmulatorOptions(variant=slow_answer)) as talk:
        await talk.say("kennedy-1")
        await talk.client.wait_for("audio_response")
        assert talk.client.turns == []
        await talk.say("kennedy-3")
        await talk.say("kennedy-4")
        await talk.client.wait_for("turn_complete", 3)
        for turn, phrase in zip(talk.turns, ("kennedy-1", "kennedy-3", "kennedy-4"), strict=True):
            assert_interprets(turn, phrase)
        marks = [kind for kind in talk.upstream.kinds() if kind.startswith(("activity", "turnComplete"))]
        assert marks == ["activityStart", "activityEnd", "turnComplete"] * 3, "two utterances were held upstream"


async def test_a_monologue_is_interpreted_in_bounded_pieces() -> None:
    """Forty seconds without a pause: bounded pieces, each a turn, in order, together all that was said."""
    phrases = [f"harvard-{part}" for part in ("1", "2", "3", "4", "5", "6", "7a", "7b", "8", "9")]
    phrases += [f"speech-{part}" for part in ("1b", "1c", "3a", "3b", "3c", "3d")]
    monologue = words_only(*phrases)
    async with conversation() as talk:
        assert len(monologue) > 38 * 32_000
        await talk.client.stream(monologue + silence(1500), speed=10)
        await talk.client.wait_until(lambda: talk.states[-1:] == ["silent"])
        pieces = talk.upstream.utterances
        await talk.client.wait_for("turn_complete", len(pieces))
        assert all(piece.audio_bytes <= 15.4 * 32_000 for piece in pieces)
        assert len(talk.turns) == len(pieces) >= 3
        assert b"".join(piece.audio for piece in pieces) in monologue + silence(1500)
        said = tuple(" ".join(turn.texts[side] for turn in talk.turns).split() for side in (0, 1))
        assert said == tuple(text.split() for text in texts(*phrases))
        assert talk.states.count("speaking") == 1
        assert talk.states[0] == "speaking"
        assert talk.states[1] == "silent"
        last_piece_began = talk.client.messages.index(talk.client.of("speech_state")[1])
        spoken_while_speaking = [m for m in talk.client.messages[:last_piece_began] if m["type"] == "turn_complete"]
        assert len(spoken_while_speaking) >= 1, "nothing was interpreted before the speaker paused"


async def test_a_recording_with_pauses_is_a_turn_for_every_sentence() -> None:
    """A recording at 8 kHz, streamed in one go: a turn for every sentence, in order, and every word once."""
    phrases = [f"harvard-{number}" for number in (1, 2, 3, 4, 5)]
    async with conversation(config={"sampleRate": 8000}) as talk:
        await talk.client.stream(spoken(*phrases, rate_hz=8000) + silence(1200, 8000), speed=20)
        await talk.client.wait_for("turn_complete", 5)
        for turn, phrase in zip(talk.turns, phrases, strict=True):
            assert turn.texts == texts(phrase)
