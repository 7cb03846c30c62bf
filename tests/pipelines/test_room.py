"""Who hears, reads and sees whom in a room; strands are fakes, players are real, time is virtual."""

import asyncio
from typing import Any

import numpy as np
import pytest

from protocol.errors import ErrorCode, Fault, WarningCode
from protocol.messages import Interrupted, Warning
from tests.support.fake_line import FakeLine, house, voice
from tests.support.virtual_time import settle

# Who hears whom


async def test_two_people_hear_each_other_interpreted() -> None:
    """Each hears the other's interpretation, reads both texts of every turn, and hears nothing of itself."""
    async with house() as home:
        room = home.room("ko", "en")
        (korean, _), (english, _) = home.sit(room, 0), home.sit(room, 1)
        home.strands.one("ko", "en").turn("안녕하세요.", "Hello.", level=7)
        await settle(1)
        home.strands.one("en", "ko").turn("How are you?", "어떻게 지내세요?", level=9)
        await settle(1)
        turns = [("1", "안녕하세요.", "Hello."), ("2", "How are you?", "어떻게 지내세요?")]
        assert (korean.turns, english.turns) == (turns, turns)
        assert (korean.levels, english.levels) == ([9], [7])


async def test_every_text_names_its_speaker() -> None:
    """Partials, finals and ends, at both ends; a listener's come with the sound, the speaker's at once."""
    async with house() as home:
        room = home.room("ko", "en")
        (korean, _), (english, _) = home.sit(room, 0), home.sit(room, 1)
        home.strands.one("ko", "en").turn("안녕.", "Hi.")
        assert [m["type"] for m in korean.told[1:]] == [
            *("input_transcription", "output_transcription"),
            *("input_transcription", "output_transcription", "turn_complete"),
        ]
        assert english.of("turn_complete") == []
        await settle(1)
        texts = ("input_transcription", "output_transcription", "turn_complete")
        assert {m["speaker"] for line in (korean, english) for m in line.of(*texts)} == {"1"}
        assert english.events[-4:] == ["sound", "input_transcription", "output_transcription", "turn_complete"]


async def test_two_who_speak_at_once_are_both_interpreted_one_after_the_other() -> None:
    """The third one hears one interpretation, then the other, whole and in the order in which they began."""
    async with house(target_languages="ja") as home:
        room = home.room("ko", "ja", "en")
        home.sit(room, 0), home.sit(room, 1)
        english, _ = home.sit(room, 2)
        korean_said, japanese_said = home.strands.one("ko", "en"), home.strands.one("ja", "en")
        korean_said.sound(0.5, level=3)
        japanese_said.sound(0.5, level=4)
        korean_said.sound(0.5, level=5)
        japanese_said.complete("はい。", "Yes.")
        korean_said.complete("네.", "Yes!")
        await settle(3)
        assert english.levels == [3, 5, 4]
        assert english.turns == [("1", "네.", "Yes!"), ("2", "はい。", "Yes.")]


async def test_one_interpretation_serves_all_who_hear_its_language() -> None:
    """A session with the upstream for each speaker and language, however many listen."""
    async with house(target_languages="ja") as home:
        room = home.room("ko", "en", "en", "ja")
        lines = [home.sit(room, number)[0] for number in range(4)]
        ways = sorted(strand.way for strand in home.strands.live())
        assert ways == [
            *(("en", "ja"), ("en", "ja"), ("en", "ko"), ("en", "ko")),
            *(("ja", "en"), ("ja", "ko"), ("ko", "en"), ("ko", "ja")),
        ]
        assert room.strands == home.rooms.strands == 8
        home.strands.one("ko", "en").turn("네.", "Yes.", level=6)
        await settle(1)
        assert [line.levels for line in lines] == [[], [6], [6], []]


