"""A call by each provider: webhook, stream, two turns and one that cuts another off, keys, and hanging up."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import pytest_asyncio
import soxr
from prometheus_client import REGISTRY

from emulator import SessionRecord
from tests.phone_calls.phones import ALL_PROVIDERS, RATE_HZ, WIRES, Phone, phone_call
from tests.support.audit import (
    PATIENT,
    STREAM_HZ,
    Span,
    assert_in_order_and_once,
    missing,
    spans_of,
    stream_of,
)
from tests.support.pcm import samples_of
from tests.support.servers import RunningServer, running_server
from tests.support.speech import entry, words_only
from tests.support.waiting import until
from tests.telephony import documented

FIRST, CUT, LAST = "harvard-7a", "kennedy-4", "harvard-10a"
HELP = entry("harvard-10b")
"""The emulator reads an entry's interpretation aloud with the sound that it has for it."""
_ALIKE = 0.97
"""Correlation of what was heard with what was to be heard: telephone quality, the same words."""


@dataclass
class Call:
    """What became of one call.

    Attributes:
        said: By the caller, PCM at 8 kHz.
        heard: By the caller in each of the stages, PCM at 8 kHz.
        clears: How often the server cleared.
        session: What reached the upstream first.
        starts: Where in what was said each phrase begins, in samples at 8 kHz.
    """

    session: SessionRecord
    said: bytes = b""
    heard: dict[str, bytes] = field(default_factory=dict)
    clears: int = 0
    starts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Calls:
    """All calls at one server.

    Attributes:
        by_provider: Each.
        upstream_sessions: How many sessions interpreted, and how many announced.
        left: How many sessions the server had when all had hung up.
    """

    by_provider: dict[str, Call]
    upstream_sessions: tuple[int, int]
    left: int


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calls() -> Calls:
    """Everybody calls at once: a call takes as long as it takes to speak and to listen."""
    settings = {
        **PATIENT,
        **ALL_PROVIDERS,
        "barge_in": True,
        "telephony_notice": {},
        "telephony_help": {"en": HELP.target},
    }
    async with running_server(**settings) as server:
        connecting = asyncio.Lock()
        made = await asyncio.gather(*(_call(server, name, connecting) for name in WIRES))
        await until(lambda: server.sessions.active == 0)
        interpreting, announcing = _interpreting(server), _announcing(server)
        return Calls(
            dict(zip(WIRES, made, strict=True)), (len(interpreting), len(announcing)), server.sessions.active
        )


async def _call(server: RunningServer, name: str, connecting: asyncio.Lock) -> Call:
    wire = WIRES[name]
    async with connecting:
        before = len(_interpreting(server))
        caller = phone_call(server.http_url, wire)
        phone = await caller.__aenter__()
        await until(lambda: len(_interpreting(server)) > before)
        call = Call(_interpreting(server)[-1])
    try:
        await _talk(phone, call)
        await phone.hang_up()
        await phone.hung_up.wait()
    finally:
        await caller.__aexit__(None, None, None)
    call.said, call.clears = bytes(phone.said), phone.clears
    return call


