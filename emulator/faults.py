"""Faults by name: what the service was seen to do wrong, and the moments at which it can be made to. Values only.

Where each fault comes from stands in ``docs/emulator.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

FaultName = Literal[
    "refuse_401",
    "refuse_403",
    "refuse_404",
    "refuse_429",
    "refuse_503",
    "black_hole",
    "refuse_key",
    "refuse_model",
    "refuse_quota",
    "resume_1007",
    "reset",
    "half_open",
    "close_1000",
    "close_1007",
    "close_1007_no_turn",
    "close_1008",
    "close_1008_deadline",
    "close_1011",
    "close_1011_unavailable",
    "close_1011_deadline",
    "quota_close",
    "go_away",
    "silent_after_go_away",
    "mute",
    "mute_after_interrupted",
    "slow_reads",
    "no_pongs",
    "delayed_pongs",
    "phantom_interrupted",
    "phantom_interruption",
    "premature_turn_complete",
    "unknown_message",
    "not_resumable",
    "big_frame",
    "swallowed",
    "empty_turn",
    "missing_turn_end",
    "missing_turn_complete",
    "late_turn_complete",
    "frozen_output",
    "stalled_output",
    "zero_audio",
    "no_audio",
    "late_transcripts",
    "duplicate_transcripts",
    "missing_transcripts",
    "truncated_transcripts",
    "unsolicited_transcripts",
    "language_drift",
    "multi_part",
    "bundled",
    "leak",
    "wrong_source_language",
    "late_source_text",
    "missing_source_text",
]
"""Every fault; ``ALL_KINDS`` says when each can strike."""

Moment = Literal["setup", "before", "during", "after", "output", "idle"]
"""When a fault strikes.

