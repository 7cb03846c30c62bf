"""Where providers call in: a webhook and a stream for each whose secret is configured, and for no other.

``POST /telephony/{provider}/voice`` (or GET) answers a call with the provider's document, which leads its media
to ``WS /telephony/{provider}/stream/{token}``. Nobody gets past the first without the provider's signature, nor
past the second without a token of the first. Exotel signs nothing: it shows a name and a password instead, to the
webhook, or, where its applet has a fixed address, in the handshake of ``WS /telephony/exotel/stream``.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import PlainTextResponse
from starlette.datastructures import Headers

from pipelines.call import PhoneCall
from pipelines.call_tokens import CallTokens
from pipelines.engines import Engines
from pipelines.logs import log_event
from pipelines.phone_services import PhoneServices, notices_in, phone_languages
from pipelines.seats import SeatTicket
from pipelines.settings import Settings, SettingsError
from telephony.provider import IncomingCall, Provider, WebhookRequest
from telephony.providers import MissingLibraryError, make

logger = logging.getLogger(__name__)

_MOST_BODY_BYTES = 64 * 1024
"""Webhooks have some dozens of short fields."""
_BODY_SECS = 10.0
"""As long as uvicorn's headers may take, see :mod:`pipelines.bounded_protocols`."""
_FORM = "application/x-www-form-urlencoded"
_SEAT = "seat"
_STREAMS_TO_A_FIXED_ADDRESS = frozenset({"exotel"})
_RATE_IS_OURS = frozenset({"vonage"})


def dialled_for_seats(settings: Settings) -> Callable[[str, str], Awaitable[None]] | None:
    """What calls a number for a seat of a room, by the seat's token; ``None``: no provider calls anybody.

    The provider asks the same webhook what to do with that call, and shows the token.
    """
    account = settings.provider_credentials.get("twilio")
    if account is None or settings.twilio_number is None:
        return None
    from telephony.dialling import TwilioDialler  # with libraries that only who has calls installs

    dialler = TwilioDialler(**account, caller=settings.twilio_number)

    async def dial(number: str, seat_token: str) -> None:
        url = f"{settings.public_url}/telephony/twilio/voice?{urlencode({_SEAT: seat_token})}"
        await dialler.dial(number, url)

    return dial


def add_telephony(app: FastAPI, settings: Settings, engines: Engines) -> None:
    """Serve the routes of the providers that are configured; where none is, nothing.

    ``app.state`` has, while the application runs, ``phones`` and ``drain``.

    Raises:
        SettingsError: What is set for a provider is wrong, or its library is not installed.
    """
    if engines.phone is None:
        return
    phone_languages(settings)
    rate = {"media_rate_hz": engines.phone.transport.sample_rate_hz}
    configured = settings.provider_credentials
    tokens = CallTokens(value for credentials in configured.values() for value in credentials.values())
    for name, credentials in configured.items():
        try:
            provider = make(name, **credentials, **(rate if name in _RATE_IS_OURS else {}))
        except (MissingLibraryError, ValueError) as error:
            raise SettingsError(f"{name.upper()}: {error}") from error
        _ProviderRoutes(app, settings, provider, tokens).add()


