"""JSON of providers, read without trust."""

from typing import Any

from pydantic_core import from_json


def read(data: str | bytes) -> dict[str, Any] | None:
    """The object that ``data`` holds; None where it is not JSON, or something else than an object."""
    try:
        message = from_json(data, allow_inf_nan=False)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def found(message: object, *path: str) -> Any:
    """What stands in nested objects under ``path``; None where the path leads nowhere."""
    for key in path:
        message = message.get(key) if isinstance(message, dict) else None
    return message


def text(message: object, *path: str) -> str:
    """As :func:`found`; empty where no text stands there."""
    value = found(message, *path)
    return value if isinstance(value, str) else ""
