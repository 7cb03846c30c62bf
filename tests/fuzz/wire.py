"""Target ``wire``: client frames, in the order in which one connection sends them, through decoding and serializer.

An input is frames with :data:`NEXT` between them. A frame that begins with :data:`BINARY` is a binary one.
"""

import base64
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    TextFrame,
)

from protocol.decoding import decode_text
from protocol.errors import Fault
from protocol.messages import Close, Error, Init, Interrupt
from protocol.serializer import PIPELINE_RATE_HZ, ProtocolSerializer
from tests.hostile.oracle import Limits, Oracle, Verdict
from tests.support.offered import chosen_of

NEXT = b"\x1e"
BINARY = b"\x1f"
LONGEST_BYTES = 4096
_LIMITS = Limits(message_bytes=2048, chunk_secs=5, client_errors=10**9)
_LONGEST_FAULT = 300
_OUTPUT_RATE_HZ = 24_000

Value = TypeVar("Value")
_WRITER = ProtocolSerializer(max_message_bytes=_LIMITS.message_bytes, max_chunk_secs=_LIMITS.chunk_secs)


def check(data: bytes) -> None:
    """Let one connection send what ``data`` holds.

    Raises:
        AssertionError: A law is broken.
    """
    serializer = ProtocolSerializer(max_message_bytes=_LIMITS.message_bytes, max_chunk_secs=_LIMITS.chunk_secs)
    oracle = Oracle(_LIMITS)
    out_bytes = 0
    for piece in data.split(NEXT):
        content = piece[1:] if piece.startswith(BINARY) else piece.decode(errors="ignore")
        if isinstance(content, str):
            _check_text(content)
        before = serializer.received_samples, oracle.audio_secs
        frame = _at_once(serializer.deserialize(content))
        verdict = oracle.take(content)
        assert _verdict_of(frame) == verdict, f"{content!r}: {_verdict_of(frame)}, expected {verdict}"
        accepted = round((oracle.audio_secs - before[1]) * serializer.sample_rate_hz)
        assert serializer.received_samples - before[0] == accepted
        out_bytes += len(frame.audio) if isinstance(frame, InputAudioRawFrame) else 0
        if verdict.close_code is not None:
            break
        if verdict.accepted == "init":
            assert isinstance(frame, InputTransportMessageFrame)
            serializer.accept(frame.message.config)
    most = serializer.received_samples * PIPELINE_RATE_HZ / serializer.sample_rate_hz
    assert out_bytes <= 2 * (most + 1), "more audio came out than went in"
    if serializer.sample_rate_hz == PIPELINE_RATE_HZ:
        assert out_bytes == 2 * serializer.received_samples
    received = serializer.received_samples
    assert len(_at_once(serializer.silence(20))) % 2 == 0
    assert serializer.received_samples == received, "silence counts as received"
    _check_writing(serializer, data[: len(data) // 2 * 2], binary=oracle.binary)


def _at_once(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """What a coroutine returns that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: Value = end.value
        return value
    raise AssertionError("the serializer waits for something")


def _check_writing(serializer: ProtocolSerializer, pcm: bytes, *, binary: bool) -> None:
    """Audio goes out as it came, in the encoding that was asked for; what is not for the client stays."""
    written = _at_once(serializer.serialize(OutputAudioRawFrame(pcm, _OUTPUT_RATE_HZ, 1)))
    if isinstance(written, str):
        assert not binary
        response = json.loads(written)
        assert response == {"type": "audio_response", "data": response["data"], "sampleRate": _OUTPUT_RATE_HZ}
        assert base64.b64decode(response["data"], validate=True) == pcm
    else:
        assert binary
        assert written == pcm
    assert _at_once(serializer.serialize(TextFrame("not for the client"))) is None


def _check_text(text: str) -> None:
    """Any text gives a message or a fault in either state; a message can be written, and reads the same again."""
    for initialized in (False, True):
        decoded = decode_text(text, initialized=initialized)
        if isinstance(decoded, Fault):
            _check_fault(decoded)
            continue
        assert (
            decode_text(decoded.model_dump_json(by_alias=True, exclude_none=True), initialized=initialized)
            == decoded
        )


def _check_fault(fault: Fault) -> None:
    assert fault.message.isprintable(), fault.message
    assert len(fault.message) <= _LONGEST_FAULT, fault.message
    assert Error.model_validate_json(Error.of(fault).to_json()).message == fault.message


def _verdict_of(frame: Frame) -> Verdict:
    if isinstance(frame, InputAudioRawFrame):
        assert (frame.sample_rate, frame.num_channels) == (PIPELINE_RATE_HZ, 1)
        return Verdict(accepted="audio")
    assert isinstance(frame, InputTransportMessageFrame)
    match frame.message:
        case Fault() as fault:
            _check_fault(fault)
            assert _at_once(_WRITER.serialize(OutputTransportMessageFrame(message=Error.of(fault))))
            return Verdict(fault.code.value, fault.close_code)
        case Init(config=config):
            choice = chosen_of(config)  # what the server offers is not the decoder's to know
            if isinstance(choice, Fault):
                _check_fault(choice)
                return Verdict(choice.code.value, choice.close_code)
            return Verdict(accepted="init")
        case Interrupt():
            return Verdict(accepted="interrupt")
        case Close():
            return Verdict(close_code=1000, accepted="close")
    raise AssertionError(f"a frame of an unknown kind: {frame}")
