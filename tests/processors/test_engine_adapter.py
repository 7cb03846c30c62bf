"""The engine adapter around a stand-in for a stock service, up to the protocol's messages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TranscriptionFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.utils.errors import ErrorCategory

from processors.context import SessionContext
from processors.engine_adapter import EngineAdapter, EngineAdapterParams
from processors.frames import DrainFrame, SpeechDroppedFrame, UtteranceEndedFrame, UtteranceStartedFrame
from processors.transcription import TranscriptionForwarder, TranscriptionForwarderParams
from protocol.messages import Interrupt, Interrupted, ServerMessage, Transcription, TurnComplete, Warning
from tests.support.fake_upstream import FakeConnector
from tests.support.pcm import counting_pcm
from tests.support.steps import RunningStep, running
from tests.support.stock_engine import BEGIN, END, StockEngine, speech, target_text
from tests.support.virtual_time import settle

RATE_HZ = 16_000
FIRST, SECOND = counting_pcm(0, 8000), counting_pcm(20_000, 28_000)


@dataclass
class Bench:
    """An adapted service, and the forwarder behind it."""

    step: RunningStep
    service: StockEngine
    forwarder: TranscriptionForwarder

    @property
    def told(self) -> list[tuple[object, ...]]:
        """What the client is told, in short."""
        return [short(message) for message in self.step.messages]

    async def utter(self, pcm: bytes) -> None:
        """An utterance, with silence after it."""
        await self.step.send(UtteranceStartedFrame(offset_samples=0), InputAudioRawFrame(pcm, RATE_HZ, 1))
        await self.step.send(UtteranceEndedFrame(offset_samples=0), InputAudioRawFrame(b"\0\0" * 320, RATE_HZ, 1))

    async def recognise(self, text: str) -> None:
        """The service pushes a source text upstream."""
        await self.service.say_upstream(TranscriptionFrame(text, "", "now"))


def short(message: ServerMessage) -> tuple[object, ...]:
    """What matters of a message."""
    match message:
        case Transcription():
            return message.type.removesuffix("_transcription"), message.text, message.is_final
        case TurnComplete():
            return "complete", message.input_text, message.output_text
        case Warning():
            return message.code, message.ms
    return (message.type,)


@asynccontextmanager
async def bench(*, marked: bool = True, **params: object) -> AsyncIterator[Bench]:
    """Run an adapted service, at virtual time."""
    context = SessionContext("session", ("ko", "en"), "auto", FakeConnector(), marked)
    adapter = EngineAdapter(EngineAdapterParams.model_validate({"preroll_ms": 0, **params}), context)
    service = StockEngine()
    forwarder = TranscriptionForwarder(TranscriptionForwarderParams(), context)
    async with running(adapter, service, adapter.far_side, forwarder) as step:
        await settle()
        step.forget()
        yield Bench(step, service, forwarder)


def turn(source: str, target: str) -> list[tuple[object, ...]]:
    """The end of a turn."""
    return [("input", source, True), ("output", target, True), ("complete", source, target)]


async def test_a_turn_of_a_service_as_the_client_is_told_of_it() -> None:
    """Source text that comes upstream, text that comes twice and starts that come twice make one turn, in order."""
    async with bench() as talk:
        await talk.utter(FIRST)
        await talk.recognise("안녕하세요.")
        await talk.service.answer()
        await settle()
        assert talk.told == [
            ("input", "안녕하세요.", False),
            ("output", "Hello.", False),
            *turn("안녕하세요.", "Hello."),
        ]
        assert len(talk.step.frames(LLMFullResponseStartFrame)) == 1
        assert len(talk.step.frames(LLMFullResponseEndFrame)) == 1
        assert talk.service.heard == [BEGIN, FIRST, END]


async def test_our_frames_go_round_the_service_and_its_own_end_with_it() -> None:
    """Marks arrive behind it as they were, and nothing of what the adapter made for it, nor any input audio."""
    async with bench() as talk:
        await talk.step.send(VADUserStartedSpeakingFrame())
        await talk.utter(FIRST)
        await talk.step.send(DrainFrame())
        kinds = (VADUserStartedSpeakingFrame, UtteranceStartedFrame, UtteranceEndedFrame, DrainFrame)
        assert [type(frame) for frame in talk.step.down] == list(kinds)


@pytest.mark.parametrize("empty_context", [True, False])
async def test_a_service_that_waits_for_a_context_gets_an_empty_one(empty_context: bool) -> None:
    """Once, and only where the file says so: another kind of service would begin to talk."""
    async with bench(empty_context=empty_context) as talk:
        assert talk.service.contexts == int(empty_context)


async def test_the_next_utterance_waits_for_the_answer() -> None:
    """A service never holds two unanswered utterances; none is lost, and each gets its own turn."""
    async with bench() as talk:
        await talk.utter(FIRST)
        await talk.utter(SECOND)
        assert talk.service.heard == [BEGIN, FIRST, END]
        await talk.recognise("One.")
        await talk.service.answer("하나.")
        await settle()
        assert talk.service.heard == [BEGIN, FIRST, END, BEGIN, SECOND, END]
        await talk.recognise("Two.")
        await talk.service.answer("둘.")
        await settle()
        assert [line for line in talk.told if line[0] == "complete"] == [
            ("complete", "One.", "하나."),
            ("complete", "Two.", "둘."),
        ]


async def test_deltas_become_the_whole_text_so_far() -> None:
    """Where interims are deltas, the client gets text that grows, and the final as the service says it."""
    async with bench(interims="deltas") as talk:
        await talk.utter(FIRST)
        for delta in ("No", " no"):
            await talk.service.say_upstream(InterimTranscriptionFrame(delta, "", "now"))
        await talk.recognise("No, no")
        await talk.service.answer()
        await settle()
        assert talk.told[:3] == [("input", "No", False), ("input", "No no", False), ("input", "No, no", False)]
        assert ("complete", "No, no", "Hello.") in talk.told


async def test_the_end_of_a_turn_waits_for_a_late_source_text() -> None:
    """A turn whose source text is missing or unfinished stays open for a while, and no longer."""
    async with bench(late_text_ms=1500) as talk:
        await talk.utter(FIRST)
        await talk.service.answer()
        await settle(1.0)
        assert talk.told == [("output", "Hello.", False)]
        await talk.recognise("늦었어요.")
        await settle()
        assert talk.told[-1] == ("complete", "늦었어요.", "Hello.")
        await talk.utter(SECOND)
        await talk.service.answer()
        await settle(2.0)
        assert talk.told[-1] == ("complete", "", "Hello.")


async def test_a_source_text_that_comes_too_late_is_a_turn_of_its_own() -> None:
    """When nothing is unanswered, it is told; when it only repeats the turn before, it is not."""
    async with bench(late_text_ms=500) as talk:
        await talk.utter(FIRST)
        await talk.recognise("안녕하세요.")
        await talk.service.answer()
        await settle()
        told = len(talk.told)
        await talk.recognise("안녕 하세요.")
        await settle(1.0)
        assert talk.told[told:] == []
        await talk.recognise("하나 더.")
        await settle(1.0)
        assert talk.told[told:] == [
            ("input", "하나 더.", False),
            ("input", "하나 더.", True),
            ("complete", "하나 더.", ""),
        ]
        assert len(talk.step.frames(LLMFullResponseStartFrame)) == 1, "it would count as the answer to what comes"


async def test_an_utterance_without_an_answer_holds_nothing_up() -> None:
    """After the time limit it counts as answered, the client hears nothing of it, and the next one goes."""
    async with bench(turn_timeout_secs=5) as talk:
        await talk.utter(FIRST)
        await talk.utter(SECOND)
        await settle(5.1)
        assert talk.told == []
        assert len(talk.step.frames(LLMFullResponseStartFrame)) == 1
        assert talk.service.heard[-2:] == [SECOND, END]


async def test_output_that_breaks_off_ends_its_turn() -> None:
    """A service that never says that it is done costs a wait, not the session."""
    async with bench(turn_timeout_secs=5) as talk:
        await talk.utter(FIRST)
        await talk.recognise("안녕하세요.")
        await talk.service.begin_answer()
        await settle(4)
        assert talk.told[-1] == ("output", "Hello.", False)
        await settle(1.1)
        assert talk.told[-3:] == turn("안녕하세요.", "Hello.")


async def test_an_end_that_comes_after_a_turn_was_given_up_is_none_of_the_next() -> None:
    """It ends nothing but what had begun."""
    async with bench(turn_timeout_secs=5) as talk:
        await talk.utter(FIRST)
        await settle(5.1)
        await talk.utter(SECOND)
        await talk.service.end_answer()
        await talk.recognise("둘.")
        await talk.service.answer("Two.")
        await settle()
        assert talk.told[-3:] == turn("둘.", "Two.")


async def test_interrupt_cuts_the_turn_and_not_what_is_said_meanwhile() -> None:
    """A realtime service hears nothing of it: it would throw away the speech that it holds."""
    async with bench() as talk:
        await talk.utter(FIRST)
        await talk.recognise("안녕하세요.")
        await talk.service.begin_answer()
        await talk.utter(SECOND)
        await talk.step.send(InputTransportMessageFrame(message=Interrupt(type="interrupt")))
        assert isinstance(talk.step.messages[2], Interrupted)
        assert talk.told[3:] == turn("안녕하세요.", "Hello.")
        await talk.service.say(target_text(" More."), speech(b"\2\0"))
        await talk.service.end_answer()
        await settle()
        assert len(talk.told) == 6
        assert talk.service.heard[-2:] == [SECOND, END]


async def test_a_cascade_is_told_to_stop_and_goes_on_with_the_next() -> None:
    """Its services work for the turn that is cut, and for nothing else."""
    async with bench(engine="cascade") as talk:
        await talk.utter(FIRST)
        await talk.recognise("안녕하세요.")
        await talk.service.begin_answer()
        await talk.utter(SECOND)
        await talk.step.send(InputTransportMessageFrame(message=Interrupt(type="interrupt")))
        await settle()
        assert talk.told[-3:] == turn("안녕하세요.", "Hello.")
        assert talk.service.heard[-2:] == [SECOND, END]


async def test_an_interruption_of_the_services_own_ends_the_turn() -> None:
    """As Gemini's does when its own detection hears the speaker: the client keeps what it has."""
    async with bench() as talk:
        await talk.utter(FIRST)
        await talk.recognise("안녕하세요.")
        await talk.service.begin_answer()
        await talk.service.broadcast_frame(InterruptionFrame)
        await settle()
        assert talk.told[-3:] == turn("안녕하세요.", "Hello.")
        assert not talk.step.frames(InterruptionFrame)
        assert not [frame for frame in talk.step.up if isinstance(frame, InterruptionFrame)]


