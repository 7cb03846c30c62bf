"""Engine frames to the protocol's texts and turns: rules 1, 2 and 6 of the protocol."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat.frames.frames import (
    Frame,
    InputTransportMessageFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transcriptions.language import Language
from pipecat.utils.text.base_text_aggregator import TextType

from processors.context import SessionContext
from processors.frames import (
    OutputRestartedFrame,
    ProtocolMessageFrame,
    SpeechDroppedFrame,
    UpstreamReconnectedFrame,
)
from processors.transcription import TranscriptionForwarder, TranscriptionForwarderParams
from protocol.messages import Interrupt, Warning
from tests.support.fake_upstream import FakeConnector
from tests.support.steps import RunningStep, running

PIECE = b"\1\0" * 2400
"""100 ms of speech."""


@dataclass
class Clock:
    """Seconds, as a test sets them."""

    now: float = 0.0

    def __call__(self) -> float:
        """The seconds."""
        return self.now


def forwarder(
    *, spoken: str = "auto", barge_in: bool = False, clock: Clock | None = None
) -> TranscriptionForwarder:
    """The step for a Korean and English session."""
    context = SessionContext("session", ("ko", "en"), spoken, FakeConnector())
    params = TranscriptionForwarderParams(barge_in=barge_in)
    return TranscriptionForwarder(params, context, clock=clock or Clock())


def interim(text: str) -> Frame:
    """Source text, whole so far."""
    return InterimTranscriptionFrame(text, "user", "now")


def final(text: str, language: str | None = None) -> Frame:
    """The whole source text, with the upstream's code."""
    frame = TranscriptionFrame(text, "user", "now")
    if language is not None:
        frame.metadata["language"] = language
    return frame


def target(text: str, language: str | None = None) -> Frame:
    """A piece of target text, spaces included, with the upstream's code."""
    frame = TTSTextFrame(text, TextType.TOKEN)
    frame.includes_inter_frame_spaces = True
    if language is not None:
        frame.metadata["language"] = language
    return frame


def speech() -> Frame:
    """A piece of interpreted speech."""
    return TTSAudioRawFrame(PIECE, 24000, 1)


def interrupt() -> Frame:
    """The client's ``interrupt``, as the session hands it in."""
    return InputTransportMessageFrame(message=Interrupt())


START, END = LLMFullResponseStartFrame, LLMFullResponseEndFrame


def shown(step: RunningStep) -> list[str]:
    """What the client gets, in short: ``in…``/``out…`` partials, ``IN``/``OUT`` finals, audio, ends."""
    short: list[str] = []
    for frame in step.down:
        if isinstance(frame, TTSAudioRawFrame):
            short.append("audio")
        if isinstance(frame, ProtocolMessageFrame):
            fields = frame.message.model_dump()
            match fields["type"]:
                case "input_transcription" | "output_transcription" as kind:
                    side = kind.removesuffix("put_transcription")
                    text = fields["text"]
                    language = fields["language"]
                    short.append(f"{side.upper()} {text} [{language}]" if fields["is_final"] else f"{side} {text}…")
                    assert fields["is_final"] == (language is not None)
                case "turn_complete":
                    short.append(f"end {fields['input_text']} | {fields['output_text']}")
                case "interrupted":
                    short.append(f"interrupted {fields['reason']}")
                case "warning":
                    short.append(f"warning {fields['code']} {fields['ms']}")
    return short


def turn(*, ended: bool = True) -> list[Frame]:
    """The frames of an ordinary turn."""
    frames = [
        interim("안녕"),
        interim("안녕하세요."),
        START(),
        target("Hel"),
        TTSStartedFrame(),
        speech(),
        target("lo."),
        speech(),
    ]
    return [*frames, TTSStoppedFrame(), final("안녕하세요."), END()] if ended else frames


ORDINARY = ["in 안녕…", "in 안녕하세요.…", "out Hel…", "audio", "out Hello.…", "audio"]
FINALS = ["IN 안녕하세요. [ko]", "OUT Hello. [en]", "end 안녕하세요. | Hello."]


# Rules 1 and 2


