"""Judges a recording: sample by sample upstream, message by message and turn by turn at the client. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from emulator import UtteranceRecord
from tests.faults.recording import Answer, Heard, Message, Recording, Spoken
from tests.support.audit import STREAM_HZ, Samples, Span, spans_of
from tests.support.laws import HeardTurn, lawful_turns, states_of
from tests.support.pcm import samples_of

_PADDING_BYTES = 24_000 * 2 // 100
"""Up to 10 ms of zeros may end a turn."""
_BEFORE_SAMPLES, _AFTER_SAMPLES = 20 * STREAM_HZ, 60 * STREAM_HZ
"""How far from the activity before it one lies, in a recording of any length, unless much was dropped."""
_DROPPED_SLACK_MS = 2500
"""What an utterance has beside its voice: pre-roll, and the silence in which it ended."""


@dataclass(frozen=True, slots=True)
class End:
    """How a session ends: the last ``error`` and the close after it."""

    code: str
    close_code: int

    def __str__(self) -> str:
        return f"{self.code} {self.close_code}"


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come of a case.

    Attributes:
        strikes: How often its faults strike.
        end: How the session ends; ``None``: it lives on.
        answered: How many utterances at least are answered, in a session that ends.
        may_drop: Utterances may be given up, each with a ``SPEECH_DROPPED`` of its length.
        whole_texts: The texts are those that were said; ``False`` where the upstream sends none.
        replays: The most utterances that may reach the upstream again; ``None``: any number.
    """

    strikes: int = 0
    end: End | None = None
    answered: int = 1
    may_drop: bool = False
    whole_texts: bool = True
    replays: int | None = None


@dataclass(slots=True)
class Verdict:
    """What was found.

    Attributes:
        failures: What is wrong, a line each; none: the case passes.
        answered: Utterances that the client got the answer of.
        replayed: Times that an utterance reached the upstream again, whole or in part.
        interrupted: Times that output broke off and was made again.
        dropped: Utterances that a ``SPEECH_DROPPED`` names.
        warnings: The codes of all warnings, in order.
        delays_secs: From an utterance's last voiced sample to the first sound of the answer that counts.
        ended: How the session ended: ``lives``, or an error and a close code.
    """

    failures: list[str] = field(default_factory=list)
    answered: int = 0
    replayed: int = 0
    interrupted: int = 0
    dropped: int = 0
    warnings: list[str] = field(default_factory=list)
    delays_secs: list[float] = field(default_factory=list)
    ended: str = "lives"

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures


def judge(recording: Recording, expected: Expected) -> Verdict:
    """Say what is wrong with a recording, and count what happened in it."""
    return _Judge(recording, expected).verdict()


