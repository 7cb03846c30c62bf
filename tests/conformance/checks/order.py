"""The order in which a message is checked: JSON, ``type``, state, fields, audio; the first fault is told."""

from tests.conformance.connection import Connection
from tests.conformance.kit import Kit
from tests.conformance.registry import Section, check
from tests.conformance.transcript import Message

_RULE = "part 1, client to server"


@check(Section.ORDER, _RULE)
async def order_json_before_type(kit: Kit) -> None:
    """What is not JSON, or no object, is `INVALID_MESSAGE`, whatever type it seems to have."""
    async with kit.connect() as connection:
        await connection.refused('{"type":"audio","data":}', "INVALID_MESSAGE", "broken JSON of type 'audio'")
        await connection.refused('[{"type":"nonsense"}]', "INVALID_MESSAGE", "an array")
        await connection.init()


@check(Section.ORDER, _RULE)
async def order_type_before_state(kit: Kit) -> None:
    """An unknown type before `init` is `UNKNOWN_TYPE`, not `NOT_READY`."""
    async with kit.connect() as connection:
        await connection.refused({"type": "nonsense"}, "UNKNOWN_TYPE", "an unknown type before 'init'")
        await connection.refused({"type": "connected"}, "UNKNOWN_TYPE", "a type of the server's before 'init'")
        await connection.init()


@check(Section.ORDER, _RULE)
async def order_state_before_fields(kit: Kit) -> None:
    """Malformed `audio` before `init` is `NOT_READY`; a second `init` with wrong fields is `ALREADY_INIT`."""
    malformed: tuple[Message, ...] = ({"type": "audio"}, {"type": "audio", "data": 5})
    async with kit.connect() as connection:
        for message in malformed:
            await connection.refused(message, "NOT_READY", f"{message} before 'init'")
        await connection.init()
        for config in (5, {"sampleRate": "x"}, {"language": "no such language"}):
            init = {"type": "init", "config": config}
            await connection.refused(init, "ALREADY_INIT", f"a second 'init' with config {config!r}")
        await connection.still_works()


@check(Section.ORDER, _RULE)
async def order_state_before_audio(kit: Kit) -> None:
    """Bad base64 before `init` is `NOT_READY`."""
    async with kit.connect() as connection:
        await _refuse_audio(connection, {"data": "%%%", "timestamp": 0}, "NOT_READY")
        await _refuse_audio(connection, {"data": "", "timestamp": 0}, "NOT_READY")
        await connection.init()


@check(Section.ORDER, _RULE)
async def order_fields_before_audio(kit: Kit) -> None:
    """Bad base64 beside a field of a wrong type is `INVALID_MESSAGE`."""
    async with kit.connect() as connection:
        await connection.init()
        await _refuse_audio(connection, {"data": "%%%", "timestamp": "now"}, "INVALID_MESSAGE")
        await connection.still_works()


async def _refuse_audio(connection: Connection, fields: Message, code: str) -> None:
    await connection.refused({"type": "audio", **fields}, code, f"'audio' with {fields}")
