"""Both connectors to Google: what they send and make of what comes, against a scripted server with real TLS.

What they have in common with every other connector is in ``tests/contract/``.
"""

import asyncio
import base64
import contextlib
import json
import logging
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import trustme
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from gemini.connector import Connector, LiveConfig, LiveConnection
from gemini.connectors import ConnectorName, make_connector
from gemini.endpoint import Endpoint
from gemini.errors import FailureKind, UpstreamError
from gemini.events import GenerationComplete, SourceText, TargetAudio, TargetText, TurnComplete, UpstreamEvent
from tests.support.waiting import until

CONFIG = LiveConfig(model="gemini-3.8-live", instruction="Interpret.", voice="Kore")
COMMON_SETUP: dict[str, Any] = {
    "model": "models/gemini-3.8-live",
    "systemInstruction": {"parts": [{"text": "Interpret."}], "role": "user"},
    "inputAudioTranscription": {},
    "outputAudioTranscription": {},
    "contextWindowCompression": {"triggerTokens": 25000, "slidingWindow": {"targetTokens": 8000}},
}


def setup_of(generation: dict[str, Any], *, manual_activity: bool) -> dict[str, Any]:
    """The setup of an interpreter, with these settings of its voice."""
    return COMMON_SETUP | {
        "generationConfig": {"responseModalities": ["AUDIO"], **generation},
        "realtimeInputConfig": {
            "automaticActivityDetection": {"disabled": manual_activity},
            "activityHandling": "NO_INTERRUPTION",
            "turnCoverage": "TURN_INCLUDES_ONLY_ACTIVITY",
        },
    }


TRANSLATING = LiveConfig(
    model="gemini-3.5-live-translate-preview",
    instruction="Interpret.",
    voice="Kore",
    manual_activity=True,
    translation_target="ko",
)
TRANSLATING_SETUP: dict[str, Any] = {
    "model": "models/gemini-3.5-live-translate-preview",
    "generationConfig": {
        "responseModalities": ["AUDIO"],
        "translationConfig": {"targetLanguageCode": "ko", "echoTargetLanguage": False},
    },
    "inputAudioTranscription": {},
    "outputAudioTranscription": {},
    "contextWindowCompression": {"triggerTokens": 25000, "slidingWindow": {"targetTokens": 8000}},
}
"""Without what the translating model ignores: instruction, voice, marks of activity."""


@dataclass
class ScriptedServer:
    """A server that answers the setup and then says what the test wants.

    Attributes:
        says: Messages after ``setupComplete``.
        closes: Code and reason of a close after them.
        refuses: Code and reason of a close instead of ``setupComplete``.
        answer: What it says instead of ``setupComplete``.
        status: The HTTP status of a refused upgrade.
        location: Where it sends clients to instead.
        aborts: It drops the connection instead of answering the setup.
        deaf: It reads nothing after the setup, and never closes.
        received: What clients sent.
    """

    says: Sequence[dict[str, Any]] = ()
    closes: tuple[int, str] | None = None
    refuses: tuple[int, str] | None = None
    answer: bytes = b'{"setupComplete": {}}'
    status: int | None = None
    location: str = ""
    aborts: bool = False
    deaf: bool = False
    received: list[dict[str, Any]] = field(default_factory=list)
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def refuse(self, connection: ServerConnection, request: Request) -> Response | None:
        """Take the request down; answer it where the upgrade is refused."""
        self.path = request.path
        self.headers = dict(request.headers.raw_items())
        if self.status is None:
            return None
        response = connection.respond(self.status, "no")
        if self.location:
            response.headers["Location"] = self.location
        return response

    async def handle(self, connection: ServerConnection) -> None:
        """Serve one client."""
        self.received.append(json.loads(await connection.recv()))
        if self.refuses is not None:
            await connection.close(*self.refuses)
            return
        if self.aborts:
            connection.transport.abort()
            return
        if self.deaf:
            connection.transport.pause_reading()
            await connection.send(self.answer)
            await connection.wait_closed()
            return
        for message in (self.answer, *(json.dumps(said).encode() for said in self.says)):
            await connection.send(message)
        if self.closes is not None:
            await connection.close(*self.closes)
            return
        async for frame in connection:
            assert isinstance(frame, str)
            self.received.append(json.loads(frame))


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context, and the file of the authority that signed it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return context, tmp_path / "ca.pem"


@pytest.fixture(params=["genai", "lean"])
def name(request: pytest.FixtureRequest) -> ConnectorName:
    """Each connector in turn."""
    chosen: ConnectorName = request.param
    return chosen