async def test_without_marks_the_stream_goes_through_and_turns_show_in_the_text() -> None:
    """The service finds the utterances; what it recognises counts as one that was heard."""
    async with bench(marked=False) as talk:
        await talk.step.send(InputAudioRawFrame(FIRST, RATE_HZ, 1))
        assert talk.service.heard == [FIRST]
        await talk.recognise("안녕하세요.")
        await talk.service.answer()
        await settle()
        assert talk.told[-3:] == turn("안녕하세요.", "Hello.")
        assert (
            len(talk.step.frames(UserStoppedSpeakingFrame)) == len(talk.step.frames(LLMFullResponseStartFrame)) == 1
        )


def errors_of(frames: Sequence[Frame]) -> list[ErrorCategory | None]:
    """The categories of the errors that go to the session."""
    return [frame.category for frame in frames if isinstance(frame, ErrorFrame)]


async def test_a_failure_of_a_realtime_service_is_one_of_the_upstream() -> None:
    """A service that says no more than that it failed does not make it a fault of ours."""
    async with bench() as talk:
        await talk.service.push_error("Send error: gone")
        await settle()
        assert errors_of(talk.step.up) == [ErrorCategory.CONNECTIVITY]


async def test_the_words_of_a_failure_stay_out_of_the_log() -> None:
    """They may quote a key or what was said: its kind is told, and the status where there was one."""
    async with bench(engine="cascade") as talk:
        error = RuntimeError("Incorrect API key provided: sk-1")
        error.status_code = 401  # type: ignore[attr-defined]  # as errors of client libraries have it
        await talk.service.push_error(f"Error during completion: {error}", error)
        await settle()
        (frame,) = [frame for frame in talk.step.up if isinstance(frame, ErrorFrame)]
        assert frame.category is ErrorCategory.AUTHENTICATION
        assert frame.exception is None
        assert frame.error.endswith(": RuntimeError, status 401")


