"""Client frames to messages: pure and total, every bad input becomes a :class:`~protocol.errors.Fault`.

The checks come in the protocol's order: JSON, ``type``, state, fields; audio is checked by the message itself.
"""

from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from protocol.errors import ErrorCode, Fault
from protocol.messages import CLIENT_MESSAGES, ClientMessage

_ALLOWED_BEFORE_INIT = frozenset({"init", "close"})
_QUOTED_CHARACTERS = 40


def decode_text(text: str, *, initialized: bool) -> ClientMessage | Fault:
    """Read one text frame.

    Args:
        text: The frame's content, untrusted.
        initialized: Whether an ``init`` was accepted on this connection.

    Returns:
        The message, or the fault to answer with.
    """
    try:
        value: Any = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        return Fault(ErrorCode.INVALID_MESSAGE, f"expected one JSON object, got invalid JSON: {error}")
    if not isinstance(value, dict):
        return Fault(ErrorCode.INVALID_MESSAGE, f"expected one JSON object, got {_json_type(value)}")
    kind = value.get("type")
    if not isinstance(kind, str):
        return Fault(ErrorCode.INVALID_MESSAGE, f"expected a string 'type', got {_json_type(kind)}")
    model = CLIENT_MESSAGES.get(kind)
    if model is None:
        known = ", ".join(CLIENT_MESSAGES)
        return Fault(ErrorCode.UNKNOWN_TYPE, f"expected 'type' to be one of {known}, got {_quoted(kind)}")
    return state_fault(kind, initialized=initialized) or _validated(model, value)


def decode_binary(*, initialized: bool, binary_audio: bool) -> Fault | None:
    """What is wrong with receiving a binary frame at all, or ``None``: its bytes are PCM."""
    if not initialized:
        return state_fault("audio", initialized=False)
    if not binary_audio:
        return Fault(
            ErrorCode.INVALID_MESSAGE,
            "got a binary frame, but init did not ask for 'audioEncoding': 'binary'",
        )
    return None


def state_fault(kind: str, *, initialized: bool) -> Fault | None:
    """What is wrong with a message of type ``kind`` in this state, or ``None``."""
    if initialized and kind == "init":
        return Fault(ErrorCode.ALREADY_INIT, "the session is initialized already; open another connection")
    if not initialized and kind not in _ALLOWED_BEFORE_INIT:
        return Fault(ErrorCode.NOT_READY, f"expected 'init' first, got '{kind}'")
    return None


def _validated(model: type[ClientMessage], value: dict[str, Any]) -> ClientMessage | Fault:
    try:
        return model.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return Fault(ErrorCode.INVALID_MESSAGE, f"'{model.__name__.lower()}': field '{field}': {first['msg']}")


def _json_type(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "nothing"}
    return names.get(type(value), "a number")


def _quoted(text: str) -> str:
    shown = text[:_QUOTED_CHARACTERS].encode("unicode_escape").decode()
    return f"'{shown}'" + ("…" if len(text) > _QUOTED_CHARACTERS else "")
