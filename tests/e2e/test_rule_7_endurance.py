"""Rule 7: the session outlives turns."""

from emulator import EmulatorOptions, Variant
from tests.support.conversation import conversation
from tests.support.speech import entry, texts

TURNS = 25


async def test_many_turns_need_one_connection() -> None:
    """Turn after turn in one session: each whole, over one and the same connection to the upstream."""
    async with conversation(EmulatorOptions(time_factor=0.0, variant=Variant(fragment_words=1))) as talk:
        for number in range(TURNS):
            phrase = ("kennedy-1", "kennedy-2")[number % 2]
            turn = await talk.interpret(phrase)
            assert turn.texts == texts(phrase)
            assert turn.audio == entry(phrase).audio
        assert len(talk.turns) == TURNS
        assert talk.states == ["speaking", "silent", "processing", "silent"] * TURNS
        assert talk.emulator.connections == 1
        assert len(talk.upstream.utterances) == TURNS
