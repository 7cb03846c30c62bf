"""The command line: arguments in, a report, and an exit code: 0 all well, 1 failures, 2 wrong use, 130 Ctrl-C."""

import asyncio
import difflib
import fnmatch
import logging
import sys
import time
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

import typer

from tests.conformance import speech
from tests.conformance.kit import Kit
from tests.conformance.options import Options
from tests.conformance.outcome import UsageError
from tests.conformance.registry import Check, all_checks, plain
from tests.conformance.report import Report
from tests.conformance.runner import run_checks

_DEFAULTS = Options(url="ws://localhost:8000/ws")
_LIMITS = "Settings of the server, where a deployment changed them"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    url: Annotated[str, typer.Option(help="The server's WebSocket, ws:// or wss://.")] = _DEFAULTS.url,
    http_url: Annotated[
        str | None, typer.Option(help="Of /health and /ready, without the path; they are skipped without it.")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="Certificates to trust, PEM.", exists=True, dir_okay=False)
    ] = None,
    origin: Annotated[str | None, typer.Option(help="Send this Origin, as a page would.")] = None,
    refused_origin: Annotated[str | None, typer.Option(help="An Origin that the server must refuse.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Run this check; may be repeated, * stands for anything."),
    ] = None,
    list_checks: Annotated[bool, typer.Option("--list", help="List the checks and end.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the results here, too, as JSON.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Checks that run at the same time.", min=1, max=32)] = _DEFAULTS.jobs,
    speed: Annotated[
        float, typer.Option(help="Pace of the speech in times real time.", min=0.5, max=4.0)
    ] = _DEFAULTS.speed,
    speech_file: Annotated[
        Path | None,
        typer.Option(
            "--speech",
            metavar="FILE.wav",
            help="Say this sentence instead of those of samples/.",
            show_default=False,
        ),
    ] = None,
    speech_text: Annotated[str | None, typer.Option(help="What is said in --speech.")] = None,
    words: Annotated[
        bool, typer.Option(help="Compare source texts with the words that are said, where these are known.")
    ] = _DEFAULTS.compare_words,
    additions: Annotated[bool, typer.Option(help="Try part 2 of the protocol.")] = True,
    languages: Annotated[str, typer.Option(help="The server's pair.")] = ",".join(_DEFAULTS.languages),
    barge_in: Annotated[bool, typer.Option("--barge-in", help="The server has BARGE_IN on.")] = False,
    patience_secs: Annotated[
        float, typer.Option(help="Longest wait for what must come.", min=0.1, max=600)
    ] = _DEFAULTS.patience_secs,
    longest_limit_secs: Annotated[
        float, typer.Option(help="Wait for limits of time up to this.", min=0, max=3600)
    ] = _DEFAULTS.longest_limit_secs,
    init_timeout_secs: Annotated[
        float, typer.Option(min=0.1, rich_help_panel=_LIMITS)
    ] = _DEFAULTS.init_timeout_secs,
    idle_timeout_secs: Annotated[
        float, typer.Option(help="0: none.", min=0, rich_help_panel=_LIMITS)
    ] = _DEFAULTS.idle_timeout_secs,
    max_session_secs: Annotated[
        float, typer.Option(help="0: none.", min=0, rich_help_panel=_LIMITS)
    ] = _DEFAULTS.max_session_secs,
    max_message_bytes: Annotated[
        int, typer.Option(min=1024, rich_help_panel=_LIMITS)
    ] = _DEFAULTS.max_message_bytes,
    max_chunk_secs: Annotated[float, typer.Option(min=0.1, rich_help_panel=_LIMITS)] = _DEFAULTS.max_chunk_secs,
    max_ahead_secs: Annotated[
        float, typer.Option(help="0: no limit.", min=0, rich_help_panel=_LIMITS)
    ] = _DEFAULTS.max_ahead_secs,
    max_ingest_rate: Annotated[
        float, typer.Option(help="In times real time.", min=1, rich_help_panel=_LIMITS)
    ] = _DEFAULTS.max_ingest_rate,
    max_client_errors: Annotated[
        int, typer.Option(help="0: no limit.", min=0, rich_help_panel=_LIMITS)
    ] = _DEFAULTS.max_client_errors,
    end_of_utterance_ms: Annotated[
        int, typer.Option(min=0, max=10_000, rich_help_panel=_LIMITS)
    ] = _DEFAULTS.end_of_utterance_ms,
    late_text_ms: Annotated[int, typer.Option(min=0, max=60_000, rich_help_panel=_LIMITS)] = _DEFAULTS.late_text_ms,
) -> None:
    """Try the protocol's rules on a server, from outside.

    About a minute of speech is sent to it, in a minute: with a server that talks to Google this costs a little.
    docs/conformance.md says more.
    """
    _tolerate_narrow_encodings()
    try:
        checks = _chosen(only or [], additions=additions)
        if list_checks:
            _list(checks)
            return
        options = Options(
            url=_websocket_url(url),
            http_url=http_url,
            ca_file=ca_file,
            origin=origin,
            refused_origin=refused_origin,
            languages=_pair(languages),
            barge_in=barge_in,
            compare_words=words,
            speed=speed,
            jobs=jobs,
            patience_secs=patience_secs,
            longest_limit_secs=longest_limit_secs,
            init_timeout_secs=init_timeout_secs,
            idle_timeout_secs=idle_timeout_secs,
            max_session_secs=max_session_secs,
            max_message_bytes=max_message_bytes,
            max_chunk_secs=max_chunk_secs,
            max_ahead_secs=max_ahead_secs,
            max_ingest_rate=max_ingest_rate,
            max_client_errors=max_client_errors,
            end_of_utterance_ms=end_of_utterance_ms,
            late_text_ms=late_text_ms,
        )
        kit = Kit(options, _speech(speech_file, speech_text))
        raise typer.Exit(_run(kit, checks, json_file))
    except UsageError as error:
        _fail(str(error))


