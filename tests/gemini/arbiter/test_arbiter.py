"""Which of two sessions is heard: traces by hand and from seeds, and what the arbiter does with turns."""

from itertools import pairwise

import pytest

from gemini.arbiter import Arbiter, ArbitratedEvent
from gemini.happenings import TurnRestarted
from gemini.turns import (
    OutputAudio,
    OutputEnded,
    OutputStarted,
    SourceChanged,
    SourceHeard,
    TargetGrew,
    TurnEnded,
    TurnFailure,
)
from processors.script import language_of
from tests.gemini.arbiter.audit import audit, main, traces_by_hand
from tests.gemini.arbiter.generator import NO_FAULTS, Rates, generated
from tests.gemini.arbiter.play import Played, play
from tests.gemini.arbiter.trace import Trace, parse, written
from tests.support.turn_laws import check_turn, turns_of

HOLD_SECS = 0.6
SEEDS = range(60)
BY_HAND = traces_by_hand()
SOUND = OutputAudio(b"\1\0" * 6000, 24000)
ZEROS = OutputAudio(bytes(12000), 24000)


# Traces


def check_played(played: Played) -> None:
    """Nothing of the wrong direction, in the protocol's order, and nothing held for longer than the hold."""
    wrong = [chunk for chunk in played.chunks if chunk.label == "wrong" and chunk.heard_at is not None]
    assert not wrong, f"{played.trace.name}: {wrong[0]}"
    check_order(played)


def check_order(played: Played) -> None:
    """Turns keep their form, sounds their order, and nothing is held for longer than the hold but for order."""
    turns = turns_of([event for _, event in played.given if not isinstance(event, TurnRestarted)])
    for turn in turns:
        check_turn(turn, cut=True)
    for chunk in played.chunks:
        if chunk.delay_secs is not None and not chunk.waited_for_order:
            assert chunk.delay_secs <= HOLD_SECS + 1e-6, f"{played.trace.name}: {chunk}"
    for session in played.trace.targets:
        heard = [c for c in played.chunks if c.speaks.session == session and not c.text and c.heard_at is not None]
        in_order = sorted(heard, key=lambda chunk: chunk.at)
        assert all(before.heard_at <= after.heard_at for before, after in pairwise(in_order))  # type: ignore[operator]


def test_there_are_traces_enough() -> None:
    """At least forty by hand and forty from seeds."""
    assert len(BY_HAND) >= 40
    assert len(SEEDS) >= 40


@pytest.mark.parametrize("trace", BY_HAND, ids=lambda trace: trace.name)
def test_traces_by_hand(trace: Trace) -> None:
    """No chunk of the wrong direction is heard, every right one is."""
    played = play(trace)
    check_played(played)
    lost = [chunk for chunk in played.chunks if chunk.label == "right" and chunk.heard_at is None]
    assert not lost, f"not heard: {lost[0]}"


@pytest.mark.parametrize("seed", SEEDS)
def test_generated_traces(seed: int) -> None:
    """No chunk of the wrong direction is heard, whatever is late, missing, wrong or leaks."""
    check_played(play(generated(seed)))


@pytest.mark.parametrize("seed", range(20))
def test_order_holds_whatever_happens(seed: int) -> None:
    """With sessions that do nothing right, turns keep their form and order, and no piece is heard late or twice."""
    rates = Rates(
        leak=1, noise=1, missing=0.3, late=0.5, misread=0.5, wrong_code=0.5, no_code=0.3, swallowed=0.3, hasty=True
    )
    check_order(play(generated(seed, rates)))


def test_most_of_what_is_right_is_heard() -> None:
    """Where no session fails, nine tenths of all output at least, with quick changes of speakers and cross-talk."""
    found = audit(generated(seed, NO_FAULTS) for seed in SEEDS)
    assert found.right > 5000
    assert found.right_lost < 0.1 * found.right


def test_without_a_hold_nothing_waits() -> None:
    """With a hold of 0 every piece is heard at once or never."""
    played = play(next(trace for trace in BY_HAND if trace.name.startswith("late-source-01")), hold_secs=0.0)
    assert {chunk.delay_secs for chunk in played.chunks} <= {None, 0.0}
    assert any(chunk.heard_at is None for chunk in played.chunks)