@asynccontextmanager
async def connector_to(
    name: ConnectorName, server: ScriptedServer, tls: tuple[ssl.SSLContext, Path], path: str = ""
) -> AsyncIterator[Connector]:
    """A connector that reaches ``server``."""
    async with serve(
        server.handle, "127.0.0.1", 0, ssl=tls[0], process_request=server.refuse, max_size=None
    ) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        yield make_connector(
            name, Endpoint(api_key="secret", base_url=f"https://127.0.0.1:{port}{path}", ca_file=tls[1])
        )


def camel(value: Any) -> Any:
    """``value`` with the names of its fields in camelCase: the service takes both spellings, as protobuf does."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {re.sub("_([a-z])", lambda found: found[1].upper(), name): camel(below) for name, below in value.items()}


@pytest.mark.parametrize(
    ("config", "setup"),
    [
        (
            CONFIG,
            setup_of(
                {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}},
                manual_activity=True,
            ),
        ),
        (replace(CONFIG, voice=None, manual_activity=False), setup_of({}, manual_activity=False)),
        (
            replace(CONFIG, voice=None, resumption=True),
            setup_of({}, manual_activity=True) | {"sessionResumption": {}},
        ),
        (
            replace(CONFIG, voice=None, resumption=True, handle="h"),
            setup_of({}, manual_activity=True) | {"sessionResumption": {"handle": "h"}},
        ),
        (replace(CONFIG, voice=None, handle="h"), setup_of({}, manual_activity=True)),
        (TRANSLATING, TRANSLATING_SETUP),
        (
            replace(TRANSLATING, resumption=True, handle="h"),
            TRANSLATING_SETUP | {"sessionResumption": {"handle": "h"}},
        ),
    ],
    ids=[
        "manual, with a voice",
        "automatic, without a voice",
        "resumable",
        "resumed",
        "handles are not wanted",
        "translating",
        "translating, resumed",
    ],
)
async def test_the_setup_on_the_wire(
    name: ConnectorName, tls: tuple[ssl.SSLContext, Path], config: LiveConfig, setup: dict[str, Any]
) -> None:
    """The first frame is exactly the setup that was asked for; a handle goes only where resumption is wanted."""
    server = ScriptedServer()
    async with connector_to(name, server, tls) as connector:
        await (await connector.connect(config)).close()
    assert camel(server.received) == [{"setup": setup}]


@pytest.mark.parametrize("path", ["", "/", "/gemini"])
async def test_where_and_as_whom_it_connects(
    name: ConnectorName, tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The path is Google's, the key travels in a header, and nothing in the environment has a say."""
    for variable, value in {
        "GOOGLE_GENAI_USE_VERTEXAI": "true",
        "GOOGLE_GEMINI_BASE_URL": "https://127.0.0.1:1",
        "GOOGLE_API_KEY": "other",
        "HTTPS_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(variable, value)
    server = ScriptedServer()
    async with connector_to(name, server, tls, path) as connector:
        await (await connector.connect(CONFIG)).close()
    service = "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
    assert server.path.replace("//", "/") == f"{path.rstrip('/')}/ws/{service}"
    headers = {header.lower(): value for header, value in server.headers.items()}
    assert headers["x-goog-api-key"] == "secret"
    assert "sec-websocket-extensions" not in headers


async def test_audio_and_marks_on_the_wire(name: ConnectorName, tls: tuple[ssl.SSLContext, Path]) -> None:
    """Activity marks and audio go out one after the other, audio as base64 with its rate."""
    server = ScriptedServer()
    pcm = bytes(range(256)) * 4
    async with connector_to(name, server, tls) as connector:
        connection = await connector.connect(CONFIG)
        await connection.send_activity_start()
        await connection.send_audio(pcm)
        await connection.send_activity_end()
        await connection.close()
    start, audio, end = (message["realtimeInput"] for message in camel(server.received[1:]))
    assert (start, end) == ({"activityStart": {}}, {"activityEnd": {}})
    assert audio["audio"].pop("mimeType") == "audio/pcm;rate=16000"
    assert base64.urlsafe_b64decode(audio["audio"].pop("data").replace("+", "-").replace("/", "_")) == pcm
    assert audio == {"audio": {}}


async def test_messages_become_events_whatever_stands_beside_them(
    name: ConnectorName, tls: tuple[ssl.SSLContext, Path]
) -> None:
    """Parts, bundled fields and ends come as events, over the end of a turn; what is unknown gives none."""
    data = base64.b64encode(b"\xfb\xff").decode()
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}
    server = ScriptedServer(
        says=[
            {"sessionResumptionUpdate": {}},
            {"serverContent": {"modelTurn": {"parts": [part, part]}, "outputTranscription": {"text": "Hi"}}},
            {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "1.2s"}},
            {"serverContent": {"generationComplete": True}},
            {"serverContent": {"turnComplete": True, "interactionStatus": "IDLE"}},
            {"serverContent": {"outputTranscription": {"text": "Ho"}, "newField": 1}},
        ]
    )
    received: list[UpstreamEvent] = []
    async with connector_to(name, server, tls) as connector:
        connection = await connector.connect(CONFIG)
        async with aclosing(connection.receive()) as messages:
            async for events in messages:
                received += events
                if TargetText("Ho") in received:
                    break
        await connection.close()
    audio = TargetAudio(b"\xfb\xff", 24000)
    assert received == [
        TargetText("Hi"),
        audio,
        audio,
        GenerationComplete(),
        TurnComplete(),
        TargetText("Ho"),
    ]


