"""What the emulator can be told to do: the options of a server and the variants of a turn.

Values only; nothing here acts. Every field has a default that behaves like the service on a good day.
"""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from emulator.faults import Fault

Refusal = Literal[
    "401",
    "403",
    "404",
    "429",
    "503",
    "bad_key",
    "1007",
    "1008",
    "1011",
    "quota",
    "quota_setup",
    "mute",
    "black_hole",
]

TRANSLATE_MODEL = "gemini-3.5-live-translate-preview"
"""The model that interprets and has no turns."""
LIVE_MODELS = frozenset(
    {
        "gemini-3.8-live",
        "gemini-3.8-live-extended-thinking",
        "gemini-3.1-flash-live-preview",
        TRANSLATE_MODEL,
        "gemini-3.5-transcribe-live",
    }
)
"""The Live models that were not shut down in November 2026 (ai.google.dev, models and deprecations pages)."""


class Variant(BaseModel):
    """How one turn is answered. A scenario entry may override any field for its own turns.

    Times in milliseconds are multiplied by ``EmulatorOptions.time_factor``. The measured behaviours behind the
    variants are in ``docs/emulator.md``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    response_delay_ms: float = Field(350, ge=0, description="End of speech to the first output.")
    transcription_delay_ms: float = Field(300, ge=0, description="End of speech to the input transcription.")
    late_text_ms: float = Field(
        1000, ge=0, description="turnComplete to a transcription that comes after the turn."
    )
    input_transcription: Literal["whole", "fragments", "interim", "after_turn", "missing", "duplicate"] = "whole"
    output_transcription: Literal["interleaved", "before_audio", "bundled", "after_turn", "missing"] = "interleaved"
    fragment_words: int = Field(3, ge=1, description="Words in one transcription fragment.")
    fragment_interval_ms: float = Field(
        100, ge=0, description="Time between two fragments of the input transcription."
    )
    audio: bool = Field(True, description="False: the answer is text only.")
    audio_chunk_ms: int = Field(100, ge=1, description="Sound in one audio part.")
    audio_speed: float = Field(4.0, gt=0, description="Speed of the audio output in times real time.")
    multi_part: int = Field(1, ge=1, description="Audio parts in one message.")
    bundle: bool = Field(
        False, description="Audio, transcriptions and markers share one serverContent where they can."
    )
    generation_complete: bool = True
    turn_complete: Literal["after_playback", "immediate", "never"] = "after_playback"
    playback_factor: float = Field(
        1.0, ge=0, description="turnComplete waits for this share of the playback time that is left."
    )
    usage: bool = Field(True, description="usageMetadata beside turnComplete.")
    finished_flags: bool = Field(False, description="The last fragment of a transcription has finished: true.")
    language_code: bool = Field(False, description="Transcriptions carry languageCode.")
    silent: bool = Field(False, description="The utterance is taken and nothing at all is answered.")
    break_after_audio_ms: float | None = Field(
        None, ge=0, description="Abort the TCP connection after this much output sound."
    )
    close_after_audio_ms: float | None = Field(
        None, ge=0, description="Close the connection after this much output sound."
    )
    close_code: int = Field(1011, ge=1000, le=4999)
    close_reason: str = "Internal error encountered."
    on_overlap: Literal["queue", "interrupt", "merge", "drop"] = Field(
        "queue",
        description="What becomes of an activity that begins while an answer is owed. 'queue': it is answered "
        "after that. 'interrupt': it cuts that answer off; no effect with activityHandling NO_INTERRUPTION. "
        "'merge': what no output has come of yet is answered together with it, in one turn. 'drop': it is never "
        "answered.",
    )

    def overridden(self, changes: dict[str, Any]) -> Self:
        """This variant with some fields replaced.

        Args:
            changes: Field names and values; checked like constructor arguments.

        Raises:
            pydantic.ValidationError: A name is unknown or a value is not allowed.
        """
        return type(self).model_validate({**self.model_dump(), **changes})


class Translation(BaseModel):
    """How a translate session speaks. Milliseconds of sound, as it passes in the session.

    The measured behaviour behind it is in ``docs/emulator.md``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lag_ms: float = Field(2000, ge=0, description="From a word to its interpretation, at least.")
    text_delay_ms: float = Field(300, ge=0, description="From its recognition to the transcription of the input.")
    fragment_ms: float = Field(1000, ge=200, description="Speech in one fragment of a transcription.")
    chunk_ms: int = Field(250, ge=20, description="Sound in one message.")
    usage: bool = Field(True, description="usageMetadata beside every third message of sound.")


class EmulatorOptions(BaseModel):
    """How a server behaves. Frozen: give the emulator another object to change it; the next connection uses it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_keys: frozenset[str] | None = Field(
        None, description="Keys that are accepted; None accepts any key that is not empty."
    )
    models: frozenset[str] = Field(LIVE_MODELS, description="Known models, without the 'models/' prefix.")
    refuse: Refusal | None = Field(None, description="How connections are refused; None refuses none.")
    refuse_first: int | None = Field(
        None, ge=0, description="Refuse only the first N connections of this server; None refuses all."
    )
    quota_delay_ms: float = Field(800, ge=0, description="setupComplete to the close, with refuse='quota'.")
    text_frames: bool = Field(
        False, description="Server messages in text frames; the service was seen to use binary ones."
    )
    resumption_updates: bool = Field(
        True, description="Send sessionResumptionUpdate unasked after setupComplete and after each turn."
    )
    audio_stream_end: Literal["honoured", "ignored"] = "honoured"
    silence_duration: Literal["honoured", "ignored"] = Field(
        "honoured", description="Whether silenceDurationMs of the setup is heeded."
    )
    client_content: Literal["taken", "refused"] = Field(
        "taken", description="'refused': clientContent on a resumed session closes 1007."
    )
    strict_short_turns: bool = Field(
        False, description="Close 1007 'No turn to complete' on an activity with less than 200 ms of audio."
    )
    silence_duration_ms: int = Field(
        800, ge=0, description="Silence that ends a turn in automatic mode, unless the setup says otherwise."
    )
    time_factor: float = Field(1.0, ge=0, description="Multiplies every delay of answers; 0 removes them.")
    schedule_factor: float = Field(
        1.0,
        gt=0,
        description="Multiplies the times of the go-away schedule, of handles, and of faults; not time_factor.",
    )
    go_away_after_secs: float | None = Field(
        None, ge=0, description="From a connection's setup to its goAway; None for none."
    )
    go_away_time_left_secs: float = Field(50, ge=0, description="The goAway's timeLeft, and when it is over.")
    go_away_close_code: int = Field(1008, ge=1000, le=4999, description="How the connection is closed then.")
    go_away_close_reason: str = ""
    go_away_abort: bool = Field(False, description="The connection is reset then, and not closed.")
    go_away_silent: bool = Field(False, description="Nothing is sent after goAway.")
    age_limit_secs: float | None = Field(
        None,
        gt=0,
        description="From a connection's setup to a close 1011 'Deadline expired…' unannounced; None for never.",
    )
    handle_valid_secs: float = Field(
        7200, ge=0, description="How long a handle is good after its session ended; later it closes 1007."
    )
    keep_audio: bool = Field(
        True, description="Keep received audio, and every message, in memory; False bounds the memory."
    )
    variant: Variant = Field(default_factory=Variant, description="How turns are answered by default.")
    translation: Translation = Field(default_factory=Translation, description="How translate sessions speak.")
    faults: tuple[Fault, ...] = Field((), description="Faults that are switched on from the start.")
