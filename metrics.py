"""Everything that the process tells Prometheus; ``GET /metrics`` shows it, ``docs/operations.md`` explains it.

Counters and histograms are called where something happens; gauges are set when they are asked for. Labels take the
few values that stand in the table, never a session's id or anything that a client sent.

=========================  ===============  ========================================================================
name                       labels           call it
=========================  ===============  ========================================================================
``SESSIONS_STARTED``                        ``.inc()`` when an ``init`` was accepted, or a call
``SESSIONS_ENDED``         ``reason``       ``.labels(reason).inc()``, with the reason that the log gives
``RESUMES``                ``result``       ``.labels("resumed").inc()``, else with why it was refused
``SLOW_CLIENTS``                            ``.inc()`` when a client was closed since it does not read
``TURNS``                  ``result``       ``.labels("answered").inc()``, ``"empty"`` (nothing came of it) or
                                            ``"given_up"`` (no upstream answered it)
``UPSTREAM_TOLD_DELAY``                     ``.observe(secs)``: end of speech to ``activityEnd`` sent
``FIRST_TEXT_DELAY``                        ``.observe(secs)``: end of speech to the first text of the turn
``FIRST_AUDIO_DELAY``                       ``.observe(secs)``: end of speech to the first sound of its turn
``SMART_TURN_DELAY``                        ``.observe(secs)``: from the question until smart-turn's verdict
``SMART_TURN_VERDICTS``    ``verdict``      ``.labels("finished").inc()``, ``"unfinished"``, or ``"none"`` (silence
                                            decided, since none came in time)
``CONNECTIONS_OPENED``                      ``.inc()`` when a session with the upstream is ready
``CONNECTIONS_LOST``       ``reason``       ``.labels(reason).inc()`` when one ended that nobody closed
``CONNECT_FAILURES``       ``kind``         ``.labels(kind).inc()`` for every attempt that failed
``RENEWALS``               ``reason``       ``.labels("go_away").inc()``, ``"max_age"``, ``"request"``, a watchdog's
``REPLAYS``                ``reason``       ``.labels(reason).inc()`` for every utterance that is sent again
``WATCHDOGS``              ``kind``         ``.labels(kind).inc()`` when one strikes
``GLOSSARY_TERMS``         ``result``       ``.labels("kept").inc(n)`` or ``"missed"``, for terms that were said
``WHISPER_TURNS``          ``result``       ``.labels("whisper").inc()``: whose source text a turn has in the end
``WHISPER_DELAY``                           ``.observe(secs)``: end of speech to Whisper's text of it
``SPEECH_DROPPED``                          :func:`count_dropped_speech`
``SPEECH_DROPPED_SECONDS``                  :func:`count_dropped_speech`
``AUDIO_IN``                                ``.inc(secs)`` of speech from clients
``AUDIO_OUT``                               ``.inc(secs)`` of interpreted speech to clients
``PLAYOUT_DELAY``                           ``.observe(secs)``: how late a piece of 20 ms is sent
``VOICE_DROPPED``                           ``.inc(secs)`` of a voice that came too fast to be heard as it is
``STRETCHES_PLAYED``       ``result``       ``.labels("played").inc()``: what became of sound sent to phones
``PHONE_PLAYED_DELAY``                      ``.observe(secs)``: a stretch of sound sent whole to played, on a phone
``TOKENS``, ``COST``       ``model``, …     :func:`count_usage`
``SESSIONS``               ``state``        set by :func:`set_levels`
``ROOMS``                                   set by :func:`set_levels`
``ROOM_SEATS``             ``kind``         set by :func:`set_levels`: people in rooms
``ROOM_STRANDS``                            set by :func:`set_levels`
``ROOMS_ENDED``            ``reason``       ``.inc()`` at the end of a room
``QUEUE_BYTES``            ``queue``        set by :func:`set_levels`: of all sessions together
``QUEUE_LARGEST_BYTES``    ``queue``        set by :func:`set_levels`: of the session where it is longest
``LOOP_LAG``                                set by :func:`set_levels`
=========================  ===============  ========================================================================
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

EXPOSITION_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""The media type of what :func:`exposition` gives."""
QUEUES = ("inbox", "ring", "outbox", "replay", "player")
"""The queues of a session that are shown, also while there is no session."""

