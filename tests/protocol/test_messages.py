"""What a message may hold."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from protocol.errors import ErrorCode, Fault
from protocol.messages import Audio, Init, InitConfig, Transcription, checked_pcm


def test_a_message_cannot_be_changed() -> None:
    """A message is a value: who holds one can rely on it."""
    with pytest.raises(ValidationError):
        Init().config = InitConfig()  # type: ignore[misc]


def test_a_partial_has_no_language_on_the_wire() -> None:
    """An absent field is left out, not sent as null."""
    message = Transcription(type="input_transcription", text="x", is_final=False)
    assert "language" not in message.to_json()
    assert "null" not in message.to_json()


def test_text_goes_out_as_it_is() -> None:
    """Letters outside ASCII are not escaped."""
    assert '"안녕 🙂"' in Transcription(type="input_transcription", text="안녕 🙂", is_final=False).to_json()


@given(st.binary(min_size=1).filter(lambda pcm: len(pcm) % 2 == 0))
def test_base64_of_samples_gives_the_samples(pcm: bytes) -> None:
    """Any PCM comes out of its base64 as it went in."""
    assert Audio(data=base64.b64encode(pcm).decode()).pcm(len(pcm)) == pcm


@pytest.mark.parametrize("padding", ["=", "==", "===", "====", "========"])
@pytest.mark.parametrize("whole", ["AAAAAAAA", "AAABAP//" * 3])
def test_padding_follows_no_whole_group(whole: str, padding: str) -> None:
    """Base64 that needs no padding has none, which Python's strict decoder does not see."""
    assert isinstance(Audio(data=whole).pcm(1000), bytes)
    fault = Audio(data=whole + padding).pcm(1000)
    assert isinstance(fault, Fault)
    assert fault.code is ErrorCode.INVALID_AUDIO


@pytest.mark.parametrize("timestamp", ["1e400", "-1e400"])
def test_a_timestamp_is_a_number_that_json_can_hold(timestamp: str) -> None:
    """What overflows to infinity could not be written again."""
    with pytest.raises(ValidationError):
        Audio.model_validate_json(f'{{"data":"AAA=","timestamp":{timestamp}}}')


@given(st.text())
def test_reading_audio_is_total(data: str) -> None:
    """Any text in ``data`` gives samples or a fault, never an exception."""
    pcm = Audio(data=data).pcm(1000)
    assert isinstance(pcm, Fault) or (0 < len(pcm) <= 1000 and len(pcm) % 2 == 0)


@given(st.binary(max_size=40))
def test_any_bytes_are_samples_or_a_fault(data: bytes) -> None:
    """Exactly the empty, the odd and the too long chunks are faults."""
    checked = checked_pcm(data, 20)
    fine = 0 < len(data) <= 20 and len(data) % 2 == 0
    assert checked == data if fine else isinstance(checked, Fault) and checked.code is ErrorCode.INVALID_AUDIO
