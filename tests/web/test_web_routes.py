"""The page's routes: its files, their headers, and what it is told of the server."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from server import create_app
from tests.support.servers import test_settings

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
SECRET = "a-key-that-nobody-may-see"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that offers a third language."""
    app = create_app(
        test_settings(gemini_api_key=SECRET, target_languages="ja", resume_grace_secs=7, room_api_key=SECRET)
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as client:
        yield client


def loaded_by(page: str) -> set[str]:
    """The paths that a page names itself."""
    return set(re.findall(r'(?:href|src)="([^"#][^"]*)"', page))


async def test_the_page_and_all_that_it_names_are_served(http: httpx.AsyncClient) -> None:
    """Every file comes with its type, for browsers are told not to guess."""
    page = await http.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    paths = loaded_by(page.text)
    assert "web/page/app.js" in paths
    for path in paths:
        response = await http.get(f"/{path}")
        assert response.status_code == 200, path
        kind = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
        assert response.headers["content-type"] == kind[Path(path).suffix], path


async def test_the_page_preloads_every_module_that_it_starts_with(http: httpx.AsyncClient) -> None:
    """A module that is found only when another one was read would cost a round trip more."""
    named = {path.removeprefix("web/") for path in loaded_by((await http.get("/")).text) if path.endswith(".js")}
    found: set[str] = set()
    waiting = [WEB / "page" / "app.js"]
    while waiting:
        path = waiting.pop()
        found.add(path.relative_to(WEB).as_posix())
        imported = re.findall(r'^(?:import|export) [^;]*? from "(\.[^"]+)"', path.read_text("utf-8"), re.MULTILINE)
        waiting += [
            p for each in imported if (p := (path.parent / each).resolve()).relative_to(WEB).as_posix() not in found
        ]
    assert named == found


@pytest.mark.parametrize(
    "path", ["/", "/web/page/app.js", "/web/client/capture-worklet.js", "/samples/en-11s-16k.wav"]
)
async def test_every_answer_is_hardened(http: httpx.AsyncClient, path: str) -> None:
    """Nothing from elsewhere, nothing inline, no guessing of types, no referrer, no camera."""
    headers = (await http.get(path)).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert not re.search(r"unsafe|\*|https?:", policy)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "microphone=(self)" in headers["permissions-policy"]
    assert "camera=()" in headers["permissions-policy"]


async def test_what_a_browser_has_it_does_not_load_again(http: httpx.AsyncClient) -> None:
    """It asks each time, so that an update is seen at once, and gets 304."""
    for path in ("/", "/web/page/page.css"):
        first = await http.get(path)
        assert first.headers["cache-control"] == "no-cache"
        second = await http.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (second.status_code, second.content) == (304, b"")
        assert "content-security-policy" in second.headers


async def test_heads_are_answered(http: httpx.AsyncClient) -> None:
    """``HEAD`` has the headers of ``GET`` and no body."""
    for path in ("/", "/config", "/web/page/app.js"):
        head = await http.head(path)
        assert (head.status_code, head.content) == (200, b""), path
        assert head.headers["content-length"] == (await http.get(path)).headers["content-length"]


async def test_nothing_but_the_files_of_the_page_is_served(http: httpx.AsyncClient) -> None:
    """No way leads out of the folder."""
    for path in (
        "/web/",
        "/web/nothing.js",
        "/web/..%2Fserver.py",
        "/web/%2e%2e/.env",
        "/samples/../server.py",
        "/web/page",
    ):
        assert (await http.get(path)).status_code == 404, path


async def test_the_config_says_what_there_is_and_no_secret(http: httpx.AsyncClient) -> None:
    """Languages, engines and samples, as the settings have them."""
    response = await http.get("/config")
    assert response.json() == {
        "languages": ["ko", "en"],
        "targetLanguages": ["ko", "en", "ja"],
        "engines": [{"name": "interpreter", "whisper": False}],
        "resumeGraceSecs": 7.0,
        "maxChunkSecs": 5.0,
        "rooms": True,
        "roomKey": True,
        "samples": ["en-11s-16k.wav", "en-35s-8k.wav", "ko-30s-16k.wav"],
    }
    assert SECRET not in response.text


def test_no_file_of_the_page_names_another_host() -> None:
    """Fonts and icons included; the names of XML are no addresses."""
    for path in WEB.rglob("*"):
        if path.suffix in {".html", ".js", ".css", ".svg"}:
            text = (
                path.read_text("utf-8")
                .replace("http://www.w3.org/2000/svg", "")
                .replace("https://www.w3.org/TR/", "")
            )
            assert not re.search(r"https?://|@import|//cdn", text), path
