"""No sample of speech is lost or doubled between a client's socket and the upstream: the samples, audited."""

import asyncio
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import pytest
import pytest_asyncio
from pipecat.audio.resamplers.soxr_stream_resampler import SOXRStreamAudioResampler

from emulator import SessionRecord
from tests.support.audit import (
    PATIENT,
    STREAM_HZ,
    Samples,
    Span,
    assert_in_order_and_once,
    marks_of,
    missing,
    spans_of,
    stream_of,
    until_done,
)
from tests.support.client import protocol_client
from tests.support.pcm import read_sample, samples_of
from tests.support.servers import RunningServer, running_server

Tail = Literal["sent zeros", "gap filler"]
_NAMES = ("en-11s-16k.wav", "en-35s-8k.wav", "ko-30s-16k.wav")
_TAILS: tuple[Tail, ...] = ("sent zeros", "gap filler")
_LEAD_SAMPLES = STREAM_HZ // 10
_TAIL_SECS = 3
_SPEED = 4.0
_GAP_MS = 4000
"""So long that no stall of the machine counts as a gap in the middle of a file."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What became of a file.

    Attributes:
        stream: What the pipeline must have seen of it.
        tolerance_lsb: How far what reached the upstream may differ from it.
        session: What reached the upstream.
        source_texts: Of each turn that the client got.
    """

    stream: Samples
    tolerance_lsb: int
    session: SessionRecord
    source_texts: list[str]

    def spans(self) -> list[Span]:
        """Where the utterances lie in the stream.

        Raises:
            AssertionError: One is not, sample by sample, a part of it.
        """
        return spans_of(self.session.utterances, self.stream, tolerance_lsb=self.tolerance_lsb)


Recordings = dict[tuple[str, Tail], Recording]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recordings() -> Recordings:
    """Every file, sent with either tail: three clients at once at either of two servers."""
    async with (
        running_server(**PATIENT) as patient,
        running_server(**{**PATIENT, "audio_gap_ms": _GAP_MS}) as filling,
    ):
        servers = {"sent zeros": patient, "gap filler": filling}
        connecting = asyncio.Lock()
        cases = list(product(_NAMES, _TAILS))
        made = await asyncio.gather(*(_record(servers[tail], name, tail, connecting) for name, tail in cases))
        return dict(zip(cases, made, strict=True))


async def _record(server: RunningServer, name: str, tail: Tail, connecting: asyncio.Lock) -> Recording:
    """Send a file, and silence after it as ``tail`` says, until its last words are interpreted."""
    pcm, rate_hz = read_sample(name)
    last_words = " ".join(marks_of(name)[-1].text.split()[-3:])
    async with protocol_client(server.url) as client:
        async with connecting:
            await client.init(sampleRate=rate_hz)
            session = server.emulator.sessions[-1]
        await client.stream(pcm, speed=_SPEED)
        if tail == "sent zeros":
            await client.silence(_TAIL_SECS * 1000, speed=_SPEED)
        await until_done(
            client, session, lambda: " ".join(source for source, _ in client.turns).endswith(last_words)
        )
        return Recording(
            stream_of(pcm + bytes(2 * rate_hz * _TAIL_SECS), rate_hz),
            0 if rate_hz == STREAM_HZ else 1,
            session,
            [source for source, _ in client.turns],
        )


@pytest.mark.parametrize("tail", _TAILS)
@pytest.mark.parametrize("name", _NAMES)
def test_the_upstream_hears_every_sample_of_the_speech_once_and_in_order(
    recordings: Recordings, name: str, tail: Tail
) -> None:
    """All that is marked as speech reaches the upstream, from 100 ms before it on, and nothing reaches it twice.

    Every utterance that the upstream recorded is found in the client's stream and compared sample by sample: bit
    for bit at 16 kHz, and to the 1 LSB of the resampler's dither at 8 kHz. Nothing is sent outside an utterance. It
    makes no difference whether the silence at the end is sent or the client just stops.
    """
    recording = recordings[name, tail]
    spans = recording.spans()

    assert recording.session.discarded_bytes == 0
    assert_in_order_and_once(spans)
    for mark in marks_of(name):
        wanted = Span(max(0, mark.span.start - _LEAD_SAMPLES), mark.span.end)
        assert not missing(wanted, spans), f"{mark.text!r} is not whole"


@pytest.mark.parametrize("tail", _TAILS)
@pytest.mark.parametrize("name", _NAMES)
def test_turns_have_the_words_of_their_utterances(recordings: Recordings, name: str, tail: Tail) -> None:
    """Each turn has its utterance's words, and all turns together the file's words, each once and in order."""
    recording = recordings[name, tail]

    assert recording.source_texts == [utterance.source_text for utterance in recording.session.utterances]
    assert " ".join(recording.source_texts) == " ".join(mark.text for mark in marks_of(name))


@pytest.mark.parametrize("tail", _TAILS)
def test_ten_sentences_are_ten_turns(recordings: Recordings, tail: Tail) -> None:
    """The ten sentences come out as ten utterances of one whole sentence each, and as ten turns with its words."""
    marks = marks_of("en-35s-8k.wav")
    recording = recordings["en-35s-8k.wav", tail]
    spans = recording.spans()

    touched = [[mark.text for mark in marks if mark.span.overlaps(span)] for span in spans]
    assert touched == [[mark.text] for mark in marks]
    assert all(mark.span in span for mark, span in zip(marks, spans, strict=True))
    assert recording.source_texts == [mark.text for mark in marks]


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 44_100, 48_000])
async def test_the_reference_is_what_the_resampler_gives_but_for_its_dither(rate_hz: int) -> None:
    """The stream that the audits compare with is, within 1 LSB, what pipecat's resampler gives in one call."""
    noise = np.random.default_rng(7).integers(-20_000, 20_000, 2 * rate_hz).astype("<i2").tobytes()

    resampled = await SOXRStreamAudioResampler(clear_after_secs=None).resample(noise, rate_hz, STREAM_HZ)

    assert np.abs(samples_of(resampled) - stream_of(noise, rate_hz)).max() <= 1
