"""Every message of the protocol, as pydantic models: two unions, one for each direction.

On the wire a message is one JSON object with camelCase names and a ``type``. Unknown fields are ignored, JSON
types are strict (``16000.0`` is an integer, ``"true"`` is no bool), and absent fields are left out rather than
sent as ``null``.

The docstrings of models and fields are what the protocol's documents say of them (:mod:`reference`), so they
speak of the wire. ``json_schema_extra`` holds what JSON Schema is to say and pydantic does not check, and as
``x-sent`` when a field that may be missing is sent.
"""

import binascii
import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from protocol.errors import ErrorCode, Fault, WarningCode

SAMPLE_BYTES = 2
"""Bytes of one sample: PCM is signed 16 bit little endian, mono, in both directions."""


def _integral_float_as_int(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _refuse_null(value: Any) -> Any:
    if value is None:
        raise ValueError("null is no value; leave the field out")
    return value


# Bounds stand inside the validator: pydantic's JSON Schema shows them only there.
SampleRate = Annotated[int, Field(ge=8000, le=48000), BeforeValidator(_integral_float_as_int)]
LARGEST_COUNT = 2**53 - 1
"""Up to here every JSON library holds integers exactly (RFC 8259, section 6)."""
Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT), BeforeValidator(_integral_float_as_int)]
JsonNumber = Annotated[int | Annotated[float, Field(allow_inf_nan=False)], WithJsonSchema({"type": "number"})]

_NOT_NULL = BeforeValidator(_refuse_null)

LONGEST_NAME = 64
"""Characters of a participant's name."""
_UNPRINTABLE = r"[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]"
"""Control characters (C0, C1), separators of lines, and what turns the direction of writing (Unicode, UAX #9): a
name with these could pass for something else where it is shown."""


def _printable(name: str) -> str:
    if re.search(_UNPRINTABLE, name):
        raise ValueError("expected a name without control characters")
    return name


# The bound stands inside the validator, as above.
ParticipantName = Annotated[
    str,
    Field(max_length=LONGEST_NAME),
    AfterValidator(_printable),
    WithJsonSchema({"type": "string", "maxLength": LONGEST_NAME, "not": {"pattern": _UNPRINTABLE}}),
]
"""What a participant of a room is called: untrusted, shown to the others, one line."""
_Secret = Annotated[str, Field(max_length=128)]
_Speaker = Annotated[
    str | None,
    Field(
        json_schema_extra={"x-sent": "only in rooms"},
        description="In a room: who spoke, the ``participantId`` of a participant, perhaps the reader itself.",
    ),
]

_PCM_BASE64: dict[str, JsonValue] = {
    "contentEncoding": "base64",
    "minLength": 4,
    # Whole samples of two bytes: eight characters are three samples, what remains is one or two and padding.
    "pattern": "^(?:[A-Za-z0-9+/]{8})*(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{6}==)?$",
}
_IF_RESUMABLE: dict[str, JsonValue] = {"x-sent": "if the session can be resumed"}
_FINAL_HAS_LANGUAGE: dict[str, JsonValue] = {
    "if": {"properties": {"isFinal": {"const": True}}},
    "then": {"required": ["language"]},
    "else": {"not": {"required": ["language"]}},
}
_LOST_SPEECH_HAS_MS: dict[str, JsonValue] = {
    "if": {"properties": {"code": {"enum": [WarningCode.SPEECH_DROPPED, WarningCode.AUDIO_LOST]}}},
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


_CLAIM = ("sessionId", "resumeToken", "lastSeq", "firstSample")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a client shows to go on with a session; untrusted.

    Attributes:
        session_id: Which session.
        token: What is to prove that it is the client's.
        last_seq: The last message that the client got.
        first_sample: The oldest sample that the client can send again.
    """

    session_id: str
    token: str = field(repr=False)
    last_seq: int
    first_sample: int


class Resume(WireModel):
    """Asks for a session that can be resumed, and, with its four fields, for one that the client had before."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": {name: [other for other in _CLAIM if other != name] for name in _CLAIM}
        }
    )

    session_id: Annotated[str | None, _NOT_NULL] = None
    """``sessionId`` of the session's ``connected``."""

    resume_token: Annotated[str | None, _NOT_NULL] = None
    """``resumeToken`` of the session's ``connected``."""

    last_seq: Annotated[Count | None, _NOT_NULL] = None
    """The number of the last message that the client got; 0 if it got none after ``connected``."""

    first_sample: Annotated[Count | None, _NOT_NULL] = None
    """The oldest sample that the client still holds and can send again, counted from 0 since the first ``init``;
    where it holds none, the next one that it will send."""

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        if self.model_fields_set and self.claim is None:
            raise ValueError(f"expected all of {', '.join(_CLAIM)}, or none of them")
        return self

    @property
    def claim(self) -> Claim | None:
        """The session that is asked for, if one is."""
        if (
            self.session_id is None
            or self.resume_token is None
            or self.last_seq is None
            or self.first_sample is None
        ):
            return None
        return Claim(self.session_id, self.resume_token, self.last_seq, self.first_sample)


