"""A conversation over the page: real microphone path, real server, real sound; the emulator is the upstream."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Playwright

from tests.support.speech import silence, spoken, texts, words_only
from tests.web.browser import OUTPUT_RATE_HZ, launch, opened, without_silence
from tests.web.served import page_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAUSE = silence(1000)


async def test_four_turns_in_both_directions(playwright: Playwright, wav: Callable[[bytes], Path]) -> None:
    """Either language comes out in the other: as texts, in order, and as sound, every sample once."""
    said = ("kennedy-1", "speech-3b", "kennedy-2", "speech-1a")
    speech = b"".join(words_only(each) + PAUSE for each in said)
    browser = await launch(playwright, wav(silence(800) + speech + silence(5000)))
    async with (
        page_server() as server,
        opened(browser, server.http_url) as page,
    ):
        await page.page.keyboard.press("Control+Enter")
        await page.wait_for_status("connected")
        assert await page.wait_for_turns(4) == [texts(each) for each in said]
        sides = await page.page.eval_on_selector_all(".turn", "all => all.map(each => each.dataset.side)")
        assert sides == ["second", "first", "second", "first"]
        languages = await page.page.eval_on_selector_all(
            ".turn .target .words", "all => all.map(each => each.lang)"
        )
        assert languages == ["ko", "en", "ko", "en"]
        assert all(
            await page.page.eval_on_selector_all(".delay", "all => all.slice(0, 4).map(each => each.textContent)")
        )
        await page.wait_for_state("silent")
        _, heard = await page.heard()
        expected = without_silence(page.received_samples)
        assert len(expected) > OUTPUT_RATE_HZ
        assert np.array_equal(without_silence(heard), expected)
        # Each interpretation was told to a screen reader once, and only when it was whole.
        told = await page.page.eval_on_selector_all("#announcer p", "all => all.map(each => each.textContent)")
        assert told == [texts(each)[1] for each in said][-3:]
        await page.page.keyboard.press("Control+Enter")
        await page.wait_for_status("ended")
        assert await page.turns() == [texts(each) for each in said]
    await browser.close()


async def test_escape_silences_the_interpreter_at_once(
    playwright: Playwright, wav: Callable[[bytes], Path]
) -> None:
    """100 ms after the key nothing is heard any more, although more had come; the turn keeps its texts, marked."""
    browser = await launch(playwright, wav(silence(800) + words_only("speech-1b") + silence(20_000)))
    async with (
        page_server() as server,
        opened(browser, server.http_url) as page,
    ):
        await page.page.click("#start")
        await page.wait_for_state("interpreting")
        await asyncio.sleep(0.5)
        pressed_at = await page.page.evaluate(
            """() => new Promise((done) => {
              const now = () => done(heard.context.currentTime * 24000);
              document.addEventListener("keydown", now, { capture: true, once: true });
              const key = new KeyboardEvent("keydown", { key: "Escape", bubbles: true });
              document.body.dispatchEvent(key);
            })"""
        )
        await page.wait("!document.getElementById('state').dataset.state.startsWith('interp')")
        await asyncio.sleep(1)
        frames, heard = await page.heard()
        last = frames[-1] + np.flatnonzero(heard[-128:])[-1]
        assert (last - pressed_at) / OUTPUT_RATE_HZ <= 0.1
        assert len(without_silence(heard)) < len(without_silence(page.received_samples))
        assert page.messages("interrupted")[0]["reason"] == "client"
        assert await page.wait_for_turns(1) == [texts("speech-1b")]
    await browser.close()


async def test_mute_in_the_middle_of_a_word(playwright: Playwright, wav: Callable[[bytes], Path]) -> None:
    """From the key on nothing goes out; what was said so far is interpreted, and what is said after unmuting."""
    first = spoken("harvard-1")
    speech = first + silence(4000) + spoken("kennedy-1") + PAUSE
    browser = await launch(playwright, wav(silence(800) + speech + silence(20_000)))
    async with (
        page_server() as server,
        opened(browser, server.http_url) as page,
    ):
        await page.page.click("#start")
        await page.wait_for_state("speaking")
        first_is_over = asyncio.create_task(asyncio.sleep(len(first) / 32_000 + 1))
        await asyncio.sleep(1.0)
        await page.page.keyboard.press("Space")
        await page.wait("document.getElementById('mute').ariaPressed === 'true'")
        await asyncio.sleep(0.1)
        sent = len(page.sent_samples)
        (source, _), *_ = await page.wait_for_turns(1)
        whole, _ = texts("harvard-1")
        assert whole.startswith(source)
        assert 0 < len(source) < len(whole)
        assert len(page.sent_samples) == sent
        level = await page.page.evaluate("document.getElementById('voice-meter').style.getPropertyValue('--level')")
        assert float(level) == 0
        await first_is_over
        await page.page.keyboard.press("Space")
        assert (await page.wait_for_turns(2))[1] == texts("kennedy-1")
        assert len(page.sent_samples) > sent
    await browser.close()
