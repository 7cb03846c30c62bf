"""Reading any WAV, writing ours."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile  # the package has no type information

from client.errors import ClientError, InputError
from client.wav import read_wav, write_wav


def _write(path: Path, rate_hz: int, subtype: str, channels: int = 1, secs: float = 0.5) -> Path:
    times = np.arange(round(secs * rate_hz)) / rate_hz
    tone = 0.5 * np.sin(2 * np.pi * 200 * times)
    soundfile.write(path, np.tile(tone[:, None], (1, channels)), rate_hz, subtype=subtype)
    return path


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_sample_format_becomes_mono_16_bit(tmp_path: Path, subtype: str, channels: int) -> None:
    """Level and length survive whatever the file's width and channels are."""
    recording = read_wav(_write(tmp_path / "a.wav", 16000, subtype, channels))
    assert recording.rate_hz == 16000
    assert recording.samples.dtype == np.int16
    assert len(recording.samples) == 8000
    assert np.abs(recording.samples).max() == pytest.approx(16384, rel=0.03)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 24000, 44100, 48000])
def test_supported_rates_are_kept(tmp_path: Path, rate_hz: int) -> None:
    """A rate that the protocol takes is not touched."""
    recording = read_wav(_write(tmp_path / "a.wav", rate_hz, "PCM_16"))
    assert recording.rate_hz == rate_hz
    assert recording.duration_secs == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize(("rate_hz", "supported_hz"), [(4000, 8000), (6000, 8000), (88200, 48000), (96000, 48000)])
def test_other_rates_go_to_the_nearest_supported_one(tmp_path: Path, rate_hz: int, supported_hz: int) -> None:
    """Resampling keeps duration, level and pitch."""
    recording = read_wav(_write(tmp_path / "a.wav", rate_hz, "PCM_24"))
    assert recording.rate_hz == supported_hz
    assert recording.duration_secs == pytest.approx(0.5, abs=0.001)
    spectrum = np.abs(np.fft.rfft(recording.samples))
    assert np.argmax(spectrum) / recording.duration_secs == pytest.approx(200, abs=3)
    assert np.abs(recording.samples[500:-500]).max() == pytest.approx(16384, rel=0.05)


@pytest.mark.parametrize(("file_hz", "rate_hz"), [(44100, 16000), (8000, 48000), (96000, 16000), (16000, 16000)])
def test_a_rate_that_is_asked_for(tmp_path: Path, file_hz: int, rate_hz: int) -> None:
    """Duration and pitch are those of the file."""
    recording = read_wav(_write(tmp_path / "a.wav", file_hz, "PCM_16"), rate_hz)
    assert recording.rate_hz == rate_hz
    assert recording.duration_secs == pytest.approx(0.5, abs=0.001)
    spectrum = np.abs(np.fft.rfft(recording.samples))
    assert np.argmax(spectrum) / recording.duration_secs == pytest.approx(200, abs=3)


def test_16_bit_mono_comes_through_bit_exact(tmp_path: Path) -> None:
    """Nothing is lost where nothing needs converting, the extremes included."""
    samples = np.array([-32768, -32767, -1, 0, 1, 12345, 32767] * 20000, np.int16)
    write_wav(tmp_path / "a.wav", [samples[:70000], samples[70000:]], 16000)
    np.testing.assert_array_equal(read_wav(tmp_path / "a.wav").samples, samples)


def test_channels_are_averaged(tmp_path: Path) -> None:
    """Opposite channels cancel out."""
    soundfile.write(tmp_path / "a.wav", np.array([[0.5, -0.5], [0.5, 0.25]] * 100), 16000)
    assert read_wav(tmp_path / "a.wav").samples[:2].tolist() == [0, 12288]


def test_float_samples_beyond_full_scale_are_clipped(tmp_path: Path) -> None:
    """Too loud and not-a-number stay within 16 bit rather than wrap around."""
    soundfile.write(tmp_path / "a.wav", np.array([2.0, -2.0, np.nan, 0.0]), 16000, subtype="FLOAT")
    assert read_wav(tmp_path / "a.wav").samples.tolist() == [32767, -32768, 0, 0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message says which path does not exist."""
    with pytest.raises(InputError, match=r"no\.wav does not exist"):
        read_wav(tmp_path / "no.wav")


def test_a_directory_is_no_wav(tmp_path: Path) -> None:
    """The message says that it is a directory."""
    with pytest.raises(InputError, match="is a directory"):
        read_wav(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"RIFF\x10\x00\x00\x00WAVEfmt "], ids=["empty", "text", "cut"])
def test_what_is_no_wav_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty, a foreign and a broken file are one clear line each."""
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=r"expected a WAV file, but .*bad\.wav cannot be read as one: \w+"
    ) as caught:
        read_wav(path)
    assert "\n" not in str(caught.value)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """Where nobody writes to it, reading would wait without end, and Ctrl-C with it."""
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(InputError, match="is a pipe or a device; write it to a file first"):
        read_wav(tmp_path / "a.wav")


def test_a_name_that_no_file_can_have_is_refused() -> None:
    """The system's reason reaches the user."""
    with pytest.raises(InputError, match="cannot be read as one: File name too long"):
        read_wav(Path("a" * 300))


def test_a_header_without_audio_is_refused(tmp_path: Path) -> None:
    """Nothing to interpret is an error, not a session of no length."""
    write_wav(tmp_path / "a.wav", [], 16000)
    with pytest.raises(InputError, match="holds no audio"):
        read_wav(tmp_path / "a.wav")


def test_an_absurd_rate_is_refused(tmp_path: Path) -> None:
    """A header of 100 Hz does not make a giant of a small file."""
    write_wav(tmp_path / "a.wav", [np.ones(100, np.int16)], 100)
    with pytest.raises(InputError, match="got 100 Hz"):
        read_wav(tmp_path / "a.wav")


def test_a_truncated_file_gives_what_it_holds(tmp_path: Path) -> None:
    """A recording that broke off is interpreted as far as it goes."""
    path = _write(tmp_path / "a.wav", 16000, "PCM_16")
    path.write_bytes(path.read_bytes()[:-8000])
    assert read_wav(path).duration_secs == pytest.approx(0.25, abs=0.001)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    """The system's reason reaches the user."""
    path = _write(tmp_path / "a.wav", 16000, "PCM_16")
    path.chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        read_wav(path)


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The message says what and why."""
    with pytest.raises(ClientError, match=r"cannot write .*a\.wav: No such file"):
        write_wav(tmp_path / "no" / "a.wav", [np.zeros(1, np.int16)], 24000)
