"""Every sample rate and every length of chunk is heard, one utterance each."""

from tests.conformance.kit import Kit
from tests.conformance.registry import Run, Section, register
from tests.conformance.scenes import answered_turn, next_answer, reference_turn
from tests.conformance.speech import silence

_RATES_HZ = (8000, 11025, 24000, 44100, 48000)
"""16000 is every other check's."""

_CHUNKS_MS = (100, 256)
"""20 is every other check's."""


def _rate(rate_hz: int) -> Run:
    async def run(kit: Kit) -> None:
        utterance = kit.speech.second
        async with kit.connect() as connection:
            await connection.init(sampleRate=rate_hz)
            turn = await answered_turn(connection, utterance)
            if kit.options.compare_words:
                kit.check_whole(turn, utterance)

    return run


def _chunk(chunk_ms: int) -> Run:
    async def run(kit: Kit) -> None:
        utterance = kit.speech.first
        reference = await reference_turn(kit, utterance)
        async with kit.connect() as connection:
            await connection.init()
            kit.check_whole(await answered_turn(connection, utterance, chunk_ms=chunk_ms), utterance, reference)

    return run


async def _longest_chunk(kit: Kit) -> None:
    utterance = kit.speech.first
    reference = await reference_turn(kit, utterance)
    pcm = utterance.pcm(16_000)
    async with kit.connect() as connection:
        await connection.init()
        longest_secs = kit.options.max_chunk_secs
        padded = pcm + silence(max(0.0, longest_secs - utterance.secs), 16_000)
        await connection.say(padded, chunk_ms=int(longest_secs * 1000), paced=False)
        kit.check_whole(await next_answer(connection), utterance, reference)


for _rate_hz in _RATES_HZ:
    register(
        f"rate-{_rate_hz}",
        Section.AUDIO,
        "part 1, client to server",
        f"Speech at {_rate_hz} Hz is answered.",
        _rate(_rate_hz),
    )
for _chunk_ms in _CHUNKS_MS:
    register(
        f"chunk-{_chunk_ms}-ms",
        Section.AUDIO,
        "part 1, client to server",
        f"Speech in chunks of {_chunk_ms} ms is answered.",
        _chunk(_chunk_ms),
    )
register(
    "chunk-longest",
    Section.AUDIO,
    "part 1, client to server",
    "Speech in one chunk of `MAX_CHUNK_SECS`, sent at once, is answered.",
    _longest_chunk,
)
