"""The list of checks: what each promises, which rule of the protocol says so, and the function that tries it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.kit import Kit

Run = Callable[["Kit"], Awaitable[None]]


class Section(StrEnum):
    """Where a check stands in the report; in the report's order."""

    HANDSHAKE = "Handshake"
    INIT = "init and its defaults"
    ORDER = "Order of the checks of a message"
    RECOVERABLE = "Errors that leave the connection open"
    FATAL = "Errors and messages that end it"
    TURNS = "Turns, texts and states"
    SPEAKER = "The speaker is never cut"
    INTERRUPT = "Interrupting"
    AUDIO = "Sample rates and chunk lengths"
    ADDITIONS = "Additions (part 2)"
    LAWS = "Laws, on everything that was received in this run"


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: For the report and for ``--only``.
        section: Where it is reported.
        rule: Where the protocol says so.
        promise: What the server does, in one sentence.
        run: Tries it: returns, or raises one of :mod:`tests.conformance.outcome`.
    """

    name: str
    section: Section
    rule: str
    promise: str
    run: Run

    @property
    def is_law(self) -> bool:
        """Whether it judges the other checks' connections, and so comes after them."""
        return self.section is Section.LAWS


_CHECKS: dict[str, Check] = {}


def check(section: Section, rule: str) -> Callable[[Run], Run]:
    """Register a function under its own name; its docstring is the promise.

    Args:
        section: Where it is reported.
        rule: Where the protocol says so.
    """

    def decorate(run: Run) -> Run:
        name = getattr(run, "__name__", "").replace("_", "-")
        register(name, section, rule, " ".join((run.__doc__ or "").split()), run)
        return run

    return decorate


def register(name: str, section: Section, rule: str, promise: str, run: Run) -> None:
    """Add a check to the list.

    Raises:
        ValueError: The name is taken, or there is no promise.
    """
    if name in _CHECKS or not promise:
        raise ValueError(f"expected a name of its own and a promise for the check {name!r}")
    _CHECKS[name] = Check(name, section, rule, promise, run)


def all_checks() -> list[Check]:
    """Every check, in the order of the report."""
    from tests.conformance import checks

    assert checks
    order = list(Section)
    return sorted(_CHECKS.values(), key=lambda item: order.index(item.section))


def plain(promise: str) -> str:
    """A promise without the marks of code."""
    return promise.replace("`", "'")
