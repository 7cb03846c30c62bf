"""Makes the spoken targets of the emulator's scenarios with espeak-ng: mono, 16 bits, 24 kHz.

Usage: python scripts/make_clips.py [SCENARIO.toml]

Needs the program espeak-ng. Writes every file that an entry names as its ``audio``; files that exist are replaced.
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY))

from emulator.audio import OUTPUT_RATE_HZ, Samples, read_wav, resample, to_pcm, write_wav  # noqa: E402

DEFAULT = REPOSITORY / "emulator" / "scenarios" / "samples.toml"
VOICES = {"en": ("en-us", 225), "ko": ("ko", 240)}
"""espeak-ng's voice and its speed in words per minute, by target language."""
EDGE_SECS = 0.03
"""Silence that is left around the words."""
SILENCE = 0.003
"""Level under which espeak-ng's sound is taken for silence, full scale 1."""
PEAK = 0.6
"""Level of the loudest sample."""


def speak(text: str, language: str) -> Samples:
    """The text as speech at 24 kHz, silence around it cut, at one level.

    Raises:
        SystemExit: espeak-ng is missing or has failed.
    """
    voice, speed = VOICES[language]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spoken.wav"
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(file), text]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except FileNotFoundError:
            raise SystemExit("espeak-ng is not installed; it is in the distribution's packages") from None
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"espeak-ng failed on {text!r}: {error.stderr.decode()}") from error
        samples, rate_hz = read_wav(file)
    return trimmed(resample(samples, rate_hz, OUTPUT_RATE_HZ))


def trimmed(samples: Samples) -> Samples:
    """The samples without the silence around them, their peak at a fixed level."""
    loud = np.flatnonzero(np.abs(samples) > SILENCE)
    if len(loud) == 0:
        raise SystemExit("espeak-ng gave silence")
    edge = round(EDGE_SECS * OUTPUT_RATE_HZ)
    words = samples[max(0, loud[0] - edge) : loud[-1] + edge]
    return words * np.float32(PEAK / np.abs(words).max())


def main() -> None:
    """Make the sounds of one scenario."""
    scenario = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    total_bytes = 0
    for entry in tomllib.loads(scenario.read_text(encoding="utf-8"))["entry"]:
        file = (scenario.parent / entry["audio"]).resolve()
        file.parent.mkdir(parents=True, exist_ok=True)
        write_wav(file, to_pcm(speak(entry["target"], entry["target_language"])), OUTPUT_RATE_HZ)
        total_bytes += file.stat().st_size
    sys.stdout.write(f"{total_bytes / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
