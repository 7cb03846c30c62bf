"""The voice activity step: marks in the stream, each before the audio in which it lies."""

import asyncio
import json

import numpy as np
import pytest
import soxr
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pydantic import ValidationError

from processors.context import SessionContext
from processors.frames import DrainFrame, UtteranceEndedFrame, UtteranceStartedFrame
from processors.vad import Vad
from processors.vad_params import VadParams
from tests.support.fake_upstream import FakeConnector
from tests.support.foreign_detector import MODULE as FOREIGN
from tests.support.foreign_detector import LoudAnalyzer
from tests.support.pcm import SAMPLES, chunks_of, read_sample, tone
from tests.support.steps import running
from tests.support.turn_judge import FakeJudge
from tests.support.virtual_time import settle

RATE_HZ = 16_000
PREROLL_SECS = 0.3
CONTEXT = SessionContext("session", ("ko", "en"), "auto", FakeConnector())
Marked = tuple[str, int]


def speech_at_16_khz(name: str) -> bytes:
    """A sample file at the pipeline's rate."""
    pcm, rate_hz = read_sample(name)
    resampled = soxr.resample(np.frombuffer(pcm, "<i2"), rate_hz, RATE_HZ)
    return np.asarray(resampled).astype("<i2").tobytes()


async def passed(pcm: bytes, chunk_ms: float, params: VadParams) -> list[Frame]:
    """What comes out of the step when ``pcm`` goes in."""
    frames = [InputAudioRawFrame(chunk, RATE_HZ, 1) for chunk in chunks_of(pcm, chunk_ms, RATE_HZ)]
    async with running(Vad(params, CONTEXT)) as step:
        step.forget()
        for frame in frames:
            await step.worker.queue_frame(frame)
        await step.send()
        while len(step.frames(InputAudioRawFrame)) < len(frames):
            await step.send(InputAudioRawFrame(b"", RATE_HZ, 1))
        return [frame for frame in step.down if not (isinstance(frame, InputAudioRawFrame) and not frame.audio)]


def positions(frames: list[Frame]) -> list[Marked]:
    """Each mark with its position in the stream; for voice, that of the chunk before which it came."""
    position = 0
    marks: list[Marked] = []
    for frame in frames:
        match frame:
            case InputAudioRawFrame():
                position += len(frame.audio) // 2
            case UtteranceStartedFrame():
                marks.append(("continued" if frame.continued else "started", position + frame.offset_samples))
            case UtteranceEndedFrame():
                marks.append(("ended", position + frame.offset_samples))
            case VADUserStartedSpeakingFrame():
                marks.append(("voice", position))
            case VADUserStoppedSpeakingFrame():
                marks.append(("no voice", position))
    return marks


def utterances(frames: list[Frame]) -> list[Marked]:
    """The marks of utterances."""
    return [mark for mark in positions(frames) if "voice" not in mark[0]]


@pytest.mark.parametrize("provider", ["silero", "energy"])
async def test_marks_do_not_depend_on_chunks(provider: str) -> None:
    """20, 100 and 256 ms give the same utterances, to the sample, and all audio passes unchanged and in order."""
    pcm = speech_at_16_khz("en-35s-8k.wav")
    params = VadParams.model_validate({"provider": provider})
    runs = [await passed(pcm, chunk_ms, params) for chunk_ms in (20, 100, 256)]
    for frames in runs:
        assert b"".join(frame.audio for frame in frames if isinstance(frame, InputAudioRawFrame)) == pcm
    assert utterances(runs[0])
    assert utterances(runs[0]) == utterances(runs[1]) == utterances(runs[2])
    kinds = [[kind for kind, _ in positions(frames)] for frames in runs]
    assert kinds[0] == kinds[1] == kinds[2]


