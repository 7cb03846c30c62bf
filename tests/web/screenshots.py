"""Takes the screenshots of ``docs/web.md``: ``python -m tests.web.screenshots [FOLDER]``."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from tests.web.browser import OpenPage, launch, opened
from tests.web.scripted import ScriptedServer
from tests.web.served import page_server

_FOLDER = Path(__file__).parents[2] / "docs" / "web"
_DESKTOP = {"width": 1200, "height": 760}
_PHONE = {"width": 390, "height": 844}
_SAID = [
    (
        "ko",
        "안녕하세요, 만나서 반갑습니다. 오시는 길은 괜찮으셨어요?",
        "Hello, it's nice to meet you. Was your trip all right?",
    ),
    (
        "en",
        "Very pleasant, thank you. Could you tell me where the meeting room is?",
        "아주 좋았습니다, 감사합니다. 회의실이 어디인지 알려 주시겠어요?",
    ),
    (
        "ko",
        "네, 이쪽으로 오세요. 3층이고, 회의는 열 시에 시작합니다.",
        "Yes, this way, please. It's on the third floor, and the meeting starts at ten.",
    ),
]
_LIVE = ("en", "Then we still have some time. I would like a cup of", "그럼 아직 시간이 좀 있네요. 저는")


@dataclass(frozen=True)
class Shot:
    """One picture.

    Attributes:
        name: Of its file.
        scene: What is going on: see :func:`_play`.
        viewport: The size of the page.
        scheme: Light or dark.
        locale: The browser's language.
    """

    name: str
    scene: str
    viewport: dict[str, int]
    scheme: str = "light"
    locale: str = "en-US"


SHOTS = (
    Shot("start-desktop-light", "start", _DESKTOP),
    Shot("conversation-desktop-light", "conversation", _DESKTOP),
    Shot("conversation-desktop-dark", "conversation", _DESKTOP, "dark", "ko-KR"),
    Shot("conversation-phone-light", "conversation", _PHONE, "light", "ko-KR"),
    Shot("conversation-phone-dark", "conversation", _PHONE, "dark"),
    Shot("error-phone-light", "error", _PHONE, "light", "ko-KR"),
    Shot("error-desktop-dark", "error", _DESKTOP, "dark"),
    Shot("captions-desktop-dark", "captions", _DESKTOP, "dark"),
    Shot("settings-desktop-light", "settings", _DESKTOP),
    Shot("room-desktop-light", "room", _DESKTOP),
    Shot("debug-desktop-light", "debug", _DESKTOP),
)


async def take(browser: Browser, url: str, shot: Shot, folder: Path) -> Path:
    """Take one picture; where it is."""
    script = ScriptedServer()
    look: dict[str, Any] = {
        "viewport": shot.viewport,
        "color_scheme": shot.scheme,
        "locale": shot.locale,
        "reduced_motion": "reduce",
    }
    address = f"{url}/?debug" if shot.scene == "debug" else url
    async with opened(browser, address, prepare=script.serve, **look) as page:
        await _play(page, script, shot.scene)
        if shot.scene not in ("start", "room", "error"):  # the fake microphone beeps once a second
            await page.wait("document.getElementById('voice-meter').style.getPropertyValue('--level') > 0.3")
        path = folder / f"{shot.name}.png"
        await page.page.screenshot(path=path)
    return path


async def _play(page: OpenPage, script: ScriptedServer, scene: str) -> None:
    if scene == "start":
        return
    if scene == "room":
        await page.page.click("#open-room")
        return
    await page.page.click("#start")
    await page.wait_for_status("connected")
    for language, source, target in _SAID:
        script.tell("speech_state", state="speaking", timestamp=0)
        script.tell("speech_state", state="silent", timestamp=0)
        script.turn(source, target, languages=(language, "en" if language == "ko" else "ko"))
    await page.wait_for_turns(len(_SAID))
    if scene == "error":
        script.drop("SERVER_BUSY", 1013)
        await page.page.locator(".banner").wait_for()
        return
    _, source, target = _LIVE
    script.tell("speech_state", state="speaking", timestamp=0)
    script.tell("input_transcription", text=source, isFinal=False)
    script.tell("output_transcription", text=target, isFinal=False)
    await page.wait_for_state("speaking")
    if scene == "captions":
        await page.page.click("#captions")
    elif scene == "settings":
        await page.page.click("#open-settings")


async def main(folder: Path = _FOLDER) -> None:
    """Take them all."""
    async with page_server() as server, async_playwright() as playwright:
        browser = await launch(playwright)
        for shot in SHOTS:
            print(await take(browser, server.http_url, shot, folder))  # noqa: T201 - it is a command
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(*map(Path, sys.argv[1:])))
