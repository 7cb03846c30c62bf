"""Real processes take calls: any worker lets a stream in, and none hangs up in the middle of a word."""

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from emulator import Emulator, EmulatorOptions
from tests.phone_calls.phones import PUBLIC_URL, RATE_HZ, WIRES, phone_call, stream_path
from tests.phone_calls.test_providers import sounds_like
from tests.support.processes import server_process
from tests.support.speech import entry, words_only
from tests.support.waiting import until
from tests.telephony import documented

GOING_AWAY = 1001
_CALLS = 8
"""The kernel draws a worker for each connection: all streams reach the one of their webhook once in 256 times."""
_PHRASE = "kennedy-4"
_VONAGE = {
    "GEMINI_API_KEY": "test-key",
    "PUBLIC_URL": PUBLIC_URL,
    "VONAGE_API_KEY": documented.VONAGE_KEY,
    "VONAGE_SIGNATURE_SECRET": documented.VONAGE_SECRET,
    "TELEPHONY_NOTICE": "{}",
    "CONNECT_TIMEOUT_SECS": "60",
    "TURN_TIMEOUT_SECS": "120",
    "AUDIO_GAP_MS": "60000",
    "MAX_LOOP_LAG_MS": "0",
}


@pytest.mark.slow
async def test_workers_take_each_others_streams_and_let_callers_hear_all(tmp_path: Path) -> None:
    """A stream gets in whichever worker has answered its webhook.

    After SIGTERM whoever has said something hears its whole interpretation before the server hangs up; the process
    ends in order.
    """
    wire = WIRES["vonage"]
    async with Emulator(EmulatorOptions()) as upstream:
        chosen = {**_VONAGE, "GEMINI_BASE_URL": upstream.base_url, "GEMINI_CA_FILE": str(upstream.ca_file)}
        async with server_process(tmp_path, "--workers", "2", **chosen) as server, AsyncExitStack() as stack:
            await server.said(" worker=2 pid=")
            phones = []
            for number in range(_CALLS):
                asking = documented.vonage_webhook({"uuid": str(number), "to": "1", "from": "2"})
                path = await stream_path(server.http_url, wire, asking)
                phones.append(await stack.enter_async_context(phone_call(server.http_url, wire, path=path)))
            await server.said("call started", nth=_CALLS)
            phone = phones[0]
            phone.say(words_only(_PHRASE, rate_hz=RATE_HZ))
            await until(lambda: len(phone.heard) > 0)
            server.signal(signal.SIGTERM)
            await asyncio.gather(*(one.hung_up.wait() for one in phones))
            assert {one.close_code for one in phones} == {GOING_AWAY}
            assert sounds_like(bytes(phone.heard), entry(_PHRASE).audio) > 0.97
            assert await server.exit_code() == 0
