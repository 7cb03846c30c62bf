"""Rule 3: interpreted speech goes out when it comes, every sample as it came, in either encoding."""

import base64
from typing import Any

import pytest

from emulator import EmulatorOptions, Variant
from tests.support.conversation import conversation
from tests.support.speech import entry, silence, spoken

LONGEST_PADDING = bytes(2 * 240)
"""10 ms of zeros, which may end a turn."""

PIECES: dict[str, dict[str, Any]] = {
    "100 ms": {},
    "7 ms": {"audio_chunk_ms": 7},
    "1 s": {"audio_chunk_ms": 1000},
    "three parts a message": {"multi_part": 3, "audio_chunk_ms": 33},
    "bundled with texts": {"bundle": True},
    "without text": {"input_transcription": "missing", "output_transcription": "missing"},
}


@pytest.mark.parametrize("encoding", ["base64", "binary"])
@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES.keys())
async def test_every_sample_arrives_as_the_upstream_sent_it(pieces: dict[str, Any], encoding: str) -> None:
    """What a turn sounds like is what the upstream said: nothing is lost, added, scaled or moved between turns."""
    options = EmulatorOptions(time_factor=0.0, variant=Variant.model_validate(pieces))
    async with conversation(options, config={"audioEncoding": encoding}, late_text_ms=100) as talk:
        for phrase in ("kennedy-1", "kennedy-3"):
            turn = await talk.interpret(phrase)
            expected = entry(phrase).audio
            assert turn.audio.startswith(expected)
            assert turn.audio[len(expected) :] in LONGEST_PADDING
        assert all(("pcm" in m) == (encoding == "binary") for m in talk.client.of("audio_response"))


async def test_speech_is_not_held_back_to_real_time() -> None:
    """The upstream says three seconds at once: the client has them in less time than playing takes."""
    async with conversation() as talk:
        turn = await talk.interpret("kennedy-4")
        messages = zip(talk.client.messages, talk.client.arrivals, strict=True)
        times = [at for message, at in messages if message["type"] == "audio_response"]
    playing_secs = len(turn.audio) / 48_000
    assert playing_secs > 2
    assert times[-1] - times[0] < playing_secs / 2


async def test_speech_is_passed_on_while_more_of_it_is_being_made() -> None:
    """The first piece goes out at once: the client plays it while the upstream still speaks."""
    slow = Variant(response_delay_ms=0, audio_speed=2, playback_factor=0)
    async with conversation(EmulatorOptions(variant=slow)) as talk:
        await talk.say("kennedy-4")
        await talk.client.wait_for("audio_response")
        assert talk.upstream.utterances[-1].sent_audio_bytes < len(entry("kennedy-4").audio) / 2


async def test_json_audio_stays_valid_where_binary_audio_was_asked_for() -> None:
    """A client of the binary encoding may still send a chunk as JSON; both kinds join in one stream."""
    async with conversation(config={"audioEncoding": "binary"}) as talk:
        pcm = spoken("kennedy-1")
        half = len(pcm) // 4 * 2
        await talk.client.send_chunk(pcm[:half])
        await talk.client.send({"type": "audio", "data": base64.b64encode(pcm[half:]).decode()})
        await talk.client.stream(silence(1200))
        await talk.client.wait_for("turn_complete")
        assert talk.turns[0].audio == entry("kennedy-1").audio
        assert talk.upstream.utterances[0].audio in pcm + silence(1200)