def _run(kit: Kit, checks: list[Check], json_file: Path | None) -> int:
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    report = Report()
    started_at = time.monotonic()
    interrupted = False

    async def all_of_it() -> None:
        await kit.check_reachable()
        await run_checks(kit, checks, report.add)

    try:
        asyncio.run(all_of_it())
    except KeyboardInterrupt:
        interrupted = True
    secs = time.monotonic() - started_at
    if interrupted:
        typer.echo(f"\ninterrupted: {len(checks) - len(report.results)} of {len(checks)} checks have no result")
    typer.echo("\n" + report.summary(kit, secs))
    if json_file is not None:
        try:
            report.write_json(json_file, kit, secs)
        except OSError as error:
            raise UsageError(f"--json: cannot write {json_file}: {error.strerror or error}") from error
    return 130 if interrupted else int(report.count("failed") > 0)


def _chosen(only: list[str], *, additions: bool) -> list[Check]:
    checks = all_checks()
    if not only:
        return [item for item in checks if additions or not item.rule.startswith("part 2")]
    names = [item.name for item in checks]
    for pattern in only:
        if not fnmatch.filter(names, pattern):
            near = difflib.get_close_matches(pattern, names, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else "; --list names them"
            raise UsageError(f"--only: there is no check {pattern!r}{hint}")
    return [item for item in checks if any(fnmatch.fnmatchcase(item.name, pattern) for pattern in only)]


def _list(checks: list[Check]) -> None:
    section = None
    for item in checks:
        if item.section is not section:
            typer.secho(f"\n{item.section}" if section else str(item.section), bold=True)
            section = item.section
        typer.echo(f"  {item.name:<28} {plain(item.promise)} [{item.rule}]")


def _speech(path: Path | None, text: str | None) -> speech.Speech:
    if path is not None:
        return speech.from_file(path, text)
    if text is not None:
        raise UsageError("--speech-text: expected --speech with it; the words of samples/ are known")
    try:
        return speech.from_samples()
    except OSError as error:
        raise UsageError(f"cannot read samples/ of this clone ({error}); name a recording with --speech") from error


def _websocket_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(f"--url: expected a URL like ws://localhost:8000/ws, got {url.partition('?')[0]}")
    return url


def _pair(languages: str) -> tuple[str, str]:
    first, _, second = (part.strip() for part in languages.partition(","))
    if not first or not second or "," in second or first == second:
        raise UsageError(f"--languages: expected two languages like ko,en, got {languages!r}")
    return first, second


def _tolerate_narrow_encodings() -> None:
    """Make an output that has no Hangul show '?' rather than fail."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _fail(text: str) -> NoReturn:
    typer.echo(f"error: {' '.join(text.split())}", err=True)
    raise typer.Exit(2)