async def test_who_shares_the_language_hears_the_voice_and_reads_what_was_said() -> None:
    """No interpretation between the two; the source text alone, of the strand that there is for others."""
    async with house() as home:
        room = home.room("ko", "ko", "en")
        first, seat = home.sit(room, 0)
        second, _ = home.sit(room, 1)
        english, _ = home.sit(room, 2)
        for _ in range(10):
            seat.hear(voice(level=500))
        (strand, _) = home.strands.live("ko", "en")
        strand.turn("안녕.", "Hi.", level=6)
        await settle(1)
        assert np.median(np.frombuffer(b"".join(second.pieces), "<i2")) == pytest.approx(500, abs=5)
        assert english.levels == [6]
        assert first.levels == []
        assert (first.turns, second.turns) == ([("1", "안녕.", "Hi.")], [("1", "안녕.", "")])
        assert second.of("output_transcription") == []


async def test_people_of_one_language_need_no_interpreter() -> None:
    """Nobody interprets, voices pass."""
    async with house() as home:
        room = home.room("ko", "ko")
        _, seat = home.sit(room, 0)
        listener, _ = home.sit(room, 1)
        for _ in range(10):
            seat.hear(voice())
        await settle(1)
        assert home.strands.made == []
        assert len(listener.pieces) >= 10


@pytest.mark.parametrize(("gain_db", "heard"), [(None, False), (-20.0, True)])
async def test_the_original_voice_is_kept_where_that_is_wanted(gain_db: float | None, heard: bool) -> None:
    """``ORIGINAL_GAIN_DB``: quietly, for those who hear the speaker interpreted."""
    async with house(original_gain_db=gain_db) as home:
        room = home.room("ko", "en")
        _, seat = home.sit(room, 0)
        english, _ = home.sit(room, 1)
        for _ in range(20):
            seat.hear(voice(level=5000))
        await settle(1)
        assert bool(english.pieces) is heard
        assert max([abs(level) for level in english.levels], default=0) <= 600


async def test_all_that_is_said_reaches_every_strand() -> None:
    """Each hears the same speech, from the moment on when it is there."""
    async with house(target_languages="ja") as home:
        room = home.room("ko", "en", "ja")
        _, seat = home.sit(room, 0)
        seat.hear(voice(0.1))
        home.sit(room, 1), home.sit(room, 2)
        seat.hear(voice(0.2))
        heard = {strand.way[1]: len(strand.heard) for strand in home.strands.live("ko")}
        assert heard == {"en": 6400, "ja": 6400}


# States


async def test_everybody_sees_who_speaks() -> None:
    """States come once to each, the speaker included, however many strands there are."""
    async with house(target_languages="ja") as home:
        room = home.room("ko", "en", "ja")
        lines = [home.sit(room, number)[0] for number in range(3)]
        for strand in home.strands.live("ko"):
            strand.state("speaking")
        for strand in home.strands.live("ko"):
            strand.state("silent")
        assert [line.states for line in lines] == [[("1", "speaking"), ("1", "silent")]] * 3


async def test_who_comes_later_sees_who_is_speaking() -> None:
    """The state at that moment, if it is not silent."""
    async with house() as home:
        room = home.room("ko", "en", "en")
        home.sit(room, 0), home.sit(room, 1)
        home.strands.one("ko", "en").state("speaking")
        late, _ = home.sit(room, 2)
        assert late.events == ["participant_joined", "speech_state", "participant_joined"]
        assert late.states == [("1", "speaking")]


async def test_a_speaker_whom_nobody_hears_any_more_is_silent() -> None:
    """The last strand takes the state with it."""
    async with house() as home:
        room = home.room("ko", "en")
        korean, _ = home.sit(room, 0)
        _, english = home.sit(room, 1)
        home.strands.one("ko", "en").state("speaking")
        await english.stop()
        await settle()
        assert korean.states == [("1", "speaking"), ("1", "silent")]


# Coming and going


async def test_who_comes_is_told_who_is_there_and_they_of_it() -> None:
    """With names and languages; nobody is told of itself."""
    async with house() as home:
        room = home.room({"language": "ko", "name": "의사"}, "en")
        korean, _ = home.sit(room, 0)
        assert korean.told == []
        english, seat = home.sit(room, 1, name="Alice")
        joined: dict[str, Any] = {
            "type": "participant_joined",
            "participantId": "2",
            "name": "Alice",
            "language": "en",
        }
        assert korean.told == [joined]
        assert english.told == [{**joined, "participantId": "1", "name": "의사", "language": "ko"}]
        await seat.stop()
        assert korean.told[1:] == [{**joined, "type": "participant_left"}]


