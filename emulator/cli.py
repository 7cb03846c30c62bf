"""The command line: ``python -m emulator``. Turns arguments into options, and mistakes into one clear line."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated, NoReturn, get_args

import typer

from emulator.cli_values import TRANSLATION_NAMES, VARIANT_NAMES, read_options
from emulator.control import ControlPortError
from emulator.options import Refusal
from emulator.scenario import Scenario
from emulator.server import Emulator

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_GOING = "Go-away"


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
            help="How turns are answered; may be repeated. Keys: " + ", ".join(VARIANT_NAMES) + ".",
        ),
    ] = None,
    translation: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="How the translate model speaks; may be repeated. Keys: " + ", ".join(TRANSLATION_NAMES) + ".",
        ),
    ] = None,
    refuse: Annotated[
        str | None, typer.Option(help="Refuse connections: " + ", ".join(get_args(Refusal)) + ".")
    ] = None,
    refuse_first: Annotated[int | None, typer.Option(help="Refuse only the first N connections.", min=0)] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME@MOMENT[,KEY=VALUE]…",
            help="Switch a fault on, like reset@during,times=2; may be repeated. docs/emulator.md lists all.",
        ),
    ] = None,
    control_port: Annotated[
        int | None,
        typer.Option(help="Port on 127.0.0.1 for the HTTP control endpoint; 0 for any free one.", min=0, max=65535),
    ] = None,
    time_factor: Annotated[
        float, typer.Option(help="Multiplies every delay of answers; 0 removes them.", min=0.0)
    ] = 1.0,
    schedule_factor: Annotated[
        float, typer.Option(help="Multiplies the times of go-aways, age limit, handles and faults.")
    ] = 1.0,
    go_away_after: Annotated[
        float | None,
        typer.Option(
            metavar="SECS",
            help="Send goAway so long after a connection's setup.",
            min=0.0,
            rich_help_panel=_GOING,
        ),
    ] = None,
    go_away_time_left: Annotated[
        float,
        typer.Option(
            metavar="SECS",
            help="Its timeLeft, after which the connection ends.",
            min=0.0,
            rich_help_panel=_GOING,
        ),
    ] = 50.0,
    go_away_close_code: Annotated[int, typer.Option(help="How it is closed then.", rich_help_panel=_GOING)] = 1008,
    go_away_abort: Annotated[
        bool, typer.Option("--go-away-abort", help="Reset it then.", rich_help_panel=_GOING)
    ] = False,
    go_away_silent: Annotated[
        bool, typer.Option("--go-away-silent", help="Send nothing after goAway.", rich_help_panel=_GOING)
    ] = False,
    age_limit: Annotated[
        float | None,
        typer.Option(
            metavar="SECS",
            help="Close connections 1011 at this age, unannounced.",
            rich_help_panel=_GOING,
        ),
    ] = None,
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
        options = read_options(
            refuse=refuse,
            refuse_first=refuse_first,
            variant=variant or [],
            translation=translation or [],
            faults=fault or [],
            time_factor=time_factor,
            schedule_factor=schedule_factor,
            go_away_after_secs=go_away_after,
            go_away_time_left_secs=go_away_time_left,
            go_away_close_code=go_away_close_code,
            go_away_abort=go_away_abort,
            go_away_silent=go_away_silent,
            age_limit_secs=age_limit,
            keep_audio=False,
        )
        emulator = Emulator(
            options,
            scenario=Scenario.load(scenario),
            record_dir=record,
            host=host,
            port=port,
            names=name or [],
            ca_file=ca_file,
            control_port=control_port,
        )
        asyncio.run(_serve(emulator))
    except ValueError as error:  # a ScenarioError, too
        _fail(str(error))
    except ControlPortError as error:
        _fail(f"cannot serve the control endpoint on port {control_port}: {error}; try another --control-port")
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
        + (f"\nControl endpoint: {emulator.control_url}" if emulator.control_url else "")
    )


def _fail(text: str) -> NoReturn:
    typer.echo(f"error: {text}", err=True)
    raise typer.Exit(2)