class _Judge:
    """One recording on its way to a verdict."""

    def __init__(self, recording: Recording, expected: Expected):
        self._recording = recording
        self._expected = expected
        self._verdict = Verdict()
        self._answered: list[int] = []
        """The numbers of the utterances that the client got the answers of, in the order of the answers."""
        self._told_at: dict[int, float] = {}
        """When the client had all of an utterance's answer, by its number."""

    def verdict(self) -> Verdict:
        """All checks, each on its own: one that cannot be made is a failure, and the others go on."""
        for name, check in (
            ("faults", self._check_strikes),
            ("end", self._check_end),
            ("protocol", self._check_protocol),
            ("content", self._check_content),
            ("upstream", self._check_upstream),
        ):
            self._guarded(name, check)
        return self._verdict

    def _guarded(self, name: str, check: Callable[[], Iterator[str]]) -> None:
        try:
            self._verdict.failures += [f"{name}: {failure}" for failure in check()]
        except AssertionError as error:
            self._verdict.failures.append(f"{name}: {error}")

    def _check_strikes(self) -> Iterator[str]:
        struck, wanted = self._recording.struck, self._expected.strikes
        if struck != wanted:
            yield f"struck {struck} times, expected {wanted}; the case shows nothing"

    # The end

    def _check_end(self) -> Iterator[str]:
        errors = [message for message in self._recording.messages if message["type"] == "error"]
        codes = [str(error.get("code")) for error in errors]
        close = self._recording.close_code
        if close is not None:
            self._verdict.ended = f"{codes[-1] if codes else 'no error'} {close}"
        if self._expected.end is None:
            yield from (f"an error in a session that lives on: {code}" for code in codes)
            if close is not None:
                yield f"the server closed with {close} what was to live on"
        elif close is None:
            yield f"the session lives, expected {self._expected.end}"
        elif self._verdict.ended != str(self._expected.end):
            yield f"{self._verdict.ended}, expected {self._expected.end}"
        elif len(errors) > 1 or self._recording.messages[-1] is not errors[-1]:
            yield f"expected one error, as the last message; errors: {codes}"

    # Message by message

    def _check_protocol(self) -> Iterator[str]:
        messages = self._recording.messages
        warnings = [message for message in messages if message["type"] == "warning"]
        self._verdict.warnings = [message["code"] for message in warnings]
        self._verdict.interrupted = sum(message["type"] == "interrupted" for message in messages)
        for message in messages:
            if message["type"] == "interrupted" and message["reason"] != "upstream":
                yield f"interrupted by {message['reason']!r}, which nobody did"
        for warning in warnings:
            if (warning["code"] == "SPEECH_DROPPED") != ("ms" in warning):
                yield f"'ms' belongs to SPEECH_DROPPED, got {warning}"
        turns = lawful_turns(messages)
        if turns and not turns[-1].complete and self._recording.close_code is None:
            yield f"a turn is left open: {turns[-1].texts} with {len(turns[-1].audio)} bytes of sound"
        states = states_of(messages)
        if states and states[-1] != "silent" and self._recording.close_code is None:
            yield f"the last state is {states[-1]!r}"

    # Turn by turn

    def _check_content(self) -> Iterator[str]:
        turns = [turn for turn in lawful_turns(self._recording.messages) if turn.complete]
        for number, (turn, told_at) in enumerate(zip(turns, self._turn_ends(), strict=True), 1):
            found = self._utterance_of(turn)
            if found is not None:
                self._answered.append(found)
                self._told_at.setdefault(found, told_at)
            elif not self._may_be_in_part(turn, last=number == len(turns)):
                yield f"turn {number} answers no utterance in full: {self._nearest(turn)}"
        self._verdict.answered = len(set(self._answered))
        yield from self._doubled()
        for before, after in pairwise(self._answered):
            if after < before:
                yield f"{self._name(after)} was answered after {self._name(before)}, which was said later"
        yield from self._lost()
        self._verdict.delays_secs = list(self._delays())

    def _turn_ends(self) -> Iterator[float]:
        for message, arrived_at in zip(self._recording.messages, self._recording.arrivals, strict=True):
            if message["type"] == "turn_complete":
                yield arrived_at

    def _utterance_of(self, turn: HeardTurn) -> int | None:
        """The utterance that a turn answers; of several with the same words the first that is unanswered."""
        fitting = [
            number for number, spoken in enumerate(self._recording.spoken) if self._answers(turn, spoken.answer)
        ]
        unanswered = [number for number in fitting if number not in self._answered]
        return next(iter([*unanswered, *fitting]), None)

    def _answers(self, turn: HeardTurn, answer: Answer) -> bool:
        texts_fit = turn.texts == (answer.source, answer.target) or not self._expected.whole_texts
        return texts_fit and _same_sound(turn.audio, answer.audio)

    def _may_be_in_part(self, turn: HeardTurn, *, last: bool) -> bool:
        """Whether it is what there was of an answer to speech that was given up, or when the session ended."""
        given_up = self._expected.may_drop or (last and self._expected.end is not None)
        answers = [spoken.answer for spoken in self._recording.spoken]
        return given_up and any(answer.audio.startswith(turn.audio) for answer in answers)

    def _nearest(self, turn: HeardTurn) -> str:
        for number, spoken in enumerate(self._recording.spoken):
            if _shares_something(turn, spoken.answer):
                return (
                    f"nearest to {self._name(number)}, with {_difference(turn.audio, spoken.answer.audio)} "
                    f"and the texts {turn.texts}"
                )
        return f"{len(turn.audio)} bytes of sound, texts {turn.texts}"

    def _doubled(self) -> Iterator[str]:
        for number in sorted(set(self._answered)):
            times = self._answered.count(number)
            if times > 1:
                yield f"{self._name(number)} was answered {times} times to the end"

    def _lost(self) -> Iterator[str]:
        lost = [number for number in range(len(self._recording.spoken)) if number not in self._answered]
        if self._expected.end is not None:
            answered = len(self._recording.spoken) - len(lost)
            if answered < self._expected.answered:
                yield f"{answered} utterances were answered before the end, expected {self._expected.answered}"
            if lost and lost != list(range(lost[0], len(self._recording.spoken))):
                yield f"lost before the end: {', '.join(map(self._name, lost))}"
            return
        dropped = [message for message in self._recording.messages if message.get("code") == "SPEECH_DROPPED"]
        self._verdict.dropped = len(dropped)
        if dropped and not self._expected.may_drop:
            yield f"SPEECH_DROPPED where nothing may be: {[message['ms'] for message in dropped]} ms"
        if len(dropped) > len(lost):
            yield f"{len(dropped)} SPEECH_DROPPED, but {len(lost)} utterances are lost"
        elif len(dropped) < len(lost):
            yield from (f"{self._name(number)} was lost" for number in lost[len(dropped) :])
        else:
            yield from self._wrongly_named(lost, dropped)

    def _wrongly_named(self, lost: list[int], dropped: list[Message]) -> Iterator[str]:
        for number, warning in zip(lost, dropped, strict=True):
            voice = self._recording.spoken[number].voice
            voice_ms = (voice.end - voice.start) * 1000 // STREAM_HZ
            if not voice_ms <= warning["ms"] <= voice_ms + _DROPPED_SLACK_MS:
                yield f"{self._name(number)} of {voice_ms} ms of voice was dropped as {warning['ms']} ms"

    def _name(self, number: int) -> str:
        return f"utterance {number + 1} ({self._recording.spoken[number].name})"

    def _delays(self) -> Iterator[float]:
        answers = iter(self._answered)
        first_sound = None
        for message, arrived_at in zip(self._recording.messages, self._recording.arrivals, strict=True):
            if message["type"] == "audio_response" and first_sound is None:
                first_sound = arrived_at
            elif message["type"] == "interrupted":
                first_sound = None
            elif message["type"] == "turn_complete" and first_sound is not None:
                number = next(answers, None)
                if number is not None:
                    yield first_sound - self._recording.spoken[number].ended_at_secs
                first_sound = None

    # Sample by sample

    def _check_upstream(self) -> Iterator[str]:
        heard, spoken = self._recording.heard, self._recording.spoken
        if self._recording.stray_bytes:
            yield f"{self._recording.stray_bytes} bytes of sound came outside an activity"
        spans = _placed(heard, self._recording.stream)
        for number, activity in enumerate(heard):
            yield from self._wrong_activity(activity, spans[number])
        whole = [
            [at for at, activity in enumerate(heard) if said.voice in spans[at] and activity.answers(said.answer)]
            for said in spoken
        ]
        for number, at in enumerate(whole):
            if not at and number in self._answered:
                yield f"{self._name(number)} did not reach the upstream whole in an utterance that was answered"
        lasts = [at[-1] for at in whole if at]
        if lasts != sorted(lasts):
            yield "the utterances reached the upstream in another order than they were said"
        for number, said in enumerate(spoken):
            yield from self._sent_again(number, [at for at, span in enumerate(spans) if said.voice.overlaps(span)])
        times = [sum(said.voice.overlaps(span) for span in spans) for said in spoken]
        self._verdict.replayed = sum(max(0, count - 1) for count in times)
        if self._expected.replays is not None and self._verdict.replayed > self._expected.replays:
            yield f"{self._verdict.replayed} utterances were sent again, at most {self._expected.replays} may be"

    def _sent_again(self, number: int, places: list[int]) -> Iterator[str]:
        told_at = self._told_at.get(number)
        heard = self._recording.heard
        if told_at is not None and any(heard[at].began_at_secs > told_at for at in places):
            yield f"{self._name(number)} was sent again after its turn was complete"

    def _wrong_activity(self, activity: Heard, span: Span) -> Iterator[str]:
        touched = [said for said in self._recording.spoken if said.voice.overlaps(span)]
        if len(touched) > 1:
            yield f"one activity holds {', '.join(said.name for said in touched)}"
        for said in touched:
            if activity.complete and said.voice not in span:
                yield f"{said.name} was answered of {_part(said, span)}"