async def test_an_ordinary_turn() -> None:
    """Partials grow, audio comes as it is, then input final, output final and ``turn_complete``."""
    async with running(forwarder()) as step:
        await step.send(*turn())
        assert shown(step) == [*ORDINARY, *FINALS]


async def test_turns_follow_one_another() -> None:
    """Each turn begins anew; nothing of the next comes before the end of this."""
    async with running(forwarder()) as step:
        await step.send(*turn(), *turn())
        assert shown(step) == [*ORDINARY, *FINALS] * 2


async def test_the_end_waits_for_the_end_of_speech() -> None:
    """``turn_complete`` follows the later of the two ends that an engine sends."""
    async with running(forwarder()) as step:
        await step.send(final("네."), TTSStartedFrame(), speech(), END())
        assert "end 네. | " not in shown(step)
        await step.send(speech(), TTSStoppedFrame())
        assert shown(step)[-3:] == ["audio", "IN 네. [ko]", "end 네. | "]


async def test_the_stop_of_speech_passes_before_the_finals() -> None:
    """The transport learns of the end of speech before ``turn_complete``, and so can flush its last piece first."""
    async with running(forwarder()) as step:
        await step.send(*turn())
        kinds = [type(frame) for frame in step.down]
        assert kinds.index(TTSStoppedFrame) < len(kinds) - 3
        assert kinds[-4:] == [LLMFullResponseEndFrame, *[ProtocolMessageFrame] * 3]


async def test_a_repeated_partial_is_not_sent_again() -> None:
    """The same source text twice is sent once, also when it comes as a final transcription."""
    async with running(forwarder()) as step:
        await step.send(interim("네"), interim("네"), final("네"), END())
        assert shown(step) == ["in 네…", "IN 네 [ko]", "end 네 | "]


async def test_source_text_alone_completes() -> None:
    """A turn without output ends with ``outputText: ""`` and no output final."""
    async with running(forwarder()) as step:
        await step.send(START(), final("네."), END())
        assert shown(step) == ["in 네.…", "IN 네. [ko]", "end 네. | "]


async def test_output_alone_completes() -> None:
    """A turn without source text ends with ``inputText: ""`` and no input final."""
    async with running(forwarder()) as step:
        await step.send(START(), target("Yes."), END())
        assert shown(step) == ["out Yes.…", "OUT Yes. [en]", "end  | Yes."]


async def test_sound_alone_completes() -> None:
    """A turn that has audio and no text has an end, and no finals."""
    async with running(forwarder()) as step:
        await step.send(START(), TTSStartedFrame(), speech(), TTSStoppedFrame(), END())
        assert shown(step) == ["audio", "end  | "]


async def test_nothing_gives_nothing() -> None:
    """A turn with neither text nor audio is not shown at all."""
    async with running(forwarder()) as step:
        await step.send(START(), END(), interim(""), final(""), target(""), END())
        assert shown(step) == []


async def test_words_of_other_engines_are_joined_with_spaces() -> None:
    """Where an engine's pieces of text carry no spaces, they get them."""
    async with running(forwarder()) as step:
        await step.send(TTSTextFrame("Good", TextType.WORD), TTSTextFrame("day.", TextType.WORD), END())
        assert shown(step)[:2] == ["out Good…", "out Good day.…"]


@pytest.mark.parametrize(
    ("spoken", "source", "source_code", "output", "output_code", "languages"),
    [
        ("auto", "안녕.", None, "Hi.", None, ("ko", "en")),
        ("auto", "Hi.", None, "안녕.", None, ("en", "ko")),
        ("auto", "Hi.", "ko-KR", "안녕.", "en", ("en", "ko")),
        ("ko", "2026", None, "2026", None, ("ko", "en")),
        ("en", "2026", None, "2026", None, ("en", "ko")),
        ("auto", "2026", "en-US", "2026", None, ("en", "ko")),
        ("auto", "2026", "en-US", "2026", "ko", ("en", "ko")),
        ("auto", "Привет.", None, "Hi.", None, ("ru", "en")),
        ("auto", "Hi.", None, "Hi.", None, ("en", "en")),
    ],
)
async def test_the_language_of_a_final_is_detected(
    spoken: str,
    source: str,
    source_code: str | None,
    output: str,
    output_code: str | None,
    languages: tuple[str, str],
) -> None:
    """By script; else by the upstream's code, else the detected source, and the other one for the output."""
    async with running(forwarder(spoken=spoken)) as step:
        await step.send(final(source, source_code), target(output, output_code), END())
        assert shown(step)[2:4] == [f"IN {source} [{languages[0]}]", f"OUT {output} [{languages[1]}]"]