_PREFIX = "interpreter"
_TRIES = 3
"""To read the files of all workers while one of them may be forgotten."""
_TOLD_BUCKETS_SECS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LATENESS_BUCKETS_SECS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
_ANSWER_BUCKETS_SECS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 30.0, 60.0)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, with the time of its birth


def _counter(name: str, about: str, *labels: str) -> Counter:
    return Counter(f"{_PREFIX}_{name}", about, labels)


def _gauge(name: str, about: str, *labels: str, of_workers: Literal["livesum", "livemax"] = "livesum") -> Gauge:
    return Gauge(f"{_PREFIX}_{name}", about, labels, multiprocess_mode=of_workers)


def _delay(name: str, about: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(f"{_PREFIX}_{name}_delay_seconds", about, buckets=buckets)


# Sessions

SESSIONS = _gauge(
    "sessions", "Connections by state: active, pending (no init yet), detached (client away).", "state"
)
SESSIONS_STARTED = _counter("sessions_started_total", "Sessions whose init was accepted.")
SESSIONS_ENDED = _counter("sessions_ended_total", "Connections that ended, by the reason in the log.", "reason")
RESUMES = _counter("resumes_total", "Attempts to resume a session: resumed, or why not.", "result")
SLOW_CLIENTS = _counter("slow_clients_total", "Connections closed with 1013, since the client does not read.")

# Rooms

ROOMS = _gauge("rooms", "Rooms that there are, with people in them or not yet.")
ROOM_SEATS = _gauge("room_seats", "People in rooms, by the kind of their line: browser, phone.", "kind")
ROOM_STRANDS = _gauge("room_strands", "Interpretations in rooms, of one speaker into one language each.")
ROOMS_ENDED = _counter("rooms_ended_total", "Rooms that ended, by the reason in the log.", "reason")

# Turns

TURNS = _counter("turns_total", "Turns that are over: answered, empty (nothing came of it), given_up.", "result")
UPSTREAM_TOLD_DELAY = _delay(
    "upstream_told", "From the end of an utterance until the upstream was told of it.", _TOLD_BUCKETS_SECS
)
FIRST_TEXT_DELAY = _delay(
    "first_text", "From the end of an utterance until the first text of its interpretation.", _ANSWER_BUCKETS_SECS
)
FIRST_AUDIO_DELAY = _delay(
    "first_audio", "From the end of an utterance until the first sound of its interpretation.", _ANSWER_BUCKETS_SECS
)
SMART_TURN_DELAY = _delay(
    "smart_turn", "From the question whether a speaker is done until the verdict.", _TOLD_BUCKETS_SECS
)
SMART_TURN_VERDICTS = _counter(
    "smart_turn_verdicts_total",
    "Pauses by verdict: finished, unfinished, none (too late).",
    "verdict",
)
AUDIO_IN = _counter(
    "audio_in_seconds_total", "Speech and pauses that clients sent, and silence that stands for gaps."
)
AUDIO_OUT = _counter("audio_out_seconds_total", "Interpreted speech that was made for clients.")
PLAYOUT_DELAY = _delay(
    "playout",
    "How much later than its schedule a piece of 20 ms is sent, in calls and rooms.",
    _LATENESS_BUCKETS_SECS,
)
VOICE_DROPPED = _counter(
    "voice_dropped_seconds_total", "Voices in rooms that came too fast to be heard as they are, and were left out."
)
SPEECH_DROPPED = _counter("speech_dropped_total", "Stretches of speech that were given up uninterpreted.")
SPEECH_DROPPED_SECONDS = _counter("speech_dropped_seconds_total", "Speech that was given up uninterpreted.")

STRETCHES_PLAYED = _counter(
    "phone_stretches_total",
    "Stretches of sound that phones were sent, by what their provider says: played, cleared, unknown.",
    "result",
)
PHONE_PLAYED_DELAY = _delay(
    "phone_played",
    "From a stretch's last piece until the provider says it was played.",
    _TOLD_BUCKETS_SECS,
)

WHISPER_TURNS = _counter(
    "whisper_turns_total",
    "Turns of sessions with useWhisper, by whose source text was shown: whisper, upstream, whisper_so_far.",
    "result",
)
WHISPER_DELAY = _delay(
    "whisper", "From the end of an utterance until Whisper has its whole text.", _ANSWER_BUCKETS_SECS
)
GLOSSARY_TERMS = _counter(
    "glossary_terms_total", "Terms of the glossary that were said, by what became of them: kept, missed.", "result"
)

# Upstream

CONNECTIONS_OPENED = _counter("upstream_connections_opened_total", "Upstream sessions that became ready.")
CONNECTIONS_LOST = _counter("upstream_connections_lost_total", "Upstream sessions that broke off.", "reason")
CONNECT_FAILURES = _counter("upstream_connect_failures_total", "Failed attempts to open one.", "kind")
RENEWALS = _counter("upstream_renewals_total", "Upstream sessions that were replaced by a fresh one.", "reason")
REPLAYS = _counter("upstream_replays_total", "Utterances that were sent upstream again.", "reason")
WATCHDOGS = _counter("upstream_watchdogs_total", "Faults of the upstream that only a watchdog saw.", "kind")
TOKENS = _counter(
    "tokens_total", "Tokens that the upstream counted, by model and direction (in, out).", "model", "direction"
)
COST = _counter(
    "estimated_cost_dollars_total",
    "Estimate: tokens at list prices, as audio where the upstream does not say; only models whose price is known.",
    "model",
)

# The process

QUEUE_BYTES = _gauge("queue_bytes", "What waits in the queues of all sessions, by queue.", "queue")
QUEUE_LARGEST_BYTES = _gauge(
    "queue_largest_bytes", "What waits in the longest queue of its kind.", "queue", of_workers="livemax"
)
LOOP_LAG = _gauge(
    "event_loop_lag_seconds", "How late the event loop is, smoothed over about a second.", of_workers="livemax"
)


def _begin_at_zero() -> None:
    """Make the series of known labels: an increase from nothing to 1 is none to Prometheus."""
    for series, values in (
        (SESSIONS, ("active", "pending", "detached")),
        (RESUMES, ("resumed",)),
        (ROOM_SEATS, ("browser", "phone")),
        (TURNS, ("answered", "empty", "given_up")),
        (GLOSSARY_TERMS, ("kept", "missed")),
        (WHISPER_TURNS, ("whisper", "upstream", "whisper_so_far")),
        (STRETCHES_PLAYED, ("played", "cleared", "unknown")),
        (RENEWALS, ("go_away", "max_age", "request")),
        (SMART_TURN_VERDICTS, ("finished", "unfinished", "none")),
    ):
        for value in values:
            series.labels(value)


_begin_at_zero()


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs, in US dollars for a million tokens."""

    audio_in: float
    audio_out: float
    text_in: float
    text_out: float

    def of(self, usage: "Usage") -> float:
        """Dollars for ``usage``; tokens of no known kind count as audio, which costs more."""
        dollars = (
            (usage.input_tokens - usage.input_text_tokens) * self.audio_in
            + usage.input_text_tokens * self.text_in
            + (usage.output_tokens - usage.output_text_tokens) * self.audio_out
            + usage.output_text_tokens * self.text_out
        )
        return dollars / 1e6


_DIALOGUE = Price(audio_in=3.00, audio_out=12.00, text_in=0.75, text_out=4.50)
_TRANSLATE = Price(audio_in=3.50, audio_out=21.00, text_in=3.50, text_out=21.00)
PRICES: Mapping[str, Price] = {
    "gemini-3.8-live": _DIALOGUE,
    "gemini-3.8-live-extended-thinking": _DIALOGUE,
    "gemini-3.1-flash-live-preview": _DIALOGUE,
    "gemini-3.5-live-translate-preview": _TRANSLATE,
}
"""Google's list prices (ai.google.dev/gemini-api/docs/pricing, as quoted by third parties in August and September
2026). None is known for text of the translating model; it counts as audio."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one of the upstream's counts; text is a part of the whole, 0 where the upstream does not say."""

    input_tokens: int
    output_tokens: int
    input_text_tokens: int = 0
    output_text_tokens: int = 0