async def test_strands_come_with_the_first_listener_and_go_with_the_last() -> None:
    """And come again."""
    async with house() as home:
        room = home.room("ko", "en", "en")
        _, korean = home.sit(room, 0)
        assert home.strands.made == []
        _, first = home.sit(room, 1)
        _, second = home.sit(room, 2)
        strand = home.strands.one("ko", "en")
        assert strand.started
        await first.stop()
        await settle()
        assert not strand.draining
        await second.stop()
        await settle()
        assert strand.draining
        assert strand.stopped
        home.sit(room, 1)
        assert home.strands.one("ko", "en") is not strand
        korean.hear(voice())
        assert len(home.strands.one("ko", "en").heard) == 640


async def test_what_was_said_before_somebody_left_is_still_heard() -> None:
    """The utterance that was open is ended by silence, its turn comes whole, then the strand ends."""
    async with house() as home:
        room = home.room("ko", "en")
        _, seat = home.sit(room, 0)
        english, _ = home.sit(room, 1)
        strand = home.strands.one("ko", "en")
        seat.hear(voice(0.1))
        strand.may_end.clear()
        await seat.stop()
        await settle(1)
        assert len(strand.heard) == 3200 + 32_000
        assert not strand.stopped
        strand.turn("잘 가요.", "Goodbye.", level=8)
        strand.may_end.set()
        await settle(1)
        assert strand.stopped
        assert (english.levels, english.turns) == ([8], [("1", "잘 가요.", "Goodbye.")])
        assert english.there == [("came", "1"), ("went", "1")]


async def test_who_comes_after_somebody_left_is_told_nothing_of_them() -> None:
    """What was said before is for those who were there."""
    async with house() as home:
        room = home.room("ko", "en", "en", "ko")
        _, seat = home.sit(room, 0)
        english, _ = home.sit(room, 1)
        strand = home.strands.one("ko", "en")
        strand.may_end.clear()
        await seat.stop()
        await settle(0.1)
        late, _ = home.sit(room, 2)
        late_korean, _ = home.sit(room, 3)
        strand.turn("잘 가요.", "Goodbye.", level=8)
        strand.may_end.set()
        await settle(1)
        assert english.turns == [("1", "잘 가요.", "Goodbye.")]
        for newcomer in (late, late_korean):
            assert newcomer.of("input_transcription", "output_transcription", "turn_complete") == []
            assert newcomer.pieces == []


async def test_a_turn_that_never_ends_ends_with_its_speaker() -> None:
    """After a while the strand is stopped, and the turn is closed with what there is: others go on."""
    async with house() as home:
        room = home.room("ko", "en", "ko")
        _, seat = home.sit(room, 0)
        english, _ = home.sit(room, 1)
        home.sit(room, 2)
        stuck, other = home.strands.live("ko", "en")
        stuck.may_end.clear()
        stuck.source("어")
        stuck.target("Uh")
        stuck.sound(level=3)
        other.turn("네.", "Yes.", level=4)
        await seat.stop()
        await settle(20)
        assert english.turns == []
        await settle(15)
        assert english.turns == [("1", "어", "Uh"), ("3", "네.", "Yes.")]
        assert english.levels == [3, 4]


async def test_a_listener_who_leaves_ends_no_turn_of_the_others() -> None:
    """What one hears has nothing to do with another's coming or going."""
    async with house() as home:
        room = home.room("ko", "en", "en")
        home.sit(room, 0)
        first, _ = home.sit(room, 1)
        _, second = home.sit(room, 2)
        strand = home.strands.one("ko", "en")
        strand.sound(0.5, level=3)
        await second.stop()
        strand.sound(0.5, level=3)
        strand.complete("네.", "Yes.")
        await settle(2)
        assert len(b"".join(first.pieces)) == 2 * 24_000
        assert first.turns == [("1", "네.", "Yes.")]


