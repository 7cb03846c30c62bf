"""Conversations with everything that goes wrong in two sessions on one microphone, from a seed.

Delays, fragments a second apart, and output that lags by a second or so are those that were measured of the
translate model; that recognition is weak on accents, that noise makes artifacts, and that source text may be late
or missing is reported of it (GEMINI.md, sections 1.6, 2.3 and 6.1). How often is not known: the rates here are
meant to be far too high.
"""

import random
from dataclasses import dataclass, replace

from tests.gemini.arbiter.trace import Hears, Label, Line, Speaks, Trace

TARGETS = ("en", "ko")
_PIECE_SECS = 0.25
_JUST_SPOKEN_SECS = 1.0


@dataclass(frozen=True, slots=True)
class Rates:
    """How often what goes wrong, and by how much.

    Attributes:
        leak: Per utterance, the wrong session makes output.
        noise: Per utterance, a session makes a sound out of nothing before it.
        missing: Per utterance and session, there is no source text.
        late: Per utterance and session, source text comes up to ``latest_secs`` later.
        misread: Per utterance and session, the first fragment is written in the other language.
        wrong_code: Per fragment, the language code is the other one.
        no_code: Per fragment, there is no code.
        swallowed: Per utterance, no session interprets it.
        hasty: A wrong session speaks before it can have heard what it speaks of; else it takes as long as the right
            one does.
    """

    leak: float = 0.25
    noise: float = 0.15
    missing: float = 0.06
    late: float = 0.10
    latest_secs: float = 2.5
    misread: float = 0.04
    wrong_code: float = 0.08
    no_code: float = 0.08
    swallowed: float = 0.03
    hasty: bool = False


NO_FAULTS = Rates(leak=0, noise=0, missing=0, late=0, misread=0, wrong_code=0, no_code=0, swallowed=0)


@dataclass(frozen=True, slots=True)
class _Utterance:
    language: str
    start: float
    secs: float

    @property
    def end(self) -> float:
        return self.start + self.secs


