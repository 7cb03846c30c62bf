"""Part 2 as far as every server has it: binary audio, Whisper's warning, what ``connected`` may carry."""

import base64

from tests.conformance.kit import Kit
from tests.conformance.outcome import CheckSkipped, ConformanceError
from tests.conformance.registry import Section, check
from tests.conformance.scenes import answered_turn, next_answer, reference_turn
from tests.conformance.transcript import Message

_RULE = "part 2"


@check(Section.ADDITIONS, _RULE)
async def connected_tells_rates(kit: Kit) -> None:
    """If sent, `inputSampleRate` is what was asked for, `outputSampleRate` 24000, and `engine` a name."""
    async with kit.connect() as connection:
        connected = await connection.init(sampleRate=48_000)
    right = {"inputSampleRate": 48_000, "outputSampleRate": 24_000}
    wrong = {name: connected[name] for name, value in right.items() if connected.get(name, value) != value}
    if wrong:
        raise ConformanceError(f"{right}", f"{wrong}")
    if not isinstance(connected.get("engine", ""), str):
        raise ConformanceError("a string as 'engine'", repr(connected["engine"]))
    if not {"engine", *right} & set(connected):
        raise CheckSkipped("'connected' carries none of them")


@check(Section.ADDITIONS, "part 1, client to server; part 2, warning")
async def use_whisper(kit: Kit) -> None:
    """`useWhisper: true` is no error; a server without Whisper warns `WHISPER_UNAVAILABLE` after `connected`."""
    async with kit.connect() as connection:
        await connection.init(useWhisper=True)
        await connection.quiet(kit.options.quiet_secs, mark=0)
        codes = [warning.get("code") for warning in connection.since(0, "warning")]
        if connection.since(0, "error") or connection.closed or codes not in ([], ["WHISPER_UNAVAILABLE"]):
            raise connection.unlike("no error, and at most one warning WHISPER_UNAVAILABLE", mark=0)


@check(Section.ADDITIONS, _RULE)
async def binary_audio(kit: Kit) -> None:
    """With `audioEncoding: "binary"` audio goes both ways as binary frames; no `audio_response` comes."""
    utterance = kit.speech.first
    reference = await reference_turn(kit, utterance)
    async with kit.connect() as connection:
        await connection.init(audioEncoding="binary")
        turn = await answered_turn(connection, utterance)
        sounds = connection.since(0, "audio_response")
        if not sounds or any("pcm" not in message for message in sounds):
            raise ConformanceError("interpreted speech in binary frames", "'audio_response'" if sounds else "none")
        kit.check_whole(turn, utterance, reference)


@check(Section.ADDITIONS, _RULE)
async def binary_takes_json_audio(kit: Kit) -> None:
    """With `audioEncoding: "binary"` the JSON `audio` stays valid, also in turns with binary frames."""
    utterance = kit.speech.first
    reference = await reference_turn(kit, utterance)
    pcm = utterance.pcm(16_000)
    half = len(pcm) // 4 * 2
    async with kit.connect() as connection:
        await connection.init(audioEncoding="binary")
        await connection.say(pcm[:half])
        await connection.send(_audio(pcm[half:]))
        connection.audio_secs += len(pcm[half:]) / 32_000
        kit.check_whole(await next_answer(connection), utterance, reference)


@check(Section.ADDITIONS, "part 2; part 1, errors")
async def binary_invalid_audio(kit: Kit) -> None:
    """A binary frame that is empty, odd or longer than `MAX_CHUNK_SECS` is `INVALID_AUDIO`; the session goes on."""
    too_long = bytes(2 * int(kit.options.max_chunk_secs * 16_000) + 2)
    async with kit.connect() as connection:
        await connection.init(audioEncoding="binary")
        for what, pcm in {"an empty frame": b"", "an odd frame": bytes(321), "a long frame": too_long}.items():
            await connection.refused(pcm, "INVALID_AUDIO", what)
        await connection.still_works()


@check(Section.ADDITIONS, _RULE)
async def unknown_encoding(kit: Kit) -> None:
    """An `audioEncoding` that is neither `base64` nor `binary` is `INVALID_MESSAGE`; `base64` is taken."""
    async with kit.connect() as connection:
        config = {"audioEncoding": "opus"}
        await connection.refused({"type": "init", "config": config}, "INVALID_MESSAGE", f"'init' with {config}")
        await connection.init(audioEncoding="base64")


def _audio(pcm: bytes) -> Message:
    return {"type": "audio", "data": base64.b64encode(pcm).decode(), "timestamp": 0}
