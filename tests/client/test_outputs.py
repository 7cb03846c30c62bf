"""Which files a session writes, and which it refuses to."""

from pathlib import Path

import numpy as np
import pytest
import soundfile  # the package has no type information

from client.errors import ClientError, InputError
from client.outputs import Outputs, make_dir
from client.playback import Playback
from client.turns import Side, Turn

NAMES = ["a.wav", "a.jsonl", "a.source.vtt", "a.source.srt", "a.target.vtt", "a.target.srt"]


def test_all_files_are_named_after_the_recording() -> None:
    """A dot in its name is no suffix."""
    outputs = Outputs.named(Path("out"), "talk.v2")
    assert [path.name for path in outputs.files] == [name.replace("a.", "talk.v2.", 1) for name in NAMES]
    assert str(outputs) == str(Path("out/talk.v2.wav")) + (
        f", {Path('out/talk.v2.jsonl')}, {Path('out/talk.v2')}.{{source,target}}.{{vtt,srt}}"
    )


def test_everything_is_written(tmp_path: Path) -> None:
    """Interpretation, transcript, and both sides' subtitles in both formats."""
    outputs = Outputs.named(tmp_path, "a")
    playback = Playback()
    playback.queue(np.full(24000, 5, "<i2").tobytes(), 1.0, turn=1)
    turn = Turn(1, Side("Hello", "en"), Side("안녕", "ko"), completed_secs=2.0, source_span=(0.1, 0.9))
    outputs.write([turn], playback, min_secs=3.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    heard, rate_hz = soundfile.read(outputs.wav, dtype="int16")
    assert (len(heard), rate_hz, heard[30000]) == (72000, 24000, 5)
    assert "Hello" in outputs.transcript.read_text("utf-8")
    for side, text in (("source", "Hello"), ("target", "안녕")):
        for kind in ("vtt", "srt"):
            assert text in (tmp_path / f"a.{side}.{kind}").read_text("utf-8")


@pytest.mark.parametrize(
    ("wav", "transcript", "problem"),
    [
        (".", "t.jsonl", "is a directory"),
        ("no/out.wav", "t.jsonl", "no does not exist"),
        ("in.wav", "t.jsonl", "other than a recording"),
        ("other.wav", "t.jsonl", "other than a recording"),
        ("o.wav", "o.wav", "another file for each output, got .*o.wav twice"),
        ("t.source.vtt", "t.jsonl", "another file for each output"),
    ],
)
def test_an_output_that_cannot_be_is_refused(tmp_path: Path, wav: str, transcript: str, problem: str) -> None:
    """A directory, a missing one, a recording, or two outputs in one file."""
    recordings = [tmp_path / "in.wav", tmp_path / "other.wav"]
    for recording in recordings:
        recording.write_bytes(b"")
    with pytest.raises(InputError, match=problem):
        Outputs(tmp_path / wav, tmp_path / transcript).check(recordings)


def test_a_recording_under_another_name_is_refused(tmp_path: Path) -> None:
    """A link leads to it all the same."""
    recording = tmp_path / "in.wav"
    recording.write_bytes(b"")
    (tmp_path / "out.wav").symlink_to(recording)
    with pytest.raises(InputError, match=r"other than a recording, got .*out\.wav"):
        Outputs.named(tmp_path, "out").check([recording])


def test_a_place_that_may_not_be_written_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is sent."""
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(InputError, match="permission denied; choose another place"):
        Outputs.named(tmp_path, "a").check([])


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    """The recording's may just fit where those of the subtitles do not."""
    with pytest.raises(InputError, match=r"cannot write .*aa\.source\.vtt: File name too long; name another one"):
        Outputs.named(tmp_path, "a" * 248).check([])


@pytest.mark.parametrize("name", NAMES)
def test_an_output_that_cannot_be_written_leaves_the_others_alone(tmp_path: Path, name: str) -> None:
    """A disk that is full at the end of an hour loses what did not fit, no more."""
    (tmp_path / name).mkdir()
    turn = Turn(1, Side("Hello", "en"), Side("안녕", "ko"), completed_secs=2.0, source_span=(0.1, 0.9))
    with pytest.raises(ClientError, match=f"cannot write .*{name}: Is a directory"):
        Outputs.named(tmp_path, "a").write([turn], Playback(), min_secs=1.0)
    written = [path.name for path in tmp_path.iterdir() if path.is_file() and path.stat().st_size]
    assert sorted([*written, name]) == sorted(NAMES)


def test_outputs_that_can_be_pass(tmp_path: Path) -> None:
    """Also over what an earlier run left."""
    outputs = Outputs.named(tmp_path, "a")
    outputs.wav.write_bytes(b"old")
    outputs.check([tmp_path / "in.wav"])


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The message says what and why."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"cannot make the directory .*out: Not a directory"):
        make_dir(tmp_path / "file" / "out")