def count_usage(model: str, usage: Usage) -> None:
    """Count tokens of ``model`` (with or without ``models/``), and what they cost where its price is known."""
    model = model.removeprefix("models/")
    TOKENS.labels(model, "in").inc(usage.input_tokens)
    TOKENS.labels(model, "out").inc(usage.output_tokens)
    if (price := PRICES.get(model)) is not None:
        COST.labels(model).inc(price.of(usage))


def count_dropped_speech(duration_ms: int) -> None:
    """Count a stretch of speech that was given up."""
    SPEECH_DROPPED.inc()
    SPEECH_DROPPED_SECONDS.inc(duration_ms / 1000)


@dataclass(frozen=True, slots=True)
class Levels:
    """How full the server is at the moment of a scrape.

    Attributes:
        sessions: How many connections are in which state.
        queues: For each session what waits in which queue, in bytes.
        loop_lag_secs: How late the event loop is.
        rooms: How many there are.
        room_seats: How many people are in rooms, by the kind of their line.
        room_strands: How many interpretations run in rooms.
    """

    sessions: Mapping[str, int]
    queues: Iterable[Mapping[str, float]] = field(default_factory=tuple)
    loop_lag_secs: float = 0.0
    rooms: int = 0
    room_seats: Mapping[str, int] = field(default_factory=dict)
    room_strands: int = 0


