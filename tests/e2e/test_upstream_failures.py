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

from emulator import EmulatorOptions, Fault, FaultName
from tests.support.client import protocol_client
from tests.support.conversation import Conversation, conversation
from tests.support.endings import fatal
from tests.support.gate import gated_server
from tests.support.servers import RunningServer, running_server
from tests.support.speech import entry, samples_scenario, texts, told
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


LOSSES: tuple[FaultName, ...] = (
    "reset",
    "close_1011",
    "close_1008_deadline",
    "close_1000",
    "close_1007",
)


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_connection_that_is_lost_in_mid_output(loss: FaultName) -> None:
    """The client drops what it has, hears that the connection is there again, and gets the whole turn once."""
    fault = Fault(name=loss, moment="output", at_ms=200)
    async with conversation(EmulatorOptions(time_factor=0.0, faults=(fault,))) as talk:
        turn = await talk.interpret("kennedy-4")
        assert turn.texts == texts("kennedy-4")
        assert turn.audio == entry("kennedy-4").audio
        assert [message["reason"] for message in talk.client.of("interrupted")] == ["upstream"]
        assert [message["code"] for message in talk.client.of("warning")] == ["UPSTREAM_RECONNECTED"]
        assert len(talk.client.turns) == 1
        assert talk.emulator.connections == 2


async def test_an_upstream_that_never_gets_through_an_answer() -> None:
    """``RECONNECT_SECS`` without an answered utterance end the session; the next client is served."""
    scenario = told(kennedy_4={"variant": {"break_after_audio_ms": 200}})
    async with conversation(scenario=scenario, reconnect_secs=0.5) as talk:
        with contextlib.suppress(ConnectionClosed):  # it may end before all silence is sent
            await talk.say("kennedy-4")
        assert await fatal(talk.client) == UNAVAILABLE
        assert talk.client.of("interrupted")
        assert talk.emulator.connections < 10
        await assert_interprets(talk.server)


async def test_quota_that_runs_out_in_mid_output() -> None:
    """What was made is sent, then the error and the close; nothing is tried again."""
    variant = {"close_after_audio_ms": 200, "close_reason": "You exceeded your current quota, please check"}
    async with conversation(scenario=told(kennedy_4={"variant": variant})) as talk:
        with contextlib.suppress(ConnectionClosed):
            await talk.say("kennedy-4")
        assert await fatal(talk.client) == QUOTA
        assert talk.client.of("audio_response")
        await assert_interprets(talk.server)
        assert talk.emulator.connections == 2


async def test_quota_that_runs_out_right_after_setup() -> None:
    """The service accepts the setup and closes a moment later: ``UPSTREAM_QUOTA``, after ``connected``."""
    options = EmulatorOptions(refuse="quota", quota_delay_ms=100)
    async with running_server(options) as server, protocol_client(server.url) as client:
        await client.init()
        assert await fatal(client) == QUOTA
        assert server.emulator.connections == 1


async def test_a_model_that_is_gone_gives_way_to_the_next() -> None:
    """With ``GEMINI_FALLBACK_MODELS`` a model that the upstream does not know costs a moment."""
    async with conversation(gemini_model="gemini-0.1-nothing", gemini_fallback_models=("gemini-3.8-live",)) as talk:
        turn = await talk.interpret("kennedy-1")
        assert turn.texts == texts("kennedy-1")
        assert talk.upstream.setup["model"] == "models/gemini-3.8-live"


async def test_a_network_that_breaks_between_turns() -> None:
    """A connection that is lost while nothing is said comes back; the client is told, and nothing is lost."""
    async with gated_server(scenario=samples_scenario()) as (server, gate):
        gate.open()
        async with protocol_client(server.url) as client:
            await client.init()
            talk = Conversation(server, client)
            await talk.interpret("kennedy-1")
            gate.cut()
            turn = await talk.interpret("kennedy-2")
            assert turn.texts == texts("kennedy-2")
            assert [message["code"] for message in client.of("warning")] == ["UPSTREAM_RECONNECTED"]


async def test_a_connection_that_ends_as_announced() -> None:
    """Go-away after go-away: the client notices nothing at all."""
    options = EmulatorOptions(time_factor=0.0, go_away_after_secs=0.5, go_away_time_left_secs=20)
    async with conversation(options) as talk:
        for entry in ("kennedy-1", "kennedy-2", "kennedy-3", "kennedy-4"):
            turn = await talk.interpret(entry)
            assert turn.texts == texts(entry)
        await until(lambda: talk.emulator.connections >= 4)
        assert talk.client.of("warning") == talk.client.of("interrupted") == talk.client.of("error") == []
