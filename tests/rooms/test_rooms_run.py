"""People talk in rooms at once, with a server in a process of its own."""

import pytest

from tests.rooms.run import run


async def test_a_few_seconds_in_two_rooms() -> None:
    """Every turn is complete at both ends, and each hears exactly the other."""
    result = await run(2, secs=4, seed=1)
    assert result.wrong == [], result.report()
    assert result.complete == 2 * result.said > 0


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_ten_rooms_for_half_a_minute() -> None:
    """The same with as many people as ``make rooms`` has, who now and then speak at once."""
    result = await run(10, secs=30, seed=2)
    assert result.wrong == [], result.report()
    assert result.complete == 2 * result.said > 0
    assert result.at_once > 0
