"""Where Silero's model is read from."""

import hashlib
import importlib.util
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from processors import silero_file as module
from processors.silero import SileroStream, UnusableModelError, load_model
from processors.silero_file import ARRANGED_FILE, PIPECATS_FILE, read_model, silero_file
from processors.vad_params import VadParams
from processors.voice_detectors import SileroDetector
from tests.support.pcm import read_sample

INSTALLED = importlib.util.find_spec("silero_vad") is not None
with_package = pytest.mark.skipif(not INSTALLED, reason="needs: pip install --no-deps silero-vad")


def installed_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``silero-vad`` seems to be installed in ``folder``; gives where its model belongs."""
    package = metadata.PathDistribution(folder / "silero_vad-6.0.dist-info")
    monkeypatch.setattr(metadata, "distribution", lambda name: package)
    return folder / "silero_vad" / "data" / "silero_vad.onnx"


def not_installed(name: str) -> metadata.Distribution:
    """In place of ``metadata.distribution``."""
    raise metadata.PackageNotFoundError(name)


def test_pipecats_file_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no package, and nobody names a file."""
    monkeypatch.setattr(metadata, "distribution", not_installed)
    file = silero_file()
    assert file.parts[-5:] == ("pipecat", "audio", "vad", "data", "silero_vad.onnx")
    assert file.is_file()


def test_the_packages_file_goes_before_pipecats(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where it has one: a release that keeps its model elsewhere changes nothing."""
    file = installed_in(tmp_path, monkeypatch)
    assert silero_file().parts[-4:] == ("audio", "vad", "data", "silero_vad.onnx")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    assert silero_file() == file


def test_the_file_that_is_named_goes_before_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whether or not it is there: whoever names a file does not want another one."""
    file = installed_in(tmp_path, monkeypatch)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    assert silero_file(tmp_path / "mine.onnx") == tmp_path / "mine.onnx"


def test_sessions_use_the_file_that_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The step's parameter says which, and its detectors score with that file's model."""
    monkeypatch.setattr(metadata, "distribution", not_installed)
    content = silero_file().read_bytes()
    file = installed_in(tmp_path, monkeypatch)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    params = VadParams()
    assert params.model_file == file
    file.unlink()
    detector = params.make_detector()
    assert isinstance(detector, SileroDetector)
    assert not detector.is_voice(np.zeros(512, np.float32), quiet=True)


def test_a_release_that_is_known_is_read_arranged(tmp_path: Path) -> None:
    """Whoever names a copy of it, too; once pipecat's release is another one, arrange that."""
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(PIPECATS_FILE.read_bytes())
    assert read_model(copy) == ARRANGED_FILE.read_bytes()


def test_a_release_that_is_not_known_is_read_as_it_is(tmp_path: Path) -> None:
    """There is nothing of ours in its place."""
    file = tmp_path / "next.onnx"
    file.write_bytes(b"another release")
    assert read_model(file) == b"another release"


def test_a_checkout_without_the_arranged_file_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is not pipecat's file that is missing."""
    monkeypatch.setattr(module, "ARRANGED_FILE", tmp_path / "silero_for_batches.onnx")
    load_model.cache_clear()
    with pytest.raises(UnusableModelError, match="No such file or directory for silero_for_batches"):
        load_model(PIPECATS_FILE)


@with_package
def test_the_installed_package_is_read_and_not_imported() -> None:
    """Its file hears speech in a process that has imported neither the package nor torch."""
    said = subprocess.run(
        [sys.executable, "-c", _PROBE],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert said.stdout.split() == ["silero_vad.onnx", "silero_vad", "True", "False", "False"]


_PROBE = """
import sys
from processors.vad_params import VadParams
params = VadParams()
params.make_detector()
file = params.model_file
print(file.name, file.parts[-3], file.is_file(), "silero_vad" in sys.modules, "torch" in sys.modules)
"""


@with_package
def test_the_packages_model_is_pipecats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte, and so in every score: the reason for which the package is not in the lock (decision 17)."""
    packages = silero_file()
    monkeypatch.setattr(metadata, "distribution", not_installed)
    pipecats = silero_file()
    assert packages != pipecats
    assert hashlib.sha256(packages.read_bytes()).digest() == hashlib.sha256(pipecats.read_bytes()).digest()
    pcm, _ = read_sample("en-11s-16k.wav")
    speech = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
    windows = [speech[start : start + 512] for start in range(0, len(speech) - 512, 512)]
    streams = SileroStream(), SileroStream()
    scores = [
        [load_model(file).score([stream], [window])[0] for window in windows]
        for file, stream in zip((packages, pipecats), streams, strict=True)
    ]
    assert scores[0] == scores[1]
