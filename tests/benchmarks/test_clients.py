"""Clients whose opening comes to nothing leave no socket behind."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from benchmarks.clients import Faults, open_client
from benchmarks.ledger import Ledger


class _Mute(asyncio.Protocol):
    """A server that answers with one text, or not at all."""

    def __init__(self, answer: bytes):
        self._answer = answer
        self.asked = asyncio.Event()
        self.left = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._answer)
        self.asked.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.left.set()


@contextlib.asynccontextmanager
async def mute(answer: bytes = b"") -> AsyncIterator[tuple[str, _Mute]]:
    """A server for one client; its URL, and its side of the connection."""
    side = _Mute(answer)

    server = await asyncio.get_running_loop().create_server(lambda: side, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws", side


async def test_a_cancelled_opening_closes_its_socket() -> None:
    """The server sees it go; it is no fault of the server."""
    faults = Faults()
    async with mute() as (url, side):
        opening = asyncio.create_task(open_client(url, 1, Ledger(), faults))
        await side.asked.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await side.left.wait()
    assert faults == Faults()


async def test_an_opening_that_takes_too_long_closes_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says how long that was."""
    monkeypatch.setattr("benchmarks.clients._LONGEST_OPENING_SECS", 0.05)
    async with mute() as (url, side):
        with pytest.raises(ConnectionError, match=r"no session after 0\.05 s"):
            await open_client(url, 1, Ledger(), Faults())
        await side.left.wait()


async def test_a_refused_handshake_closes_its_socket() -> None:
    """And says what was answered."""
    async with mute(b"HTTP/1.1 503 Service Unavailable\r\n\r\n") as (url, side):
        with pytest.raises(ConnectionError, match=r"the handshake was refused: .*503"):
            await open_client(url, 1, Ledger(), Faults())
        await side.left.wait()
