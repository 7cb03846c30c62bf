"""What two sessions of opposite direction heard of one microphone, and what that says of their output. Pure.

The language just spoken is never the language that comes out. Which one was spoken is known from the source text of
both sessions: its script, or the upstream's code. Either may be late, missing or wrong, and a session may make
output of what is no speech at all, or of speech that it should pass over (GEMINI.md, sections 2.3 and 6.1). So what
one session says of itself is believed at once only where the other one heard the same; after the hold it is
believed where nothing speaks against it. Where nothing was heard, nothing is believed.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

LanguageOf = Callable[[str, str | None], str | None]
"""The language of a text, by the text and the upstream's code; ``None``: neither tells."""

_REMEMBERED_SECS = 12.0
_REMEMBERED = 200
_SAME_SPEECH_SECS = 1.5
"""By so much, recognised speech of the two sessions lies apart that is the same."""
_STILL_SPOKEN_SECS = 1.5
"""A language counts as being spoken so long after a fragment of it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A fragment of recognised speech: when, by which session, in which language."""

    at: float
    session: str
    language: str


@dataclass(slots=True)
class Claim:
    """That a session's output is an interpretation of what was just said.

    Attributes:
        target: The session's.
        began_at: When its turn began.
        language: That of its own source text, as far as one can tell.
        spoken_from: When the first of that text was heard.
        spoken_until: When the last of it was.
        sounded_secs: How long its output has sounded.
        onset_at: When output began, or began again after a pause.
        resumed: There was output of the turn before that.
    """

    target: str
    began_at: float
    language: str | None = None
    spoken_from: float | None = None
    spoken_until: float | None = None
    sounded_secs: float = 0.0
    onset_at: float | None = None
    resumed: bool = False


class Evidence:
    """What was heard lately, bounded."""

    def __init__(self, targets: tuple[str, str], language_of: LanguageOf):
        """Know nothing; ``targets`` are the languages of the pair."""
        self._targets = targets
        self._language_of = language_of
        self._heard: deque[Heard] = deque(maxlen=_REMEMBERED)
        self._sounded_at: dict[str, float] = {}

    def note_source(self, session: str, text: str, code: str | None, now: float) -> None:
        """A session recognised speech."""
        while self._heard and self._heard[0].at < now - _REMEMBERED_SECS:
            self._heard.popleft()
        language = self.language_of(text, code)
        if language is not None:
            self._heard.append(Heard(now, session, language))

    def note_output(self, session: str, now: float) -> None:
        """A session made output that is not silence."""
        self._sounded_at[session] = now

    def language_of(self, text: str, code: str | None) -> str | None:
        """The one of the pair that a text is in."""
        language = self._language_of(text, code)
        return language if language in self._targets else None

    def other(self, target: str) -> str:
        """The other one of the pair."""
        return self._targets[1] if target == self._targets[0] else self._targets[0]

    # Judgement

    def belongs(self, claim: Claim, *, hold_over: bool) -> bool:
        """Whether what was said in a claim's turn is to be interpreted into its target, output or not."""
        if claim.language != self.other(claim.target):
            return False
        return self._corroborated(claim) or (hold_over and not self._contradicted(claim))

    def speaks(self, claim: Claim, *, hold_over: bool) -> bool:
        """Whether the output that began at the claim's onset is one of the other language."""
        if claim.language == claim.target or claim.onset_at is None:
            return False
        if claim.language is None:
            return self._spoken_alone(self.other(claim.target), claim.onset_at)
        if claim.spoken_until is None or self._taken_over(claim, claim.spoken_until):
            return False
        if claim.resumed:
            return self._continues(claim, claim.spoken_until, hold_over=hold_over)
        empty = self._sounded_at.get(self.other(claim.target), -1e9) < claim.began_at
        return self._corroborated(claim) or (hold_over and empty and not self._contradicted(claim))

    def _corroborated(self, claim: Claim) -> bool:
        """Whether the other session heard the same language at about the same time."""
        if claim.spoken_from is None or claim.spoken_until is None:
            return False
        since, until = claim.spoken_from - _SAME_SPEECH_SECS, claim.spoken_until + _SAME_SPEECH_SECS
        peer = self.other(claim.target)
        return any(
            heard.session == peer and heard.language == claim.language and since <= heard.at <= until
            for heard in self._heard
        )

    def _contradicted(self, claim: Claim) -> bool:
        """Whether the other session heard the target's language where this one did not."""
        if claim.spoken_from is None:
            return True
        own = [h.at for h in self._heard if h.session == claim.target and h.language == claim.target]
        peers = [
            h.at
            for h in self._heard
            if h.session != claim.target
            and h.language == claim.target
            and h.at >= claim.spoken_from - _SAME_SPEECH_SECS
        ]
        return any(all(abs(at - mine) > _SAME_SPEECH_SECS for mine in own) for at in peers)

    def _taken_over(self, claim: Claim, spoken_until: float) -> bool:
        """Whether the output begins when the target's language is already being spoken for a while."""
        onset_at = claim.onset_at or 0.0
        other_heard = any(h.language == claim.target and h.at > spoken_until for h in self._heard)
        return other_heard and onset_at > spoken_until + _STILL_SPOKEN_SECS

    def _continues(self, claim: Claim, spoken_until: float, *, hold_over: bool) -> bool:
        """Whether output after a pause is more of the same: it is still being spoken, or much is missing."""
        onset_at = claim.onset_at or 0.0
        if onset_at <= spoken_until + _STILL_SPOKEN_SECS:
            return True
        spoken_secs = spoken_until - (claim.spoken_from or spoken_until) + 1.0
        return hold_over and claim.sounded_secs < spoken_secs / 2

    def _spoken_alone(self, language: str, onset_at: float) -> bool:
        """Whether ``language``, and no other, was heard just before the output, or is since."""
        recent = [h for h in self._heard if h.at >= onset_at - 2 * _STILL_SPOKEN_SECS]
        spoken = any(h.at >= onset_at - _STILL_SPOKEN_SECS and h.language == language for h in recent)
        return spoken and all(h.language == language for h in recent)
