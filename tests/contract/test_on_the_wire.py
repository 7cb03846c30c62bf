"""What both connectors send is the same to the upstream, as the emulator records it."""

import contextlib
import re
from dataclasses import replace
from typing import Any

import pytest

from emulator import Emulator, EmulatorOptions
from emulator.record import SessionRecord
from gemini.connector import LiveConfig
from gemini.connectors import ConnectorName, make_connector
from gemini.endpoint import Endpoint
from gemini.errors import UpstreamError
from gemini.instruction import interpreter_instruction
from tests.support.speech import samples_scenario
from tests.support.waiting import until

CONFIG = LiveConfig("gemini-3.8-live", 'Interpret: "안녕"\\n')
FORMS = {
    "least": CONFIG,
    "as the server's": LiveConfig("gemini-3.8-live", interpreter_instruction(("ko", "en"), "auto"), voice="Kore"),
    "a full name": replace(CONFIG, model="models/gemini-3.8-live"),
    "automatic": replace(CONFIG, manual_activity=False),
    "a voice": replace(CONFIG, voice="Kore"),
    "resumable": replace(CONFIG, resumption=True),
    "resumed": replace(CONFIG, resumption=True, handle="a handle that nobody gave"),
    "a handle that is not wanted": replace(CONFIG, handle="a handle"),
    "no instruction": replace(CONFIG, instruction=""),
    "translating": LiveConfig("gemini-3.5-live-translate-preview", translation_target="ko"),
    "translating, resumable": LiveConfig(
        "gemini-3.5-live-translate-preview", translation_target="zh-Hans", resumption=True
    ),
    "translating, whatever else is said": replace(
        CONFIG, model="gemini-3.5-live-translate-preview", voice="Kore", translation_target="en"
    ),
    "everything": replace(CONFIG, voice="Puck", manual_activity=False, resumption=True, handle="h"),
}
HEADERS = ("x-goog-api-key", "upgrade", "connection", "sec-websocket-version", "sec-websocket-extensions")
SOUND = bytes(range(256)) * 10


async def session_of(name: ConnectorName, config: LiveConfig) -> SessionRecord:
    """What the emulator has of a session that says something, or is refused."""
    async with Emulator(EmulatorOptions(time_factor=0.0), scenario=samples_scenario()) as emulator:
        connector = make_connector(
            name, Endpoint(api_key="k", base_url=emulator.base_url, ca_file=emulator.ca_file)
        )
        with contextlib.suppress(UpstreamError):
            connection = await connector.connect(config)
            await connection.send_activity_start()
            await connection.send_audio(SOUND)
            await connection.send_audio(b"")
            await connection.send_activity_end()
            await connection.send_text('Say "안녕".')
            await connection.close()
        (session,) = emulator.sessions
        await until(lambda: session.closed)
        return session


def camel(value: Any) -> Any:
    """``value`` with its names in camelCase: the service takes both spellings, as protobuf does."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {re.sub("_([a-z])", lambda found: found[1].upper(), name): camel(below) for name, below in value.items()}


@pytest.mark.parametrize("config", FORMS.values(), ids=FORMS)
async def test_the_setup_is_that_of_google_genai(config: LiveConfig) -> None:
    """For every form of the configuration: each field, in its place, with its value."""
    genai, lean = await session_of("genai", config), await session_of("lean", config)
    assert lean.setup == camel(genai.setup)
    assert lean.setup["generationConfig"]["responseModalities"] == ["AUDIO"]


async def test_the_rest_is_that_of_google_genai() -> None:
    """The request, and what follows the setup."""
    config = FORMS["least"]
    genai, lean = await session_of("genai", config), await session_of("lean", config)
    assert lean.path == genai.path.replace("//", "/")
    for header in HEADERS:
        assert lean.headers.get(header) == genai.headers.get(header), header
    assert [lean.kinds("in"), bytes(lean.audio)] == [genai.kinds("in"), bytes(genai.audio)]
    assert lean.audio == SOUND
    assert (lean.close_code, lean.close_reason) == (genai.close_code, genai.close_reason)
