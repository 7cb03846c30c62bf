"""The seam to the upstream: who connects, and what a connection can do.

:class:`Connector` and :class:`LiveConnection` are all that the rest of the project knows of the upstream, so that
a fake, an emulator or another client library stands behind them. :mod:`gemini.genai_connector` and
:mod:`gemini.lean_connector` reach Google; :mod:`gemini.connectors` makes the one that is asked for.
"""

import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from gemini.events import UpstreamEvent

logger = logging.getLogger(__name__)

INPUT_RATE_HZ = 16_000
OUTPUT_RATE_HZ = 24_000
INPUT_MIME_TYPE = f"audio/pcm;rate={INPUT_RATE_HZ}"


@dataclass(frozen=True, slots=True)
class LiveConfig:
    """What a session is set up with; fixed for the life of a connection.

    Attributes:
        model: Name of the model, without ``models/``.
        instruction: The system instruction.
        voice: Name of a prebuilt voice; ``None``: the model's default.
        manual_activity: We say where an utterance starts and ends; else the upstream detects it.
        resumption: Ask the upstream for resumption handles.
        handle: Resumes the session that it came from, whose connection must be closed.
        translation_target: What a translating session says everything in, as BCP-47; it takes no instruction and no
            voice, and knows no utterances. ``None``: a dialogue session.
    """

    model: str
    instruction: str = ""
    voice: str | None = None
    manual_activity: bool = True
    resumption: bool = False
    handle: str | None = None
    translation_target: str | None = None


class LiveConnection(Protocol):
    """One open session.

    Every method but :meth:`close` raises :class:`~gemini.errors.UpstreamError` once the upstream is lost, and after
    :meth:`close`. What the upstream does in its own time is no part of this: see :mod:`gemini.events`.
    """

    async def send_audio(self, pcm: bytes) -> None:
        """Send PCM s16le mono at :data:`INPUT_RATE_HZ`, in a piece of any length, as fast as it is there."""

    async def send_activity_start(self) -> None:
        """Say that an utterance starts with the next audio."""

    async def send_activity_end(self) -> None:
        """Say that the utterance ended with the last audio."""

    async def send_text(self, text: str) -> None:
        """Say something in writing, as a turn of its own, which the upstream answers at once."""

    def receive(self) -> AsyncGenerator[list[UpstreamEvent], None]:
        """Yield the events of each server message, one turn after the other, without end.

        A message that says nothing, or that can't be read, yields an empty list. There is one receiver at a time;
        where it is cancelled or closed, the next one goes on with the message after. After :meth:`close` what had
        come before may still be yielded; then it raises, also where it was waiting already.
        """

    async def close(self) -> None:
        """Close the connection; never raises, and may be called again.

        Takes a moment even where the upstream does not answer. Where the caller is cancelled, closing goes on.
        """


class Connector(Protocol):
    """Opens sessions."""

    async def connect(self, config: LiveConfig) -> LiveConnection:
        """Open one session, ready for audio.

        Has no time limit of its own: the caller sets one, by cancelling, which leaves nothing open.

        Raises:
            UpstreamError: The upstream refused (the key, the model, the setup) or could not be reached.
        """


def log_unreadable(error: Exception) -> None:
    """Say that a server message was passed over; the error's own words may quote what somebody said."""
    logger.warning("unreadable upstream message", extra={"fields": {"error": type(error).__name__}})
