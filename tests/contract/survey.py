"""Ask Google what is not known of it: ``python -m tests.contract.survey``; docs/live-tests.md says what for.

It judges nothing. It says something of our samples, writes down what comes and when, and leaves a JSON file.
"""

import asyncio
import importlib.metadata
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, Protocol

import typer
from pydantic import ValidationError

from gemini.connector import Connector, LiveConfig
from gemini.errors import UpstreamError
from pipelines.settings import Settings
from tests.contract.bench import ENGLISH, KOREAN, UNKNOWN_MODEL, UNKNOWN_VOICE, WRONG_KEY
from tests.contract.google import Ledger, google_bench, google_settings, upstream_name
from tests.contract.timeline import Line, Timeline, fields_seen, figures
from tests.support.pcm import read_sample
from tests.support.speech import silence, spoken

Answer = dict[str, Any]
_WATCH_EVERY_SECS = 120.0


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks.

    Attributes:
        connector: Opens sessions.
        wrong_key: Opens none.
        config: What they are set up with.
        speed: Of paced speech, in times real time.
        quiet_secs: Without a word for so long: that was all.
        patience_secs: How long the end of an answer is waited for.
        watch_secs: How long :func:`watch` keeps a session open.
    """

    connector: Connector
    wrong_key: Connector
    config: LiveConfig
    speed: float = 1.0
    quiet_secs: float = 10.0
    patience_secs: float = 40.0
    watch_secs: float = 0.0

    async def ask(self, question: Callable[[Timeline], Awaitable[None]], *, manual: bool = True) -> Answer:
        """Open a session, let ``question`` use it, and wait until all was said."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        try:
            connection = await self.connector.connect(replace(self.config, manual_activity=manual))
        except UpstreamError as error:
            return {"refused": error.kind.value, "detail": str(error)}
        connect_ms = round((loop.time() - started_at) * 1000)
        timeline = Timeline(connection)
        try:
            await question(timeline)
            await timeline.until_quiet(self.quiet_secs, at_most_secs=self.patience_secs)
        finally:
            await timeline.close()
        return {"connect_ms": connect_ms, "figures": figures(timeline.lines), "timeline": timeline.lines}


async def paced_utterance(asker: Asker) -> Answer:
    """When do texts, sound and ends come, of an utterance that is sent as it is spoken?"""
    return await asker.ask(lambda line: line.send(spoken(ENGLISH), speed=asker.speed))


async def burst(asker: Asker) -> Answer:
    """Is speech that is sent at once understood as well, and answered as fast?"""
    return await asker.ask(lambda line: line.send(spoken(ENGLISH)))


async def long_utterance(asker: Asker) -> Answer:
    """Does text of eleven seconds of speech come while they are spoken, or after?"""
    pcm, _ = read_sample("en-11s-16k.wav")
    return await asker.ask(lambda line: line.send(pcm, speed=asker.speed))


async def two_in_a_row(asker: Asker) -> Answer:
    """What becomes of an utterance that is sent before the one before it has any output?"""

    async def question(line: Timeline) -> None:
        await line.send(spoken(ENGLISH))
        await line.send(spoken(KOREAN))

    return await asker.ask(question)


async def before_turn_complete(asker: Asker) -> Answer:
    """What becomes of an utterance that is sent after generationComplete, with turnComplete outstanding?"""

    async def question(line: Timeline) -> None:
        await line.send(spoken(ENGLISH))
        await line.until("GenerationComplete", "TurnComplete", at_most_secs=asker.patience_secs)
        await line.send(spoken(KOREAN))

    return await asker.ask(question)


async def silence_only(asker: Asker) -> Answer:
    """What comes of an activity of silence?"""
    return await asker.ask(lambda line: line.send(silence(1000)))


async def a_tenth_of_a_second(asker: Asker) -> Answer:
    """What comes of an activity of 100 ms of speech?"""
    return await asker.ask(lambda line: line.send(spoken(ENGLISH)[32_000:35_200]))


async def empty_activity(asker: Asker) -> Answer:
    """What comes of an activity without any audio?"""
    return await asker.ask(lambda line: line.send(b""))


async def outside_an_activity(asker: Asker) -> Answer:
    """Is speech outside an activity heard?"""

    async def question(line: Timeline) -> None:
        await line.send(spoken(KOREAN), marked=False)
        await line.send(spoken(ENGLISH))

    return await asker.ask(question)


async def automatic_detection(asker: Asker) -> Answer:
    """With the service's own detection: how long after the end of speech does it answer, while silence follows?"""

    async def question(line: Timeline) -> None:
        await line.send(spoken(ENGLISH), marked=False, speed=asker.speed)
        await line.send(silence(4000), marked=False, speech=False, speed=asker.speed)

    return await asker.ask(question, manual=False)


async def wrong_key(asker: Asker) -> Answer:
    """How is a wrong key refused?"""
    return await replace(asker, connector=asker.wrong_key).ask(lambda line: line.send(b""))


async def unknown_model(asker: Asker) -> Answer:
    """How is an unknown model refused?"""
    wrong = replace(asker.config, model=UNKNOWN_MODEL)
    return await replace(asker, config=wrong).ask(lambda line: line.send(b""))


