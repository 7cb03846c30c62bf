"""The client against the project's own server and emulator: what a real server makes of what is sent fast."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from client.batch import interpret_each
from client.interpret import InterpretJob
from client.outputs import Outputs
from client.sources import WavInput
from client.stopping import Stop
from emulator import EmulatorOptions
from tests.client.fakes import NotesScreen
from tests.support.servers import running_server
from tests.support.waiting import until

SAMPLES_DIR = Path(__file__).parents[2] / "samples"


def _sentences(name: str) -> list[tuple[float, float]]:
    marks = json.loads((SAMPLES_DIR / "marks.json").read_text("utf-8"))["files"][name]["sentences"]
    return [(mark["onset_secs"], mark["end_secs"]) for mark in marks]


@pytest.mark.slow
async def test_fast_gives_the_turns_of_real_time(tmp_path: Path) -> None:
    """Ten sentences become ten turns where they were spoken, nothing is refused, and nothing is lost."""
    path = SAMPLES_DIR / "en-35s-8k.wav"
    async with running_server(EmulatorOptions(), max_ingest_rate=4.0) as server:
        job = InterpretJob(WavInput(path), server.url, Outputs.named(tmp_path, "a"), (path,), fast_rate=4.0)
        (outcome,) = await interpret_each([job], NotesScreen(), stop=Stop())
    assert outcome.error is None
    assert outcome.summary is not None
    assert outcome.summary.warnings == ()
    marks = _sentences(path.name)
    spans = [turn.source_span or (0.0, 0.0) for turn in outcome.turns]
    assert len(spans) == len(marks)
    for (start, end), (onset, marked_end) in zip(spans, marks, strict=True):
        assert start == pytest.approx(onset, abs=0.4)
        assert end == pytest.approx(marked_end, abs=0.4)


@pytest.mark.parametrize(
    ("chosen", "refusal"),
    [
        ({"target_language": "fr"}, "UNSUPPORTED_LANGUAGE"),
        ({"language": "xx"}, "UNSUPPORTED_LANGUAGE"),
        ({"engine": "cascade"}, "INVALID_MESSAGE"),
    ],
)
async def test_what_the_server_does_not_offer_is_told(tmp_path: Path, chosen: dict[str, Any], refusal: str) -> None:
    """In the server's words, which say what there is; nothing is sent."""
    path = SAMPLES_DIR / "en-11s-16k.wav"
    async with running_server(EmulatorOptions()) as server:
        job = InterpretJob(WavInput(path), server.url, Outputs.named(tmp_path, "a"), (path,), **chosen)
        (outcome,) = await interpret_each([job], NotesScreen(), stop=Stop())
    assert outcome.error is not None
    assert refusal in str(outcome.error)
    assert "one of" in str(outcome.error)


async def test_a_target_and_an_engine_reach_the_server(tmp_path: Path) -> None:
    """The session is one of the pipeline that was asked for, and its upstream is told the target."""
    path = SAMPLES_DIR / "en-11s-16k.wav"
    async with running_server(EmulatorOptions(), target_languages="ja", engines="simultaneous") as server:
        job = InterpretJob(
            WavInput(path),
            server.url,
            Outputs.named(tmp_path, "a"),
            (path,),
            language="en",
            target_language="ja",
            engine="simultaneous",
            fast_rate=4.0,
        )
        asking = asyncio.create_task(interpret_each([job], NotesScreen(), stop=Stop()))
        await until(lambda: bool(server.emulator.sessions))
        asking.cancel()
        await asyncio.wait([asking])
        translation = server.emulator.sessions[0].setup["generationConfig"]["translationConfig"]
    assert translation["targetLanguageCode"] == "ja"
