"""What the kit is told about the server under test: where it is, its limits, and how it is to be tried."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """A run's options. The limits have the protocol's defaults; a deployment may have changed them.

    Attributes:
        url: Of the WebSocket.
        http_url: Of ``/health`` and ``/ready``, without a path; ``None``: they are not tried.
        ca_file: Certificates to trust for ``wss://`` and ``https://``; ``None``: those of the system.
        origin: ``Origin`` of every connection; ``None``: none, as a program that is no page.
        refused_origin: One that the server must refuse; ``None``: a made-up one is tried, and may be let in.
        languages: The server's pair.
        barge_in: Speech during output interrupts it on this server.
        compare_words: Compare source texts with the words that were spoken, where these are known.
        speed: Pace of the speech in times real time.
        jobs: Checks that run at the same time, each on connections of its own.
        patience_secs: Longest wait for anything that must come.
        quiet_secs: How long nothing must come where nothing may.
        longest_limit_secs: Limits of time that are longer are not waited for.
        check_secs: Bound of a whole check.
        init_timeout_secs: ``INIT_TIMEOUT_SECS``.
        idle_timeout_secs: ``IDLE_TIMEOUT_SECS``; 0: none.
        max_session_secs: ``MAX_SESSION_SECS``; 0: none.
        max_message_bytes: ``MAX_MESSAGE_BYTES``.
        max_chunk_secs: ``MAX_CHUNK_SECS``.
        max_ahead_secs: ``MAX_AHEAD_SECS``; 0: audio is not limited.
        max_ingest_rate: ``MAX_INGEST_RATE``, in times real time.
        max_client_errors: ``MAX_CLIENT_ERRORS``; 0: they are not limited.
        end_of_utterance_ms: ``END_OF_UTTERANCE_MS``.
        late_text_ms: ``LATE_TEXT_MS``.
    """

    url: str
    http_url: str | None = None
    ca_file: Path | None = None
    origin: str | None = None
    refused_origin: str | None = None
    languages: tuple[str, str] = ("ko", "en")
    barge_in: bool = False
    compare_words: bool = True
    speed: float = 1.0
    jobs: int = 4
    patience_secs: float = 20.0
    quiet_secs: float = 1.0
    longest_limit_secs: float = 30.0
    check_secs: float = 180.0
    init_timeout_secs: float = 10.0
    idle_timeout_secs: float = 900.0
    max_session_secs: float = 0.0
    max_message_bytes: int = 1_048_576
    max_chunk_secs: float = 5.0
    max_ahead_secs: float = 30.0
    max_ingest_rate: float = 4.0
    max_client_errors: int = 100
    end_of_utterance_ms: int = 700
    late_text_ms: int = 1500

    @property
    def pause_secs(self) -> float:
        """Silence after an utterance that surely ends it."""
        return max(1.2, self.end_of_utterance_ms / 1000 + 0.5)
