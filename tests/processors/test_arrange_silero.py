"""The script that arranges Silero's model for many windows."""

import onnx
import pytest

from processors.silero_file import ARRANGED_FILE, PIPECATS_FILE
from scripts.arrange_silero import arrange


def test_the_file_in_the_repository_is_what_the_script_makes() -> None:
    """Of pipecat's copy: graph, and every weight."""
    made = onnx.load_from_string(arrange(PIPECATS_FILE.read_bytes()))
    assert made.graph == onnx.load(ARRANGED_FILE).graph


def test_a_file_that_is_built_otherwise_is_not_arranged() -> None:
    """The script says that it is not the one that it was written for."""
    with pytest.raises(SystemExit, match="expected one branch for 16 kHz, got 0"):
        arrange(ARRANGED_FILE.read_bytes())
