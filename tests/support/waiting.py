"""Waiting for what no event tells."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds, which another process or another part of this one brings about."""
    while not condition():  # noqa: ASYNC110 - nobody sets an event
        await asyncio.sleep(0.01)
