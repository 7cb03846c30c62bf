"""What a client is promised whichever engine interprets: the same tests for each, chosen by one parameter.

Engines of :data:`tests.support.engines.ENGINES`. Promises about one engine's own ways are elsewhere:

* that an utterance is one turn, sample for sample, and waits for the one before: ``tests/e2e``, for the
  conversation engine; a simultaneous one divides by pauses in what it hears and says, and pads pauses with zeros;
* that an answer which broke off is made again: the same; what was interpreted simultaneously has been heard;
* that the session ends where an utterance is never answered: who interprets simultaneously is silent on purpose.
"""

import asyncio
from typing import Any

import numpy as np
import pytest

from emulator import EmulatorOptions, Fault, FaultName, Variant
from emulator.options import Translation
from tests.support.client import protocol_client
from tests.support.conversation import Conversation
from tests.support.endings import fatal
from tests.support.engines import ENGINES, Engine
from tests.support.laws import HeardTurn
from tests.support.servers import running_server
from tests.support.speech import entry, silence, spoken, texts, words_only
from tests.support.waiting import until

SLOW = EmulatorOptions(
    variant=Variant(response_delay_ms=100, transcription_delay_ms=50, audio_speed=2, playback_factor=0),
    time_factor=0.5,
    translation=Translation(lag_ms=1000),
)
"""Output at twice real time, so that a test can act while it comes."""
ENGLISH, KOREAN = (
    ("kennedy-1", "kennedy-3", "kennedy-4", "kennedy-1"),
    ("speech-2a", "speech-2c", "speech-3b", "speech-3d"),
)


