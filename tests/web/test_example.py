"""The example of ``docs/web.md``, as a page of somebody's own."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Playwright

from tests.support.speech import silence, texts, words_only
from tests.web.browser import OpenPage, launch
from tests.web.served import page_server

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "web" / "interpreter-client.js"


def example() -> str:
    """The code in the document."""
    found = re.search(r"```js\n(import .*?)```", (ROOT / "docs" / "web.md").read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_library_shows_the_same_example() -> None:
    """In the comment at its top, where an editor shows it, too."""
    comment = LIBRARY.read_text("utf-8").split("*/")[0]
    shown = "".join(line.removeprefix(" *").removeprefix(" ") + "\n" for line in comment.splitlines())
    assert example() in shown
    assert len(example().splitlines()) <= 24


@pytest.mark.asyncio(loop_scope="module")
async def test_the_example_interprets(playwright: Playwright, wav: Callable[[bytes], Path]) -> None:
    """A page with two buttons, two lines and a log, and the example as its only script, is a client."""
    body = f"""<!doctype html><button id=begin>begin</button><button id=end>end</button>
        <p id=source></p><p id=target></p><pre id=log></pre>
        <script type=module>{example().replace("./interpreter-client.js", "/web/interpreter-client.js")}</script>"""

    browser = await launch(playwright, wav(silence(800) + words_only("kennedy-2") + silence(20_000)))
    async with page_server(pages={"/example": body}) as server:
        context = await browser.new_context(permissions=["microphone"])
        page = OpenPage(await context.new_page())
        await page.page.goto(f"{server.http_url}/example")
        await page.page.click("#begin")
        source, target = texts("kennedy-2")
        await page.wait(f"document.getElementById('log').textContent === '{source} → {target}\\n'")
        assert await page.page.inner_text("#target") == target
        await page.page.click("#end")
        await page.wait("document.getElementById('log').title.startsWith('ended')")
        assert page.faults == []
        await context.close()
    await browser.close()