def test_each_text_is_shown_once() -> None:
    """Both sessions recognise the same speech; the client gets it once, from the one that is right."""
    for trace in BY_HAND:
        if not trace.name.startswith("one-word-08"):  # there it is said twice
            given = [event for _, event in play(trace).given]
            shown = [event.source_text for event in given if isinstance(event, TurnEnded) and event.source_text]
            assert len(shown) == len(set(shown)), trace.name


def test_a_trace_survives_writing() -> None:
    """What is shown of a trace is a trace."""
    trace = generated(7)
    again = parse("again", written(trace))
    assert len(again.lines) == len(trace.lines)
    assert {type(line) for line in again.lines} == {type(line) for line in trace.lines}


@pytest.mark.parametrize("row", ["1.0 fr hears fr Oui", "1.0 en sings la"])
def test_a_line_that_is_none_is_refused(row: str) -> None:
    """A typing mistake in a trace is no trace."""
    with pytest.raises(ValueError, match="expected"):
        parse("wrong", row)


def test_the_audit_prints_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    """The command says what was heard and how late, and shows traces on request."""
    assert main(["--seeds", "3", "--show", "1", "--sound"]) == 0
    printed = capsys.readouterr().out
    assert "wrong chunks heard           0 of" in printed
    assert "worst" in printed
    assert "== " in printed


# Turns