@pytest.fixture(params=list(ENGINES.values()), ids=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    chosen: Engine = request.param
    return chosen


def said(talk: Conversation) -> tuple[str, str]:
    """Both texts of all turns so far, joined."""
    source, target = zip(*(turn.texts for turn in talk.turns), strict=True) if talk.turns else ((), ())
    return " ".join(filter(None, source)), " ".join(filter(None, target))


def sound(pcm: bytes) -> bytes:
    """``pcm`` without zeros, which may stand for pauses."""
    samples = np.frombuffer(pcm, "<i2")
    return bytes(samples[samples != 0].tobytes())


async def interpret_all(talk: Conversation, *phrases: str) -> list[HeardTurn]:
    """Say phrases one after the other, each when the one before was interpreted in whole; the turns."""
    for number, phrase in enumerate(phrases, 1):
        await talk.say(phrase)
        await whole(talk, *phrases[:number])
    return talk.turns


async def whole(talk: Conversation, *phrases: str) -> None:
    """Wait until all that was said and its interpretation have come, and the last turn is complete.

    Raises:
        AssertionError: Something else has come by then.
    """
    letters = [len(text.replace(" ", "")) for text in texts(*phrases)]

    def come() -> bool:
        so_far = [len(text.replace(" ", "")) for text in said(talk)]
        return all(map(int.__ge__, so_far, letters)) and talk.turns[-1].complete

    await talk.client.wait_until(come)
    assert said(talk) == texts(*phrases)


# Turns


@pytest.mark.parametrize("direction", ["english", "korean"])
async def test_four_utterances_in_one_direction(engine: Engine, direction: str) -> None:
    """Texts and sound of all of it, in order, in turns that keep the protocol's laws, over the same connections.

    ``speaking`` while voice is active, then ``silent``; whatever waits for output stops waiting in the end.
    """
    phrases = ENGLISH if direction == "english" else KOREAN
    async with engine.conversation(EmulatorOptions(time_factor=0.0), config=getattr(engine, direction)) as talk:
        connections = talk.emulator.connections
        turns = await interpret_all(talk, *phrases)
        languages = ("en", "ko") if direction == "english" else ("ko", "en")
        assert all(
            told in (wanted, None) for turn in turns for told, wanted in zip(turn.languages, languages, strict=True)
        )
        assert sound(b"".join(turn.audio for turn in turns)) == sound(b"".join(entry(id).audio for id in phrases))
        assert talk.emulator.connections == connections
        await talk.client.wait_until(lambda: talk.states[-1] == "silent")
        assert talk.states.count("speaking") == 4
        assert talk.states[:2] == ["speaking", "silent"]


async def test_four_utterances_in_turns(engine: Engine) -> None:
    """Where either language may be spoken each comes out in the other one."""
    if engine.english:
        pytest.skip("one direction only")
    phrases = ("kennedy-1", "speech-2c", "kennedy-3", "speech-3d")
    async with engine.conversation(EmulatorOptions(time_factor=0.0), config=engine.both) as talk:
        turns = await interpret_all(talk, *phrases)
        assert {turn.languages for turn in turns} == {("en", "ko"), ("ko", "en")}
        assert sound(b"".join(turn.audio for turn in turns)) == sound(b"".join(entry(id).audio for id in phrases))


# The speaker


async def test_who_stops_sending_is_interpreted(engine: Engine) -> None:
    """Push to talk: no silence follows the last word, and the interpretation comes all the same."""
    options = EmulatorOptions(time_factor=0.0, translation=Translation(lag_ms=500))
    async with engine.conversation(
        options, config=engine.english, audio_gap_ms=100, segment_silence_ms=1500
    ) as talk:
        await talk.client.stream(words_only("kennedy-1"), speed=20)
        await whole(talk, "kennedy-1")


async def test_audio_before_connected_is_interpreted(engine: Engine) -> None:
    """Who speaks at once loses nothing."""
    options = EmulatorOptions(time_factor=0.0)
    async with (
        engine.serving() as settings,
        running_server(options, **settings) as server,
        protocol_client(server.url) as client,
    ):
        await client.send({"type": "init", "config": dict(engine.english)})
        await client.stream(spoken("kennedy-1") + silence(engine.pause_ms), speed=40)
        await whole(Conversation(server, client), "kennedy-1")


@pytest.mark.parametrize("config", [{"sampleRate": 8000}, {"audioEncoding": "binary"}], ids=["8 kHz", "binary"])
async def test_other_rates_and_encodings(engine: Engine, config: dict[str, Any]) -> None:
    """What a client may ask of the transport holds for every engine."""
    rate_hz = config.get("sampleRate", 16_000)
    options = EmulatorOptions(time_factor=0.0)
    async with engine.conversation(options, config={**engine.english, **config}) as talk:
        pcm = spoken("harvard-5", rate_hz=rate_hz) + silence(engine.pause_ms, rate_hz)
        await talk.client.stream(pcm, speed=40)
        await whole(talk, "harvard-5")


# interrupt


async def test_interrupt_cuts_the_turn(engine: Engine) -> None:
    """``interrupted``, then the finals so far and ``turn_complete``, and no more sound of it; the next is whole."""
    async with engine.conversation(SLOW, config=engine.english, segment_silence_ms=1500) as talk:
        saying = asyncio.create_task(talk.say("kennedy-4", speed=4))
        await talk.client.wait_for("audio_response")
        await talk.client.send({"type": "interrupt"})
        await saying
        await talk.client.wait_for("turn_complete")
        after = talk.client.messages[talk.client.messages.index(talk.client.of("interrupted")[0]) :]
        kinds = [m["type"] for m in after if m["type"] != "speech_state"]
        assert kinds[0] == "interrupted"
        assert "audio_response" not in kinds[: kinds.index("turn_complete")]
        assert len(sound(talk.turns[0].audio)) < len(sound(entry("kennedy-4").audio))
        await talk.say("kennedy-1", speed=4)
        await talk.client.wait_until(
            lambda: talk.turns[-1].complete and said(talk)[1].endswith(texts("kennedy-1")[1])
        )
        assert said(talk)[0].endswith(texts("kennedy-1")[0])


async def test_interrupt_without_output_is_answered(engine: Engine) -> None:
    """Nothing is cut, and what is said next is interpreted."""
    async with engine.conversation(EmulatorOptions(time_factor=0.0), config=engine.english) as talk:
        await talk.client.send({"type": "interrupt"})
        await talk.client.wait_for("interrupted")
        await interpret_all(talk, "kennedy-1")


# The upstream


@pytest.mark.parametrize("loss", ["reset", "close_1011"])
async def test_a_connection_that_is_lost_costs_no_word(engine: Engine, loss: FaultName) -> None:
    """The client hears that the connection is there again, and gets everything that was said."""
    if not engine.survives:
        pytest.skip("its service connects anew by itself, and loses what it had heard")
    options = EmulatorOptions(time_factor=0.0, faults=(Fault(name=loss, moment="output", at_ms=200),))
    wanted = [set(text.split()) for text in texts("kennedy-4", "kennedy-1")]
    async with engine.conversation(options, config=engine.english) as talk:
        for phrase in ("kennedy-4", "kennedy-1"):
            await talk.say(phrase)
            await talk.client.wait_until(lambda: bool(talk.turns) and talk.turns[-1].complete)
        await talk.client.wait_until(
            lambda: all(want <= set(text.split()) for want, text in zip(wanted, said(talk), strict=True))
        )
        assert engine.says_twice or said(talk) == texts("kennedy-4", "kennedy-1")
        assert [message["code"] for message in talk.client.of("warning")] == ["UPSTREAM_RECONNECTED"]


async def test_a_connection_that_ends_as_announced(engine: Engine) -> None:
    """Go-away after go-away: the client notices nothing at all."""
    options = EmulatorOptions(time_factor=0.0, go_away_after_secs=0.2, go_away_time_left_secs=20)
    if not engine.survives:
        pytest.skip("its service does not read the announcement (pipecat 1.14)")
    async with engine.conversation(options, config=engine.english) as talk:
        connections = talk.emulator.connections
        await interpret_all(talk, "kennedy-1")
        await until(lambda: talk.emulator.connections > connections)
        await talk.say("kennedy-3")
        await whole(talk, "kennedy-1", "kennedy-3")
        assert talk.client.of("warning", "interrupted", "error") == []


@pytest.mark.parametrize(
    ("refusal", "ending"),
    [
        ("401", ("UPSTREAM_AUTH", 1011)),
        ("429", ("UPSTREAM_QUOTA", 1013)),
        ("503", ("UPSTREAM_UNAVAILABLE", 1011)),
    ],
)
async def test_a_refusal_has_its_code(engine: Engine, refusal: Any, ending: tuple[str, int]) -> None:
    """Whichever engine is refused, the client hears why, before anything else."""
    if engine.service is not None:
        pytest.skip("it is not the emulator that refuses: see the tests of this engine")
    settings: dict[str, Any] = {"pipeline": engine.pipeline, **engine.settings, "connect_timeout_secs": 0.8}
    options = EmulatorOptions(time_factor=0.0, refuse=refusal)
    async with running_server(options, **settings) as server, protocol_client(server.url) as client:
        await client.send({"type": "init", "config": dict(engine.english)})
        assert await fatal(client) == ending
        assert [message["type"] for message in client.messages] == ["error"]
