"""Nothing here asks a provider anything: its REST interface is a list."""

from collections.abc import Iterator
from typing import Any

import pytest

from telephony import rest
from telephony.rest import Answer


@pytest.fixture(scope="module", autouse=True)
def asked() -> Iterator[list[tuple[str, str]]]:
    """What providers were asked over REST by the module's tests so far: method and URL of each request."""
    requests: list[tuple[str, str]] = []

    async def request(method: str, url: str, *more: Any, **named: Any) -> Answer:
        requests.append((method, url))
        return Answer(200, {})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rest, "request", request)
        yield requests
