"""The parts of the benchmark: marks in speech, and verdicts."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.record import SessionRecord
from tests.abuse.cases import judge
from tests.abuse.marks import CHUNK_SAMPLES, found_marks, marked
from tests.abuse.phases import Observation, Phase
from tests.abuse.report import failures, table
from tests.abuse.speakers import Journal
from tests.abuse.upstream import arrivals
from tests.support import hypothesis_profile
from tests.support.speech import words_only

__all__ = ["hypothesis_profile"]

NUMBERS = st.tuples(st.integers(0, 255), st.integers(0, 2**24 - 1))


def speech(count: int) -> list[bytes]:
    """Chunks of somebody's words."""
    pcm = words_only("kennedy-1")
    return [pcm[2 * CHUNK_SAMPLES * number :][: 2 * CHUNK_SAMPLES] for number in range(count)]


@given(st.lists(NUMBERS, min_size=1, max_size=5), st.integers(0, CHUNK_SAMPLES - 1))
def test_marks_are_found_wherever_they_turn_up(numbers: list[tuple[int, int]], cut_samples: int) -> None:
    """Each whole one, with its numbers, in order; one that was cut off is not."""
    chunks = [marked(chunk, *pair) for chunk, pair in zip(speech(len(numbers)), numbers, strict=True)]
    found = found_marks(b"".join(chunks)[2 * cut_samples :])
    assert [(client, chunk) for _, client, chunk in found] == (numbers if cut_samples == 0 else numbers[1:])
    assert [offset % CHUNK_SAMPLES for offset, _, _ in found] == [(64 - cut_samples) % CHUNK_SAMPLES] * len(found)


def test_a_mark_is_not_heard() -> None:
    """No sample changes by more than its lowest bit."""
    chunk = speech(3)[2]
    changed = np.frombuffer(marked(chunk, 255, 2**24 - 1), "<i2").astype(int) - np.frombuffer(chunk, "<i2")
    assert np.abs(changed).max() <= 1


def test_a_chunk_arrives_with_the_message_that_completes_its_mark() -> None:
    """Whatever pieces the speech came in, the time is that of the piece with the mark's last sample."""
    pcm = b"".join(marked(chunk, 7, number) for number, chunk in enumerate(speech(3)))
    record = SessionRecord(1, "/", {}, began_at_secs=0.0)
    for piece in (pcm[:100], pcm[100:1000], pcm[1000:]):
        record.note("in", "audio", bytes=len(piece))
        record.note_audio(piece, discarded=False)
    times = [message.at_secs for message in record.messages]
    assert arrivals(record) == [(7, 0, times[1]), (7, 1, times[1]), (7, 2, times[2])]


def seen(case: str = "gigabyte", **abuse: Any) -> Observation:
    """An observation in which all is well but for ``abuse``."""
    journal = Journal(answers=[(1.0, 1.0), (11.0, 1.1)], turns=2)
    quiet = Phase(abused=False, started_at=0, ended_at=10, memory_mib=100)
    abused = Phase(abused=True, started_at=10, ended_at=20, memory_mib=120, abuser_connections=3)
    abused.logged_ends = Counter({"RATE_LIMITED 1008": 3})
    for name, value in abuse.items():
        setattr(abused, name, value)
    delays = [(number / 10, 0.002 if number < 100 else 0.003) for number in range(200)]
    return Observation(case, journal, [quiet, abused], delays, memory_before_mib=100)


def test_a_server_that_keeps_its_bounds_passes() -> None:
    """The ratio is that of the latest hundredths."""
    verdict = judge(seen())
    assert verdict.failures == []
    assert verdict.ratio == pytest.approx(1.5)
    assert verdict.passed
    assert (verdict.quiet.count, verdict.abused.count) == (100, 100)
    assert (verdict.quiet.answers_p99, verdict.abused.answers_p99) == pytest.approx((0, 100))
    assert "| holds |" in table([verdict])
    assert failures([verdict]) == ""


@pytest.mark.parametrize(
    ("abuse", "failure"),
    [
        ({"memory_mib": 141.0}, "memory rose from 100 to 141 MiB"),
        ({"kernel_mib": 4.1}, "the kernel held 4.1 MiB for clients"),
        ({"upstream_connections": 4}, "the upstream saw 4 connections"),
        ({"log_bytes": 200_000}, "the log grew by 200 KB"),
        ({"abuser_connections": 0}, "nobody abused the server"),
        ({"logged_ends": Counter({"INTERNAL 1011": 2})}, "2 sessions ended with: INTERNAL 1011"),
    ],
)
def test_whatever_is_not_bounded_is_told(abuse: dict[str, Any], failure: str) -> None:
    """One line each."""
    verdict = judge(seen(**abuse))
    assert verdict.failures == [failure]
    assert not verdict.passed
    assert failures([verdict]) == f"FAILED gigabyte: {failure}"


def test_what_happens_to_others_is_told() -> None:
    """A session that was lost, a fault in the log, nobody who was answered."""
    observed = seen()
    observed.journal.lost, observed.journal.turns = ["session 3 was closed with 1011"], 0
    observed.faults = ["a stack trace"]
    told = judge(observed).failures
    assert told == ["session 3 was closed with 1011", "the log has: a stack trace", "no normal session had a turn"]


def test_delays_that_double_fail() -> None:
    """Unless what the abusers get are sessions."""
    for case, passes in (("gigabyte", False), ("churn", True)):
        observed = seen(case, logged_ends=Counter())
        observed.delays = [(at, secs * (3 if at >= 10 else 1)) for at, secs in observed.delays]
        verdict = judge(observed)
        assert verdict.failures == []
        assert verdict.passed is passes
    assert failures([judge(seen(upstream_connections=9))]) == "FAILED gigabyte: the upstream saw 9 connections"


def test_a_rejected_key_is_hardly_tried() -> None:
    """In a phase of 10 s, a handful of attempts at most, however many clients there are."""
    known = Counter({"UPSTREAM_AUTH 1011": 50})
    assert judge(seen("rejected-key", abuser_connections=50, upstream_connections=5, logged_ends=known)).passed
    assert not judge(seen("rejected-key", abuser_connections=50, upstream_connections=6, logged_ends=known)).passed
