"""What every provider of telephone calls has in common, as values, and what it can be asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from telephony.phone_serializer import PhoneSerializer

MAX_AGE_SECS = 300
"""How far a signed request's time may be from ours, in both directions."""


@dataclass(frozen=True)
class WebhookRequest:
    """A request that says it comes from a provider.

    Attributes:
        method: In capitals.
        url: As the provider has called it: ``PUBLIC_URL``, path and query, since a proxy may have changed the rest.
        headers: Names in lower case.
        body: As it came: signatures go over its bytes.
        form: The body's fields, where it is a form; nothing where it is JSON.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    form: Mapping[str, str]


@dataclass(frozen=True)
class IncomingCall:
    """A call that is to be answered.

    Attributes:
        call_id: The provider's name of it.
        caller: Who calls: a number, or what stands for one that is withheld.
        dialled: The number that was dialled.
    """

    call_id: str
    caller: str
    dialled: str


@dataclass(frozen=True)
class Notice:
    """Something to be said before the interpreter listens, in a language as ISO 639-1 names it."""

    text: str
    language: str


@dataclass(frozen=True)
class Document:
    """What a provider is to do with a call, as it wants to be told."""

    media_type: str
    body: str


@dataclass(frozen=True)
class MediaStart:
    """A media stream that begins.

    Attributes:
        stream_id: The provider's name of the stream; empty where it gives none.
        call_id: The provider's name of the call; empty where the stream does not tell.
        rate_hz: Of the audio in both directions.
        encoding: Of the audio that comes, one of :data:`~telephony.phone_serializer.ENCODINGS`.
        caller: Who calls, where the stream tells.
        dialled: The number that was dialled, where the stream tells.
    """

    stream_id: str
    call_id: str
    rate_hz: int
    encoding: str
    caller: str = ""
    dialled: str = ""


class Provider(Protocol):
    """One provider's wire, with the credentials of one account."""

    @property
    def name(self) -> str:
        """As it stands in the path of its routes."""

    def refusal(self, request: WebhookRequest) -> str | None:
        """Why nobody believes that the provider sent this, in words for the log; None where it is genuine.

        A genuine request is remembered as far as the provider's scheme allows, so that it is believed once.
        """

    def speaks(self, language: str) -> bool:
        """Whether its own voice says notices in this language, ISO 639-1."""

    def incoming(self, request: WebhookRequest) -> IncomingCall:
        """The call that a genuine request announces.

        Raises:
            ValueError: It announces none; the message says what was expected.
        """

    def document(self, stream_url: str, notices: Sequence[Notice]) -> Document:
        """Say the notices in order with the provider's own voice, then stream both ways to ``stream_url``.

        Raises:
            ValueError: A notice is in a language that it does not speak.
        """

    def start_of(self, data: str | bytes) -> MediaStart | None:
        """What a stream's message says of its beginning; None where it says nothing of it yet.

        Raises:
            ValueError: The stream begins with audio that nobody here can read; the message says what was expected.
        """

    def serializer(self, start: MediaStart) -> PhoneSerializer:
        """What reads and writes the messages of one stream."""

    async def hang_up(self, start: MediaStart) -> None:
        """End the call, where closing its stream does not; failures are logged and never raised."""
