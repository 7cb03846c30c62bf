"""Ending a call through a provider's REST interface: once, and with a line in the log if it fails."""

import logging
from collections.abc import Awaitable

from telephony.rest import Answer, RestError

logger = logging.getLogger(__name__)


async def ended(provider: str, asked: Awaitable[Answer], *, over: frozenset[int]) -> None:
    """Wait for a request to end a call, and log its failure.

    Args:
        provider: Name, for the log.
        asked: The request.
        over: Statuses by which the provider says that the call is over already, which is as good.
    """
    try:
        answer = await asked
    except RestError as error:
        _log(provider, {"error": str(error)})
        return
    if not answer.is_success and answer.status not in over:
        _log(provider, {"status": answer.status})


def _log(provider: str, fields: dict[str, object]) -> None:
    logger.warning("call not ended", extra={"fields": {"provider": provider, **fields}})
