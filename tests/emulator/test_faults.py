"""Faults as values: what can be written, what cannot, and that the page lists them all."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from emulator import ALL_KINDS, EmulatorOptions, Fault, FaultName, Moment, Translation
from emulator.faults import PARAMETERS
from emulator.mistakes import read_fault

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"
GROUPS = {"any": list(get_args(Moment)), "in a session": list(get_args(Moment))[1:]}


def rows() -> dict[str, list[str]]:
    """The rows of the page's table of faults by name."""
    table = PAGE.read_text(encoding="utf-8").split("| fault | moments |")[1].split("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {row[0].strip("`"): row for row in cells}


def test_the_page_lists_every_fault() -> None:
    """Each name once, and no other."""
    assert list(rows()) == list(get_args(FaultName)) == list(ALL_KINDS)


@pytest.mark.parametrize("name", get_args(FaultName))
def test_the_page_says_what_the_fault_is(name: FaultName) -> None:
    """The row has its moments, its parameters with their defaults, and whether it spoils answers."""
    _, moments, takes, what, _ = rows()[name]
    kind = ALL_KINDS[name]
    assert GROUPS.get(moments, re.findall(r"`(\w+)`", moments)) == list(kind.moments)
    shown = dict(re.findall(r"`(\w+)=([^`]*)`", takes))
    wanted = {
        key: f'"{value}"' if isinstance(value, str) else f"{value:g}" for key, value in kind.parameters.items()
    }
    wanted |= {
        key: str(value) for key, value in kind.parameters.items() if isinstance(value, bool) or key == "frame_bytes"
    }
    assert shown == wanted
    assert what.startswith("**S**") is kind.spoils


def test_the_page_lists_every_option() -> None:
    """Each field of the options and of a fault stands on the page."""
    text = PAGE.read_text(encoding="utf-8")
    names = [
        *EmulatorOptions.model_fields,
        *Translation.model_fields,
        *Fault.model_fields,
        *get_args(Moment),
    ]
    assert [name for name in names if f"`{name}`" not in text and f"`{name}=" not in text] == ["name", "moment"]


def test_every_fault_at_every_moment() -> None:
    """A fault can be made for its own moments, and for no other; the text says for which."""
    for name, kind in ALL_KINDS.items():
        for moment in get_args(Moment):
            if moment in kind.moments:
                assert Fault(name=name, moment=moment).times == 1
            else:
                with pytest.raises(ValidationError, match=f"{name} cannot strike at '{moment}'; it can at: "):
                    Fault(name=name, moment=moment)


def test_every_fault_takes_its_parameters() -> None:
    """Those of its kind, and no other; what is not given has the kind's default."""
    given = {
        "delay_ms": 1.0,
        "time_left_secs": 2.0,
        "close_code": 1000,
        "reason": "r",
        "abort": True,
        "bytes_per_sec": 5,
        "frame_bytes": 6,
        "parts": 7,
        "lasting_ms": 8.0,
        "text": "t",
        "language": "l",
    }
    assert set(given) == set(PARAMETERS)
    for name, kind in ALL_KINDS.items():
        for parameter, value in given.items():
            values: dict[str, Any] = {"name": name, "moment": kind.moments[0], parameter: value}
            if parameter in kind.parameters:
                assert Fault.model_validate(values).value(parameter) == value
                assert Fault(name=name, moment=kind.moments[0]).value(parameter) == kind.parameters[parameter]
            else:
                with pytest.raises(ValidationError, match=f"{name} takes no '{parameter}'; it takes: "):
                    Fault.model_validate(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"name": "rest", "moment": "before"}, "unknown name 'rest'; did you mean 'reset'?"),
        ({"name": "reset", "moment": "befor"}, "unknown moment 'befor'; did you mean 'before'?"),
        ({"name": "reset"}, "expected a 'moment', but it is missing; known: setup, before, during"),
        ({"moment": "idle"}, "expected a 'name', but it is missing; known: refuse_401"),
        ({"name": "reset", "moment": "idle", "tims": 2}, "unknown field 'tims'; did you mean 'times'?"),
        ({"name": "reset", "moment": "idle", "xyz": 2}, "unknown field 'xyz'; known: name, moment, times"),
        (
            {"name": "reset", "moment": "idle", "times": 0},
            "times: Input should be greater than or equal to 1, got 0",
        ),
        ({"name": "reset", "moment": "before", "entry": "a"}, "'entry' is not known at 'before'"),
        (
            {"name": "refuse_503", "moment": "setup", "model": "m"},
            "refuse_503 strikes before the setup names a model",
        ),
        ({"name": 5, "moment": "setup"}, "unknown name 5; known: refuse_401"),
    ],
)
def test_mistakes(values: dict[str, Any], expected: str) -> None:
    """Each is one line that says what would be right."""
    with pytest.raises(ValueError, match=re.escape(expected)) as refused:
        read_fault(values)
    assert "\n" not in str(refused.value)
