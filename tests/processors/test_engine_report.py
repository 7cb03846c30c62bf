"""What a session with the upstream leaves in the log and in the metrics."""

import logging
from collections.abc import Mapping

import pytest
from prometheus_client import REGISTRY

from gemini.happenings import (
    Reconnected,
    Renewed,
    SessionEvent,
    SpeechDropped,
    TokensCounted,
    TurnRestarted,
    UpstreamLost,
    UtteranceAnswered,
)
from gemini.turns import (
    OutputAudio,
    OutputEnded,
    OutputStarted,
    SourceChanged,
    TargetGrew,
    TurnEnded,
    TurnFailure,
)
from processors.engine_report import EngineReport

SECRET = "비밀 secret"


def series() -> dict[tuple[str, tuple[str, ...]], float]:
    """Every series of ours, by name and labels."""
    return {
        (sample.name.removeprefix("interpreter_"), tuple(sample.labels.values())): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name.startswith("interpreter_") and not sample.name.endswith("_bucket")
    }


def counted(*events: SessionEvent) -> dict[tuple[str, tuple[str, ...]], float]:
    """By how much each series changed, to the billionth: they are sums."""
    before = series()
    report = EngineReport("session")
    for event in events:
        report.note(event)
    changed = {name: round(value - before.get(name, 0.0), 9) for name, value in series().items()}
    return {name: change for name, change in changed.items() if change}


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str, Mapping[str, object]]]:
    """Level, text and fields of what was logged."""
    return [(record.levelno, record.message, getattr(record, "fields", {})) for record in caplog.records]


def end(failure: TurnFailure | None, *, had_output: bool = True, answers_utterance: bool = True) -> TurnEnded:
    """The end of a turn."""
    return TurnEnded(answers_utterance, had_output, failure, SECRET, "ko")


def test_sound_is_counted_in_seconds() -> None:
    """At its own rate."""
    audio = OutputAudio(bytes(48_000), 24_000)
    assert counted(audio, OutputAudio(bytes(8000), 16_000)) == {("audio_out_seconds_total", ()): 1.25}


@pytest.mark.parametrize(
    ("event", "result"),
    [
        (end(None), "answered"),
        (end(None, had_output=False), "empty"),
        *[(end(failure), "given_up") for failure in TurnFailure],
        *[(end(failure, had_output=False), "given_up") for failure in TurnFailure],
    ],
)
def test_turns_are_counted_by_how_they_ended(event: TurnEnded, result: str) -> None:
    """Answered, with nothing to say, or given up."""
    assert counted(event) == {("turns_total", (result,)): 1.0}


def test_late_text_is_no_turn() -> None:
    """It answers nothing."""
    assert counted(end(None, answers_utterance=False)) == {}


def test_delays_are_observed_where_there_are_any() -> None:
    """Each in its series; what did not happen has no delay."""
    assert counted(UtteranceAnswered(0.25, 1.0, 1.5)) == {
        ("upstream_told_delay_seconds_count", ()): 1.0,
        ("upstream_told_delay_seconds_sum", ()): 0.25,
        ("first_text_delay_seconds_count", ()): 1.0,
        ("first_text_delay_seconds_sum", ()): 1.0,
        ("first_audio_delay_seconds_count", ()): 1.0,
        ("first_audio_delay_seconds_sum", ()): 1.5,
    }
    assert counted(UtteranceAnswered(None, None, None)) == {}
    assert counted(UtteranceAnswered(0.0, None, None)) == {("upstream_told_delay_seconds_count", ()): 1.0}


def test_tokens_are_counted_by_model_and_cost_what_they_are() -> None:
    """Those of text cost less than those of sound; a model without a price has no cost."""
    tokens = TokensCounted("gemini-3.8-live", 1000, 200, prompt_text_tokens=400, response_text_tokens=50)
    changed = counted(tokens)
    assert changed.pop(("tokens_total", ("gemini-3.8-live", "in"))) == 1000
    assert changed.pop(("tokens_total", ("gemini-3.8-live", "out"))) == 200
    cost = changed.pop(("estimated_cost_dollars_total", ("gemini-3.8-live",)))
    assert cost == pytest.approx((600 * 3.00 + 400 * 0.75 + 150 * 12.00 + 50 * 4.50) / 1e6)
    assert changed == {}
    assert counted(TokensCounted("nobody-knows", 3, 0)) == {("tokens_total", ("nobody-knows", "in")): 3.0}