async def test_a_number_is_in_the_language_that_was_spoken_before() -> None:
    """Text without letters takes the language of the last source text that had some."""
    async with running(forwarder()) as step:
        await step.send(final("Hello."), END(), final("2026"), target("2026"), END())
        assert shown(step)[-3:] == ["IN 2026 [en]", "OUT 2026 [ko]", "end 2026 | 2026"]


async def test_a_stock_engines_language_counts() -> None:
    """The language that a stock frame carries is the upstream's code."""
    async with running(forwarder()) as step:
        await step.send(TranscriptionFrame("2026", "user", "now", Language.EN_US), END())
        assert shown(step)[1] == "IN 2026 [en]"


# Rule 6


async def test_interrupt_between_turns_is_answered() -> None:
    """Without output ``interrupt`` gives ``interrupted``, and nothing else changes; a second one is harmless."""
    async with running(forwarder()) as step:
        await step.send(interrupt(), interrupt(), *turn())
        assert shown(step) == ["interrupted client", "interrupted client", *ORDINARY, *FINALS]


async def test_interrupt_before_output_does_not_cancel_the_utterance() -> None:
    """An utterance whose output has not begun is interpreted all the same."""
    async with running(forwarder()) as step:
        await step.send(interim("안녕"), interrupt(), START(), target("Hello."), speech(), END())
        assert shown(step) == [
            "in 안녕…",
            "interrupted client",
            "out Hello.…",
            "audio",
            "IN 안녕 [ko]",
            "OUT Hello. [en]",
            "end 안녕 | Hello.",
        ]
        assert not step.up


async def test_interrupt_during_output_cuts_the_turn() -> None:
    """``interrupted``, then the finals with the texts so far and the end, in this order, at once."""
    async with running(forwarder()) as step:
        await step.send(interim("안녕하세요."), START(), target("Hel"), TTSStartedFrame(), speech())
        step.forget()
        await step.send(interrupt())
        assert shown(step) == [
            "interrupted client",
            "IN 안녕하세요. [ko]",
            "OUT Hel [en]",
            "end 안녕하세요. | Hel",
        ]
        assert any(isinstance(frame, InterruptionFrame) for frame in step.down)
        assert any(isinstance(frame, InterruptionFrame) for frame in step.up)


async def test_what_comes_late_for_a_cut_turn_is_dropped() -> None:
    """After the cut nothing of the turn comes, whatever the engine still sends; the next turn is whole."""
    async with running(forwarder()) as step:
        await step.send(*turn(ended=False), interrupt(), interrupt())
        step.forget()
        await step.send(target(" And"), speech(), interim("안녕하세요. 그리고"), final("안녕하세요. 그리고"))
        await step.send(TTSStoppedFrame(), END())
        assert shown(step) == []
        await step.send(*turn())
        assert shown(step) == [*ORDINARY, *FINALS]


async def test_a_second_interrupt_is_harmless() -> None:
    """A turn is cut once; each ``interrupt`` is answered."""
    async with running(forwarder()) as step:
        await step.send(*turn(ended=False), interrupt())
        step.forget()
        await step.send(interrupt())
        assert shown(step) == ["interrupted client"]


async def test_interrupt_in_the_wait_for_late_text_ends_the_turn() -> None:
    """Speech is over and the turn is not: ``interrupt`` brings its end with the texts so far."""
    async with running(forwarder()) as step:
        await step.send(target("Hello."), TTSStartedFrame(), speech(), TTSStoppedFrame(), interrupt())
        assert shown(step)[-3:] == ["interrupted client", "OUT Hello. [en]", "end  | Hello."]
        step.forget()
        await step.send(final("안녕하세요."), END())
        assert shown(step) == []


