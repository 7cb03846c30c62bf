"""What a step may know of the session that it works for."""

from dataclasses import dataclass

from gemini.connector import Connector


@dataclass(frozen=True, slots=True)
class SessionContext:
    """Plain values of one session.

    Attributes:
        session_id: UUID, as the client knows it.
        pair: Codes of the two languages.
        spoken: The code of the pair that the client speaks, or ``"auto"`` for either.
        connector: Opens sessions with the upstream; one for the process.
        utterances_marked: A step before this one marks where utterances start and end.
    """

    session_id: str
    pair: tuple[str, str]
    spoken: str
    connector: Connector
    utterances_marked: bool = False
