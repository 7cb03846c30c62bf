"""``python -m tests.conformance``."""

from tests.conformance.cli import app

app(prog_name="python -m tests.conformance")