``setup``: while a connection is made. ``before``: at ``activityStart``, before its audio. ``during``: when
``at_ms`` of the utterance's audio has come. ``after``: at ``activityEnd``, before any output. ``output``: when
``at_ms`` of the answer's sound was sent. ``idle``: after a complete answer, with nothing open.
"""

Stage = Literal["door", "upgrade", "setup", "link", "voice", "answer", "translation"]

_ANY: tuple[Moment, ...] = get_args(Moment)
_TALK: tuple[Moment, ...] = ("before", "during", "after", "output", "idle")
_ANSWER: tuple[Moment, ...] = ("after", "output")
_GOING: Mapping[str, Any] = {"time_left_secs": 50.0, "close_code": 1008, "reason": "", "abort": False}


@dataclass(frozen=True, slots=True)
class Kind:
    """What is common to all faults of a name.

    Attributes:
        moments: At which it can strike.
        stage: Who plays it: the ``door`` of the server or the ``upgrade``, before there is a session; the
            ``setup``; the ``link``, at any time; the ``voice``, at any time after ``setupComplete``; the
            ``answer``; or the ``translation``, in translate sessions only.
        parameters: Fields of ``Fault`` that it takes beside the common ones, and what they are when not given.
        spoils: An answer that it strikes does not count as complete, although all that is left of it is sent.
        translated: A fault of an answer that translate sessions play, too.
    """

    moments: tuple[Moment, ...]
    stage: Stage
    parameters: Mapping[str, Any] = field(default_factory=dict)
    spoils: bool = False
    translated: bool = False


def _close(reason: str) -> Kind:
    return Kind(_ANY, "link", {"reason": reason})


QUOTA_REASON = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this "
    "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."
)
DEADLINE_REASON = "Deadline expired before operation could complete."
INVALID_REASON = "Request contains an invalid argument."
INTERNAL_REASON = "Internal error encountered."

KINDS: Mapping[FaultName, Kind] = {
    "refuse_401": Kind(("setup",), "upgrade"),
    "refuse_403": Kind(("setup",), "upgrade"),
    "refuse_404": Kind(("setup",), "upgrade"),
    "refuse_429": Kind(("setup",), "upgrade"),
    "refuse_503": Kind(("setup",), "upgrade"),
    "black_hole": Kind(("setup",), "door"),
    "refuse_key": Kind(("setup",), "setup"),
    "refuse_model": Kind(("setup",), "setup"),
    "refuse_quota": Kind(("setup",), "setup"),
    "resume_1007": Kind(("setup",), "setup"),
    "reset": Kind(_ANY, "link"),
    "half_open": Kind(_ANY, "link"),
    "close_1000": _close("The operation was cancelled."),
    "close_1007": _close(INVALID_REASON),
    "close_1007_no_turn": Kind(("after",), "link", {"reason": f"{INVALID_REASON} No turn to complete."}),
    "close_1008": _close("Operation is not implemented, or supported, or enabled."),
    "close_1008_deadline": _close(""),
    "close_1011": _close(INTERNAL_REASON),
    "close_1011_unavailable": _close("The service is currently unavailable."),
    "close_1011_deadline": _close(DEADLINE_REASON),
    "quota_close": Kind(_ANY, "voice", {"delay_ms": 800.0}),
    "go_away": Kind(_ANY, "voice", _GOING),
    "silent_after_go_away": Kind(_ANY, "voice", _GOING),
    "mute": Kind(_ANY, "link"),
    "mute_after_interrupted": Kind(_TALK, "voice"),
    "slow_reads": Kind(_ANY, "link", {"bytes_per_sec": 20_000}),
    "no_pongs": Kind(_ANY, "link"),
    "delayed_pongs": Kind(_ANY, "link", {"delay_ms": 20_000.0}),
    "phantom_interrupted": Kind(_TALK, "voice"),
    "phantom_interruption": Kind(_TALK, "voice"),
    "premature_turn_complete": Kind(_TALK, "voice"),
    "unknown_message": Kind(_ANY, "voice"),
    "not_resumable": Kind(_ANY, "voice"),
    "big_frame": Kind(_ANY, "link", {"frame_bytes": 3 * 2**19}),
    "swallowed": Kind(("after",), "answer", spoils=True),
    "empty_turn": Kind(("after",), "answer", spoils=True),
    "missing_turn_end": Kind(_ANSWER, "answer", spoils=True),
    "missing_turn_complete": Kind(_ANSWER, "answer"),
    "late_turn_complete": Kind(_ANSWER, "answer", {"delay_ms": 50_000.0}),
    "frozen_output": Kind(("output",), "answer", spoils=True, translated=True),
    "stalled_output": Kind(("output",), "answer", {"delay_ms": 3000.0}, translated=True),
    "zero_audio": Kind(_ANSWER, "answer", spoils=True, translated=True),
    "no_audio": Kind(_ANSWER, "answer", spoils=True),
    "late_transcripts": Kind(("after",), "answer", {"delay_ms": 3000.0}),
    "duplicate_transcripts": Kind(("after",), "answer", {"delay_ms": 3000.0}),
    "missing_transcripts": Kind(("after",), "answer"),
    "truncated_transcripts": Kind(("after",), "answer"),
    "unsolicited_transcripts": Kind(("after",), "answer"),
    "language_drift": Kind(("after",), "answer"),
    "multi_part": Kind(("after",), "answer", {"parts": 3}),
    "bundled": Kind(("after",), "answer"),
}
"""The faults of conversations. Reasons begin as the service's do (``docs/emulator.md``)."""

TRANSLATION_KINDS: Mapping[FaultName, Kind] = {
    "leak": Kind(("during", "after"), "translation", {"lasting_ms": 1000.0, "text": ""}),
    "wrong_source_language": Kind(("before",), "translation", {"language": ""}),
    "late_source_text": Kind(("before",), "translation", {"delay_ms": 3000.0}),
    "missing_source_text": Kind(("before",), "translation"),
}
"""The faults that only sessions of the translate model have."""

ALL_KINDS: Mapping[FaultName, Kind] = {**KINDS, **TRANSLATION_KINDS}

