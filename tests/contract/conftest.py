"""The implementations that keep the contract, and what keeps a run against Google cheap and discreet."""

import contextlib
import logging
import traceback
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from emulator import Emulator, EmulatorOptions, Variant
from gemini.connector import Connector
from gemini.connectors import ConnectorName, make_connector
from gemini.endpoint import Endpoint
from pipelines.settings import Settings
from tests.contract.bench import Bench, interpreter_config
from tests.contract.google import GoogleBench, Ledger, google_bench, google_settings, upstream_name
from tests.contract.scripted import ScriptedConnector
from tests.support.speech import samples_scenario
from tests.support.virtual_time import no_task_is_left, watched_tasks

__all__ = ["no_task_is_left", "watched_tasks"]

LEDGER = pytest.StashKey[Ledger]()
SETTINGS = pytest.StashKey[Settings]()
MODEL = "gemini-3.8-live"
_TESTS = Path(__file__).parents[1]
_EMULATOR_KEY = "emulator-key"
_LOGGERS_THAT_PRINT_KEYS = ("google_genai", "httpcore", "httpx", "websockets")


@dataclass(frozen=True)
class FakeBench(Bench):
    """The scripted fake."""

    def with_key(self, key: str) -> Connector:
        """The fake checks its connector's key."""
        return ScriptedConnector(key=key)

    def refusing_voices(self) -> Connector:
        """The fake knows some voices."""
        return self.connector

    def stalling(self) -> Connector:
        """An attempt takes an hour."""
        return ScriptedConnector(delay_secs=3600)

    def breaking(self) -> Connector:
        """Half of an answer comes."""
        return ScriptedConnector(breaks=True)


@dataclass(frozen=True)
class EmulatorBench(Bench):
    """A connector in front of the emulator, without its delays; ``docs/emulator.md`` says what it guesses."""

    emulator: Emulator = field(kw_only=True)
    connector_name: ConnectorName = field(kw_only=True)

    def with_key(self, key: str) -> Connector:
        """The emulator checks keys."""
        return emulator_connector(self.connector_name, self.emulator, key)

    def refusing_voices(self) -> Connector:
        """The emulator takes any voice, so it is told to refuse the setup."""
        self._change(refuse="1007")
        return self.connector

    def stalling(self) -> Connector:
        """The emulator takes the setup, and that is all."""
        self._change(refuse="mute")
        return self.connector

    def breaking(self) -> Connector:
        """The emulator aborts the TCP connection after 200 ms of sound."""
        self._change(variant=Variant(break_after_audio_ms=200))
        return self.connector

    def _change(self, **changes: object) -> None:
        self.emulator.options = self.emulator.options.model_copy(update=changes)


@contextlib.asynccontextmanager
async def _fake_bench() -> AsyncIterator[Bench]:
    yield FakeBench("the fake", ScriptedConnector(), interpreter_config(MODEL))


@contextlib.asynccontextmanager
async def _emulator_bench(name: ConnectorName) -> AsyncIterator[Bench]:
    options = EmulatorOptions(time_factor=0.0, api_keys=frozenset({_EMULATOR_KEY}))
    async with Emulator(options, scenario=samples_scenario()) as emulator:
        connector = emulator_connector(name, emulator, _EMULATOR_KEY)
        yield EmulatorBench(
            f"{name}, the emulator", connector, interpreter_config(MODEL), emulator=emulator, connector_name=name
        )


def emulator_connector(name: ConnectorName, emulator: Emulator, key: str) -> Connector:
    """A connector to an emulator."""
    return make_connector(name, Endpoint(api_key=key, base_url=emulator.base_url, ca_file=emulator.ca_file))


@contextlib.asynccontextmanager
async def _google_bench(request: pytest.FixtureRequest, name: ConnectorName) -> AsyncIterator[Bench]:
    with google(request, name) as bench:
        yield bench


@pytest.fixture(
    params=[
        "fake",
        "genai-emulator",
        "lean-emulator",
        pytest.param("genai-google", marks=pytest.mark.live),
        pytest.param("lean-google", marks=pytest.mark.live),
    ]
)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Each implementation in turn."""
    made: AbstractAsyncContextManager[Bench]
    connector, _, upstream = request.param.partition("-")
    if upstream == "google":
        made = _google_bench(request, connector)
    else:
        made = _emulator_bench(connector) if upstream else _fake_bench()
    async with made as bench:
        yield bench


@contextlib.contextmanager
def google(request: pytest.FixtureRequest, name: ConnectorName) -> Iterator[GoogleBench]:
    """Google's service, or a skip that says what is missing."""
    config = request.config
    if "live" not in config.option.markexpr:
        pytest.skip("talks to Google's service and costs money: ask for it with -m live")
    settings = google_settings()
    if settings.gemini_api_key is None:
        pytest.skip("needs GEMINI_API_KEY in the environment (no .env is read): see docs/live-tests.md")
    config.stash[SETTINGS] = settings
    ledger = config.stash.setdefault(LEDGER, Ledger())
    ledger.current = request.node.name
    with _quiet(*_LOGGERS_THAT_PRINT_KEYS):
        yield google_bench(settings, ledger, name)


@contextlib.contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Hold loggers above DEBUG, whatever the command line asks for."""
    loggers = {logging.getLogger(name): logging.getLogger(name).level for name in names}
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    yield
    for logger, level in loggers.items():
        logger.setLevel(level)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let no failure against Google show a key.

    pytest prints the arguments of the frames of an exception, and with ``--showlocals`` all their variables; the
    frames of the libraries hold the headers. Python's own form of a traceback holds no values.
    """
    report = yield
    if item.get_closest_marker("live") is not None:
        if report.failed and call.excinfo is not None:
            report.longrepr = _plain(call.excinfo.value)
        _redact(report, item.config)
    return report


def _plain(error: BaseException) -> str:
    """What went wrong, and Python's traceback of it, from the test on."""
    trace = traceback.TracebackException.from_exception(error)
    ours = (number for number, frame in enumerate(trace.stack) if frame.filename.startswith(str(_TESTS)))
    del trace.stack[: next(ours, 0)]
    headline = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {headline}\n\n{''.join(trace.format())}"


def _redact(report: pytest.TestReport, config: pytest.Config) -> None:
    settings = config.stash.get(SETTINGS, None)
    if settings is None or settings.gemini_api_key is None:
        return
    key = settings.gemini_api_key.get_secret_value()
    if isinstance(report.longrepr, str):
        report.longrepr = report.longrepr.replace(key, "[key]")
    report.sections = [(title, text.replace(key, "[key]")) for title, text in report.sections]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the run used of Google's service."""
    ledger, settings = config.stash.get(LEDGER, None), config.stash.get(SETTINGS, None)
    if ledger is None or settings is None:
        return
    terminalreporter.section("live")
    for name, spending in ledger.entries.items():
        terminalreporter.line(f"{name}: {spending}")
    terminalreporter.line(f"in all, at {upstream_name(settings)}, {settings.gemini_model}: {ledger.total}")
