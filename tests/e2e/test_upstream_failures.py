"""What the client is told when the upstream refuses, is not there, or is lost."""

import contextlib
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
import trustme
from websockets.exceptions import ConnectionClosed

from emulator import EmulatorOptions
from tests.support.client import protocol_client
from tests.support.conversation import Conversation, conversation
from tests.support.endings import fatal
from tests.support.gate import gated_server
from tests.support.servers import RunningServer, running_server
from tests.support.speech import samples_scenario, texts, told
from tests.support.waiting import until

AUTH = ("UPSTREAM_AUTH", 1011)
QUOTA = ("UPSTREAM_QUOTA", 1013)
UNAVAILABLE = ("UPSTREAM_UNAVAILABLE", 1011)
CONNECT_TIMEOUT_SECS = 0.8
SLACK_SECS = 5.0
"""For a machine that is busy with other things; far under any timeout of a library."""

REFUSALS = {
    "bad_key": AUTH,
    "401": AUTH,
    "403": AUTH,
    "404": AUTH,
    "1007": AUTH,
    "1008": AUTH,
    "quota_setup": QUOTA,
    "429": QUOTA,
    "503": UNAVAILABLE,
    "1011": UNAVAILABLE,
    "mute": UNAVAILABLE,
    "black_hole": UNAVAILABLE,
}
"""Every way to be refused before the session is ready; ``1008`` is an unknown model."""


async def refused(server: RunningServer) -> tuple[str | None, int]:
    """Open a session that cannot be; how it ended. Nothing but the error came."""
    async with protocol_client(server.url) as client:
        await client.send({"type": "init"})
        ended = await fatal(client)
        assert [m["type"] for m in client.messages] == ["error"]
        return ended


async def assert_interprets(server: RunningServer) -> None:
    """The server serves the next client."""
    async with protocol_client(server.url) as client:
        await client.init()
        turn = await Conversation(server, client).interpret("kennedy-1")
        assert turn.texts == texts("kennedy-1")


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_refusal_at_connect_has_its_code_and_comes_in_time(refusal: Any) -> None:
    """Each way to be refused has its code and close, within ``CONNECT_TIMEOUT_SECS``, and leaves nothing behind."""
    options = EmulatorOptions(time_factor=0.0, refuse=refusal)
    async with running_server(options, connect_timeout_secs=CONNECT_TIMEOUT_SECS) as server:
        started_at = time.monotonic()
        assert await refused(server) == REFUSALS[refusal]
        assert time.monotonic() - started_at < CONNECT_TIMEOUT_SECS + SLACK_SECS
        await until(lambda: not (server.sessions.active or server.sessions.pending))


@pytest.mark.parametrize("refusal", ["bad_key", "403", "1008"])
async def test_a_rejection_is_remembered(refusal: Any) -> None:
    """A key or model that was refused is not tried again soon: reconnecting clients cost nothing upstream."""
    options = EmulatorOptions(time_factor=0.0, refuse=refusal)
    async with running_server(options) as server:
        assert [await refused(server) for _ in range(3)] == [AUTH] * 3
        assert server.emulator.connections == 1


@pytest.mark.parametrize("refusal", ["429", "quota_setup"])
async def test_a_used_up_quota_is_tried_once_a_session(refusal: Any) -> None:
    """Quota is not retried within a session, which would make it worse, and not remembered as a rejection."""
    options = EmulatorOptions(time_factor=0.0, refuse=refusal)
    async with running_server(options) as server:
        assert [await refused(server) for _ in range(2)] == [QUOTA] * 2
        assert server.emulator.connections == 2


async def test_the_key_that_is_configured_is_the_one_that_is_used() -> None:
    """A key that the upstream does not know is a rejection; the configured one is accepted."""
    options = EmulatorOptions(time_factor=0.0, api_keys=frozenset({"another-key"}))
    async with running_server(options) as server:
        assert await refused(server) == AUTH
    options = EmulatorOptions(time_factor=0.0, api_keys=frozenset({"test-key"}))
    async with running_server(options, scenario=samples_scenario()) as server:
        await assert_interprets(server)


async def test_a_model_that_the_upstream_does_not_know_is_a_rejection() -> None:
    """A wrong ``GEMINI_MODEL`` shows as ``UPSTREAM_AUTH``, as the table says of key *or* model."""
    async with running_server(gemini_model="gemini-0.1-nothing") as server:
        assert await refused(server) == AUTH
        assert server.emulator.connections == 1


