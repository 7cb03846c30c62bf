"""Part 2 of the protocol: warnings, the binary encoding, and what ``connected`` carries."""

import uuid

from emulator import EmulatorOptions
from tests.support.client import protocol_client
from tests.support.conversation import Conversation, conversation
from tests.support.speech import entry, silence, spoken, texts, told


async def test_connected_says_what_was_agreed() -> None:
    """``connected`` carries a UUID, the rates of both directions and the engine."""
    async with conversation(config={"sampleRate": 48_000}) as talk:
        connected = talk.client.messages[0]
    assert str(uuid.UUID(connected["sessionId"])) == connected["sessionId"]
    assert connected["inputSampleRate"] == 48_000
    assert connected["outputSampleRate"] == 24_000
    assert connected["engine"] == "interpreter"


async def test_every_field_of_init_has_a_default() -> None:
    """``config`` may be missing, or empty, or carry what we do not know: the session is an ordinary one."""
    async with conversation() as talk:
        for init in ({"type": "init"}, {"type": "init", "config": {"futureOption": 1}, "also": "this"}):
            async with protocol_client(talk.server.url) as client:
                await client.send(init)
                await client.wait_for("connected")
                turn = await Conversation(talk.server, client).interpret("kennedy-1")
                assert turn.texts == texts("kennedy-1")


async def test_who_asks_for_whisper_is_told_once_that_there_is_none() -> None:
    """``useWhisper: true`` is no error: one warning right after ``connected``, and the upstream's text."""
    async with conversation(config={"useWhisper": True}) as talk:
        turn = await talk.interpret("kennedy-1")
        assert turn.texts == texts("kennedy-1")
        assert [m["type"] for m in talk.client.messages[:2]] == ["connected", "warning"]
        assert [m["code"] for m in talk.client.of("warning")] == ["WHISPER_UNAVAILABLE"]
        assert talk.client.of("error") == []


async def test_nobody_else_is_warned_of_whisper() -> None:
    """An ordinary session has no warning at all."""
    async with conversation(config={"useWhisper": False}) as talk:
        await talk.interpret("kennedy-1")
        assert talk.client.of("warning") == []


async def test_speech_beyond_what_can_wait_is_dropped_with_a_warning() -> None:
    """More is said than is kept while one utterance is unanswered: ``SPEECH_DROPPED`` says how much.

    The oldest goes first, and nothing is half interpreted: the turns that come are whole utterances, in order.
    """
    scenario = told(kennedy_1={"variant": {"silent": True}})
    async with conversation(scenario=scenario, uplink_ring_secs=8, turn_timeout_secs=2) as talk:
        await talk.say("kennedy-1")
        for phrase in ("kennedy-4", "kennedy-3", "kennedy-2", "kennedy-3"):
            await talk.say(phrase, speed=100)
        await talk.client.wait_until(
            lambda: [turn[0] for turn in talk.client.turns][-1:] == [texts("kennedy-3")[0]]
        )
        await talk.client.wait_until(lambda: talk.states[-1] == "silent")
        waited = [turn.texts for turn in talk.turns]
        said = [texts(phrase) for phrase in ("kennedy-4", "kennedy-3", "kennedy-2", "kennedy-3")]
        assert 0 < len(waited) < len(said)
        assert waited == said[-len(waited) :]
        dropped = [m for m in talk.client.of("warning") if m["code"] != "UPSTREAM_RECONNECTED"]
        assert dropped
        for warning in dropped:
            assert warning["code"] == "SPEECH_DROPPED"
            assert warning["ms"] > 500
        turn = await talk.interpret("kennedy-4")
        assert turn.texts == texts("kennedy-4")
        assert talk.states[-1] == "silent"


async def test_binary_audio_goes_both_ways() -> None:
    """``audioEncoding: "binary"``: raw PCM in, raw PCM out, texts and states in JSON and in order with it."""
    options = EmulatorOptions(time_factor=0.0)
    async with conversation(options, config={"audioEncoding": "binary"}) as talk:
        turn = await talk.interpret("kennedy-3")
        assert turn.texts == texts("kennedy-3")
        assert turn.audio == entry("kennedy-3").audio
        assert all("pcm" in m for m in talk.client.of("audio_response"))
        kinds = [m["type"] for m in talk.client.messages]
        first_text, last_sound = (
            kinds.index("output_transcription"),
            len(kinds) - kinds[::-1].index("audio_response"),
        )
        assert kinds.index("audio_response") < first_text < last_sound, "texts and sound are not in one order"
        assert talk.upstream.utterances[0].audio in spoken("kennedy-3") + silence(1200)


async def test_a_token_in_the_url_is_accepted() -> None:
    """``?token=`` is ignored for now: the session is an ordinary one."""
    async with conversation() as talk, protocol_client(f"{talk.server.url}?token=SECRET") as client:
        await client.init()
