"""A checked pipeline as text for a terminal of 100 columns."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from gemini.connector import OUTPUT_RATE_HZ
from gemini.endpoint import GOOGLE_BASE_URL
from pipelines.check import Check, uses_upstream
from pipelines.masking import MASK, shown
from pipelines.origins import Origin
from pipelines.parameters import all_parameters
from pipelines.settings import Source
from pipelines.spec import StepSpec, UninstalledStep, shipped_settings
from pipelines.transport_table import TransportParams
from protocol.serializer import PIPELINE_RATE_HZ

WIDTH = 100
_INDENT = "   "
_NAME_WIDTH, _VALUE_WIDTH = 27, 34
"""Of the columns at most: what is longer pushes the rest of its line to the right, or onto the next line."""
_IN_THE_HEAD = {
    "PIPELINE",
    "LANGUAGES",
    "EMULATOR",
    "GEMINI_API_KEY",
    "GEMINI_BASE_URL",
    "GEMINI_CA_FILE",
    "GEMINI_CONNECTOR",
}

Row = tuple[str, str, str]
"""Name, value, origin."""


def report(check: Check) -> str:
    """All that there is to say: the pipeline, its steps with every parameter, warnings, and what is missing."""
    steps = [_step(number, step, check.sources) for number, step in enumerate(check.pipeline.steps, 1)]
    if settings := _other_settings(check):
        steps.append(("other settings", settings))
    names, values, _ = zip(*_head(check), *(row for _, rows in steps for row in rows), strict=True)
    widths = _width(names, _NAME_WIDTH) + len(_INDENT), _width(values, _VALUE_WIDTH)
    blocks = [_table(_head(check), widths)]
    blocks += [f"{title}\n{_table(rows, widths, _INDENT)}" for title, rows in steps]
    if check.warnings:
        blocks.append(_listing("warnings", check.warnings))
    blocks.append(_listing("missing", check.missing) if check.missing else "nothing is missing")
    return "\n\n".join(blocks)


def _head(check: Check) -> list[Row]:
    settings, sources = check.settings, check.sources
    rows = [
        ("pipeline", _plain(check.pipeline.name), ""),
        ("file", str(check.pipeline.path), _setting("PIPELINE", sources)),
        ("languages", ", ".join(settings.pair), _setting("LANGUAGES", sources)),
        *_ends(check.pipeline.transport),
    ]
    engines = [
        f"{number}. {step.use}" for number, step in enumerate(check.pipeline.steps, 1) if uses_upstream(step)
    ]
    rows.append(("engine", ", ".join(engines) or "no step uses the upstream", ""))
    if not engines:
        return rows
    connector = ("connector", settings.gemini_connector, _setting("GEMINI_CONNECTOR", sources))
    if settings.emulator:
        upstream = "emulator: recognises nothing, needs no key"
        return [*rows, ("upstream", upstream, _setting("EMULATOR", sources)), connector]
    url = settings.gemini_base_url
    rows.append(
        ("upstream", f"Gemini Live, {_address(url or GOOGLE_BASE_URL)}", _setting("GEMINI_BASE_URL", sources))
    )
    rows.append(connector)
    if settings.gemini_ca_file is not None:
        rows.append(("CA file", str(settings.gemini_ca_file), _setting("GEMINI_CA_FILE", sources)))
    key = f"GEMINI_API_KEY, {MASK}" if settings.gemini_api_key is not None else "GEMINI_API_KEY, not set"
    return [*rows, ("key", key, sources.get("GEMINI_API_KEY", ""))]


def _ends(transport: TransportParams) -> list[Row]:
    if transport.paced:
        return [
            ("input", f"phone call: the caller's speech at {PIPELINE_RATE_HZ} Hz, its keys", ""),
            ("output", f"phone call: interpreted speech, 20 ms at a time, at {transport.sample_rate_hz} Hz", ""),
            ("", "or at the one rate that the provider has", ""),
        ]
    return [
        ("input", f"WebSocket /ws: the client's speech at {PIPELINE_RATE_HZ} Hz, its interrupts", ""),
        ("output", f"WebSocket /ws: messages, interpreted speech at {OUTPUT_RATE_HZ} Hz", ""),
    ]


def _plain(text: str) -> str:
    return text if text.isprintable() else shown(text)


def _address(url: str) -> str:
    """``url`` without user and query, either of which may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _step(number: int, step: StepSpec | UninstalledStep, sources: Mapping[str, Source]) -> tuple[str, list[Row]]:
    if isinstance(step, UninstalledStep):
        title, values = f"{number}. {step.use}, not installed: parameters are not checked", step.params
    else:
        place = f"{step.step_class.__module__}:{step.step_class.__qualname__}"
        title = f"{number}. {step.use}" if place == step.use else f"{number}. {step.use}, {place}"
        values = all_parameters(step.step_class, step.params)
    rows = [(name, shown(value, name), _origin(step.origins.get(name), sources)) for name, value in values.items()]
    return title, rows or [("no parameters", "", "")]


def _origin(origin: Origin | None, sources: Mapping[str, Source]) -> str:
    if origin is None:
        return "default of the step"
    if origin.is_setting:
        return _setting(origin.settings[0], sources)
    return "; ".join([f"file, line {origin.line}", *(_setting(name, sources) for name in origin.settings)])


def _setting(name: str, sources: Mapping[str, Source]) -> str:
    source = sources.get(name)
    if source == "command line":
        return source
    return f"{source}, {name}" if source is not None else f"default of {name}"


def _other_settings(check: Check) -> list[Row]:
    """Settings that somebody set and that no step shows."""
    used = {name for step in check.pipeline.steps for origin in step.origins.values() for name in origin.settings}
    values: dict[str, Any] = check.settings.pipeline_variables()
    for_steps = shipped_settings()
    return [
        (name, shown(values[name], name), check.sources[name] + ("; no step uses it" if name in for_steps else ""))
        for name in values
        if name in check.sources and name not in used | _IN_THE_HEAD
    ]


def _width(texts: Iterable[str], most: int) -> int:
    return max(len(text) for text in texts if len(text) <= most)


def _table(rows: Iterable[Row], widths: tuple[int, int], indent: str = "") -> str:
    return "\n".join(_line(indent + name, value, origin, widths) for name, value, origin in rows)


def _line(name: str, value: str, origin: str, widths: tuple[int, int]) -> str:
    name_width, value_width = widths
    start = f"{name.ljust(name_width)}  {value}"
    line = f"{start.ljust(name_width + value_width + 2)}  {origin}".rstrip()
    if len(line) <= WIDTH:
        return line
    return f"{start}\n{origin.rjust(min(WIDTH, name_width + value_width + 4 + len(origin)))}"


def _listing(title: str, texts: Iterable[str]) -> str:
    return "\n".join([title, *(_item(text) for text in texts)])


def _item(text: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=f"{_INDENT}- ",
        subsequent_indent=f"{_INDENT}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
