"""A memory of refusals, so that clients who reconnect every two seconds stay cheap, for us and for the upstream."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from gemini.connector import Connector, LiveConfig, LiveConnection
from gemini.errors import FailureKind, UpstreamError

REMEMBERED_SECS = 30.0
_LONGEST_WAIT_SECS = 1.0
"""For the attempt of another session; a refusal comes sooner."""


class RejectionMemory:
    """A :class:`~gemini.connector.Connector` that fails at once for a while after the upstream refused a model.

    As long as nobody knows whether the upstream takes a model, at the start and when a refusal is old, one session
    tries it: the others wait a moment for what comes of it, or fail at once where it was refused before.
    """

    def __init__(self, connector: Connector, *, clock: Callable[[], float] | None = None):
        """Wrap ``connector``; ``clock`` gives seconds, default: the event loop's."""
        self._connector = connector
        self._clock = clock
        self._accepted: set[str] = set()
        self._refused: dict[str, tuple[float, UpstreamError]] = {}
        self._trials: dict[str, asyncio.Event] = {}

    async def connect(self, config: LiveConfig) -> LiveConnection:
        """Connect, unless the upstream refused ``config.model`` less than :data:`REMEMBERED_SECS` ago."""
        self._raise_if_refused(config.model)
        if config.model in self._accepted or config.handle is not None:
            return await self._connect(config)
        trial = self._trials.get(config.model)
        if trial is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(trial.wait(), _LONGEST_WAIT_SECS)
            self._raise_if_refused(config.model)
            return await self._connect(config)
        async with self._trying(config.model):
            return await self._connect(config)

    @property
    def refusing(self) -> bool:
        """Whether the upstream is remembered to refuse a model."""
        return any(self._is_refused(model) for model in self._refused)

    def refuses_all(self) -> bool:
        """Whether no session can be had at the moment, whatever its model: the upstream refuses the key."""
        return any(
            error.kind is FailureKind.REJECTED and self._is_refused(model)
            for model, (_, error) in self._refused.items()
        )

    async def _connect(self, config: LiveConfig) -> LiveConnection:
        try:
            connection = await self._connector.connect(config)
        except UpstreamError as error:
            if error.kind in (FailureKind.REJECTED, FailureKind.MODEL_REJECTED) and config.handle is None:
                self._refused[config.model] = (self._now(), error)
                self._accepted.discard(config.model)
            raise
        self._refused.pop(config.model, None)
        self._accepted.add(config.model)
        return connection

    @asynccontextmanager
    async def _trying(self, model: str) -> AsyncIterator[None]:
        trial = self._trials[model] = asyncio.Event()
        try:
            yield
        finally:
            del self._trials[model]
            trial.set()

    def _is_refused(self, model: str) -> bool:
        return model in self._refused and (
            self._now() < self._refused[model][0] + REMEMBERED_SECS or model in self._trials
        )

    def _raise_if_refused(self, model: str) -> None:
        if self._is_refused(model):
            error = self._refused[model][1]
            raise UpstreamError(error.kind, f"refused a moment ago: {error}")

    def _now(self) -> float:
        return (self._clock or asyncio.get_running_loop().time)()
