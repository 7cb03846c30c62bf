"""``python -m tests.abuse.upstream``: the emulator in a process of its own, which says what reached it and when."""

import asyncio
import bisect
import itertools
from dataclasses import replace
from typing import Any

from emulator import Emulator, EmulatorOptions, Scenario
from emulator.options import Variant
from emulator.record import SessionRecord
from tests.abuse.child import serve_orders
from tests.abuse.marks import found_marks


def plain_scenario() -> Scenario:
    """The default scenario, with no clip to look for: every utterance is answered with its next sentence.

    Looking for clips would keep a core of this machine busy.
    """
    base = Scenario.load("samples")
    return replace(base, clips={}, entries=tuple(replace(entry, heard=None) for entry in base.entries))


def arrivals(record: SessionRecord) -> list[tuple[int, int, float]]:
    """Client, chunk and time (monotonic seconds) of each marked chunk that came, in order."""
    heard = [item for item in record.messages if item.kind in ("audio", "discarded")]
    ends = list(itertools.accumulate(item.data["bytes"] for item in heard))
    found = []
    for sample, client, chunk in found_marks(bytes(record.audio)):
        place = bisect.bisect_left(ends, 2 * sample)
        found.append((client, chunk, record.began_at_secs + heard[place].at_secs))
    return found


def forget(record: SessionRecord) -> None:
    """Drop what was told already."""
    record.messages.clear()
    record.audio.clear()
    record.utterances.clear()


async def main() -> None:
    """Serve until standard input ends."""
    options = EmulatorOptions(variant=Variant.model_validate({"playback_factor": 0}))
    async with Emulator(options, scenario=plain_scenario()) as emulator:

        async def handle(order: dict[str, Any]) -> dict[str, Any]:
            if order["do"] == "refuse":
                emulator.options = options.model_copy(update={"refuse": order["how"]})
            found: list[tuple[int, int, float]] = []
            if order["do"] == "report":
                for record in emulator.sessions:
                    found += arrivals(record)
                    forget(record)
                emulator.sessions[:] = [record for record in emulator.sessions if not record.closed]
            return {"connections": emulator.connections, "arrivals": found}

        await serve_orders({"base_url": emulator.base_url, "ca_file": str(emulator.ca_file)}, handle)


if __name__ == "__main__":
    asyncio.run(main())
