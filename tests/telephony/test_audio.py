"""Telephone audio: μ-law, A-law and linear PCM, in and out, without a step at the borders of messages."""

import audioop
import base64
import json

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from pipecat.frames.frames import InputAudioRawFrame, OutputAudioRawFrame

from telephony.phone_serializer import IN_RATE_HZ, MarkFrame, PhoneSerializer
from telephony.provider import MediaStart
from tests.support.pcm import chunks_of, samples_of, tone
from tests.telephony.documented import provider

LINES = [
    ("twilio", MediaStart("MZ1", "CA1", 8000, "PCMU")),
    ("telnyx", MediaStart("s1", "v3:1", 8000, "PCMU")),
    ("telnyx", MediaStart("s1", "v3:1", 8000, "PCMA")),
    ("plivo", MediaStart("s1", "c1", 8000, "PCMU")),
    ("vonage", MediaStart("", "", 8000, "L16")),
    ("vonage", MediaStart("", "", 16000, "L16")),
    ("vonage", MediaStart("", "", 24000, "L16")),
    ("exotel", MediaStart("MZ1", "CA1", 8000, "L16")),
    ("exotel", MediaStart("MZ1", "CA1", 24000, "L16")),
]
PIECE_MS = 20
HELD_SAMPLES = 1000
"""More than soxr's filter holds back of a stream, at 16 kHz: 840 samples of a line at 8 kHz."""
DITHER = 2
"""By how much two passes of soxr's integers may differ."""


def encoded(pcm: bytes, encoding: str) -> bytes:
    """PCM as it is on a line."""
    return {"PCMU": audioop.lin2ulaw, "PCMA": audioop.lin2alaw}[encoding](pcm, 2) if encoding != "L16" else pcm


def decoded(payload: bytes, encoding: str) -> bytes:
    """What is on a line as PCM."""
    return (
        {"PCMU": audioop.ulaw2lin, "PCMA": audioop.alaw2lin}[encoding](payload, 2) if encoding != "L16" else payload
    )


async def heard(serializer: PhoneSerializer, pieces: list[bytes]) -> bytes:
    """What the caller said, as it comes in."""
    frames = [await serializer.deserialize(serializer.media(piece)) for piece in pieces]
    audio = [frame for frame in frames if isinstance(frame, InputAudioRawFrame)]
    assert {(frame.sample_rate, frame.num_channels) for frame in audio} == {(IN_RATE_HZ, 1)}
    return b"".join(frame.audio for frame in audio)


def payload_of(message: str | bytes) -> bytes:
    """The audio of a message that was sent, in the line's encoding; nothing for a mark."""
    if isinstance(message, bytes):
        return message
    return base64.b64decode(json.loads(message).get("media", {}).get("payload", ""))


def whole(pcm: bytes, rate_hz: int) -> NDArray[np.int32]:
    """The same resampled in one piece."""
    resampled: NDArray[np.int16] = soxr.resample(np.frombuffer(pcm, "<i2"), rate_hz, IN_RATE_HZ, quality="VHQ")
    return resampled.astype(np.int32)


@pytest.mark.parametrize(("name", "start"), LINES)
@pytest.mark.parametrize("piece_ms", [20, 100])
async def test_a_sine_comes_in_without_a_step(name: str, start: MediaStart, piece_ms: int) -> None:
    """Piece by piece, with pauses between them, it is what it is as one piece: sample by sample, no click."""
    said = encoded(tone(1.0, start.rate_hz, amplitude=0.4), start.encoding)
    size = len(said) * piece_ms // 1000
    pieces = [said[at : at + size] for at in range(0, len(said), size)]

    came = samples_of(await heard(provider(name).serializer(start), pieces))

    expected = whole(decoded(said, start.encoding), start.rate_hz)[: len(came)]
    assert len(came) > IN_RATE_HZ - HELD_SAMPLES
    assert np.abs(came - expected).max() <= DITHER


@pytest.mark.parametrize(("name", "start"), LINES)
async def test_what_is_played_goes_out_sample_by_sample(name: str, start: MediaStart) -> None:
    """Pieces at the line's rate pass no resampler: every sample leaves at once, as the line's encoding has it."""
    serializer = provider(name).serializer(start)
    played = tone(0.2, start.rate_hz, amplitude=0.4)
    pieces = list(chunks_of(played, PIECE_MS, start.rate_hz))
    sent = [await serializer.serialize(OutputAudioRawFrame(piece, start.rate_hz, 1)) for piece in pieces]
    sent.append(await serializer.serialize(MarkFrame("end")))

    there = b"".join(payload_of(message) for messages in sent for message in messages)
    out = "PCMU" if start.encoding == "PCMA" else start.encoding
    expected = encoded(played, out)
    assert there[: len(expected)] == expected
    assert set(there[len(expected) :]) <= {0}
    if name != "exotel":
        assert [[len(payload_of(message)) for message in messages] for messages in sent[:-1]] == [
            [len(expected) // 10]
        ] * 10


@pytest.mark.parametrize("encoding", ["PCMU", "PCMA"])
async def test_a_line_of_either_law_is_read_as_it_was_said(encoding: str) -> None:
    """There and back a sine keeps its shape as well as eight logarithmic bits can say it (ITU-T G.711)."""
    start = MediaStart("s1", "v3:1", 8000, encoding)
    said = tone(1.0, 8000, hz=300, amplitude=0.4)
    pieces = list(chunks_of(said, PIECE_MS, 8000))

    came = samples_of(await heard(provider("telnyx").serializer(start), [encoded(p, encoding) for p in pieces]))

    expected = whole(said, 8000)[: len(came)]
    noise = np.sqrt(np.mean((came - expected).astype(float)[800:] ** 2))
    assert 20 * np.log10(np.sqrt(np.mean(expected.astype(float) ** 2)) / noise) > 36


@pytest.mark.parametrize(("name", "start"), LINES)
async def test_silence_stands_for_a_gap(name: str, start: MediaStart) -> None:
    """It is silence in the line's own encoding, as long as it was asked for, and nothing of it can be heard."""
    serializer = provider(name).serializer(start)
    silence = serializer.silence(start.rate_hz // 50)

    came = await heard(serializer, [silence] * 50)

    assert np.abs(samples_of(decoded(silence, start.encoding))).max() <= 8
    assert len(samples_of(decoded(silence, start.encoding))) == start.rate_hz // 50
    assert np.abs(samples_of(came)).max() <= 8 + DITHER
    assert IN_RATE_HZ - HELD_SAMPLES < len(came) // 2 <= IN_RATE_HZ


async def test_pauses_between_messages_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """As pipecat builds it, its resampler forgets after 0.2 s without audio what it had; ours keeps it."""
    said = encoded(tone(0.5, 8000, amplitude=0.4), "PCMU")
    pieces = [said[at : at + 160] for at in range(0, len(said), 160)]
    now = iter(range(10_000, 20_000))
    monkeypatch.setattr("pipecat.audio.resamplers.soxr_stream_resampler.time.time", lambda: float(next(now)))

    slow = samples_of(await heard(provider("twilio").serializer(LINES[0][1]), pieces))

    expected = whole(decoded(said, "PCMU"), 8000)[: len(slow)]
    assert len(slow) > IN_RATE_HZ / 2 - HELD_SAMPLES
    assert np.abs(slow - expected).max() <= DITHER
