"""Ending a call through a provider's REST interface: once, and with a line in the log if it fails."""

import logging
from collections.abc import Awaitable, Callable

from telephony.rest import Answer, RestError, quoted

logger = logging.getLogger(__name__)


async def ended(
    provider: str, call_id: str, ask: Callable[[str], Awaitable[Answer]], *, over: frozenset[int]
) -> None:
    """Ask for a call's end, and log a failure.

    Args:
        provider: Name, for the log.
        call_id: Of the call; nothing is asked where the stream did not tell it.
        ask: Asks for the end of the call that it is given, as a part of a path.
        over: Statuses by which the provider says that the call is over already, which is as good.
    """
    if not call_id:
        return
    try:
        answer = await ask(quoted(call_id))
    except RestError as error:
        _log(provider, {"error": str(error)})
        return
    if not answer.is_success and answer.status not in over:
        _log(provider, {"status": answer.status})


def _log(provider: str, fields: dict[str, object]) -> None:
    logger.warning("call not ended", extra={"fields": {"provider": provider, **fields}})
