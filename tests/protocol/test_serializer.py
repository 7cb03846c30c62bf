"""The protocol as a pipecat serializer: audio in and out, and frames of any size."""

import base64
import json

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    TextFrame,
    TTSAudioRawFrame,
)

from protocol.errors import ErrorCode, Fault
from protocol.messages import Init, InitConfig, SpeechState
from protocol.serializer import PIPELINE_RATE_HZ, ProtocolSerializer
from tests.support.pcm import chunks_of, samples_of, tone

RATES_HZ = [8000, 24000, 44100, 48000]
ROUNDING_AND_DITHER = 0.5 + 1.0
"""The steps of 16 bits by which soxr's integers lie beside what it computes."""
FILTER_MS = 250
"""More than the resampler's filter ever holds back."""


def serializer_for(config: InitConfig | None = None) -> ProtocolSerializer:
    """A serializer with the default limits, after ``init`` where a config is given."""
    serializer = ProtocolSerializer(max_message_bytes=2**20, max_chunk_secs=5)
    if config is not None:
        serializer.accept(config)
    return serializer


def audio_message(pcm: bytes) -> str:
    """The text frame of a chunk."""
    return json.dumps({"type": "audio", "data": base64.b64encode(pcm).decode()})


def audio_of(frame: Frame) -> bytes:
    """The PCM of an input audio frame, at the pipeline's rate."""
    assert isinstance(frame, InputAudioRawFrame)
    assert (frame.sample_rate, frame.num_channels) == (PIPELINE_RATE_HZ, 1)
    return frame.audio


def fault_of(frame: Frame) -> ErrorCode:
    """The code of the fault that a frame carries."""
    assert isinstance(frame, InputTransportMessageFrame)
    assert isinstance(frame.message, Fault)
    return frame.message.code


def speech_like(rate_hz: int) -> bytes:
    """1.9 s of three tones and noise, no multiple of any chunk's length."""
    rng = np.random.default_rng(1)
    sound = sum(samples_of(tone(1.9, rate_hz, hz=hz, amplitude=0.2)) for hz in (220, 900, 2700))
    noise = rng.integers(-800, 800, len(np.atleast_1d(sound)))
    return np.asarray(sound + noise).astype("<i2").tobytes()


def resampled_at_once(pcm: bytes, rate_hz: int) -> NDArray[np.float64]:
    """What a resampler of the same quality makes of all of the audio in one call, without rounding."""
    samples = samples_of(pcm).astype(np.float64)
    return np.asarray(soxr.resample(samples, rate_hz, PIPELINE_RATE_HZ, quality="VHQ"))


