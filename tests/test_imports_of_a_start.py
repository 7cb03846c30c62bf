"""What the commands import: what a feature needs that is not used would only make the start longer."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.support.processes import server_process

ROOT = Path(__file__).parents[1]
_IMPORTED = re.compile(r"import time: +\d+ \| +\d+ \| *([\w.]+)$", re.MULTILINE)
_OF_THE_CLIENT = {"client.running", "client.live", "client.wav", "pysubs2", "soundfile", "sounddevice"}
_OF_THE_PAGES = {"reference.page", "markdown_it"}
_OF_CHECK = {"pipelines.check", "pipelines.check_report", "pipelines.diagram"}
_OF_THE_EMULATOR = {"emulator", "trustme"}
_OF_ONE_SCRIPT = {"py3langid"}
_OF_PHONES = {"telephony.twilio", "telephony.telnyx", "telephony.vonage", "twilio", "plivo", "jwt", "lxml"}
_OF_STOCK_PIPECAT = {
    "pipecat.services.google",
    "pipecat.audio.vad.silero",
    "pipecat.audio.turn.smart_turn",
    "nltk",
    "torch",
}
_OF_THE_SERVER = {"server", "fastapi", "uvicorn", "pipecat", "google.genai", "onnxruntime", "numpy"}


def imported(said: str) -> set[str]:
    """The modules that a process with ``PYTHONPROFILEIMPORTTIME`` says it has imported."""
    return set(_IMPORTED.findall(said))


async def of_command(*arguments: str) -> set[str]:
    """What ``server.py`` with ``arguments`` imports until it ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "importtime", "server.py", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    return imported(said.decode())


async def test_a_plain_start_imports_nothing_of_what_it_does_not_use(tmp_path: Path) -> None:
    """Client, emulator, pages and checks cost nothing until somebody asks for them."""
    async with server_process(tmp_path, GEMINI_API_KEY="x", PYTHONPROFILEIMPORTTIME="1") as server:
        found = imported("\n".join(server.lines))
    assert found >= _OF_THE_SERVER
    unused = _OF_THE_CLIENT | _OF_THE_PAGES | _OF_CHECK | _OF_THE_EMULATOR | _OF_ONE_SCRIPT | _OF_STOCK_PIPECAT
    assert not found & (unused | _OF_PHONES)


async def test_languages_of_one_script_are_prepared_for(tmp_path: Path) -> None:
    """What tells them apart is there before the first client is."""
    settings = {"GEMINI_API_KEY": "x", "TARGET_LANGUAGES": "fr", "PYTHONPROFILEIMPORTTIME": "1"}
    async with server_process(tmp_path, **settings) as server:
        assert imported("\n".join(server.lines)) >= _OF_ONE_SCRIPT


@pytest.mark.parametrize("arguments", [("--help",), ("interpret", "--help"), ("check", "--help")])
async def test_help_imports_nothing_of_the_server(arguments: tuple[str, ...]) -> None:
    """Whoever looks up an option does not wait for what it would serve."""
    found = await of_command(*arguments)
    assert "command_line" in found
    assert not found & (_OF_THE_SERVER | _OF_CHECK | _OF_THE_EMULATOR)


async def test_a_check_serves_nothing() -> None:
    """It needs the steps, and neither routes nor an emulator."""
    found = await of_command("check", "--emulator")
    assert "pipelines.check" in found
    assert not found & {"server", "fastapi", "uvicorn", "emulator", *_OF_THE_PAGES}
