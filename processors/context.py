"""What a step may know of the session that it works for."""

from dataclasses import dataclass

from gemini.connector import Connector
from gemini.endpoint import Endpoint
from processors.recognizer import Recognizer


@dataclass(frozen=True, slots=True)
class SessionContext:
    """Plain values of one session.

    Attributes:
        session_id: UUID, as the client knows it.
        pair: Codes of the two languages.
        spoken: The code of the pair that the client speaks, or ``"auto"`` for either.
        connector: Opens sessions with the upstream; one for the process.
        endpoint: Where ``connector`` connects to, for a step that brings a client of its own.
        utterances_marked: A step before this one marks where utterances start and end.
        also_spoken: Where one language of the pair is spoken: codes of others that the client may speak as well;
            the other one of the pair comes out of all of them.
        recognizer: Recognises speech, where the client asked for that and the server can; one for the process.
    """

    session_id: str
    pair: tuple[str, str]
    spoken: str
    connector: Connector
    utterances_marked: bool = False
    also_spoken: tuple[str, ...] = ()
    endpoint: Endpoint | None = None
    recognizer: Recognizer | None = None

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of every language that is spoken or comes out."""
        return (*self.pair, *self.also_spoken)

    @property
    def may_be_spoken(self) -> tuple[str, ...]:
        """Codes of every language that the client may speak."""
        return self.pair if self.spoken == "auto" else (self.spoken, *self.also_spoken)

    @property
    def only_spoken(self) -> str | None:
        """The code of the one language that the client speaks; ``None`` where it may be one of several."""
        return self.may_be_spoken[0] if len(self.may_be_spoken) == 1 else None

    @property
    def target(self) -> str | None:
        """The code of the language that comes out whatever is said; ``None`` where it may be either of the pair."""
        return None if self.spoken == "auto" else self.other_than(self.spoken)

    def other_than(self, language: str) -> str:
        """The code of the pair's language that is not ``language``."""
        return self.pair[0] if language == self.pair[1] else self.pair[1]

    @property
    def speech_goes_on(self) -> bool:
        """Whether a step after the engine wants the client's speech, too."""
        return self.recognizer is not None and self.utterances_marked
