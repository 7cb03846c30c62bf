"""Turns of one speaker reach a listener in order, the ends behind the sound."""

import numpy as np
import pytest

from pipelines.speaker_track import SpeakerTrack, piece_bytes, sound_at
from protocol.messages import Interrupted, ServerMessage, SpeechState, Transcription, TurnComplete
from tests.support.pcm import tone

RATE_HZ = 24_000
PIECE = piece_bytes(RATE_HZ)
SOUND = b"\1\0" * (PIECE // 2)


def partial(text: str, kind: str = "output_transcription") -> Transcription:
    """A text that is not final."""
    return Transcription(type=kind, text=text, is_final=False)  # type: ignore[arg-type]


def final(text: str, kind: str = "output_transcription") -> Transcription:
    """A text that is final."""
    return Transcription(type=kind, text=text, is_final=True, language="en")  # type: ignore[arg-type]


def done(text: str) -> TurnComplete:
    """The end of a turn."""
    return TurnComplete(input_text="", output_text=text)


def add_turn(track: SpeakerTrack, name: str, pieces: int) -> list[ServerMessage]:
    """A whole turn comes at once; what is told of it at once."""
    told = track.add_message(partial(name))
    for _ in range(pieces):
        track.add_sound(SOUND)
    return told + track.add_message(final(name)) + track.add_message(done(name))


def play(track: SpeakerTrack) -> int:
    """Play the turn at the head; how many pieces it had."""
    pieces = 0
    while track.head is not None and track.head.take(PIECE) is not None:
        pieces += 1
    return pieces


@pytest.fixture
def track() -> SpeakerTrack:
    """A track at the rate of interpretations."""
    return SpeakerTrack(RATE_HZ, ("ko", "en"))


def test_partials_come_at_once_and_the_ends_behind_the_last_piece(track: SpeakerTrack) -> None:
    """What is read grows while it is heard; that it is over is told when it was heard."""
    assert add_turn(track, "one", 3) == [partial("one")]
    assert track.settle() == []
    assert play(track) == 3
    assert track.settle() == [final("one"), done("one")]
    assert track.idle


def test_nothing_of_a_turn_comes_before_the_end_of_the_one_before(track: SpeakerTrack) -> None:
    """Also not its partials."""
    add_turn(track, "one", 1)
    assert add_turn(track, "two", 2) == []
    play(track)
    assert track.settle() == [final("one"), done("one"), partial("two")]
    assert play(track) == 2
    assert track.settle() == [final("two"), done("two")]


def test_a_turn_of_text_alone_is_over_at_once(track: SpeakerTrack) -> None:
    """There is nothing to wait for."""
    assert add_turn(track, "one", 0) == [partial("one"), final("one"), done("one")]
    assert track.idle


def test_a_state_waits_for_nothing(track: SpeakerTrack) -> None:
    """It is about the speaker as they are."""
    state = SpeechState(state="speaking", timestamp=1)
    add_turn(track, "one", 1)
    assert track.add_message(state) == [state]


def test_a_piece_that_is_not_whole_waits_for_the_rest_of_its_turn(track: SpeakerTrack) -> None:
    """Only the last one is filled up."""
    track.add_sound(SOUND + SOUND[:100])
    assert play(track) == 1
    track.add_message(done(""))
    assert track.head is not None
    assert track.head.take(PIECE) == SOUND[:100].ljust(PIECE, b"\0")


def test_the_last_piece_of_sound_that_is_over_waits_for_no_text(track: SpeakerTrack) -> None:
    """Nor does sound that comes after all get lost."""
    track.add_sound(SOUND + SOUND[:100])
    track.end_sound()
    assert play(track) == 2
    track.add_sound(SOUND[:200])
    assert play(track) == 0
    track.end_sound()
    assert play(track) == 1
    assert track.settle() == []
    assert track.add_message(done("late")) == [done("late")]


def test_a_turn_that_is_cut_ends_with_the_texts_so_far(track: SpeakerTrack) -> None:
    """What comes of it later is dropped, and the next turn begins."""
    track.add_message(partial("말", "input_transcription"))
    track.add_message(partial("wor"))
    track.add_sound(SOUND * 5)
    assert track.cut() == [
        Transcription(type="input_transcription", text="말", is_final=True, language="ko"),
        Transcription(type="output_transcription", text="wor", is_final=True, language="en"),
        TurnComplete(input_text="말", output_text="wor"),
    ]
    assert track.add_message(partial("words")) == []
    assert track.add_sound(SOUND) is None
    assert track.add_message(final("words")) + track.add_message(done("words")) == []
    assert track.idle
    assert add_turn(track, "next", 0)[-1] == done("next")


def test_a_whole_turn_that_is_cut_keeps_its_own_ends(track: SpeakerTrack) -> None:
    """And the one behind it begins."""
    add_turn(track, "one", 9)
    add_turn(track, "two", 1)
    assert track.cut() == [final("one"), done("one"), partial("two")]


def test_an_answer_that_breaks_off_starts_anew(track: SpeakerTrack) -> None:
    """Its sound is gone; who saw some of it is told."""
    again = Interrupted(reason="upstream")
    track.add_message(partial("wrong"))
    assert track.add_sound(SOUND) is not None
    assert track.add_message(again) == [again]
    assert track.held_bytes == 0
    assert track.add_sound(SOUND) is track.head  # it asks for the floor again
    track.add_message(done("right"))
    assert play(track) == 1
    assert track.settle() == [done("right")]


def test_who_saw_nothing_is_not_told_that_it_breaks_off(track: SpeakerTrack) -> None:
    """The turn waits behind another."""
    add_turn(track, "one", 1)
    track.add_message(partial("wrong"))
    assert track.add_message(Interrupted(reason="upstream")) == []
    play(track)
    assert track.settle() == [final("one"), done("one")]


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
def test_sound_at_another_rate_is_whole_and_has_no_clicks(rate_hz: int) -> None:
    """However it is cut, it is what the whole would be."""
    pcm = tone(1.0, RATE_HZ, hz=440)
    track = SpeakerTrack(rate_hz, ("ko", "en"))
    for start in range(0, len(pcm), 1234):
        track.add_sound(pcm[start : start + 1234])
    assert track.head is not None
    turn = track.head
    track.add_message(done(""))
    played = b"".join(iter(lambda: turn.take(piece_bytes(rate_hz)) or b"", b""))
    whole = np.frombuffer(bytes(sound_at(rate_hz, pcm)), "<i2").astype(int)
    samples = np.frombuffer(played, "<i2").astype(int)
    assert len(whole) <= len(samples) < len(whole) + piece_bytes(rate_hz)
    assert np.abs(samples[: len(whole)] - whole).max() <= 2
