"""Serving the documents: the schemas, the AsyncAPI document and its page, and the page of the HTTP routes.

Plain GETs that tell nothing but the protocol. The pages ask no other host for anything, and forbid themselves to.
"""

import re
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from reference.asyncapi import DEFAULT_HOST, asyncapi_document
from reference.files import json_text
from reference.page import html_page, swagger_page
from reference.schemas import client_schema, server_schema

_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
_HARDENED = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def add_reference(app: FastAPI) -> None:
    """Serve the documents from ``app``.

    ``/docs`` shows the application's own ``openapi_url``, which must be ``/openapi.json``.
    """
    document = asyncapi_document()
    app.include_router(_documents(document))
    app.include_router(_pages(document, title=f"{app.title}: HTTP routes"))
    # Swagger UI as it is released, which the package ships.
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_swagger", "resources")]))


def _documents(document: dict[str, Any]) -> APIRouter:
    router = APIRouter(tags=["protocol"], default_response_class=JSONResponse)
    client, server = json_text(client_schema()), json_text(server_schema())

    @router.get("/asyncapi.json", summary="AsyncAPI")
    async def asyncapi(request: Request) -> Response:
        """The WebSocket protocol, as AsyncAPI 3."""
        return _json(json_text({**document, "servers": _servers(request)}))

    @router.get("/schema/client-messages.json")
    async def client_messages() -> Response:
        """JSON Schema of what a client sends."""
        return _json(client)

    @router.get("/schema/server-messages.json")
    async def server_messages() -> Response:
        """JSON Schema of what the server sends."""
        return _json(server)

    return router


def _pages(document: dict[str, Any], *, title: str) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    protocol, protocol_policy = html_page(document)
    http, http_policy = swagger_page(title)

    @router.get("/asyncapi")
    async def protocol_page() -> HTMLResponse:
        """The WebSocket protocol, for people."""
        return HTMLResponse(protocol, headers={**_HARDENED, "Content-Security-Policy": protocol_policy})

    @router.get("/docs")
    async def http_page() -> HTMLResponse:
        """The HTTP routes, for people."""
        return HTMLResponse(http, headers={**_HARDENED, "Content-Security-Policy": http_policy})

    return router


def _servers(request: Request) -> dict[str, Any]:
    """The server by the name that the client has for it, as far as that is one."""
    host = request.headers.get("host", "")
    scheme: Literal["ws", "wss"] = "wss" if request.url.scheme == "https" else "ws"
    return {"interpreter": {"host": host if _HOST.fullmatch(host) else DEFAULT_HOST, "protocol": scheme}}


def _json(text: str) -> Response:
    return Response(text, media_type="application/json", headers=_HARDENED)
