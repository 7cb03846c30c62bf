"""The fault matrix itself: it leaves nothing out."""

from collections import Counter

import pytest

from emulator.faults import KINDS, FaultName
from tests.faults.cases import SHORT, SHORT_LEAN, all_cases, short_cases
from tests.faults.saying import ENGLISH, KOREAN, LEAST_VOICE_MS, phrase
from tests.support.audit import STREAM_HZ

CASES = all_cases()
_LABELS = {"setup": {"connect", "reconnect"}}


def test_there_are_enough_cases_and_no_two_have_the_same_name() -> None:
    """At least the 120 that were asked for."""
    assert len(CASES) >= 120
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


@pytest.mark.parametrize("name", KINDS)
def test_every_fault_strikes_at_every_moment_at_which_it_can(name: FaultName) -> None:
    """Once, twice and three times, unless it ends the session, or an utterance is given up in part."""
    for moment in KINDS[name].moments:
        for label in _LABELS.get(moment, {moment}):
            cases = [case for case in CASES if (case.fault, case.moment) == (name, label)]
            if (name, label) == ("resume_1007", "connect"):
                assert not cases, "the first connection resumes nothing"
            else:
                times = {case.times for case in cases}
                spoken = name == "close_1007" and label in ("before", "during")
                once = cases[0].expected.end or spoken
                assert times >= ({1} if once else {1, 2, 3}), (name, label)


def test_every_case_has_speech_in_both_languages_before_at_and_after_the_fault() -> None:
    """The utterance that is struck is neither the first nor the last."""
    for case in CASES:
        assert {name in KOREAN for name in case.phrases} == {True, False}, case.name
        assert len(set(case.phrases)) == len(case.phrases) == 4
        for fault in case.faults:
            assert fault.moment in ("setup", "idle") or fault.utterance == 2, case.name


def test_the_seed_decides_what_is_drawn() -> None:
    """The same seed gives the same cases, another one others of the same names."""
    again, other = all_cases(1), all_cases(2)
    assert again == CASES
    assert [case.name for case in other] == [case.name for case in CASES]
    assert [case.phrases for case in other] != [case.phrases for case in CASES]


def test_the_short_form_is_part_of_the_matrix() -> None:
    """A dozen cases or a few more."""
    assert [case.name for case in short_cases()] == [*SHORT, *SHORT_LEAN]
    connectors = [case.settings["gemini_connector"] for case in short_cases()]
    assert connectors == ["genai"] * len(SHORT) + ["lean"] * len(SHORT_LEAN)
    assert 12 <= len(SHORT) <= 18


@pytest.mark.parametrize("name", [*ENGLISH, *KOREAN])
def test_phrases_and_their_answers_are_long_enough_to_be_struck_in_the_middle(name: str) -> None:
    """The voice lies within what is sent, and at least as much sound answers it."""
    said = phrase(name, 0)
    assert said.voice.end - said.voice.start >= LEAST_VOICE_MS * STREAM_HZ // 1000
    assert len(said.answer.audio) >= LEAST_VOICE_MS * 24 * 2
    assert 0 <= said.voice.start < said.voice.end < len(said.pcm) // 2
