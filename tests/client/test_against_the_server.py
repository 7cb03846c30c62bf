"""The client against the project's own server and emulator: what a real server makes of what is sent fast."""

import json
from pathlib import Path

import pytest

from client.batch import interpret_each
from client.interpret import InterpretJob
from client.outputs import Outputs
from client.sources import WavInput
from client.stopping import Stop
from emulator import EmulatorOptions
from tests.client.fakes import NotesScreen
from tests.support.servers import running_server

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
