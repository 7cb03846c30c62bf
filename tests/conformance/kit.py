"""What a check works with: connections to the server under test, speech, and conversations that checks share."""

import asyncio
import contextlib
import difflib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Origin

from tests.conformance.connection import Connection
from tests.conformance.options import Options
from tests.conformance.outcome import ConformanceError, UsageError
from tests.conformance.speech import Speech, Utterance
from tests.conformance.transcript import Transcript, Turn

MAX_FRAME_BYTES = 16 * 1024 * 1024
_CLOSE_SECS = 3.0
_ALIKE = 0.8
_END_LETTERS = 8
_END_ALIKE = 0.5
_LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}

current_check: ContextVar[str] = ContextVar("current_check", default="")
"""Name of the check that is running."""


class Kit:
    """One run.

    Attributes:
        options: How the server is to be tried.
        speech: What is said to it.
        transcripts: Of every connection so far.
        audio_secs: Audio sent on closed connections, silence included.
        speech_secs: Of that, speech.
    """

    def __init__(self, options: Options, speech: Speech):
        """Prepare a run; nothing is connected yet."""
        self.options = options
        self.speech = speech
        self.transcripts: list[Transcript] = []
        self.audio_secs = 0.0
        self.speech_secs = 0.0
        self._scenes: dict[str, asyncio.Task[Transcript]] = {}

    async def check_reachable(self) -> None:
        """Connect once.

        Raises:
            UsageError: There is no server at the URL.
        """
        shown = without_query(self.options.url)
        try:
            async with self._open(self.options.url, self.options.origin):
                return
        except ssl.SSLCertVerificationError as error:
            told = f"cannot trust {shown}: {error.verify_message}"
            raise UsageError(f"{told}; name the certificate of its CA with --ca-file") from error
        except (InvalidURI, ValueError):
            raise UsageError(f"--url: expected a URL like ws://localhost:8000/ws, got {shown}") from None
        except InvalidStatus as error:
            status = error.response.status_code
            hint = "; name one that it allows with --origin" if status == 403 else ""
            raise UsageError(f"expected a websocket at {shown}, got HTTP status {status}{hint}") from error
        except (InvalidHandshake, TimeoutError, OSError) as error:
            raise UsageError(f"cannot connect to {shown}: {_reason(error)}; is the server running?") from error

    @contextlib.asynccontextmanager
    async def connect(self, *, query: str = "") -> AsyncIterator[Connection]:
        """A connection, closed at the end of the block.

        Args:
            query: Added to the URL, such as ``"token=x"``.

        Raises:
            ConformanceError: The server does not let it in.
        """
        transcript = Transcript(current_check.get())
        url = self.options.url
        if query:
            url += ("&" if urlsplit(url).query else "?") + query
        async with contextlib.AsyncExitStack() as stack:
            try:
                socket = await stack.enter_async_context(self._open(url, self.options.origin))
            except (InvalidHandshake, TimeoutError, OSError) as error:
                raise ConformanceError("a handshake that succeeds", _reason(error)) from error
            self.transcripts.append(transcript)
            connection = Connection(socket, transcript, self.options)
            try:
                yield connection
            finally:
                self.audio_secs += connection.audio_secs
                self.speech_secs += connection.speech_secs
                await connection.close()

    async def handshake_status(self, origin: str) -> int:
        """The HTTP status of a handshake with this ``Origin``; 101: it was let in."""
        try:
            async with self._open(self.options.url, origin):
                return 101
        except InvalidStatus as error:
            return error.response.status_code

    async def once(self, name: str, scene: Callable[["Kit"], Awaitable[Transcript]]) -> Transcript:
        """A conversation that several checks judge; it is held once.

        Raises:
            ConformanceError: It did not come to its end; the same for every check that asks for it.
        """
        if name not in self._scenes:
            self._scenes[name] = asyncio.create_task(self._hold(name, scene))
        return await asyncio.shield(self._scenes[name])

    async def _hold(self, name: str, scene: Callable[["Kit"], Awaitable[Transcript]]) -> Transcript:
        current_check.set(name)
        return await scene(self)

    async def close(self) -> None:
        """End what is still running."""
        for task in self._scenes.values():
            task.cancel()
        await asyncio.gather(*self._scenes.values(), return_exceptions=True)

    def check_whole(self, turn: Turn, utterance: Utterance, reference: Turn | None = None) -> None:
        """The source text of ``turn`` must hold all of an utterance.

        Args:
            turn: What came.
            utterance: What was said.
            reference: The turn that the same utterance made elsewhere, for the case that its words are not known.

        Raises:
            ConformanceError: They differ by more than recognition does.
        """
        known = utterance.words if self.options.compare_words else None
        words = known or (reference.source if reference else "")
        if words and not holds_all(turn.source, words):
            raise ConformanceError(f"a source text like {words!r}", repr(turn.source))

    def ssl_context(self) -> ssl.SSLContext:
        """Trusts the CA of the options, or the system's.

        Raises:
            UsageError: The file holds no certificate.
        """
        try:
            return ssl.create_default_context(cafile=self.options.ca_file)
        except ssl.SSLError as error:
            raise UsageError(f"--ca-file: expected certificates in PEM, got {self.options.ca_file}") from error

    @contextlib.asynccontextmanager
    async def _open(self, url: str, origin: str | None) -> AsyncIterator[ClientConnection]:
        parts = urlsplit(url)
        # A proxy from the environment cannot reach this computer's own loopback.
        proxy: Literal[True] | None = None if parts.hostname in _LOOPBACK_HOSTS else True
        async with connect(
            url,
            origin=Origin(origin) if origin else None,
            ssl=self.ssl_context() if parts.scheme == "wss" else None,
            compression=None,
            proxy=proxy,
            open_timeout=self.options.patience_secs,
            close_timeout=_CLOSE_SECS,
            max_size=MAX_FRAME_BYTES,
            max_queue=None,
        ) as socket:
            yield socket


def alike(one: str, other: str) -> float:
    """How alike two texts are, from 0 to 1, by their letters and digits alone."""
    return difflib.SequenceMatcher(None, _letters(one), _letters(other), autojunk=False).ratio()


def holds_all(text: str, words: str) -> bool:
    """Whether ``text`` is what a recogniser may make of ``words``: alike in all, and at both ends."""
    one, other = _letters(text), _letters(words)
    ends = ((one[:_END_LETTERS], other[:_END_LETTERS]), (one[-_END_LETTERS:], other[-_END_LETTERS:]))
    return alike(one, other) >= _ALIKE and all(alike(*pair) >= _END_ALIKE for pair in ends)


def without_query(url: str) -> str:
    """The URL without what may hold a token."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "something else"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _reason(error: Exception) -> str:
    if isinstance(error, InvalidStatus):
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "nothing listens there"
    return str(error) or type(error).__name__
