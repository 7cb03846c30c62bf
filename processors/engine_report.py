"""What an engine's session with the upstream went through: to the log, and to the metrics."""

import logging

import metrics
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
from gemini.turns import OutputAudio, TurnEnded, TurnFailure

logger = logging.getLogger(__name__)

_SAMPLE_BYTES = 2
_WATCHDOGS = frozenset(failure.value for failure in TurnFailure)


class EngineReport:
    """Logs and counts the events of one session; no words of anybody get into either."""

    def __init__(self, session_id: str):
        """Report under ``session_id``."""
        self._session_id = session_id

    def note(self, event: SessionEvent) -> None:
        """Log and count ``event``."""
        match event:
            case OutputAudio():
                metrics.AUDIO_OUT.inc(len(event.pcm) / (_SAMPLE_BYTES * event.sample_rate_hz))
            case TurnEnded(answers_utterance=True):
                metrics.TURNS.labels(_result_of(event)).inc()
            case UtteranceAnswered():
                self._observe(event)
            case TokensCounted():
                usage = metrics.Usage(
                    event.prompt_tokens,
                    event.response_tokens,
                    event.prompt_text_tokens,
                    event.response_text_tokens,
                )
                metrics.count_usage(event.model, usage)
            case SpeechDropped():
                metrics.count_dropped_speech(event.duration_ms)
                self._log(logging.WARNING, "speech dropped", duration_ms=event.duration_ms)
            case TurnRestarted():
                metrics.REPLAYS.labels(event.failure.value).inc()
                self._log(logging.WARNING, "turn restarted", reason=event.failure.value, replays=event.replays)
            case UpstreamLost():
                self._note_loss(event)
            case Reconnected():
                after_secs = round(event.after_secs, 2)
                self._log(logging.INFO, "upstream reconnected", model=event.model, after_secs=after_secs)
            case Renewed():
                metrics.RENEWALS.labels(event.reason).inc()
                age_secs = round(event.age_secs, 1)
                self._log(
                    logging.INFO, "upstream renewed", reason=event.reason, model=event.model, age_secs=age_secs
                )

    def _note_loss(self, event: UpstreamLost) -> None:
        if event.reason in _WATCHDOGS:
            metrics.WATCHDOGS.labels(event.reason).inc()
            metrics.RENEWALS.labels(event.reason).inc()
        else:
            metrics.CONNECTIONS_LOST.labels(event.reason).inc()
        age_secs = round(event.age_secs, 1)
        self._log(logging.WARNING, "upstream lost", reason=event.reason, detail=event.detail, age_secs=age_secs)

    def _observe(self, event: UtteranceAnswered) -> None:
        for series, secs in (
            (metrics.UPSTREAM_TOLD_DELAY, event.told_secs),
            (metrics.FIRST_TEXT_DELAY, event.first_text_secs),
            (metrics.FIRST_AUDIO_DELAY, event.first_audio_secs),
        ):
            if secs is not None:
                series.observe(secs)

    def _log(self, level: int, text: str, **fields: object) -> None:
        logger.log(level, text, extra={"fields": {"session_id": self._session_id, **fields}})


def _result_of(event: TurnEnded) -> str:
    if event.failure is not None:
        return "given_up"
    return "answered" if event.had_output else "empty"
