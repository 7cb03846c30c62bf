"""``python -m benchmarks.relay``: the yardstick. It carries audio both ways and does nothing else.

No voice activity detection, no pipecat: uvicorn and uvloop on one side, ``websockets`` over TLS on the other, and
what each message needs in between. The upstream finds the utterances.
"""

import asyncio
import base64
import json
import os
import ssl
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

_PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
_SETUP = json.dumps(
    {
        "setup": {
            "model": "models/gemini-3.8-live",
            "generationConfig": {"responseModalities": ["AUDIO"]},
            "inputAudioTranscription": {},
            "outputAudioTranscription": {},
        }
    }
)
_MAX_FRAME_BYTES = 16 * 2**20


def application(base_url: str, tls: ssl.SSLContext) -> Starlette:
    """The relay as an ASGI application, with our protocol on ``/ws``.

    Args:
        base_url: https URL of the upstream.
        tls: Trusts it.
    """
    url = base_url.replace("https://", "wss://", 1) + _PATH

    async def relay(client: WebSocket) -> None:
        await client.accept()
        await client.receive_text()  # init
        async with connect(
            url, ssl=tls, compression=None, ping_interval=None, max_size=_MAX_FRAME_BYTES, proxy=None
        ) as upstream:
            await upstream.send(_SETUP)
            await upstream.recv()  # setupComplete
            await client.send_text('{"type": "connected", "inputSampleRate": 16000, "outputSampleRate": 24000}')
            down = asyncio.create_task(_carry_down(upstream, client))
            try:
                await _carry_up(client, upstream)
            finally:
                down.cancel()

    return Starlette(routes=[WebSocketRoute("/ws", relay)])


async def _carry_up(client: WebSocket, upstream: ClientConnection) -> None:
    try:
        while True:
            message = await client.receive()
            pcm = message.get("bytes")
            if pcm is None:  # close, or the end
                return
            encoded = base64.b64encode(pcm).decode()
            await upstream.send(
                f'{{"realtimeInput":{{"audio":{{"data":"{encoded}","mimeType":"audio/pcm;rate=16000"}}}}}}'
            )
    except (WebSocketDisconnect, ConnectionClosed):
        return


async def _carry_down(upstream: ClientConnection, client: WebSocket) -> None:
    try:
        async for message in upstream:
            content = json.loads(message).get("serverContent", {})
            for part in content.get("modelTurn", {}).get("parts", ()):
                await client.send_bytes(base64.b64decode(part["inlineData"]["data"]))
            for message_type, text in _texts(content):
                await client.send_text(json.dumps({"type": message_type, "text": text, "isFinal": False}))
            if content.get("turnComplete"):
                await client.send_text('{"type": "turn_complete"}')
    except (WebSocketDisconnect, ConnectionClosed):
        return


def _texts(content: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for key, message_type in (
        ("inputTranscription", "input_transcription"),
        ("outputTranscription", "output_transcription"),
    ):
        if key in content:
            found.append((message_type, cast(str, content[key]["text"])))
    return found


def main() -> None:
    """Serve until a signal ends it; ``PORT``, ``GEMINI_BASE_URL`` and ``GEMINI_CA_FILE`` as for the server."""
    tls = ssl.create_default_context(cafile=os.environ["GEMINI_CA_FILE"])
    uvicorn.run(
        application(os.environ["GEMINI_BASE_URL"], tls),
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="h11",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        access_log=False,
        log_level="info",
    )


if __name__ == "__main__":
    main()
