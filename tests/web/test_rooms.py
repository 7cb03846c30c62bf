"""Two people in a room, each in a browser of their own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Browser, Playwright

from tests.support.speech import silence, texts, words_only
from tests.web.browser import OpenPage, launch, opened, without_silence
from tests.web.served import page_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "the-key-of-this-server"


async def make_room(page: OpenPage, key: str) -> None:
    """Fill in the form and send it."""
    await page.page.fill("#room-name", "민지")
    await page.page.select_option("#room-mine", "ko")
    await page.page.select_option("#room-theirs", "en")
    await page.page.fill("#room-key", key)
    await page.page.click("#room-form button")


@pytest.mark.slow
async def test_two_people_talk_in_a_room(
    playwright: Playwright, chromium: Browser, wav: Callable[[bytes], Path]
) -> None:
    """One makes the room with the key, the other opens the link, hears the interpretation and reads both."""
    speaking = await launch(playwright, wav(silence(3000) + words_only("speech-3b") + silence(20_000)))
    async with (
        page_server(room_api_key=KEY) as server,
        opened(speaking, server.http_url) as mine,
    ):
        await mine.page.click("#open-room")
        await make_room(mine, "not the key of this server")
        await mine.page.locator("#room-fault", has_text="The server does not take this key.").wait_for()
        await make_room(mine, KEY)
        await mine.page.locator("#room-made").wait_for()
        link = await mine.page.input_value("#room-link")
        async with opened(chromium, link) as theirs:
            assert "English" in await theirs.page.inner_text("#empty")
            await theirs.page.click("#start")
            await theirs.wait_for_status("connected")
            await theirs.page.click("#mute")
            assert "Nobody else" in await theirs.page.inner_text("#people")
            await mine.page.click("#enter-room")
            await theirs.page.locator("#people li", has_text="민지").wait_for()
            await mine.page.locator("#people li", has_text="English").wait_for()
            assert await theirs.wait_for_turns(1) == [texts("speech-3b")]
            assert await mine.wait_for_turns(1) == [texts("speech-3b")]
            assert await theirs.page.inner_text(".turn .who") == "민지"
            assert await mine.page.inner_text(".turn .who") == "you"
            sides = [await page.page.get_attribute(".turn", "data-side") for page in (theirs, mine)]
            assert sides == ["first", "second"]
            await theirs.wait_for_state("muted")
            _, heard = await theirs.heard()
            assert len(without_silence(heard)) > 0
            assert np.array_equal(without_silence(heard), without_silence(theirs.received_samples))
            assert len((await mine.heard())[1]) == 0
            await theirs.page.keyboard.press("Control+Enter")
            await mine.page.locator("#people li", has_text="Nobody else").wait_for()
    await speaking.close()


async def test_a_link_to_a_room_that_is_over_says_so(chromium: Browser) -> None:
    """Not a code, but what it means."""
    async with (
        page_server() as server,
        opened(chromium, f"{server.http_url}/#room=gone&token=nothing&language=ko") as page,
    ):
        await page.page.click("#start")
        await page.wait_for_banner("This seat is not to be had")
        await page.wait_for_status("ended")
