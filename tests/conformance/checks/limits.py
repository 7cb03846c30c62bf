"""Limits of time and of amount; those that a deployment may have changed come from the options."""

import asyncio

from tests.conformance.connection import Connection
from tests.conformance.kit import Kit
from tests.conformance.outcome import CheckSkipped
from tests.conformance.registry import Section, check
from tests.conformance.speech import silence

_RULE = "part 1, errors"
_EARLY = 0.9
"""A timeout that comes before this share of its time comes too early."""

_BETWEEN_CHUNKS_SECS = 0.01
"""So that a close can be seen before all is sent."""


@check(Section.FATAL, _RULE)
async def init_timeout(kit: Kit) -> None:
    """No accepted `init` within `INIT_TIMEOUT_SECS` is `INIT_TIMEOUT`, 1008; a refused one does not count."""
    timeout_secs = _waitable(kit, kit.options.init_timeout_secs, "--init-timeout-secs")
    async with kit.connect() as connection:
        await connection.refused(
            {"type": "init", "config": 5}, "INVALID_MESSAGE", "'init' with a number as 'config'"
        )
        await _ends_in_time(kit, connection, timeout_secs, 1008, "INIT_TIMEOUT")


@check(Section.FATAL, _RULE)
async def idle_timeout(kit: Kit) -> None:
    """A session in which nothing is sent for `IDLE_TIMEOUT_SECS` is ended: `IDLE_TIMEOUT`, 1000."""
    timeout_secs = _waitable(kit, kit.options.idle_timeout_secs, "--idle-timeout-secs")
    async with kit.connect() as connection:
        await connection.init()
        await _ends_in_time(kit, connection, timeout_secs, 1000, "IDLE_TIMEOUT")


@check(Section.FATAL, _RULE)
async def session_expired(kit: Kit) -> None:
    """A session that reaches `MAX_SESSION_SECS` is ended: `SESSION_EXPIRED`, 1000."""
    timeout_secs = _waitable(kit, kit.options.max_session_secs, "--max-session-secs")
    async with kit.connect() as connection:
        await connection.init()
        async with connection.listening(chunk_ms=100):
            await _ends_in_time(kit, connection, timeout_secs, 1000, "SESSION_EXPIRED")


@check(Section.FATAL, _RULE)
async def errors_limited(kit: Kit) -> None:
    """`MAX_CLIENT_ERRORS` refused messages are answered; one more is `RATE_LIMITED`, 1008."""
    most = kit.options.max_client_errors
    if not most:
        raise CheckSkipped("--max-client-errors is 0: no limit")
    async with kit.connect() as connection:
        for _ in range(most):
            await connection.send({"type": "nonsense"})
        await connection.expect("error", most)
        codes = {message.get("code") for message in connection.since(0, "error")}
        if codes != {"UNKNOWN_TYPE"} or connection.closed:
            raise connection.unlike(f"error UNKNOWN_TYPE for each of {most} messages", mark=0)
        mark = connection.mark
        await connection.send({"type": "nonsense"})
        await connection.ended(1008, "RATE_LIMITED", mark=mark)


@check(Section.FATAL, _RULE)
async def audio_limited(kit: Kit) -> None:
    """Audio up to `MAX_AHEAD_SECS` ahead of real time is taken; what overflows is `RATE_LIMITED`, 1008."""
    ahead_secs = kit.options.max_ahead_secs
    if not ahead_secs:
        raise CheckSkipped("--max-ahead-secs is 0: no limit")
    chunk_secs = min(1.0, kit.options.max_chunk_secs)
    async with kit.connect() as connection:
        await connection.init()
        started_at = asyncio.get_running_loop().time()
        await _send_chunks(connection, chunk_secs, int(ahead_secs / chunk_secs) - 1)
        await connection.send({"type": "interrupt"})
        await connection.expect("interrupted")
        if connection.closed or connection.since(0, "error"):
            raise connection.unlike(f"no error for less than {ahead_secs:g} s of audio at once", mark=0)
        mark = connection.mark
        await _send_chunks(connection, chunk_secs, int(2 * ahead_secs / chunk_secs))
        await connection.send({"type": "interrupt"})
        over = lambda: connection.closed or bool(connection.since(mark, "interrupted"))  # noqa: E731
        await connection.wait(over, "close 1008 after error RATE_LIMITED", mark=mark)
        taken_secs = asyncio.get_running_loop().time() - started_at
        if not connection.closed and connection.audio_secs - taken_secs * kit.options.max_ingest_rate <= ahead_secs:
            raise CheckSkipped("the server read the audio so slowly that the bucket did not overflow")
        await connection.ended(1008, "RATE_LIMITED", mark=mark)


async def _send_chunks(connection: Connection, chunk_secs: float, count: int) -> None:
    chunk = silence(chunk_secs, 16_000)
    for _ in range(count):
        if connection.closed:
            return
        await connection.send_pcm(chunk)
        await asyncio.sleep(_BETWEEN_CHUNKS_SECS)


async def _ends_in_time(kit: Kit, connection: Connection, timeout_secs: float, close: int, error: str) -> None:
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    await connection.quiet(timeout_secs * _EARLY, mark=0)
    if connection.closed:
        after_secs = loop.time() - started_at
        raise connection.unlike(f"{error} after {timeout_secs:g} s, not after {after_secs:.1f} s", mark=0)
    await connection.ended(close, error)


def _waitable(kit: Kit, limit_secs: float, option: str) -> float:
    """The limit, if it is worth waiting for.

    Raises:
        CheckSkipped: There is none, or it takes too long.
    """
    if not limit_secs:
        raise CheckSkipped(f"{option} is 0: no limit")
    if limit_secs > kit.options.longest_limit_secs:
        raise CheckSkipped(
            f"{limit_secs:g} s are too long to wait; start the server with a limit of at most "
            f"{kit.options.longest_limit_secs:g} s and name it with {option}"
        )
    return limit_secs