async def test_a_mark_comes_before_the_audio_in_which_it_lies() -> None:
    """An end lies in the chunk that follows it, never in one that went before; a start may lie further back."""
    frames = await passed(speech_at_16_khz("en-35s-8k.wav"), 256, VadParams())
    before = 0
    for number, frame in enumerate(frames):
        match frame:
            case InputAudioRawFrame():
                before += len(frame.audio) // 2
            case UtteranceStartedFrame():
                assert -before <= frame.offset_samples < 4096
            case UtteranceEndedFrame():
                following = next(audio for audio in frames[number:] if isinstance(audio, InputAudioRawFrame))
                assert 0 < frame.offset_samples <= len(following.audio) // 2


@pytest.mark.parametrize(
    ("name", "count"), [("en-35s-8k.wav", 10), ("ko-30s-16k.wav", None), ("en-11s-16k.wav", None)]
)
async def test_no_marked_speech_is_missed(name: str, count: int | None) -> None:
    """Against the marks of a person: every sentence lies in an utterance, its onset with 100 ms to spare.

    The ten sentences of the telephone recording are ten utterances.
    """
    silence = bytes(2 * RATE_HZ)
    frames = await passed(speech_at_16_khz(name) + silence, 100, VadParams())
    marks = utterances(frames)
    assert [kind for kind, _ in marks[1::2]] == ["ended"] * (len(marks) // 2)
    stretches = [
        (start / RATE_HZ - (PREROLL_SECS if kind == "started" else 0), end / RATE_HZ)
        for (kind, start), (_, end) in zip(marks[::2], marks[1::2], strict=True)
    ]
    sentences = json.loads((SAMPLES / "marks.json").read_text(encoding="utf-8"))["files"][name]["sentences"]
    if count is not None:
        assert len(stretches) == count
        for (start, end), sentence in zip(stretches, sentences, strict=True):
            assert start <= sentence["onset_secs"] - 0.1, sentence["text"]
            assert end >= sentence["end_secs"], sentence["text"]
    for sentence in sentences:
        onset, ending = sentence["onset_secs"], sentence["end_secs"]
        assert any(start <= max(onset - 0.1, 0) and end > onset for start, end in stretches), sentence["text"]
        assert any(start < ending <= end for start, end in stretches), sentence["text"]


async def test_switched_off_it_marks_nothing() -> None:
    """With threshold 0 the engine detects activity itself; the audio passes."""
    pcm = tone(2.0, RATE_HZ)
    for provider in ("silero", "energy"):
        params = VadParams.model_validate({"provider": provider, "threshold": 0})
        frames = await passed(pcm, 20, params)
        assert not Vad(params, CONTEXT).marks_utterances
        assert b"".join(frame.audio for frame in frames if isinstance(frame, InputAudioRawFrame)) == pcm
        assert positions(frames) == []


async def test_hangover_and_end_are_counted_in_audio() -> None:
    """Loud audio, then silence: voice stops after 15 frames of 20 ms, the utterance ends after 700 ms."""
    pcm = bytes(2 * 3200) + tone(1.0, RATE_HZ) + bytes(2 * 32000)
    frames = await passed(pcm, 20, VadParams(provider="energy"))
    speech_end = 3200 + 16000
    assert positions(frames) == [
        ("voice", 3520),
        ("started", 3200),
        ("no voice", speech_end + 14 * 320),
        ("ended", speech_end + 11200),
    ]


async def test_other_frames_and_directions_pass() -> None:
    """Audio on its way upstream is not judged."""
    async with running(Vad(VadParams(provider="energy"), CONTEXT)) as step:
        step.forget()
        frame = InputAudioRawFrame(tone(1.0, RATE_HZ), RATE_HZ, 1)
        await step.send(frame, direction=FrameDirection.UPSTREAM)
        assert step.up == [frame]
        assert step.down == []


@pytest.mark.parametrize("following", [EndFrame, DrainFrame])
async def test_nothing_overtakes_audio_that_waits_for_its_score(following: type[Frame]) -> None:
    """The end of the pipeline, and of hearing, come behind the audio before them, and take nothing of it."""
    vad = Vad(VadParams(), CONTEXT)
    async with running(vad) as step:
        step.forget()
        audio, behind = InputAudioRawFrame(bytes(2048), RATE_HZ, 1), following()
        hearing = asyncio.create_task(vad.queue_frame(audio))
        await asyncio.sleep(0.001)
        await vad.queue_frame(behind)
        await hearing
        assert [frame for frame in step.down if frame in (audio, behind)] == [audio, behind]


async def test_a_session_that_ends_while_a_score_is_awaited_leaves_nothing() -> None:
    """Its step takes the next audio, should there be any."""
    vad = Vad(VadParams(), CONTEXT)
    async with running(vad) as step:
        step.forget()
        hearing = asyncio.create_task(vad.queue_frame(InputAudioRawFrame(bytes(2048), RATE_HZ, 1)))
        await asyncio.sleep(0.001)
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await vad.queue_frame(InputAudioRawFrame(bytes(2048), RATE_HZ, 1))
        assert [len(frame.audio) for frame in step.frames(InputAudioRawFrame)] == [2048]
        assert step.frames(ErrorFrame) == []


@pytest.mark.parametrize(
    "params",
    [
        {"provider": "webrtc"},
        {"threshold": -1},
        {"threshold": 40000},
        {"confidence": 0},
        {"confidence": 1},
        {"hangover_frames": 0},
        {"end_of_utterance_ms": -1},
        {"sensitivity": 1},
        {"provider": f"{FOREIGN}:Lout"},
        {"provider": f"{FOREIGN}:Loud", "provider_params": {"levle": 1}},
        {"provider": f"{FOREIGN}:Loud", "provider_params": {"level": -1}},
        {"provider": "silero", "provider_params": {"confidence": 0.5}},
        {"provider": "energy", "provider_params": {"threshold": 300}},
        {"provider": "energy", "model_file": "model.onnx"},
        {"model_file": "no-such-model.onnx"},
    ],
)
def test_a_wrong_parameter_is_refused(params: dict[str, object]) -> None:
    """Values out of range and unknown names do not get through."""
    with pytest.raises(ValidationError):
        VadParams.model_validate(params)


def test_the_end_of_an_utterance_is_never_before_the_hangover() -> None:
    """A longer hangover moves the end of utterance; a soft limit beyond the hard one is the hard one."""
    times = VadParams(hangover_frames=50, end_of_utterance_ms=700, soft_utterance_secs=30).times()
    assert times.end_of_utterance_secs == times.hangover_secs == 1.0
    assert times.soft_limit_secs == times.hard_limit_secs == 15.0


# Somebody else's detector


def foreign(name: str = "Loud", **params: object) -> VadParams:
    """Parameters that name one by its import path."""
    return VadParams.model_validate({"provider": f"{FOREIGN}:{name}", "provider_params": params})


async def test_a_foreign_detector_judges_in_windows_of_its_own() -> None:
    """It is asked about every 10 ms, with its parameters; the marks follow from what it says as from any other."""
    sound = tone(1.0, RATE_HZ)
    pcm = bytes(2 * 3200) + sound + bytes(2 * 32000)
    heard, deaf = await passed(pcm, 20, foreign(level=0.1)), await passed(pcm, 20, foreign(level=0.9))
    speech_end = 3200 + 16000
    assert utterances(heard) == [("started", 3200), ("ended", speech_end + 11200)]
    assert utterances(deaf) == []


def test_sessions_share_no_foreign_detector() -> None:
    """It may keep state of the one stream that it hears."""
    params = foreign()
    assert params.make_detector() is not params.make_detector()


async def test_a_threshold_of_zero_switches_off_a_foreign_detector() -> None:
    """It is made and never asked: what would fail does not."""
    params = foreign("FailsLater").model_copy(update={"threshold": 0.0})
    frames = await passed(tone(1.0, RATE_HZ), 20, params)
    assert positions(frames) == []
    assert Vad(params, CONTEXT).silence_to_end_secs is None


async def test_what_a_foreign_detector_raises_is_an_error_of_the_step() -> None:
    """It goes to the session as any step's, with the exception."""
    async with running(Vad(foreign("FailsLater"), CONTEXT)) as step:
        await step.send(InputAudioRawFrame(tone(0.1, RATE_HZ), RATE_HZ, 1))
        (error,) = [frame for frame in step.up if isinstance(frame, ErrorFrame)]
    assert isinstance(error.exception, RuntimeError)


@pytest.mark.parametrize(
    ("params", "place", "told", "got"),
    [
        ({"provider": "webrtc"}, ("provider",), "expected silero, energy or an import path", "webrtc"),
        (
            {"provider": f"{FOREIGN}:Lout"},
            ("provider",),
            "expected a detector (no 'Lout' in it;",
            f"{FOREIGN}:Lout",
        ),
        ({"provider": f"{FOREIGN}:Scoring"}, ("provider",), f"expected is_voice of '{FOREIGN}:Scoring' to", 0.25),
        (
            {"provider": f"{FOREIGN}:Loud", "provider_params": {"levle": 1}},
            ("provider_params", "levle"),
            f"expected a parameter of '{FOREIGN}:Loud' (did you mean 'level'?)",
            "levle",
        ),
        (
            {"provider_params": {"level": 1}},
            ("provider_params",),
            "expected none with provider 'silero'",
            {"level": 1},
        ),
        (
            {"provider": "energy", "model_file": "model.onnx"},
            ("model_file",),
            "expected none with provider 'energy'",
            "model.onnx",
        ),
        (
            {"model_file": "no-such-model.onnx"},
            ("model_file",),
            "expected an ONNX file of Silero's voice activity model (No such file or directory)",
            "no-such-model.onnx",
        ),
    ],
)
def test_a_wrong_provider_is_told_where_it_stands(
    params: dict[str, object], place: tuple[str, ...], told: str, got: object
) -> None:
    """One fault, at the parameter that is wrong, in words that go on with ``, got …``."""
    with pytest.raises(ValidationError) as raised:
        VadParams.model_validate(params)
    (fault,) = raised.value.errors()
    assert (fault["loc"], fault["input"]) == (place, got)
    assert fault["msg"].startswith(told)


async def test_an_analyzer_serves_a_session_and_is_cleaned_up_at_its_end() -> None:
    """Its marks follow from its confidence and the step's own; nothing of it is left when the session is over."""
    LoudAnalyzer.alive.clear()
    pcm = bytes(2 * 3200) + tone(1.0, RATE_HZ, amplitude=0.5) + bytes(2 * 32000)
    at = {level: foreign("LoudAnalyzer").model_copy(update={"confidence": level}) for level in (0.4, 0.6)}
    heard, deaf = await passed(pcm, 20, at[0.4]), await passed(pcm, 20, at[0.6])
    assert utterances(heard) == [("started", 3200), ("ended", 3200 + 16000 + 11200)]
    assert utterances(deaf) == []
    assert not LoudAnalyzer.alive


# Judged pauses


def smart(**params: object) -> VadParams:
    """Parameters of a step whose pauses are judged; voice is loudness, so that positions are known."""
    return VadParams.model_validate({"provider": "energy", "turn_end": "smart", **params})


async def spoken_to(
    pcm: bytes, judge: FakeJudge, params: VadParams, *, chunk_ms: int = 20, speed: float = 1.0
) -> list[Frame]:
    """What comes out of a step whose pauses ``judge`` judges, when audio comes at the pace of speech, or faster."""
    async with running(Vad(params, CONTEXT, judge=judge)) as step:
        step.forget()
        for chunk in chunks_of(pcm, chunk_ms, RATE_HZ):
            await step.worker.queue_frame(InputAudioRawFrame(chunk, RATE_HZ, 1))
            await asyncio.sleep(chunk_ms / 1000 / speed)
        await asyncio.sleep(1)
        assert b"".join(frame.audio for frame in step.frames(InputAudioRawFrame)) == pcm
        return step.down


SPEECH, HALF_A_SECOND, LONG = tone(1.0, RATE_HZ), bytes(RATE_HZ), bytes(2 * 4 * RATE_HZ)
VOICE_END = RATE_HZ
HANGOVER, END, UNFINISHED = (RATE_HZ * ms // 1000 for ms in (300, 700, 2700))


@pytest.mark.parametrize("chunk_ms", [20, 100, 256])
@pytest.mark.parametrize("secs", [0.0, 0.05, 0.09])
async def test_who_is_done_need_not_wait(chunk_ms: int, secs: float) -> None:
    """The utterance ends where the hangover passed, to the sample, whatever the chunks and the judge's time."""
    frames = await spoken_to(SPEECH + LONG, FakeJudge([1.0], secs=secs), smart(), chunk_ms=chunk_ms)
    assert utterances(frames) == [("started", 0), ("ended", VOICE_END + HANGOVER)]


@pytest.mark.parametrize(("secs", "at_ms"), [(0.05, 300), (0.15, 340), (0.3, 500)])
async def test_the_end_is_marked_when_the_verdict_comes(secs: float, at_ms: int) -> None:
    """The audio went on meanwhile: so much had passed when the mark came, and it points back."""
    frames = await spoken_to(SPEECH + LONG, FakeJudge([1.0], secs=secs), smart())
    passed_bytes = 0
    for frame in frames:
        if isinstance(frame, UtteranceEndedFrame):
            break
        passed_bytes += len(frame.audio) if isinstance(frame, InputAudioRawFrame) else 0
    else:
        raise AssertionError("no end")
    assert passed_bytes // 2 - VOICE_END == pytest.approx(at_ms * 16, abs=2 * 320)
    assert passed_bytes // 2 + frame.offset_samples == VOICE_END + HANGOVER


async def test_who_is_not_done_may_pause() -> None:
    """A pause of 2 s stays within the utterance; without any more voice it ends, later than silence alone would."""
    pause = bytes(2 * 2 * RATE_HZ)
    judge = FakeJudge([0.1, 0.1])
    frames = await spoken_to(SPEECH + pause + SPEECH + LONG, judge, smart())
    assert utterances(frames) == [("started", 0), ("ended", 4 * RATE_HZ + UNFINISHED)]
    assert [kind for kind, _ in positions(frames)] == [
        *("voice", "started", "no voice"),
        *("voice", "no voice", "ended"),
    ]
    assert [len(pcm) // 2 for pcm in judge.heard] == [VOICE_END + 3200, 4 * RATE_HZ + 3200]


@pytest.mark.parametrize(("judge", "speed"), [(FakeJudge([None]), 1.0), (FakeJudge([1.0], secs=0.6), 1.0)])
async def test_a_verdict_that_does_not_come_leaves_it_to_silence(judge: FakeJudge, speed: float) -> None:
    """Where too many wait, or the judge is slow: as without it."""
    frames = await spoken_to(SPEECH + LONG, judge, smart(), speed=speed)
    assert utterances(frames) == [("started", 0), ("ended", VOICE_END + END)]


async def test_speech_that_comes_at_once_is_not_held_up() -> None:
    """Faster than anybody could judge: all of it passes, and silence decides."""
    judge = FakeJudge([1.0] * 9)
    frames = await spoken_to((SPEECH + LONG) * 3, judge, smart(), speed=1000)
    silence = await passed((SPEECH + LONG) * 3, 20, VadParams(provider="energy"))
    assert utterances(frames) == utterances(silence)


async def test_voice_that_comes_back_withdraws_the_question() -> None:
    """Before the verdict: the utterance goes on, and what the judge would have said is nobody's."""
    judge = FakeJudge([1.0, 1.0], secs=0.4)
    frames = await spoken_to(SPEECH + HALF_A_SECOND + SPEECH + LONG, judge, smart())
    assert judge.withdrawn == 1
    assert utterances(frames) == [("started", 0), ("ended", 2 * RATE_HZ + RATE_HZ // 2 + HANGOVER)]


async def test_the_next_utterance_begins_where_its_voice_does() -> None:
    """Also in the pause in which silence alone would have gone on with the first."""
    frames = await spoken_to(SPEECH + HALF_A_SECOND + SPEECH + LONG, FakeJudge([1.0, 1.0]), smart())
    second = RATE_HZ + RATE_HZ // 2
    assert utterances(frames) == [
        ("started", 0),
        ("ended", VOICE_END + HANGOVER),
        ("started", second),
        ("ended", second + RATE_HZ + HANGOVER),
    ]


async def test_a_long_utterance_is_still_cut() -> None:
    """A verdict that it is not finished holds no cut back, and what follows it is a further piece."""
    params = smart(soft_utterance_secs=1.5, max_utterance_secs=2)
    frames = await spoken_to(SPEECH + HALF_A_SECOND + SPEECH + LONG, FakeJudge([0.1, 1.0]), params)
    assert [kind for kind, _ in utterances(frames)] == ["started", "ended", "continued", "ended"]


async def test_draining_waits_for_a_verdict_as_for_silence() -> None:
    """The utterance that is spoken ends by it; the next one is not marked."""
    judge = FakeJudge([1.0])
    async with running(Vad(smart(), CONTEXT, judge=judge)) as step:
        step.forget()
        for frame in (SPEECH, DrainFrame(), HALF_A_SECOND[:9600], HALF_A_SECOND, SPEECH, LONG):
            await step.worker.queue_frame(
                frame if isinstance(frame, DrainFrame) else InputAudioRawFrame(frame, RATE_HZ, 1)
            )
            await asyncio.sleep(0.2)
        assert kinds(step.down) == ["voice", "started", "drain", "no voice", "ended"]


async def test_a_session_that_ends_withdraws_its_question() -> None:
    """Nobody is asked for a session that is gone."""
    judge = FakeJudge([1.0], secs=60)
    async with running(Vad(smart(), CONTEXT, judge=judge)) as step:
        await step.send(InputAudioRawFrame(SPEECH + bytes(9600), RATE_HZ, 1))
        assert len(judge.heard) == 1
    assert judge.withdrawn == 1


async def test_what_the_judge_raises_is_an_error_of_the_step() -> None:
    """It goes to the session as any step's, with the exception."""
    async with running(Vad(smart(), CONTEXT, judge=FakeJudge([RuntimeError("broken")]))) as step:
        await step.send(InputAudioRawFrame(SPEECH + bytes(9600), RATE_HZ, 1))
        await asyncio.sleep(1)
        (error,) = [frame for frame in step.up if isinstance(frame, ErrorFrame)]
    assert isinstance(error.exception, RuntimeError)


def test_so_much_silence_ends_any_utterance() -> None:
    """What has to stand for a client that stops sending: with smart, what an unfinished sentence waits for."""
    for params, secs in ((VadParams(), 0.7), (smart(), 2.7), (smart(smart_turn_max_secs=0), 0.7)):
        assert Vad(params, CONTEXT, judge=FakeJudge([])).silence_to_end_secs == pytest.approx(secs)


# Draining


async def drained(*parts: bytes | DrainFrame, **params: object) -> list[Frame]:
    """What comes out when audio goes in, in chunks of 20 ms, and the wish to drain at its place in between."""
    frames = [
        frame
        for part in parts
        for frame in (
            [part]
            if isinstance(part, DrainFrame)
            else [InputAudioRawFrame(chunk, RATE_HZ, 1) for chunk in chunks_of(part, 20, RATE_HZ)]
        )
    ]
    async with running(Vad(VadParams.model_validate({"provider": "energy", **params}), CONTEXT)) as step:
        step.forget()
        for frame in frames:
            await step.worker.queue_frame(frame)
        while len(step.frames(InputAudioRawFrame)) < len(frames) - 1:
            await settle()
        sent = b"".join(part for part in parts if isinstance(part, bytes))
        assert b"".join(frame.audio for frame in step.frames(InputAudioRawFrame)) == sent
        return step.down


def kinds(frames: list[Frame]) -> list[str]:
    """The marks, and the wish to drain, in order."""
    names = {
        UtteranceStartedFrame: "started",
        UtteranceEndedFrame: "ended",
        VADUserStartedSpeakingFrame: "voice",
        VADUserStoppedSpeakingFrame: "no voice",
        DrainFrame: "drain",
    }
    return [name for frame in frames if (name := names.get(type(frame))) is not None]


async def test_draining_in_silence_begins_no_utterance() -> None:
    """What is said afterwards passes as audio, without a mark."""
    frames = await drained(bytes(RATE_HZ), DrainFrame(), tone(1.0, RATE_HZ), bytes(2 * RATE_HZ))
    assert kinds(frames) == ["drain"]


async def test_draining_lets_an_utterance_end_and_begins_no_other() -> None:
    """The one that is spoken goes on to its silence, just where it would have ended; the next is not marked."""
    speech, pause = tone(0.5, RATE_HZ), bytes(2 * RATE_HZ)
    frames = await drained(speech, DrainFrame(), speech, pause, speech, pause)
    assert kinds(frames) == ["voice", "started", "drain", "no voice", "ended"]
    assert utterances(frames) == utterances(await passed(speech + speech + pause, 20, VadParams(provider="energy")))


async def test_an_utterance_is_open_until_its_silence_has_passed() -> None:
    """Voice that returns before then belongs to it, draining or not."""
    speech, breath, pause = tone(0.5, RATE_HZ), bytes(RATE_HZ), bytes(2 * RATE_HZ)
    frames = await drained(speech, breath, DrainFrame(), speech, pause)
    assert kinds(frames) == ["voice", "started", "no voice", "drain", "voice", "no voice", "ended"]


async def test_who_talks_on_is_heard_to_the_next_cut() -> None:
    """Somebody who makes no pause does not hold the server: the piece that is spoken ends, none follows."""
    frames = await drained(
        tone(1.0, RATE_HZ), DrainFrame(), tone(4.0, RATE_HZ), soft_utterance_secs=2, max_utterance_secs=2
    )
    assert kinds(frames) == ["voice", "started", "drain", "ended", "no voice"]


async def test_between_two_pieces_the_next_one_still_begins() -> None:
    """Draining just when a long utterance was cut does not lose what is being said at that moment."""
    params = {"soft_utterance_secs": 1, "max_utterance_secs": 1}
    cut = next(
        at for kind, at in utterances(await drained(tone(2.0, RATE_HZ), DrainFrame(), **params)) if kind == "ended"
    )
    chunk = 2 * 320
    until_cut = tone(4.0, RATE_HZ)[: -(-2 * cut // chunk) * chunk]
    frames = await drained(until_cut, DrainFrame(), tone(3.0, RATE_HZ), **params)
    assert kinds(frames) == ["voice", "started", "ended", "started", "drain", "ended", "no voice"]


async def test_the_first_voice_of_an_utterance_counts_as_begun() -> None:
    """One window with voice is no utterance yet, but may be the first of one: the next window tells."""
    window = tone(0.02, RATE_HZ)
    begun = await drained(bytes(RATE_HZ), window, DrainFrame(), tone(0.5, RATE_HZ), bytes(2 * RATE_HZ))
    assert kinds(begun) == ["voice", "started", "drain", "no voice", "ended"]
    click = await drained(
        bytes(RATE_HZ), window, DrainFrame(), bytes(RATE_HZ), tone(0.5, RATE_HZ), bytes(2 * RATE_HZ)
    )
    assert kinds(click) == ["drain"]


async def test_without_detection_the_wish_to_drain_passes_at_once() -> None:
    """There is nothing that the step could stop."""
    frames = await drained(tone(0.5, RATE_HZ), DrainFrame(), tone(0.5, RATE_HZ), threshold=0)
    assert kinds(frames) == ["drain"]