async def _talk(phone: Phone, call: Call) -> None:
    def say(entry_id: str) -> None:
        call.starts[entry_id] = len(phone.said) // 2
        phone.say(words_only(entry_id, rate_hz=RATE_HZ))

    async def press(key: str) -> None:
        await phone.press(key)

    async def stage(name: str, act: Callable[[], Awaitable[None] | None]) -> None:
        """Do something, and hear what comes of it, to its mark."""
        before, marks = len(phone.heard), phone.marks_reached
        acting = act()
        if acting is not None:
            await acting
        await until(lambda: phone.marks_reached > marks and phone.is_silent)
        call.heard[name] = bytes(phone.heard[before:])

    async def interrupt() -> None:
        say(CUT)
        before = len(phone.heard)
        await until(lambda: len(phone.heard) > before + RATE_HZ // 2)
        say(LAST)
        await until(lambda: phone.clears > 0)
        call.heard["cut"] = bytes(phone.heard[before:])
        del phone.heard[before:]

    await asyncio.sleep(0.3)
    await stage("first", lambda: say(FIRST))
    await stage("last", interrupt)
    await stage("repeat", lambda: press("*"))
    await stage("help", lambda: press("0"))
    await press("#")
    await asyncio.sleep(0.3)


def _announces(session: SessionRecord) -> bool:
    return "announcements" in str(session.setup)


def _interpreting(server: RunningServer) -> list[SessionRecord]:
    return [session for session in server.emulator.sessions if session.setup and not _announces(session)]


def _announcing(server: RunningServer) -> list[SessionRecord]:
    return [session for session in server.emulator.sessions if _announces(session)]


def sounds_like(heard: bytes, expected_24k: bytes) -> float:
    """How much of the expected sound, at 24 kHz, is what was heard, at 8 kHz: 1 for all of it."""
    wanted = soxr.resample(samples_of(expected_24k).astype(np.float64), 24_000, RATE_HZ)
    got = samples_of(heard).astype(np.float64)
    size = 1 << (len(wanted) + len(got)).bit_length()
    products = np.fft.irfft(np.fft.rfft(got, size) * np.conj(np.fft.rfft(wanted, size)), size)
    return float(products.max() / np.sqrt((wanted**2).sum() * (got**2).sum()))


@pytest.mark.parametrize("provider", WIRES)
def test_callers_hear_their_interpretations(calls: Calls, provider: str) -> None:
    """Each turn whole and alone: the first, the one that cut another off, that one once more by ``*``, and help."""
    heard = calls.by_provider[provider].heard
    assert sounds_like(heard["first"], entry(FIRST).audio) > _ALIKE
    assert sounds_like(heard["last"], entry(LAST).audio) > _ALIKE
    assert sounds_like(heard["repeat"], entry(LAST).audio) > _ALIKE
    assert sounds_like(heard["help"], HELP.audio) > _ALIKE


@pytest.mark.parametrize("provider", WIRES)
def test_who_speaks_up_stops_what_plays(calls: Calls, provider: str) -> None:
    """With ``BARGE_IN``: the provider drops what it had queued, at once, and no rest of it comes later."""
    call = calls.by_provider[provider]
    assert call.clears == 1
    assert len(call.heard["cut"]) < 0.75 * len(entry(CUT).audio) / 3
    assert sounds_like(call.heard["cut"], entry(CUT).audio) > 0.4


@pytest.mark.parametrize("provider", WIRES)
def test_the_upstream_hears_every_sample_of_the_caller(calls: Calls, provider: str) -> None:
    """What was said reached the upstream whole, in order and once: decoded and resampled, each sample compared."""
    call = calls.by_provider[provider]
    stream = stream_of(call.said, RATE_HZ)
    spans = spans_of(call.session.utterances, stream, tolerance_lsb=1)
    assert_in_order_and_once(spans)
    for entry_id, start in call.starts.items():
        end = start + len(words_only(entry_id, rate_hz=RATE_HZ)) // 2
        factor = STREAM_HZ // RATE_HZ
        assert not missing(Span(start * factor, end * factor), spans), entry_id
    assert [utterance.source_text for utterance in call.session.utterances] == [
        entry(entry_id).source for entry_id in (FIRST, CUT, LAST)
    ]


def test_a_call_is_over_when_the_caller_hangs_up(calls: Calls) -> None:
    """Nothing is left; ``#`` made a second session each, in one direction; help was read once for all of them."""
    assert calls.left == 0
    assert calls.upstream_sessions == (2 * len(WIRES), 1)


def test_a_call_that_breaks_off_is_ended_where_that_takes_a_request(
    calls: Calls, asked: list[tuple[str, str]]
) -> None:
    """Plivo announces no end, and keeps a call whose stream is gone; the others have said that it is over."""
    assert calls.by_provider
    ((method, url),) = asked
    assert method == "DELETE"
    assert url.endswith(f"/Call/{documented.PLIVO_CALL}/")


def test_the_server_knows_what_was_heard(calls: Calls) -> None:
    """Whole stretches were played, and cut ones were not."""
    assert calls.by_provider
    played, cleared = (
        REGISTRY.get_sample_value("interpreter_phone_stretches_total", {"result": result})
        for result in ("played", "cleared")
    )
    assert played is not None
    assert played >= 4 * len(WIRES)
    assert cleared is not None
    assert cleared >= len(WIRES)
