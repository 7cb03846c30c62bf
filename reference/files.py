"""The files in ``docs/`` that are made from the models: parts of ``protocol.md``, and the schemas."""

import json
import re
from pathlib import Path
from typing import Any

from protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES
from reference.asyncapi import asyncapi_document
from reference.schemas import client_schema, message_schema, server_schema
from reference.tables import closes_table, errors_table, fields_table

DOCS = Path(__file__).parent.parent / "docs"

_PART = re.compile(r"(?<=^<!-- generated: )(\w+)( -->\n\n).*?(?=^<!-- end -->$)", re.MULTILINE | re.DOTALL)


class DocumentError(Exception):
    """``protocol.md`` lacks a generated part, or marks one that does not exist."""


def stale_files(docs: Path = DOCS) -> dict[Path, str]:
    """The generated files that are missing or differ from the models, each with what it should hold.

    Raises:
        DocumentError: The marks in ``protocol.md`` are wrong.
        OSError: ``protocol.md`` cannot be read.
    """
    page = docs / "protocol.md"
    files = {
        page: with_generated_parts(page.read_text(encoding="utf-8")),
        docs / "schema" / "client-messages.json": json_text(client_schema()),
        docs / "schema" / "server-messages.json": json_text(server_schema()),
        docs / "schema" / "asyncapi.json": json_text(asyncapi_document()),
    }
    return {path: text for path, text in files.items() if _content(path) != text}


def with_generated_parts(page: str) -> str:
    """``protocol.md`` with everything between its marks made anew.

    A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``; its name is the ``type`` of a message,
    ``errors`` or ``closes``.

    Raises:
        DocumentError: A part is missing, stands there twice or is unknown.
    """
    parts = _parts()
    marked = [match[1] for match in _PART.finditer(page)]
    if sorted(marked) != sorted(parts):
        wrong = sorted({*marked} ^ {*parts} or {name for name in marked if marked.count(name) > 1})
        raise DocumentError(f"protocol.md: expected each generated part once, wrong are: {', '.join(wrong)}")
    return _PART.sub(lambda match: f"{match[1]}{match[2]}{parts[match[1]]}\n\n", page)


def json_text(document: dict[str, Any]) -> str:
    """A document as it is written to a file."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _parts() -> dict[str, str]:
    return {
        **{kind: _message_part(kind) for kind in (*CLIENT_MESSAGES, *SERVER_MESSAGES)},
        "errors": errors_table(),
        "closes": closes_table(),
    }


def _message_part(kind: str) -> str:
    schema = message_schema(kind)
    example = f"```json\n{json.dumps(schema['examples'][0], ensure_ascii=False)}\n```"
    fields = fields_table(schema, sent_by_client=kind in CLIENT_MESSAGES)
    return "\n\n".join(part for part in (schema["description"], fields, example) if part)


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
