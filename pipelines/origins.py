"""Where a parameter's value comes from: a place in the file, and the settings that stand there as ``${NAME}``."""

import re
from dataclasses import dataclass
from typing import Any

VARIABLE = re.compile(r"\$\{([^}]*)\}")
"""A setting in a text of a pipeline file."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the file gives a parameter's value.

    Attributes:
        line: On which line, counted from 1.
        settings: Names of the settings that stand in it as ``${NAME}``, in order.
        is_setting: The value is the one setting itself, not a text or list around settings.
    """

    line: int
    settings: tuple[str, ...] = ()
    is_setting: bool = False


def origin_of(value: Any, line: int) -> Origin:
    """Where a value comes from that stands on ``line`` of a file, as it stands there."""
    is_setting = isinstance(value, str) and VARIABLE.fullmatch(value) is not None
    return Origin(line, tuple(dict.fromkeys(settings_in(value))), is_setting)


def settings_in(value: Any) -> list[str]:
    """Names of the settings that stand in ``value``, however deep."""
    if isinstance(value, str):
        return VARIABLE.findall(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [name for item in inner for name in settings_in(item)]