async def test_interrupt_after_output_does_not_touch_the_turn() -> None:
    """A complete turn is not completed again."""
    async with running(forwarder()) as step:
        await step.send(*turn(), interrupt())
        assert shown(step) == [*ORDINARY, *FINALS, "interrupted client"]


# A turn that begins anew


async def test_a_turn_of_which_nothing_came_begins_anew_unnoticed() -> None:
    """Nobody is told of it, and later steps learn of it."""
    async with running(forwarder()) as step:
        await step.send(OutputRestartedFrame(), *turn())
        assert shown(step) == [*ORDINARY, *FINALS]
        assert len(step.frames(OutputRestartedFrame)) == 1


async def test_output_that_broke_off_is_taken_back() -> None:
    """``interrupted`` at once, nothing queued is played, and texts and sound start anew; one pair of finals."""
    async with running(forwarder()) as step:
        await step.send(*turn(ended=False), TTSStoppedFrame(), OutputRestartedFrame(response_begun=True))
        assert shown(step) == [*ORDINARY, "interrupted upstream"]
        assert any(isinstance(frame, InterruptionFrame) for frame in step.down)
        assert not any(isinstance(frame, InterruptionFrame) for frame in step.up)
        step.forget()
        await step.send(*turn())
        assert shown(step) == [*ORDINARY, *FINALS]


@pytest.mark.parametrize("output", [target("Hel"), speech()], ids=["text", "sound"])
async def test_any_output_is_taken_back(output: Frame) -> None:
    """Be it text or sound; what is shown after it owes nothing to what was shown before."""
    async with running(forwarder()) as step:
        await step.send(interim("안녕하세요."), START(), output, OutputRestartedFrame(response_begun=True))
        step.forget()
        await step.send(interim("안"), START(), target("Hi."), END())
        assert shown(step) == ["in 안…", "out Hi.…", "IN 안 [ko]", "OUT Hi. [en]", "end 안 | Hi."]


async def test_source_text_that_was_shown_stays_until_it_is_outgrown() -> None:
    """What is recognised again is not shown again: text never shrinks while it comes once more."""
    async with running(forwarder()) as step:
        await step.send(interim("안녕"), interim("안녕하세요."), OutputRestartedFrame())
        await step.send(
            interim("안녕"), interim("안녕하세요."), interim("안녕하세요. 저는"), OutputRestartedFrame()
        )
        await step.send(interim("안녕하세요."), interim("안녕하세요. 저는 학생"), START(), target("Hello."), END())
        assert shown(step) == [
            "in 안녕…",
            "in 안녕하세요.…",
            "in 안녕하세요. 저는…",
            "in 안녕하세요. 저는 학생…",
            "out Hello.…",
            "IN 안녕하세요. 저는 학생 [ko]",
            "OUT Hello. [en]",
            "end 안녕하세요. 저는 학생 | Hello.",
        ]


async def test_source_text_that_is_recognised_otherwise_replaces_what_was_shown() -> None:
    """The upstream may understand it better the second time; from then on that text grows."""
    async with running(forwarder()) as step:
        await step.send(interim("안녕하세요."), OutputRestartedFrame(), interim("안"), interim("안경"))
        await step.send(interim("안경을"), END())
        assert shown(step) == ["in 안녕하세요.…", "in 안경…", "in 안경을…", "IN 안경을 [ko]", "end 안경을 | "]


@pytest.mark.parametrize("again", [[], [interim("안녕")], [interim("안녕하세요.")]], ids=["nothing", "less", "all"])
async def test_source_text_that_was_shown_is_not_lost(again: list[Frame]) -> None:
    """However little of it is recognised again, the final is what the client has read."""
    async with running(forwarder()) as step:
        await step.send(interim("안녕하세요."), OutputRestartedFrame(), *again, START(), target("Hello."), END())
        assert shown(step)[-3:] == FINALS
    async with running(forwarder()) as step:
        await step.send(interim("안녕하세요."), OutputRestartedFrame(), *again, START(), END())
        assert shown(step) == ["in 안녕하세요.…", "IN 안녕하세요. [ko]", "end 안녕하세요. | "]


