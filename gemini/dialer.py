"""Opens connections with the upstream, one attempt after the other: how soon, with which model, until when."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gemini.connector import Connector, LiveConfig, LiveConnection
from gemini.errors import FailureKind, UpstreamError

_FIRST_PAUSE_SECS = 0.2
_LONGEST_PAUSE_SECS = 4.0
_MOST_DOUBLINGS = 10
"""More than lead to the longest pause; a float holds no more than 1023."""
_FAILURES_UNTIL_NEXT_MODEL = 2
_HANDLE_VALID_SECS = 2 * 3600.0
"""After the session ended (ai.google.dev, session management)."""


@dataclass(frozen=True, slots=True)
class Dialed:
    """A connection that was opened.

    Attributes:
        connection: It.
        config: What it was set up with.
    """

    connection: LiveConnection
    config: LiveConfig


class Dialer:
    """Connects for one session, with exponential backoff and jitter, and with the next model where one fails.

    What counts as success is not a connection but something that came over it, which :meth:`note_success` says:
    quota is refused after a successful setup, and a broken service accepts connections and drops them.
    """

    def __init__(
        self,
        connector: Connector,
        config: LiveConfig,
        *,
        fallback_models: Sequence[str] = (),
        attempt_secs: float,
        clock: Callable[[], float],
    ):
        """Open nothing yet.

        Args:
            connector: Who connects.
            config: What to set sessions up with.
            fallback_models: Models that take over, in this order, where the one of ``config`` fails.
            attempt_secs: How long one attempt may take.
            clock: Seconds, monotonic.
        """
        self._connector = connector
        self._attempt_secs = attempt_secs
        self._config = config
        self._preferred = list(dict.fromkeys([config.model, *fallback_models]))
        self._models = [*self._preferred]
        self._clock = clock
        self._handle: tuple[str, float] | None = None
        self._failures = 0
        self._failures_of_model = 0
        self.last_failure: UpstreamError | None = None

    async def dial(self, *, resume: bool = False) -> Dialed:
        """Connect; tries again for as long as it makes sense, so the caller sets a limit of time by cancelling.

        Args:
            resume: Use the last resumption handle, where there is one; no connection of the session may be open.

        Raises:
            UpstreamError: The upstream refuses, and trying again would not help.
        """
        while True:
            await asyncio.sleep(self._pause_secs())
            config = replace(self._config, model=self._models[0], handle=self._usable_handle() if resume else None)
            try:
                return Dialed(await self._attempt(config), config)
            except UpstreamError as error:
                self._note_refusal(config, error)

    async def _attempt(self, config: LiveConfig) -> LiveConnection:
        try:
            async with asyncio.timeout(self._attempt_secs):
                return await self._connector.connect(config)
        except TimeoutError as error:
            detail = f"no session within {self._attempt_secs:g} s"
            raise UpstreamError(FailureKind.UNAVAILABLE, detail) from error

    def prefer_first_model(self) -> None:
        """Begin with the first of the models again: it may work by now."""
        self._models.sort(key=self._preferred.index)
        self._failures_of_model = 0

    def note_success(self) -> None:
        """The upstream gave something: the count of failures begins anew."""
        self._failures = self._failures_of_model = 0

    def note_failure(self, error: UpstreamError, *, model: str, resumed: bool = False) -> None:
        """An attempt failed, or a connection was lost before anything came over it.

        Args:
            error: How.
            model: The model that it was for.
            resumed: It was set up with a resumption handle.
        """
        self.last_failure = error
        self._failures += 1
        if resumed or error.kind is FailureKind.INVALID:
            self.drop_handle()
        if error.kind is FailureKind.MODEL_REJECTED and len(self._models) > 1 and model in self._models:
            self._models.remove(model)
            self._failures = self._failures_of_model = 0
        else:
            self.note_bad_answer(model=model)

    def note_bad_answer(self, *, model: str) -> None:
        """A connection held, and the model did not do over it what it is there for."""
        if model != self._models[0]:
            return
        self._failures_of_model += 1
        if self._failures_of_model >= _FAILURES_UNTIL_NEXT_MODEL:
            self._models.append(self._models.pop(0))
            self._failures_of_model = 0

    def is_final(self, error: UpstreamError, *, model: str) -> bool:
        """Whether no further attempt makes sense after ``error``, which was about ``model``."""
        if error.kind is FailureKind.MODEL_REJECTED:
            return self._models == [model]
        return error.kind in (FailureKind.REJECTED, FailureKind.QUOTA)

    def keep_handle(self, handle: str) -> None:
        """Remember a resumption handle; the last one counts."""
        self._handle = (handle, self._clock())

    def drop_handle(self) -> None:
        """Forget the resumption handle: the session that it came from is no good."""
        self._handle = None

    def _note_refusal(self, config: LiveConfig, error: UpstreamError) -> None:
        """Note why an attempt failed; raises where the next would fail as well."""
        only_the_handle = config.handle is not None and error.kind is not FailureKind.QUOTA
        final = self.is_final(error, model=config.model) and not only_the_handle
        self.note_failure(error, model=config.model, resumed=config.handle is not None)
        if final:
            raise error

    def _usable_handle(self) -> str | None:
        if self._handle is None or self._clock() > self._handle[1] + _HANDLE_VALID_SECS:
            return None
        return self._handle[0]

    def _pause_secs(self) -> float:
        if not self._failures:
            return 0.0
        pause_secs = min(_LONGEST_PAUSE_SECS, _FIRST_PAUSE_SECS * 2.0 ** min(self._failures - 1, _MOST_DOUBLINGS))
        return pause_secs * random.uniform(0.5, 1.0)
