"""What the page shows and lets people do, with a server that says what the test wants."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request

from tests.support.servers import RunningServer
from tests.support.waiting import until
from tests.web.browser import OpenPage, opened
from tests.web.scripted import ScriptedServer
from tests.web.served import page_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEB = Path(__file__).parents[2] / "web"
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncIterator[RunningServer]:
    """A server of the page's files."""
    async with page_server() as running:
        yield running


@pytest.fixture
def script() -> ScriptedServer:
    """What the page talks to."""
    return ScriptedServer()


async def start(page: OpenPage) -> None:
    """Start a session."""
    await page.page.click("#start")
    await page.wait_for_status("connected")


async def test_a_turn_grows_and_is_final_at_last(
    chromium: Browser, server: RunningServer, script: ScriptedServer
) -> None:
    """A partial replaces the one before, the live turn looks otherwise than a final one, and states are shown."""
    async with opened(chromium, server.http_url, prepare=script.serve) as page:
        await start(page)
        assert script.inits[0]["language"] == "auto"
        script.tell("speech_state", state="speaking", timestamp=1)
        await page.wait_for_state("speaking")
        script.tell("input_transcription", text="안녕", isFinal=False)
        script.tell("input_transcription", text="안녕하세요", isFinal=False)
        live = page.page.locator(".turn[data-state=live]")
        await live.locator(".source.partial", has_text="안녕하세요").wait_for()
        assert await live.locator(".source .words").get_attribute("lang") == "ko"
        assert await page.page.locator("#announcer p").count() == 0
        script.tell("speech_state", state="silent", timestamp=2)
        script.tell("speech_state", state="processing", timestamp=3)
        await page.wait_for_state("processing")
        script.tell("input_transcription", text="안녕하세요", isFinal=True, language="ko")
        script.tell("output_transcription", text="Hello", isFinal=True, language="en")
        script.tell("turn_complete", inputText="안녕하세요", outputText="Hello")
        assert await page.wait_for_turns(1) == [("안녕하세요", "Hello")]
        assert await page.page.locator("#announcer p").all_inner_texts() == ["Hello"]


async def test_following_stops_when_the_reader_scrolls_back(
    chromium: Browser, server: RunningServer, script: ScriptedServer
) -> None:
    """New turns then leave the place alone, and one button leads to the latest again."""
    at_end = "(c => c.scrollHeight - c.scrollTop - c.clientHeight < 3)(document.getElementById('conversation'))"
    async with opened(chromium, server.http_url, prepare=script.serve) as page:
        await start(page)
        for number in range(20):
            script.turn(f"문장 {number}", f"Sentence {number}")
        await page.wait_for_turns(20)
        await page.wait(at_end)
        await page.page.hover("#turns")
        await page.page.mouse.wheel(0, -600)
        await page.page.locator("#latest").wait_for()
        before = await page.page.evaluate("document.getElementById('conversation').scrollTop")
        script.turn("또 한 문장", "One more")
        await page.wait_for_turns(21)
        assert await page.page.evaluate("document.getElementById('conversation').scrollTop") == before
        await page.page.click("#latest")
        await page.wait(at_end)
        assert not await page.page.locator("#latest").is_visible()


async def test_keys_work_and_leave_controls_alone(
    chromium: Browser, server: RunningServer, script: ScriptedServer
) -> None:
    """Space mutes, escape interrupts, Ctrl+Enter starts and ends; a list or a button keeps its own keys."""
    async with opened(chromium, server.http_url, prepare=script.serve) as page:
        keyboard = page.page.keyboard
        muted = "document.getElementById('mute').ariaPressed === '{}'"
        await keyboard.press("Control+Enter")
        await page.wait_for_status("connected")
        await page.page.evaluate("document.activeElement.blur()")
        await keyboard.press("Space")
        await page.wait(muted.format("true"))
        await page.wait_for_state("muted")
        await keyboard.press("Space")
        await page.wait(muted.format("false"))
        await page.page.focus("#spoken")
        await keyboard.press("Space")
        await page.wait(muted.format("false"))
        await keyboard.press("Escape")
        await page.page.evaluate("document.activeElement.blur()")
        await keyboard.press("Escape")
        await until(lambda: {"type": "interrupt"} in script.messages)
        await page.page.focus(".skip")
        await keyboard.press("Enter")
        await page.wait("location.hash === '#conversation'")
        await page.wait_for_status("connected")
        await page.page.click("#open-settings")
        await keyboard.press("Escape")
        await page.page.locator("#settings").wait_for(state="hidden")
        await keyboard.press("Control+Enter")
        await page.wait("document.getElementById('start').textContent === 'Finishing …'")
        await keyboard.press("Control+Enter")
        await page.wait_for_status("ended")
        assert script.messages[-1] == {"type": "close"}


