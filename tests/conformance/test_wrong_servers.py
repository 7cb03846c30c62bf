"""A server that is wrong in one way fails the check that is there for it: the kit can fail, in every check."""

import asyncio
from typing import Any

import pytest

from emulator import EmulatorOptions, Variant
from tests.conformance.kit import Kit
from tests.conformance.options import Options
from tests.conformance.outcome import Result
from tests.conformance.registry import Check, Section, all_checks
from tests.conformance.runner import run_checks
from tests.conformance.speech import from_samples
from tests.conformance.wrong.cases import Case, closes, sends, takes
from tests.conformance.wrong.hearing import RefusesAll
from tests.conformance.wrong.sending import SENDING
from tests.conformance.wrong.server import Message, Misbehaviour, wrong_server
from tests.conformance.wrong.taking import TAKING
from tests.support.servers import running_server

CASES = [*SENDING, *TAKING]
CHECKS = {item.name: item for item in all_checks()}
UPSTREAM = EmulatorOptions(
    variant=Variant(response_delay_ms=150, transcription_delay_ms=50, audio_speed=4, playback_factor=0)
)
"""Fast, but not so fast that an answer is over before anybody could interrupt it."""

SETTINGS: dict[str, Any] = {"init_timeout_secs": 1.0, "max_loop_lag_ms": 0}
SMALL_BUCKET: dict[str, Any] = {"max_ahead_secs": 4.0, "max_ingest_rate": 4.0}
QUICK = {"invalid-audio", "law-no-nulls", "unsupported-language"}
QUIET = {Section.HANDSHAKE, Section.INIT, Section.ORDER, Section.RECOVERABLE, Section.FATAL, Section.ADDITIONS}
"""Sections whose checks mostly wait for nothing but the server itself."""

OTHERWISE = {"http-health", "http-ready", "idle-timeout", "session-expired", "refused-origin"}
"""Checks that other tests see failing: they take other options or another server."""


def hurried(url: str, **others: Any) -> Options:
    """Options for a run that does not wait long for what does not come."""
    fixed = {"speed": 16.0, "quiet_secs": 0.3, "late_text_ms": 0, "init_timeout_secs": 1.0, "patience_secs": 3.0}
    return Options(url, **{**fixed, **others})


async def results_of(options: Options, *names: str) -> dict[str, Result]:
    """Run these checks; their results by name."""
    results: dict[str, Result] = {}

    def take(item: Check, result: Result) -> None:
        results[item.name] = result

    await run_checks(Kit(options, from_samples()), [CHECKS[name] for name in names], take)
    return results


async def failure(options: Options, name: str) -> str:
    """What a check says of a server that it must fail."""
    result = (await results_of(options, name))[name]
    assert result.status == "failed", result
    assert result.detail.startswith("expected ")
    assert "; got " in result.detail
    assert "that the kit understands" not in result.detail
    return result.detail


def test_every_check_has_a_server_that_fails_it() -> None:
    """There is no check that nobody saw failing, and no case for a check that there is not."""
    assert set(CHECKS) - {case.check for case in CASES} == OTHERWISE
    assert {case.check for case in CASES} <= set(CHECKS)


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
        for name in CHECKS
        if name not in OTHERWISE
    ],
)
async def test_wrong_servers_fail(check: str) -> None:
    """Each server that is wrong in what a check is about fails that check."""
    limits: dict[str, Any] = SMALL_BUCKET if check == "audio-limited" else {}
    patience_secs = 1.5 if CHECKS[check].section in QUIET else 3.0

    async def hold(url: str, case: Case) -> tuple[str, str]:
        async with wrong_server(url, case.make) as wrong_url:
            return case.what, await failure(hurried(wrong_url, patience_secs=patience_secs, **limits), check)

    async with running_server(UPSTREAM, **SETTINGS, **limits) as server:
        told = await asyncio.gather(*(hold(server.url, case) for case in CASES if case.check == check))
    assert told
    assert all("expected to hold: " in detail for _, detail in told) == CHECKS[check].is_law
    for what, detail in told:
        print(f"{check} | {what} | {detail}")  # noqa: T201


@pytest.mark.slow
async def test_the_same_proxy_passes_where_it_changes_nothing() -> None:
    """It is the change that fails a check, not the proxy."""
    names = set(CHECKS) - OTHERWISE - {"audio-limited"}
    async with (
        running_server(UPSTREAM, **SETTINGS) as server,
        running_server(**SMALL_BUCKET) as small,
        wrong_server(server.url, Misbehaviour) as url,
        wrong_server(small.url, Misbehaviour) as small_url,
    ):
        results = await results_of(hurried(url, patience_secs=20), *names)
        results |= await results_of(hurried(small_url, patience_secs=20, **SMALL_BUCKET), "audio-limited")
    assert [result for result in results.values() if result.status != "passed"] == []


@pytest.mark.parametrize("status", [401, None])
async def test_an_origin_that_is_let_in_or_refused_otherwise_fails(status: int | None) -> None:
    """A handshake that must be refused succeeds, or is refused with something else than 403."""
    make = RefusesAll if status else Misbehaviour
    async with running_server() as server, wrong_server(server.url, make) as url:
        told = await failure(hurried(url, refused_origin="https://elsewhere.invalid"), "refused-origin")
    assert (f"HTTP status {status}" if status else "a handshake that succeeds") in told


@pytest.mark.parametrize(
    ("check", "field"), [("unsupported-target", "targetLanguage"), ("unknown-engine", "engine")]
)
async def test_a_server_that_does_not_know_an_addition_is_not_blamed(check: str, field: str) -> None:
    """It ignores the field, as any that it does not know."""

    def without_it(message: Message) -> Message:
        return {**message, "config": {name: value for name, value in message["config"].items() if name != field}}

    async with running_server(**SETTINGS) as server, wrong_server(server.url, takes("init", without_it)) as url:
        result = (await results_of(hurried(url), check))[check]
    assert (result.status, result.detail) == ("skipped", f"the server does not know '{field}'")


async def test_without_a_refused_origin_nothing_is_said_of_a_server_that_lets_all_in() -> None:
    """``CORS_ORIGINS=*`` is allowed: the check is skipped, and says what would settle it."""
    async with running_server() as server, wrong_server(server.url, Misbehaviour) as url:
        result = (await results_of(hurried(url), "refused-origin"))["refused-origin"]
    assert result.status == "skipped"
    assert "--refused-origin" in result.detail


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "limit"), [("idle-timeout", "idle_timeout_secs"), ("session-expired", "max_session_secs")]
)
async def test_limits_of_time_that_are_short_are_tried(check: str, limit: str) -> None:
    """Our server passes; one that closes with another code, or says no error, fails."""
    limits: dict[str, Any] = {limit: 1.0}
    async with (
        running_server(**limits) as server,
        wrong_server(server.url, closes({1000: 1001})) as other_code,
        wrong_server(server.url, sends("error", lambda message: None)) as no_error,
    ):
        right = (await results_of(hurried(server.url, **limits), check))[check]
        assert right.status == "passed", right
        assert "close 1001" in await failure(hurried(other_code, **limits), check)
        assert "close 1000" in await failure(hurried(no_error, **limits), check)
        early = {limit: 2.0}
        assert "not after 1.0 s" in await failure(hurried(server.url, **early), check)


async def test_http_routes_that_fail_are_told() -> None:
    """A route that is not there fails its check."""
    async with running_server() as server:
        options = hurried(server.url, http_url=f"{server.http_url}/nowhere")
        for check in ("http-health", "http-ready"):
            assert "404" in await failure(options, check)
