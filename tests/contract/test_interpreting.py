"""The whole way: a client of the protocol, the server, and each implementation behind it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from processors.script import language_of
from server import create_app
from tests.contract.bench import PAIR, STUCK_SECS, Bench
from tests.support.client import ProtocolClient, protocol_client
from tests.support.laws import HeardTurn, lawful_turns, states_of
from tests.support.pcm import read_sample
from tests.support.servers import serving, test_settings
from tests.support.speech import silence, texts

SAMPLE = "en-11s-16k.wav"
PHRASES = ("kennedy-1", "kennedy-2", "kennedy-3", "kennedy-4")
END_OF_SPEECH_MS = 1200
NOWHERE = "https://127.0.0.1:1"
"""Where the server's own connector would go: it is not used."""
QUIET_SECS = 5.0
"""Without a message, and with nothing awaited, for so long: that was all."""


@contextlib.asynccontextmanager
async def client_of(bench: Bench) -> AsyncIterator[ProtocolClient]:
    """A client of a server whose upstream is the bench's."""
    settings = test_settings(
        gemini_model=bench.config.model,
        gemini_voice=bench.config.voice,
        gemini_base_url=NOWHERE,
        languages=PAIR,
        connect_timeout_secs=10,
        audio_gap_ms=4000,  # no stall of a busy machine counts as a gap
        max_loop_lag_ms=0,
    )
    app = create_app(settings)
    async with serving(app, settings) as address:
        app.state.services = replace(app.state.services, connector=bench.connector)
        async with protocol_client(f"ws://{address}/ws") as client:
            await client.init(audioEncoding="binary")
            yield client


async def all_said(bench: Bench, client: ProtocolClient) -> list[HeardTurn]:
    """The lawful turns, once all that was spoken is interpreted."""
    if bench.exact:
        words = len(" ".join(texts(*PHRASES)).split())
        await client.wait_until(lambda: len(" ".join(map(" ".join, client.turns)).split()) >= words)
        return lawful_turns(client.messages)
    seen = -1
    while seen < len(client.messages) or (states_of(client.messages) or ["silent"])[-1] != "silent":
        assert client.close_code is None, client.messages[-1]
        seen = len(client.messages)
        await asyncio.sleep(QUIET_SECS)  # nobody tells how many turns Google's words will be
    return lawful_turns(client.messages)


async def test_english_speech_comes_out_in_korean(bench: Bench) -> None:
    """Eleven seconds of English become lawful turns: English text, Korean text, and Korean speech for all of it.

    Where the words are not known they are judged by their script.
    """
    pcm, rate_hz = read_sample(SAMPLE)
    async with asyncio.timeout(2 * STUCK_SECS), client_of(bench) as client:
        await client.stream(pcm + silence(END_OF_SPEECH_MS, rate_hz), speed=bench.speed)
        turns = await all_said(bench, client)
    assert turns
    assert not client.of("error", "warning")
    for turn in turns:
        assert turn.complete
        assert turn.languages == ("en", "ko")
        assert tuple(language_of(text, PAIR) for text in turn.texts) == ("en", "ko")
        assert len(turn.audio) > 0.3 * 2 * 24_000
    source, target = (" ".join(side) for side in zip(*(turn.texts for turn in turns), strict=True))
    if bench.exact:
        assert (source, target) == texts(*PHRASES)
    else:
        assert "country" in source.lower()
        assert sum("가" <= letter <= "힣" for letter in target) >= 10
