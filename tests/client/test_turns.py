"""Messages and arrival times, made into turns and delays."""

from typing import Literal

import pytest

from client.speech import State
from client.turns import Side, Turn, TurnTracker
from client.wire import Notice, Sound
from protocol.messages import Interrupted, SpeechState, Transcription, TurnComplete

PCM = b"\x01\x00"
Kind = Literal["input_transcription", "output_transcription"]


class Session:
    """A tracker and the clock at which its messages arrive."""

    def __init__(self) -> None:
        self.tracker = TurnTracker()

    def states(self, **states_at: float) -> None:
        """States by arrival time; a digit at a name's end tells the same state apart."""
        for name, at_secs in states_at.items():
            state: State = name.rstrip("0123456789")  # type: ignore[assignment]  # one of the three
            self.tracker.apply(SpeechState(state=state, timestamp=0), at_secs)

    def text(self, kind: Kind, text: str, at_secs: float, language: str | None = None) -> None:
        """A partial, or with a language a final."""
        message = Transcription(type=kind, text=text, is_final=language is not None, language=language)
        self.tracker.apply(message, at_secs)

    def audio(self, at_secs: float) -> None:
        """A piece of sound."""
        self.tracker.apply(Sound(PCM), at_secs)

    def complete(self, at_secs: float, source: str = "a", target: str = "b") -> Turn:
        """The turn's end; returns the turn."""
        self.tracker.apply(TurnComplete(input_text=source, output_text=target), at_secs)
        return self.tracker.finished[-1]


@pytest.fixture
def session() -> Session:
    """A session that has just begun."""
    return Session()


def test_one_turn_in_full(session: Session) -> None:
    """Texts, languages, times and delay are the messages'."""
    session.states(speaking=0.5, silent=2.0, processing=2.4)
    session.text("input_transcription", "안녕", 2.5)
    assert session.tracker.live == Turn(1, Side("안녕"), first_text_secs=2.5)
    session.text("output_transcription", "Hel", 2.7)
    session.states(silent=2.7)
    session.audio(2.75)
    session.audio(2.9)
    session.text("input_transcription", "안녕하세요", 3.0, "ko")
    session.text("output_transcription", "Hello", 3.0, "en")
    turn = session.complete(3.1, "안녕하세요", "Hello")
    assert turn == Turn(1, Side("안녕하세요", "ko"), Side("Hello", "en"), 2.0, 2.5, 2.75, 3.1)
    assert turn.delay_ms == 750
    assert session.tracker.live is None


def test_idle_means_silent_and_no_open_turn(session: Session) -> None:
    """Both the state and an open turn keep a session busy."""
    busy = []
    session.states(speaking=0.5)
    busy.append(session.tracker.idle)
    session.states(silent=1.0)
    busy.append(session.tracker.idle)
    session.text("input_transcription", "a", 1.1)
    busy.append(session.tracker.idle)
    session.complete(1.2)
    busy.append(session.tracker.idle)
    assert busy == [False, True, False, True]


def test_outstanding_means_that_speech_waits_for_its_interpretation(session: Session) -> None:
    """From the end of the utterance until the turn is complete; source text alone is no interpretation."""
    seen = []
    session.states(speaking=0.5)
    session.text("input_transcription", "a", 0.9)
    seen.append((session.tracker.outstanding, session.tracker.in_output))
    session.states(silent=1.0, processing=1.4)
    seen.append((session.tracker.outstanding, session.tracker.in_output))
    session.states(silent=1.5)
    session.audio(1.5)
    seen.append((session.tracker.outstanding, session.tracker.in_output))
    session.complete(2.0)
    seen.append((session.tracker.outstanding, session.tracker.in_output))
    assert seen == [(False, False), (True, False), (True, True), (False, False)]


def test_spans_of_all_turns(session: Session) -> None:
    """Also of the one that is live when the session ends, before its output began."""
    session.states(speaking=0.5, silent=2.0, processing=2.4, silent2=2.5)
    session.audio(2.5)
    session.complete(3.0)
    session.states(speaking=4.0)
    session.text("input_transcription", "안", 4.9)
    session.tracker.end(5.0)
    spans = [turn.source_span for turn in session.tracker.timed(5.0)]
    assert spans == [pytest.approx((0.35, 1.7)), pytest.approx((3.85, 5.0))]


def test_turns_count_from_one(session: Session) -> None:
    """In the order in which they complete."""
    assert [session.complete(at).index for at in (1.0, 2.0, 3.0)] == [1, 2, 3]


