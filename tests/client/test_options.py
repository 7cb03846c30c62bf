"""What the arguments ask for, and which do not go together."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from client.errors import InputError
from client.interpret import InterpretJob
from client.microphone import MicInput
from client.options import InterpretOptions
from client.outputs import Outputs
from client.sources import WavInput


def _jobs(tmp_path: Path, *files: str, **options: Any) -> list[InterpretJob]:
    wanted = InterpretOptions(
        files=[Path(file) for file in files], url="ws://x/ws", default_out_dir=tmp_path / "out", **options
    )
    return wanted.jobs(now=lambda: datetime(2026, 7, 31, 9, 5, 1))


def test_each_recording_has_its_job(tmp_path: Path) -> None:
    """Results are named after it, in a directory that is made."""
    jobs = _jobs(tmp_path, "x/a.wav", "b.wav", rate_hz=8000, language="en", chunk_ms=40)
    recordings = (Path("x/a.wav"), Path("b.wav"))
    assert jobs == [
        InterpretJob(
            WavInput(path, 8000), "ws://x/ws", Outputs.named(tmp_path / "out", stem), recordings, "en", 40, None
        )
        for path, stem in zip(recordings, "ab", strict=True)
    ]
    assert (tmp_path / "out").is_dir()


@pytest.mark.parametrize(
    ("options", "wav", "transcript"),
    [
        ({}, "out/a.wav", "out/a.jsonl"),
        ({"out_dir": Path("deep/er")}, "deep/er/a.wav", "deep/er/a.jsonl"),
        ({"out": Path("b.wav")}, "b.wav", "b.jsonl"),
        ({"transcript": Path("t.txt")}, "out/a.wav", "t.txt"),
        ({"out": Path("b.wav"), "transcript": Path("t.txt")}, "b.wav", "t.txt"),
    ],
)
def test_where_results_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Path], wav: str, transcript: str
) -> None:
    """Into the directory, or where they are told, the transcript beside the interpretation."""
    monkeypatch.chdir(tmp_path)
    wanted = InterpretOptions(files=[Path("a.wav")], url="", default_out_dir=Path("out"), **options)  # type: ignore[arg-type]  # paths all
    assert wanted.jobs()[0].outputs == Outputs(Path(wav), Path(transcript))


@pytest.mark.parametrize(
    ("options", "fast_rate"), [({}, None), ({"fast": True}, 4.0), ({"fast": True, "fast_rate": 2.0}, 2.0)]
)
def test_fast(tmp_path: Path, options: dict[str, Any], fast_rate: float | None) -> None:
    """Four times real time unless told otherwise."""
    assert _jobs(tmp_path, "a.wav", **options)[0].fast_rate == fast_rate


@pytest.mark.parametrize(
    ("options", "input_"),
    [
        ({}, MicInput(None, 16000, None)),
        ({"device": "3"}, MicInput(3, 16000, None)),
        ({"device": "USB", "rate_hz": 8000, "duration_secs": 5.0}, MicInput("USB", 8000, 5.0)),
    ],
)
def test_a_microphone(tmp_path: Path, options: dict[str, Any], input_: MicInput) -> None:
    """Its results are named after the time; a number is a device's index, anything else its name."""
    (job,) = _jobs(tmp_path, mic=True, **options)
    assert job.input == input_
    assert job.outputs == Outputs.named(tmp_path / "out", "mic-20260731-090501")


@pytest.mark.parametrize(
    ("files", "options", "problem"),
    [
        ([], {}, "expected recordings or --mic, got neither"),
        (["a.wav"], {"mic": True}, "expected recordings or --mic, got both"),
        ([], {"mic": True, "fast": True}, "--fast cannot be with --mic"),
        (["a.wav"], {"fast_rate": 2.0}, "--fast-rate needs --fast"),
        (["a.wav"], {"device": "1"}, "--device needs --mic"),
        (["a.wav"], {"duration_secs": 1.0}, "--duration needs --mic"),
        ([], {"mic": True, "duration_secs": 99999.0}, "at most 14400 s, got 99999 s"),
        (["a.wav", "b.wav"], {"out": Path("c")}, "--out names one file, but there are 2 recordings; use --out-dir"),
        (["a.wav", "b.wav"], {"transcript": Path("c")}, "--transcript names one file"),
        (["a.wav"], {"out": Path("c"), "out_dir": Path("d")}, "expected --out or --out-dir, got both"),
        (["x/a.wav", "y/A.wav"], {}, "expected recordings with different names.*x/a.wav and y/A.wav"),
        (["a.wav", "a.wav"], {}, "expected recordings with different names"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, files: list[str], options: dict[str, Any], problem: str) -> None:
    """One line each, before anything is made."""
    with pytest.raises(InputError, match=problem) as caught:
        _jobs(tmp_path, *files, **options)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
