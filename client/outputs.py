"""The files that a session leaves behind: which, whether they can be, and what is in them."""

import os
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from client.errors import InputError
from client.playback import PLAYBACK_RATE_HZ, Playback
from client.subtitles import SideName, cues, write_subtitles
from client.summary import write_transcript
from client.turns import Turn
from client.wav import write_wav

_SIDES: tuple[SideName, SideName] = ("source", "target")
_FORMATS = ("vtt", "srt")


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where results go; subtitles stand beside the transcript.

    Attributes:
        wav: The interpretation: mono 16 bit WAV at 24000 Hz on the time line of the speech.
        transcript: One JSON object for each turn.
    """

    wav: Path
    transcript: Path

    @classmethod
    def named(cls, out_dir: Path, stem: str) -> "Outputs":
        """``STEM.wav``, ``STEM.jsonl`` and the rest in ``out_dir``."""
        return cls(out_dir / f"{stem}.wav", out_dir / f"{stem}.jsonl")

    def subtitles(self, side: SideName, kind: str) -> Path:
        """Subtitles of one side, ``kind`` being ``vtt`` or ``srt``."""
        return self.transcript.with_name(f"{self.transcript.stem}.{side}.{kind}")

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return [self.wav, self.transcript, *(self.subtitles(side, kind) for side in _SIDES for kind in _FORMATS)]

    def __str__(self) -> str:
        sides, formats = ",".join(_SIDES), ",".join(_FORMATS)
        return f"{self.wav}, {self.transcript}, {self.transcript.with_suffix('')}.{{{sides}}}.{{{formats}}}"

    def check(self, inputs: Collection[Path]) -> None:
        """Refuses what cannot be written before half an hour of speech has been sent for nothing.

        Args:
            inputs: Recordings, which no output may overwrite.

        Raises:
            InputError: An output cannot be.
        """
        for path in self.files:
            if self.files.count(path) > 1:
                raise InputError(f"expected another file for each output, got {path} twice; name another one")
            try:
                _check_writable(path)
                for recording in inputs:
                    if path.exists() and recording.exists() and path.samefile(recording):
                        raise InputError(f"expected an output other than a recording, got {path} for both")
            except OSError as error:  # a name that is too long, say
                raise InputError(f"cannot write {path}: {error.strerror or error}; name another one") from error

    def write(self, turns: Sequence[Turn], playback: Playback, min_secs: float) -> None:
        """Writes everything; the interpretation lasts ``min_secs`` at least.

        Raises:
            ClientError: A file cannot be written; the others are. Of several the last one is named.
        """
        with ExitStack() as each:  # calls all of them whatever one raises, the largest file last
            each.callback(write_wav, self.wav, playback.rendered(min_secs), PLAYBACK_RATE_HZ)
            for side in _SIDES:
                for kind in _FORMATS:
                    each.callback(write_subtitles, self.subtitles(side, kind), cues(turns, side))
            each.callback(write_transcript, self.transcript, turns)


def make_dir(path: Path) -> None:
    """Makes a directory, and those above it, unless it is there.

    Raises:
        InputError: It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the directory {path}: {error.strerror or error}") from error


def _check_writable(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"expected a file to write to, but {path} is a directory; name a file in it")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: the directory {path.parent} does not exist; create it")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"cannot write {path}: permission denied; choose another place")