@pytest.mark.parametrize(
    ("close", "kind"),
    [
        ((1007, "API key not valid. Please pass a valid API key."), FailureKind.REJECTED),
        ((1007, "Request contains an invalid argument."), FailureKind.REJECTED),
        ((1008, "models/x is not found for API version v1beta"), FailureKind.MODEL_REJECTED),
        ((1011, "You exceeded your current quota, please check your plan"), FailureKind.QUOTA),
        ((1011, "Internal error encountered."), FailureKind.UNAVAILABLE),
    ],
)
async def test_a_refused_setup(
    name: ConnectorName, tls: tuple[ssl.SSLContext, Path], close: tuple[int, str], kind: FailureKind
) -> None:
    """A close in answer to the setup is a failure of its kind, without the key in it."""
    async with connector_to(name, ScriptedServer(refuses=close), tls) as connector:
        with pytest.raises(UpstreamError) as caught:
            await connector.connect(CONFIG)
    assert caught.value.kind is kind
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("close", "kind"),
    [
        ((1011, "You exceeded your current quota, please check your plan"), FailureKind.QUOTA),
        ((1007, "Request contains an invalid argument."), FailureKind.INVALID),
        ((1008, ""), FailureKind.UNAVAILABLE),
        ((1000, "The operation was cancelled."), FailureKind.UNAVAILABLE),
    ],
)
async def test_a_connection_that_is_lost(
    name: ConnectorName, tls: tuple[ssl.SSLContext, Path], close: tuple[int, str], kind: FailureKind
) -> None:
    """Receiving and sending both tell of a close, with the same kind."""
    async with connector_to(name, ScriptedServer(closes=close), tls) as connector:
        connection = await connector.connect(CONFIG)
        with pytest.raises(UpstreamError) as receiving:
            async for _ in connection.receive():
                pass
        with pytest.raises(UpstreamError) as sending:
            await connection.send_audio(b"\0\0")
        await connection.close()
    assert receiving.value.kind is kind
    assert sending.value.kind is kind