def exposition(levels: Levels, folder: Path | None = None) -> bytes:
    """Everything, in Prometheus' text format; the gauges tell ``levels``.

    Args:
        levels: How full this process is.
        folder: Where the workers of the server share what they count; ``None``: there is only this process.
    """
    set_levels(levels)
    return generate_latest(REGISTRY) if folder is None else _exposition_of_all(folder)


def _exposition_of_all(folder: Path) -> bytes:
    of_all = CollectorRegistry()
    MultiProcessCollector(of_all, str(folder))  # type: ignore[no-untyped-call]
    for _ in range(_TRIES - 1):
        with contextlib.suppress(FileNotFoundError):  # one of a worker that was forgotten meanwhile
            return generate_latest(of_all)
    return generate_latest(of_all)


def set_levels(levels: Levels) -> None:
    """Set the gauges; workers add them up, but for the longest queue and the latest loop, which are the worst."""
    for state, count in levels.sessions.items():
        SESSIONS.labels(state).set(count)
    LOOP_LAG.set(levels.loop_lag_secs)
    ROOMS.set(levels.rooms)
    ROOM_STRANDS.set(levels.room_strands)
    for kind in ("browser", "phone"):
        ROOM_SEATS.labels(kind).set(levels.room_seats.get(kind, 0))
    _set_queues(levels.queues)


def forget_worker(pid: int, folder: Path, *, counted: bool) -> None:
    """Let the gauges of a process that ended count no more.

    Args:
        pid: The process.
        folder: As for :func:`exposition`.
        counted: Whether it served; what it counted stays then, else nothing of it does.
    """
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
    if not counted:
        for file in folder.glob(f"*_{pid}.db"):
            file.unlink(missing_ok=True)


def _set_queues(queues: Iterable[Mapping[str, float]]) -> None:
    total = dict.fromkeys(QUEUES, 0.0)
    largest = dict.fromkeys(QUEUES, 0.0)
    for session in queues:
        for queue, size_bytes in session.items():
            total[queue] = total.get(queue, 0.0) + size_bytes
            largest[queue] = max(largest.get(queue, 0.0), size_bytes)
    for queue, size_bytes in total.items():
        QUEUE_BYTES.labels(queue).set(size_bytes)
        QUEUE_LARGEST_BYTES.labels(queue).set(largest[queue])
