"""The page in a real Chromium, as a test drives it: what it shows, what it sends and gets, what is heard of it."""

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Browser, Page, Playwright, WebSocket

CHROMIUM = Path("/usr/bin/chromium")
OUTPUT_RATE_HZ = 24_000
STUCK_SECS = 30
"""A wait for what never comes ends in order."""
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
]

_TAP = Path(__file__).parent / "assets" / "tap.js"
_HEARD = """
() => {
  const bytes = new Uint8Array(window.heard.pieces.length * 256);
  window.heard.pieces.forEach((piece, n) => bytes.set(new Uint8Array(piece.buffer), n * 256));
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return { frames: window.heard.frames, pcm: btoa(text) };
}
"""


class OpenPage:
    """The page, open in a tab.

    Attributes:
        page: Playwright's.
        sockets: Every WebSocket that the page opened.
        sent: Every frame that it sent, in order; binary ones as bytes.
        received: The same of those that it got.
        faults: Errors of its scripts, and what the browser refused to load.
    """

    def __init__(self, page: Page):
        """Watch ``page`` from here on."""
        self.page = page
        self.sockets: list[WebSocket] = []
        self.sent: list[str | bytes] = []
        self.received: list[str | bytes] = []
        self.faults: list[str] = []
        page.on("websocket", self._watch)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text) if "Content Security" in said.text else None)

    def _watch(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framesent", lambda frame: self.sent.append(frame))  # Playwright marks its handlers
        socket.on("framereceived", lambda frame: self.received.append(frame))

    def messages(self, *types: str) -> list[dict[str, Any]]:
        """The messages of these types that came."""
        found = [json.loads(frame) for frame in self.received if isinstance(frame, str)]
        return [message for message in found if message["type"] in types]

    @property
    def sent_samples(self) -> NDArray[np.int16]:
        """All speech that went out."""
        return _samples(b"".join(frame for frame in self.sent if isinstance(frame, bytes)))

    @property
    def received_samples(self) -> NDArray[np.int16]:
        """All interpreted speech that came."""
        return _samples(b"".join(frame for frame in self.received if isinstance(frame, bytes)))

    async def turns(self) -> list[tuple[str, str]]:
        """What was said and its interpretation, as the page shows them, of turns that are over."""
        shown = await self.page.eval_on_selector_all(
            ".turn:not([data-state=live])",
            """all => all.map(each => ['.source', '.target'].map(
                 side => each.querySelector(`${side} .words`).textContent))""",
        )
        return [(source, target) for source, target in shown]

    async def wait_for_turns(self, count: int) -> list[tuple[str, str]]:
        """The same, once there are so many."""
        await self.wait(f"document.querySelectorAll('.turn:not([data-state=live])').length >= {count}")
        return await self.turns()

    async def wait(self, condition: str) -> None:
        """Wait until an expression of the page's is true."""
        async with asyncio.timeout(STUCK_SECS):  # wait_for_function would need what the page's policy forbids
            while not await self.page.evaluate(condition):  # noqa: ASYNC110 - nobody here is told
                await asyncio.sleep(0.02)

    async def wait_for_state(self, state: str) -> None:
        """Wait until the page shows this state of the conversation."""
        await self.wait(f"document.getElementById('state').dataset.state === '{state}'")

    async def wait_for_status(self, status: str) -> None:
        """Wait until the page shows this status of the connection."""
        await self.wait(f"document.getElementById('connection').dataset.status === '{status}'")

    async def wait_for_banner(self, text: str) -> None:
        """Wait until a banner says this."""
        await self.page.locator(".banner", has_text=text).wait_for(timeout=STUCK_SECS * 1000)

    async def heard(self) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
        """What came to the loudspeaker but silence: the frames at which 128 samples each began, and the samples."""
        told = await self.page.evaluate(_HEARD)
        return np.array(told["frames"], dtype=np.int64), _samples(base64.b64decode(told["pcm"]))


def _samples(pcm: bytes) -> NDArray[np.int16]:
    return np.frombuffer(pcm, "<i2")


def without_silence(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """The samples that are not zero, in order."""
    return np.compress(samples != 0, samples)


async def launch(playwright: Playwright, microphone: Path | None = None, *, repeats: bool = False) -> Browser:
    """A Chromium whose microphone plays a WAV file, once or again and again, or beeps."""
    times = "" if repeats else "%noloop"
    heard = [] if microphone is None else [f"--use-file-for-fake-audio-capture={microphone}{times}"]
    return await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=[*_FLAGS, *heard])


@contextlib.asynccontextmanager
async def opened(
    browser: Browser,
    url: str,
    *,
    microphone: bool = True,
    prepare: Callable[[Page], Any] | None = None,
    **context: Any,
) -> AsyncIterator[OpenPage]:
    """The page at ``url``, in a browser that has never seen it.

    Args:
        browser: Where.
        url: Of the server.
        microphone: Whether the page may use it.
        prepare: Is called before the page loads.
        context: For Playwright's ``new_context``, such as ``locale``, ``viewport`` and ``color_scheme``.
    """
    permissions = ["microphone"] if microphone else []
    session = await browser.new_context(**{"locale": "en-US", "permissions": permissions, **context})
    try:
        page = await session.new_page()
        await page.add_init_script(path=_TAP)
        open_page = OpenPage(page)
        if prepare is not None:
            await prepare(page)
        await page.goto(url)
        await page.wait_for_selector("html[data-ready]")
        yield open_page
        assert not open_page.faults, open_page.faults
    finally:
        await session.close()


def seq_is_whole(page: OpenPage) -> bool:
    """Whether every message came once, by their numbers, over all connections together."""
    last = 0
    for frame in page.received:
        if isinstance(frame, bytes):
            last += 1
            continue
        number = re.search(r'"seq":(\d+)', frame)
        if number is not None:
            if int(number[1]) != last + 1:
                return False
            last += 1
    return True