async def test_the_speaker_reads_its_turns_of_one_strand() -> None:
    """Of the oldest one; the next one takes over when it ends, and no turn is told twice."""
    async with house(target_languages="ja") as home:
        room = home.room("ko", "en", "ja")
        korean, _ = home.sit(room, 0)
        _, english = home.sit(room, 1)
        japanese, _ = home.sit(room, 2)
        to_english, to_japanese = home.strands.one("ko", "en"), home.strands.one("ko", "ja")
        for strand, yes in ((to_english, "Yes."), (to_japanese, "はい。")):
            strand.turn("네.", yes)
        to_english.source("하나.")
        to_japanese.source("하나.")
        to_english.may_end.clear()
        await english.stop()
        to_english.complete("하나.", "One.")
        to_english.may_end.set()
        await settle()
        to_japanese.complete("하나.", "ひとつ。")
        to_japanese.turn("둘.", "ふたつ。")
        await settle(2)
        assert korean.turns == [("1", "네.", "Yes."), ("1", "하나.", "One."), ("1", "둘.", "ふたつ。")]
        assert japanese.turns == [("1", "네.", "はい。"), ("1", "하나.", "ひとつ。"), ("1", "둘.", "ふたつ。")]


@pytest.mark.parametrize("heir_is", ["ahead", "beside", "behind"])
async def test_the_speaker_reads_every_turn_once_however_long_the_leaving_strand_takes(heir_is: str) -> None:
    """Turns of what was begun before its last listener left are that strand's, all later ones the next one's."""
    async with house(target_languages="ja") as home:
        room = home.room("ko", "en", "ja")
        korean, _ = home.sit(room, 0)
        _, english = home.sit(room, 1)
        japanese, _ = home.sit(room, 2)
        leaving, heir = home.strands.one("ko", "en"), home.strands.one("ko", "ja")
        leaving.may_end.clear()
        leaving.source("하나.")
        if heir_is == "ahead":
            heir.turn("하나.", "ひとつ。")
        elif heir_is == "beside":
            heir.source("하나.")
        else:
            heir.owed = 1
        await english.stop()
        heir.owed = 0
        if heir_is != "ahead":
            heir.turn("하나.", "ひとつ。")
        heir.turn("둘.", "ふたつ。")
        heir.source("셋.")
        assert korean.turns == []
        leaving.turn("하나.", "One.")
        leaving.may_end.set()
        await settle()
        heir.complete("셋.", "みっつ。")
        await settle(3)
        assert [turn[1:] for turn in korean.turns] == [("하나.", "One."), ("둘.", "ふたつ。"), ("셋.", "みっつ。")]
        assert [turn[1] for turn in japanese.turns] == ["하나.", "둘.", "셋."]


async def test_the_speaker_reads_what_two_leaving_strands_still_had() -> None:
    """The one after the other, and then the third one, whichever ends first."""
    async with house(target_languages=("ja", "de")) as home:
        room = home.room("ko", "en", "ja", "de")
        korean, _ = home.sit(room, 0)
        _, english = home.sit(room, 1)
        _, japanese = home.sit(room, 2)
        home.sit(room, 3)
        first, second, third = (home.strands.one("ko", language) for language in ("en", "ja", "de"))
        first.may_end.clear()
        first.source("하나.")
        for strand in (second, third):
            strand.turn("하나.", "1")
        await english.stop()
        second.turn("둘.", "ふたつ。")
        third.turn("둘.", "Zwei.")
        await japanese.stop()
        await settle()
        third.turn("셋.", "Drei.")
        assert korean.turns == []
        first.complete("하나.", "One.")
        first.may_end.set()
        await settle(1)
        assert [turn[1:] for turn in korean.turns] == [("하나.", "One."), ("둘.", "ふたつ。"), ("셋.", "Drei.")]


# Faults


