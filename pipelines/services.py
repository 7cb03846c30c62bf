"""What all sessions of a process share, and what a step may tell of itself."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pipecat.processors.frame_processor import FrameProcessor

from gemini.connector import Connector
from gemini.endpoint import Endpoint
from pipelines.choice import Languages
from pipelines.engines import Engines
from pipelines.sessions import Sessions
from pipelines.settings import Settings
from pipelines.whisper import Whisper
from processors.context import SessionContext
from processors.recognizer import Recognizer


@dataclass(frozen=True, slots=True)
class Services:
    """What all sessions of the process share.

    Attributes:
        settings: The server's settings.
        engines: The checked pipelines that clients may choose from.
        connector: Opens sessions with the upstream.
        sessions: Who may come in, and who is there.
        upstream_refuses: Whether the upstream is known to refuse every session.
        endpoint: Where the connector connects to.
        whisper: Recognises speech for clients that want its text.
    """

    settings: Settings
    engines: Engines
    connector: Connector
    sessions: Sessions
    upstream_refuses: Callable[[], bool] = lambda: False
    endpoint: Endpoint | None = None
    whisper: Whisper | None = None

    def context(
        self, session_id: str, languages: Languages, recognizer: Recognizer | None = None
    ) -> SessionContext:
        """What the steps of a session may know of it.

        Args:
            session_id: UUID.
            languages: What is spoken, and what comes out.
            recognizer: Gives the source text in the upstream's place; ``None``: nobody does.
        """
        return SessionContext(
            session_id=session_id,
            pair=languages.pair,
            spoken=languages.spoken,
            connector=self.connector,
            also_spoken=languages.also_spoken,
            endpoint=self.endpoint,
            recognizer=recognizer,
        )


@runtime_checkable
class HasQueues(Protocol):
    """A step that keeps something which waits."""

    def queue_depths(self) -> dict[str, float]:
        """How much, in bytes, by the queue's name."""


def queue_depths_of(steps: Iterable[FrameProcessor]) -> dict[str, float]:
    """What waits in steps, in bytes, by the queue's name."""
    depths: dict[str, float] = {}
    for step in steps:
        if isinstance(step, HasQueues):
            depths |= step.queue_depths()
    return depths
