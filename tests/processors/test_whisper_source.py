"""Source text by Whisper: whose text a turn shows, and when; the interpretation passes at once."""

import asyncio
import logging
import random

import pytest
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.utils.text.base_text_aggregator import TextType
from prometheus_client import REGISTRY

from processors.context import SessionContext
from processors.frames import (
    OutputRestartedFrame,
    SpeechDroppedFrame,
    UtteranceEndedFrame,
    UtteranceStartedFrame,
)
from processors.transcription import TranscriptionForwarder, TranscriptionForwarderParams
from processors.whisper_source import WhisperSource, WhisperSourceParams
from protocol.messages import Transcription, TurnComplete
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.fake_upstream import FakeConnector
from tests.support.steps import RunningStep, running
from tests.support.virtual_time import settle

RATE_HZ = 16_000
START, END = LLMFullResponseStartFrame, LLMFullResponseEndFrame


def context(recognizer: FakeRecognizer | None, *, spoken: str = "auto", marked: bool = True) -> SessionContext:
    """A Korean and English session."""
    return SessionContext(
        "session", ("ko", "en"), spoken, FakeConnector(), utterances_marked=marked, recognizer=recognizer
    )


def whisper(recognizer: FakeRecognizer, *, spoken: str = "auto") -> WhisperSource:
    """The step, with the times of its defaults."""
    clock = asyncio.get_running_loop().time
    return WhisperSource(WhisperSourceParams(), context(recognizer, spoken=spoken), clock=clock)


