"""The survey of what is not known of Google, held against the emulator, of which all is known."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from emulator import Emulator, EmulatorOptions, Variant
from gemini.endpoint import Endpoint
from gemini.genai_connector import GenaiConnector
from tests.contract.bench import ENGLISH, KOREAN, WRONG_KEY, interpreter_config
from tests.contract.survey import QUESTIONS, Asker, Question, app, before_turn_complete, survey, watch
from tests.contract.timeline import Line
from tests.support.speech import samples_scenario, texts

KEY = "survey-canary"


def emulator(**options: Any) -> Emulator:
    """An emulator that is fast, and knows one key."""
    chosen = {"api_keys": frozenset({KEY}), "time_factor": 0.05, **options}
    return Emulator(EmulatorOptions(**chosen), scenario=samples_scenario())


async def asked(
    upstream: Emulator, *questions: Question, quiet_secs: float = 0.3, watch_secs: float = 0.0
) -> dict[str, Any]:
    """The report of an impatient survey."""
    right, wrong = (
        GenaiConnector(Endpoint(api_key=key, base_url=upstream.base_url, ca_file=upstream.ca_file))
        for key in (KEY, WRONG_KEY)
    )
    config = interpreter_config("gemini-3.8-live")
    asker = Asker(right, wrong, config, speed=20, quiet_secs=quiet_secs, patience_secs=5, watch_secs=watch_secs)
    report: dict[str, Any] = {}
    await survey(asker, questions, report)
    return report


def moments(answer: dict[str, Any], what: str) -> list[int]:
    """When something happened, in ms."""
    lines: list[Line] = answer["timeline"]
    return [line["at_ms"] for line in lines if line["what"] == what]


@pytest.mark.slow
async def test_every_question_has_an_answer() -> None:
    """All questions are asked in one run, and the report says of each what came."""
    async with emulator() as upstream:
        report = await asked(upstream, *QUESTIONS)
    answers = report["answers"]
    assert list(answers) == [question.__name__ for question in QUESTIONS]
    for answer in answers.values():
        assert answer["asked"].endswith("?")
        assert "refused" in answer or answer["timeline"]
    for name in ("paced_utterance", "burst", "outside_an_activity", "automatic_detection", "unknown_voice"):
        figures = answers[name]["figures"]
        assert (figures["source"], figures["target"]) == texts(ENGLISH)
        assert figures["audio_ms"] > 1000
    for name in ("silence_only", "a_tenth_of_a_second", "empty_activity"):
        assert answers[name]["figures"]["audio_ms"] == 0
    assert answers["wrong_key"]["refused"] == "rejected"
    assert answers["unknown_model"]["refused"] == "model rejected"
    assert report["fields"]["server_content.turn_complete"] >= len(QUESTIONS) - 2
    assert report["fields"]["server_content.model_turn.parts.inline_data.mime_type=audio/pcm;rate=24000"]
    assert json.loads(json.dumps(report)) == report


async def test_an_utterance_that_overlaps_is_seen_to_overlap() -> None:
    """The time line tells an utterance that came before ``turnComplete``, and both answers."""
    async with emulator(time_factor=0.2) as upstream:
        report = await asked(upstream, before_turn_complete, quiet_secs=1.5)
    answer = report["answers"]["before_turn_complete"]
    generated, completed = moments(answer, "GenerationComplete"), moments(answer, "TurnComplete")
    assert generated[0] <= moments(answer, "end of speech")[1] < completed[0]
    assert len(generated) == len(completed) == 2
    assert answer["figures"]["source"] == texts(ENGLISH)[0] + texts(KOREAN)[0]


async def test_a_loss_is_an_answer() -> None:
    """A connection that the upstream closes ends its question with how it was closed, and no other."""
    variant = Variant(close_after_audio_ms=100, close_reason="Deadline expired before operation could complete.")
    async with emulator(variant=variant) as upstream:
        report = await asked(upstream, QUESTIONS[0], watch, QUESTIONS[1], watch_secs=60)
    for answer in report["answers"].values():
        assert answer["timeline"][-1]["what"] == "lost"
        assert "Deadline expired" in answer["timeline"][-1]["detail"]
    assert list(report["answers"]) == ["paced_utterance", "watch", "burst"]


async def command(*arguments: str) -> Result:
    """Run the command line, in a thread since it has a loop of its own."""
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, arguments))


async def test_the_report_is_a_file_without_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command writes what it asked, whom, and what it cost; the key stands nowhere."""
    file = tmp_path / "out" / "report.json"
    async with emulator() as upstream:
        for name, value in {
            "GEMINI_API_KEY": KEY,
            "GEMINI_BASE_URL": upstream.base_url,
            "GEMINI_CA_FILE": str(upstream.ca_file),
        }.items():
            monkeypatch.setenv(name, value)
        result = await command("--file", str(file), "--only", "burst", "--only", "wrong_key", "--quiet-secs", "0.2")
    assert result.exit_code == 0, result.output
    report = json.loads(file.read_text(encoding="utf-8"))
    assert list(report["answers"]) == ["burst", "wrong_key"]
    assert report["model"] == "gemini-3.8-live"
    assert "which is not Google" in report["upstream"]
    assert report["spending"]["sessions"] == 2
    assert report["spending"]["usd"] > 0
    assert KEY not in file.read_text(encoding="utf-8") + result.output


@pytest.mark.parametrize(
    ("environment", "arguments", "fault"),
    [
        ({}, (), "error: GEMINI_API_KEY is not set: put it into the environment; no .env is read"),
        ({"GEMINI_BASE_URL": "http://x"}, (), "error: GEMINI_BASE_URL: Value error, expected an https:// URL"),
        ({"GEMINI_API_KEY": KEY}, ("--only", "weather"), "error: --only: expected one of paced_utterance, "),
    ],
)
async def test_what_is_wrong_is_one_line(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], arguments: tuple[str, ...], fault: str
) -> None:
    """Without a key, or with a wrong argument, nothing is asked and one line says what to do."""
    for name in ("GEMINI_API_KEY", "GEMINI_BASE_URL", "GEMINI_CA_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = await command(*arguments)
    assert result.exit_code == 2
    assert result.output.startswith(fault)
    assert result.output.count("\n") == 1
    assert KEY not in result.output