class RoomEntry(WireModel):
    """A seat of a room, which ``POST /rooms`` gave."""

    id: Annotated[str, Field(max_length=128)]
    """Which room: ``id`` in the answer of ``POST /rooms``."""

    token: Annotated[_Secret, Field(repr=False)]
    """Which seat: its ``token`` in the same answer, a secret."""

    name: ParticipantName = ""
    """What the others are shown, on one line. Empty: the name that the seat was given when the room was made."""


class InitConfig(WireModel):
    """What the client asks of its session."""

    language: str = "auto"
    """The language that is *spoken to* the interpreter: one of the two in ``LANGUAGES`` (``"ko"``, ``"en"``), the
    other one comes out; ``"auto"``: either may be spoken at any moment. Written as there, letter by letter."""

    target_language: Annotated[str | None, _NOT_NULL] = None
    """The language that comes out, as a BCP-47 code: one of the two in ``LANGUAGES``, or one of
    ``TARGET_LANGUAGES``. Missing: the other one of the two. It comes out whatever is said: with ``language``
    ``"auto"`` either of the two may be spoken, or, where it is one of them, the other one."""

    engine: Annotated[str | None, _NOT_NULL] = None
    """Name of the pipeline that is to serve the session: the one of ``PIPELINE``, or one of ``ENGINES``. Missing:
    the one of ``PIPELINE``. ``connected`` says which it is; another name is an ``INVALID_MESSAGE`` that lists those
    that there are, and ``init`` may be sent again."""

    use_whisper: bool = False
    """Asks for source text by Whisper in the place of Gemini's. Partials may then change rather than only grow.
    Where the server has no Whisper for this session a ``warning`` says so, and Gemini's text comes."""

    sample_rate: SampleRate = 16000
    """Of the audio that the client sends, in Hz."""

    audio_encoding: Literal["base64", "binary"] = "base64"
    """``"base64"``: audio goes both ways as base64 in JSON; ``"binary"``: as binary frames of raw PCM, and JSON
    ``audio`` stays valid."""

    resume: Annotated[Resume | None, _NOT_NULL] = None
    """Missing: the session ends with its connection. ``{}``: the session can be resumed. With its four fields: go
    on with that session; where that can't be, a fresh one, which can be resumed, is made of the rest of
    ``config``."""

    room: Annotated[RoomEntry | None, _NOT_NULL] = None
    """Missing: the client talks to the interpreter alone. Else it takes a seat in a conversation between people:
    ``language`` has to be the one of the seat, ``targetLanguage`` to be left out. A room or token that is not known
    is an ``INVALID_MESSAGE``, and ``init`` may be sent again."""


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


class NumberedMessage(ServerMessage):
    """A message that has a number where the session can be resumed; :mod:`protocol.numbering` puts it in."""

    seq: Annotated[int | None, Field(ge=1, json_schema_extra=_IF_RESUMABLE)] = None
    """The message's number: all after ``connected`` are counted, from 1, and a binary frame takes the next number
    without carrying it."""


class Connected(ServerMessage):
    """The session is ready: first on each connection, in answer to ``init``; only ``error`` may come before it."""

    type: Literal["connected"] = "connected"
    session_id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    """A UUID; the server's log knows the session by it."""

    input_sample_rate: Annotated[int | None, Field(json_schema_extra={"x-sent": "always"})] = None
    """Of the audio that the server expects, in Hz: what ``init`` asked for."""

    output_sample_rate: Annotated[int | None, Field(json_schema_extra={"x-sent": "always"})] = None
    """Of the audio that the server sends, in Hz: 24000."""

    engine: Annotated[str | None, Field(json_schema_extra={"x-sent": "always"})] = None
    """Name of the pipeline that serves the session."""

    resume_token: Annotated[str | None, Field(json_schema_extra=_IF_RESUMABLE)] = None
    """What the client has to show to go on with the session over another connection: a secret, always the same."""

    resumed: Annotated[bool | None, Field(json_schema_extra=_IF_RESUMABLE)] = None
    """``true``: this is the session that ``init`` asked for; ``false``: it is a fresh one."""

    received_samples: Annotated[int | None, Field(json_schema_extra=_IF_RESUMABLE)] = None
    """Audio that the session received since its first ``init``, in samples at ``inputSampleRate``: the number of
    the sample that it expects next."""

    participant_id: Annotated[str | None, Field(json_schema_extra={"x-sent": "only in rooms"})] = None
    """Who the client is in its room: the ``speaker`` of its own texts. It stays the seat's, whoever takes it."""


