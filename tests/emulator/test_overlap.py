"""Activities that overlap with answers that are owed: answered in order, merged, or dropped."""

from collections.abc import Callable
from typing import Any

from emulator import Emulator, Scenario, SessionRecord
from tests.emulator.talker import Talker, speech, talking

NAMES = ["kennedy-2", "kennedy-3"]

Start = Callable[..., Emulator]


async def two_at_once(
    start: Start, samples: Scenario, policy: str, begun: Callable[[Talker], bool], **options: Any
) -> tuple[Talker, SessionRecord]:
    """Say a second utterance while the first is owed its answer, once ``begun``; then a third, alone."""
    variant = {"on_overlap": policy, "response_delay_ms": 300, "transcription_delay_ms": 300}
    async with start(variant=variant, time_factor=0.5, **options) as emulator, talking(emulator) as talker:
        record = emulator.sessions[0]
        await talker.say(speech(samples))
        await talker.until(lambda: begun(talker))
        await talker.say(speech(samples, 5.0, 7.8))
        await talker.until(lambda: bool(record.kinds("in").count("activityEnd") == 2))
        await talker.until(lambda: all(item.complete or item.dropped for item in record.utterances))
        await talker.say(speech(samples, 0.0, 2.7))
        await talker.until(lambda: len(record.utterances) == 3 and record.utterances[2].complete)
        turns = record.kinds("out").count("turnComplete")
        await talker.answered(turns)
    return talker, record


async def test_in_order(start: Start, samples: Scenario) -> None:
    """One turn each, the first one first."""
    talker, record = await two_at_once(start, samples, "queue", lambda talker: True)
    assert talker.count("turnComplete") == 3
    assert talker.texts("inputTranscription") == [
        "ask not",
        "what your country can do for you,",
        "And so my fellow Americans,",
    ]
    assert [item.answered_with for item in record.utterances] == [None] * 3


async def test_merged(start: Start, samples: Scenario) -> None:
    """Both are answered in one turn; both records are complete, and the first says with which."""
    talker, record = await two_at_once(start, samples, "merge", lambda talker: True)
    assert talker.texts("inputTranscription") == [
        "ask not what your country can do for you,",
        "And so my fellow Americans,",
    ]
    assert talker.count("turnComplete") == 2
    assert [item.complete for item in record.utterances] == [True] * 3
    assert [item.answered_with for item in record.utterances] == [2, None, None]
    assert [item.answered for item in record.utterances] == [["kennedy-2"], ["kennedy-3"], ["kennedy-1"]]
    assert talker.count("interrupted") == 0


async def test_merging_leaves_output_alone(start: Start, samples: Scenario) -> None:
    """An answer of which something has come is not begun anew."""
    talker, record = await two_at_once(start, samples, "merge", lambda talker: bool(talker.sound))
    assert talker.count("turnComplete") == 3
    assert [item.answered_with for item in record.utterances] == [None] * 3


async def test_merged_while_waiting(start: Start, samples: Scenario) -> None:
    """What waits behind an answer that has begun is merged."""
    variant = {"on_overlap": "merge"}
    async with start(variant=variant, time_factor=0.3) as emulator, talking(emulator) as talker:
        record = emulator.sessions[0]
        await talker.say(speech(samples))
        await talker.until(lambda: bool(talker.sound))
        await talker.say(speech(samples, 5.0, 7.8))
        await talker.say(speech(samples, 0.0, 2.7))
        await talker.until(lambda: all(item.complete for item in record.utterances))
        await talker.answered(2)
    assert talker.texts("inputTranscription")[1] == "what your country can do for you, And so my fellow Americans,"
    assert [item.answered_with for item in record.utterances] == [None, 3, None]


async def test_dropped(start: Start, samples: Scenario) -> None:
    """The second one is never answered; its record says so, and the third one is."""
    talker, record = await two_at_once(start, samples, "drop", lambda talker: True)
    assert talker.texts("inputTranscription") == ["ask not", "And so my fellow Americans,"]
    assert talker.count("turnComplete") == 2
    assert [item.dropped for item in record.utterances] == [False, True, False]
    assert [item.complete for item in record.utterances] == [True, False, True]
    assert record.utterances[1].audio == speech(samples, 5.0, 7.8)