class _Writer:
    """Writes one trace."""

    def __init__(self, seed: int, rates: Rates):
        self._random = random.Random(seed)
        self._rates = rates
        self._words = 0
        self._free_at = dict.fromkeys(TARGETS, 0.0)
        self._said: list[_Utterance] = []
        self.lines: list[Line] = []

    def conversation(self) -> list[Line]:
        """Three to eight utterances."""
        language, now = self._random.choice(TARGETS), 0.5
        for _ in range(self._random.randint(3, 8)):
            if self._happens(self._rates.noise):
                self._noise(now)
            utterance = _Utterance(language, now, self._length())
            self._said.append(utterance)
            self._utterance(utterance)
            now = max(utterance.start + 0.3, utterance.end + self._gap())
            if self._happens(0.75):
                language = _other(language)
        return sorted(map(self._judged, self.lines), key=lambda line: line.at)

    def _judged(self, line: Line) -> Line:
        """A session is of the wrong direction where its own language is being spoken, or was last."""
        if not isinstance(line, Speaks) or line.label != "wrong":
            return line
        begun = [utterance for utterance in self._said if utterance.start <= line.at]
        spoken = {utterance.language for utterance in begun if line.at <= utterance.end + _JUST_SPOKEN_SECS}
        spoken |= {utterance.language for utterance in begun[-1:]}
        return replace(line, label="either") if _other(line.session) in spoken else line

    def _length(self) -> float:
        low, high = self._random.choice([(0.3, 0.8), (1.0, 3.0), (2.0, 6.0), (5.0, 14.0)])
        return self._random.uniform(low, high)

    def _gap(self) -> float:
        """Between two speakers: often they overlap a little."""
        low, high = self._random.choice([(-1.0, 0.2), (0.2, 1.0), (0.5, 2.5), (2.0, 5.0)])
        return self._random.uniform(low, high)

    def _utterance(self, utterance: _Utterance) -> None:
        for session in TARGETS:
            self._source(utterance, session)
        if not self._happens(self._rates.swallowed):
            self._interpretation(utterance)
        if self._happens(self._rates.leak):
            self._leak(utterance)

    # Source

    def _source(self, utterance: _Utterance, session: str) -> None:
        if self._happens(self._rates.missing):
            return
        delay = self._random.uniform(0.3, 1.2)
        if self._happens(self._rates.late):
            delay += self._random.uniform(0.5, self._rates.latest_secs)
        misread = self._happens(self._rates.misread)
        said, at = 0.0, utterance.start
        while said < utterance.secs:
            length = min(self._random.uniform(0.8, 1.2), utterance.secs - said)
            said += length
            at = max(at + 0.01, utterance.start + said + delay + self._random.uniform(-0.1, 0.1))
            language = _other(utterance.language) if misread else utterance.language
            misread = False
            self.lines.append(Hears(at, session, " " + self._text(language, length), self._code(language)))

    def _code(self, language: str) -> str | None:
        if self._happens(self._rates.no_code):
            return None
        return _other(language) if self._happens(self._rates.wrong_code) else language

    # Output

    def _interpretation(self, utterance: _Utterance) -> None:
        session = _other(utterance.language)
        start = max(self._answer_at(utterance), self._free_at[session])
        left = max(0.4, utterance.secs * self._random.uniform(0.7, 1.2))
        while left > 0:
            secs = min(left, self._random.uniform(1.0, 4.0))
            left -= secs
            start = self._speak(session, "right", start, secs, ends=left <= 0 or self._happens(0.5))
            start += _PIECE_SECS * self._random.randint(1, 3)

    def _answer_at(self, utterance: _Utterance) -> float:
        lag = self._random.uniform(0.8, 3.0)
        return utterance.start + max(lag, min(utterance.secs, 1.0) + 0.2)

    def _leak(self, utterance: _Utterance) -> None:
        session, rates = utterance.language, self._rates
        start = utterance.start + self._random.uniform(0.3, 2.5) if rates.hasty else self._answer_at(utterance)
        start = max(start, self._free_at[session] + self._random.uniform(0.5, 2.0))
        if start < utterance.end + 2.0:
            secs = self._random.uniform(0.25, min(4.0, utterance.secs + 0.5))
            self._speak(session, "wrong", start, secs, with_text=self._happens(0.6))

    def _noise(self, now: float) -> None:
        session = self._random.choice(TARGETS)
        start = max(now - self._random.uniform(0.0, 0.8), self._free_at[session] + 0.5)
        self._speak(session, "wrong", start, self._random.uniform(0.25, 0.75), with_text=False)

    def _speak(
        self, session: str, label: Label, at: float, secs: float, *, with_text: bool = True, ends: bool = True
    ) -> float:
        pieces = max(1, round(secs / _PIECE_SECS))
        text = self._text(session, secs) + ("." if ends else "") if with_text else ""
        self.lines.append(Speaks(at, session, label, pieces * _PIECE_SECS, text))
        self._free_at[session] = at + pieces * _PIECE_SECS
        return self._free_at[session]

    # Words

    def _text(self, language: str, secs: float) -> str:
        return " ".join(self._word(language) for _ in range(max(1, round(secs * 2))))

    def _word(self, language: str) -> str:
        """One that no other place of the trace has."""
        self._words += 1
        first, second = divmod(self._words, 20)
        if language == "ko":
            return chr(0xAC00 + 28 * first) + chr(0xB098 + 28 * second)
        return "bcdfghjklmnpqrstvwxz"[first % 20] + "aeiou"[first // 20 % 5] + "bcdfghjklmnpqrstvwxz"[second] + "o"

    def _happens(self, rate: float) -> bool:
        return self._random.random() < rate


def generated(seed: int, rates: Rates | None = None) -> Trace:
    """The trace of a seed."""
    return Trace(f"seed {seed}", "generated", TARGETS, tuple(_Writer(seed, rates or Rates()).conversation()))


def _other(language: str) -> str:
    return TARGETS[1] if language == TARGETS[0] else TARGETS[0]
