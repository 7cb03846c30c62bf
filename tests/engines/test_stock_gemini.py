"""pipecat's own Gemini Live service, by pipeline file, from socket to emulator."""

from typing import Any

import pytest

from emulator import EmulatorOptions, Variant
from tests.support.client import protocol_client
from tests.support.conversation import NO_GAPS, SLOW_OUTPUT, conversation
from tests.support.endings import fatal
from tests.support.servers import running_server
from tests.support.speech import entry, samples_scenario, texts, told

STOCK: dict[str, Any] = {"pipeline": "stock_gemini", **NO_GAPS}


async def test_both_directions_in_whole_turns() -> None:
    """Two utterances each way: texts and every sample, in the protocol's order, through the states."""
    phrases = ("kennedy-1", "speech-1b", "kennedy-3", "speech-1c")
    async with conversation(**STOCK) as talk:
        assert talk.client.messages[0]["engine"] == "stock_gemini"
        for phrase in phrases:
            turn = await talk.interpret(phrase)
            assert turn.texts == texts(phrase)
            assert turn.audio == entry(phrase).audio
        assert talk.states == ["speaking", "silent", "processing", "silent"] * len(phrases)
        assert [utterance.answered for utterance in talk.upstream.utterances] == [[phrase] for phrase in phrases]


async def test_the_service_is_set_up_as_an_interpreter() -> None:
    """Our instruction and our marks, no language of its own, and the voice and the model of the file."""
    async with conversation(**STOCK, gemini_voice="Puck", config={"language": "ko"}) as talk:
        setup = talk.upstream.setup
        assert "Say everything in English" in str(setup["systemInstruction"])
        assert setup["realtimeInputConfig"] == {"automatic_activity_detection": {"disabled": True}}
        speech = setup["generationConfig"]["speech_config"]
        assert speech == {"voice_config": {"prebuilt_voice_config": {"voice_name": "Puck"}}}
        assert setup["model"] == "models/gemini-3.8-live"


async def test_what_is_said_while_it_answers_is_interpreted_next() -> None:
    """The service would let the speaker interrupt it; the adapter does not let it come to that."""
    async with conversation(SLOW_OUTPUT, **STOCK) as talk:
        await talk.say("kennedy-1")
        await talk.client.wait_for("audio_response")
        await talk.say("kennedy-3")
        await talk.client.wait_for("turn_complete", 2)
        for turn, phrase in zip(talk.turns, ("kennedy-1", "kennedy-3"), strict=True):
            assert turn.texts == texts(phrase)
            assert turn.audio == entry(phrase).audio


async def test_interrupt_cuts_the_turn_and_the_next_one_is_whole() -> None:
    """``interrupted``, the finals so far, and nothing more of that turn."""
    async with conversation(SLOW_OUTPUT, **STOCK) as talk:
        await talk.say("kennedy-1")
        await talk.client.wait_for("audio_response")
        await talk.client.send({"type": "interrupt"})
        await talk.client.wait_for("turn_complete")
        assert len(talk.turns[0].audio) < len(entry("kennedy-1").audio)
        turn = await talk.interpret("kennedy-3")
        assert turn.audio == entry("kennedy-3").audio


async def test_without_voice_activity_detection_the_upstream_finds_the_utterances() -> None:
    """``VAD_THRESHOLD=0``: the service listens to the stream."""
    async with conversation(**STOCK, vad_threshold=0) as talk:
        for phrase in ("kennedy-1", "kennedy-3"):
            turn = await talk.interpret(phrase)
            assert turn.texts == texts(phrase)
            assert turn.audio == entry(phrase).audio


async def test_an_utterance_that_is_never_answered_does_not_hold_up_the_next() -> None:
    """The service says nothing of it; the adapter's time limit does."""
    scenario = told(kennedy_1={"variant": {"silent": True}})
    async with conversation(scenario=scenario, turn_timeout_secs=0.5, **STOCK) as talk:
        await talk.say("kennedy-1")
        assert (await talk.interpret("kennedy-3")).audio == entry("kennedy-3").audio
        assert talk.states[-1] == "silent"


@pytest.mark.parametrize(
    ("options", "settings", "ending"),
    [
        ({"refuse": "401"}, {}, ("UPSTREAM_AUTH", 1011)),
        ({"refuse": "429"}, {}, ("UPSTREAM_QUOTA", 1013)),
        ({"refuse": "503"}, {"connect_timeout_secs": 0.5}, ("UPSTREAM_UNAVAILABLE", 1011)),
    ],
)
async def test_a_service_that_can_not_connect_says_why(
    options: dict[str, Any], settings: dict[str, Any], ending: tuple[str, int]
) -> None:
    """The stock service's own task would end without a word, and the client be connected to nothing."""
    async with (
        running_server(EmulatorOptions(time_factor=0.0, **options), **STOCK, **settings) as server,
        protocol_client(server.url) as client,
    ):
        await client.send({"type": "init"})
        assert await fatal(client) == ending


async def test_a_start_that_succeeds_at_the_third_attempt() -> None:
    """What was said meanwhile is interpreted."""
    options = EmulatorOptions(time_factor=0.0, refuse="503", refuse_first=2, variant=Variant())
    async with conversation(options, scenario=samples_scenario(), connect_timeout_secs=20, **STOCK) as talk:
        assert (await talk.interpret("kennedy-3")).texts == texts("kennedy-3")
