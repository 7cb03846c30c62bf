"""Errors after which the connection goes on: every one is told by its code, and ends nothing."""

import base64

from tests.conformance.kit import Kit
from tests.conformance.registry import Section, check
from tests.conformance.scenes import reference_turn
from tests.conformance.transcript import Message

_RULE = "part 1, errors"
_NO_MESSAGES = {
    "text that is no JSON": "init",
    "single quotes": "{'type': 'init'}",
    "an empty frame": "",
    "two objects": '{"type":"init"}{"type":"init"}',
    "NaN": '{"type":"init","config":{"sampleRate":NaN}}',
    "an array": '[{"type":"init"}]',
    "a number": "17",
    "a string": '"init"',
    "null": "null",
    "no type": '{"config":{}}',
    "a number as type": '{"type":1}',
    "null as type": '{"type":null}',
}


@check(Section.RECOVERABLE, _RULE)
async def invalid_message_before_init(kit: Kit) -> None:
    """What is no message is `INVALID_MESSAGE`; after it `init` is still taken."""
    async with kit.connect() as connection:
        for what, frame in _NO_MESSAGES.items():
            await connection.refused(frame, "INVALID_MESSAGE", what)
        await connection.init()


@check(Section.RECOVERABLE, _RULE)
async def invalid_message_in_session(kit: Kit) -> None:
    """The same in a session, which goes on."""
    async with kit.connect() as connection:
        await connection.init()
        for what, frame in _NO_MESSAGES.items():
            await connection.refused(frame, "INVALID_MESSAGE", what)
        await connection.still_works()


@check(Section.RECOVERABLE, _RULE)
async def invalid_message_fields(kit: Kit) -> None:
    """`audio` with a missing or wrong field is `INVALID_MESSAGE`, and the session goes on."""
    fields: tuple[Message, ...] = ({}, {"data": None}, {"data": 5}, {"data": [1, 2]}, {"data": {"pcm": "AAAA"}})
    async with kit.connect() as connection:
        await connection.init()
        for content in (*fields, {"data": "AAAA", "timestamp": "now"}):
            what = f"'audio' with {content}"
            await connection.refused({"type": "audio", **content}, "INVALID_MESSAGE", what)
        await connection.still_works()


@check(Section.RECOVERABLE, _RULE)
async def invalid_message_binary(kit: Kit) -> None:
    """A binary frame without `audioEncoding: "binary"` is `INVALID_MESSAGE`, and the session goes on."""
    async with kit.connect() as connection:
        await connection.init()
        await connection.refused(bytes(640), "INVALID_MESSAGE", "a binary frame")
        await connection.still_works()


@check(Section.RECOVERABLE, _RULE)
async def unknown_type(kit: Kit) -> None:
    """A type that is not one of the four is `UNKNOWN_TYPE`, and the session goes on."""
    async with kit.connect() as connection:
        await connection.init()
        for kind in ("nonsense", "Audio", "", "speech_state"):
            await connection.refused({"type": kind, "data": "AAAA"}, "UNKNOWN_TYPE", f"the type {kind!r}")
        await connection.still_works()


@check(Section.RECOVERABLE, _RULE)
async def not_ready(kit: Kit) -> None:
    """`audio`, a binary frame and `interrupt` before `init` are `NOT_READY`; after them `init` is still taken."""
    async with kit.connect() as connection:
        await connection.refused(_audio(bytes(640)), "NOT_READY", "'audio' before 'init'")
        await connection.refused(bytes(640), "NOT_READY", "a binary frame before 'init'")
        await connection.refused({"type": "interrupt"}, "NOT_READY", "'interrupt' before 'init'")
        await connection.init()


