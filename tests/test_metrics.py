"""What the series count, and what their names promise."""

import re
import threading
from multiprocessing import Pipe
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

import metrics
from metrics import PRICES, Levels, Price, Usage, count_dropped_speech, count_usage, exposition, forget_worker
from pipelines.worker import Worker
from server import create_app
from tests.support.servers import test_settings

NOTHING = Levels(sessions={})
DIALOGUE, TRANSLATE = "gemini-3.8-live", "gemini-3.5-live-translate-preview"


def value(name: str, **labels: str) -> float:
    """What a series stands at; 0 where it is not there yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def shown(levels: Levels) -> dict[tuple[str, str], float]:
    """What a scrape shows of the gauges, by name and label."""
    families = text_string_to_metric_families(exposition(levels).decode())
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in families
        if family.type == "gauge" and family.name.startswith("interpreter_")
        for sample in family.samples
    }


def test_a_scrape_can_be_parsed_and_has_no_series_of_births() -> None:
    """Prometheus reads it; beside each counter there is no second series with the time at which it was made."""
    names = {
        sample.name
        for family in text_string_to_metric_families(exposition(NOTHING).decode())
        for sample in family.samples
    }
    assert {"interpreter_sessions_started_total", "process_resident_memory_bytes", "python_info"} <= names
    assert not [name for name in names if name.endswith("_created")]


def test_a_worker_that_is_forgotten_during_a_scrape_does_not_break_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was there a moment ago is looked for no more."""
    found = iter([[str(tmp_path / "counter_1.db")], []])
    monkeypatch.setattr("glob.glob", lambda pattern: next(found))
    assert exposition(NOTHING, tmp_path) == b""


async def test_a_scrape_of_several_workers_does_not_hold_up_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of all are read in another thread than the one that serves."""
    threads: list[threading.Thread] = []

    def exposition(shown: Levels, folder: Path | None = None) -> bytes:
        threads.append(threading.current_thread())
        return b"" if folder == tmp_path else b"of one"

    monkeypatch.setattr("server.exposition", exposition)
    _, link = Pipe()
    with link:
        app = create_app(test_settings(), Worker(1, [], link, tmp_path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        assert (await http.get("/metrics")).content == b""
    assert threads
    assert threading.main_thread() not in threads


@pytest.mark.parametrize(
    ("counted", "left"),
    [
        (True, {"counter_12.db", "histogram_12.db", "counter_112.db", "gauge_livesum_2.db"}),
        (False, {"counter_112.db", "gauge_livesum_2.db"}),
    ],
)
def test_of_a_worker_that_never_served_nothing_is_kept(tmp_path: Path, counted: bool, left: set[str]) -> None:
    """Else each start in vain would leave files that every scrape reads."""
    for name in {"counter_12.db", "histogram_12.db", "gauge_livesum_12.db", *left}:
        (tmp_path / name).touch()
    forget_worker(12, tmp_path, counted=counted)
    assert {file.name for file in tmp_path.iterdir()} == left


def test_names_and_units_are_prometheus_own() -> None:
    """Every series of ours has the prefix, base units, a text, and explicit buckets where it is a histogram."""
    ours = [family for family in REGISTRY.collect() if family.name.startswith("interpreter_")]
    assert len(ours) > 20
    for family in ours:
        assert re.fullmatch(r"interpreter_[a-z]+(_[a-z]+)*", family.name)
        assert not re.search(r"_(ms|secs|kb|mb|millis)\b", family.name), family.name
        assert family.documentation.endswith("."), family.name
        if family.type == "histogram":
            assert family.name.endswith("_delay_seconds")


def test_what_a_label_may_say_is_there_from_the_start() -> None:
    """An increase from nothing to 1 is none to Prometheus, so known values start at 0."""
    there = {
        (sample.name, value)
        for family in REGISTRY.collect()
        for sample in family.samples
        for value in sample.labels.values()
    }
    assert {("interpreter_turns_total", result) for result in ("answered", "empty", "given_up")} <= there
    assert {("interpreter_upstream_renewals_total", why) for why in ("go_away", "max_age", "request")} <= there
    assert ("interpreter_resumes_total", "resumed") in there


def test_queues_are_shown_in_sum_and_where_they_are_longest() -> None:
    """The gauges tell the levels of this scrape, nothing of the one before, and are there while nobody is."""
    busy = Levels(
        sessions={"active": 2, "pending": 1},
        queues=[{"inbox": 100, "ring": 7}, {"inbox": 250, "outbox": 5}, {"inbox": 50}],
        loop_lag_secs=0.25,
    )
    gauges = shown(busy)
    assert gauges["interpreter_queue_bytes", "inbox"] == 400
    assert gauges["interpreter_queue_largest_bytes", "inbox"] == 250
    assert gauges["interpreter_queue_bytes", "ring"] == 7
    assert gauges["interpreter_queue_bytes", "outbox"] == 5
    assert gauges["interpreter_sessions", "active"] == 2
    assert gauges["interpreter_sessions", "pending"] == 1
    assert gauges["interpreter_event_loop_lag_seconds", ""] == 0.25
    idle = shown(Levels(sessions={"active": 0, "pending": 0}))
    queues = {name: size for name, size in idle.items() if "queue" in name[0]}
    assert queues == {
        (f"interpreter_queue{which}_bytes", queue): 0 for which in ("", "_largest") for queue in metrics.QUEUES
    }


def test_tokens_are_counted_by_model_and_direction() -> None:
    """With Google's prefix or without, it is the same model."""
    before = value("interpreter_tokens_total", model=DIALOGUE, direction="in")
    out_before = value("interpreter_tokens_total", model=DIALOGUE, direction="out")
    count_usage(DIALOGUE, Usage(input_tokens=300, output_tokens=40))
    count_usage(f"models/{DIALOGUE}", Usage(input_tokens=200, output_tokens=2))
    assert value("interpreter_tokens_total", model=DIALOGUE, direction="in") - before == 500
    assert value("interpreter_tokens_total", model=DIALOGUE, direction="out") - out_before == 42


