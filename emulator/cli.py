"""The command line: ``python -m emulator``. Turns arguments into options, and mistakes into one clear line."""

import asyncio
import difflib
import signal
from pathlib import Path
from typing import Annotated, Any, NoReturn, get_args

import typer
from pydantic import ValidationError

from emulator.options import EmulatorOptions, Refusal, Variant
from emulator.scenario import Scenario, ScenarioError
from emulator.server import Emulator

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_VARIANT_NAMES = sorted(Variant.model_fields)


@app.command()
def run(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any free one.", min=0, max=65535)] = 9443,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    scenario: Annotated[
        str, typer.Option(help="What is answered: the name of a built-in scenario, or a TOML file.")
    ] = "samples",
    record: Annotated[
        Path | None, typer.Option(help="Folder for recordings: sound, messages and utterances of each session.")
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="How turns are answered; may be repeated. Keys: " + ", ".join(_VARIANT_NAMES) + ".",
        ),
    ] = None,
    refuse: Annotated[
        str | None, typer.Option(help="Refuse connections: " + ", ".join(get_args(Refusal)) + ".")
    ] = None,
    refuse_first: Annotated[int | None, typer.Option(help="Refuse only the first N connections.", min=0)] = None,
    time_factor: Annotated[float, typer.Option(help="Multiplies every delay; 0 removes them.", min=0.0)] = 1.0,
    ca_file: Annotated[
        Path | None, typer.Option(help="Where to write the CA certificate; a temporary file by default.")
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A further host name for the certificate; may be repeated."),
    ] = None,
) -> None:
    """Run a Gemini Live server for demonstrations and tests.

    It recognises nothing: what it hears is compared with the recordings of a scenario, and answered with the words
    that the scenario gives for them. Speech that matches no recording gets the scenario's everyday sentences
    in turn.
    """
    try:
        options = _options(refuse, refuse_first, time_factor, variant or [])
        emulator = Emulator(
            options,
            scenario=Scenario.load(scenario),
            record_dir=record,
            host=host,
            port=port,
            names=name or [],
            ca_file=ca_file,
        )
        asyncio.run(_serve(emulator))
    except ScenarioError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"cannot serve on {host} port {port}: {error.strerror or error}; try another --port or --host")


async def _serve(emulator: Emulator) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with emulator:
        typer.echo(_greeting(emulator))
        await stop.wait()
    typer.echo("stopped")


def _greeting(emulator: Emulator) -> str:
    ca_file = emulator.ca_file.resolve()
    return (
        f"Gemini Live emulator on {emulator.base_url}\n"
        f"It recognises nothing: it answers from the scenario {emulator.scenario.name!r} "
        f"({len(emulator.scenario.entries)} entries, {len(emulator.clips)} clips).\n"
        f"CA certificate: {ca_file}\n"
        "Any API key is accepted. To point a server at it:\n"
        f"  GEMINI_BASE_URL={emulator.base_url}\n"
        f"  GEMINI_CA_FILE={ca_file}"
    )


def _options(
    refuse: str | None, refuse_first: int | None, time_factor: float, changes: list[str]
) -> EmulatorOptions:
    refusals = get_args(Refusal)
    if refuse is not None and refuse not in refusals:
        _fail(f"--refuse: expected one of {', '.join(refusals)}, got {refuse!r}{_nearest(refuse, refusals)}")
    return EmulatorOptions.model_validate(
        {
            "refuse": refuse,
            "refuse_first": refuse_first,
            "time_factor": time_factor,
            "keep_audio": False,
            "variant": _variant(changes),
        }
    )


def _variant(changes: list[str]) -> Variant:
    values: dict[str, Any] = {}
    for change in changes:
        key, separator, value = change.partition("=")
        if not separator:
            _fail(f"--variant: expected KEY=VALUE, got {change!r}")
        if key not in _VARIANT_NAMES:
            _fail(f"--variant: unknown key {key!r}{_nearest(key, _VARIANT_NAMES)}")
        values[key] = None if value.lower() == "none" else value
    try:
        return Variant.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        _fail(f"--variant: {first['loc'][0]}: {first['msg']}, got {first['input']!r}")


def _nearest(name: str, names: Any) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def _fail(text: str) -> NoReturn:
    typer.echo(f"error: {text}", err=True)
    raise typer.Exit(2)
