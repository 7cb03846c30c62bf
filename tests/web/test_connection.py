"""What the page does when there is no connection, no server, no place, no microphone, or no such language."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Playwright

from tests.support.client import protocol_client
from tests.support.gate import gate_before
from tests.support.speech import silence, texts, words_only
from tests.support.waiting import until
from tests.web.browser import launch, opened, seq_is_whole
from tests.web.served import page_server

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_dropped_connection_is_resumed(playwright: Playwright, wav: Callable[[bytes], Path]) -> None:
    """In the middle of a sentence the network goes: no word is lost or doubled, and the page says it is back."""
    speech = words_only("harvard-2") + silence(1000) + words_only("kennedy-1")
    browser = await launch(playwright, wav(silence(800) + speech + silence(20_000)))
    async with page_server() as server, gate_before(urlsplit(server.url).port or 0) as gate:
        gate.open()
        async with opened(browser, gate.base_url.replace("https", "http")) as page:
            await page.page.click("#start")
            await page.wait_for_state("speaking")
            gate.cut()
            await page.wait_for_status("reconnecting")
            await page.wait_for_banner("The connection was lost and is back.")
            assert await page.wait_for_turns(2) == [texts("harvard-2"), texts("kennedy-1")]
            first, second = page.messages("connected")
            assert first["sessionId"] == second["sessionId"]
            assert second["resumed"]
            assert seq_is_whole(page)
            assert len(page.sockets) == 2
    await browser.close()


async def test_a_server_that_was_restarted_is_gone_on_with(
    playwright: Playwright, wav: Callable[[bytes], Path]
) -> None:
    """The page says that it is another session, keeps what it shows, and what is said since is interpreted."""
    speech = words_only("kennedy-2") + silence(2500) + words_only("kennedy-1")
    browser = await launch(playwright, wav(silence(800) + speech + silence(20_000)))
    async with page_server() as server:
        port = urlsplit(server.url).port
        page_of = opened(browser, server.http_url)
        page = await page_of.__aenter__()
        await page.page.click("#start")
        await page.wait_for_turns(1)
    async with page_server(port=port):
        await page.wait_for_banner("The server began a new session.")
        assert await page.wait_for_turns(2) == [texts("kennedy-2"), texts("kennedy-1")]
        first, second = page.messages("connected")
        assert first["sessionId"] != second["sessionId"]
        await page_of.__aexit__(None, None, None)
    await browser.close()


async def test_a_full_server_is_told_and_tried_again(chromium: Browser) -> None:
    """The page says that there is no place, when it tries again, and gets in when there is one."""
    async with page_server(max_sessions=1) as server, opened(chromium, server.http_url) as page:
        async with protocol_client(server.url) as other:
            await other.init()
            await page.page.click("#start")
            await page.wait_for_banner("All places of the server are taken at the moment.")
            await page.wait_for_banner("Next try in")
            assert await page.page.locator(".banner[role=alert]").count() == 1
        await until(lambda: server.sessions.active == 0)
        await page.page.click(".banner .act")
        await page.wait_for_status("connected")
        assert await page.page.locator(".banner").count() == 0


async def test_a_microphone_that_is_denied_is_explained(chromium: Browser) -> None:
    """No session is opened; what to do is said in the browser's language, and sample speech is one click away."""
    async with (
        page_server() as server,
        opened(chromium, server.http_url, microphone=False, locale="ko-KR") as page,
    ):
        await page.page.click("#start")
        await page.wait_for_banner("마이크가 허용되지 않았습니다.")
        assert page.sockets == []
        await page.page.click(".banner .act")
        await page.wait_for_status("connected")


async def test_a_language_that_the_server_has_not_is_explained(chromium: Browser) -> None:
    """The session ends with the reason in words, and is not tried again."""

    async def offer_klingon(page: Page) -> None:
        offer = {
            "languages": ["ko", "tlh"],
            "targetLanguages": ["ko", "tlh"],
            "engines": [{"name": "interpreter", "whisper": False}],
            "samples": [],
        }
        await page.route("**/config", lambda route: route.fulfill(body=json.dumps(offer)))

    async with page_server() as server, opened(chromium, server.http_url, prepare=offer_klingon) as page:
        await page.page.select_option("#spoken", "tlh")
        await page.page.click("#start")
        await page.wait_for_banner("The server does not interpret between these languages.")
        await page.wait_for_status("ended")
        assert len(page.sockets) == 1
        assert await page.page.inner_text("#start") == "Start"


async def test_a_page_whose_origin_is_refused_says_what_to_do(chromium: Browser) -> None:
    """The server answers, but not on its WebSocket: the operator is told which origin to add."""
    async with (
        page_server(cors_origins="https://elsewhere.example") as server,
        opened(chromium, server.http_url) as page,
    ):
        await page.page.click("#start")
        await page.wait_for_banner(f"Its operator has to add {server.http_url} to CORS_ORIGINS.")
