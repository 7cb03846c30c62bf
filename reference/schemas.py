"""JSON Schema of the messages.

The schemas describe the wire: ``type`` is always there, a field without a value is left out and never ``null``,
unknown fields are allowed. What JSON Schema cannot say is left to the protocol: limits that are settings, the
order of messages, and which languages there are.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_pascal
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES, WireModel
from reference.examples import EXAMPLES

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


class _WireSchema(GenerateJsonSchema):
    """pydantic's generator, for fields that are left out where they have no value."""

    def field_title_should_be_set(self, schema: object) -> bool:
        """A field's name is title enough."""
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """``None`` stands for an absent field."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """A default of ``None`` is no value of the wire."""
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made


def message_schema(kind: str) -> Schema:
    """The schema of one message, complete in itself.

    Args:
        kind: The message's ``type``.
    """
    model: type[WireModel] = {**CLIENT_MESSAGES, **SERVER_MESSAGES}[kind]
    made = model.model_json_schema(schema_generator=_WireSchema)
    schema: Schema = _inlined(made, made.pop("$defs", {}))
    fields = {**schema.pop("properties"), "type": {"type": "string", "const": kind}}
    if "seq" in fields:  # a base model's fields come first, and this one says least about the message
        fields["seq"] = fields.pop("seq")
    required = ["type", *(name for name in schema.pop("required", ()) if name != "type")]
    return {
        "title": schema_name(kind),
        "description": schema.pop("description"),
        "type": "object",
        "properties": fields,
        "required": required,
        "examples": [EXAMPLES[kind]],
        **{keyword: value for keyword, value in schema.items() if keyword not in ("title", "type")},
    }


def body_schema(model: type[WireModel]) -> Schema:
    """The schema of a body of the HTTP routes, complete in itself."""
    made = model.model_json_schema(schema_generator=_WireSchema)
    schema: Schema = _inlined(made, made.pop("$defs", {}))
    return schema


def schema_name(kind: str) -> str:
    """What the schema of a message is called: ``TurnComplete`` for ``turn_complete``."""
    return to_pascal(kind)


def client_schema() -> Schema:
    """The schema of every text frame that a client may send."""
    return _union("Client messages", "What a client sends in a text frame.", CLIENT_MESSAGES)


def server_schema() -> Schema:
    """The schema of every text frame that the server sends."""
    return _union("Server messages", "What the server sends in a text frame.", SERVER_MESSAGES)


def _union(title: str, description: str, messages: Mapping[str, object]) -> Schema:
    return {
        "$schema": DIALECT,
        "title": title,
        "description": description,
        "oneOf": [{"$ref": f"#/$defs/{schema_name(kind)}"} for kind in messages],
        "$defs": {schema_name(kind): message_schema(kind) for kind in messages},
    }


def _inlined(node: Any, definitions: Mapping[str, Any]) -> Any:
    """``node`` with its references resolved and its docstrings as Markdown.

    AsyncAPI ignores what stands beside a reference, and no model contains itself.
    """
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    own = {name: _inlined(value, definitions) for name, value in node.items() if name != "$ref"}
    if isinstance(own.get("description"), str):
        own["description"] = markdown(own["description"])
    if "$ref" not in node:
        return own
    return {**_inlined(definitions[node["$ref"].rpartition("/")[2]], definitions), **own}


def markdown(docstring: str) -> str:
    """A docstring's text as Markdown, each paragraph on one line."""
    paragraphs = docstring.replace("``", "`").split("\n\n")
    return "\n\n".join(re.sub(r"\s*\n\s*", " ", paragraph) for paragraph in paragraphs)
