"""Which file holds Silero's model: the one that is named, that of the package ``silero-vad``, or pipecat's.

The model of a release that is known is read from a file of ours: the same weights, arranged for calls of many
windows by scripts/arrange_silero.py. Any other is read as it is, and takes three times as long for each window.
"""

import hashlib
from importlib import metadata, resources
from pathlib import Path

PIPECATS_FILE = Path(str(resources.files("pipecat.audio.vad.data"))) / "silero_vad.onnx"
ARRANGED_FILE = Path(__file__).parent / "silero_for_batches.onnx"
ARRANGED_FROM_SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"
"""Of silero-vad 6.2.3, and of the copy in pipecat-ai 1.14.0."""
_PACKAGE = "silero-vad"
_FILE_OF_PACKAGE = "silero_vad/data/silero_vad.onnx"


def silero_file(named: Path | None = None) -> Path:
    """The file to read the model from, whether or not it is there.

    Args:
        named: The operator's choice; ``None``: that of the package ``silero-vad`` where it is installed, else the
            one that comes with pipecat.
    """
    return named or _packages_file() or PIPECATS_FILE


def _packages_file() -> Path | None:
    """The package's file. The package is not imported: it would import torch, which its ONNX file does not need."""
    try:
        file = Path(str(metadata.distribution(_PACKAGE).locate_file(_FILE_OF_PACKAGE)))
    except metadata.PackageNotFoundError:
        return None
    return file if file.is_file() else None


def read_model(file: Path) -> bytes:
    """The model in ``file`` as ONNX, arranged for many windows where that is known.

    Raises:
        OSError: It can't be read, or the file that is read in its place; the text says which one.
    """
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != ARRANGED_FROM_SHA256:
        return content
    try:
        return ARRANGED_FILE.read_bytes()
    except OSError as error:
        message = f"{error.strerror} for {ARRANGED_FILE.name}, which belongs into the folder processors"
        raise OSError(error.errno, message) from error