async def test_the_page_speaks_the_browsers_language(chromium: Browser, server: RunningServer) -> None:
    """Korean, where the browser prefers it; no English is left."""
    async with opened(chromium, server.http_url, locale="ko-KR") as page:
        assert await page.page.title() == "실시간 통역"
        assert await page.page.get_attribute("html", "lang") == "ko"
        assert await page.page.locator("#spoken option").all_inner_texts() == ["한국어 또는 영어", "한국어", "영어"]
        shown = await page.page.inner_text("body")
        assert "Start" not in shown
        assert "Speak" not in shown


async def test_the_choices_are_what_the_server_is_asked_for(
    chromium: Browser, server: RunningServer, script: ScriptedServer
) -> None:
    """A change while a session runs begins another one, and the conversation stays."""
    async with opened(chromium, server.http_url, prepare=script.serve) as page:
        await start(page)
        script.turn("안녕", "Hi")
        await page.wait_for_turns(1)
        await page.page.select_option("#spoken", "ko")
        await page.wait("document.getElementById('into').options.length === 1")
        await until(lambda: len(script.inits) == 2)
        assert [init["language"] for init in script.inits] == ["auto", "ko"]
        await page.wait_for_status("connected")
        script.turn("잘 가", "Bye")
        assert await page.wait_for_turns(2) == [("안녕", "Hi"), ("잘 가", "Bye")]


async def test_what_the_server_offers_can_be_chosen(
    chromium: Browser, server: RunningServer, script: ScriptedServer
) -> None:
    """Engines, a third language and Whisper appear where ``GET /config`` names them, and go into ``init``."""
    offer = {
        "languages": ["ko", "en"],
        "targetLanguages": ["ko", "en", "ja"],
        "engines": [{"name": "interpreter", "whisper": False}, {"name": "other", "whisper": True}],
        "samples": [],
        "rooms": False,
    }

    async def prepare(page: Page) -> None:
        await script.serve(page)
        await page.route("**/config", lambda route: route.fulfill(body=json.dumps(offer)))

    async with opened(chromium, server.http_url, prepare=prepare) as page:
        assert not await page.page.is_visible("#open-room")
        assert await page.page.locator("#into option").all_inner_texts() == [
            *("the other one", "Korean", "English", "Japanese")
        ]
        await page.page.select_option("#into", "ja")
        await page.page.click("#open-settings")
        assert not await page.page.is_visible("#whisper")
        await page.page.select_option("#engine", "other")
        await page.page.check("#whisper")
        await page.page.keyboard.press("Escape")
        await start(page)
        asked = {name: script.inits[0][name] for name in ("language", "targetLanguage", "engine", "useWhisper")}
        assert asked == {"language": "auto", "targetLanguage": "ja", "engine": "other", "useWhisper": True}


async def test_the_conversation_can_be_taken_along(
    chromium: Browser, server: RunningServer, script: ScriptedServer
) -> None:
    """As text, SubRip, WebVTT and JSON, and through the clipboard."""
    async with opened(chromium, server.http_url, prepare=script.serve) as page:
        await page.page.context.grant_permissions(["microphone", "clipboard-read", "clipboard-write"])
        await start(page)
        script.turn("안녕하세요", "Hello")
        await page.wait_for_turns(1)
        await page.page.click("#open-transcript")
        expected = {
            "txt": "ko  안녕하세요\nen  Hello",
            "srt": "\nHello\n",
            "vtt": "WEBVTT\n",
            "json": '"text": "Hello"',
        }
        for kind, text in expected.items():
            async with page.page.expect_download() as started:
                await page.page.click(f"[data-download={kind}]")
            download = await started.value
            assert download.suggested_filename.endswith(f".{kind}")
            assert text in (await download.path()).read_text("utf-8")
        await page.page.click("#copy")
        await page.page.locator("#transcript-said", has_text="Copied.").wait_for()
        assert expected["txt"] in await page.page.evaluate("navigator.clipboard.readText()")


