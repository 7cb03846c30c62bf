"""One request to a provider's REST interface, bounded in time and size, that tells nobody what it carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from telephony import messages

TIMEOUT_SECS = 10.0
_MAX_ANSWER_BYTES = 100_000


@dataclass(frozen=True)
class Answer:
    """What a provider answered.

    Attributes:
        status: Of HTTP.
        body: Its JSON object; empty where it holds none.
    """

    status: int
    body: dict[str, Any]

    @property
    def is_success(self) -> bool:
        """Whether the provider did what it was asked."""
        return 200 <= self.status < 300


def quoted(name: str) -> str:
    """A provider's name of something as one part of a path, whatever it holds."""
    return quote(name, safe="")


class RestError(Exception):
    """No answer came; the text says why, without an address or a number."""


async def request(
    method: str,
    url: str,
    *,
    basic: tuple[str, str] | None = None,
    bearer: str | None = None,
    form: Mapping[str, str] | None = None,
    timeout_secs: float = TIMEOUT_SECS,
) -> Answer:
    """Ask a provider.

    Args:
        method: Of HTTP.
        url: Complete.
        basic: User and password, where it wants Basic authentication.
        bearer: A token, where it wants that.
        form: Fields of the body, if any.
        timeout_secs: For all of it.

    Raises:
        RestError: The provider cannot be reached, or does not answer in time.
    """
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    auth = aiohttp.BasicAuth(*basic) if basic else None
    timeout = aiohttp.ClientTimeout(total=timeout_secs)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, url, headers=headers, auth=auth, data=form, allow_redirects=False) as response,
        ):
            body = await response.content.read(_MAX_ANSWER_BYTES)
            return Answer(response.status, messages.read(body) or {})
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise RestError(type(error).__name__) from None
