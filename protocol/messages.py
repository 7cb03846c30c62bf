"""Every message of the protocol, as pydantic models: two unions, one for each direction.

On the wire a message is one JSON object with camelCase names and a ``type``. Unknown fields are ignored, JSON
types are strict (``16000.0`` is an integer, ``"true"`` is no bool), and absent fields are left out rather than
sent as ``null``.
"""

import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from protocol.errors import ErrorCode, Fault, WarningCode

SAMPLE_BYTES = 2
"""Bytes of one sample: PCM is signed 16 bit little endian, mono, in both directions."""


def _integral_float_as_int(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


JsonInteger = Annotated[int, BeforeValidator(_integral_float_as_int)]


class WireModel(BaseModel):
    """A JSON object of the protocol."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, strict=True, extra="ignore", frozen=True
    )


# Client to server


class InitConfig(WireModel):
    """What the client asks of its session.

    Attributes:
        language: The language that is *spoken to* the interpreter; ``"auto"``: either of the pair at any moment.
        use_whisper: Whether the source text is to come from Whisper instead of from the upstream.
        sample_rate: Of the audio that the client sends, in Hz.
        audio_encoding: ``"binary"``: audio goes both ways as binary frames of raw PCM.
    """

    language: str = "auto"
    use_whisper: bool = False
    sample_rate: Annotated[JsonInteger, Field(ge=8000, le=48000)] = 16000
    audio_encoding: Literal["base64", "binary"] = "base64"


class Init(WireModel):
    """Opens the session; the first message of a connection."""

    type: Literal["init"] = "init"
    config: InitConfig = InitConfig()


class Audio(WireModel):
    """One chunk of speech.

    Attributes:
        data: Base64 (standard alphabet, padded) of PCM at the client's sample rate.
        timestamp: The client's clock, ms. Decides nothing.
    """

    type: Literal["audio"] = "audio"
    data: str
    timestamp: int | float = 0

    def pcm(self, max_bytes: int) -> bytes | Fault:
        """The samples, or what is wrong with them; at most ``max_bytes``."""
        try:
            pcm = binascii.a2b_base64(self.data, strict_mode=True)
        except ValueError as error:  # binascii.Error, or a character outside ASCII
            return Fault(ErrorCode.INVALID_AUDIO, f"'data' is not padded standard base64: {error}")
        return checked_pcm(pcm, max_bytes)


class Interrupt(WireModel):
    """Stop the interpreter's current output."""

    type: Literal["interrupt"] = "interrupt"


class Close(WireModel):
    """End the session at once, without finals."""

    type: Literal["close"] = "close"


ClientMessage = Init | Audio | Interrupt | Close
CLIENT_MESSAGES: dict[str, type[ClientMessage]] = {
    "init": Init,
    "audio": Audio,
    "interrupt": Interrupt,
    "close": Close,
}


def checked_pcm(pcm: bytes, max_bytes: int) -> bytes | Fault:
    """``pcm`` itself, or a fault where it is empty, holds half a sample or is longer than ``max_bytes``."""
    if not pcm:
        return Fault(ErrorCode.INVALID_AUDIO, "expected PCM audio, got an empty chunk")
    if len(pcm) % SAMPLE_BYTES:
        return Fault(ErrorCode.INVALID_AUDIO, f"expected 16 bit samples, got an odd {len(pcm)} bytes")
    if len(pcm) > max_bytes:
        return Fault(
            ErrorCode.INVALID_AUDIO, f"expected a chunk of at most {max_bytes} bytes, got {len(pcm)} bytes"
        )
    return pcm


# Server to client


class ServerMessage(WireModel):
    """A message that the server sends."""

    type: str

    def to_json(self) -> str:
        """The text frame's content."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


class Connected(ServerMessage):
    """The upstream session is ready; once, in answer to ``init``.

    Attributes:
        session_id: UUID of the session, also in the server's log.
        input_sample_rate: Of the audio that the server expects, in Hz, as the client asked.
        output_sample_rate: Of the audio that the server sends, in Hz.
        engine: Name of the pipeline that serves the session.
    """

    type: Literal["connected"] = "connected"
    session_id: str
    input_sample_rate: int | None = None
    output_sample_rate: int | None = None
    engine: str | None = None


class Transcription(ServerMessage):
    """Text of one side of a turn.

    Attributes:
        text: The whole text of the turn so far: a partial replaces the one before.
        is_final: The text is complete; comes once a turn and side.
        language: The language detected in ``text``, with the final only.
    """

    type: Literal["input_transcription", "output_transcription"]
    text: str
    is_final: bool
    language: str | None = None


class AudioResponse(ServerMessage):
    """A piece of interpreted speech.

    Attributes:
        data: Base64 of PCM.
        sample_rate: In Hz.
    """

    type: Literal["audio_response"] = "audio_response"
    data: str
    sample_rate: int


class TurnComplete(ServerMessage):
    """A turn is over; its texts equal the two finals, ``""`` for a side that has none."""

    type: Literal["turn_complete"] = "turn_complete"
    input_text: str
    output_text: str


class SpeechState(ServerMessage):
    """What the interpreter makes of the speaker; on every change, never twice the same in a row.

    Attributes:
        state: ``speaking`` while voice is active, ``processing`` while a finished utterance has had no output,
            else ``silent``.
        timestamp: The server's clock, Unix ms.
    """

    type: Literal["speech_state"] = "speech_state"
    state: Literal["speaking", "silent", "processing"]
    timestamp: int


class Interrupted(ServerMessage):
    """Drop what is queued for playing."""

    type: Literal["interrupted"] = "interrupted"
    reason: Literal["client", "barge_in", "upstream"]


class Warning(ServerMessage):
    """Something that the user should know and that is no error.

    Attributes:
        message: For people.
        code: For programs.
        ms: How much audio it is about, where it is about audio.
    """

    type: Literal["warning"] = "warning"
    message: str
    code: WarningCode
    ms: int | None = None


class Error(ServerMessage):
    """Something went wrong; the table in :mod:`protocol.errors` says what follows."""

    type: Literal["error"] = "error"
    message: str
    code: ErrorCode | None = None

    @classmethod
    def of(cls, fault: Fault) -> "Error":
        """The message that tells the client of ``fault``."""
        return cls(message=fault.message, code=fault.code)