def _placed(heard: tuple[Heard, ...], stream: bytes) -> list[Span]:
    """Where the activities lie in the stream: each is looked for near the one before, then everywhere."""
    samples, spans, near = samples_of(stream), list[Span](), 0
    for number, activity in enumerate(heard, 1):
        record = UtteranceRecord(activity.began_at_secs, audio=activity.audio)
        first = max(0, near - _BEFORE_SAMPLES)
        try:
            span = _place(record, samples, first, near + _AFTER_SAMPLES)
        except AssertionError:
            try:
                span = _place(record, samples, 0, len(samples))
            except AssertionError as error:
                raise AssertionError(f"activity {number}: {error}") from None
        near = span.start
        spans.append(span)
    return spans


def _place(record: UtteranceRecord, samples: Samples, first: int, last: int) -> Span:
    (found,) = spans_of([record], samples[first:last], tolerance_lsb=0)
    return Span(first + found.start, first + found.end)


def _part(said: Spoken, span: Span) -> str:
    start, end = max(said.voice.start, span.start), min(said.voice.end, span.end)
    return f"{end - start} of its {said.voice.end - said.voice.start} voiced samples"


def _same_sound(got: bytes, wanted: bytes) -> bool:
    return got.startswith(wanted) and len(got) - len(wanted) <= _PADDING_BYTES and not any(got[len(wanted) :])


def _shares_something(turn: HeardTurn, answer: Answer) -> bool:
    text = turn.texts[0] or turn.texts[1]
    if text and (
        answer.source.startswith(text) or answer.target.startswith(text) or text.startswith(answer.source)
    ):
        return True
    return len(turn.audio) > _PADDING_BYTES and turn.audio[:_PADDING_BYTES] == answer.audio[:_PADDING_BYTES]


def _difference(got: bytes, wanted: bytes) -> str:
    if _same_sound(got, wanted):
        return "its sound"
    agree = next(
        (at for at, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), min(len(got), len(wanted))
    )
    return f"{len(got) // 2} samples of its {len(wanted) // 2}, the first {agree // 2} of them right"
