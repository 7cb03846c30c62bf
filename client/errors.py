"""What may go wrong for the person at the terminal: one clear line and an exit code each.

``ClientError``
  ├── ``InputError``: an argument or a file cannot be used; exit code 2
  └── ``ServerError``: the server is missing, refuses, fails or breaks the protocol; exit code 1
"""

from typing import ClassVar


class ClientError(Exception):
    """A failure that the user is told of; ``str()`` says what was expected, what came and what to do."""

    exit_code: ClassVar[int] = 1


class InputError(ClientError):
    """An argument or a file cannot be used as it is."""

    exit_code: ClassVar[int] = 2


class ServerError(ClientError):
    """The server cannot be reached, refuses the session, fails, or breaks the protocol."""