async def speak(step: RunningStep, secs: float) -> None:
    """Sound of so many seconds."""
    for _ in range(round(secs * 10)):
        await step.send(InputAudioRawFrame(bytes(RATE_HZ // 10 * 2), RATE_HZ, 1))


async def utter(step: RunningStep, secs: float) -> None:
    """A whole utterance, between its marks."""
    await step.send(UtteranceStartedFrame())
    await speak(step, secs)
    await step.send(UtteranceEndedFrame())


def interim(text: str) -> Frame:
    """The engine's source text so far."""
    return InterimTranscriptionFrame(text, "user", "now")


def final(text: str) -> Frame:
    """The engine's source text."""
    return TranscriptionFrame(text, "user", "now")


def target(text: str) -> Frame:
    """A piece of the interpretation."""
    return TTSTextFrame(text, TextType.TOKEN)


def speech() -> list[Frame]:
    """An interpretation's sound."""
    return [TTSStartedFrame(), TTSAudioRawFrame(bytes(480), 24_000, 1), TTSStoppedFrame()]


def told(step: RunningStep) -> list[str]:
    """What comes out of the step, in short."""
    short = []
    for frame in step.down:
        match frame:
            case InterimTranscriptionFrame():
                short.append(f"{frame.text}…")
            case TranscriptionFrame():
                short.append(f"{frame.text} [{frame.metadata.get('language')}]")
            case TTSTextFrame():
                short.append(f"> {frame.text}")
            case LLMFullResponseStartFrame():
                short.append("start")
            case LLMFullResponseEndFrame():
                short.append("end")
            case TTSAudioRawFrame():
                short.append("sound")
            case InputAudioRawFrame():
                short.append("LEAK")
    return short


def counted(result: str) -> float:
    """How many turns had their source text so."""
    return REGISTRY.get_sample_value("interpreter_whisper_turns_total", {"result": result}) or 0.0


async def test_a_turn_has_whispers_text_and_the_engines_interpretation() -> None:
    """Partials while it is spoken, the whole text after it; the engine's source text is never seen."""
    recognizer, before = FakeRecognizer(), counted("whisper")
    async with running(whisper(recognizer)) as step:
        await step.send(UtteranceStartedFrame())
        await speak(step, 1.0)
        recognizer.asked[0].say("안녕")
        await speak(step, 1.0)
        recognizer.asked[1].say("안녕 하세요")
        await step.send(UtteranceEndedFrame())
        await step.send(interim("nonsense"), START(), target("Hello."), *speech(), final("nonsense"))
        recognizer.asked[2].say("안녕하세요.")
        await step.send(END())
        assert told(step) == [
            "안녕…", "안녕 하세요…", "start", "> Hello.", "sound", "안녕하세요.…", "안녕하세요. [ko]", "end"
        ]  # fmt: skip
    assert [asked.secs for asked in recognizer.asked] == [1.0, 2.0, 2.0]
    assert counted("whisper") == before + 1


async def test_the_interpretation_does_not_wait() -> None:
    """Whisper says nothing at all: texts and sound pass, and the end waits as long as late text may take."""
    recognizer, before = FakeRecognizer(), counted("upstream")
    async with running(whisper(recognizer)) as step:
        await utter(step, 1.0)
        await step.send(interim("안녕하세요."), START(), target("Hello."), *speech(), final("안녕하세요."))
        assert told(step) == ["start", "> Hello.", "sound"]
        ending = asyncio.create_task(step.send(END()))
        await settle(1.4)
        assert told(step)[-1] == "sound"
        await settle(0.2)
        assert told(step)[-2:] == ["안녕하세요. [None]", "end"]
        await ending
        for asked in recognizer.open:
            asked.say("too late")
        await settle()
        assert told(step)[-1] == "end"
    assert counted("upstream") == before + 1


async def test_the_end_goes_as_soon_as_whisper_is_there() -> None:
    """It waits no longer than it has to."""
    recognizer = FakeRecognizer()
    async with running(whisper(recognizer, spoken="ko")) as step:
        await utter(step, 0.5)
        await step.send(START(), target("Hello."))
        ending = asyncio.create_task(step.send(END()))
        await settle(0.5)
        (asked,) = recognizer.asked
        assert asked.languages == ("ko",)
        asked.say("안녕.")
        await settle()
        assert told(step)[-2:] == ["안녕. [ko]", "end"]
        await ending


async def test_an_engine_that_keeps_the_speech_is_not_waited_for() -> None:
    """What Whisper never hears it says nothing about: the engine's text comes at once."""
    recognizer = FakeRecognizer()
    async with running(whisper(recognizer)) as step:
        await step.send(UtteranceStartedFrame(), UtteranceEndedFrame())
        await step.send(interim("안녕."), START(), target("Hello."), final("안녕."), END())
        assert told(step) == ["start", "> Hello.", "안녕. [None]", "end"]
    assert recognizer.asked == []


async def test_without_any_other_text_whispers_partial_is_the_turns() -> None:
    """The engine sent no source text, and Whisper was too late with the whole."""
    recognizer, before = FakeRecognizer(), counted("whisper_so_far")
    async with running(whisper(recognizer)) as step:
        await step.send(UtteranceStartedFrame())
        await speak(step, 1.0)
        recognizer.asked[0].say("안녕")
        await settle()
        await step.send(UtteranceEndedFrame(), START())
        ending = asyncio.create_task(step.send(END()))
        await settle(2.0)
        await ending
        assert told(step) == ["안녕…", "start", "안녕 [None]", "end"]
    assert counted("whisper_so_far") == before + 1


async def test_nothing_of_the_next_turn_comes_before_the_end_of_the_one_before() -> None:
    """Its text is kept until then, and shown as far as it came."""
    recognizer = FakeRecognizer()
    async with running(whisper(recognizer)) as step:
        await utter(step, 0.5)
        recognizer.asked[0].say("하나.")
        await settle()
        await step.send(START(), target("One."))
        await utter(step, 1.5)
        recognizer.asked[1].say("둘.")
        await settle()
        assert len(recognizer.asked) == 2, "a partial text that can't be shown is not worth the work"
        await step.send(target("Again."), END())
        assert told(step) == ["하나.…", "start", "> One.", "> Again.", "하나. [ko]", "end", "둘.…"]
        await step.send(START(), END())
        assert told(step)[-3:] == ["start", "둘. [ko]", "end"]


async def test_sound_that_ends_after_the_response_still_belongs_to_its_turn() -> None:
    """Engines of pipecat's may end in this order; the forwarder's turn ends with the later one."""
    recognizer = FakeRecognizer()
    async with running(whisper(recognizer)) as step:
        await utter(step, 0.5)
        recognizer.asked[0].say("하나.")
        await utter(step, 0.5)
        recognizer.asked[1].say("둘.")
        await step.send(START(), TTSStartedFrame(), END())
        assert told(step)[-1] == "end"
        await step.send(TTSStoppedFrame())
        assert told(step)[-1] == "둘.…"


async def test_an_interrupt_ends_the_wait() -> None:
    """The client wants no more of the turn, so nobody waits for its text."""
    recognizer = FakeRecognizer()
    async with running(whisper(recognizer)) as step:
        await utter(step, 0.5)
        await step.send(START(), target("Hello."))
        ending = asyncio.create_task(step.send(END()))
        await settle(0.1)
        assert told(step)[-1] == "> Hello."
        await step.worker.queue_frame(InterruptionFrame(), FrameDirection.UPSTREAM)
        await settle(0.1)
        assert told(step)[-1] == "end"
        await ending


async def test_an_interpretation_that_begins_anew_keeps_the_text() -> None:
    """What was said stays said: the text is told again, and no recognition is made twice."""
    recognizer = FakeRecognizer()
    async with running(whisper(recognizer)) as step:
        await utter(step, 0.5)
        recognizer.asked[0].say("안녕.")
        await settle()
        await step.send(START(), target("He"), OutputRestartedFrame(response_begun=True))
        await step.send(START(), target("Hello."), END())
        assert told(step) == ["안녕.…", "start", "> He", "안녕.…", "start", "> Hello.", "안녕. [ko]", "end"]
    assert len(recognizer.asked) == 1


@pytest.mark.parametrize("behind", [0, 1])
async def test_an_utterance_that_nothing_answers_takes_its_text_with_it(behind: int) -> None:
    """The other one's turn has the other one's text."""
    recognizer = FakeRecognizer()
    async with running(whisper(recognizer)) as step:
        for text in ("하나.", "둘."):
            await utter(step, 0.5)
            recognizer.asked[-1].say(text)
        await step.send(SpeechDroppedFrame(500, whole_utterance=True, behind=behind), START(), END())
        assert told(step)[-2:] == [("둘. [ko]", "하나. [ko]")[behind], "end"]


async def test_late_text_of_a_turn_that_is_over_is_not_told() -> None:
    """Whisper told it; and a text of the next utterance is not taken for its end."""
    recognizer = FakeRecognizer()
    async with running(whisper(recognizer)) as step:
        await step.send(UtteranceStartedFrame())
        await speak(step, 1.0)
        recognizer.asked[0].say("둘")
        await settle()
        await step.send(interim("하나."), final("하나."), END())
        assert told(step) == ["둘…"]
        await step.send(target("Late."), final("하나."), END())
        assert told(step) == ["둘…", "> Late.", "end", "둘…"]


async def test_partials_give_way_to_others() -> None:
    """Where every thread is busy, only what is over waits for one."""
    recognizer = FakeRecognizer()
    recognizer.free = False
    async with running(whisper(recognizer)) as step:
        await step.send(UtteranceStartedFrame())
        await speak(step, 3.0)
        assert recognizer.asked == []
        await step.send(UtteranceEndedFrame())
        assert [asked.secs for asked in recognizer.asked] == [3.0]


async def test_the_language_is_asked_for_until_it_is_sure() -> None:
    """Three seconds tell; from then on there is one."""
    recognizer = FakeRecognizer()
    async with running(whisper(recognizer)) as step:
        await step.send(UtteranceStartedFrame())
        for _ in range(4):
            await speak(step, 1.0)
            recognizer.asked[-1].say("Hello", "en")
            await settle()
        assert [asked.languages for asked in recognizer.asked] == [("ko", "en")] * 3 + [("en",)]


async def test_a_model_that_fails_leaves_the_engines_text(caplog: pytest.LogCaptureFixture) -> None:
    """Turn after turn; the log says so once, without a word of anybody."""
    recognizer = FakeRecognizer()
    with caplog.at_level(logging.WARNING):
        async with running(whisper(recognizer)) as step:
            for text in ("하나.", "둘."):
                await utter(step, 0.5)
                recognizer.asked[-1].answer.set_exception(RuntimeError("secret words"))
                await step.send(interim(text), START(), target("Hello."), final(text), END())
            assert [each for each in told(step) if each.endswith("]")] == ["하나. [None]", "둘. [None]"]
    assert [record.message for record in caplog.records] == ["whisper failed"]
    assert "secret" not in caplog.text


async def test_an_utterance_without_end_is_given_up() -> None:
    """After a minute the engine's text is shown, and its sound is kept no longer."""
    recognizer = FakeRecognizer()
    recognizer.free = False
    step_made = whisper(recognizer)
    async with running(step_made) as step:
        await step.send(UtteranceStartedFrame())
        await speak(step, 70.0)
        assert step_made._audio._ring.end - step_made._audio._ring.start < 3 * RATE_HZ
        await step.send(UtteranceEndedFrame(), interim("long"), START(), final("long"), END())
        assert told(step) == ["start", "long [None]", "end"]
    assert recognizer.asked == []


async def test_the_forwarder_makes_lawful_turns_of_it() -> None:
    """Behind the step a client sees partials, one final with the detected language, and the end of the turn."""
    recognizer = FakeRecognizer()
    forwarder = TranscriptionForwarder(TranscriptionForwarderParams(), context(recognizer))
    async with running(whisper(recognizer), forwarder) as step:
        await utter(step, 0.5)
        await step.send(interim("안녕히"), START(), target("Hello."), *speech(), final("안녕히"))
        recognizer.asked[0].say("안녕하세요.")
        await step.send(END())
        fields = [message.model_dump(exclude_none=True, exclude={"seq"}) for message in step.messages]
        assert [(each["type"], each.get("text"), each.get("language")) for each in fields] == [
            ("output_transcription", "Hello.", None),
            ("input_transcription", "안녕하세요.", None),
            ("input_transcription", "안녕하세요.", "ko"),
            ("output_transcription", "Hello.", "en"),
            ("turn_complete", None, None),
        ]


async def test_who_leaves_leaves_no_work() -> None:
    """A session that ends while the model works, or while a turn waits for it, waits for nothing."""
    recognizer = FakeRecognizer()
    async with running(whisper(recognizer)) as step:
        await utter(step, 0.5)
        assert len(recognizer.open) == 1
    assert recognizer.open == []


def test_only_who_asked_has_the_step() -> None:
    """And only where a step before marks utterances."""
    assert WhisperSource.asked_for(WhisperSourceParams(), context(FakeRecognizer()))
    assert not WhisperSource.asked_for(WhisperSourceParams(), context(FakeRecognizer(), marked=False))
    assert not WhisperSource.asked_for(WhisperSourceParams(), context(None))
    with pytest.raises(ValueError, match="expected a session with a recogniser"):
        WhisperSource(WhisperSourceParams(), context(None))


@pytest.mark.parametrize("seed", range(25))
async def test_every_turn_has_the_text_of_its_own_utterance(seed: int) -> None:
    """Whoever is quick or slow: turns come in order, each with the text of one utterance alone."""
    rng = random.Random(seed)
    recognizer = FakeRecognizer()
    forwarder = TranscriptionForwarder(TranscriptionForwarderParams(), context(recognizer))
    count = 6
    said = asyncio.Semaphore(0)

    async def speaker(step: RunningStep) -> None:
        for number in range(count):
            await step.send(UtteranceStartedFrame())
            for _ in range(rng.randint(2, 25)):
                pcm = bytes([number + 1, 0]) * (RATE_HZ // 10)
                await step.send(InputAudioRawFrame(pcm, RATE_HZ, 1))
                await asyncio.sleep(0.1)
            await step.send(UtteranceEndedFrame())
            said.release()
            await asyncio.sleep(rng.choice([0.0, 0.3, 2.0]))

    async def engine(step: RunningStep) -> None:
        for number in range(count):
            await said.acquire()
            await asyncio.sleep(rng.choice([0.0, 0.5, 3.0]))
            await step.send(interim(f"engine {number}"), START(), target(f"target {number}"), *speech())
            if rng.random() < 0.2:
                await step.send(OutputRestartedFrame(response_begun=True))
                await step.send(START(), target(f"target {number}"), *speech())
            await asyncio.sleep(rng.choice([0.0, 0.5]))
            await step.send(final(f"engine {number}"), END())

    async def listener() -> None:
        answered = 0
        while True:
            await asyncio.sleep(0.05)
            for asked in recognizer.asked[answered:]:
                answered += 1
                await asyncio.sleep(rng.choice([0.0, 0.2, 1.0, 4.0]))
                if not asked.answer.done():
                    number = asked.pcm[len(asked.pcm) // 4 * 2] - 1  # the pre-roll may be of the one before
                    asked.say(f"whisper {number}")

    async with running(whisper(recognizer), forwarder) as step:
        listening = asyncio.create_task(listener())
        await asyncio.gather(speaker(step), engine(step))
        await settle(5.0)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        turns = [message for message in step.messages if isinstance(message, TurnComplete)]
        texts = [(turn.input_text.split()[-1], turn.output_text) for turn in turns]
        assert texts == [(str(number), f"target {number}") for number in range(count)]
        current = 0
        for message in step.messages:
            if isinstance(message, TurnComplete):
                current += 1
            elif isinstance(message, Transcription):
                assert message.text.split()[-1] == str(current), step.messages
