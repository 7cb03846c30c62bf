"""Values as people may see them: in reports and errors, without what is secret."""

import dataclasses
import json
import os
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from os import PathLike
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

MASK = "********"
_LONGEST_TEXT = 70
_SECRET_NAME = re.compile(
    r"secret|passw(or)?d|passphrase|(^|_)pwd($|_)|api_?key|private_?key|credentials?(_json)?$"
    r"|(^|_)(key|token|authorization|cookie|jwt)$"
)
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_URL_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/?#\s]+@", re.IGNORECASE)
_URL_SECRET = re.compile(
    r"((?:^|[?&;\s])[\w.-]*(?:key|token|secret|password|signature|sig)=)[^&;#\s]+", re.IGNORECASE
)
_HEADER_SECRET = re.compile(r"\b(Bearer|Basic) [\w.~+/=-]{16,}")
_SHORTEST_SECRET = 4
"""Anything shorter stands in many a word by chance."""


def looks_secret(name: str) -> bool:
    """Whether a parameter of this name holds a secret: ``api_key``, ``accessToken``, ``X-Client-Secret``."""
    return _SECRET_NAME.search(_WORD_START.sub("_", name).replace("-", "_").lower()) is not None


def masked(value: Any, name: str = "") -> Any:
    """``value``, of a parameter called ``name``, as JSON has it, with a mask for what is secret.

    Secret is what pydantic's secret types hold, whatever has a name like a secret's, however deep it lies, and the
    user and the keys in URLs and headers. Objects that are no data show as the name of their class.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, SecretStr | SecretBytes) or looks_secret(name):
        return MASK if value != "" else ""
    match value:
        case Enum():
            return masked(value.value, name)
        case BaseModel():
            return {key: masked(getattr(value, key), key) for key in type(value).model_fields}
        case Mapping():
            return {str(key): masked(inner, str(key)) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [masked(inner) for inner in value]
        case float():
            return int(value) if value.is_integer() else value
        case int():
            return int(value)
        case str():
            return _masked_text(value)
        case PathLike():  # a glossary is one, too
            return _masked_text(str(os.fspath(value)))
        case type():
            return f"{value.__module__}:{value.__qualname__}"
    if dataclasses.is_dataclass(value):
        return {field.name: masked(getattr(value, field.name), field.name) for field in dataclasses.fields(value)}
    return f"<{type(value).__name__}>"


def _masked_text(text: str) -> str:
    text = _URL_SECRET.sub(rf"\g<1>{MASK}", _URL_USER.sub(rf"\g<1>{MASK}@", text))
    return _HEADER_SECRET.sub(rf"\g<1> {MASK}", text)


def without_secrets(text: str, value: Any) -> str:
    """``text``, which somebody else's code wrote about ``value``, with a mask for the secrets of ``value``."""
    for secret in sorted(_secrets_in(value), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _masked_text(text)


def _secrets_in(value: Any, *, secret: bool = False) -> Iterator[str]:
    """The texts in ``value`` that :func:`masked` hides by their names or their types."""
    match value:
        case SecretStr():
            yield from _secrets_in(value.get_secret_value(), secret=True)
        case BaseModel():
            yield from _secrets_in({name: getattr(value, name) for name in type(value).model_fields}, secret=secret)
        case Mapping():
            for name, inner in value.items():
                yield from _secrets_in(inner, secret=secret or looks_secret(str(name)))
        case list() | tuple():
            for inner in value:
                yield from _secrets_in(inner, secret=secret)
        case str() if secret and len(value) >= _SHORTEST_SECRET:
            yield value


def shown(value: Any, name: str = "") -> str:
    """``value`` in one line as JSON writes it: long ones shortened, secrets masked, ``not set`` for ``None``."""
    if value is None:
        return "not set"
    plain = masked(value, name)
    if plain == MASK:
        return MASK
    if isinstance(value, PathLike) and len(plain) > _LONGEST_TEXT:
        return _json(f"...{plain[-_LONGEST_TEXT + 5 :]}")  # what matters stands at its end
    if isinstance(plain, str) and len(plain) > _LONGEST_TEXT:
        return f"{_json(plain[: _LONGEST_TEXT - 20])}... ({len(plain)} characters)"
    text = _json(plain)
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 4]} ..."


def _json(plain: Any) -> str:
    text = json.dumps(plain, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(plain)  # nothing that a terminal obeys
