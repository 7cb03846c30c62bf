"""Settings come from our own variables only: what other programs read from the environment has no effect."""

import os
from pathlib import Path

import pytest

from emulator import EmulatorOptions
from tests.support.conversation import conversation
from tests.support.speech import texts

FOREIGN_VARIABLES = {
    "GOOGLE_GENAI_USE_VERTEXAI": "true",
    "GOOGLE_GENAI_USE_ENTERPRISE": "true",
    "GOOGLE_CLOUD_PROJECT": "somebody-elses",
    "GOOGLE_CLOUD_LOCATION": "us-central1",
    "GOOGLE_GEMINI_BASE_URL": "https://127.0.0.1:1",
    "GOOGLE_VERTEX_BASE_URL": "https://127.0.0.1:1",
    "GOOGLE_API_KEY": "another-key",
    "GOOGLE_APPLICATION_CREDENTIALS": "/nonexistent.json",
    "PIPECAT_ALLOWED_ORIGINS": "https://elsewhere.example.org",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "https_proxy": "http://127.0.0.1:1",
    "ALL_PROXY": "socks5://127.0.0.1:1",
    "WSS_PROXY": "http://127.0.0.1:1",
    "WEBSOCKETS_MAX_SIZE": "10",
}


async def assert_a_turn_works() -> None:
    """A session with the configured key works from end to end."""
    options = EmulatorOptions(time_factor=0.0, api_keys=frozenset({"test-key"}))
    async with conversation(options) as talk:
        turn = await talk.interpret("kennedy-1")
        assert turn.texts == texts("kennedy-1")


@pytest.mark.parametrize("kind", ["GOOGLE", "PIPECAT", "PROXY", ""], ids=["google", "pipecat", "proxy", "all"])
async def test_foreign_variables_have_no_effect(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """No variable of Google's, pipecat's or a proxy's redirects, refuses or breaks a session."""
    for name, value in FOREIGN_VARIABLES.items():
        if kind in name.upper():
            monkeypatch.setenv(name, value)
    await assert_a_turn_works()


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "wrong"])
async def test_certificate_variables_do_not_break_a_session(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    """``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` may be wrong: what ``GEMINI_CA_FILE`` trusts is trusted."""
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert os.environ["SSL_CERT_FILE"]
    await assert_a_turn_works()
