"""Errors that end the connection: the error frame first, then the close with the code of the table."""

import json

from tests.conformance.connection import NO_CLOSE_FRAME
from tests.conformance.kit import Kit
from tests.conformance.outcome import CheckSkipped, ConformanceError
from tests.conformance.registry import Section, check
from tests.conformance.scenes import conversation
from tests.conformance.transcript import Transcript

_RULE = "part 1, errors"
_LAYER_BELOW_FACTOR = 8
_SHORTEST_OUTPUT_SECS = 0.2
"""Output that comes faster is over before a ``close`` can meet it."""


@check(Section.FATAL, _RULE)
async def unsupported_language(kit: Kit) -> None:
    """A string that is no language is `UNSUPPORTED_LANGUAGE`, 1008."""
    for language in ("no such language", ""):
        async with kit.connect() as connection:
            await connection.send_init(language=language)
            await connection.ended(1008, "UNSUPPORTED_LANGUAGE")


@check(Section.FATAL, _RULE)
async def message_at_the_limit(kit: Kit) -> None:
    """A frame of exactly `MAX_MESSAGE_BYTES` is looked into."""
    start, end = '{"type":"nonsense","pad":"', '"}'
    frame = start + "x" * (kit.options.max_message_bytes - len(start) - len(end)) + end
    async with kit.connect() as connection:
        await connection.refused(frame, "UNKNOWN_TYPE", f"an unknown type in a frame of {len(frame)} bytes")
        await connection.init()


@check(Section.FATAL, _RULE)
async def message_too_large(kit: Kit) -> None:
    """A frame over `MAX_MESSAGE_BYTES`, counted in bytes, is `MESSAGE_TOO_LARGE`, 1009; so it is before `init`."""
    limit = kit.options.max_message_bytes
    hangul = json.dumps({"type": "nonsense", "pad": "가" * (limit // 3)}, ensure_ascii=False)
    for frame in (hangul, bytes(limit + 1)):
        async with kit.connect() as connection:
            await connection.send(frame)
            await connection.ended(1009, "MESSAGE_TOO_LARGE")
    async with kit.connect() as connection:
        await connection.init()
        await connection.send(hangul)
        await connection.ended(1009, "MESSAGE_TOO_LARGE")


@check(Section.FATAL, _RULE)
async def message_far_too_large(kit: Kit) -> None:
    """A frame over 8 × `MAX_MESSAGE_BYTES` is closed with 1009, without an error."""
    async with kit.connect() as connection:
        await connection.send(bytes(_LAYER_BELOW_FACTOR * kit.options.max_message_bytes + 1))
        await connection.wait(lambda: connection.closed, "close 1009", mark=0)
        if connection.transcript.close_code == NO_CLOSE_FRAME and not connection.since(0):
            raise CheckSkipped(
                "the connection was cut while the frame was on its way, so the close code did not arrive"
            )
        await connection.ended(1009)


@check(Section.FATAL, _RULE)
async def not_utf8(kit: Kit) -> None:
    """A text frame that is not UTF-8 is closed with 1007, without an error."""
    async with kit.connect() as connection:
        await connection.send_as_text(b'{"type":"\xff\xfe"}')
        await connection.ended(1007)


@check(Section.FATAL, "part 1, client to server")
async def close_during_output(kit: Kit) -> None:
    """`close` while the interpretation comes: no finals, no `turn_complete`, 1000."""
    async with kit.connect() as connection:
        await connection.init()
        await connection.say(kit.speech.first)
        async with connection.listening():
            await connection.expect("audio_response")
        mark = connection.mark
        await connection.send({"type": "close"})
        await connection.ended(1000, mark=mark)
        over = [m for m in connection.since(mark) if m["type"] == "turn_complete" or m.get("isFinal") is True]
    if not over:
        return
    usual_secs = _output_secs(await conversation(kit))
    if usual_secs and usual_secs[0] < _SHORTEST_OUTPUT_SECS:
        raise CheckSkipped("this server's output comes so fast that the turn was over before 'close' could arrive")
    raise ConformanceError("no finals and no 'turn_complete' after 'close'", connection.got(mark))


def _output_secs(transcript: Transcript) -> list[float]:
    """For each turn with sound, the time from its first piece to ``turn_complete``."""
    began_at: float | None = None
    lengths: list[float] = []
    for entry in transcript.entries:
        if entry.sent:
            continue
        if entry.kind == "audio_response" and began_at is None:
            began_at = entry.at_secs
        elif entry.kind == "turn_complete" and began_at is not None:
            lengths.append(entry.at_secs - began_at)
            began_at = None
    return lengths


@check(Section.FATAL, _RULE)
async def one_connection_ends_alone(kit: Kit) -> None:
    """A connection that is ended for its errors takes no other one with it."""
    async with kit.connect() as other:
        await other.init()
        async with kit.connect() as connection:
            await connection.send_init(language="no such language")
            await connection.ended(1008, "UNSUPPORTED_LANGUAGE")
        await other.still_works()