async def test_a_strand_that_fails_ends_its_speaker_alone() -> None:
    """The others are told that somebody left, and go on."""
    async with house() as home:
        room = home.room("ko", "en", "ko")
        korean, _ = home.sit(room, 0)
        english, _ = home.sit(room, 1)
        home.sit(room, 2)
        failing, other = home.strands.live("ko", "en")
        fault = Fault(ErrorCode.UPSTREAM_QUOTA, "used up")
        failing.fail(fault)
        failing.fail(fault)
        await settle()
        assert korean.failures == [fault]
        assert english.there == [("came", "1"), ("came", "3"), ("went", "1")]
        assert failing.stopped
        other.turn("네.", "Yes.")
        await settle(1)
        assert english.turns == [("3", "네.", "Yes.")]


async def test_a_strand_that_cannot_be_made_is_its_speakers_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of whoever comes and would hear it."""
    async with house() as home:
        room = home.room("ko", "en", "ko")
        korean, _ = home.sit(room, 0)

        def fail(*_args: object, **_options: object) -> None:
            raise RuntimeError("no such voice")

        monkeypatch.setattr(home.rooms, "_make_strand", fail)
        english, _ = home.sit(room, 1)
        assert [str(failure) for failure in korean.failures] == ["no such voice"]
        assert english.there == [("came", "1"), ("went", "1")]
        assert len(english.failures) == 0


async def test_what_a_strand_warns_of_names_the_speaker() -> None:
    """At both ends, and so does an attempt that is void."""
    async with house() as home:
        room = home.room("ko", "en")
        (korean, _), (english, _) = home.sit(room, 0), home.sit(room, 1)
        strand = home.strands.one("ko", "en")
        strand.source("네")
        strand.say(Warning(message="lost", code=WarningCode.SPEECH_DROPPED, ms=100))
        strand.say(Interrupted(reason="upstream"))
        await settle()
        for line in (korean, english):
            assert [m["speaker"] for m in line.of("warning", "interrupted")] == ["1", "1"]


# The line's own wishes


async def test_an_interrupt_stops_what_one_hears() -> None:
    """The others hear on, and the speaker is not disturbed."""
    async with house() as home:
        room = home.room("ko", "en", "en")
        korean, _ = home.sit(room, 0)
        first, seat = home.sit(room, 1)
        second, _ = home.sit(room, 2)
        home.strands.one("ko", "en").turn("네.", "Yes.", secs=2)
        await settle(0.5)
        seat.interrupt()
        await settle(3)
        assert len(b"".join(first.pieces)) < 48_000
        assert len(b"".join(second.pieces)) == 2 * 48_000
        assert [m["reason"] for m in first.of("interrupted")] == ["client"]
        assert [line.of("interrupted") for line in (korean, second)] == [[], []]


async def test_who_is_away_misses_voices_and_no_interpretation() -> None:
    """Interpretations wait with the session's messages, voices are gone."""
    away = True
    async with house() as home:
        room = home.room("ko", "ko", "en")
        listener, _ = home.sit(room, 0, away=lambda: away)
        _, speaker = home.sit(room, 1)
        home.sit(room, 2)
        for _ in range(10):
            speaker.hear(voice())
        await settle(1)
        assert listener.pieces == []
        home.strands.one("en", "ko").turn("Yes.", "네.", level=5)
        await settle(1)
        assert listener.levels == [5]


# The seat


async def test_a_browsers_seat_goes_to_who_comes_last() -> None:
    """A page that was reloaded: the one before is told, the others see one go and one come with the same id."""
    async with house() as home:
        room = home.room("ko", "en")
        replaced: list[str] = []
        _, old = home.sit(room, 0, replaced=lambda: replaced.append("first"))
        english, _ = home.sit(room, 1)
        korean, _ = home.sit(room, 0)
        assert replaced == ["first"]
        assert english.there == [("came", "1"), ("went", "1"), ("came", "1")]
        await old.stop()
        await settle(1)
        home.strands.one("ko", "en").turn("네.", "Yes.")
        await settle(1)
        assert korean.turns == english.turns == [("1", "네.", "Yes.")]


