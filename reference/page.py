"""The AsyncAPI document as a page for people: Markdown, and HTML made of it. No script, nothing from elsewhere."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from reference.tables import fields_table, table

ASSETS = Path(__file__).parent / "assets"
_POLICY = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_Object = dict[str, Any]


def markdown_page(document: _Object) -> str:
    """The page's content as Markdown.

    Args:
        document: As :func:`reference.asyncapi.asyncapi_document` makes it.
    """
    channel: _Object = next(iter(document["channels"].values()))
    parts = [
        f"# {document['info']['title']} {document['info']['version']}",
        document["info"]["description"],
        *_connection(channel),
        *_operations(document),
        *_messages(document),
        "## Errors",
        "An error that *goes on* refuses one message and leaves the session as it was. Any other is the last "
        "message, and the connection is closed with the code shown.",
        _codes(channel["x-errors"], "code", "closeCode"),
        "## Closes without an error",
        _codes(channel["x-closes-without-error"], "closeCode"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def html_page(document: _Object) -> tuple[str, str]:
    """The page, and the Content-Security-Policy to send with it.

    Args:
        document: As :func:`reference.asyncapi.asyncapi_document` makes it.
    """
    style = (ASSETS / "asyncapi.css").read_text(encoding="utf-8")
    reader = _reader()
    tokens = reader.parse(markdown_page(document))
    contents = _name_headings(tokens)
    page = (ASSETS / "asyncapi.html").read_text(encoding="utf-8")
    filled = _filled(
        page,
        title=html.escape(f"{document['info']['title']}: the WebSocket protocol"),
        style=style,
        contents=contents,
        body=reader.renderer.render(tokens, reader.options, {}),
    )
    return filled, f"default-src 'none'; style-src {source_of(style)}; img-src data:; {_POLICY}"


def swagger_page(title: str) -> tuple[str, str]:
    """The page of the HTTP routes, and the Content-Security-Policy to send with it.

    Args:
        title: The page's title, as text.
    """
    script = (ASSETS / "docs.js").read_text(encoding="utf-8")
    page = (ASSETS / "docs.html").read_text(encoding="utf-8")
    # Swagger UI has its icons as data: URLs in its style sheet.
    policy = (
        f"default-src 'none'; script-src 'self' {source_of(script)}; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'; {_POLICY}"
    )
    return _filled(page, title=html.escape(title), script=script), policy


def source_of(inline: str) -> str:
    """How a Content-Security-Policy names an inline style or script (https://www.w3.org/TR/CSP3/)."""
    digest = hashlib.sha256(inline.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _filled(page: str, **values: str) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], page)


def _connection(channel: _Object) -> list[str]:
    handshake = channel["bindings"]["ws"]
    rows = [
        (f"`{name}`", place, field["description"])
        for place, fields in (("query", handshake["query"]), ("header", handshake["headers"]))
        for name, field in fields["properties"].items()
    ]
    return [
        "## Connection",
        f"Connect to `{channel['address']}` of this host: `ws://` where this page came over HTTP, `wss://` where "
        "it came over HTTPS.",
        channel["description"],
        table(("parameter", "in", "meaning"), rows),
    ]


def _operations(document: _Object) -> list[str]:
    rows = [
        (
            f"{operation['action']}s",
            operation["summary"],
            _links(operation["messages"]),
            f"→ {_links(operation['reply']['messages'])}" if "reply" in operation else "",
        )
        for operation in document["operations"].values()
    ]
    return ["## Operations", table(("the server", "what happens", "messages", "answer"), rows)]


def _links(references: Iterable[_Object]) -> str:
    names = [_name(reference) for reference in references]
    return ", ".join(f"[`{name}`](#{_slug(name)})" for name in names)


def _name(reference: _Object) -> str:
    name: str = reference["$ref"].rpartition("/")[2]
    return name


def _messages(document: _Object) -> Iterable[str]:
    received = _named(document, ("receive",))
    for heading, sent_by_client in (("Sent by the client", True), ("Sent by the server", False)):
        yield f"## {heading}"
        for name, message in document["components"]["messages"].items():
            if (name in received) is sent_by_client:
                yield from _message(document, name, message, sent_by_client=sent_by_client)


def _named(document: _Object, actions: Sequence[str]) -> set[str]:
    """The messages that operations with one of these actions name."""
    operations = [each for each in document["operations"].values() if each["action"] in actions]
    return {_name(reference) for operation in operations for reference in operation["messages"]}


def _message(document: _Object, name: str, message: _Object, *, sent_by_client: bool) -> Iterable[str]:
    yield f"### `{name}`"
    yield message["summary"]
    payload = message["payload"]
    if "$ref" not in payload:
        yield f"`{message['contentType']}`: {payload['description']}"
        return
    yield fields_table(document["components"]["schemas"][_name(payload)], sent_by_client=sent_by_client)
    for example in message["examples"]:
        yield f"```json\n{json.dumps(example['payload'], ensure_ascii=False)}\n```"


def _codes(rules: Iterable[_Object], *columns: str) -> str:
    heads = {"code": "code", "closeCode": "close"}
    rows = [
        (*(f"`{rule[c]}`" if c in rule else "goes on" for c in columns), rule["when"], rule["advice"])
        for rule in rules
    ]
    return table((*(heads[column] for column in columns), "when", "what to do"), rows)


def _slug(text: str) -> str:
    return re.sub(r"\W+", "-", text.lower()).strip("-")


def _reader() -> MarkdownIt:
    """A reader of CommonMark with tables, which shows HTML as text."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("table_open", _open_table)
    reader.add_render_rule("table_close", _close_table)
    return reader


def _open_table(
    _self: RendererHTML, _tokens: Sequence[Token], _at: int, _options: OptionsDict, _env: EnvType
) -> str:
    return '<div class="table"><table>\n'


def _close_table(
    _self: RendererHTML, _tokens: Sequence[Token], _at: int, _options: OptionsDict, _env: EnvType
) -> str:
    return "</table></div>\n"


def _name_headings(tokens: Sequence[Token]) -> str:
    """Give each heading an anchor; the list of contents, as HTML."""
    entries: list[str] = []
    for heading, content in pairwise(tokens):
        if heading.type == "heading_open" and heading.tag != "h1":
            text = "".join(child.content for child in content.children or ())
            heading.attrSet("id", _slug(text))
            entries.append(f'<li class="{heading.tag}"><a href="#{_slug(text)}">{html.escape(text)}</a></li>')
    return "\n".join(entries)
