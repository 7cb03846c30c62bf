"""What goes wrong in translate sessions on purpose: leaks in the wrong direction, wrong, late or missing texts."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import httpx
import numpy as np
import pytest

from emulator import Emulator, Fault, Scenario
from emulator.audio import from_pcm, resample, to_pcm
from tests.emulator.streaming import Speaking, into, speaking
from tests.emulator.talker import speech, talking

JFK = "en-11s-16k"

Start = Callable[..., Emulator]


def leak(moment: str = "during", **fields: Any) -> Fault:
    """A leak."""
    return Fault.model_validate({"name": "leak", "moment": moment, **fields})


def kennedy(samples: Scenario, to_secs: float = 4.9) -> bytes:
    """English speech at 16 kHz."""
    clip = samples.clips[JFK]
    return to_pcm(resample(clip.samples, clip.rate_hz, 16_000)[: round(to_secs * 16_000)])


async def spoken(start: Start, samples: Scenario, target: str, *faults: Fault) -> tuple[Emulator, Speaking]:
    """One English speech to a session of a target, with faults; ends when all of it is done with."""
    async with start(faults=faults) as emulator, speaking(emulator, into(target)) as speaker:
        await speaker.say(kennedy(samples))
        await speaker.pause(6)
    return emulator, speaker


@pytest.mark.parametrize("lasting_ms", [300, 2500])
async def test_a_leak(start: Start, samples: Scenario, lasting_ms: int) -> None:
    """A session that has nothing to say sends sound for so long, with the words that were spoken."""
    emulator, speaker = await spoken(start, samples, "en", leak(lasting_ms=lasting_ms))
    record = emulator.sessions[0]
    assert {item.kind for item in record.said} == {"leak"}
    assert record.said[0].from_byte == np.flatnonzero(from_pcm(record.sent_audio))[0] * 2 - 2
    assert record.said[-1].to_byte - record.said[0].from_byte == lasting_ms * 48
    assert speaker.text("outputTranscription") == "And so my fellow Americans,"
    assert speaker.codes("outputTranscription") == {"en"}
    assert [strike.name for strike in record.utterances[0].faults] == ["leak"]


async def test_a_leak_says_what_it_is_told(start: Start, samples: Scenario) -> None:
    """Its words can be given."""
    _, speaker = await spoken(start, samples, "en", leak(text="Well, well."))
    assert speaker.text("outputTranscription") == "Well, well."


async def test_before_or_after_the_right_one(start: Start, samples: Scenario) -> None:
    """A leak begins when its moment has come: early in the speech, late in it, or after it."""
    begins = []
    for fault in (leak(at_ms=0), leak(at_ms=3500), leak("after")):
        emulator, _ = await spoken(start, samples, "en", fault)
        begins.append(emulator.sessions[0].said[0].from_byte / 48)
    right, _ = await spoken(start, samples, "ko")
    early, late, after = begins
    assert early < right.sessions[0].said[0].from_byte / 48 < late < 4900 < after


async def test_a_leak_is_one_where_nothing_is_to_be_said(start: Start, samples: Scenario) -> None:
    """A session that interprets rightly has none, and it is not used up there."""
    emulator, _ = await spoken(start, samples, "ko", leak(times=3))
    assert {item.kind for item in emulator.sessions[0].said} == {"interpretation"}
    assert emulator.faults[0].times == 3


async def test_of_an_entry(start: Start, samples: Scenario) -> None:
    """It can be bound to words: it waits until they are said."""
    emulator, speaker = await spoken(start, samples, "en", leak(entry="kennedy-2"))
    assert speaker.text("outputTranscription") == "ask not"
    assert emulator.sessions[0].said[0].from_byte / 48 > 3280


async def test_both_sessions_speak(start: Start, samples: Scenario) -> None:
    """A long leak in one and the interpretation in the other, of one speech."""
    async with (
        start(faults=(leak(lasting_ms=5000, at_ms=0),)) as emulator,
        speaking(emulator, into("ko")) as right,
        speaking(emulator, into("en")) as wrong,
    ):
        for at in range(0, len(sound := kennedy(samples) + bytes(160_000)), 3200):
            await right.say(sound[at : at + 3200])
            await wrong.say(sound[at : at + 3200])
    said = {session.target: session.said for session in emulator.sessions}
    assert said["en"][0].from_byte < said["ko"][0].from_byte < said["en"][-1].to_byte


async def test_target(start: Start, samples: Scenario) -> None:
    """A fault can be bound to the sessions of a target."""
    fault = Fault(name="wrong_source_language", moment="before", target="en", times=9)
    _, korean = await spoken(start, samples, "ko", fault)
    _, english = await spoken(start, samples, "en", fault)
    assert korean.codes("inputTranscription") == {"en"}
    assert english.codes("inputTranscription") == {"ko"}


async def test_wrong_source_language(start: Start, samples: Scenario) -> None:
    """The code can be given; the words stay."""
    _, speaker = await spoken(
        start, samples, "ko", Fault(name="wrong_source_language", moment="before", language="ja")
    )
    assert speaker.codes("inputTranscription") == {"ja"}
    assert speaker.text("inputTranscription") == "And so my fellow Americans, ask not"


async def test_late_source_text(start: Start, samples: Scenario) -> None:
    """The transcription of the input comes after the interpretation, and whole."""
    fault = Fault(name="late_source_text", moment="before", delay_ms=300)
    async with start(faults=(fault,)) as emulator, speaking(emulator, into("ko")) as speaker:
        await speaker.say(kennedy(samples))
        await speaker.pause(6)
        await speaker.talker.until(lambda: speaker.text("inputTranscription").endswith("ask not"))
        kinds = emulator.sessions[0].kinds("out")
    assert kinds.index("inputTranscription") > kinds.index("outputTranscription")
    assert speaker.text("inputTranscription") == "And so my fellow Americans, ask not"


async def test_missing_source_text(start: Start, samples: Scenario) -> None:
    """None comes; the interpretation does."""
    _, speaker = await spoken(start, samples, "ko", Fault(name="missing_source_text", moment="before"))
    assert speaker.talker.count("inputTranscription") == 0
    assert speaker.text("outputTranscription") == "그러니 국민 여러분, 묻지 마십시오,"


async def test_zero_audio(start: Start, samples: Scenario) -> None:
    """Zeros with text, which does not count as complete."""
    emulator, speaker = await spoken(start, samples, "ko", Fault(name="zero_audio", moment="output", at_ms=0))
    record = emulator.sessions[0]
    assert not any(record.sent_audio)
    assert speaker.text("outputTranscription") == "그러니 국민 여러분, 묻지 마십시오,"
    assert not record.utterances[0].complete


async def test_frozen_output(start: Start, samples: Scenario) -> None:
    """Nothing more of the utterance is said; silence goes on, and the next one is interpreted."""
    fault = Fault(name="frozen_output", moment="output", at_ms=500)
    async with start(faults=(fault,)) as emulator, speaking(emulator, into("ko")) as speaker:
        for _ in range(2):
            await speaker.say(kennedy(samples))
            await speaker.pause(6)
    first, second = emulator.sessions[0].utterances
    assert first.sent_audio_bytes < first.answer_audio_bytes
    assert (first.complete, second.complete) == (False, True)


async def test_stalled_output(start: Start, samples: Scenario) -> None:
    """Nothing comes for a while, not even silence; then all of it does."""
    fault = Fault(name="stalled_output", moment="output", at_ms=0, delay_ms=400)
    emulator, speaker = await spoken(start, samples, "ko", fault)
    times = [item.at_secs for item in emulator.sessions[0].messages if item.kind == "audioOut"]
    assert max(after - before for before, after in pairwise(times)) >= 0.4
    assert speaker.text("outputTranscription") == "그러니 국민 여러분, 묻지 마십시오,"


async def test_faults_of_answers_leave_translations_alone(start: Start, samples: Scenario) -> None:
    """What has no meaning without turns does not strike, and the other way round."""
    swallowed = Fault(name="swallowed", moment="after")
    emulator, _ = await spoken(start, samples, "ko", swallowed)
    assert emulator.struck == []
    async with start(faults=(leak("after"), leak())) as conversing, talking(conversing) as talker:
        await talker.say(speech(samples))
        await talker.answered()
    assert conversing.struck == []


async def test_the_control_endpoint(start: Start, samples: Scenario) -> None:
    """A leak that is posted strikes the session that is open, which says what it interprets into."""
    async with start(server={"control_port": 0}) as emulator, speaking(emulator, into("en")) as speaker:
        async with httpx.AsyncClient(base_url=emulator.control_url or "") as http:
            body = {"name": "leak", "moment": "during", "lasting_ms": 200, "target": "en"}
            assert (await http.post("/faults", json=body)).json() == body | {"times": 1, "at_ms": 300}
            assert (await http.get("/sessions")).json()[0]["target"] == "en"
        await speaker.say(kennedy(samples))
    assert [item.kind for item in emulator.sessions[0].said] == ["leak"]


@pytest.mark.parametrize("name", ["reset", "close_1011", "mute", "half_open", "go_away"])
async def test_faults_of_the_link(start: Start, samples: Scenario, name: str) -> None:
    """They strike translate sessions as others, while the interpretation is being said."""
    fault = Fault.model_validate({"name": name, "moment": "output", "at_ms": 200})
    async with start(faults=(fault,), schedule_factor=0.001) as emulator, speaking(emulator, into("ko")) as speaker:
        await speaker.talker.audio(kennedy(samples) + bytes(192_000))
        await speaker.talker.until(lambda: len(emulator.struck) == 1)
        if name in ("reset", "close_1011", "go_away"):
            await speaker.talker.closed()
    if name != "go_away":  # which leaves it time
        assert not emulator.sessions[0].utterances[0].complete


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ({"name": "leak", "moment": "output"}, "leak cannot strike at 'output'; it can at: during, after"),
        ({"name": "leak", "moment": "during", "parts": 2}, "it takes: lasting_ms, text"),
        ({"name": "refuse_401", "moment": "setup", "target": "en"}, "leave 'target' out"),
    ],
)
def test_mistakes(text: dict[str, Any], expected: str) -> None:
    """What makes no sense is refused in words."""
    with pytest.raises(ValueError, match=expected.replace("'", ".")):
        Fault.model_validate(text)
