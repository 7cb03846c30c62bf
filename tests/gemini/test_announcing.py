"""Announcements are read once, kept, and never cost a call."""

import asyncio
import logging

import pytest

from gemini.announcing import Announcer
from gemini.errors import FailureKind, UpstreamError
from gemini.events import GenerationComplete, Interrupted, TargetAudio, TurnComplete, UpstreamEvent
from tests.support.fake_upstream import FakeConnection, FakeConnector

SOUND = b"\1\0" * 2400


def reading(*events: UpstreamEvent) -> FakeConnector:
    """An upstream that answers each text with these events."""

    def on_open(connection: FakeConnection) -> None:
        connection.on_text = lambda _: connection.say(*events)

    return FakeConnector(on_open=on_open)


def announcer(connector: FakeConnector) -> Announcer:
    """Reads for ten seconds at most."""
    return Announcer(connector, model="a-model", voice="Kore", timeout_secs=10)


async def test_a_text_is_read_aloud_and_nothing_else() -> None:
    """The whole sound comes; the session gets the text alone, is told to read, and is closed."""
    connector = reading(TargetAudio(SOUND, 24_000), TargetAudio(SOUND, 24_000), GenerationComplete())
    assert await announcer(connector).speech("Hello.") == 2 * SOUND
    (config,), connection = connector.configs, connector.connection
    assert (config.model, config.voice, config.manual_activity) == ("a-model", "Kore", False)
    assert "word for word" in config.instruction
    assert (connection.texts, connection.sent, connection.closed) == (["Hello."], [], True)


async def test_a_text_is_read_once_whoever_asks() -> None:
    """By several at once, and later again; another text is read for itself."""
    connector = reading(TargetAudio(SOUND, 24_000), TurnComplete())
    speaker = announcer(connector)
    both = await asyncio.gather(speaker.speech("Hello."), speaker.speech("Hello."))
    assert [*both] == [SOUND, SOUND]
    assert await speaker.speech("Hello.") == SOUND
    assert len(connector.connections) == 1
    await speaker.speech("Goodbye.")
    assert len(connector.connections) == 2


async def test_one_caller_who_leaves_takes_nothing_from_another() -> None:
    """Reading goes on for whoever still waits."""
    connector = reading(TargetAudio(SOUND, 24_000), TurnComplete())
    connector.delay_secs = 1
    speaker = announcer(connector)
    leaving, staying = (asyncio.create_task(speaker.speech("Hello.")) for _ in range(2))
    await asyncio.sleep(0.5)
    leaving.cancel()
    assert await staying == SOUND


async def test_only_so_many_texts_are_kept() -> None:
    """The one that was not asked for longest goes first."""
    connector = reading(TargetAudio(SOUND, 24_000), TurnComplete())
    speaker = announcer(connector)
    for number in range(65):
        await speaker.speech(str(number))
    await speaker.speech("64")
    assert len(connector.connections) == 65
    await speaker.speech("0")
    assert len(connector.connections) == 66


@pytest.mark.parametrize(
    ("events", "detail"),
    [
        ([TurnComplete()], "the model said nothing"),
        ([TargetAudio(SOUND, 24_000), Interrupted()], "the model broke off, or did not end"),
        ([TargetAudio(SOUND * 600 * 2, 24_000), TurnComplete()], "the model broke off, or did not end"),
        ([TargetAudio(SOUND, 24_000)], "not read within 10 s"),
    ],
)
async def test_what_is_not_read_is_silence_and_a_line(
    events: list[UpstreamEvent], detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    """For half a minute; then whoever asks may be luckier. The line does not quote the text."""
    connector = reading(*events)
    speaker = announcer(connector)
    assert await speaker.speech("Hello.") is None
    (record,) = caplog.records
    assert (record.levelno, record.message) == (logging.WARNING, "announcement not spoken")
    assert vars(record)["fields"] == {"detail": detail}
    assert connector.connection.closed
    assert await speaker.speech("Hello.") is None
    assert len(connector.connections) == len(caplog.records) == 1
    await asyncio.sleep(30)
    await speaker.speech("Hello.")
    assert len(connector.connections) == 2


async def test_an_upstream_that_is_down_fails_softly() -> None:
    """The call goes on without the announcement."""
    connector = FakeConnector(down=UpstreamError(FailureKind.UNAVAILABLE, "refused"))
    assert await announcer(connector).speech("Hello.") is None


async def test_stopping_leaves_no_session_open() -> None:
    """A server that ends waits for no announcement."""
    connector = reading()
    speaker = announcer(connector)
    waiting = asyncio.create_task(speaker.speech("Hello."))
    await asyncio.sleep(1)
    await speaker.stop()
    assert connector.connection.closed
    await asyncio.gather(waiting, return_exceptions=True)