async def test_what_fails_behind_the_engine_is_none_of_its_failures() -> None:
    """Errors of our own steps go round the service, and stay faults of ours."""
    async with bench(engine="cascade") as talk:
        await talk.forwarder.push_error("a fault of ours", category=ErrorCategory.UNKNOWN)
        await settle()
        assert errors_of(talk.step.up) == [ErrorCategory.UNKNOWN]


async def test_the_log_says_what_failed_in_a_cascade(caplog: pytest.LogCaptureFixture) -> None:
    """The kind of the error, and the status where there was one, so that a wrong URL is told from a full server."""
    async with bench(engine="cascade") as talk:
        await talk.utter(FIRST)
        error = RuntimeError("said: my secret")
        error.status_code = 404  # type: ignore[attr-defined]  # as errors of client libraries have it
        await talk.service.push_error("failed", error, category=ErrorCategory.SERVER)
        await settle()
        (record,) = [record for record in caplog.records if record.message == "step of the engine failed"]
        assert record.__dict__["fields"]["error"] == "RuntimeError, status 404"


async def test_a_failure_in_a_cascade_costs_the_utterance() -> None:
    """The client is warned of lost speech, the state is not stuck, and the next utterance is interpreted."""
    async with bench(engine="cascade") as talk:
        await talk.utter(FIRST)
        await talk.utter(SECOND)
        await talk.service.push_error("status 500", category=ErrorCategory.SERVER)
        await settle(1.1)
        assert talk.told == [("SPEECH_DROPPED", 500)]
        assert [frame.whole_utterance for frame in talk.step.frames(SpeechDroppedFrame)] == [True]
        assert errors_of(talk.step.up) == []
        await talk.recognise("둘.")
        await talk.service.answer("Two.")
        await settle()
        assert talk.told[-3:] == turn("둘.", "Two.")