PARAMETERS = (
    "delay_ms",
    "time_left_secs",
    "close_code",
    "reason",
    "abort",
    "bytes_per_sec",
    "frame_bytes",
    "parts",
    "lasting_ms",
    "text",
    "language",
)
"""Fields of ``Fault`` that only some faults take."""


class Fault(BaseModel):
    """One fault, switched on: what, when, how often, and where.

    Times of its own (``delay_ms``, ``time_left_secs``) are multiplied by ``EmulatorOptions.schedule_factor``, not
    by ``time_factor``.

    Raises:
        pydantic.ValidationError: An unknown name or field, a moment that makes no sense for the fault, or a
            parameter that it does not take; the text says which do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: FaultName
    moment: Moment
    times: int = Field(1, ge=1, description="How often it strikes in all, over all sessions of the emulator.")
    at_ms: float = Field(300, ge=0, description="At 'during' and 'output': how much sound has passed by then.")
    session: int | None = Field(None, ge=1, description="Only this session, counted from 1.")
    utterance: int | None = Field(
        None, ge=1, description="From this utterance on, counted from 1 over the emulator's life."
    )
    model: str | None = Field(None, description="Only sessions set up for this model, without 'models/'.")
    entry: str | None = Field(None, description="Only answers that give this entry of the scenario.")
    delay_ms: float | None = Field(None, ge=0, description="How late, or after how long.")
    time_left_secs: float | None = Field(None, ge=0, description="The timeLeft of a goAway, and when it ends.")
    close_code: int | None = Field(None, ge=1000, le=4999, description="How a goAway ends.")
    reason: str | None = Field(None, description="The reason in the close frame.")
    abort: bool | None = Field(None, description="A goAway ends with a reset instead of a close.")
    bytes_per_sec: int | None = Field(None, ge=1, description="How fast slow reads are.")
    frame_bytes: int | None = Field(None, ge=1, le=64 * 2**20, description="How big the big frame is.")
    parts: int | None = Field(None, ge=1, description="Audio parts in a message.")
    target: str | None = Field(None, description="Only translate sessions that interpret into this language.")
    lasting_ms: float | None = Field(None, gt=0, le=600_000, description="How much sound a leak is.")
    text: str | None = Field(None, description="What a leak says.")
    language: str | None = Field(None, description="A languageCode that is wrong.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        kind = ALL_KINDS[self.name]
        if self.moment not in kind.moments:
            raise ValueError(f"{self.name} cannot strike at {self.moment!r}; it can at: {', '.join(kind.moments)}")
        for name in PARAMETERS:
            if getattr(self, name) is not None and name not in kind.parameters:
                takes = ", ".join(kind.parameters) or "none"
                raise ValueError(f"{self.name} takes no {name!r}; it takes: {takes}")
        known = self.moment in ("after", "output", "idle") or self.name == "leak"
        if self.entry is not None and not known:
            raise ValueError(
                f"'entry' is not known at {self.moment!r}: what is said is known at: after, output, idle"
            )
        for name in ("model", "target"):
            if getattr(self, name) is not None and kind.stage in ("door", "upgrade"):
                raise ValueError(f"{self.name} strikes before the setup names a {name}; leave {name!r} out")
        return self

    def value(self, parameter: str) -> Any:
        """A parameter as given, or what it is when it is not given."""
        given = getattr(self, parameter)
        return ALL_KINDS[self.name].parameters[parameter] if given is None else given


@dataclass(frozen=True, slots=True)
class FaultStrike:
    """A fault that struck.

    Attributes:
        name: Which.
        moment: When in the course of things.
        session: The session's number; for a refused connection, the number that its session would have had.
        utterance: The utterance's number over the emulator's life; None where there was none.
        at_secs: When, by ``time.monotonic()``, the clock of ``SessionRecord.began_at_secs``.
    """

    name: FaultName
    moment: Moment
    session: int
    utterance: int | None
    at_secs: float