class Conversation:
    """An arbiter between Korean and English, driven by hand.

    Attributes:
        now: Seconds.
        given: What the client was given.
    """

    def __init__(self, languages: tuple[str, str] = ("en", "ko")) -> None:
        """Begin at second 0."""
        self.arbiter = Arbiter(languages, lambda text, code: language_of(text, languages, code))
        self.now = 0.0
        self.given: list[ArbitratedEvent] = []

    def say(self, target: str, *events: ArbitratedEvent) -> None:
        """A session tells something."""
        for event in events:
            self.given += self.arbiter.take(target, event, self.now)

    def hear(self, text: str, code: str | None = None, *, by: tuple[str, ...] = ("en", "ko")) -> None:
        """Sessions recognise speech, in turns of their own."""
        for target in by:
            self.say(target, SourceHeard(text, code), SourceChanged(text, code))

    def wait(self, secs: float) -> None:
        """Let time pass, with a look at every deadline on the way."""
        until = self.now + secs
        while (deadline := self.arbiter.deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.given += self.arbiter.advance(self.now)
            after = self.arbiter.deadline()
            assert after is None or after > self.now, "a deadline that was met stays"
        self.now = until

    def take(self) -> list[ArbitratedEvent]:
        """What was given since the last call."""
        taken, self.given = self.given, []
        return taken


def end(text: str, *, had_output: bool = True, code: str | None = None) -> TurnEnded:
    """The end of a turn without failure."""
    return TurnEnded(True, had_output, None, text, code)


OUTPUT = (OutputStarted(), TargetGrew("Hello.", "en"), SOUND)


def test_a_turn_comes_out_as_it_went_in() -> None:
    """What the right session tells is what the client is given, and the other one's turn is not there."""
    talk = Conversation()
    talk.hear("안녕하세요.", "ko")
    talk.say("en", *OUTPUT, ZEROS, OutputEnded(), end("안녕하세요.", code="ko"))
    talk.say("ko", end("안녕하세요.", had_output=False, code="ko"))
    talk.wait(60)
    assert talk.take() == [
        SourceChanged("안녕하세요.", "ko"),
        *OUTPUT,
        ZEROS,
        OutputEnded(),
        end("안녕하세요.", code="ko"),
    ]
    assert talk.arbiter.deadline() is None
    assert talk.arbiter.speaking is None


def test_one_knows_who_speaks() -> None:
    """An interrupt is for the session whose turn is being given."""
    talk = Conversation()
    talk.hear("안녕하세요.", "ko")
    talk.say("en", *OUTPUT)
    assert talk.arbiter.speaking == "en"


def test_the_next_direction_waits_for_the_end_of_the_turn() -> None:
    """Nothing of the next turn comes before the end of the one in front; then all of it, nothing dropped."""
    talk = Conversation()
    talk.hear("안녕하세요.", "ko")
    talk.say("en", *OUTPUT)
    talk.say("ko", end("안녕하세요.", had_output=False, code="ko"))
    talk.take()
    talk.wait(2)
    talk.say("en", SourceHeard("Hello.", "en"))
    talk.say("ko", SourceHeard("Hello.", "en"), SourceChanged("Hello.", "en"))
    talk.say("ko", OutputStarted(), TargetGrew("안녕.", "ko"), SOUND)
    talk.wait(3)
    assert talk.take() == []
    talk.say("en", OutputEnded(), end("안녕하세요.", code="ko"))
    assert talk.take() == [
        OutputEnded(),
        end("안녕하세요.", code="ko"),
        SourceChanged("Hello.", "en"),
        OutputStarted(),
        TargetGrew("안녕.", "ko"),
        SOUND,
    ]


def test_what_nobody_is_known_to_have_said_is_not_heard() -> None:
    """Output without any source text is dropped, piece by piece, and counted."""
    talk = Conversation()
    talk.say("en", *OUTPUT)
    talk.wait(0.5)
    talk.say("en", SOUND, OutputEnded(), end(""))
    talk.wait(60)
    assert talk.take() == []
    assert talk.arbiter.dropped_pieces == 3
    assert talk.arbiter.deadline() is None


def test_a_restarted_turn_begins_anew_for_the_client_too() -> None:
    """What came of it is void; what comes then is judged and given as before, with one end."""
    talk = Conversation()
    talk.hear("안녕하세요.", "ko")
    talk.say("en", *OUTPUT)
    talk.take()
    restarted = TurnRestarted(TurnFailure.LOST, 0)
    talk.say("en", restarted)
    talk.hear("안녕하세요.", "ko", by=("en",))
    talk.say("en", *OUTPUT, OutputEnded(), end("안녕하세요.", code="ko"))
    assert talk.take() == [
        restarted,
        SourceChanged("안녕하세요.", "ko"),
        *OUTPUT,
        OutputEnded(),
        end("안녕하세요.", code="ko"),
    ]


def test_a_restart_of_what_nobody_heard_is_not_told() -> None:
    """A turn of the silent session, or no turn at all, restarts without a word."""
    talk = Conversation()
    talk.say("ko", TurnRestarted(TurnFailure.LOST, 0))
    talk.hear("안녕하세요.", "ko")
    talk.take()
    talk.say("ko", TurnRestarted(TurnFailure.LOST, 0))
    assert talk.take() == []


def test_a_turn_that_never_ends_gives_way() -> None:
    """Where a session is gone in the middle of its turn, the other direction is not kept waiting for good."""
    talk = Conversation()
    talk.hear("안녕하세요.", "ko")
    talk.say("en", *OUTPUT)
    talk.say("ko", end("안녕하세요.", had_output=False, code="ko"))
    talk.take()
    talk.wait(1)
    talk.hear("Hello.", "en", by=("ko",))
    talk.wait(60)
    lost = TurnEnded(True, True, TurnFailure.LOST, "안녕하세요.", "ko")
    assert talk.take() == [OutputEnded(), lost, SourceChanged("Hello.", "en")]


def test_a_pair_of_one_script_is_told_apart_by_codes() -> None:
    """Where script says nothing, the codes of both sessions do."""
    talk = Conversation(("en", "es"))
    for target in ("en", "es"):
        talk.say(target, SourceHeard("Buenos días.", "es"), SourceChanged("Buenos días.", "es"))
    talk.say("es", OutputStarted(), TargetGrew("Buenos días.", "es"), SOUND)
    talk.say("en", OutputStarted(), TargetGrew("Good morning.", "en"), SOUND)
    talk.wait(60)
    assert talk.take() == [
        SourceChanged("Buenos días.", "es"),
        OutputStarted(),
        TargetGrew("Good morning.", "en"),
        SOUND,
    ]


def test_speech_that_each_session_takes_for_the_others_is_shown_once() -> None:
    """Where the sessions contradict each other nobody is heard, and one text is shown."""
    talk = Conversation()
    talk.hear("네.", "ko", by=("en",))
    talk.hear("Nay.", "en", by=("ko",))
    talk.say("en", *OUTPUT)
    talk.wait(3)
    talk.say("en", OutputEnded(), end("네.", code="ko"))
    talk.say("ko", end("Nay.", had_output=False, code="en"))
    talk.wait(60)
    assert talk.take() == [SourceChanged("네.", "ko"), end("네.", had_output=False, code="ko")]