class _ProviderRoutes:
    """The routes of one provider."""

    def __init__(self, app: FastAPI, settings: Settings, provider: Provider, tokens: CallTokens):
        self._app = app
        self._public_url = settings.public_url or ""
        self._settings = settings
        self._provider = provider
        self._tokens = tokens
        self._path = f"/telephony/{provider.name}"

    def add(self) -> None:
        if self._provider.name in _STREAMS_TO_A_FIXED_ADDRESS:
            self._app.add_api_websocket_route(f"{self._path}/stream", self._take_stream_of_a_known_user)
        self._app.add_api_route(
            f"{self._path}/voice", self._answer_call, methods=["POST", "GET"], include_in_schema=False
        )
        self._app.add_api_websocket_route(f"{self._path}/stream/{{token}}", self._take_stream)

    # Webhooks

    async def _answer_call(self, request: Request) -> Response:
        body = await _body_of(request)
        if body is None:
            return _told(413, f"expected at most {_MOST_BODY_BYTES} bytes within {_BODY_SECS:g} s")
        webhook = self._webhook(request, body)
        if (reason := self._provider.refusal(webhook)) is not None:
            if self._may_log("webhook refused"):
                log_event(logger, logging.WARNING, "webhook refused", provider=self._provider.name, reason=reason)
            return _told(403, f"expected a request that {self._provider.name} has signed")
        try:
            call = self._provider.incoming(webhook)
        except ValueError as error:
            return _told(400, str(error))
        return self._document(call, request.query_params.get(_SEAT))

    def _webhook(self, request: Request, body: bytes) -> WebhookRequest:
        is_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True) if is_form else []
        return WebhookRequest(
            request.method, self._url(request), _names_lowered(request.headers), body, dict(fields)
        )

    def _url(self, connection: Request | WebSocket) -> str:
        """As the provider has called it: a proxy may have changed what stands before the path."""
        path = connection.scope.get("raw_path") or connection.url.path.encode()
        query = connection.scope["query_string"]
        asked = path.decode("ascii", "replace") + (f"?{query.decode('ascii', 'replace')}" if query else "")
        return f"{self._public_url}{asked}"

    def _document(self, call: IncomingCall, seat_token: str | None) -> Response:
        phones: PhoneServices = self._app.state.phones
        busy = phones.services.sessions.busy()
        ticket = _ticket(phones, call, seat_token)
        if busy is not None or (seat_token is not None and ticket is None):
            # Providers take it for a call that failed, and go on as they are told for that (a fallback URL).
            return _told(503, busy.message if busy is not None else "expected the token of a seat that is free")
        languages = (ticket.language,) if ticket is not None else phones.languages.may_be_spoken
        notices = notices_in(self._settings.telephony_notice, languages)
        stream = f"wss{self._public_url.removeprefix('https')}{self._path}/stream"
        document = self._provider.document(
            f"{stream}/{self._tokens.issue(self._provider.name, ticket)}",
            [notice for notice in notices if self._provider.speaks(notice.language)],
        )
        return Response(document.body, media_type=document.media_type)

    # Streams

    async def _take_stream(self, websocket: WebSocket) -> None:
        admission = self._tokens.take(self._provider.name, websocket.path_params["token"])
        if isinstance(admission, str):
            await self._refuse_stream(websocket, admission)
        else:
            await self._serve(websocket, admission.ticket)

    async def _take_stream_of_a_known_user(self, websocket: WebSocket) -> None:
        handshake = WebhookRequest("GET", self._url(websocket), _names_lowered(websocket.headers), b"", {})
        if (reason := self._provider.refusal(handshake)) is not None:
            await self._refuse_stream(websocket, reason)
        else:
            await self._serve(websocket, None)

    async def _refuse_stream(self, websocket: WebSocket, reason: str) -> None:
        if self._may_log("stream refused"):
            log_event(logger, logging.WARNING, "stream refused", provider=self._provider.name, reason=reason)
        await websocket.close()  # before accept: refuses the handshake with 403

    async def _serve(self, websocket: WebSocket, ticket: SeatTicket | None) -> None:
        phones: PhoneServices = self._app.state.phones
        sessions = phones.services.sessions
        await websocket.accept()
        refusal = sessions.too_many_pending()
        with sessions.waiting_for_init() as seat:
            call = PhoneCall(websocket, self._provider, phones, seat, ticket)
            with self._app.state.drain.watch(call):
                await (call.run() if refusal is None else call.refuse(refusal))

    def _may_log(self, text: str) -> bool:
        phones: PhoneServices = self._app.state.phones
        return phones.services.sessions.unserved.may_log(text)


def _ticket(phones: PhoneServices, call: IncomingCall, seat_token: str | None) -> SeatTicket | None:
    """For the seat that a call is for: the one it was made for, or the one that claims the number dialled."""
    if seat_token is not None:
        return phones.seats.seat_by_token(seat_token)
    return phones.seats.seat_by_number(call.dialled)


async def _body_of(request: Request) -> bytes | None:
    """The body; ``None`` where it is too long, or too long on its way."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BODY_BYTES:
                    return None
    except TimeoutError:
        return None
    return bytes(body)


def _names_lowered(headers: Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _told(status: int, message: str) -> Response:
    return PlainTextResponse(f"{message}\n", status)
