"""What ends an utterance, in a real server: pipecat's smart-turn model, on a thread beside the event loop."""

from tests.support.conversation import conversation
from tests.support.speech import silence, spoken, texts


async def test_a_speaker_who_is_done_is_answered_before_silence_would_say_so() -> None:
    """A sentence and 0.6 s of silence, and nothing behind it: too little to end an utterance without the model."""
    async with conversation(turn_end="smart", audio_gap_ms=60_000) as talk:
        await talk.client.stream(spoken("harvard-1") + silence(100), speed=2)
        await talk.client.wait_for("turn_complete")
        (turn,) = talk.turns
        assert turn.texts == texts("harvard-1")
        assert talk.states[:3] == ["speaking", "silent", "processing"]
