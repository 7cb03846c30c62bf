"""What the arguments of ``interpret`` ask for, as jobs; and which of them do not go together."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from client.errors import InputError
from client.fast import DEFAULT_FAST_RATE
from client.interpret import InterpretJob
from client.microphone import DEFAULT_RATE_HZ, LONGEST_SECS, MicInput
from client.outputs import Outputs, make_dir
from client.sources import Input, WavInput


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpretOptions:
    """The arguments, as they were given; ``None`` for those that were not. See ``interpret --help``."""

    files: Sequence[Path]
    url: str
    default_out_dir: Path
    out: Path | None = None
    transcript: Path | None = None
    out_dir: Path | None = None
    language: str = "auto"
    target: str | None = None
    engine: str | None = None
    rate_hz: int | None = None
    chunk_ms: int = 20
    fast: bool = False
    fast_rate: float | None = None
    mic: bool = False
    device: str | None = None
    duration_secs: float | None = None

    def jobs(self, now: Callable[[], datetime] = datetime.now) -> list[InterpretJob]:
        """One job for each recording, or one for the microphone; makes the directory for their results.

        Args:
            now: Names the results of a microphone.

        Raises:
            InputError: Arguments are missing or do not go together, or the directory cannot be made.
        """
        for problem in self._problems():
            raise InputError(problem)
        if self.out is None:
            make_dir(self.out_dir or self.default_out_dir)
        if self.mic:
            return [self._job(self._microphone(), f"mic-{now():%Y%m%d-%H%M%S}")]
        return [self._job(WavInput(path, self.rate_hz), path.stem) for path in self.files]

    def _problems(self) -> Iterator[str]:
        yield from self._problems_of_input()
        several = len(self.files) > 1
        for option, value in (("--out", self.out), ("--transcript", self.transcript)):
            if value is not None and several:
                yield f"{option} names one file, but there are {len(self.files)} recordings; use --out-dir"
        if self.out is not None and self.out_dir is not None:
            yield "expected --out or --out-dir, got both; leave one out"
        yield from self._problems_of_names()

    def _problems_of_input(self) -> Iterator[str]:
        if not self.files and not self.mic:
            yield "expected recordings or --mic, got neither; name WAV files, or say --mic"
        if self.files and self.mic:
            yield "expected recordings or --mic, got both; leave one out"
        if self.fast and self.mic:
            yield "--fast cannot be with --mic: nobody speaks faster than real time; leave one out"
        if self.fast_rate is not None and not self.fast:
            yield "--fast-rate needs --fast; say both, or neither"
        for option, value in (("--device", self.device), ("--duration", self.duration_secs)):
            if value is not None and not self.mic:
                yield f"{option} needs --mic; say both, or neither"
        if (self.duration_secs or 0) > LONGEST_SECS:
            yield f"expected a --duration of at most {LONGEST_SECS} s, got {self.duration_secs:g} s"

    def _problems_of_names(self) -> Iterator[str]:
        named: dict[str, Path] = {}
        for path in self.files:
            other = named.setdefault(path.stem.casefold(), path)
            if other is not path:
                yield (
                    "expected recordings with different names, since the results are named after them, got "
                    f"{other} and {path}; give them one after the other, with different --out-dir"
                )

    def _microphone(self) -> MicInput:
        device = int(self.device) if self.device is not None and self.device.isdecimal() else self.device
        return MicInput(device, self.rate_hz or DEFAULT_RATE_HZ, self.duration_secs)

    def _job(self, source: Input, stem: str) -> InterpretJob:
        outputs = Outputs.named(self.out_dir or self.default_out_dir, stem)
        if self.out is not None:
            outputs = Outputs(self.out, self.out.with_suffix(".jsonl"))
        if self.transcript is not None:
            outputs = Outputs(outputs.wav, self.transcript)
        return InterpretJob(
            source,
            self.url,
            outputs,
            recordings=tuple(self.files),
            language=self.language,
            chunk_ms=self.chunk_ms,
            fast_rate=(self.fast_rate or DEFAULT_FAST_RATE) if self.fast else None,
            target_language=self.target,
            engine=self.engine,
        )
