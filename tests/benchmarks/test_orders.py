"""Orders: one that fails is told, and the next one is carried out."""

import json
import os
import sys

import psutil
import pytest

from benchmarks.orders import Answer, serve_orders


async def handle(order: Answer) -> Answer:
    """Whoever asks for trouble gets it."""
    match order["do"]:
        case "watch":
            raise psutil.NoSuchProcess(4711)
        case "open":
            raise ExceptionGroup("arrivals", [ConnectionError("no session after 30 s")])
    return {"done": order["do"]}


async def test_an_order_that_fails_is_no_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that is gone, and an opening that came to nothing, are lines; the order after them goes on."""
    read_end, write_end = os.pipe()
    os.write(write_end, b"".join(json.dumps({"do": do}).encode() + b"\n" for do in ("watch", "open", "more")))
    os.close(write_end)
    with os.fdopen(read_end) as orders:
        monkeypatch.setattr(sys, "stdin", orders)
        await serve_orders({"ready": True}, handle)
    greeting, *answers = map(json.loads, capsys.readouterr().out.splitlines())
    assert greeting == {"ready": True}
    assert answers == [
        {"failed": "NoSuchProcess: process no longer exists (pid=4711)"},
        {"failed": "ConnectionError: no session after 30 s"},
        {"done": "more"},
    ]
