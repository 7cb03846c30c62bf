"""The simultaneous engine's step, over a fake upstream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
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
    UserStoppedSpeakingFrame,
)
from pipecat.utils.errors import ErrorCategory
from pydantic import ValidationError

from gemini.connector import LiveConfig
from gemini.errors import FailureKind, UpstreamError
from gemini.events import SourceText, TargetAudio, TargetText
from processors.context import SessionContext
from processors.frames import (
    UpstreamReconnectedFrame,
    UtteranceEndedFrame,
    UtteranceServedFrame,
    UtteranceStartedFrame,
)
from processors.gemini_translate import GeminiTranslate, GeminiTranslateParams
from tests.support.fake_upstream import FakeConnection, FakeConnector
from tests.support.pcm import counting_pcm
from tests.support.steps import RunningStep, running
from tests.support.virtual_time import settle

RATE_HZ = 16_000
SOUND = TargetAudio(b"\1\0" * 2400, 24_000)
TEXTS = (InterimTranscriptionFrame, TranscriptionFrame, TTSTextFrame)


class Translating:
    """The step at work.

    Attributes:
        step: It, between two ends.
        connector: Opens the upstream's sessions.
    """

    def __init__(self, step: RunningStep, connector: FakeConnector):
        """Look on."""
        self.step = step
        self.connector = connector

    def into(self, target: str) -> FakeConnection:
        """The session that translates into a language."""
        targets = [config.translation_target for config in self.connector.configs]
        return self.connector.connections[targets.index(target)]

    async def hear(self, secs: float) -> None:
        """Sound comes for so long, in real time."""
        for _ in range(round(secs * 10)):
            await self.step.send(InputAudioRawFrame(counting_pcm(0, RATE_HZ // 10), RATE_HZ, 1))
            await asyncio.sleep(0.1)

    async def begin(self) -> None:
        """An utterance begins."""
        await self.step.send(UtteranceStartedFrame())

    async def end(self) -> None:
        """It ends."""
        await self.step.send(UtteranceEndedFrame())

    @property
    def told(self) -> list[object]:
        """What the step made of what came: texts as they are, other frames by their kind."""
        return [frame.text if isinstance(frame, TEXTS) else type(frame) for frame in self.step.down]


@asynccontextmanager
async def translating(
    spoken: str = "ko", connector: FakeConnector | None = None, *, marked: bool = True, **params: object
) -> AsyncIterator[Translating]:
    """The step for a Korean and English session."""
    connector = connector or FakeConnector()
    context = SessionContext("session", ("ko", "en"), spoken, connector, utterances_marked=marked)
    step = GeminiTranslate(GeminiTranslateParams.model_validate({"model": "m", **params}), context)
    async with running(step) as at_work:
        at_work.forget()
        yield Translating(at_work, connector)


def say(upstream: FakeConnection, source: str, target: str) -> None:
    """The upstream says a fragment of both."""
    upstream.say(SourceText(source, language="ko"))
    upstream.say(TargetText(target, language="en"), SOUND)


def awaiting(frames: list[Frame]) -> int:
    """How many utterances await output, as ``speech_state`` counts them."""
    count = 0
    for frame in frames:
        if isinstance(frame, UserStoppedSpeakingFrame):
            count += getattr(frame, "awaits_output", True)
        elif isinstance(frame, LLMFullResponseStartFrame | UtteranceServedFrame):
            count = max(0, count - 1)
    return count


async def test_an_interpretation_as_frames_while_somebody_speaks() -> None:
    """Texts and speech come before the utterance ends; silence ends the turn, with the texts once more."""
    async with translating() as talk:
        await talk.begin()
        await talk.hear(2)
        say(talk.into("en"), "안녕", "Hel")
        await settle()
        assert talk.told == [
            UtteranceStartedFrame,
            "안녕",
            LLMFullResponseStartFrame,
            "Hel",
            TTSStartedFrame,
            TTSAudioRawFrame,
        ]
        talk.step.forget()
        await talk.end()
        say(talk.into("en"), "하세요.", "lo.")
        await talk.hear(4)
        assert talk.told == [
            UtteranceEndedFrame,
            "안녕하세요.",
            "lo.",
            TTSAudioRawFrame,
            TTSStoppedFrame,
            "안녕하세요.",
            LLMFullResponseEndFrame,
        ]


@pytest.mark.parametrize(("spoken", "targets"), [("ko", ["en"]), ("en", ["ko"]), ("auto", ["ko", "en"])])
async def test_who_speaks_what_decides_how_many_sessions_there_are(spoken: str, targets: list[str]) -> None:
    """One session where the direction is known, else one for each, and all of them hear the same."""
    async with translating(spoken) as talk:
        assert [config.translation_target for config in talk.connector.configs] == targets
        assert {config.model for config in talk.connector.configs} == {"m"}
        await talk.begin()
        await talk.hear(1)
        assert [connection.pcm for connection in talk.connector.connections] == [
            counting_pcm(0, RATE_HZ // 10) * 10
        ] * len(targets)


@pytest.mark.parametrize(
    ("pair", "asked"), [(("en", "zh"), "zh-Hans"), (("en", "pt"), "pt-BR"), (("en", "pt-PT"), "pt-PT")]
)
async def test_the_model_is_asked_for_a_variety_where_it_has_several(pair: tuple[str, str], asked: str) -> None:
    """Whoever does not care gets the one that most people speak."""
    connector = FakeConnector()
    context = SessionContext("session", pair, "en", connector, utterances_marked=True)
    async with running(GeminiTranslate(GeminiTranslateParams(model="m"), context)):
        assert [config.translation_target for config in connector.configs] == [asked]


async def test_the_session_of_the_wrong_direction_is_never_heard() -> None:
    """Both say something; the target language is never the one that was spoken."""
    async with translating("auto") as talk:
        await talk.begin()
        await talk.hear(1)
        talk.into("ko").say(
            SourceText("안녕하세요.", language="ko"), TargetText("안녕하세요.", language="ko"), SOUND
        )
        say(talk.into("en"), "안녕하세요.", "Hello.")
        await talk.hear(1)
        await talk.end()
        await talk.hear(8)
        texts = [frame.text for frame in talk.step.frames(TTSTextFrame)]
        assert texts == ["Hello."]
        assert len(talk.step.frames(TTSAudioRawFrame)) == 1
        assert [frame.text for frame in talk.step.frames(TranscriptionFrame)] == ["안녕하세요."]


async def test_one_direction_follows_the_other() -> None:
    """What is said next in the other language is interpreted by the other session, turn after turn."""
    async with translating("auto") as talk:
        for source, code, target in (("안녕.", "ko", "en"), ("Hello.", "en", "ko")) * 2:
            await talk.begin()
            await talk.hear(1)
            for session in talk.connector.connections:
                session.say(SourceText(source, language=code))
            talk.into(target).say(TargetText(f"{source} in {target}", language=target), SOUND)
            await talk.end()
            await talk.hear(9)
        finals = [frame.text for frame in talk.step.frames(TranscriptionFrame)]
        assert finals == ["안녕.", "Hello."] * 2
        assert [frame.text for frame in talk.step.frames(TTSTextFrame)] == [
            "안녕. in en",
            "Hello. in ko",
        ] * 2


async def test_an_utterance_awaits_output_until_there_is_some() -> None:
    """What had output before its end awaits nothing; what had none does, until the first of it comes."""
    async with translating() as talk:
        await talk.begin()
        await talk.hear(1)
        await talk.end()
        assert awaiting(talk.step.down) == 1
        say(talk.into("en"), "하나", "One")
        await settle()
        assert awaiting(talk.step.down) == 0
        await talk.begin()
        say(talk.into("en"), "둘", "two")
        await talk.hear(1)
        await talk.end()
        assert awaiting(talk.step.down) == 0
        await talk.hear(20)
        assert awaiting(talk.step.down) == 0


async def test_several_utterances_without_output_await_it_together() -> None:
    """Turns are not utterances: the first output answers all that were finished."""
    async with translating() as talk:
        for _ in range(3):
            await talk.begin()
            await talk.hear(0.5)
            await talk.end()
        assert awaiting(talk.step.down) == 1
        say(talk.into("en"), "하나", "One")
        await settle()
        assert awaiting(talk.step.down) == 0


async def test_an_utterance_that_nothing_answers_awaits_nothing_when_the_stream_stops() -> None:
    """Where the target language is spoken the model is silent: that is no reason to wait on."""
    async with translating() as talk:
        await talk.begin()
        await talk.hear(1)
        await talk.end()
        talk.into("en").say(TargetAudio(bytes(4800), 24_000))
        await talk.hear(6)
        assert awaiting(talk.step.down) == 0
        assert talk.step.frames(TTSAudioRawFrame) == []


async def test_a_source_without_output_is_a_turn() -> None:
    """What was recognised is told, and its end, although nothing was interpreted."""
    async with translating() as talk:
        await talk.begin()
        await talk.hear(1)
        talk.into("en").say(SourceText("Hello.", language="en"))
        await talk.end()
        await talk.hear(6)
        assert [frame.text for frame in talk.step.frames(TranscriptionFrame)] == ["Hello."]
        assert len(talk.step.frames(LLMFullResponseEndFrame)) == 1
        assert awaiting(talk.step.down) == 0


async def test_pauses_are_left_out_while_the_client_is_behind() -> None:
    """A burst of sound takes time to play: zeros that come meanwhile would only make it later."""
    pause = TargetAudio(bytes(4800), 24_000)
    second = TargetAudio(b"\1\0" * 24_000, 24_000)
    async with translating() as talk:
        await talk.begin()
        await talk.hear(1)
        talk.into("en").say(
            SourceText("하나", language="ko"), TargetText("One", language="en"), second, pause, second
        )
        talk.into("en").say(pause, pause)
        await talk.hear(2)
        talk.into("en").say(TargetText(" two", language="en"), pause)
        await settle()
        sounds = [any(frame.audio) for frame in talk.step.frames(TTSAudioRawFrame)]
        assert sounds == [True, True, False]


async def test_an_unmarked_stream_is_interpreted_too() -> None:
    """Where no step marks utterances, the first source text of a turn says that somebody spoke."""
    async with translating(marked=False) as talk:
        await talk.hear(1)
        say(talk.into("en"), "안녕.", "Hello.")
        await talk.hear(4)
        assert talk.told[:3] == [UserStoppedSpeakingFrame, "안녕.", LLMFullResponseStartFrame]
        assert talk.told[-1] is LLMFullResponseEndFrame
        assert awaiting(talk.step.down) == 0


@pytest.mark.parametrize("spoken", ["ko", "auto"])
async def test_an_interruption_cuts_the_turn_that_plays(spoken: str) -> None:
    """A loss right after it is no failure of that turn, whichever session it was of."""
    async with translating(spoken) as talk:
        await talk.begin()
        await talk.hear(1)
        for session in talk.connector.connections:
            session.say(SourceText("안녕하세요", language="ko"))
        talk.into("en").say(TargetText("Hello", language="en"), SOUND)
        await talk.hear(1)
        await talk.step.send(InterruptionFrame())
        await talk.hear(6)
        assert len(talk.step.frames(LLMFullResponseEndFrame)) == 1


async def test_an_upstream_that_comes_back_is_told() -> None:
    """One frame for each connection that was lost and replaced."""
    async with translating("auto") as talk:
        talk.into("ko").lose()
        await settle(1)
        assert len(talk.step.frames(UpstreamReconnectedFrame)) == 1


class OneWayOnly(FakeConnector):
    """Refuses to translate into English, a moment after it is asked."""

    async def connect(self, config: LiveConfig) -> FakeConnection:
        """Open a session, or refuse it."""
        connection = await super().connect(config)
        if config.translation_target == "en":
            self.connections.remove(connection)
            await asyncio.sleep(0.05)
            raise UpstreamError(FailureKind.REJECTED, "no")
        return connection


@pytest.mark.parametrize("spoken", ["ko", "auto"])
async def test_a_refusal_at_connect_keeps_the_pipeline_from_starting(spoken: str) -> None:
    """Every session is needed: one that is refused is an error of its kind, and nothing stays open."""
    connector = OneWayOnly()
    context = SessionContext("session", ("ko", "en"), spoken, connector, utterances_marked=True)
    async with running(GeminiTranslate(GeminiTranslateParams(model="m"), context)) as step:
        assert not step.started
        (error,) = [frame for frame in step.up if isinstance(frame, ErrorFrame)]
        assert error.category is ErrorCategory.AUTHENTICATION
    assert all(connection.closed for connection in connector.connections)


@pytest.mark.parametrize("spoken", ["ko", "auto"])
async def test_an_upstream_that_is_lost_for_good_is_an_error(spoken: str) -> None:
    """Half of a conversation is none: the loss of either session ends both."""
    async with translating(spoken) as talk:
        talk.into("en").lose(UpstreamError(FailureKind.QUOTA, "You exceeded"))
        await settle(1)
        (error,) = [frame for frame in talk.step.up if isinstance(frame, ErrorFrame)]
        assert error.category is ErrorCategory.QUOTA


async def test_silence_has_to_stand_for_a_client_that_stopped() -> None:
    """Long enough for the longest tail: lagging output needs something to go up."""
    async with translating(stream_tail_secs=30) as talk:
        context = SessionContext("session", ("ko", "en"), "ko", talk.connector)
        assert GeminiTranslate(GeminiTranslateParams(model="m"), context).silence_to_end_secs == 30


@pytest.mark.parametrize(
    "wrong", [{"stream_tail_secs": 0.5}, {"stream_tail_secs": 31}, {"segment_silence_ms": 100}, {"voice": "Kore"}]
)
def test_parameters_are_checked(wrong: dict[str, object]) -> None:
    """What can't work is refused, and so is what the model does not take."""
    with pytest.raises(ValidationError):
        GeminiTranslateParams.model_validate({"model": "m", **wrong})
