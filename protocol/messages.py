"""Every message of the protocol, as pydantic models: two unions, one for each direction.

On the wire a message is one JSON object with camelCase names and a ``type``. Unknown fields are ignored, JSON
types are strict (``16000.0`` is an integer, ``"true"`` is no bool), and absent fields are left out rather than
sent as ``null``.

The docstrings of models and fields are what the protocol's documents say of them (:mod:`reference`), so they
speak of the wire. ``json_schema_extra`` holds what JSON Schema is to say and pydantic does not check, and as
``x-sent`` when a field that may be missing is sent.
"""

import binascii
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic.alias_generators import to_camel

from protocol.errors import ErrorCode, Fault, WarningCode

SAMPLE_BYTES = 2
"""Bytes of one sample: PCM is signed 16 bit little endian, mono, in both directions."""


def _integral_float_as_int(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Bounds stand inside the validator: pydantic's JSON Schema shows them only there.
SampleRate = Annotated[int, Field(ge=8000, le=48000), BeforeValidator(_integral_float_as_int)]
JsonNumber = Annotated[int | Annotated[float, Field(allow_inf_nan=False)], WithJsonSchema({"type": "number"})]

_PCM_BASE64: dict[str, JsonValue] = {
    "contentEncoding": "base64",
    "minLength": 4,
    # Whole samples of two bytes: eight characters are three samples, what remains is one or two and padding.
    "pattern": "^(?:[A-Za-z0-9+/]{8})*(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{6}==)?$",
}
_FINAL_HAS_LANGUAGE: dict[str, JsonValue] = {
    "if": {"properties": {"isFinal": {"const": True}}},
    "then": {"required": ["language"]},
    "else": {"not": {"required": ["language"]}},
}
_DROPPED_SPEECH_HAS_MS: dict[str, JsonValue] = {
    "if": {"properties": {"code": {"const": WarningCode.SPEECH_DROPPED}}},
    "then": {"required": ["ms"]},
    "else": {"not": {"required": ["ms"]}},
}


class WireModel(BaseModel):
    """A JSON object of the protocol."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        strict=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )


# Client to server


class InitConfig(WireModel):
    """What the client asks of its session."""

    language: str = "auto"
    """The language that is *spoken to* the interpreter: one of the two in ``LANGUAGES`` (``"ko"``, ``"en"``), the
    other one comes out; ``"auto"``: either may be spoken at any moment."""

    use_whisper: bool = False
    """Asks for source text by Whisper, which this server does not have: a ``warning`` says so, and the session
    goes on with Gemini's text."""

    sample_rate: SampleRate = 16000
    """Of the audio that the client sends, in Hz."""

    audio_encoding: Literal["base64", "binary"] = "base64"
    """``"base64"``: audio goes both ways as base64 in JSON; ``"binary"``: as binary frames of raw PCM, and JSON
    ``audio`` stays valid."""


class Init(WireModel):
    """Opens the session; the first message. Only ``close`` may come before it."""

    type: Literal["init"] = "init"
    config: InitConfig = InitConfig()
    """May be missing, as may each of its fields."""


class Audio(WireModel):
    """A chunk of speech."""

    type: Literal["audio"] = "audio"
    data: Annotated[str, Field(json_schema_extra=_PCM_BASE64)]
    """Base64 of PCM: standard alphabet, padded, no line breaks."""

    timestamp: JsonNumber = 0
    """The client's clock in ms; decides nothing."""

    def pcm(self, max_bytes: int) -> bytes | Fault:
        """The samples, or what is wrong with them; at most ``max_bytes``."""
        try:
            pcm = binascii.a2b_base64(self.data, strict_mode=True)
        except ValueError as error:  # binascii.Error, or a character outside ASCII
            return Fault(ErrorCode.INVALID_AUDIO, f"'data' is not padded standard base64: {error}")
        if len(self.data) != 4 * -(-len(pcm) // 3):  # binascii lets padding follow whole groups of four
            return Fault(ErrorCode.INVALID_AUDIO, "'data' is not padded standard base64: excess padding")
        return checked_pcm(pcm, max_bytes)


class Interrupt(WireModel):
    """Stop the interpreter's current output. No fields."""

    type: Literal["interrupt"] = "interrupt"


class Close(WireModel):
    """End the session at once: output stops, no finals come, the connection is closed with 1000. No fields."""

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
    """The session is ready. Once, in answer to ``init``; nothing but ``error`` comes before it."""

    type: Literal["connected"] = "connected"
    session_id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    """A UUID; the server's log knows the session by it."""

    input_sample_rate: Annotated[int | None, Field(json_schema_extra={"x-sent": "always"})] = None
    """Of the audio that the server expects, in Hz: what ``init`` asked for."""

    output_sample_rate: Annotated[int | None, Field(json_schema_extra={"x-sent": "always"})] = None
    """Of the audio that the server sends, in Hz: 24000."""

    engine: Annotated[str | None, Field(json_schema_extra={"x-sent": "always"})] = None
    """Name of the pipeline that serves the session."""


class Transcription(ServerMessage):
    """Text of a turn: ``input_transcription`` is what was said, ``output_transcription`` the interpretation."""

    model_config = ConfigDict(json_schema_extra=_FINAL_HAS_LANGUAGE)

    type: Literal["input_transcription", "output_transcription"]
    text: Annotated[str, Field(json_schema_extra={"minLength": 1})]
    """The whole text of the turn so far: a partial replaces the one before."""

    is_final: bool
    """``false``: more may come; ``true``: this is all."""

    language: Annotated[str | None, Field(json_schema_extra={"x-sent": "only if final"})] = None
    """The language detected in ``text``, such as ``ko``."""


class AudioResponse(ServerMessage):
    """A piece of interpreted speech. With ``audioEncoding`` ``"binary"``, binary frames of PCM take its place."""

    type: Literal["audio_response"] = "audio_response"
    data: Annotated[str, Field(json_schema_extra=_PCM_BASE64)]
    """Base64 of PCM."""

    sample_rate: int
    """In Hz: 24000."""


class TurnComplete(ServerMessage):
    """A turn is over: nothing more of it comes."""

    type: Literal["turn_complete"] = "turn_complete"
    input_text: str
    """The text of the input final, ``""`` if there was none."""

    output_text: str
    """The text of the output final, ``""`` if there was none."""


class SpeechState(ServerMessage):
    """What the interpreter makes of the speaker, on every change; never the same twice in a row."""

    type: Literal["speech_state"] = "speech_state"
    state: Literal["speaking", "silent", "processing"]
    """``speaking``: voice is heard; ``processing``: else, if a finished utterance has had no output so far;
    ``silent``: else."""

    timestamp: int
    """The server's clock, Unix time in ms."""


class Interrupted(ServerMessage):
    """Drop what is queued for playing, whatever the reason."""

    type: Literal["interrupted"] = "interrupted"
    reason: Literal["client", "barge_in", "upstream"]
    """``client``: it sent ``interrupt``; ``barge_in``: somebody spoke during output, and ``BARGE_IN`` is on;
    ``upstream`` is reserved for output that breaks off and is made again, which this version does not do."""


class Warning(ServerMessage):
    """Worth knowing, and no error: the session goes on."""

    model_config = ConfigDict(json_schema_extra=_DROPPED_SPEECH_HAS_MS)

    type: Literal["warning"] = "warning"
    message: str
    """For people; its wording may change."""

    code: WarningCode
    """``WHISPER_UNAVAILABLE``: ``useWhisper`` was asked for, the text comes from Gemini all the same.
    ``SPEECH_DROPPED``: speech waited for its turn until more than ``UPLINK_RING_SECS`` of it was waiting, and the
    oldest was given up without being interpreted."""

    ms: Annotated[int | None, Field(json_schema_extra={"x-sent": "only with `SPEECH_DROPPED`"})] = None
    """How much speech."""


class Error(ServerMessage):
    """Something went wrong; the code says what, and whether the connection goes on."""

    type: Literal["error"] = "error"
    message: str
    """For developers: what was expected and what came; its wording may change."""

    code: ErrorCode | None = None
    """For programs."""

    @classmethod
    def of(cls, fault: Fault) -> "Error":
        """The message that tells the client of ``fault``."""
        return cls(message=fault.message, code=fault.code)


SERVER_MESSAGES: dict[str, type[ServerMessage]] = {
    "connected": Connected,
    "input_transcription": Transcription,
    "output_transcription": Transcription,
    "audio_response": AudioResponse,
    "turn_complete": TurnComplete,
    "speech_state": SpeechState,
    "interrupted": Interrupted,
    "warning": Warning,
    "error": Error,
}
