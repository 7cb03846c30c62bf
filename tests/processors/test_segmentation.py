"""Where utterances start and end, on synthetic windows of 20 ms."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.segmentation import (
    Mark,
    PauseReached,
    SegmentationTimes,
    UtteranceEnded,
    UtteranceSegmenter,
    UtteranceStarted,
    VoiceStarted,
    VoiceStopped,
)

RATE_HZ = 16_000
WINDOW = 320
LOUD, QUIET = 0.1, 0.0001
"""30 dB apart."""


def segmenter(
    *, hangover: float = 0.3, end: float = 0.7, soft: float = 10.0, hard: float = 15.0
) -> UtteranceSegmenter:
    """A segmenter with times in seconds."""
    return UtteranceSegmenter(SegmentationTimes(hangover, end, soft, hard), rate_hz=RATE_HZ, window_samples=WINDOW)


def marks_of(speech: str, **times: float) -> list[tuple[int, Mark]]:
    """The marks for a stretch of windows, each with the number of windows fed when it came.

    ``speech`` has a letter a window: ``v`` voice, ``q`` voice as faint as the room, ``.`` silence.
    """
    return feed(segmenter(**times), speech)


def feed(fed: UtteranceSegmenter, speech: str) -> list[tuple[int, Mark]]:
    """The marks that more windows give."""
    marks: list[tuple[int, Mark]] = []
    for number, window in enumerate(speech, start=1):
        marks += [(number, mark) for mark in fed.feed(window != ".", LOUD if window == "v" else QUIET)]
    return marks


def at(window: int) -> int:
    """The position where a window begins."""
    return window * WINDOW


def test_an_utterance() -> None:
    """Voice starts with its first window, known at the second; it stops after the hangover, the utterance later."""
    assert marks_of("." * 10 + "v" * 50 + "." * 100) == [
        (12, VoiceStarted()),
        (12, UtteranceStarted(at(10), continued=False)),
        (75, VoiceStopped()),
        (95, UtteranceEnded(at(95))),
    ]


def test_one_window_is_no_voice() -> None:
    """A click is not speech, however often it comes."""
    assert marks_of(("v" + "." * 3) * 100) == []


def test_silence_has_no_marks() -> None:
    """Nothing said, nothing marked."""
    fed = segmenter()
    assert feed(fed, "." * 1000) == []
    assert fed.quiet


@pytest.mark.parametrize(("pause", "stops"), [(14, 0), (15, 1), (34, 1)])
def test_voice_within_the_end_of_utterance_goes_on_with_it(pause: int, stops: int) -> None:
    """A pause of up to 0.7 s belongs to the utterance; the state shows it only after the hangover."""
    kinds = [type(mark) for _, mark in marks_of("v" * 20 + "." * pause + "v" * 20)]
    assert kinds == [VoiceStarted, UtteranceStarted, *[VoiceStopped, VoiceStarted] * stops]


def test_voice_after_the_end_of_utterance_is_the_next() -> None:
    """After 0.7 s of silence another utterance begins."""
    marks = [mark for _, mark in marks_of("v" * 20 + "." * 36 + "v" * 20)]
    assert UtteranceEnded(at(20 + 35)) in marks
    assert marks[-1] == UtteranceStarted(at(56), continued=False)


def test_voice_that_returns_at_the_last_moment_continues_the_utterance() -> None:
    """A first window of voice within the end of utterance counts; if it stays alone, the utterance ends."""
    returning = [type(mark) for _, mark in marks_of("v" * 20 + "." * 34 + "vv")]
    assert UtteranceEnded not in returning
    clicking = [mark for _, mark in marks_of("v" * 20 + "." * 34 + "v.")]
    assert clicking[-1] == UtteranceEnded(at(56))


def test_one_window_of_voice_keeps_active_voice_alive() -> None:
    """While voice is active a single window counts against the hangover."""
    kinds = [type(mark) for _, mark in marks_of("v" * 20 + ("." * 14 + "v") * 5)]
    assert VoiceStopped not in kinds


def test_both_ends_may_come_at_once() -> None:
    """With an end of utterance as short as the hangover, voice stops first, then the utterance ends."""
    marks = marks_of("v" * 20 + "." * 20, end=0.3)
    assert marks[-2:] == [(35, VoiceStopped()), (35, UtteranceEnded(at(35)))]


def test_quiet_tells_whether_voice_is_active() -> None:
    """It is quiet until the second window of voice, and again after the hangover."""
    fed = segmenter()
    assert fed.quiet
    feed(fed, "vv")
    assert not fed.quiet
    feed(fed, "." * 14)
    assert not fed.quiet
    feed(fed, ".")
    assert fed.quiet


# Cuts


def pieces_of(marks: list[tuple[int, Mark]]) -> list[tuple[int, int, bool]]:
    """Start, end and whether it continues, of each piece that ended."""
    starts = [mark for _, mark in marks if isinstance(mark, UtteranceStarted)]
    ends = [mark for _, mark in marks if isinstance(mark, UtteranceEnded)]
    return [(start.at, end.at, start.continued) for start, end in zip(starts, ends, strict=False)]


def test_endless_speech_is_cut_at_the_hard_limit() -> None:
    """Without any quiet place each piece has the longest length, and the next begins where it ended."""
    pieces = pieces_of(marks_of("v" * 2000))
    assert pieces == [(at(n * 750), at((n + 1) * 750), n > 0) for n in range(2)]


def test_a_long_utterance_is_cut_at_the_first_quiet_place() -> None:
    """From the soft limit on, 60 ms that lie 12 dB under the speech are enough; before it nothing is."""
    marks = marks_of("v" * 300 + "qqq" + "v" * 247 + "qqq" + "v" * 100)
    assert pieces_of(marks)[0] == (0, at(553), False)
    assert (554, UtteranceStarted(at(553), continued=True)) in marks


def test_short_dips_are_no_places_to_cut() -> None:
    """Less than 60 ms is a consonant, not a pause."""
    assert pieces_of(marks_of("v" * 520 + ("qq" + "v" * 20) * 3)) == []


def test_the_margin_shrinks_towards_the_hard_limit() -> None:
    """A dip of 6 dB is not enough at the soft limit, and is in the second half of the way to the hard one."""
    fed = segmenter()
    feed(fed, "v" * 520)
    dip = LOUD / 10**0.6
    early = [mark for _ in range(3) for mark in fed.feed(True, dip)]
    feed(fed, "v" * 130)
    late = [mark for _ in range(3) for mark in fed.feed(True, dip)]
    assert early == []
    assert late == [UtteranceEnded(at(656))]


def test_a_cut_does_not_change_the_voice() -> None:
    """The state knows nothing of pieces: voice starts and stops once."""
    kinds = [type(mark) for _, mark in marks_of("v" * 2000 + "." * 100)]
    assert (kinds.count(VoiceStarted), kinds.count(VoiceStopped)) == (1, 1)


def test_no_piece_begins_without_voice() -> None:
    """Where speech ends with the cut there is no further piece; the next utterance is a new one."""
    marks = [mark for _, mark in marks_of("v" * 520 + "." * 100 + "v" * 5)]
    starts = [mark for mark in marks if isinstance(mark, UtteranceStarted)]
    assert [start.continued for start in starts] == [False, False]
    assert sum(isinstance(mark, UtteranceEnded) for mark in marks) == 1


@pytest.mark.parametrize(("pause", "lead_in"), [(10, 10), (30, 30)])
def test_a_further_piece_takes_the_pause_with_it(pause: int, lead_in: int) -> None:
    """Voice within the end of utterance continues it from the cut, so that no onset is lost."""
    marks = [mark for _, mark in marks_of("v" * 520 + "." * pause + "v" * 5)]
    cut = next(mark for mark in marks if isinstance(mark, UtteranceEnded)).at
    last = marks[-1]
    assert isinstance(last, UtteranceStarted)
    assert last.continued
    assert last.at == max(cut, at(520 + pause - 35))


def test_a_lead_in_is_bounded() -> None:
    """With a long end of utterance a further piece starts at most 0.7 s before its voice."""
    marks = [mark for _, mark in marks_of("v" * 520 + "." * 80 + "v" * 5, end=2.0)]
    assert marks[-1] == UtteranceStarted(at(600) - int(0.7 * RATE_HZ), continued=True)


def test_cutting_may_be_off() -> None:
    """With no hard limit an utterance is as long as it is."""
    assert pieces_of(marks_of("v" * 5000, soft=0.0, hard=0.0)) == []


def test_the_soft_limit_may_be_the_hard_one() -> None:
    """Equal limits cut at the limit."""
    assert pieces_of(marks_of("v" * 600, soft=10.0, hard=10.0)) == [(0, at(500), False)]


# Laws

SPEECH = st.lists(
    st.tuples(st.sampled_from("vq."), st.integers(1, 60)).map(lambda run: run[0] * run[1]), max_size=60
).map("".join)


@settings(max_examples=200)
@given(SPEECH, st.sampled_from([(0.3, 0.7), (0.02, 0.02), (0.3, 2.0)]), st.sampled_from([(1.0, 2.0), (1.0, 1.0)]))
def test_pieces_and_utterances_are_in_order(
    speech: str, silences: tuple[float, float], limits: tuple[float, float]
) -> None:
    """Starts and ends alternate, positions never go back or lie ahead, and no piece is longer than the hard limit.

    A further piece starts at the cut, or at most 0.7 s before its voice. No two windows of voice in a row lie
    outside the pieces.
    """
    marks = marks_of(speech, hangover=silences[0], end=silences[1], soft=limits[0], hard=limits[1])
    position, piece_open, active = 0, False, False
    for fed, mark in marks:
        match mark:
            case VoiceStarted() | VoiceStopped():
                assert active == isinstance(mark, VoiceStopped)
                active = not active
            case UtteranceStarted():
                assert not piece_open
                voice_began = len(speech[:fed].rstrip("vq"))
                lead_in = int(0.7 * RATE_HZ) if mark.continued else 0
                assert mark.at == max(position, at(voice_began) - lead_in)
                assert not has_voice(speech[position // WINDOW : voice_began])
                position, piece_open = mark.at, True
            case UtteranceEnded():
                assert piece_open
                assert mark.at == at(fed)
                assert mark.at - position <= limits[1] * RATE_HZ
                position, piece_open = mark.at, False
    assert piece_open or not has_voice(speech[position // WINDOW :])


def has_voice(speech: str) -> bool:
    """Whether two windows in a row hold voice."""
    return "vv" in speech.replace("q", "v")


# Judged pauses


PAUSE, HANGOVER, END, UNFINISHED = 10, 15, 35, 85
"""Windows of silence until each of them has passed."""


def judged_segmenter(**times: float) -> UtteranceSegmenter:
    """A segmenter whose pauses are judged after 0.2 s, and whose utterances then may wait until 1.7 s."""
    of = {"hangover": 0.3, "end": 0.7, "soft": 10.0, "hard": 15.0, **times}
    decisive = SegmentationTimes(of["hangover"], of["end"], of["soft"], of["hard"], 0.2, 1.7)
    return UtteranceSegmenter(decisive, rate_hz=RATE_HZ, window_samples=WINDOW)


def pause_of(marks: list[tuple[int, Mark]]) -> PauseReached:
    """The only pause among ``marks``."""
    (pause,) = [mark for _, mark in marks if isinstance(mark, PauseReached)]
    return pause


def test_a_pause_is_told_with_what_was_said() -> None:
    """Once, when its silence has passed, from the first voice of the utterance on."""
    fed = judged_segmenter()
    marks = feed(fed, "." * 10 + "v" * 50 + "." * PAUSE)
    assert pause_of(marks) == PauseReached(at(10), at(70))
    assert fed.awaits_verdict
    assert not [mark for _, mark in feed(fed, "." * 20) if isinstance(mark, PauseReached)]


@pytest.mark.parametrize("late", [0, 1, HANGOVER - PAUSE, 20, END - PAUSE - 1])
def test_who_is_done_has_ended_where_voice_stopped(late: int) -> None:
    """However late the verdict comes, as long as silence has not decided; the mark comes with it, not before."""
    fed = judged_segmenter()
    pause = pause_of(feed(fed, "v" * 50 + "." * PAUSE))
    feed(fed, "." * late)
    marks = [(0, mark) for mark in fed.judge(pause, finished=True)] + feed(fed, "." * 200)
    assert [mark for _, mark in marks if isinstance(mark, UtteranceEnded)] == [UtteranceEnded(at(50 + HANGOVER))]
    assert fed.quiet
    assert not fed.awaits_verdict


def test_who_is_not_done_gets_more_time() -> None:
    """Voice that comes back within it belongs to the utterance; without any it ends."""
    fed = judged_segmenter()
    assert fed.judge(pause_of(feed(fed, "v" * 50 + "." * PAUSE)), finished=False) == []
    back = feed(fed, "." * (UNFINISHED - PAUSE - 1) + "v" * 50)
    assert [type(mark) for _, mark in back] == [VoiceStopped, VoiceStarted]
    second = feed(fed, "." * PAUSE)
    assert fed.judge(pause_of(second), finished=False) == []
    end = 50 + (UNFINISHED - 1) + 50 + UNFINISHED
    assert feed(fed, "." * 200)[-1][1] == UtteranceEnded(at(end))


def test_without_a_verdict_silence_decides() -> None:
    """At the end-of-utterance silence, as if nobody had been asked; what comes then is not heeded."""
    fed = judged_segmenter()
    marks = feed(fed, "v" * 50 + "." * 40)
    assert marks[-1] == (50 + END, UtteranceEnded(at(50 + END)))
    assert not fed.awaits_verdict
    assert fed.judge(pause_of(marks), finished=True) == []
    assert fed.judge(pause_of(marks), finished=False) == []
    assert feed(fed, "." * 100) == []


def test_a_verdict_on_a_pause_that_is_over_is_not_heeded() -> None:
    """The speaker went on: neither the utterance nor the next pause is judged by it."""
    fed = judged_segmenter()
    first = pause_of(feed(fed, "v" * 50 + "." * PAUSE))
    second = pause_of(feed(fed, "v" * 50 + "." * PAUSE))
    assert fed.judge(first, finished=True) == []
    assert fed.awaits_verdict
    assert fed.judge(second, finished=False) == []
    assert fed.judge(second, finished=True) == []  # said once


def test_one_window_of_voice_holds_the_end_back() -> None:
    """It may be the first of more: then the utterance goes on, else it ended where it would have."""
    for more, expected in (("v", []), (".", [UtteranceEnded(at(50 + HANGOVER))])):
        fed = judged_segmenter()
        pause = pause_of(feed(fed, "v" * 50 + "." * PAUSE))
        feed(fed, "." * 10 + "v")
        assert fed.judge(pause, finished=True) == []
        assert [mark for _, mark in feed(fed, more) if isinstance(mark, UtteranceEnded)] == expected


def test_a_hangover_shorter_than_the_pause_ends_nothing_before_it() -> None:
    """The end lies in the pause that was judged, never in the one before."""
    fed = judged_segmenter(hangover=0.02)
    pause = pause_of(feed(fed, "v" * 50 + "." * PAUSE))
    assert fed.judge(pause, finished=True) == [UtteranceEnded(at(50 + PAUSE))]


def test_nothing_is_judged_where_a_cut_has_ended_all() -> None:
    """A long utterance whose last piece was cut at its quiet place has no pause; its next piece has one again."""
    fed = judged_segmenter(soft=1.5, hard=2.0)
    marks = feed(fed, "v" * 85 + "." * 30)
    assert UtteranceEnded in [type(mark) for _, mark in marks]
    assert PauseReached not in [type(mark) for _, mark in marks]
    again = feed(fed, "v" * 20 + "." * PAUSE)
    assert UtteranceStarted in [type(mark) for _, mark in again]
    assert pause_of(again).start == 0
    assert fed.judge(pause_of(again), finished=True) == []
    assert feed(fed, "." * 5)[-1][1] == UtteranceEnded(at(85 + 30 + 20 + HANGOVER))


@given(
    speech=st.lists(st.tuples(st.sampled_from("v."), st.integers(1, 60)), max_size=30),
    verdicts=st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=30),
)
@settings(max_examples=200, deadline=None)
def test_however_verdicts_come_utterances_keep_their_order(
    speech: list[tuple[str, int]], verdicts: list[tuple[int, bool]]
) -> None:
    """Starts and ends alternate, none lies before the one before it, and every utterance ends after its silence."""
    fed = judged_segmenter(soft=2.0, hard=3.0)
    waiting: list[tuple[int, PauseReached, bool]] = []
    marks: list[Mark] = []
    answers = iter(verdicts)
    for number, window in enumerate("".join(letter * count for letter, count in speech) + "." * 100):
        for due, pause, finished in [item for item in waiting if item[0] <= number]:
            marks += fed.judge(pause, finished=finished)
            waiting.remove((due, pause, finished))
        marks += (found := fed.feed(window == "v", LOUD if window == "v" else QUIET))
        for mark in found:
            if isinstance(mark, PauseReached) and (answer := next(answers, None)) is not None:
                waiting.append((number + 1 + answer[0], mark, answer[1]))
    of_utterances = [mark for mark in marks if isinstance(mark, UtteranceStarted | UtteranceEnded)]
    kinds = [isinstance(mark, UtteranceStarted) for mark in of_utterances]
    assert kinds == [True, False] * (len(kinds) // 2)
    positions = [mark.at for mark in of_utterances]
    assert positions == sorted(positions)
    assert fed.quiet