@pytest.mark.parametrize("again", [[], [interim("안녕")], [interim("안녕하세요.")]], ids=["nothing", "less", "all"])
async def test_source_text_that_was_shown_is_not_lost_by_a_cut(again: list[Frame]) -> None:
    """Nor where the client interrupts the output that came the second time."""
    async with running(forwarder()) as step:
        await step.send(interim("안녕하세요."), OutputRestartedFrame(), *again, START(), target("Hel"), interrupt())
        assert shown(step)[-4:] == [
            "interrupted client",
            "IN 안녕하세요. [ko]",
            "OUT Hel [en]",
            "end 안녕하세요. | Hel",
        ]


async def test_an_interim_text_may_become_shorter() -> None:
    """In a turn that goes its ordinary way what is recognised last counts."""
    async with running(forwarder()) as step:
        await step.send(interim("안녕하세"), interim("안녕"), final("안녕"), END())
        assert shown(step) == ["in 안녕하세…", "in 안녕…", "IN 안녕 [ko]", "end 안녕 | "]


async def test_a_cut_turn_that_begins_anew_stays_cut() -> None:
    """Its finals are out: nothing of what is said again is shown or heard, and the next turn is whole."""
    async with running(forwarder()) as step:
        await step.send(*turn(ended=False), interrupt())
        step.forget()
        await step.send(TTSStoppedFrame(), OutputRestartedFrame(response_begun=True), *turn())
        assert shown(step) == []
        await step.send(*turn())
        assert shown(step) == [*ORDINARY, *FINALS]


async def test_after_a_restart_nothing_plays() -> None:
    """The client dropped what was queued: voice is no barge-in until there is output again."""
    async with running(forwarder(barge_in=True)) as step:
        await step.send(*turn(ended=False), OutputRestartedFrame(response_begun=True))
        step.forget()
        await step.send(VADUserStartedSpeakingFrame())
        assert shown(step) == []


# Barge in


async def test_talking_on_does_not_cancel_the_output() -> None:
    """By default voice during output does nothing."""
    async with running(forwarder()) as step:
        await step.send(*turn(ended=False), VADUserStartedSpeakingFrame(), TTSStoppedFrame(), END())
        assert not any(text.startswith("interrupted") for text in shown(step))


async def test_barge_in_does_what_interrupt_does() -> None:
    """With barge-in on, voice during output cuts the turn."""
    async with running(forwarder(barge_in=True)) as step:
        await step.send(*turn(ended=False), VADUserStartedSpeakingFrame())
        cut = ["interrupted barge_in", "IN 안녕하세요. [ko]", "OUT Hello. [en]", "end 안녕하세요. | Hello."]
        assert shown(step) == [*ORDINARY, *cut]


@pytest.mark.parametrize(("secs", "interrupts"), [(0.15, True), (0.25, False)])
async def test_barge_in_counts_what_the_client_still_plays(secs: float, interrupts: bool) -> None:
    """Output is sent faster than it plays: 0.2 s of speech play for 0.2 s, and may be interrupted as long."""
    clock = Clock()
    async with running(forwarder(barge_in=True, clock=clock)) as step:
        await step.send(*turn())
        clock.now += secs
        await step.send(VADUserStartedSpeakingFrame())
        assert ("interrupted barge_in" in shown(step)) == interrupts
        assert shown(step).count(FINALS[-1]) == 1


async def test_after_interrupt_nothing_plays() -> None:
    """The client dropped what was queued: voice is no barge-in any more."""
    async with running(forwarder(barge_in=True)) as step:
        await step.send(*turn(), interrupt(), VADUserStartedSpeakingFrame())
        assert shown(step)[len(ORDINARY + FINALS) :] == ["interrupted client"]


async def test_barge_in_before_output_does_nothing() -> None:
    """Voice while nothing plays is ordinary speech."""
    async with running(forwarder(barge_in=True)) as step:
        await step.send(interim("안녕"), VADUserStartedSpeakingFrame())
        assert shown(step) == ["in 안녕…"]


