"""One side's text of a turn, as it grows out of fragments, wholes and interims; and what earlier turns said.

The upstream repeats itself: whole transcriptions of earlier turns come again, up to a minute later (Google's
gemini-live-api-examples #48). :class:`ClosedTexts` remembers enough of the past to tell.
"""

from collections import deque

_REMEMBERED_TURNS = 32
_REPEATED_WHOLE_WORDS = 3
_REPEATED_CHARACTERS = 10


def _squeezed(text: str) -> str:
    return "".join(text.split())


class ClosedTexts:
    """What one side said in the turns that are over, spaces aside; bounded."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._texts: deque[str] = deque(maxlen=_REMEMBERED_TURNS)

    def add(self, text: str) -> None:
        """Remember ``text`` of a turn that ended."""
        if squeezed := _squeezed(text):
            self._texts.append(squeezed)

    def repeats(self, text: str) -> bool:
        """Whether ``text`` equals, or is the beginning of, what a closed turn said."""
        squeezed = _squeezed(text)
        return any(closed.startswith(squeezed) for closed in self._texts)

    def equals(self, text: str) -> bool:
        """Whether ``text`` is all of what a closed turn said."""
        return _squeezed(text) in self._texts


class Transcript:
    """One side's text of one turn.

    Text that repeats what a closed turn said is held back as a *suspect*. Where no other follows until the turn
    ends, the speaker said the same thing again, and :meth:`settle` lets it through. It is dropped only where it
    came as one message that is all of what a closed turn said, is too long to be a phrase said often, and is
    followed by text that does not go on with it; when in doubt it is kept. Interim text before it stays meanwhile.

    Attributes:
        finished: The upstream said that the text is complete.
        interim_only: All text so far may still change.
        language: The last language code that the upstream sent.
        repeats: How many repetitions of closed turns were dropped.
    """

    def __init__(self, closed: ClosedTexts) -> None:
        """Make an empty text; ``closed`` knows what the turns before said."""
        self._closed = closed
        self._text = ""
        self._interim = ""
        self._suspect = ""
        self._suspect_messages = 0
        self.finished = False
        self.language: str | None = None
        self.repeats = 0

    @property
    def text(self) -> str:
        """All of it so far, interim text included."""
        return (self._text + self._interim).strip()

    @property
    def empty(self) -> bool:
        """Whether nothing at all was said, not even something suspect."""
        return not (self.text or self._suspect.strip())

    @property
    def interim_only(self) -> bool:
        """Whether a final text is still to replace the interim one."""
        return bool(self._interim) and not self._suspect

    def set_interim(self, text: str, language: str | None) -> bool:
        """Replace the interim text; whether :attr:`text` changed."""
        before = self.text
        self.language = language or self.language
        self._interim = text
        return self.text != before

    def append(self, text: str, *, finished: bool, language: str | None, answered: bool = False) -> bool:
        """Add a fragment, or a whole utterance.

        Args:
            text: As the upstream sent it.
            finished: The upstream says that the text is complete.
            language: The upstream's code, if any.
            answered: Output has begun, so that the text so far may be all there is.

        Returns:
            Whether :attr:`text` changed.
        """
        before = self.text
        if (answered or self.finished) and self._is_repeated_whole(text):
            self.repeats += 1
            return False
        self.finished = self.finished or finished
        self.language = language or self.language
        self._take(text)
        if text.strip() and not self._suspect:
            self._interim = ""
        return self.text != before

    def settle(self) -> bool:
        """The turn ends: what is suspect was said after all; whether :attr:`text` changed."""
        before = self.text
        if self._suspect:
            self._text += self._suspect
            self._suspect = self._interim = ""
        return self.text != before

    def discard_repeat(self) -> None:
        """What is suspect was the upstream repeating itself."""
        self.repeats += bool(self._suspect)
        self._suspect = ""

    def _take(self, text: str) -> None:
        if self._text:
            self._text += text
        elif self._closed.repeats(self._suspect + text):
            self._suspect += text
            self._suspect_messages += 1
        elif self._is_repeat_before(text):
            self.discard_repeat()
            self._take(text)
        else:
            self._text = self._suspect + text
            self._suspect = ""

    def _is_repeat_before(self, text: str) -> bool:
        """Whether the suspect text was a repeated whole, and ``text`` begins anew rather than going on with it."""
        whole = self._suspect_messages == 1 and self._closed.equals(self._suspect)
        return whole and len(_squeezed(self._suspect)) >= _REPEATED_CHARACTERS and text[:1].isalnum()

    def _is_repeated_whole(self, text: str) -> bool:
        """Whether ``text`` is all of a turn's text once more, this one's or an earlier one's, and no fragment."""
        anew = bool(self._text) and len(text.split()) >= _REPEATED_WHOLE_WORDS and not text[:1].isspace()
        return anew and (_squeezed(text) == _squeezed(self._text) or self._closed.equals(text))