@check(Section.RECOVERABLE, _RULE)
async def already_init(kit: Kit) -> None:
    """A second `init` is `ALREADY_INIT`, also before `connected`, and the session goes on."""
    async with kit.connect() as connection:
        await connection.send_init()
        await connection.send({"type": "init", "config": {}})
        expected = "error ALREADY_INIT for the second of two 'init', and 'connected' for the first"
        both = lambda: bool(connection.since(0, "error") and connection.since(0, "connected"))  # noqa: E731
        await connection.wait(both, expected, mark=0)
        if [message.get("code") for message in connection.since(0, "error")] != ["ALREADY_INIT"]:
            raise connection.unlike(expected, mark=0)
        await connection.refused({"type": "init"}, "ALREADY_INIT", "an 'init' after 'connected'")
        await connection.still_works()


@check(Section.RECOVERABLE, _RULE)
async def invalid_audio(kit: Kit) -> None:
    """Audio that is no padded standard base64, empty or half a sample is `INVALID_AUDIO`; the session goes on."""
    wrong = {
        "no base64": "not base64!",
        "base64 without padding": "AAA",
        "base64 of the URL-safe alphabet": "-_-_-_-_",
        "base64 with a line break": "AAAA\nAAAA",
        "letters outside ASCII": "소리",
        "no audio": "",
        "one byte": "AA==",
        "an odd number of bytes": base64.b64encode(bytes(321)).decode(),
    }
    async with kit.connect() as connection:
        await connection.init()
        for what, data in wrong.items():
            await connection.refused({"type": "audio", "data": data, "timestamp": 0}, "INVALID_AUDIO", what)
        await connection.still_works()


@check(Section.RECOVERABLE, _RULE)
async def longest_chunk(kit: Kit) -> None:
    """A chunk of exactly `MAX_CHUNK_SECS` is taken; one sample more is `INVALID_AUDIO`, and the session goes on."""
    longest = bytes(2 * int(kit.options.max_chunk_secs * 16_000))
    async with kit.connect() as connection:
        await connection.init()
        await connection.send(_audio(longest))
        await connection.send({"type": "interrupt"})
        await connection.expect("interrupted")
        if connection.since(0, "error"):
            raise connection.unlike("no error for a chunk of MAX_CHUNK_SECS", mark=0)
        await connection.refused(_audio(longest + bytes(2)), "INVALID_AUDIO", "a chunk one sample too long")
        await connection.still_works()


@check(Section.RECOVERABLE, "part 1, client to server")
async def timestamp_decides_nothing(kit: Kit) -> None:
    """`timestamp` may be missing, a fraction, or any number; no error comes."""
    async with kit.connect() as connection:
        await connection.init()
        mark = connection.mark
        for fields in ({}, {"timestamp": 1.5}, {"timestamp": -1}, {"timestamp": 1e15}):
            await connection.send({"type": "audio", "data": "AAAAAAAA", **fields})
        await connection.send({"type": "interrupt"})
        await connection.expect("interrupted", mark=mark)
        if connection.since(mark, "error"):
            raise connection.unlike("no error", mark=mark)


@check(Section.RECOVERABLE, "part 1, errors; rule 5")
async def errors_amid_speech(kit: Kit) -> None:
    """Refused messages between two chunks of an utterance take nothing away from it."""
    utterance = kit.speech.first
    reference = await reference_turn(kit, utterance)
    pcm = utterance.pcm(16_000)
    half = len(pcm) // 4 * 2
    async with kit.connect() as connection:
        await connection.init()
        await connection.say(pcm[:half])
        await connection.refused("nonsense", "INVALID_MESSAGE", "text that is no JSON")
        await connection.refused({"type": "nonsense"}, "UNKNOWN_TYPE", "an unknown type")
        await connection.refused({"type": "init"}, "ALREADY_INIT", "a second 'init'")
        await connection.refused(_audio(bytes(3)), "INVALID_AUDIO", "half a sample")
        await connection.say(pcm[half:])
        async with connection.listening():
            await connection.wait(lambda: bool(connection.transcript.answered), "the utterance's turn", mark=0)
        kit.check_whole(connection.transcript.answered[0], utterance, reference)


def _audio(pcm: bytes) -> Message:
    return {"type": "audio", "data": base64.b64encode(pcm).decode(), "timestamp": 0}