async def test_a_failure_in_the_middle_of_an_answer_keeps_what_there_is_of_it() -> None:
    """The turn ends with what the services still push, and the warning says that some is missing."""
    async with bench(engine="cascade") as talk:
        await talk.utter(FIRST)
        await talk.recognise("안녕하세요. 반갑습니다.")
        await talk.service.begin_answer()
        await talk.service.push_error("status 500", category=ErrorCategory.SERVER)
        await talk.service.end_answer()
        await settle()
        assert ("SPEECH_DROPPED", 500) in talk.told
        assert [frame.whole_utterance for frame in talk.step.frames(SpeechDroppedFrame)] == [False]
        assert talk.told[-1] == ("complete", "안녕하세요. 반갑습니다.", "Hello.")


async def test_a_cascade_needs_marks() -> None:
    """Without them nothing would ever be recognised, and nobody would know why."""
    with pytest.raises(ValueError, match="expected a step before a cascade that marks utterances"):
        async with bench(engine="cascade", marked=False):
            pass


async def test_a_cascade_that_never_answers_ends_the_session() -> None:
    """So many utterances in a row are too many; one that is answered begins the count anew."""
    async with bench(engine="cascade", max_failures=2, turn_timeout_secs=5) as talk:
        await talk.utter(FIRST)
        await settle(5.1)
        await talk.utter(SECOND)
        await talk.service.answer()
        await settle(2.0)
        for _ in range(2):
            assert errors_of(talk.step.up) == []
            await talk.utter(FIRST)
            await settle(5.1)
        assert errors_of(talk.step.up) == [ErrorCategory.CONNECTIVITY]


@pytest.mark.parametrize(
    "category", [ErrorCategory.AUTHENTICATION, ErrorCategory.INVALID_REQUEST, ErrorCategory.QUOTA]
)
async def test_what_no_repetition_helps_against_ends_the_session_at_once(category: ErrorCategory) -> None:
    """A key, a model or a quota is for the operator to see to, in a cascade, too."""
    async with bench(engine="cascade") as talk:
        await talk.utter(FIRST)
        await talk.service.push_error("refused", category=category)
        await settle()
        assert errors_of(talk.step.up) == [category]