@pytest.mark.parametrize("refusal", ["503", "1011"])
async def test_a_failure_that_passes_is_retried_within_the_time(refusal: Any) -> None:
    """An upstream that fails twice and then works costs the client a moment, not the session."""
    options = EmulatorOptions(time_factor=0.0, refuse=refusal, refuse_first=2)
    async with running_server(options, scenario=samples_scenario(), connect_timeout_secs=20) as server:
        await assert_interprets(server)
        assert server.emulator.connections == 3


async def test_a_port_that_nobody_listens_on() -> None:
    """Connection refused: ``UPSTREAM_UNAVAILABLE`` in time; no library waits longer on its own."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"https://127.0.0.1:{unused.getsockname()[1]}"
        async with running_server(gemini_base_url=nowhere, connect_timeout_secs=CONNECT_TIMEOUT_SECS) as server:
            started_at = time.monotonic()
            assert await refused(server) == UNAVAILABLE
            assert time.monotonic() - started_at < CONNECT_TIMEOUT_SECS + SLACK_SECS


async def test_an_upstream_whose_certificate_is_not_trusted_gets_no_key(tmp_path: Path) -> None:
    """TLS is verified: an upstream of another authority is unavailable, and sees neither key nor speech."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    assert ssl.create_default_context(cafile=other)
    for trusted in (other, None):
        async with running_server(gemini_ca_file=trusted, connect_timeout_secs=CONNECT_TIMEOUT_SECS) as server:
            assert await refused(server) == UNAVAILABLE
            assert server.emulator.connections > 0
            assert server.emulator.sessions == []


async def test_the_server_recovers_when_the_upstream_does() -> None:
    """After a failure that may pass nothing is remembered: the next client is served as soon as the upstream is."""
    options = EmulatorOptions(time_factor=0.0, refuse="503")
    scenario = samples_scenario()
    async with running_server(options, scenario=scenario, connect_timeout_secs=CONNECT_TIMEOUT_SECS) as server:
        assert await refused(server) == UNAVAILABLE
        server.emulator.options = EmulatorOptions(time_factor=0.0)
        await assert_interprets(server)


LOSSES: dict[str, tuple[dict[str, Any], tuple[str, int]]] = {
    "aborted": ({"break_after_audio_ms": 200}, UNAVAILABLE),
    "1011": ({"close_after_audio_ms": 200, "close_code": 1011}, UNAVAILABLE),
    "1008": ({"close_after_audio_ms": 200, "close_code": 1008, "close_reason": "Deadline."}, UNAVAILABLE),
    "1000": ({"close_after_audio_ms": 200, "close_code": 1000, "close_reason": ""}, UNAVAILABLE),
    "1007": ({"close_after_audio_ms": 200, "close_code": 1007, "close_reason": "Invalid argument."}, UNAVAILABLE),
    "quota": (
        {"close_after_audio_ms": 200, "close_reason": "You exceeded your current quota, please check"},
        QUOTA,
    ),
}


@pytest.mark.parametrize(("variant", "ended"), LOSSES.values(), ids=LOSSES.keys())
async def test_a_connection_that_is_lost_in_mid_output(variant: dict[str, Any], ended: tuple[str, int]) -> None:
    """What was made is sent, then the error and the close; the next client is served."""
    scenario = told(kennedy_4={"variant": variant})
    async with conversation(scenario=scenario) as talk:
        with contextlib.suppress(ConnectionClosed):  # it may end before all silence is sent
            await talk.say("kennedy-4")
        assert await fatal(talk.client) == ended
        assert talk.client.of("audio_response")
        await assert_interprets(talk.server)
        assert talk.server.emulator.connections == 2


async def test_quota_that_runs_out_right_after_setup() -> None:
    """The service accepts the setup and closes a moment later: ``UPSTREAM_QUOTA``, after ``connected``."""
    options = EmulatorOptions(refuse="quota", quota_delay_ms=100)
    async with running_server(options) as server, protocol_client(server.url) as client:
        await client.init()
        assert await fatal(client) == QUOTA
        assert server.emulator.connections == 1


async def test_a_network_that_breaks_between_turns() -> None:
    """A connection that is lost while nothing is said is told at once, too; a new session works."""
    async with gated_server(scenario=samples_scenario()) as (server, gate):
        gate.open()
        async with protocol_client(server.url) as client:
            await client.init()
            await Conversation(server, client).interpret("kennedy-1")
            gate.cut()
            assert await fatal(client) == UNAVAILABLE
        await assert_interprets(server)
