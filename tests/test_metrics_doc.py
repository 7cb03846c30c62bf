"""``docs/operations.md`` tells operators of every series, as the registry has it."""

import re
from pathlib import Path

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Metric

import metrics

PAGE = (Path(__file__).parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
SECTION = PAGE.split("\n## Metrics\n")[1].split("\n## ")[0]
ROW = re.compile(r"\| `(interpreter_\w+)` \| (\w+) \| (.*?) ?\| (.+) \|")
ROWS = {row[1]: (row[2], tuple(re.findall(r"`(\w+)`", row[3])), row[4]) for row in ROW.finditer(SECTION)}

MADE = {name: item for name, item in vars(metrics).items() if isinstance(item, Counter | Gauge | Histogram)}


def families() -> dict[str, Metric]:
    """Our series by the name under which Prometheus knows them."""
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: family
        for family in REGISTRY.collect()
        if family.name.startswith("interpreter_")
    }


def labels() -> dict[str, tuple[str, ...]]:
    """The labels of each series, which prometheus-client itself tells only of series that have a value."""
    named = {next(iter(item.describe())).name: tuple(item._labelnames) for item in MADE.values()}
    return {name: named[family.name] for name, family in families().items()}


def test_every_series_is_told_with_its_type_and_labels() -> None:
    """The table has every series of the registry, and no other."""
    assert {name: row[0] for name, row in ROWS.items()} == {
        name: family.type for name, family in families().items()
    }
    assert {name: row[1] for name, row in ROWS.items()} == labels()


def test_queues_states_and_results_are_told() -> None:
    """Whatever a label says from the start stands in the row of its series."""
    for name, family in families().items():
        for sample in family.samples:
            for key, value in sample.labels.items():
                if key in ("state", "result", "queue", "direction"):
                    assert f"`{value}`" in ROWS[name][2], (name, value)


def test_the_queries_ask_for_series_that_there_are() -> None:
    """The alerts and the query for the cost name real series."""
    expressions = re.findall(r"^ +expr: (.+)$|^(increase.+)$", SECTION, re.MULTILINE)
    named = {name for pair in expressions for name in re.findall(r"interpreter_\w+", "".join(pair))}
    assert len(expressions) >= 4
    assert {name.removesuffix("_bucket") for name in named} <= set(families())


def test_the_module_tells_of_every_series() -> None:
    """The table at its head names each, so that a caller finds it."""
    assert metrics.__doc__ is not None
    assert len(MADE) == len(families())
    assert {name for name in MADE if f"``{name}``" not in metrics.__doc__} == set()
