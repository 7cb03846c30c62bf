"""A voice detector of somebody else's in a real server: it decides, and what it raises ends its own session."""

import contextlib
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from pipelines.spec import PIPELINES_DIR
from tests.support.client import protocol_client
from tests.support.conversation import conversation
from tests.support.foreign_detector import MODULE
from tests.support.pcm import tone
from tests.support.speech import silence, texts

SOUND = silence(300) + tone(1.5, 16_000, hz=1000) + silence(1200)


async def test_the_environment_names_a_detector_for_the_shipped_pipeline() -> None:
    """``VAD_PROVIDER`` takes an import path: a tone, which the model does not hear, is an utterance."""
    async with conversation(vad_provider=f"{MODULE}:Loud") as talk:
        await talk.client.stream(SOUND, speed=40)
        await talk.client.wait_for("turn_complete")
        assert talk.states[:3] == ["speaking", "silent", "processing"]


async def test_the_pipeline_file_gives_it_its_parameters(tmp_path: Path) -> None:
    """With a level that no tone reaches there is no utterance; a louder one ends the silence."""
    shipped = (PIPELINES_DIR / "interpreter.toml").read_text(encoding="utf-8")
    provider = f'provider = "{MODULE}:Loud"\nprovider_params = {{ level = 0.2 }}'
    path = tmp_path / "mine.toml"
    path.write_text(shipped.replace('provider = "${VAD_PROVIDER}"', provider), encoding="utf-8")
    soft, loud = (silence(300) + tone(1.5, 16_000, amplitude=level) + silence(1200) for level in (0.2, 0.5))
    async with conversation(pipeline=str(path)) as talk:
        await talk.client.stream(soft, speed=40)
        await talk.client.stream(loud, speed=40)
        await talk.client.wait_for("turn_complete")
        assert talk.states.count("speaking") == 1


async def test_a_detector_that_raises_ends_its_session_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    """The client reads ``INTERNAL`` without the words of the exception; the log has them, with the stack trace."""
    async with (
        conversation(vad_provider=f"{MODULE}:FailsLater") as talk,
        protocol_client(talk.server.url) as other,
    ):
        session_id = talk.client.messages[0]["sessionId"]
        await other.init()
        await talk.client.stream(silence(1000), speed=40)
        with contextlib.suppress(ConnectionClosed):  # it may end before all sound is sent
            await talk.client.stream(SOUND, speed=40)
        assert await talk.client.wait_closed() == 1011
        (error,) = talk.client.of("error")
        assert error["code"] == "INTERNAL"
        assert session_id in error["message"]
        assert "secret" not in error["message"]
        await other.stream(silence(1000), speed=40)
        await other.send("no JSON")
        await other.wait_for("error")
        assert other.close_code is None
    log = capsys.readouterr().err
    assert log.count(f"ERROR - internal error session_id={session_id}") == 1
    assert "foreign_detector.py" in log
    assert "RuntimeError: the secret is in" in log


async def test_without_threshold_the_upstream_detects_whatever_the_provider() -> None:
    """``VAD_THRESHOLD=0`` switches a foreign detector off: it is never asked."""
    async with conversation(vad_provider=f"{MODULE}:FailsLater", vad_threshold=0) as talk:
        turn = await talk.interpret("kennedy-1")
        assert turn.texts == texts("kennedy-1")