class Transcription(NumberedMessage):
    """Text of a turn: ``input_transcription`` is what was said, ``output_transcription`` the interpretation."""

    model_config = ConfigDict(json_schema_extra=_FINAL_HAS_LANGUAGE)

    type: Literal["input_transcription", "output_transcription"]
    text: Annotated[str, Field(json_schema_extra={"minLength": 1})]
    """The whole text of the turn so far: a partial replaces the one before."""

    is_final: bool
    """``false``: more may come; ``true``: this is all."""

    language: Annotated[str | None, Field(json_schema_extra={"x-sent": "only if final"})] = None
    """The language detected in ``text``, such as ``ko``."""

    speaker: _Speaker = None


class AudioResponse(NumberedMessage):
    """A piece of interpreted speech. With ``audioEncoding`` ``"binary"``, binary frames of PCM take its place."""

    type: Literal["audio_response"] = "audio_response"
    data: Annotated[str, Field(json_schema_extra=_PCM_BASE64)]
    """Base64 of PCM."""

    sample_rate: int
    """In Hz: 24000."""


class TurnComplete(NumberedMessage):
    """A turn is over: nothing more of it comes."""

    type: Literal["turn_complete"] = "turn_complete"
    input_text: str
    """The text of the input final, ``""`` if there was none."""

    output_text: str
    """The text of the output final, ``""`` if there was none."""

    speaker: _Speaker = None


class SpeechState(NumberedMessage):
    """What the interpreter makes of the speaker, on every change; never the same twice in a row."""

    type: Literal["speech_state"] = "speech_state"
    state: Literal["speaking", "silent", "processing"]
    """``speaking``: voice is heard; ``processing``: else, if a finished utterance has had no output so far;
    ``silent``: else."""

    timestamp: int
    """The server's clock, Unix time in ms."""

    speaker: _Speaker = None


class Interrupted(NumberedMessage):
    """Drop what is queued for playing, whatever the reason."""

    type: Literal["interrupted"] = "interrupted"
    reason: Literal["client", "barge_in", "upstream"]
    """``client``: it sent ``interrupt``; ``barge_in``: somebody spoke during output, and ``BARGE_IN`` is on;
    ``upstream``: Gemini's answer broke off and is made again; the texts and the audio of this turn start anew, from
    nothing, and one pair of finals comes in the end."""

    speaker: _Speaker = None


class Warning(NumberedMessage):
    """Worth knowing, and no error: the session goes on."""

    model_config = ConfigDict(json_schema_extra=_LOST_SPEECH_HAS_MS)

    type: Literal["warning"] = "warning"
    message: str
    """For people; its wording may change."""

    code: WarningCode
    """``WHISPER_UNAVAILABLE``: ``useWhisper`` was asked for, the text comes from Gemini all the same.
    ``SPEECH_DROPPED``: speech was given up without being interpreted, either the oldest of more than
    ``UPLINK_RING_SECS`` that was waiting, or an utterance that Gemini did not answer in full, however often it was
    asked. ``UPSTREAM_RECONNECTED``: the connection to Gemini was lost and is there again; what was said meanwhile
    is being interpreted. ``AUDIO_LOST``: a session was resumed by a client that no longer holds all audio that the
    session did not receive; it goes on behind what is missing. ``GLOSSARY_MISSED``: terms of the operator's
    glossary were said in the turn that is complete, and did not come out in its interpretation."""

    ms: Annotated[
        int | None, Field(json_schema_extra={"x-sent": "only with `SPEECH_DROPPED` and `AUDIO_LOST`"})
    ] = None
    """How much audio."""

    speaker: _Speaker = None


class ParticipantJoined(NumberedMessage):
    """Somebody is in the room: told of everybody who is there when the client comes, then of all who come."""

    type: Literal["participant_joined"] = "participant_joined"
    participant_id: str
    """The ``speaker`` of what that participant says."""

    name: str
    """What the participant is called, ``""`` if nobody said; chosen by somebody else, so show it as text only."""

    language: str
    """What the participant speaks, and what it hears the others in: a code of the server's."""


class ParticipantLeft(NumberedMessage):
    """Somebody left the room; what that participant had said is still interpreted."""

    type: Literal["participant_left"] = "participant_left"
    participant_id: str
    """Who."""

    name: str
    """As when the participant came."""

    language: str
    """As when the participant came."""


class Error(NumberedMessage):
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
    "participant_joined": ParticipantJoined,
    "participant_left": ParticipantLeft,
    "error": Error,
}
