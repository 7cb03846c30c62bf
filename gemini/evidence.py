"""What two sessions of opposite direction heard of one microphone, and what that says of their output. Pure.

The language just spoken is never the language that comes out. Which one was spoken is known from the source text of
both sessions: its script, or the upstream's code. Either may be late, missing or wrong, and a session may make
output of what is no speech at all, or of speech that it should pass over (GEMINI.md, sections 2.3 and 6.1). So what
one session says of itself is believed at once only where the other one heard the same; after the hold it is
believed where nothing speaks against it. Where nothing was heard, nothing is believed.

That a language was spoken is not enough: output must also be *due*, for a session that rightly spoke may go on with
what it should not. So the time that its output takes is held against the time that the speech took.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

LanguageOf = Callable[[str, str | None], str | None]
"""The language of a text, by the text and the upstream's code; ``None``: neither tells."""

_NEVER = float("-inf")
_REMEMBERED = 64
"""Fragments of each session, a second or so each."""
_SAME_SPEECH_SECS = 1.5
"""By so much, recognised speech of the two sessions lies apart that is the same."""
_STILL_SPOKEN_SECS = 1.5
"""A language counts as being spoken so long after a fragment of it."""
_LONGEST_LAG_SECS = 1.5
"""Of the first output behind the first recognised speech."""
_LONGEST_LAG_ANSWERED_SECS = 0.75
"""The same, once the target's language was heard, too."""
_LATEST_SOURCE_SECS = 2.5
"""Speech that is recognised so long after output began is not what it speaks of."""
_OVERLAP_SECS = 0.5
"""By so much, what was recognised of the speaker before may come after output began for the next one."""
_LONGEST_TAIL_SECS = 3.0
"""So long after the last recognised speech, output that paused may go on."""
_MONOLOGUE_SECS = 8.0
"""After so long without the one language, output of the other need not prove itself."""
_LEAST_OF_A_MONOLOGUE_SECS = 1.5
_LONG_PAUSE_SECS = 3.0
"""Output after so much silence is the first of something."""
_LOOKED_BACK_SECS = 8.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A fragment of recognised speech: when, and in which language."""

    at: float
    language: str


@dataclass(slots=True)
class Claim:
    """That a session's turn is to be heard.

    Attributes:
        target: The session's.
        language: That of its own source text, as far as one can tell.
        spoken_from: When the first of that text was heard.
        spoken_until: When the last of it was.
        onset_at: When output began, or began again after a pause.
        texted: There is text of the output since the onset.
        unfinished: Its text before the onset ended in the middle of a sentence.
    """

    target: str
    language: str | None = None
    spoken_from: float | None = None
    spoken_until: float | None = None
    onset_at: float | None = None
    texted: bool = False
    unfinished: bool = False


class Evidence:
    """What was heard lately, bounded."""

    def __init__(self, targets: tuple[str, str], language_of: LanguageOf, *, hold_secs: float):
        """Know nothing.

        Args:
            targets: The languages of the pair.
            language_of: See :data:`LanguageOf`.
            hold_secs: How long to wait for what may speak against a thing.
        """
        self._targets = targets
        self._hold_secs = hold_secs
        self._language_of = language_of
        self._heard: dict[str, deque[Heard]] = {target: deque(maxlen=_REMEMBERED) for target in targets}
        self._onset_at = dict.fromkeys(targets, _NEVER)
        self._sounded_at = dict.fromkeys(targets, _NEVER)
        self._silent_from = dict.fromkeys(targets, _NEVER)

    def note_source(self, session: str, text: str, code: str | None, now: float) -> None:
        """A session recognised speech."""
        language = self.language_of(text, code)
        if language is not None:
            self._heard[session].append(Heard(now, language))

    def note_output(self, session: str, now: float, *, onset: bool) -> None:
        """A session made output that is not silence; ``onset``: it began to, or began again after a pause."""
        if onset:
            self._onset_at[session], self._silent_from[session] = now, self._sounded_at[session]
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
        if claim.language != self.other(claim.target) or claim.spoken_from is None or claim.spoken_until is None:
            return False
        confirmed = self._confirmed(claim.target, claim.spoken_from, claim.spoken_until)
        return bool(confirmed) or (hold_over and not self._contradicted(claim.target, claim.spoken_from))

    def speaks(self, claim: Claim, now: float) -> bool:
        """Whether the output that began at the claim's onset is one of the other language, and due."""
        if claim.language == claim.target or claim.onset_at is None:
            return False
        hold_over = now >= claim.onset_at + self._hold_secs
        spoken_at = self._spoken_at(claim.target, claim.onset_at, now)
        return spoken_at is not None and self._due(claim, claim.onset_at, spoken_at, hold_over=hold_over)

    def _spoken_at(self, target: str, onset_at: float, now: float) -> float | None:
        """When the other language was last heard, as far as that is to be believed."""
        since = onset_at - _LOOKED_BACK_SECS
        own = [heard.at for heard in self._heard[target] if heard.language != target and heard.at >= since]
        if not own:
            return self._spoken_alone(target, onset_at, now)
        if confirmed := self._confirmed(target, own[0], own[-1]):
            return self._spoken_on(target, confirmed[-1])
        alone = self._onset_at[self.other(target)] < own[-1] - _SAME_SPEECH_SECS
        believed = now >= max(onset_at, own[0]) + self._hold_secs
        return own[-1] if believed and alone and not self._contradicted(target, own[-1]) else None

    def _due(self, claim: Claim, onset_at: float, spoken_at: float, *, hold_over: bool) -> bool:
        """Whether there is something left to say.

        There is where it is still being spoken, and for the first output after speech. Else it must come with text,
        too, and in the middle of a sentence or with nobody having answered meanwhile.
        """
        answered = self._last_of(claim.target) > spoken_at
        if self._goes_on(claim.target, onset_at, spoken_at):
            return True
        if onset_at <= spoken_at:
            return claim.texted and self._came_late(claim.target, onset_at, spoken_at)
        silent_from = self._silent_from[claim.target]
        if silent_from < onset_at - _LONG_PAUSE_SECS:
            lag_secs = onset_at - self._first_since(claim.target, silent_from, spoken_at)
            if lag_secs <= (_LONGEST_LAG_ANSWERED_SECS if answered else _LONGEST_LAG_SECS):
                return True
        if not claim.texted or onset_at > spoken_at + _LONGEST_TAIL_SECS:
            return False
        alone = self._onset_at[self.other(claim.target)] < spoken_at
        return claim.unfinished or (hold_over and alone and not answered)

    def _goes_on(self, target: str, onset_at: float, spoken_at: float) -> bool:
        """Whether somebody has been speaking for a while, alone, and has been interpreted until just now."""
        alone = self._last_of(target) < onset_at - _MONOLOGUE_SECS
        interpreted = self._silent_from[target] >= onset_at - _LONG_PAUSE_SECS
        since = self._first_since(target, onset_at - _MONOLOGUE_SECS, onset_at)
        return alone and interpreted and spoken_at >= onset_at and spoken_at - since >= _LEAST_OF_A_MONOLOGUE_SECS

    def _came_late(self, target: str, onset_at: float, spoken_at: float) -> bool:
        """Whether speech that was recognised after output began may be what it speaks of."""
        meanwhile = any(
            heard.language == target and onset_at + _OVERLAP_SECS <= heard.at <= spoken_at
            for mine in self._heard.values()
            for heard in mine
        )
        return spoken_at <= onset_at + _LATEST_SOURCE_SECS and not meanwhile

    def _first_since(self, target: str, since: float, until: float) -> float:
        """When a session first heard the other language in a time."""
        times = (
            heard.at for heard in self._heard[target] if heard.language != target and since < heard.at <= until
        )
        return min(times, default=_NEVER)

    def _confirmed(self, target: str, since: float, until: float) -> list[float]:
        """When a session heard what the other one heard, too; each fragment of that one confirms one."""
        confirmed: list[float] = []
        peers = deque(heard.at for heard in self._heard[self.other(target)] if heard.language != target)
        for heard in self._heard[target]:
            if heard.language == target:
                continue
            while peers and peers[0] < heard.at - _SAME_SPEECH_SECS:
                peers.popleft()
            if peers and peers[0] <= heard.at + _SAME_SPEECH_SECS:
                peers.popleft()
                confirmed.append(heard.at)
        return [at for at in confirmed if since <= at <= until]

    def _spoken_on(self, target: str, confirmed_at: float) -> float:
        """When the last of the speech was heard that goes on from a fragment that both sessions heard."""
        last_at = confirmed_at
        for heard in self._heard[target]:
            if heard.at > last_at:
                if heard.language == target or heard.at > last_at + _SAME_SPEECH_SECS:
                    break
                last_at = heard.at
        return last_at

    def _contradicted(self, target: str, spoken_from: float) -> bool:
        """Whether the other session heard the target's language where this one did not."""
        own = [heard.at for heard in self._heard[target] if heard.language == target]
        return any(
            all(abs(heard.at - at) > _SAME_SPEECH_SECS for at in own)
            for heard in self._heard[self.other(target)]
            if heard.language == target and heard.at >= spoken_from - _SAME_SPEECH_SECS
        )

    def _spoken_alone(self, target: str, onset_at: float, now: float) -> float | None:
        """When the other language was heard just before the output or since, by the other session, and no other."""
        recent = [
            heard
            for mine in self._heard.values()
            for heard in mine
            if heard.at >= onset_at - 2 * _STILL_SPOKEN_SECS
        ]
        if not recent or any(heard.language == target for heard in recent):
            return None
        first_at, last_at = min(heard.at for heard in recent), max(heard.at for heard in recent)
        stands = now >= min(onset_at, first_at) + self._hold_secs
        return last_at if stands and last_at >= onset_at - _STILL_SPOKEN_SECS else None

    def _last_of(self, language: str) -> float:
        """When a language was last heard by anybody."""
        times = (heard.at for mine in self._heard.values() for heard in mine if heard.language == language)
        return max(times, default=_NEVER)