async def test_a_frame_that_is_not_understood_is_passed_over(
    name: ConnectorName, tls: tuple[ssl.SSLContext, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """An error as JSON, or an unknown message, costs nothing but itself, and the log does not quote it."""
    says: list[dict[str, Any]] = [
        {"error": {"code": 500}},
        {"serverContent": {"inputTranscription": {"text": ["secret"]}}},
        {"usageMetadata": {"responseTokensDetails": [{"modality": ["secret"]}]}},
        {"serverContent": {"inputTranscription": {"text": "Hello."}}},
    ]
    async with connector_to(name, ScriptedServer(says=says), tls) as connector:
        connection = await connector.connect(CONFIG)
        async with aclosing(connection.receive()) as receiving:
            received = [await anext(receiving) for _ in says]
        await connection.close()
    assert received == [[], [], [], [SourceText("Hello.")]]
    lines = [record for record in caplog.records if record.name == "gemini.connector"]
    assert [(line.getMessage(), line.levelname) for line in lines] == [
        ("unreadable upstream message", "WARNING")
    ] * 3
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("server", "kind"),
    [
        (ScriptedServer(status=400), FailureKind.REJECTED),
        (ScriptedServer(status=401), FailureKind.REJECTED),
        (ScriptedServer(status=404), FailureKind.REJECTED),
        (ScriptedServer(status=429), FailureKind.QUOTA),
        (ScriptedServer(status=503), FailureKind.UNAVAILABLE),
        (ScriptedServer(status=200), FailureKind.UNAVAILABLE),
        (ScriptedServer(aborts=True), FailureKind.UNAVAILABLE),
        (ScriptedServer(answer=b"{"), FailureKind.UNAVAILABLE),
        (ScriptedServer(answer=b'["secret"]'), FailureKind.UNAVAILABLE),
        (ScriptedServer(answer=b'{"setupComplete": "secret"}'), FailureKind.UNAVAILABLE),
    ],
    ids=str,
)
async def test_a_session_that_does_not_come_to_be(
    name: ConnectorName, tls: tuple[ssl.SSLContext, Path], server: ScriptedServer, kind: FailureKind
) -> None:
    """A refused upgrade, a lost connection and an unreadable answer fail as their kind, and leave nothing."""
    before = psutil.Process().num_fds()
    async with connector_to(name, replace(server, received=[]), tls) as connector:
        with pytest.raises(UpstreamError) as caught:
            await connector.connect(CONFIG)
    assert caught.value.kind is kind
    assert "secret" not in str(caught.value)
    await until(lambda: psutil.Process().num_fds() <= before)


@pytest.mark.parametrize("answer", [b"", b"{}", b'{"setupComplete": {"new": 1}}', b'{"goAway": {}}'])
async def test_the_first_message_means_that_the_session_is_there(
    name: ConnectorName, tls: tuple[ssl.SSLContext, Path], answer: bytes
) -> None:
    """Whatever it says, as long as it can be read: a refusal is a close."""
    server = ScriptedServer(answer=answer)
    async with connector_to(name, server, tls) as connector:
        connection = await connector.connect(CONFIG)
        await connection.send_activity_start()
        await connection.close()
    assert len(server.received) == 2


async def test_the_environment_has_no_proxy_for_it(
    name: ConnectorName, tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in capitals nor in small letters, for any scheme; nor is there another place for certificates."""
    for variable in (
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "WSS_PROXY",
        "wss_proxy",
        "SOCKS_PROXY",
        "socks_proxy",
    ):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    async with connector_to(name, ScriptedServer(), tls) as connector:
        await (await connector.connect(CONFIG)).close()


async def send_until_it_waits(connection: LiveConnection) -> None:
    """Fill all that is between the connection and an upstream that reads nothing."""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0.5):
                await connection.send_audio(bytes(2**19))


@pytest.mark.slow
async def test_an_upstream_that_reads_nothing_can_be_left(
    name: ConnectorName, tls: tuple[ssl.SSLContext, Path]
) -> None:
    """Where there is no room for the close frame, closing gives up after a while, and the socket is gone."""
    before = psutil.Process().num_fds()
    server = ScriptedServer(deaf=True)
    async with connector_to(name, server, tls) as connector:
        ours = psutil.Process().num_fds()
        connection = await connector.connect(CONFIG)
        await send_until_it_waits(connection)
        await connection.close()
        await until(lambda: psutil.Process().num_fds() <= ours + 1)  # the server's end
    await until(lambda: psutil.Process().num_fds() <= before)


async def test_the_lean_one_takes_the_key_to_no_other_host(tls: tuple[ssl.SSLContext, Path]) -> None:
    """A redirect to another port or host is not followed."""
    other = ScriptedServer()
    async with serve(other.handle, "127.0.0.1", 0, ssl=tls[0], process_request=other.refuse) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        server = ScriptedServer(status=307, location=f"wss://127.0.0.1:{port}/")
        async with connector_to("lean", server, tls) as connector:
            with pytest.raises(UpstreamError) as caught:
                await connector.connect(CONFIG)
    assert caught.value.kind is FailureKind.UNAVAILABLE
    assert (other.headers, other.received) == ({}, [])


async def test_the_lean_one_logs_neither_key_nor_frames(
    tls: tuple[ssl.SSLContext, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever level is asked for."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="websockets.client")
    server = ScriptedServer(says=[{"serverContent": {"inputTranscription": {"text": "my words"}}}])
    async with connector_to("lean", server, tls) as connector:
        caplog.clear()
        connection = await connector.connect(CONFIG)
        async with aclosing(connection.receive()) as receiving:
            assert await anext(receiving) == [SourceText("my words")]
        await connection.close()
    client_lines = [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    assert not [line for line in client_lines if "secret" in line or "my words" in line or "x-goog" in line]


async def test_nobody_listens(name: ConnectorName) -> None:
    """A connection that is not taken is unavailable, which is worth another attempt."""
    connector = make_connector(name, Endpoint(api_key="secret", base_url="https://127.0.0.1:1"))
    with pytest.raises(UpstreamError) as caught:
        await connector.connect(CONFIG)
    assert caught.value.kind is FailureKind.UNAVAILABLE


async def test_an_unknown_authority_is_not_trusted(name: ConnectorName, tls: tuple[ssl.SSLContext, Path]) -> None:
    """Without its authority's file the server's certificate is refused."""
    server = ScriptedServer()
    async with serve(server.handle, "127.0.0.1", 0, ssl=tls[0]) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        connector = make_connector(name, Endpoint(api_key="secret", base_url=f"https://127.0.0.1:{port}"))
        with pytest.raises(UpstreamError, match="CERTIFICATE_VERIFY_FAILED"):
            await connector.connect(CONFIG)
    assert server.received == []


def test_a_missing_authority_file_is_an_error(name: ConnectorName, tmp_path: Path) -> None:
    """A wrong path fails at start, not at the first session."""
    with pytest.raises(OSError, match="No such file"):
        make_connector(name, Endpoint(api_key="x", ca_file=tmp_path / "none.pem"))
