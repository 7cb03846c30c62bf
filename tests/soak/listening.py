"""Judges what a session is told while it is told, and forgets it: content, order, and the protocol's laws."""

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tests.faults.recording import Answer
from tests.soak.speech import Speech
from tests.support.laws import HeardTurn, lawful_turns

Message = dict[str, Any]

_PADDING_BYTES = 24_000 * 2 // 100
"""Up to 10 ms of zeros may end a turn."""
_NEAR = 4
"""How many utterances before and after the one that is due are looked at; no two of so many are alike."""
_KEPT_LINES = 1000
_TEXT_CHARS = 30


@dataclass(frozen=True, slots=True)
class Answered:
    """An utterance that was answered to the end.

    Attributes:
        number: Its number in the speech, from 0.
        texts: Source and target text, as they came.
    """

    number: int
    texts: tuple[str, str]


class Listening:
    """One session's ears.

    Attributes:
        answered: The answers, in the order in which they came.
        settled: How many utterances are done with: each was answered, or is known to be lost.
        lost: The numbers of those that were not answered.
        doubled: The numbers of those that were answered once more.
        wrong: Everything that is wrong, a line each.
        counts: Messages by type; ``warning`` and ``interrupted`` with their code or reason.
        sounds: Pieces of sound so far.
        log: What came last, for who looks into a failure: seconds of the monotonic clock, and a line.
    """

    def __init__(self, speech: Speech):
        """Listen to the answers to ``speech``."""
        self._speech = speech
        self._turn: list[Message] = []
        self._state = "silent"
        self.answered: list[Answered] = []
        self.settled = 0
        self.lost: list[int] = []
        self.doubled: list[int] = []
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self.sounds = 0
        self.log: deque[tuple[float, str]] = deque(maxlen=_KEPT_LINES)

    @property
    def in_a_turn(self) -> bool:
        """Whether a turn has begun and not ended."""
        return bool(self._turn)

    @property
    def state(self) -> str:
        """The last ``speech_state``."""
        return self._state

    def take(self, message: Message) -> None:
        """Take the next message."""
        self.log.append((time.monotonic(), _described(message)))
        kind = message["type"]
        self.counts[kind] += 1
        match kind:
            case "speech_state":
                self._change_state(message["state"])
            case "warning":
                self._warn(message)
            case "error":
                self.wrong.append(f"an error: {message}")
            case _:
                self._add(message)

    def _change_state(self, state: str) -> None:
        if state == self._state:
            self.wrong.append(f"the state {state!r} twice in a row")
        self._state = state

    def _warn(self, message: Message) -> None:
        code = str(message["code"])
        self.counts[f"warning {code}"] += 1
        if code == "SPEECH_DROPPED":
            self._lose(self.settled, f"SPEECH_DROPPED, {message.get('ms')} ms")
            self.settled += 1
        elif code != "UPSTREAM_RECONNECTED":
            self.wrong.append(f"a warning that nothing gives rise to: {message}")

    def _add(self, message: Message) -> None:
        kind = message["type"]
        self._turn.append(message)
        if kind == "audio_response":
            self.sounds += 1
        elif kind == "interrupted":
            self.counts[f"interrupted {message['reason']}"] += 1
            if message["reason"] != "upstream":
                self.wrong.append(f"interrupted by {message['reason']!r}, which nobody did")
        elif kind == "turn_complete":
            messages, self._turn = self._turn, []
            self._judge(messages)

    def _judge(self, messages: list[Message]) -> None:
        try:
            (turn,) = lawful_turns([{"type": "connected"}, *messages])
        except AssertionError as error:
            self.wrong.append(f"turn {len(self.answered) + 1} breaks a law: {error}")
            return
        number = self._utterance_of(turn)
        if number is None:
            self.wrong.append(f"a turn answers nothing that was said: {len(turn.audio)} bytes, {turn.texts}")
        elif number < self.settled:
            self.doubled.append(number)
            self.wrong.append(f"{self._name(number)} was answered again, or after a later one")
        else:
            for skipped in range(self.settled, number):
                self._lose(skipped, "the next one was answered")
            self.answered.append(Answered(number, turn.texts))
            self.settled = number + 1

    def _utterance_of(self, turn: HeardTurn) -> int | None:
        """The utterance that a turn answers: the one that is due, else a near one."""
        due = self.settled
        near = [due, *range(due + 1, due + _NEAR), *range(due - 1, due - _NEAR, -1)]
        fitting = (number for number in near if self._answers(turn, number))
        return next(fitting, None)

    def _answers(self, turn: HeardTurn, number: int) -> bool:
        said = self._speech.said
        return 0 <= number < len(said) and same_sound(turn.audio, said[number].answer)

    def _lose(self, number: int, how: str) -> None:
        self.lost.append(number)
        self.wrong.append(f"{self._name(number)} was lost: {how}")

    def _name(self, number: int) -> str:
        said = self._speech.said
        return f"utterance {number + 1} ({said[number].name if number < len(said) else 'never said'})"


def same_sound(got: bytes, wanted: Answer) -> bool:
    """Whether ``got`` is the whole of an answer's sound."""
    padding = got[len(wanted.audio) :]
    return got.startswith(wanted.audio) and len(padding) <= _PADDING_BYTES and not any(padding)


def joined(log: Iterable[tuple[float, str]]) -> list[tuple[float, str]]:
    """A log with runs of the same line joined."""
    lines = []
    for text, run in groupby(log, key=lambda line: line[1]):
        times = list(run)
        lines.append((times[0][0], f"{text} x {len(times)}" if len(times) > 1 else text))
    return lines


def _described(message: Message) -> str:
    words = [message["type"], *(str(message[name]) for name in ("state", "reason", "code") if name in message)]
    text = message.get("text") or message.get("outputText")
    final = " final" if message.get("isFinal") else ""
    return " ".join(words) + final + (f" {text[:_TEXT_CHARS]!r}" if text else "")
