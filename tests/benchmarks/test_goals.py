"""Verdicts: each promise that is broken is named, and one that is kept is no fault."""

from typing import Any

import pytest

from benchmarks.goals import judge_hold, judge_overload
from benchmarks.knee import fault
from benchmarks.ledger import Losses
from tests.benchmarks.steps import delays, step


def test_sessions_that_are_held_pass() -> None:
    """With nothing wrong there is nothing to tell."""
    verdict = judge_hold(step(window_secs=300.0))
    assert verdict.passed
    assert not verdict.limited


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"up_losses": Losses(100, 1, 0)}, "lost or doubled: 1"),
        ({"down_losses": Losses(100, 0, 2)}, "lost or doubled: 2"),
        ({"strangers": 1}, "lost or doubled: 1"),
        ({"ended": {"closed with 1011": 3}}, "3 sessions: closed with 1011"),
        ({"told_errors": {"SPEECH_DROPPED": 1}}, "1 sessions: SPEECH_DROPPED"),
        ({"down": delays(19.0, held=1)}, "1 pieces of answers were held"),
        ({"down": delays(20.0)}, "p99 down was 20.0 ms"),
        ({"memory_mb": 1.2}, "1.20 MB a session"),
        ({"memory_slope_mb": 4.0}, "memory grew by 0.20 MB a session"),
    ],
)
def test_whatever_is_broken_is_named(changes: dict[str, Any], text: str) -> None:
    """One fault, and that one."""
    verdict = judge_hold(step(window_secs=300.0, **changes))
    assert len(verdict.faults) == 1
    assert text in verdict.faults[0]


def test_the_limit_of_the_load_process_is_no_fault_of_the_server() -> None:
    """The verdict says that it was reached."""
    verdict = judge_hold(step(late=delays(8.0), down=delays(30.0)))
    assert verdict.limited
    assert "it was the limit" in verdict.told[-1]


def test_who_knocks_in_vain_disturbs_nobody() -> None:
    """All are refused as busy, and the delay stays what it was."""
    assert judge_overload(step(), step(down=delays(12.0)), {"SERVER_BUSY": 500}).passed


@pytest.mark.parametrize(
    ("disturbed", "answers", "text"),
    [
        ({"down": delays(25.0)}, {"SERVER_BUSY": 5}, "p99 down was 25.0 ms, expected less than 20.0"),
        ({"up": delays(25.0)}, {"SERVER_BUSY": 5}, "p99 up was 25.0 ms, expected less than 20.0"),
        ({"up_losses": Losses(9, 1, 0)}, {"SERVER_BUSY": 5}, "lost or doubled: 1"),
        ({}, {"SERVER_BUSY": 5, "let in": 2}, "otherwise: 2 x let in"),
        ({}, {}, "nobody was refused"),
    ],
)
def test_every_disturbance_is_named(disturbed: dict[str, Any], answers: dict[str, int], text: str) -> None:
    """One fault, and that one."""
    verdict = judge_overload(step(), step(**disturbed), answers)
    assert len(verdict.faults) == 1
    assert text in verdict.faults[0]


def test_a_run_alone_that_is_broken_is_named() -> None:
    """It leaves nothing to compare with."""
    verdict = judge_overload(step(ended={"connection lost": 2}), step(), {"SERVER_BUSY": 5})
    assert verdict.faults == ["alone: 2 sessions: connection lost"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, ""),
        ({"up": delays(39.0)}, ""),
        ({"up": delays(41.0)}, "p99 up was 41 ms"),
        ({"down": delays(21.0)}, "p99 down was 21 ms"),
        ({"up_losses": Losses(9, 1, 0)}, "1 lost"),
        ({"ended": {"connection lost": 1}}, "sessions ended: connection lost"),
    ],
)
def test_where_the_knee_is(changes: dict[str, Any], text: str) -> None:
    """The first thing that is wrong with a number of sessions."""
    assert fault(step(**changes), paces_output=False) == text


def test_a_server_that_plays_in_real_time_is_not_judged_by_its_answers() -> None:
    """Nor by those that it drops when somebody speaks."""
    assert fault(step(down=delays(2000.0), down_losses=Losses(9, 4, 0)), paces_output=True) == ""
