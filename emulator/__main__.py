"""Lets ``python -m emulator`` start the command line."""

from emulator.cli import app

app(prog_name="python -m emulator")
