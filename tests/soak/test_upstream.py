"""What reached the upstream: each thing that can be wrong with it is found, and nothing of it is kept."""

import random
from dataclasses import dataclass, field, replace

import pytest

from emulator import SessionRecord, UtteranceRecord
from emulator.faults import FaultName
from tests.soak.listening import Answered
from tests.soak.speech import Speech
from tests.soak.upstream import Activity, Upstream, audited
from tests.support.audit import Span

_MARGIN = 3000


@dataclass
class Records:
    """An upstream that is made up."""

    sessions: list[SessionRecord] = field(default_factory=list)


def speech(number: int = 0) -> Speech:
    """A stream of four utterances."""
    made = Speech(number, random.Random(number))
    for _ in range(4):
        made.speak()
    return made


def around(said: Speech, number: int) -> Span:
    """An utterance with its pre-roll and what ends it."""
    voice = said.said[number].voice
    return Span(max(0, voice.start - _MARGIN), voice.end + _MARGIN)


def heard(said: Speech, span: Span, *, complete: bool = True) -> UtteranceRecord:
    """A stretch of the stream as the upstream has it."""
    audio = said.read(span.start, span.end - span.start)
    return UtteranceRecord(float(span.start), number=span.start, audio=audio, complete=complete)


def connection(number: int, *utterances: UtteranceRecord, closed: bool = True) -> SessionRecord:
    """A connection that has heard some utterances."""
    record = SessionRecord(number, "/", {}, utterances=list(utterances), closed=closed, began_at_secs=0.0)
    record.audio = bytearray(b"".join(item.audio for item in utterances))
    return record


def test_what_is_as_it_should_be() -> None:
    """Is judged once, whoever's it is, and forgotten."""
    mine, other = speech(0), speech(1)
    records = Records(
        [
            connection(1, heard(mine, around(mine, 0)), heard(mine, around(mine, 1), complete=False), closed=False),
            connection(2, heard(other, around(other, 0))),
        ]
    )
    upstream = Upstream(records, [mine, other])
    records.sessions[0].note("out", "goAway")
    upstream.sweep()
    upstream.sweep()
    assert upstream.wrong == []
    assert [len(upstream.activities[0]), len(upstream.activities[1])] == [1, 1]
    assert [upstream.owner(1), upstream.owner(2), upstream.owner(3)] == [0, 1, None]
    assert upstream.go_aways == {0: 1, 1: 0}
    (left,) = records.sessions
    assert len(left.utterances) == 1
    assert not left.audio
    assert not left.messages


def test_a_go_away_to_a_connection_that_has_heard_nothing_yet() -> None:
    """Counts for the session that speaks over it later, or for nobody."""
    mine = speech()
    records = Records([connection(1, closed=False), connection(2)])
    for record in records.sessions:
        record.note("out", "goAway")
    upstream = Upstream(records, [mine])
    upstream.sweep()
    assert (upstream.go_aways, upstream.unclaimed_go_aways) == ({}, 1)
    records.sessions[0].audio += mine.read(0, 8000)
    upstream.sweep()
    assert upstream.go_aways == {0: 1}


def only_wrong(*records: SessionRecord) -> str:
    """The one thing that is wrong."""
    upstream = Upstream(Records(list(records)), [speech(0), speech(1)])
    upstream.sweep()
    ((_, text),) = upstream.wrong
    return text


def test_a_sample_that_is_missing() -> None:
    """In the middle of a stretch."""
    item = heard(speech(), around(speech(), 0))
    item.audio = item.audio[:20_000] + item.audio[20_002:]
    assert "is no part of what was said" in only_wrong(connection(1, item))


def test_sound_that_nobody_said() -> None:
    """It carries no mark."""
    assert "that nobody said" in only_wrong(connection(1, UtteranceRecord(0.0, audio=bytes(20_000))))


def test_the_speech_of_two_sessions_over_one_connection() -> None:
    """Each has its own."""
    mixed = connection(1, heard(speech(0), around(speech(0), 0)), heard(speech(1), around(speech(1), 1)))
    assert "the connection is another's" in only_wrong(mixed)


def test_two_utterances_in_one_activity() -> None:
    """Each is one of its own."""
    said = speech()
    both = Span(around(said, 0).start, around(said, 1).end)
    assert "holds the utterances [1, 2]" in only_wrong(connection(1, heard(said, both, complete=False)))


def test_an_answer_to_a_part() -> None:
    """The whole of an utterance is to be answered."""
    said = speech()
    voice = said.said[2].voice
    cut = Span(voice.start + 4000, voice.end + _MARGIN)
    assert "was answered of a part of utterance 3" in only_wrong(connection(1, heard(said, cut)))


def test_sound_outside_an_activity() -> None:
    """The service throws it away."""
    record = connection(1)
    record.discarded_bytes = 640
    assert "640 bytes of sound came outside an activity" in only_wrong(record)


# The audit of a whole session


def activity(number: int, *, at: float, complete: bool = True, whole: bool = True, id_: int = 0) -> Activity:
    """A stretch that has an utterance in it."""
    return Activity(1, id_, (number,), whole, complete, 10**9 if complete else 0, at)


def answered(said: Speech, *numbers: int) -> list[Answered]:
    """Answers with the right texts."""
    return [Answered(at, (said.said[at].answer.source, said.said[at].answer.target)) for at in numbers]


@pytest.mark.parametrize(
    ("activities", "found"),
    [
        ([activity(0, at=1), activity(1, at=2)], []),
        ([activity(0, at=1, complete=False), activity(0, at=2), activity(1, at=3)], []),
        ([activity(0, at=1)], ["utterance 2 was answered, and did not reach the upstream whole"]),
        ([activity(0, at=1), activity(1, at=2, whole=False)], ["utterance 2 was answered, and did not reach"]),
        ([activity(0, at=2), activity(1, at=1)], ["utterance 2 reached the upstream before"]),
        ([activity(0, at=1), activity(0, at=2), activity(1, at=3)], ["utterance 1 was sent again after it had"]),
    ],
)
def test_what_was_heard_is_what_was_answered(activities: list[Activity], found: list[str]) -> None:
    """Every answer has speech that reached the upstream whole, in order, and not again after its answer."""
    said = speech()
    wrong = audited(said, answered(said, 0, 1), activities, {}).wrong
    assert len(wrong) == len(found)
    assert all(text.startswith(start) for text, start in zip(wrong, found, strict=True))


def test_an_answer_whose_end_was_lost_with_its_connection() -> None:
    """It was complete, and nobody could know: it is asked for again, and counted."""
    said = speech()
    struck: dict[int, set[FaultName]] = {7: {"reset"}}
    again = [activity(0, at=1, id_=7), activity(0, at=2, id_=8)]
    heard = audited(said, answered(said, 0), again, struck)
    assert (heard.wrong, heard.replays, heard.unmarked) == ([], 1, 1)


def test_other_texts_are_right_only_after_a_fault_that_makes_them() -> None:
    """Of the upstream's transcriptions."""
    said = speech()
    other = [replace(answered(said, 0)[0], texts=("", ""))]
    struck: dict[int, set[FaultName]] = {7: {"missing_transcripts"}}
    assert audited(said, other, [activity(0, at=1, id_=7)], struck).wrong == []
    assert audited(said, other, [activity(0, at=1, id_=8)], struck).wrong[0].startswith("utterance 1 has the texts")
