"""How the commands are started: ``python -m client`` and ``python server.py``."""

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

CTRL_C_AT_IMPORT = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "client.cli":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from client.__main__ import main
main()
"""

HANDLER_OF_A_COMMAND = """
import signal, sys
import client.cli
client.cli.app = lambda: print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
from client.__main__ import main
main()
"""


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_ctrl_c_before_the_command_runs_leaves_no_traceback() -> None:
    """While modules are imported the signal itself ends the program."""
    ended = _python("-c", CTRL_C_AT_IMPORT)
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, "")


def test_commands_find_ctrl_c_as_python_has_it() -> None:
    """A command that shows a terminal's live view must be able to take it down."""
    assert _python("-c", HANDLER_OF_A_COMMAND).stdout == "True\n"


def test_the_server_program_starts_a_client_without_the_servers_libraries() -> None:
    """They take seconds to import."""
    ended = _python("-X", "importtime", "server.py", "interpret", "--help")
    assert ended.returncode == 0
    assert "Usage: server.py interpret" in ended.stdout
    assert "client.cli" in ended.stderr
    assert "fastapi" not in ended.stderr
