"""A pipeline file is anybody's: steps of somebody else's stand between ours, without a line of ours changed."""

from pathlib import Path

from tests.support.conversation import conversation
from tests.support.foreign_step import MODULE, Counting, with_step
from tests.support.speech import entry, silence, spoken, texts
from tests.support.waiting import until


async def test_a_foreign_processor_changes_what_passes_through_it(tmp_path: Path) -> None:
    """A pipecat processor with keyword arguments, named by its import path, rewrites the interpretation's text."""
    step = f'use = "{MODULE}:Shout"\nsuffix = "!"'
    path = with_step(tmp_path, step, before="transcription_forwarder")
    async with conversation(pipeline=str(path)) as talk:
        assert talk.client.messages[0]["engine"] == "with-foreign-step"
        turn = await talk.interpret("speech-1a")
    source, target = texts("speech-1a")
    assert turn.texts[0] == source
    assert turn.texts[1].replace("!", "") == target.upper()
    assert turn.texts[1].endswith("!")
    assert turn.audio == entry("speech-1a").audio


async def test_foreign_steps_stand_anywhere_and_see_everything(tmp_path: Path) -> None:
    """A step with ``Params`` and the session's context counts input before our engine and speech after it."""
    before_engine = f'use = "{MODULE}:Counting"\nlabel = "up"'
    path = with_step(tmp_path, before_engine, before="gemini_live")
    after_engine = f'[[step]]\nuse = "{MODULE}:Counting"\nlabel = "down"\n\n[[step]]\nuse = "speech_state"'
    path.write_text(path.read_text(encoding="utf-8").replace('[[step]]\nuse = "speech_state"', after_engine))
    async with conversation(pipeline=str(path)) as talk:
        session_id = talk.client.messages[0]["sessionId"]
        await talk.interpret("kennedy-1")
        sent = len(spoken("kennedy-1") + silence(1200))
        await until(lambda: Counting.heard_bytes["up", session_id] == sent)
        assert Counting.spoken_bytes["down", session_id] == len(entry("kennedy-1").audio)
        assert ("down", session_id) not in Counting.heard_bytes, "the engine takes the audio that it is given"
