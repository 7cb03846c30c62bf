"""Which turn interprets which stretch of speech: whole sequences of states and turns."""

from typing import Literal, get_args

import pytest

from client.speech import HANGOVER_SECS, ONSET_SECS, Speech, State

Event = tuple[float, State | Literal["turn"]]


def _spans(*events: Event, texts: dict[int, str] | None = None, last_secs: float = 1000.0) -> dict[int, object]:
    """Plays states and the beginnings of turns' outputs; gives each turn's span, as voice rather than as messages.

    A ``speaking`` at 1.0 makes a span that starts at 1.0, so that the sequences can be read.
    """
    speech = Speech()
    turn = 0
    for at_secs, what in events:
        if what == "turn":
            turn += 1
            speech.answered_by(turn, at_secs)
        else:
            assert what in get_args(State)
            shift_secs = {"speaking": ONSET_SECS, "silent": HANGOVER_SECS, "processing": 0.0}[what]
            speech.on_state(what, at_secs, at_secs + shift_secs)
    spans = speech.spans(texts or {}, last_secs)
    return {turn: pytest.approx(span) for turn, span in spans.items()}


def test_one_utterance_one_turn() -> None:
    """From its first voice to its last."""
    assert _spans((1.0, "speaking"), (3.0, "silent"), (3.4, "processing"), (4.0, "silent"), (4.0, "turn")) == {
        1: (1.0, 3.0)
    }


def test_a_span_is_what_the_server_had_heard() -> None:
    """Not where the audio had got to when the message came, which is later where audio is sent fast."""
    speech = Speech()
    speech.on_state("speaking", 2.0, 1.6)
    speech.on_state("silent", 4.0, 3.6)
    speech.answered_by(1, 5.0)
    assert speech.spans({}, 100.0) == {1: pytest.approx((1.6 - ONSET_SECS, 3.6 - HANGOVER_SECS))}


def test_a_breath_does_not_part_an_utterance() -> None:
    """Voice that returns before the server took the utterance as finished continues it."""
    assert _spans(
        (1.0, "speaking"), (2.0, "silent"), (2.3, "speaking"), (3.0, "silent"), (3.4, "processing"), (4.0, "turn")
    ) == {1: (1.0, 3.0)}


def test_the_speaker_goes_on_while_the_first_is_interpreted() -> None:
    """Turns come in the order of their speech."""
    assert _spans(
        *((1.0, "speaking"), (2.0, "silent"), (2.4, "processing"), (2.6, "speaking"), (3.0, "turn")),
        *((4.0, "silent"), (4.4, "processing"), (5.0, "silent"), (5.0, "turn")),
    ) == {1: (1.0, 2.0), 2: (2.6, 4.0)}


def test_a_cough_gets_no_turn() -> None:
    """It was given up before the next one spoke, so it is not the next turn's."""
    assert _spans(
        *((1.0, "speaking"), (1.3, "silent"), (1.7, "processing"), (13.7, "silent")),
        *((20.0, "speaking"), (22.0, "silent"), (22.4, "processing"), (23.0, "silent"), (23.0, "turn")),
    ) == {1: (20.0, 22.0)}


def test_a_cough_just_before_speech() -> None:
    """While it waits in vain somebody speaks; when nothing waits any more, the turn is the newest one's."""
    assert _spans(
        *((1.0, "speaking"), (1.3, "silent"), (1.7, "processing")),
        *((2.0, "speaking"), (4.0, "silent"), (4.0, "processing"), (5.0, "speaking")),
        *((6.0, "silent"), (6.0, "processing"), (18.0, "silent"), (18.0, "turn")),
    ) == {1: (5.0, 6.0)}


def test_speech_that_is_cut_is_shared_by_its_turns() -> None:
    """In proportion to their texts, the last up to the end."""
    assert _spans(
        *((1.0, "speaking"), (14.0, "turn"), (31.0, "silent"), (31.4, "processing"), (32.0, "silent")),
        (32.0, "turn"),
        texts={1: "a" * 20, 2: "b" * 40},
    ) == {1: (1.0, 11.0), 2: (11.0, 31.0)}


def test_a_piece_was_over_when_its_output_began() -> None:
    """Whatever the texts' lengths say."""
    assert _spans(
        *((1.0, "speaking"), (14.0, "turn"), (31.0, "silent"), (31.4, "processing"), (32.0, "turn")),
        texts={1: "a" * 50, 2: "b" * 10},
    ) == {1: (1.0, 14.0), 2: (14.0, 31.0)}


def test_pieces_that_wait_together() -> None:
    """Two of three pieces are interpreted after the speaker has stopped: the state says that one more waits."""
    assert _spans(
        *((0.0, "speaking"), (14.0, "turn"), (30.0, "silent"), (30.0, "processing"), (31.0, "turn")),
        *((33.0, "silent"), (33.0, "turn")),
        texts={1: "a" * 10, 2: "b" * 10, 3: "c" * 10},
    ) == {1: (0.0, 10.0), 2: (10.0, 20.0), 3: (20.0, 30.0)}


