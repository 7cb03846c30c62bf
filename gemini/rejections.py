"""A memory of refusals, so that clients who reconnect every two seconds stay cheap, for us and for the upstream."""

import asyncio
from collections.abc import Callable

from gemini.connector import Connector, LiveConfig, LiveConnection
from gemini.errors import FailureKind, UpstreamError

REMEMBERED_SECS = 30.0


class RejectionMemory:
    """A :class:`~gemini.connector.Connector` that fails at once for a while after the upstream refused a model."""

    def __init__(self, connector: Connector, *, clock: Callable[[], float] | None = None):
        """Wrap ``connector``; ``clock`` gives seconds, default: the event loop's."""
        self._connector = connector
        self._clock = clock
        self._refused: dict[str, tuple[float, UpstreamError]] = {}

    async def connect(self, config: LiveConfig) -> LiveConnection:
        """Connect, unless the upstream refused ``config.model`` less than :data:`REMEMBERED_SECS` ago."""
        refused = self._refused.get(config.model)
        if refused is not None and self._now() < refused[0] + REMEMBERED_SECS:
            raise UpstreamError(refused[1].kind, f"refused a moment ago: {refused[1]}")
        try:
            connection = await self._connector.connect(config)
        except UpstreamError as error:
            if error.kind is FailureKind.REJECTED:
                self._refused[config.model] = (self._now(), error)
            raise
        self._refused.pop(config.model, None)
        return connection

    @property
    def refusing(self) -> bool:
        """Whether the upstream is remembered to refuse a model."""
        return any(self._now() < refused_at + REMEMBERED_SECS for refused_at, _ in self._refused.values())

    def _now(self) -> float:
        return (self._clock or asyncio.get_running_loop().time)()