@pytest.mark.parametrize("chunk_ms", [20, 100, 256])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_chunks_are_resampled_as_one_stream(rate_hz: int, chunk_ms: int) -> None:
    """Chunks of any length give what the whole gives in one call, rounded and dithered, and lose nothing."""
    serializer = serializer_for(InitConfig(sample_rate=rate_hz))
    pcm = speech_like(rate_hz)
    out = b""
    for chunk in chunks_of(pcm, chunk_ms, rate_hz):
        out += audio_of(await serializer.deserialize(audio_message(chunk)))
    out += await serializer.silence(FILTER_MS)

    expected = resampled_at_once(pcm + bytes(2 * (rate_hz * FILTER_MS // 1000)), rate_hz)
    speech = len(pcm) // 2 * PIPELINE_RATE_HZ // rate_hz
    assert len(samples_of(out)) >= speech
    assert np.abs(samples_of(out)[:speech] - expected[:speech]).max() <= ROUNDING_AND_DITHER


async def test_audio_at_the_pipelines_rate_is_not_touched() -> None:
    """At 16 kHz the samples pass bit by bit."""
    serializer = serializer_for(InitConfig(sample_rate=16000))
    pcm = speech_like(16000)
    out = [audio_of(await serializer.deserialize(audio_message(chunk))) for chunk in chunks_of(pcm, 256, 16000)]
    assert b"".join(out) == pcm


@settings(max_examples=20)
@given(st.sampled_from([8000, 11025, 44100, 48000]), st.lists(st.integers(1, 3000), min_size=1, max_size=12))
async def test_no_sample_is_ever_lost(rate_hz: int, lengths: list[int]) -> None:
    """However the client cuts its audio, all of it comes out once silence has pushed it through the filter."""
    serializer = serializer_for(InitConfig(sample_rate=rate_hz))
    out = 0
    for length in lengths:
        out += len(audio_of(await serializer.deserialize(audio_message(bytes(2 * length))))) // 2
    assert serializer.received_samples == sum(lengths)
    speech = sum(lengths) * PIPELINE_RATE_HZ / rate_hz
    out += len(await serializer.silence(FILTER_MS)) // 2
    assert speech <= out + 1 <= speech + FILTER_MS * PIPELINE_RATE_HZ / 1000 + 2


@pytest.mark.parametrize("rate_hz", [*RATES_HZ, 16000])
async def test_silence_pushes_out_speech_and_does_not_count(rate_hz: int) -> None:
    """Zeros for a gap bring out the speech that the filter holds back, and are no audio of the client's."""
    serializer = serializer_for(InitConfig(sample_rate=rate_hz))
    loud = audio_of(await serializer.deserialize(audio_message(tone(0.3, rate_hz))))
    received = serializer.received_samples
    loud += await serializer.silence(FILTER_MS)
    assert received == serializer.received_samples == round(0.3 * rate_hz)
    assert np.abs(samples_of(loud)[int(0.28 * PIPELINE_RATE_HZ) : int(0.3 * PIPELINE_RATE_HZ)]).max() > 10_000


async def test_only_accepted_audio_counts_as_received() -> None:
    """A chunk that is refused does not count, in no state."""
    serializer = serializer_for(InitConfig())
    for refused in (audio_message(b""), audio_message(b"\0"), '{"type":"audio","data":"!"}', b"\0\0"):
        await serializer.deserialize(refused)
    assert serializer.received_samples == 0
    await serializer.deserialize(audio_message(bytes(640)))
    assert serializer.received_samples == 320


async def test_binary_audio_is_raw_pcm_both_ways() -> None:
    """With ``audioEncoding: "binary"`` frames are PCM in both directions, and JSON audio stays valid."""
    serializer = serializer_for(InitConfig(audio_encoding="binary"))
    pcm = tone(0.02, 16000)
    assert audio_of(await serializer.deserialize(pcm)) == pcm
    assert audio_of(await serializer.deserialize(audio_message(pcm))) == pcm
    assert serializer.received_samples == 640
    assert await serializer.serialize(OutputAudioRawFrame(pcm, 24000, 1)) == pcm


@pytest.mark.parametrize(
    ("config", "data", "code"),
    [
        (None, b"\0\0", ErrorCode.NOT_READY),
        (InitConfig(), b"\0\0", ErrorCode.INVALID_MESSAGE),
        (InitConfig(audio_encoding="binary"), b"", ErrorCode.INVALID_AUDIO),
        (InitConfig(audio_encoding="binary"), b"\0", ErrorCode.INVALID_AUDIO),
        (InitConfig(audio_encoding="binary"), bytes(160_002), ErrorCode.INVALID_AUDIO),
    ],
)
async def test_a_wrong_binary_frame_is_a_fault(config: InitConfig | None, data: bytes, code: ErrorCode) -> None:
    """State, consent and audio of a binary frame are checked in this order."""
    assert fault_of(await serializer_for(config).deserialize(data)) is code


@settings(max_examples=50)
@given(st.text() | st.binary(), st.sampled_from([None, InitConfig(), InitConfig(audio_encoding="binary")]))
async def test_reading_is_total(data: str | bytes, config: InitConfig | None) -> None:
    """Any frame's content, in any state, gives a frame of ours, never an exception."""
    frame = await serializer_for(config).deserialize(data)
    assert isinstance(frame, (InputAudioRawFrame, InputTransportMessageFrame))


@pytest.mark.parametrize(("sample_rate", "samples"), [(8000, 40_000), (16000, 80_000), (48000, 240_000)])
async def test_a_chunk_may_last_as_long_as_allowed(sample_rate: int, samples: int) -> None:
    """Five seconds at the client's rate are the most; one sample more is refused, and nothing of it counts."""
    serializer = serializer_for(InitConfig(sample_rate=sample_rate))
    assert isinstance(await serializer.deserialize(audio_message(bytes(2 * samples))), InputAudioRawFrame)
    refused = await serializer.deserialize(audio_message(bytes(2 * samples + 2)))
    assert fault_of(refused) is ErrorCode.INVALID_AUDIO
    assert serializer.received_samples == samples


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        ("x" * 1000, True),
        ("x" * 1001, False),
        ("가" * 333, True),
        ("가" * 334, False),
        ("🙂" * 250, True),
        ("🙂" * 251, False),
        (b"\0" * 1000, True),
        (b"\0" * 1001, False),
    ],
)
async def test_size_is_counted_in_bytes(data: str | bytes, fits: bool) -> None:
    """A frame over the limit, in bytes of UTF-8, is not looked into, in any state."""
    serializer = ProtocolSerializer(max_message_bytes=1000, max_chunk_secs=5)
    code = fault_of(await serializer.deserialize(data))
    assert (code is not ErrorCode.MESSAGE_TOO_LARGE) == fits


async def test_a_frame_that_was_read_passes_as_it_is() -> None:
    """What the session read before there was a transport is not read twice."""
    serializer = serializer_for(InitConfig())
    frame = InputAudioRawFrame(b"\0\0", 16000, 1)
    assert await serializer.deserialize(frame) is frame
    assert serializer.received_samples == 0


async def test_init_does_not_accept_itself() -> None:
    """Reading an ``init`` changes nothing; the session accepts it, or lets the client send another."""
    serializer = serializer_for()
    await serializer.deserialize('{"type":"init"}')
    frame = await serializer.deserialize('{"type":"init","config":{"sampleRate":8000}}')
    assert isinstance(frame, InputTransportMessageFrame)
    assert isinstance(frame.message, Init)
    assert not serializer.initialized
    serializer.accept(frame.message.config)
    assert serializer.initialized
    assert serializer.sample_rate_hz == 8000
    assert fault_of(await serializer.deserialize('{"type":"init"}')) is ErrorCode.ALREADY_INIT


async def test_audio_goes_out_as_base64_with_its_rate() -> None:
    """By default interpreted speech is JSON with standard base64."""
    written = await serializer_for(InitConfig()).serialize(TTSAudioRawFrame(b"\xfb\xff", 24000, 1))
    assert written == '{"type":"audio_response","data":"+/8=","sampleRate":24000}'


@pytest.mark.parametrize("kind", [OutputTransportMessageFrame, OutputTransportMessageUrgentFrame])
async def test_messages_go_out_as_their_json(
    kind: type[OutputTransportMessageFrame] | type[OutputTransportMessageUrgentFrame],
) -> None:
    """Our messages and plain objects become JSON, whichever encoding audio has."""
    state = SpeechState(state="silent", timestamp=5)
    for config in (None, InitConfig(audio_encoding="binary")):
        assert await serializer_for(config).serialize(kind(state)) == state.to_json()
        assert await serializer_for(config).serialize(kind({"a": "가"})) == '{"a":"가"}'


async def test_other_frames_are_not_for_the_client() -> None:
    """A frame that is neither audio nor a message is not written."""
    assert await serializer_for(InitConfig()).serialize(TextFrame("x")) is None