async def test_what_was_said_before_the_seat_changed_hands_comes_first() -> None:
    """The new strand starts when the old one has said everything; what is said meanwhile waits in it."""
    async with house() as home:
        room = home.room("ko", "en")
        home.sit(room, 0)
        english, _ = home.sit(room, 1)
        (old,) = home.strands.live("ko", "en")
        old.may_end.clear()
        _, korean = home.sit(room, 0)
        korean.hear(voice())
        await settle(1)
        (new,) = (strand for strand in home.strands.live("ko", "en") if strand is not old)
        assert not new.started
        assert len(new.heard) == 640
        old.turn("하나.", "One.")
        old.may_end.set()
        await settle(1)
        assert new.started
        new.turn("둘.", "Two.")
        await settle(1)
        assert [target for _, _, target in english.turns] == ["One.", "Two."]


async def test_a_phones_seat_stays_with_who_is_there() -> None:
    """A number is no secret: another caller gets a fault."""
    async with house() as home:
        room = home.room("ko", {"language": "en", "kind": "phone"})
        _, seat = home.sit(room, 1)
        refused = home.ticket(room, 1).take(FakeLine().line)
        assert isinstance(refused, Fault)
        assert refused.code is ErrorCode.SERVER_BUSY
        home.sit(room, 0)
        await seat.stop()
        home.sit(room, 1)


async def test_a_seat_that_is_taken_and_not_begun_can_be_left() -> None:
    """A call that ends while it is being set up leaves no trace, but was there: the room ends with it."""
    async with house() as home:
        room = home.room("ko", "en")
        korean, _ = home.sit(room, 0)
        seat = home.ticket(room, 1).take(FakeLine().line)
        assert not isinstance(seat, Fault)
        await seat.stop()
        assert korean.told == []
        assert home.ticket(room, 1).place.taken_by is None


# Ends


async def test_the_room_ends_when_the_last_one_leaves() -> None:
    """And nobody can come any more."""
    async with house() as home:
        room = home.room("ko", "en")
        _, korean = home.sit(room, 0)
        _, english = home.sit(room, 1)
        await korean.stop()
        assert home.rooms.named(room.room_id) is room
        await english.stop()
        assert home.rooms.named(room.room_id) is None
        refused = home.ticket(room, 0).take(FakeLine().line)
        assert isinstance(refused, Fault)
        assert refused.code is ErrorCode.SESSION_EXPIRED


@pytest.mark.parametrize("limit_secs", [60, 7200])
async def test_the_room_ends_at_its_limit(limit_secs: float) -> None:
    """Whoever is there is told; a strand that speaks does not hold it up."""
    async with house(room_max_secs=limit_secs) as home:
        room = home.room("ko", "en")
        lines = [home.sit(room, number)[0] for number in range(2)]
        home.strands.one("ko", "en").may_end.clear()
        await settle(limit_secs - 1)
        assert lines[0].failures == []
        await settle(2)
        for line in lines:
            (failure,) = line.failures
            assert isinstance(failure, Fault)
            assert failure.code is ErrorCode.SESSION_EXPIRED
            assert line.there[1:] == ([("came", "2")] if line is lines[0] else []) or len(line.there) == 1
        assert home.strands.live() == []


async def test_nobody_is_told_of_leaving_when_the_room_ends() -> None:
    """All leave at once."""
    async with house() as home:
        room = home.room("ko", "en")
        korean, _ = home.sit(room, 0)
        home.sit(room, 1)
        home.rooms.close(room)
        assert korean.there == [("came", "2")]
        await settle()
        assert home.strands.live() == []


async def test_a_server_that_drains_lets_everybody_hear_out_what_was_said() -> None:
    """Nobody's drain is over before all have said everything, and it was played to that one."""
    async with house() as home:
        room = home.room("ko", "en")
        (_, korean), (english, english_seat) = home.sit(room, 0), home.sit(room, 1)
        strand = home.strands.one("ko", "en")
        strand.may_end.clear()
        drains = [asyncio.ensure_future(seat.drained()) for seat in (korean, english_seat)]
        await settle(5)
        assert not any(drain.done() for drain in drains)
        strand.turn("네.", "Yes.", secs=2, level=5)
        strand.may_end.set()
        await settle(1)
        assert drains[0].done()
        assert not drains[1].done()
        await settle(2)
        assert drains[1].done()
        assert len(b"".join(english.pieces)) == 2 * 48_000
