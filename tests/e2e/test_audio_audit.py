"""No sample of speech is lost or doubled between a client's socket and the upstream: the samples, audited."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from pipecat.audio.resamplers.soxr_stream_resampler import SOXRStreamAudioResampler

from tests.support.audit import (
    PATIENT,
    STREAM_HZ,
    Span,
    assert_in_order_and_once,
    marks_of,
    missing,
    spans_of,
    stream_of,
)
from tests.support.client import protocol_client
from tests.support.pcm import read_sample, samples_of
from tests.support.servers import running_server

Tail = Literal["sent zeros", "gap filler"]
_NAMES = ("en-11s-16k.wav", "en-35s-8k.wav", "ko-30s-16k.wav")
_LEAD_SAMPLES = STREAM_HZ // 10
_TAIL_SECS = 3
_SPEED = 6.0
_GAP_MS = 4000
"""So long that no stall of the machine counts as a gap in the middle of a file."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a file.

    Attributes:
        spans: Of the utterances that reached the upstream, in the order in which they came.
        source_texts: Of each turn that the client got.
        utterance_texts: What the upstream took each utterance for.
    """

    spans: list[Span]
    source_texts: list[str]
    utterance_texts: list[str]


async def send_sample(name: str, tail: Tail) -> Heard:
    """Send a file, and silence after it as ``tail`` says, until its last word is interpreted.

    Raises:
        AssertionError: An utterance is not, sample by sample, a part of what was sent.
    """
    pcm, rate_hz = read_sample(name)
    last_words = " ".join(marks_of(name)[-1].text.split()[-3:])
    settings = PATIENT if tail == "sent zeros" else {**PATIENT, "audio_gap_ms": _GAP_MS}
    async with running_server(**settings) as server, protocol_client(server.url) as client:
        await client.init(sampleRate=rate_hz)
        await client.stream(pcm, speed=_SPEED)
        if tail == "sent zeros":
            await client.silence(_TAIL_SECS * 1000, speed=_SPEED)
        await client.wait_until(lambda: " ".join(source for source, _ in client.turns).endswith(last_words))
        [session] = server.emulator.sessions
        stream = stream_of(pcm + bytes(2 * rate_hz * _TAIL_SECS), rate_hz)
        return Heard(
            spans_of(session.utterances, stream, tolerance_lsb=0 if rate_hz == STREAM_HZ else 1),
            [source for source, _ in client.turns],
            [utterance.source_text for utterance in session.utterances],
        )


@pytest.mark.parametrize("tail", ["sent zeros", "gap filler"])
@pytest.mark.parametrize("name", _NAMES)
async def test_the_upstream_hears_every_sample_of_the_speech_once_and_in_order(name: str, tail: Tail) -> None:
    """All that is marked as speech reaches the upstream, from 100 ms before it on, and nothing reaches it twice.

    Every utterance that the upstream recorded is found in the client's stream and compared sample by sample: bit
    for bit at 16 kHz, and to the 1 LSB of the resampler's dither at 8 kHz. Each turn has its utterance's words, and
    all turns together the file's words, each once. It makes no difference whether the silence at the end is sent or
    the client just stops.
    """
    heard = await send_sample(name, tail)

    assert_in_order_and_once(heard.spans)
    for mark in marks_of(name):
        wanted = Span(max(0, mark.span.start - _LEAD_SAMPLES), mark.span.end)
        assert not missing(wanted, heard.spans), f"{mark.text!r} is not whole"
    assert heard.source_texts == heard.utterance_texts
    assert " ".join(heard.source_texts) == " ".join(mark.text for mark in marks_of(name))


@pytest.mark.parametrize("tail", ["sent zeros", "gap filler"])
async def test_ten_sentences_are_ten_turns(tail: Tail) -> None:
    """The ten sentences come out as ten utterances of one sentence each, and as ten turns with its words."""
    marks = marks_of("en-35s-8k.wav")

    heard = await send_sample("en-35s-8k.wav", tail)

    touched = [[mark.text for mark in marks if mark.span.overlaps(span)] for span in heard.spans]
    assert touched == [[mark.text] for mark in marks]
    assert all(mark.span in span for mark, span in zip(marks, heard.spans, strict=True))
    assert heard.source_texts == [mark.text for mark in marks]


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 44_100, 48_000])
async def test_the_reference_is_what_the_resampler_gives_but_for_its_dither(rate_hz: int) -> None:
    """The stream that the audits compare with is, within 1 LSB, what pipecat's resampler gives in one call."""
    noise = np.random.default_rng(7).integers(-20_000, 20_000, 2 * rate_hz).astype("<i2").tobytes()

    resampled = await SOXRStreamAudioResampler(clear_after_secs=None).resample(noise, rate_hz, STREAM_HZ)

    assert np.abs(samples_of(resampled) - stream_of(noise, rate_hz)).max() <= 1