async def test_nothing_is_kept_unless_it_is_wanted(
    chromium: Browser, server: RunningServer, script: ScriptedServer
) -> None:
    """Without the choice there is no database; with it a conversation outlives a reload, until all is cleared."""
    names = "indexedDB.databases().then(all => all.map(({ name }) => name))"
    async with opened(chromium, server.http_url, prepare=script.serve) as page:
        await start(page)
        script.turn("안녕하세요", "Hello")
        await page.wait_for_turns(1)
        stored = "[localStorage.length, sessionStorage.length, document.cookie.length]"
        assert await page.page.evaluate(names) == []
        await page.page.click("#open-settings")
        await page.page.check("#keep")
        await page.page.locator("#kept-list button").wait_for()
        await page.page.reload()
        await page.page.wait_for_selector("html[data-ready]")
        assert await page.turns() == []
        await page.page.click("#open-settings")
        await page.page.locator("#kept-list button", has_text="1 turns").click()
        assert await page.turns() == [("안녕하세요", "Hello")]
        await page.page.click("#open-settings")
        await page.page.uncheck("#keep")
        await page.page.locator("#kept").wait_for(state="hidden")
        await page.page.check("#keep")
        await page.page.locator("#kept-list button").wait_for()
        await page.page.click("#clear-all")
        await page.page.locator("#kept-list", has_text="None yet.").wait_for()
        await page.page.uncheck("#keep")
        await page.page.locator("#kept").wait_for(state="hidden")
        assert await page.page.evaluate(names) == []
        assert await page.page.evaluate(stored) == [0, 0, 0]


async def test_a_microphone_that_is_gone_is_told_and_another_one_can_be_chosen(
    chromium: Browser, server: RunningServer, script: ScriptedServer
) -> None:
    """The session goes on meanwhile, and with speech from elsewhere."""

    async def keep_tracks(page: Page) -> None:
        await script.serve(page)
        await page.add_init_script(
            """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async (wanted) => (window.stream = await ask(wanted));"""
        )

    async with opened(chromium, server.http_url, prepare=keep_tracks) as page:
        await start(page)
        await page.page.evaluate("window.stream.getTracks()[0].dispatchEvent(new Event('ended'))")
        await page.wait_for_banner("The microphone is gone.")
        before = script.audio_bytes
        await page.page.select_option("#input", "sample|en-11s-16k.wav")
        await until(lambda: script.audio_bytes > before)
        assert await page.page.get_attribute("#connection", "data-status") == "connected"
        assert len(script.inits) == 1


async def test_of_two_choices_in_a_row_the_last_one_is_heard_alone(
    chromium: Browser, server: RunningServer, script: ScriptedServer
) -> None:
    """A microphone that opens when another one was chosen, or the session has ended, is let go of."""

    async def keep_streams(page: Page) -> None:
        await script.serve(page)
        await page.add_init_script(
            """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            window.streams = [];
            navigator.mediaDevices.getUserMedia = async (wanted) => {
              const stream = await ask(wanted);
              await new Promise((resolve) => setTimeout(resolve, 100));
              window.streams.push(stream);
              return stream;
            };
            window.open_streams = () => streams.filter((each) => each.active).length;"""
        )

    async with opened(chromium, server.http_url, prepare=keep_streams) as page:
        await start(page)
        choose = "document.getElementById('echo').click();"
        await page.page.evaluate(choose * 2)
        await page.wait("streams.length === 3 && open_streams() === 1")
        before = script.audio_bytes
        await until(lambda: script.audio_bytes > before)
        await page.page.evaluate(f"{choose} document.getElementById('start').click()")
        await page.wait("streams.length === 4 && open_streams() === 0")


