"""What reached the upstream, judged sample by sample as soon as it is final, and forgotten."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from emulator import SessionRecord, UtteranceRecord
from emulator.faults import KINDS, FaultName
from tests.soak.listening import Answered
from tests.soak.speech import Speech, place_of
from tests.support.audit import Span

_LEAST_PLACED_BYTES = 2 * 4000
"""What is shorter need not have a whole mark in it."""
_KEPT_LINES = 600
OTHER_TEXTS: frozenset[FaultName] = frozenset(
    {"missing_transcripts", "truncated_transcripts", "unsolicited_transcripts", "language_drift"}
)
"""After these the texts are not those that were said."""


@dataclass(frozen=True, slots=True)
class Activity:
    """A stretch of speech that reached the upstream, without its sound.

    Attributes:
        connection: The upstream's connection, counted from 1.
        number: The upstream's number of the utterance.
        touched: The utterances, from 0, of which it has voice.
        whole: It has all of the voice of the one that it touches.
        complete: Its whole answer was sent, the mark of its end included.
        sent_bytes: How much sound of an answer was sent.
        began_at_secs: When it began, by the monotonic clock.
    """

    connection: int
    number: int
    touched: tuple[int, ...]
    whole: bool
    complete: bool
    sent_bytes: int
    began_at_secs: float


class Recorder(Protocol):
    """What of an emulator is audited."""

    @property
    def sessions(self) -> list[SessionRecord]:
        """The connections; those that are done with are taken out."""
        ...


class Upstream:
    """The audit of one emulator under several sessions.

    Attributes:
        activities: What was heard of each session, by its number.
        go_aways: ``goAway`` messages to each session.
        unclaimed_go_aways: Those over connections that never heard anything.
        connections: How many connections ended.
        wrong: Everything that is wrong, a line each, by session; -1 where it is nobody's.
        log: What came last over each session's connections, for who looks into a failure.
    """

    def __init__(self, emulator: Recorder, speeches: Sequence[Speech]):
        """Audit what ``speeches`` become."""
        self._emulator = emulator
        self._speeches = speeches
        self._owners: dict[int, int] = {}
        self._waiting_go_aways: Counter[int] = Counter()
        self.activities: defaultdict[int, list[Activity]] = defaultdict(list)
        self.go_aways: Counter[int] = Counter()
        self.unclaimed_go_aways = 0
        self.connections = 0
        self.wrong: list[tuple[int, str]] = []
        self.log: defaultdict[int, deque[tuple[float, str]]] = defaultdict(lambda: deque(maxlen=_KEPT_LINES))

    def owner(self, connection: int) -> int | None:
        """The session that a connection belongs to; ``None`` before it has heard anything of it."""
        return self._owners.get(connection)

    def sweep(self) -> None:
        """Judge what is final, and let the emulator forget it."""
        for record in list(self._emulator.sessions):
            self._claim(record)
            self._take_messages(record)
            self._take_utterances(record)
            record.audio.clear()
            if record.closed:
                self._finish(record)
                self._emulator.sessions.remove(record)

    def _claim(self, record: SessionRecord) -> None:
        if record.number not in self._owners and record.audio:
            place = place_of(bytes(record.audio))
            if place is not None:
                self._owners[record.number] = place[0]

    def _take_messages(self, record: SessionRecord) -> None:
        messages, record.messages = record.messages, []
        count = sum(message.kind == "goAway" for message in messages)
        self._waiting_go_aways[record.number] += count
        owner = self.owner(record.number)
        if owner is not None:
            self.go_aways[owner] += self._waiting_go_aways.pop(record.number)
        for (direction, kind), run in groupby(messages, key=lambda message: (message.direction, message.kind)):
            same = list(run)
            text = f"connection {record.number} {direction:3} {kind}" + (f" x {len(same)}" if same[1:] else "")
            self.log[-1 if owner is None else owner].append((record.began_at_secs + same[0].at_secs, text))

    def _take_utterances(self, record: SessionRecord) -> None:
        """All that are final: answered in full, or their connection has ended."""
        final = [utterance for utterance in record.utterances if utterance.complete or record.closed]
        record.utterances = [utterance for utterance in record.utterances if utterance not in final]
        for utterance in final:
            self._judge(record, utterance)

    def _finish(self, record: SessionRecord) -> None:
        self.connections += 1
        self.unclaimed_go_aways += self._waiting_go_aways.pop(record.number, 0)
        if record.discarded_bytes:
            owner = self._owners.get(record.number, -1)
            self.wrong.append((owner, f"{record.discarded_bytes} bytes of sound came outside an activity"))

    # Sample by sample

    def _judge(self, record: SessionRecord, utterance: UtteranceRecord) -> None:
        place = place_of(utterance.audio)
        if place is None:
            if len(utterance.audio) >= _LEAST_PLACED_BYTES:
                self.wrong.append((-1, f"{len(utterance.audio)} bytes came that nobody said"))
            return
        owner, start = place
        name = f"upstream utterance {utterance.number} on connection {record.number}"
        if owner >= len(self._speeches) or self._owners.setdefault(record.number, owner) != owner:
            self.wrong.append((owner, f"{name} is session {owner}'s, and the connection is another's"))
            return
        self._judge_stretch(record, utterance, name, self._speeches[owner], start)

    def _judge_stretch(
        self, record: SessionRecord, utterance: UtteranceRecord, name: str, speech: Speech, start: int
    ) -> None:
        samples = len(utterance.audio) // 2
        span = Span(start, start + samples)
        if start < 0 or speech.read(start, samples) != utterance.audio:
            self.wrong.append((speech.number, f"{name} is no part of what was said, from sample {start} on"))
        touched = speech.touched(span)
        if len(touched) > 1:
            self.wrong.append((speech.number, f"{name} holds the utterances {[at + 1 for at in touched]}"))
        whole = len(touched) == 1 and speech.said[touched[0]].voice in span
        if utterance.complete and touched and not whole:
            self.wrong.append((speech.number, f"{name} was answered of a part of utterance {touched[0] + 1}"))
        self.activities[speech.number].append(
            Activity(
                record.number,
                utterance.number,
                tuple(touched),
                whole,
                utterance.complete,
                utterance.sent_audio_bytes,
                record.began_at_secs + utterance.started_at_secs,
            )
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """What an audit of all that one session's speech became found.

    Attributes:
        wrong: A line each.
        replays: Times that an utterance was sent again, whole or in part.
        unmarked: Answers that were complete when their connection broke, so that they were asked for again.
    """

    wrong: list[str]
    replays: int
    unmarked: int


def audited(
    speech: Speech,
    answered: Sequence[Answered],
    activities: Sequence[Activity],
    strikes: dict[int, set[FaultName]],
) -> Heard:
    """Compare what a session was told with what the upstream heard of it.

    Args:
        speech: What was said.
        answered: What the client got to the end.
        activities: What the upstream heard.
        strikes: The faults that struck an utterance, by the upstream's number of it.
    """
    found: dict[int, list[Activity]] = defaultdict(list)
    for activity in sorted(activities, key=lambda activity: activity.began_at_secs):
        for number in activity.touched:
            found[number].append(activity)
    wrong = [*_unanswered(speech, answered, found), *_disordered(speech, found)]
    wrong += _wrong_texts(speech, answered, found, strikes)
    unmarked = 0
    for number, heard in sorted(found.items()):
        for before in heard[:-1]:
            if not before.complete:
                continue
            if any(KINDS[name].stage == "link" for name in strikes.get(before.number, ())):
                unmarked += 1
            else:
                wrong.append(f"utterance {number + 1} was sent again after it had been answered in full")
    replays = sum(len(heard) - 1 for heard in found.values())
    return Heard(wrong, replays, unmarked)


def _answers(speech: Speech, number: int, activity: Activity) -> bool:
    sound = len(speech.said[number].answer.audio)
    return activity.whole and (activity.complete or activity.sent_bytes >= sound)


def _unanswered(speech: Speech, answered: Sequence[Answered], found: dict[int, list[Activity]]) -> Iterator[str]:
    for answer in answered:
        number = answer.number
        if not any(_answers(speech, number, activity) for activity in found[number]):
            yield f"utterance {number + 1} was answered, and did not reach the upstream whole"


def _disordered(speech: Speech, found: dict[int, list[Activity]]) -> Iterator[str]:
    before = 0.0
    for number in sorted(found):
        answering = [item.began_at_secs for item in found[number] if _answers(speech, number, item)]
        if answering and answering[-1] < before:
            yield f"utterance {number + 1} reached the upstream before the one that was said before it"
        before = max([before, *answering[-1:]])


def _wrong_texts(
    speech: Speech,
    answered: Sequence[Answered],
    found: dict[int, list[Activity]],
    strikes: dict[int, set[FaultName]],
) -> Iterator[str]:
    for answer in answered:
        wanted = speech.said[answer.number].answer
        struck = {name for item in found[answer.number] for name in strikes.get(item.number, ())}
        if answer.texts != (wanted.source, wanted.target) and not struck & OTHER_TEXTS:
            yield f"utterance {answer.number + 1} has the texts {answer.texts}, struck by {sorted(struck)}"