def test_a_turn_without_output_completes(session: Session) -> None:
    """No audio, no delay, no target language."""
    session.states(speaking=0.1, silent=1.0, processing=1.4)
    session.text("input_transcription", "흠", 1.5, "ko")
    turn = session.complete(3.0, "흠", "")
    assert (turn.target, turn.first_audio_secs, turn.delay_ms) == (Side(), None, None)


def test_the_output_starts_anew_after_the_upstream_broke_off(session: Session) -> None:
    """Texts are forgotten; the times at which something was first heard and read stay."""
    session.text("input_transcription", "a", 1.0)
    session.audio(1.1)
    session.tracker.apply(Interrupted(reason="upstream"), 1.2)
    assert session.tracker.live == Turn(1, first_text_secs=1.0, first_audio_secs=1.1)


def test_what_the_client_interrupts_keeps_its_texts(session: Session) -> None:
    """The turn is cut there; nothing is made again."""
    session.tracker.apply(Transcription(type="input_transcription", text="안녕", is_final=False), 1.0)
    session.tracker.apply(Interrupted(reason="client"), 1.2)
    assert session.tracker.live == Turn(1, Side("안녕"), first_text_secs=1.0)


def test_other_messages_change_nothing(session: Session) -> None:
    """Warnings, interruptions of the playback and empty sound open no turn."""
    session.tracker.apply(Notice("X", "y"), 1.0)
    session.tracker.apply(Interrupted(reason="client"), 1.0)
    session.tracker.apply(Interrupted(reason="upstream"), 1.0)
    session.tracker.apply(Sound(b""), 1.0)
    assert session.tracker.live is None


def test_a_short_pause_does_not_end_the_utterance(session: Session) -> None:
    """The delay runs from the last end of speech before the server took the utterance as finished."""
    session.states(speaking=0.5, silent=1.0, speaking2=1.2, silent2=2.0, processing=2.4)
    session.audio(2.5)
    assert session.complete(3.0).end_of_speech_secs == 2.0


def test_the_speaker_goes_on_before_the_answer(session: Session) -> None:
    """Each turn has its own end of speech, oldest first."""
    session.states(speaking=0.5, silent=1.0, processing=1.4, speaking2=1.6)
    session.audio(2.0)
    session.states(silent2=2.5)
    first = session.complete(2.6)
    session.states(processing2=2.9)
    session.audio(3.0)
    second = session.complete(3.5)
    assert (first.delay_ms, second.delay_ms) == (1000, 500)


def test_two_utterances_end_before_the_first_answer(session: Session) -> None:
    """While the first waits, a long pause parts the second from the third, a short one does not."""
    session.states(speaking=0.5, silent=1.0, processing=1.4)
    session.states(speaking2=1.6, silent2=2.0, processing2=2.01)
    session.states(speaking3=2.2, silent3=3.0, processing3=3.01, speaking4=4.0)
    session.audio(4.1)
    first = session.complete(4.2)
    session.audio(4.3)
    second = session.complete(4.4)
    assert (first.end_of_speech_secs, second.end_of_speech_secs) == (1.0, 3.0)


def test_an_utterance_that_nothing_answers_is_forgotten(session: Session) -> None:
    """A cough does not make the next turn's delay seconds long."""
    session.states(speaking=0.5, silent=1.0, processing=1.4, silent2=13.4)
    session.states(speaking2=20.0, silent3=21.0, processing2=21.4)
    session.audio(21.5)
    assert session.complete(22.0).delay_ms == 500


def test_speech_that_is_cut_while_it_goes_on_has_no_end(session: Session) -> None:
    """A piece whose sound began while the speaker went on leaves the end to the last piece."""
    session.states(speaking=0.5)
    session.audio(10.0)
    session.states(silent=11.0, processing=11.4)
    session.text("output_transcription", "b", 11.5)
    assert session.tracker.live is not None
    piece = session.tracker.live
    session.complete(11.6)
    session.audio(11.7)
    last = session.complete(12.0)
    assert (piece.delay_ms, last.delay_ms) == (None, 700)


def test_without_voice_activity_there_is_no_delay(session: Session) -> None:
    """A server that sends no ``speaking`` tells no end of speech."""
    session.states(processing=1.0, silent=1.2)
    session.audio(1.2)
    assert session.complete(2.0).delay_ms is None