def test_dropped_speech(caplog: pytest.LogCaptureFixture) -> None:
    """How much was given up, and how often."""
    assert counted(SpeechDropped(1500, whole_utterance=True)) == {
        ("speech_dropped_total", ()): 1.0,
        ("speech_dropped_seconds_total", ()): 1.5,
    }
    assert logged(caplog) == [
        (logging.WARNING, "speech dropped", {"session_id": "session", "duration_ms": 1500}),
    ]


@pytest.mark.parametrize("failure", TurnFailure)
def test_a_turn_that_begins_anew(caplog: pytest.LogCaptureFixture, failure: TurnFailure) -> None:
    """With what was wrong, and how often by now."""
    assert counted(TurnRestarted(failure, 2)) == {("upstream_replays_total", (failure.value,)): 1.0}
    fields = {"session_id": "session", "reason": failure.value, "replays": 2}
    assert logged(caplog) == [(logging.WARNING, "turn restarted", fields)]


@pytest.mark.parametrize("reason", ["unavailable", "invalid", "model rejected"])
def test_a_connection_that_was_lost(caplog: pytest.LogCaptureFixture, reason: str) -> None:
    """With the upstream's words, in the log only."""
    assert counted(UpstreamLost(reason, "1011 Internal error", 12.345)) == {
        ("upstream_connections_lost_total", (reason,)): 1.0
    }
    fields = {"session_id": "session", "reason": reason, "detail": "1011 Internal error", "age_secs": 12.3}
    assert logged(caplog) == [(logging.WARNING, "upstream lost", fields)]


@pytest.mark.parametrize("failure", sorted(set(TurnFailure) - {TurnFailure.LOST}))
def test_a_connection_that_a_watchdog_gave_up(caplog: pytest.LogCaptureFixture, failure: TurnFailure) -> None:
    """It was not lost by itself: it counts as the watchdog's, and as a renewal."""
    assert counted(UpstreamLost(failure.value, "an utterance was not answered", 1.0)) == {
        ("upstream_watchdogs_total", (failure.value,)): 1.0,
        ("upstream_renewals_total", (failure.value,)): 1.0,
    }
    ((level, text, fields),) = logged(caplog)
    assert (level, text, fields["reason"]) == (logging.WARNING, "upstream lost", failure.value)


def test_a_connection_that_is_there_again(caplog: pytest.LogCaptureFixture) -> None:
    """With which model, and after how long."""
    caplog.set_level(logging.INFO)
    assert counted(Reconnected("m", 0.2345)) == {}
    fields = {"session_id": "session", "model": "m", "after_secs": 0.23}
    assert logged(caplog) == [(logging.INFO, "upstream reconnected", fields)]


@pytest.mark.parametrize("reason", ["go_away", "max_age", "request"])
def test_a_connection_that_was_renewed(caplog: pytest.LogCaptureFixture, reason: str) -> None:
    """Why, and how old the one before was."""
    caplog.set_level(logging.INFO)
    assert counted(Renewed(reason, "m", 540.04)) == {("upstream_renewals_total", (reason,)): 1.0}
    fields = {"session_id": "session", "reason": reason, "model": "m", "age_secs": 540.0}
    assert logged(caplog) == [(logging.INFO, "upstream renewed", fields)]


def test_no_word_of_a_conversation_gets_out(caplog: pytest.LogCaptureFixture) -> None:
    """Neither into the log nor into a label, at any level."""
    caplog.set_level(logging.DEBUG)
    counted(SourceChanged(SECRET, "ko"), OutputStarted(), TargetGrew(SECRET, "en"), OutputEnded(), end(None))
    assert caplog.records == []
    assert not any(SECRET in label for _, labels in series() for label in labels)