async def test_a_trace_has_what_happened_and_no_sound_unless_ticked(
    chromium: Browser, server: RunningServer, script: ScriptedServer
) -> None:
    """The development view saves a session, without the secret that resumes it."""
    async with opened(chromium, f"{server.http_url}/?debug", prepare=script.serve) as page:
        await start(page)
        script.turn("안녕하세요", "Hello")
        await page.wait_for_turns(1)
        traces = []
        for _ in range(2):
            async with page.page.expect_download() as started:
                await page.page.click(".debug button")
            lines = (await (await started.value).path()).read_text("utf-8").splitlines()
            traces.append([json.loads(line) for line in lines])
            await page.page.check(".debug input")
            await page.wait("/sent [1-9]/.test(document.querySelector('.debug output').textContent)")
        plain, with_sound = traces
        types = [event["value"].get("type") for event in plain[1:] if event["kind"] == "in"]
        assert types == ["connected", "input_transcription", "output_transcription", "turn_complete"]
        assert next(event["value"] for event in plain[1:] if event["kind"] == "out")["type"] == "init"
        assert all(
            event.get("value", {}).get("resumeToken", "…") == "…" for event in plain if event.get("kind") == "in"
        )
        assert not [event for event in plain if "data" in str(event)]
        assert [event for event in with_sound if "data" in str(event)]


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESKTOP), ("dark", PHONE)])
async def test_axe_finds_no_violation(
    chromium: Browser, server: RunningServer, script: ScriptedServer, scheme: str, viewport: dict[str, int]
) -> None:
    """At rest, in conversation, in every dialog, with an error and in caption mode."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci --prefix tests/web")
    axe = AXE.read_text("utf-8")

    async def violations(page: OpenPage) -> list[str]:
        await page.page.evaluate(f"{{ {axe}\n; window.axe = axe; }}")
        found = await page.page.evaluate("axe.run().then(({ violations }) => violations)")
        return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]

    look: dict[str, Any] = {"color_scheme": scheme, "viewport": viewport, "reduced_motion": "reduce"}
    async with opened(chromium, server.http_url, prepare=script.serve, **look) as page:
        assert await violations(page) == []
        await start(page)
        script.turn("안녕하세요, 만나서 반갑습니다.", "Hello, nice to meet you.")
        script.turn("Where is the station?", "역이 어디에 있나요?", languages=("en", "ko"))
        script.tell("input_transcription", text="지금", isFinal=False)
        script.tell("warning", code="SPEECH_DROPPED", message="dropped", ms=1200)
        await page.wait("document.querySelectorAll('.turn').length === 3")
        assert await violations(page) == []
        for name in ("settings", "transcript", "room"):
            await page.page.click(f"#open-{name}")
            assert await violations(page) == []
            await page.page.keyboard.press("Escape")
        await page.page.click("#captions")
        assert await violations(page) == []
        script.tell("error", code="RATE_LIMITED", message="too fast")
        await page.page.click("#captions")
        await page.page.click("#mute")
        assert await violations(page) == []


async def test_nothing_is_cut_off_or_wider_than_the_screen(
    chromium: Browser, server: RunningServer, script: ScriptedServer
) -> None:
    """On phones of any usual size, upright and across, in both languages, also with words that have no end."""
    for width, height, locale in (
        (320, 568, "ko-KR"),
        (390, 844, "en-US"),
        (844, 390, "ko-KR"),
        (1280, 800, "en-US"),
    ):
        look: dict[str, Any] = {"viewport": {"width": width, "height": height}, "locale": locale}
        async with opened(chromium, server.http_url, prepare=script.serve, **look) as page:
            await start(page)
            script.turn("a" * 300, "가나다라" * 60, languages=("en", "ko"))
            await page.wait_for_turns(1)
            too_wide = """[...document.querySelectorAll("header, main, footer, .turn, button, select, .words")]
                .filter(each => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth + 1)
                .map(each => each.outerHTML.slice(0, 80))"""
            assert await page.page.evaluate(too_wide) == [], (width, height)
            script.drop("SERVER_BUSY", 1013)
            await page.page.locator(".banner").wait_for()
            assert await page.page.evaluate(too_wide) == [], (width, height)
            assert await page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert await page.page.evaluate("document.documentElement.scrollHeight <= innerHeight")


async def test_the_page_weighs_less_than_150_kb(
    chromium: Browser, server: RunningServer, script: ScriptedServer
) -> None:
    """Everything that a browser loads to show the page in Korean and to talk, uncompressed, is the server's own."""
    bodies: dict[str, int] = {}

    async def prepare(page: Page) -> None:
        await script.serve(page)
        page.on("requestfinished", lambda request: loaded.append(request))

    loaded: list[Request] = []
    async with opened(chromium, server.http_url, prepare=prepare, locale="ko-KR") as page:
        await start(page)
        script.turn("안녕하세요", "Hello")
        await page.wait_for_turns(1)
        for request in loaded:
            response = await request.response()
            if response is not None and "/test-assets/" not in request.url:
                bodies[request.url] = len(await response.body())
    assert all(url.startswith(server.http_url) for url in bodies)
    # Playwright does not see what an audio thread loads.
    unseen = [
        *WEB.glob("client/*-worklet.js"),
        WEB / "client" / "resampler.js",
        WEB / "client" / "jitter-buffer.js",
    ]
    weight_bytes = sum(bodies.values()) + sum(path.stat().st_size for path in unseen)
    assert 50_000 < weight_bytes < 150_000
