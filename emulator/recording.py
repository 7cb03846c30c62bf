"""Writes what happened in a session to a folder: sound as WAV, messages and utterances as JSON lines, no key."""

import dataclasses
import json
import wave
from pathlib import Path
from typing import Any, TextIO

from emulator.audio import INPUT_RATE_HZ, OUTPUT_RATE_HZ, open_wav, write_wav
from emulator.faults import FaultStrike
from emulator.record import MessageRecord, SaidRecord, UtteranceRecord


class SessionRecorder:
    """One session's folder.

    Args:
        folder: Made if it does not exist.

    Raises:
        OSError: The folder or a file in it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._messages = (folder / "messages.jsonl").open("w", encoding="utf-8")
        self._utterances = (folder / "utterances.jsonl").open("w", encoding="utf-8")
        self._faults = (folder / "faults.jsonl").open("w", encoding="utf-8")
        self._wav: wave.Wave_write | None = None
        self._sent: wave.Wave_write | None = None
        self._said: TextIO | None = None
        self._utterance_count = 0

    def message(self, record: MessageRecord) -> None:
        """Write a message's line."""
        _write_line(self._messages, dataclasses.asdict(record))

    def fault(self, strike: FaultStrike) -> None:
        """Write the line of a fault that struck."""
        _write_line(self._faults, dataclasses.asdict(strike))

    def audio(self, pcm: bytes, rate_hz: int) -> None:
        """Append received sound. The file has the rate of the first piece."""
        if self._wav is None:
            self._wav = open_wav(self._folder / "received.wav", rate_hz)
        self._wav.writeframesraw(pcm)

    def sent(self, pcm: bytes) -> None:
        """Append sound that a translate session sent."""
        if self._sent is None:
            self._sent = open_wav(self._folder / "sent.wav", OUTPUT_RATE_HZ)
        self._sent.writeframesraw(pcm)

    def said(self, record: SaidRecord) -> None:
        """Write the line of a piece that a translate session said."""
        if self._said is None:
            self._said = (self._folder / "said.jsonl").open("w", encoding="utf-8")
        _write_line(self._said, dataclasses.asdict(record))

    def utterance(self, record: UtteranceRecord, pcm: bytes) -> None:
        """Write an utterance's sound and its line."""
        self._utterance_count += 1
        name = f"utterance-{self._utterance_count:04}.wav"
        write_wav(self._folder / name, pcm, record.rate_hz)
        line = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
        del line["audio"]
        line["heard"] = [dataclasses.asdict(stretch) for stretch in record.heard]
        line["faults"] = [dataclasses.asdict(strike) for strike in record.faults]
        _write_line(self._utterances, {"file": name, **line})

    def close(self) -> None:
        """Finish all files."""
        if self._wav is None:
            self.audio(b"", INPUT_RATE_HZ)
        if self._wav is not None:
            self._wav.close()
        if self._sent is not None:
            self._sent.close()
        if self._said is not None:
            self._said.close()
        self._messages.close()
        self._utterances.close()
        self._faults.close()


def next_folder(record_dir: Path) -> Path:
    """A folder for the next session: numbered, after those that are there."""
    names = [item.name.removeprefix("session-") for item in record_dir.glob("session-*")]
    numbers = [int(name) for name in names if name.isdecimal()]
    return record_dir / f"session-{max(numbers, default=0) + 1:04}"


def _write_line(file: TextIO, line: dict[str, Any]) -> None:
    file.write(json.dumps(line, ensure_ascii=False) + "\n")
    file.flush()
