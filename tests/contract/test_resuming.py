"""The contract: a session that asks for handles is given one, and goes on with it over another connection."""

from dataclasses import replace

from gemini.events import Resumable
from tests.contract.bench import ENGLISH, KOREAN, Bench, Talk, assert_interprets


def handle_of(talk: Talk) -> str | None:
    """The last handle that came."""
    handles = [event.handle for event in talk.events if isinstance(event, Resumable)]
    return handles[-1] if handles else None


async def test_a_session_goes_on_with_its_handle(bench: Bench) -> None:
    """Once its connection is closed another one resumes it, and interprets."""
    config = replace(bench.config, resumption=True)
    async with bench.over(await bench.connector.connect(config)) as talk:
        await talk.say(KOREAN)
        assert_interprets(bench, await talk.answer(), KOREAN)
        await talk.until(lambda: handle_of(talk) is not None)
        handle = handle_of(talk)
    resumed = await bench.connector.connect(replace(config, handle=handle))
    async with bench.over(resumed) as talk:
        await talk.say(ENGLISH)
        assert_interprets(bench, await talk.answer(), ENGLISH)
