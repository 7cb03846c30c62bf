"""``python -m tests.abuse.abuser``: abusers in a process of their own.

Real ones compute on machines of their own; here they share the server's cores, so whoever starts the process gives
it the lowest priority.
"""

import asyncio
from typing import Any

from tests.abuse.abusers import CASES
from tests.abuse.child import serve_orders
from tests.abuse.wire import Deeds
from tests.hostile.frames import Address


async def main() -> None:
    """Take orders until standard input ends: ``start`` a case at a URL, ``stop`` it and say what was done."""
    deeds = Deeds()
    running: asyncio.Task[None] | None = None

    async def handle(order: dict[str, Any]) -> dict[str, Any]:
        nonlocal deeds, running
        if order["do"] == "start":
            deeds = Deeds()
            running = asyncio.ensure_future(CASES[order["case"]](Address.of(order["url"]), deeds))
        elif running is not None:
            running.cancel()
            outcome = (await asyncio.gather(running, return_exceptions=True))[0]
            if isinstance(outcome, Exception):
                raise outcome
            running = None
        return {"connections": deeds.connections, "sent_bytes": deeds.sent_bytes, "ends": deeds.ends}

    await serve_orders({}, handle)


if __name__ == "__main__":
    asyncio.run(main())