@pytest.mark.parametrize(
    ("model", "usage", "dollars"),
    [
        (DIALOGUE, Usage(1_000_000, 0), 3.00),
        (DIALOGUE, Usage(0, 1_000_000), 12.00),
        (DIALOGUE, Usage(1_000_000, 1_000_000, input_text_tokens=1_000_000, output_text_tokens=1_000_000), 5.25),
        (DIALOGUE, Usage(2_000_000, 0, input_text_tokens=1_000_000), 3.75),
        (TRANSLATE, Usage(1_000_000, 1_000_000), 24.50),
    ],
)
def test_the_estimate_is_tokens_at_list_prices(model: str, usage: Usage, dollars: float) -> None:
    """Audio where nothing else is said; text, where it is said, at the price of text (GEMINI.md 2.2)."""
    before = value("interpreter_estimated_cost_dollars_total", model=model)
    count_usage(model, usage)
    assert value("interpreter_estimated_cost_dollars_total", model=model) - before == pytest.approx(dollars)


def test_a_model_of_unknown_price_has_tokens_and_no_cost() -> None:
    """No figure rather than a wrong one."""
    count_usage("gemini-9-live", Usage(input_tokens=10, output_tokens=10))
    assert value("interpreter_tokens_total", model="gemini-9-live", direction="in") >= 10
    assert REGISTRY.get_sample_value("interpreter_estimated_cost_dollars_total", {"model": "gemini-9-live"}) is None


def test_text_is_never_dearer_than_audio() -> None:
    """So counting what is not known as audio makes an estimate too high and never too low."""
    for price in PRICES.values():
        assert isinstance(price, Price)
        assert price.text_in <= price.audio_in
        assert price.text_out <= price.audio_out


def test_dropped_speech_is_counted_in_stretches_and_seconds() -> None:
    """Its length comes in milliseconds, as the protocol has it."""
    stretches, secs = value("interpreter_speech_dropped_total"), value("interpreter_speech_dropped_seconds_total")
    count_dropped_speech(1500)
    assert value("interpreter_speech_dropped_total") - stretches == 1
    assert value("interpreter_speech_dropped_seconds_total") - secs == pytest.approx(1.5)
