"""Serving the documents: the schemas, the AsyncAPI document and its page, and the page of the HTTP routes.

Plain GETs that tell nothing but the protocol. The pages ask no other host for anything, and forbid themselves to.
"""

import re
from functools import cache
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from reference.asyncapi import DEFAULT_HOST, asyncapi_document
from reference.files import json_text
from reference.schemas import client_schema, server_schema

_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
_HOST_MARK = "<host>"
_HARDENED = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

_Scheme = Literal["ws", "wss"]


def add_reference(app: FastAPI) -> None:
    """Serve the documents from ``app``; each is made when somebody asks for it for the first time.

    ``/docs`` shows the application's own ``openapi_url``, which must be ``/openapi.json``.
    """
    app.include_router(_documents())
    app.include_router(_pages(title=f"{app.title}: HTTP routes"))
    # Swagger UI as it is released, which the package ships.
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_swagger", "resources")]))


# The routes are not ``async``: making a document takes tens of ms, for which a thread keeps sessions from waiting.


def _documents() -> APIRouter:
    router = APIRouter(tags=["protocol"], default_response_class=JSONResponse)

    @router.get("/asyncapi.json", summary="AsyncAPI")
    def asyncapi(request: Request) -> Response:
        """The WebSocket protocol, as AsyncAPI 3."""
        host, scheme = _server(request)
        before, after = _asyncapi_around_host(scheme)
        return _json(f"{before}{host}{after}")

    @router.get("/schema/client-messages.json")
    def client_messages() -> Response:
        """JSON Schema of what a client sends."""
        return _json(_client_schema())

    @router.get("/schema/server-messages.json")
    def server_messages() -> Response:
        """JSON Schema of what the server sends."""
        return _json(_server_schema())

    return router


def _pages(*, title: str) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/asyncapi")
    def protocol_page() -> HTMLResponse:
        """The WebSocket protocol, for people."""
        protocol, policy = _protocol_page()
        return HTMLResponse(protocol, headers={**_HARDENED, "Content-Security-Policy": policy})

    @router.get("/docs")
    def http_page() -> HTMLResponse:
        """The HTTP routes, for people."""
        http, policy = _http_page(title)
        return HTMLResponse(http, headers={**_HARDENED, "Content-Security-Policy": policy})

    return router


@cache
def _asyncapi_document() -> dict[str, Any]:
    return asyncapi_document()


@cache
def _asyncapi_around_host(scheme: _Scheme) -> tuple[str, str]:
    """The text of the document before and after the name of the server, which alone is each client's own."""
    server = {"interpreter": {"host": _HOST_MARK, "protocol": scheme}}
    before, after = json_text({**_asyncapi_document(), "servers": server}).split(_HOST_MARK)
    return before, after


@cache
def _client_schema() -> str:
    return json_text(client_schema())


@cache
def _server_schema() -> str:
    return json_text(server_schema())


@cache
def _protocol_page() -> tuple[str, str]:
    from reference.page import html_page  # with a library for Markdown

    return html_page(_asyncapi_document())


@cache
def _http_page(title: str) -> tuple[str, str]:
    from reference.page import swagger_page

    return swagger_page(title)


def _server(request: Request) -> tuple[str, _Scheme]:
    """The server by the name that the client has for it, as far as that is one; nothing in it needs escaping."""
    host = request.headers.get("host", "")
    return host if _HOST.fullmatch(host) else DEFAULT_HOST, "wss" if request.url.scheme == "https" else "ws"


def _json(text: str) -> Response:
    return Response(text, media_type="application/json", headers=_HARDENED)
