"""One Chromium for each file of tests; they are skipped where there is none."""

import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright

from tests.web.browser import CHROMIUM, launch


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def playwright() -> AsyncIterator[Playwright]:
    """Playwright, where there is a browser for it."""
    if not CHROMIUM.exists():
        pytest.skip(f"Chromium is not installed ({CHROMIUM}, Debian's package 'chromium')")
    async with async_playwright() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium(playwright: Playwright) -> AsyncIterator[Browser]:
    """A browser whose microphone beeps."""
    browser = await launch(playwright)
    yield browser
    await browser.close()


@pytest.fixture
def wav(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes 16 kHz PCM as a WAV file."""

    def write(pcm: bytes) -> Path:
        path = tmp_path / "microphone.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes(pcm)
        return path

    return write
