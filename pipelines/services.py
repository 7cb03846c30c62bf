"""What all sessions of a process share, and what a step may tell of itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gemini.connector import Connector
from gemini.endpoint import Endpoint
from pipelines.engines import Engines
from pipelines.sessions import Sessions
from pipelines.settings import Settings
from pipelines.whisper import Whisper


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


@runtime_checkable
class HasQueues(Protocol):
    """A step that keeps something which waits."""

    def queue_depths(self) -> dict[str, float]:
        """How much, in bytes, by the queue's name."""
