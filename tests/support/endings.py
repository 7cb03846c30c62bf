"""How a connection ends, and what no message may say."""

import re

from tests.support.client import ProtocolClient

LEAKS = re.compile(
    r"/work|/tmp|/etc|/usr|site-packages|Traceback|\.py|test-key|SECRET|0x[0-9a-f]{6,}", re.IGNORECASE
)
"""Paths, stack traces and secrets."""


async def fatal(client: ProtocolClient) -> tuple[str | None, int]:
    """Wait for the end; the code of the one error, which came last, and the close code."""
    closed = await client.wait_closed()
    errors = client.of("error")
    if not errors:
        return None, closed
    assert client.messages[-1] is errors[-1], "something came after the error"
    assert not LEAKS.search(errors[-1]["message"]), errors[-1]["message"]
    return errors[-1]["code"], closed
