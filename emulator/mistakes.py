"""Turns mistakes in what people write into one clear line; reads a fault from names and values. Pure."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from emulator.faults import Fault, FaultName, Moment


class ScenarioError(ValueError):
    """A scenario cannot be used. The text is one line: file, place, what was expected, what came."""


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint at the known name that looks most like ``name``; empty when none does."""
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def first_mistake(error: ValidationError) -> str:
    """The first thing that is wrong, as ``field: what was expected, what came``."""
    first = error.errors()[0]
    text = str(first["msg"]).removeprefix("Value error, ")
    if not first["loc"]:
        return text
    return f"{first['loc'][0]}: {text}, got {first['input']!r}"


def read_fault(values: Mapping[str, Any]) -> Fault:
    """A fault from the names and values of its fields.

    Raises:
        ValueError: Something is unknown, missing or not allowed; one line that says what would be right.
    """
    for field in values:
        if field not in Fault.model_fields:
            hint = nearest(field, Fault.model_fields) or f"; known: {', '.join(Fault.model_fields)}"
            raise ValueError(f"unknown field {field!r}{hint}")
    for field, known in (("name", get_args(FaultName)), ("moment", get_args(Moment))):
        if field not in values:
            raise ValueError(f"expected a {field!r}, but it is missing; known: {', '.join(known)}")
        if values[field] not in known:
            hint = nearest(str(values[field]), known) or f"; known: {', '.join(known)}"
            raise ValueError(f"unknown {field} {values[field]!r}{hint}")
    try:
        return Fault.model_validate(dict(values))
    except ValidationError as error:
        raise ValueError(first_mistake(error)) from error
