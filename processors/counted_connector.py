"""A connector that tells the metrics of what it opens, and of what it could not."""

import metrics
from gemini.connector import Connector, LiveConfig, LiveConnection
from gemini.errors import UpstreamError


class CountedConnector:
    """A :class:`~gemini.connector.Connector` over another one."""

    def __init__(self, connector: Connector):
        """Count what ``connector`` does."""
        self._connector = connector

    async def connect(self, config: LiveConfig) -> LiveConnection:
        """Open one session, and count that; see :class:`~gemini.connector.Connector`."""
        try:
            connection = await self._connector.connect(config)
        except UpstreamError as error:
            metrics.CONNECT_FAILURES.labels(error.kind.value).inc()
            raise
        metrics.CONNECTIONS_OPENED.inc()
        return connection
