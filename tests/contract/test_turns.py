"""The contract: an utterance goes up, its interpretation comes down, and the next one follows."""

import asyncio

import pytest

from gemini.connector import INPUT_RATE_HZ, OUTPUT_RATE_HZ
from gemini.events import GenerationComplete, SourceText, TargetAudio, TargetText, TurnComplete
from tests.contract.bench import ENGLISH, KOREAN, Bench, assert_interprets
from tests.support.pcm import chunks_of
from tests.support.speech import silence, spoken

BURST_MS = 60_000
"""Longer than any phrase: all in one piece."""


async def test_an_utterance_is_answered_by_its_interpretation(bench: Bench) -> None:
    """Both texts, sound and an end come, in order: sound in whole samples at 24 kHz, before the ends."""
    async with bench.talk() as talk:
        await talk.say(ENGLISH)
        assert_interprets(bench, await talk.answer(), ENGLISH)


async def test_both_ends_come_where_the_upstream_is_known(bench: Bench) -> None:
    """``GenerationComplete`` and ``TurnComplete`` come once each; Google may leave one out (interpretab)."""
    async with bench.talk() as talk:
        await talk.say(ENGLISH)
        answer = await talk.answer()
    ends = [answer.count(GenerationComplete), answer.count(TurnComplete)]
    assert ends == [1, 1] if bench.exact else sum(ends) >= 1


async def test_texts_are_fragments_to_append(bench: Bench) -> None:
    """No fragment repeats what came before it: it is appended, and never replaces."""
    async with bench.talk() as talk:
        await talk.say(ENGLISH)
        answer = await talk.answer()
    for kind in (SourceText, TargetText):
        so_far = ""
        for event in answer.events:
            if isinstance(event, kind):
                assert not so_far or not event.text.startswith(so_far), f"{event.text!r} after {so_far!r}"
                so_far += event.text
        assert so_far.strip()


async def test_receiving_goes_on_after_a_turn(bench: Bench) -> None:
    """A second utterance on the same connection, in the other language, is answered like the first."""
    async with bench.talk() as talk:
        for phrase in (ENGLISH, KOREAN):
            await talk.say(phrase)
            assert_interprets(bench, await talk.answer(), phrase)


@pytest.mark.parametrize("chunk_ms", [7.5, 20, 256, BURST_MS])
async def test_chunks_may_be_of_any_length(bench: Bench, chunk_ms: float) -> None:
    """How speech is cut, and how fast it is sent, has no influence on what is understood."""
    async with bench.talk() as talk:
        await talk.say(ENGLISH, chunk_ms=chunk_ms)
        assert_interprets(bench, await talk.answer(), ENGLISH)


@pytest.mark.parametrize("sound", [silence(1000), silence(20), b""], ids=["1 s", "20 ms", "nothing"])
async def test_silence_costs_nothing_but_itself(bench: Bench, sound: bytes) -> None:
    """An utterance without a word in it does no harm: the next one is understood.

    What Google makes of it is not known; the 2.0 models closed with 1007 ``No turn to complete`` (pipecat #1347).
    """
    async with bench.talk() as talk:
        await talk.utter(sound)
        await talk.say(ENGLISH)
        assert_interprets(bench, await talk.answer(after_silence=True), ENGLISH)


async def test_an_utterance_may_take_its_time(bench: Bench) -> None:
    """An activity may be open before its speech comes, as one that is streamed is."""
    async with bench.talk() as talk:
        await talk.connection.send_activity_start()
        await talk.stream(spoken(KOREAN))
        await talk.connection.send_activity_end()
        assert_interprets(bench, await talk.answer(), KOREAN)


async def test_connections_do_not_mix(bench: Bench) -> None:
    """Two sessions at once, one in each language, each get the answer to what was said in them."""

    async def converse(phrase: str) -> None:
        async with bench.talk() as talk:
            await talk.connection.send_activity_start()
            for chunk in chunks_of(spoken(phrase), 20, INPUT_RATE_HZ):
                await talk.connection.send_audio(chunk)
                await asyncio.sleep(0)
            await talk.connection.send_activity_end()
            assert_interprets(bench, await talk.answer(), phrase)

    await asyncio.gather(converse(ENGLISH), converse(KOREAN))


async def test_the_upstream_finds_utterances_by_itself(bench: Bench) -> None:
    """Without marks, silence ends an utterance, which is answered; silence has to be sent (interpretab)."""
    async with bench.talk(manual=False) as talk:
        await talk.stream(spoken(ENGLISH) + silence(3000))
        assert_interprets(bench, await talk.answer(), ENGLISH)


async def test_a_text_is_answered_with_speech(bench: Bench) -> None:
    """What is said in writing makes the model speak at once, without any sound having been sent."""
    async with bench.talk(manual=False) as talk:
        await talk.connection.send_text("This call is interpreted.")
        await talk.until(lambda: any(isinstance(event, GenerationComplete | TurnComplete) for event in talk.events))
        sound = b"".join(event.pcm for event in talk.events if isinstance(event, TargetAudio))
        said = "".join(event.text for event in talk.events if isinstance(event, TargetText)).strip()
    assert len(sound) > OUTPUT_RATE_HZ // 2
    if bench.exact:
        assert said == "This call is interpreted."
