"""On which line of a pipeline file everything stands, and what is no TOML, with its line.

tomllib tells no lines of what it read. So the text is cut into its statements, each the shortest run of lines that
tomllib reads by itself: exact for every way of writing TOML.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_KEY = re.compile(r"\s*([\w.\"'-]+)\s*=")
_SINGLE_STEP = re.compile(r"\s*\[\s*step\s*\]\s*(?:#.*)?$")
_TWICE = ("Cannot overwrite a value", "Cannot declare")
SINGLE_STEP = "expected [[step]] with two brackets, got [step]"


@dataclass(frozen=True, slots=True)
class StepLines:
    """The lines of one ``[[step]]``, or of another table.

    Attributes:
        header: Of the table itself.
        keys: Of each of its keys.
    """

    header: int
    keys: dict[str, int] = field(default_factory=dict)

    def of(self, key: str) -> int:
        """The line of ``key``, or of the table where it has no such key."""
        return self.keys.get(key, self.header)


@dataclass(frozen=True, slots=True)
class TomlLines:
    """The lines of a pipeline file, counted from 1.

    Attributes:
        keys: Of each key at the top level.
        steps: Of each ``[[step]]``, in order; none for steps that are written as an inline array.
        tables: Of each other table at the top level that has a header.
    """

    keys: dict[str, int]
    steps: list[StepLines]
    tables: dict[str, StepLines] = field(default_factory=dict)

    def step(self, index: int) -> StepLines:
        """The lines of a step; of an inline one, where the array starts."""
        return self.steps[index] if index < len(self.steps) else StepLines(self.keys.get("step", 1))

    def table(self, name: str) -> StepLines:
        """The lines of another table; of an inline one, where it stands."""
        return self.tables.get(name, StepLines(self.keys.get(name, 1)))


def lines_of(text: str) -> TomlLines:
    """Where everything stands in ``text``, which is right TOML."""
    keys: dict[str, int] = {}
    steps: list[StepLines] = []
    tables: dict[str, StepLines] = {}
    current = keys
    for statement in _statements(text):
        line = statement.start
        if not statement.is_header:
            current.update({key: line for key in statement.content if key not in current})
            continue
        ((name, table),) = statement.content.items()
        if name == "step" and isinstance(table, list):
            steps.append(StepLines(line))
            current = steps[-1].keys
            continue
        if name == "step" and table and steps:
            name, target = next(iter(table)), steps[-1].keys
        else:
            target = keys
        target.setdefault(name, line)
        current = {}  # keys of a table below a step are nobody's who asks for lines
        if target is keys:
            current = tables.setdefault(name, StepLines(line)).keys
    return TomlLines(keys, steps, tables)


def toml_faults(text: str, error: tomllib.TOMLDecodeError) -> list[tuple[int, str]]:
    """What is no TOML in ``text``, each with its line, in the words of someone who wrote a pipeline file."""
    lines = _split(text)
    place = _PLACE.search(str(error))
    message = _PLACE.sub("", str(error))
    if place is None or place[1] is None:
        return [(_unfinished_line(text), f"not valid TOML: {message}, at the end of the file")]
    number, column = int(place[1]), int(place[2])
    written = lines[number - 1]
    if message.startswith(_TWICE) and any(map(_SINGLE_STEP.match, lines)) and written.lstrip().startswith("["):
        return [(at, SINGLE_STEP) for at, line in enumerate(lines, 1) if _SINGLE_STEP.match(line)]
    if message.startswith(_TWICE) and (key := _KEY.match(written)):
        return [(number, f"not valid TOML: '{key[1]}' is set twice")]
    hint = " (a text stands in quotes)" if message == "Invalid value" else ""
    return [(number, f"not valid TOML: {message}{hint}, column {column}")]


def _split(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")


@dataclass(frozen=True, slots=True)
class _Statement:
    """One statement: the lines from ``start`` to ``end``, both counted from 1, and what it says by itself."""

    start: int
    end: int
    is_header: bool
    content: dict[str, Any]


def _statements(text: str) -> Iterator[_Statement]:
    """Every statement that is complete; no comments."""
    lines = _split(text)
    start = 0
    for end in range(1, len(lines) + 1):
        try:
            content = tomllib.loads("\n".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            continue  # a value of several lines goes on
        if content:
            yield _Statement(start + 1, end, lines[start].lstrip().startswith("["), content)
        start = end


def _unfinished_line(text: str) -> int:
    """Where the statement starts that never ends."""
    complete = max((statement.end for statement in _statements(text)), default=0)
    rest = _split(text)[complete:]
    return next((at for at, line in enumerate(rest, complete + 1) if line.split("#")[0].strip()), 1)
