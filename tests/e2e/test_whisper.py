"""``useWhisper``: the source text is Whisper's, the interpretation the upstream's; the model is a fake one."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from emulator import EmulatorOptions
from tests.support.client import ProtocolClient, protocol_client
from tests.support.conversation import Conversation
from tests.support.fake_whisper import FakeWhisper, Samples, install
from tests.support.laws import INPUT, lawful_turns
from tests.support.servers import RunningServer, running_server
from tests.support.speech import entry, samples_scenario, silence, spoken, texts

_STUCK_SECS = 60


def told(audio: Samples, language: str) -> str:
    """What the fake model hears: for how many tenths of a second, in which language."""
    return f"{language} {len(audio) // 1600} tenths"


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> FakeWhisper:
    """faster-whisper is installed, with this model."""
    fake = FakeWhisper(told)
    install(monkeypatch, fake)
    return fake


@contextlib.asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[RunningServer]:
    """A server with a Whisper model, in front of an emulator without delays."""
    async with (
        asyncio.timeout(_STUCK_SECS),
        running_server(
            EmulatorOptions(time_factor=0.0), scenario=samples_scenario(), **{"whisper_model": "small", **settings}
        ) as server,
    ):
        yield server


async def init(client: ProtocolClient, **config: Any) -> list[str]:
    """Ask for Whisper; the codes of the warnings that follow ``connected`` at once."""
    await client.init(useWhisper=True, **config)
    await client.send({"type": "interrupt"})
    await client.wait_for("interrupted")
    return [message["code"] for message in client.of("warning")]


@contextlib.asynccontextmanager
async def with_whisper(server: RunningServer, **config: Any) -> AsyncIterator[Conversation]:
    """A session that has it: the first that comes after the model is loaded."""
    while True:
        async with protocol_client(server.url) as client:
            if await init(client, **config) == []:
                talk = Conversation(server, client, source_grows=False)
                yield talk
                lawful_turns(client.messages, source_grows=False)
                return
        await asyncio.sleep(0.05)


async def test_a_turn_has_whispers_text(model: FakeWhisper) -> None:
    """Partials, then the final, of the whole utterance; text and sound of the interpretation are not touched."""
    async with serving() as server, with_whisper(server) as talk:
        await talk.client.stream(spoken("kennedy-4") + silence(1200), speed=1.5)
        await talk.client.wait_for("turn_complete")
        (turn,) = talk.turns
        source, target = turn.texts
        partials = turn.partials[INPUT]
        words, sound = texts("kennedy-4")[1], entry("kennedy-4").audio
    assert target == words
    assert turn.audio == sound
    assert len(partials) > 1
    assert partials[-1] == source
    lengths = [int(partial.split()[1]) for partial in partials]
    assert lengths == sorted(lengths)
    assert 20 < lengths[-1] < 40
    assert {options["language"] for options in model.options} == {"ko"}, "the likelier one of the pair"
    assert turn.languages == ("en", "ko"), "by what the text is written in"


async def test_the_language_that_is_spoken_is_the_one_that_is_heard(model: FakeWhisper) -> None:
    """A fixed direction leaves nothing to detect; every turn and every session has its own text."""
    async with (
        serving() as server,
        with_whisper(server, language="en") as first,
        with_whisper(server, language="en") as second,
    ):
        turns = await asyncio.gather(first.interpret("kennedy-1"), second.interpret("kennedy-3"))
        again = await first.interpret("kennedy-2")
        assert all(turn.texts[0].startswith("en ") for turn in (*turns, again))
        assert [turn.texts[1] for turn in (*turns, again)] == [
            texts(phrase)[1] for phrase in ("kennedy-1", "kennedy-3", "kennedy-2")
        ]
    assert len(model.made_with) == 1, "one model for all of them"


async def test_a_model_that_takes_too_long_holds_up_nobody(model: FakeWhisper) -> None:
    """The turn ends with the upstream's text, and a session without Whisper does not notice at all."""
    async with serving(late_text_ms=200) as server, with_whisper(server) as talk:
        model.held.clear()
        try:
            async with protocol_client(server.url) as other:
                await other.init()
                plain = Conversation(server, other)
                assert (await plain.interpret("kennedy-2")).texts == texts("kennedy-2")
            assert (await talk.interpret("kennedy-1")).texts == texts("kennedy-1")
        finally:
            model.held.set()


async def test_without_the_extra_the_session_goes_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One warning, the upstream's text; the log says what to do."""
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    async with serving() as server, protocol_client(server.url) as client:
        assert await init(client) == ["WHISPER_UNAVAILABLE"]
        turn = await Conversation(server, client).interpret("kennedy-1")
        assert turn.texts == texts("kennedy-1")
        assert client.of("error") == []
    log = capfd.readouterr().err
    assert "whisper='off: make whisper'" in log
    assert "no Whisper model=small" in log


@pytest.mark.parametrize(
    ("settings", "log"),
    [
        ({"whisper_model": "broken"}, "no Whisper model=broken error="),
        ({"whisper_model": None}, "whisper='off: set WHISPER_MODEL'"),
        ({"vad_threshold": 0}, "Whisper is ready model=small"),
    ],
    ids=["broken", "not set", "no marks"],
)
async def test_who_cannot_have_it_is_told(
    model: FakeWhisper, capfd: pytest.CaptureFixture[str], settings: dict[str, Any], log: str
) -> None:
    """The model is broken, none is chosen, or nobody marks where an utterance begins; the log says which."""
    async with serving(**settings) as server:
        written = ""
        while log not in written:
            written += capfd.readouterr().err
            await asyncio.sleep(0.01)
        async with protocol_client(server.url) as client:
            assert await init(client) == ["WHISPER_UNAVAILABLE"]


async def test_a_model_for_one_language_serves_those_who_speak_it(model: FakeWhisper) -> None:
    """Who may speak another one is told."""
    model.languages = ["en"]
    async with serving() as server, with_whisper(server, language="en") as talk:
        assert (await talk.interpret("kennedy-1")).texts[0].startswith("en ")
        for language in ("ko", "auto"):
            async with protocol_client(server.url) as client:
                assert await init(client, language=language) == ["WHISPER_UNAVAILABLE"]


async def test_nobody_else_has_it(model: FakeWhisper) -> None:
    """Who did not ask gets the upstream's text, and the model hears nothing of it."""
    async with serving() as server, with_whisper(server), protocol_client(server.url) as client:
        await client.init(useWhisper=False)
        turn = await Conversation(server, client).interpret("kennedy-1")
        assert turn.texts == texts("kennedy-1")
        assert model.options == []
