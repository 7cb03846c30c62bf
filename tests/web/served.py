"""A real server of the page, in front of a real emulator, that any page of a test may use."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from fastapi.staticfiles import StaticFiles
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from emulator import Emulator, EmulatorOptions
from server import create_app
from tests.support.servers import RunningServer, serving, test_settings
from tests.support.speech import samples_scenario

_ASSETS = Path(__file__).parent / "assets"


@contextlib.asynccontextmanager
async def page_server(
    options: EmulatorOptions | None = None, *, pages: Mapping[str, str] | None = None, **settings: Any
) -> AsyncIterator[RunningServer]:
    """As ``running_server``; it also serves what the tests put into the page.

    Args:
        options: Of the emulator.
        pages: Further pages, as HTML by path.
        settings: Of the server.
    """
    async with Emulator(options or EmulatorOptions(time_factor=0.0), scenario=samples_scenario()) as emulator:
        upstream = {"gemini_base_url": emulator.base_url, "gemini_ca_file": emulator.ca_file}
        configured = test_settings(**{**upstream, "cors_origins": "*", **settings})
        app = create_app(configured)
        app.mount("/test-assets", StaticFiles(directory=_ASSETS))
        for path, html in (pages or {}).items():
            app.router.routes.append(Route(path, _shows(html)))
        async with serving(app, configured) as address:
            yield RunningServer(f"ws://{address}/ws", f"http://{address}", emulator, app.state.services.sessions)


def _shows(html: str) -> Callable[[Request], Response]:
    return lambda request: HTMLResponse(html)
