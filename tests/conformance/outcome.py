"""How a check ends: it returns, or it raises one of these."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "failed", "skipped"]


class ConformanceError(Exception):
    """The server did not do what the protocol says.

    Args:
        expected: What should have come.
        got: What came instead.
    """

    def __init__(self, expected: str, got: str):
        super().__init__(f"expected {expected}; got {got}")


class CheckSkipped(Exception):  # noqa: N818 - nothing is wrong
    """This run cannot tell; the message says why."""


class UsageError(Exception):
    """The kit was called with something that it cannot use, or cannot connect; one line."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one check.

    Attributes:
        name: Of the check.
        status: How it ended.
        detail: What was expected and what came, or why it was skipped; empty where it passed.
        secs: How long it took.
    """

    name: str
    status: Status
    detail: str
    secs: float