# Other frames


async def test_dropped_speech_is_told() -> None:
    """The client is warned with the length, and later steps learn of it too."""
    async with running(forwarder()) as step:
        await step.send(SpeechDroppedFrame(12345, whole_utterance=True))
        assert shown(step) == ["warning SPEECH_DROPPED 12345"]
        assert len(step.frames(SpeechDroppedFrame)) == 1


async def test_a_reconnected_upstream_is_told() -> None:
    """The client is warned; a turn that is open goes on."""
    async with running(forwarder()) as step:
        await step.send(interim("안녕"), UpstreamReconnectedFrame(), *turn()[1:])
        (warning,) = (message for message in step.messages if isinstance(message, Warning))
        assert warning.code == "UPSTREAM_RECONNECTED"
        assert warning.ms is None
        assert shown(step)[:3] == ["in 안녕…", "warning UPSTREAM_RECONNECTED None", "in 안녕하세요.…"]
        assert shown(step)[-3:] == FINALS


async def test_texts_end_here_and_the_rest_passes() -> None:
    """Text frames do not go on; frames of other kinds do, and everything on its way upstream."""
    passing = [START(), LLMTextFrame("x"), TTSStartedFrame(), TTSStoppedFrame()]
    async with running(forwarder()) as step:
        await step.send(interim("네"), target("Yes."), *passing)
        assert [frame for frame in step.down if frame in passing] == passing
        assert not step.frames(TTSTextFrame)
        assert not step.frames(InterimTranscriptionFrame)
        upstream = interim("위로")
        await step.send(upstream, direction=FrameDirection.UPSTREAM)
        assert upstream in step.up
        assert "in 위로…" not in shown(step)


# Laws

NEXT = st.sampled_from(
    ["interim", "final", "target", "speech", "stop", "end", "interrupt", "voice", "restart", "reconnected"]
)


@settings(max_examples=200)
@given(st.lists(NEXT, max_size=25), st.booleans())
async def test_finals_come_once_and_in_order(kinds: list[str], barge_in: bool) -> None:
    """Whatever the engine sends: per turn at most one pair of finals, then its end with the same texts."""
    frames: list[Frame] = []
    for number, kind in enumerate(kinds):
        match kind:
            case "interim":
                frames.append(interim(f"source {number}" if number % 3 else "sour"))
            case "final":
                frames.append(final(f"source {number}"))
            case "target":
                frames.append(target(f" {number}"))
            case "speech":
                frames += [TTSStartedFrame(), speech()]
            case "stop":
                frames.append(TTSStoppedFrame())
            case "end":
                frames.append(END())
            case "interrupt":
                frames.append(interrupt())
            case "restart":
                frames += [TTSStoppedFrame(), OutputRestartedFrame()]
            case "reconnected":
                frames.append(UpstreamReconnectedFrame())
            case "voice":
                frames.append(VADUserStartedSpeakingFrame())
    async with running(forwarder(barge_in=barge_in)) as step:
        await step.send(*frames, TTSStoppedFrame(), END())
        texts = {"in": "", "out": ""}
        finals: list[str] = []
        for text in shown(step):
            kind, _, rest = text.partition(" ")
            if kind in ("in", "out"):
                assert not finals, "a partial came after a final"
                assert kind == "in" or rest.startswith(texts[kind])
                texts[kind] = rest.removesuffix("…")
            elif kind in ("IN", "OUT"):
                assert rest.rpartition(" [")[0] == texts[kind.lower()] != ""
                finals.append(kind)
            elif kind == "audio":
                assert not finals, "audio came after a final"
            elif text == "interrupted upstream":
                assert not finals, "a turn was taken back after a final"
                texts = {"in": "", "out": ""}
            elif kind == "end":
                assert rest == f"{texts['in']} | {texts['out']}"
                assert finals == [side.upper() for side in ("in", "out") if texts[side]]
                texts, finals = {"in": "", "out": ""}, []
        assert texts == {"in": "", "out": ""}, "a turn did not end"