async def unknown_voice(asker: Asker) -> Answer:
    """Is an unknown voice refused, and if so, when?"""
    wrong = replace(asker.config, voice=UNKNOWN_VOICE)
    return await replace(asker, config=wrong).ask(lambda line: line.send(spoken(ENGLISH)))


class Question(Protocol):
    """Asks, in a session of its own; its docstring is the question."""

    __name__: str

    async def __call__(self, asker: Asker) -> Answer:
        """What came."""
        ...


QUESTIONS: tuple[Question, ...] = (
    paced_utterance,
    burst,
    long_utterance,
    two_in_a_row,
    before_turn_complete,
    silence_only,
    a_tenth_of_a_second,
    empty_activity,
    outside_an_activity,
    automatic_detection,
    wrong_key,
    unknown_model,
    unknown_voice,
)


async def watch(asker: Asker) -> Answer:
    """When does goAway come, how long is the notice, and how does a connection end, that is used now and then?"""

    async def question(line: Timeline) -> None:
        loop = asyncio.get_running_loop()
        stop_at = loop.time() + asker.watch_secs
        while line.ended is None and loop.time() < stop_at:
            await line.send(spoken("kennedy-2"))
            await line.until("lost", at_most_secs=min(_WATCH_EVERY_SECS, max(0.0, stop_at - loop.time())))

    return await asker.ask(question)


async def survey(asker: Asker, questions: Sequence[Question], report: dict[str, Any]) -> None:
    """Ask one question after the other, each told in a line; ``report`` has what is known so far at any time."""
    answers: dict[str, Answer] = report.setdefault("answers", {})
    with fields_seen() as fields:
        report["fields"] = fields
        for question in questions:
            name = question.__name__
            answers[name] = {"asked": question.__doc__, **await question(asker)}
            typer.echo(f"{name}: {_in_short(answers[name])}")


def _in_short(answer: Answer) -> str:
    if "refused" in answer:
        return f"refused as {answer['refused']}: {answer['detail']}"
    lines: list[Line] = answer["timeline"]
    notable = [f"{line['what']} {line}" for line in lines if line["what"] in ("GoAway", "Interrupted", "lost")]
    short = [f"{name} {value}" for name, value in answer["figures"].items() if isinstance(value, int)]
    return ", ".join([*short, *notable])


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    file: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("out/live-survey.json"),
    watch_mins: Annotated[
        float, typer.Option(min=0, max=120, help="Also keep a session open for so long, to see it end.")
    ] = 0.0,
    only: Annotated[list[str] | None, typer.Option(help="Ask this question only; may be repeated.")] = None,
    quiet_secs: Annotated[
        float, typer.Option(min=0.1, max=60, help="An answer is over when nothing came for so long.")
    ] = 10.0,
) -> None:
    """Ask the service behind GEMINI_API_KEY what is not known of it, and write the answers down. Costs money."""
    ledger = Ledger(current="survey")
    try:
        settings = google_settings()
    except ValidationError as error:
        _fail(f"{str(error.errors()[0]['loc'][0]).upper()}: {error.errors()[0]['msg']}")
    if settings.gemini_api_key is None:
        _fail("GEMINI_API_KEY is not set: put it into the environment; no .env is read")
    questions = _chosen(only or [], watching=watch_mins > 0)
    bench = google_bench(settings, ledger, "genai")
    asker = Asker(bench.connector, bench.with_key(WRONG_KEY), bench.config, quiet_secs=quiet_secs)
    report = _about(settings)
    typer.echo(f"asking {upstream_name(settings)}, {settings.gemini_model}: {len(questions)} questions")
    try:
        asyncio.run(survey(replace(asker, watch_secs=watch_mins * 60), questions, report))
    finally:
        report["spending"] = {**asdict(ledger.total), "usd": round(ledger.total.usd, 4)}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(without_key(json.dumps(report, ensure_ascii=False, indent=1), settings), encoding="utf-8")
        typer.echo(f"{ledger.total}\nwrote {file}")


def _chosen(names: Sequence[str], *, watching: bool) -> list[Question]:
    known = {question.__name__: question for question in QUESTIONS}
    for name in names:
        if name not in known:
            _fail(f"--only: expected one of {', '.join(known)}, got '{name}'")
    chosen = [known[name] for name in names] or list(QUESTIONS)
    return [*chosen, watch] if watching else chosen


def _fail(text: str) -> NoReturn:
    typer.echo(f"error: {text}", err=True)
    raise typer.Exit(2)


def without_key(text: str, settings: Settings) -> str:
    """``text`` with the API key blotted out, should it be there."""
    key = settings.gemini_api_key
    return text if key is None else text.replace(key.get_secret_value(), "[key]")


def _about(settings: Settings) -> dict[str, Any]:
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "upstream": upstream_name(settings),
        "model": settings.gemini_model,
        "voice": settings.gemini_voice,
        "google_genai": importlib.metadata.version("google-genai"),
    }


if __name__ == "__main__":
    app()
