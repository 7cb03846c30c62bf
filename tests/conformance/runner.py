"""Runs checks, several at a time, each within its bound, and hands out the results in the order of the list."""

import asyncio
from collections.abc import Callable, Sequence

from tests.conformance.kit import Kit, current_check
from tests.conformance.outcome import CheckSkipped, ConformanceError, Result, Status
from tests.conformance.registry import Check


async def run_checks(kit: Kit, checks: Sequence[Check], on_result: Callable[[Check, Result], None]) -> None:
    """Run ``checks``; those that judge the others' connections come last, alone.

    Args:
        kit: For all of them.
        checks: In the order of the report.
        on_result: Told of each result, in that order, as soon as it and all before it are there.
    """
    seats = asyncio.Semaphore(kit.options.jobs)
    waiting = [(item, asyncio.create_task(_seated(kit, item, seats))) for item in checks if not item.is_law]
    try:
        while waiting:
            item, task = waiting[0]
            on_result(item, await asyncio.shield(task))
            del waiting[0]
        for item in checks:
            if item.is_law:
                on_result(item, await run_check(kit, item))
    finally:
        await _stop(waiting, on_result)
        await kit.close()


async def _stop(
    waiting: list[tuple[Check, asyncio.Task[Result]]], on_result: Callable[[Check, Result], None]
) -> None:
    """End what runs, and hand out what had its result but not its turn."""
    done = [(item, task.result()) for item, task in waiting if task.done()]
    for _, task in waiting:
        task.cancel()
    await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)
    for item, result in done:
        on_result(item, result)


async def _seated(kit: Kit, item: Check, seats: asyncio.Semaphore) -> Result:
    async with seats:
        return await run_check(kit, item)


async def run_check(kit: Kit, item: Check) -> Result:
    """One check's result; whatever a server does, there is one."""
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    current_check.set(item.name)
    status: Status = "failed"
    try:
        async with asyncio.timeout(kit.options.check_secs):
            await item.run(kit)
        status, detail = "passed", ""
    except CheckSkipped as skipped:
        status, detail = "skipped", str(skipped)
    except ConformanceError as error:
        detail = str(error)
    except TimeoutError:
        detail = f"expected the check to end within {kit.options.check_secs:g} s; it did not"
    except Exception as error:  # what a server sends may surprise the kit, and must not end the run
        detail = f"expected something that the kit understands; got {type(error).__name__}: {error}"
    return Result(item.name, status, " ".join(detail.split()), loop.time() - started_at)
