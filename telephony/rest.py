"""One request to a provider's REST interface, bounded in time and size, that tells nobody what it carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from telephony import messages

TIMEOUT_SECS = 10.0
"""For all of a request."""
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


def basic(user: str, password: str) -> str:
    """Basic authentication (RFC 7617)."""
    return aiohttp.encode_basic_auth(user, password)


def bearer(token: str) -> str:
    """A token (RFC 6750)."""
    return f"Bearer {token}"


class RestError(Exception):
    """No answer came; the text says why, without an address or a number."""


async def request(
    method: str,
    url: str,
    authorization: str,
    form: Mapping[str, str] | None = None,
) -> Answer:
    """Ask a provider.

    Args:
        method: Of HTTP.
        url: Complete.
        authorization: The header by which it knows us, as :func:`basic` and :func:`bearer` make it.
        form: Fields of the body, if any.

    Raises:
        RestError: The provider cannot be reached, or does not answer in time.
    """
    headers = {"Authorization": authorization}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, url, headers=headers, data=form, allow_redirects=False) as response,
        ):
            body = await response.content.read(_MAX_ANSWER_BYTES)
            return Answer(response.status, messages.read(body) or {})
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise RestError(type(error).__name__) from None