def test_more_pieces_wait_together() -> None:
    """As long as the state says so."""
    assert _spans(
        *((0.0, "speaking"), (40.0, "silent"), (40.4, "processing"), (41.0, "turn"), (43.0, "turn")),
        *((45.0, "silent"), (45.0, "turn"), (47.0, "turn")),
    ) == {1: (0.0, 40 / 3), 2: (40 / 3, 80 / 3), 3: (80 / 3, 40.0)}


def test_long_speech_owes_more_turns_before_the_next_utterance() -> None:
    """Forty seconds are at least three turns: the second of them is not the next utterance's."""
    assert _spans(
        *((0.0, "speaking"), (14.0, "turn"), (40.0, "silent"), (40.4, "processing"), (41.0, "speaking")),
        *((41.5, "turn"), (42.0, "silent"), (42.0, "processing"), (43.0, "turn"), (44.0, "silent"), (44.0, "turn")),
    ) == {1: (0.0, 40 / 3), 2: (40 / 3, 80 / 3), 3: (80 / 3, 40.0), 4: (41.0, 42.0)}


def test_a_piece_that_waits_when_speech_ends_tells_of_the_cut() -> None:
    """``processing`` at once, and nothing else waits: so a second turn comes, however late the first one is."""
    assert _spans(
        *((1.0, "speaking"), (13.0, "silent"), (13.0, "processing"), (14.0, "speaking"), (15.0, "turn")),
        *((16.0, "silent"), (16.0, "processing"), (17.0, "speaking"), (18.0, "turn"), (18.5, "turn")),
        texts={1: "a" * 30, 2: "b" * 10},
    ) == {1: (1.0, 10.0), 2: (10.0, 13.0), 3: (14.0, 16.0)}


def test_a_further_piece_that_waits_when_speech_ends() -> None:
    """The same where a piece was interpreted while the speaker went on."""
    assert _spans(
        *((1.0, "speaking"), (12.0, "turn"), (23.0, "silent"), (23.0, "processing"), (24.0, "speaking")),
        *((25.0, "turn"), (26.0, "silent"), (26.0, "processing"), (27.0, "turn"), (28.0, "turn")),
    ) == {1: (1.0, 25 / 3), 2: (25 / 3, 47 / 3), 3: (47 / 3, 23.0), 4: (24.0, 26.0)}


def test_short_speech_is_not_cut() -> None:
    """States that came in one go, because the network stalled, do not make it so."""
    assert _spans(
        *((1.0, "speaking"), (10.9, "silent"), (10.9, "processing"), (11.5, "speaking"), (12.0, "turn")),
        *((13.0, "silent"), (13.0, "processing"), (14.0, "turn")),
    ) == {1: (1.0, 10.9), 2: (11.5, 13.0)}


def test_speech_whose_last_piece_was_cut_just_before_its_end() -> None:
    """Nothing of it waits when it ends, so the next turn is the next utterance's."""
    assert _spans(
        *((1.0, "speaking"), (15.5, "turn"), (16.0, "silent"), (18.0, "speaking")),
        *((19.0, "silent"), (19.4, "processing"), (19.8, "speaking"), (20.0, "turn")),
    ) == {1: (1.0, 16.0), 2: (18.0, 19.0)}


def test_late_text_is_of_no_speech() -> None:
    """A turn that comes while nothing waits and nobody speaks has no span."""
    assert _spans(
        *((1.0, "speaking"), (2.0, "silent"), (2.4, "processing"), (3.0, "silent"), (3.0, "turn")), (6.0, "turn")
    ) == {1: (1.0, 2.0)}
    assert _spans((5.0, "turn")) == {}


def test_without_voice_activity_there_are_no_spans() -> None:
    """A server that sends no ``speaking`` says nothing of when."""
    assert _spans((1.0, "processing"), (2.0, "silent"), (2.0, "turn")) == {}


def test_a_session_that_ends_in_the_middle_of_speech() -> None:
    """What is still being said goes up to what was sent."""
    assert _spans((1.0, "speaking"), (2.5, "turn"), last_secs=3.0) == {1: (1.0, 3.0)}


def test_no_span_goes_beyond_the_audio_or_into_the_one_before() -> None:
    """The server's silence after the last chunk is no speech, and a start is not before an end."""
    spans = _spans(
        *((1.0, "speaking"), (2.0, "silent"), (2.4, "processing"), (3.0, "turn"), (3.0, "silent")),
        *((1.8, "speaking"), (9.0, "silent"), (9.4, "processing"), (10.0, "turn")),
        last_secs=8.0,
    )
    assert spans == {1: (1.0, 2.0), 2: (2.0, 8.0)}
