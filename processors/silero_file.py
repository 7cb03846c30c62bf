"""Which file holds Silero's model: the one that is named, that of the package ``silero-vad``, or pipecat's."""

from importlib import metadata, resources
from pathlib import Path

_PACKAGE = "silero-vad"
_FILE_OF_PACKAGE = "silero_vad/data/silero_vad.onnx"


def silero_file(named: Path | None = None) -> Path:
    """The file to read the model from, whether or not it is there.

    Args:
        named: The operator's choice; ``None``: that of the package ``silero-vad`` where it is installed, else the
            one that comes with pipecat.
    """
    return named or _packages_file() or Path(str(resources.files("pipecat.audio.vad.data"))) / "silero_vad.onnx"


def _packages_file() -> Path | None:
    """The package's file. The package is not imported: it would import torch, which its ONNX file does not need."""
    try:
        file = Path(str(metadata.distribution(_PACKAGE).locate_file(_FILE_OF_PACKAGE)))
    except metadata.PackageNotFoundError:
        return None
    return file if file.is_file() else None
