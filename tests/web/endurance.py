"""Half an hour over the page: ``python -m tests.web.endurance [MINUTES]``; what its memory and its clocks do.

The microphone repeats four phrases. Each minute a line says how much memory the page holds after a collection, and
how late interpretations play; the last line judges.
"""

import asyncio
import json
import math
import sys
import tempfile
import wave
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import CDPSession, Page, async_playwright

from tests.support.speech import silence, words_only
from tests.web.browser import launch
from tests.web.served import page_server

PHRASES = ("kennedy-1", "speech-3b", "kennedy-2", "speech-1a")
PAUSE_MS = 5000
"""Longer than any interpretation, so that each begins to play at once."""
MOST_DRIFT_MS = 100.0
MOST_GROWTH = 0.25
"""By which the page's memory may exceed what it was after the first tenth: the conversation itself stays shown."""
_ASSETS = Path(__file__).parent / "assets"


@dataclass
class Measured:
    """What was seen, minute by minute.

    Attributes:
        heap_mb: Of scripts, after a collection.
        nodes: Of the document.
        lag_ms: Median of the minute, from arrival to playing.
        behind_ms: Speech that was sent less what the microphone's audio clock counted, since the first minute.
        turns: Shown in the end.
    """

    heap_mb: list[float] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)
    lag_ms: list[float] = field(default_factory=list)
    behind_ms: list[float] = field(default_factory=list)
    turns: int = 0

    @property
    def faults(self) -> list[str]:
        """What is not as it should be."""
        early = min(len(self.heap_mb) - 1, max(1, len(self.heap_mb) // 10))
        found = [f"nothing was interpreted in minute {n}" for n, ms in enumerate(self.lag_ms, 1) if math.isnan(ms)]
        if self.heap_mb[-1] > self.heap_mb[early] * (1 + MOST_GROWTH):
            found.append(f"memory grew from {self.heap_mb[early]:.2f} to {self.heap_mb[-1]:.2f} MB")
        if max(self.lag_ms) - self.lag_ms[0] > MOST_DRIFT_MS:
            found.append(f"playing went from {self.lag_ms[0]:.0f} to {max(self.lag_ms):.0f} ms after the arrival")
        if abs(self.behind_ms[-1]) > MOST_DRIFT_MS:
            found.append(f"the microphone's speech drifted by {self.behind_ms[-1]:.0f} ms")
        return found


async def endure(minutes: float, *, every_secs: float = 60.0) -> Measured:
    """Talk over the page for so long."""
    measured = Measured()
    with tempfile.TemporaryDirectory() as folder:
        microphone = Path(folder) / "loop.wav"
        _write(microphone, b"".join(words_only(each) + silence(PAUSE_MS) for each in PHRASES))
        async with page_server() as server, async_playwright() as playwright:
            browser = await launch(playwright, microphone, repeats=True)
            context = await browser.new_context(locale="en-US", permissions=["microphone"])
            page = await context.new_page()
            for name in ("lags.js", "sent.js"):
                await page.add_init_script(path=_ASSETS / name)
            await page.goto(f"{server.http_url}/")
            await page.wait_for_selector("html[data-ready]")
            await page.click("#start")
            cdp = await context.new_cdp_session(page)
            for _ in range(round(minutes * 60 / every_secs)):
                await asyncio.sleep(every_secs)
                await _measure(page, cdp, measured)
            measured.turns = await page.locator(".turn").count()
            await browser.close()
    return measured


async def _measure(page: Page, cdp: CDPSession, measured: Measured) -> None:
    await cdp.send("HeapProfiler.collectGarbage")
    await cdp.send("Performance.enable")
    metrics = {each["name"]: each["value"] for each in (await cdp.send("Performance.getMetrics"))["metrics"]}
    measured.heap_mb.append(metrics["JSHeapUsedSize"] / 1e6)
    measured.nodes.append(round(metrics["Nodes"]))
    lags = sorted(await page.evaluate("window.lags.all.splice(0)"))
    measured.lag_ms.append(1000 * lags[len(lags) // 2] if lags else float("nan"))
    measured.behind_ms.append(await page.evaluate("window.sent.drift_ms()"))
    last = {name: values[-1] for name, values in vars(measured).items() if isinstance(values, list)}
    print(json.dumps({"minute": len(measured.heap_mb), **{k: round(v, 2) for k, v in last.items()}}), flush=True)  # noqa: T201


def _write(path: Path, pcm: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(pcm)


if __name__ == "__main__":
    result = asyncio.run(endure(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0))
    print(f"{result.turns} turns; {'; '.join(result.faults) or 'all in step'}")  # noqa: T201
    sys.exit(bool(result.faults))
