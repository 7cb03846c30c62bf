"""The documents' tables, as Markdown."""

import json
from collections.abc import Iterable, Iterator, Sequence

from protocol.errors import CLOSES_WITHOUT_ERROR, ERRORS
from protocol.messages import LARGEST_COUNT
from reference.schemas import Schema


def fields_table(schema: Schema, *, sent_by_client: bool) -> str:
    """The fields of a message, ``type`` aside; empty where it has no other.

    Args:
        schema: Of the message.
        sent_by_client: Tell defaults, and not when a field is sent.
    """
    rows = list(_field_rows(schema, "", sent_by_client=sent_by_client))
    return table(("field", "type", "default" if sent_by_client else "sent", "meaning"), rows) if rows else ""


def errors_table() -> str:
    """Every error code, when it comes and what follows."""
    rows = (
        (
            f"`{code.value}`",
            rule.when,
            "goes on" if rule.close_code is None else str(rule.close_code),
            rule.advice,
        )
        for code, rule in ERRORS.items()
    )
    return table(("code", "when", "then", "what to do"), rows)


def closes_table() -> str:
    """The closes that no error precedes."""
    rows = ((str(close.close_code), close.when, close.advice) for close in CLOSES_WITHOUT_ERROR)
    return table(("code", "when", "what to do"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, without a line break at its end; cells are Markdown on one line."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"|{'|'.join(_cell(cell) for cell in line)}|" for line in lines)


def _cell(text: str) -> str:
    escaped = " ".join(text.split()).replace("|", "\\|")
    return escaped if escaped == "---" else f" {escaped} "


def _field_rows(schema: Schema, prefix: str, *, sent_by_client: bool) -> Iterator[tuple[str, str, str, str]]:
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        if not prefix and name == "type":
            continue
        presence = (_default if sent_by_client else _sent)(field, required=name in required)
        yield f"`{prefix}{name}`", _type(field), presence, field.get("description", "")
        if "properties" in field:
            yield from _field_rows(field, f"{prefix}{name}.", sent_by_client=sent_by_client)


def _type(field: Schema) -> str:
    name: str = field["type"]
    if "minimum" not in field:
        return name
    if field.get("maximum", LARGEST_COUNT) == LARGEST_COUNT:
        return f"{name}, {field['minimum']} or more"
    return f"{name}, {field['minimum']} to {field['maximum']}"


def _default(field: Schema, *, required: bool) -> str:
    if required:
        return "required"
    if "default" not in field:
        return "none"
    # The default of an object is the one of each of its fields, which have rows of their own.
    return f"`{'{}' if field['type'] == 'object' else json.dumps(field['default'], ensure_ascii=False)}`"


def _sent(field: Schema, *, required: bool) -> str:
    sent: str = field.get("x-sent", "always" if required else "may be missing")
    return f"{sent}, never empty" if "minLength" in field else sent
