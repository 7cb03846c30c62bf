"""How much is written about clients that were not let in."""

import asyncio
import logging

import pytest

from pipelines.sparing_log import SparingLog


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    """The fields of the lines that count what got no line."""
    return [record.__dict__["fields"] for record in caplog.records if record.message == "ends not logged"]


async def test_a_few_get_a_line_each(caplog: pytest.LogCaptureFixture) -> None:
    """A hundred of a reason, whatever there is of another one."""
    caplog.set_level(logging.INFO)
    log = SparingLog()
    assert all(log.may_log(reason) for reason in ("busy", "gone") for _ in range(100))
    await asyncio.sleep(60)
    assert told(caplog) == []


async def test_of_many_the_rest_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """What got no line is told once, soon after, by reason."""
    caplog.set_level(logging.INFO)
    log = SparingLog()
    assert sum(log.may_log("busy") for _ in range(150)) == 100
    assert sum(log.may_log("gone") for _ in range(103)) == 100
    await asyncio.sleep(4.9)
    assert told(caplog) == []
    await asyncio.sleep(0.2)
    assert told(caplog) == [{"reason": "busy", "count": 50}, {"reason": "gone", "count": 3}]
    await asyncio.sleep(60)
    assert len(told(caplog)) == 2


async def test_a_flood_gets_a_line_a_second() -> None:
    """However long it lasts."""
    log = SparingLog()
    assert sum(log.may_log("busy") for _ in range(200)) == 100
    lines = 0
    for _ in range(1000):
        await asyncio.sleep(0.1)
        lines += log.may_log("busy")
    assert lines == pytest.approx(100, abs=1)
    log.tell()


async def test_a_server_that_stops_tells_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """And once."""
    caplog.set_level(logging.INFO)
    log = SparingLog()
    for _ in range(101):
        log.may_log("busy")
    log.tell()
    log.tell()
    await asyncio.sleep(60)
    assert told(caplog) == [{"reason": "busy", "count": 1}]
