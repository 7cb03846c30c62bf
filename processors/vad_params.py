"""Parameters of the voice activity step, checked down to the files and classes that they name."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from processors.foreign_detector import ProviderName, UnusableDetectorError, check_detector, make_detector
from processors.segmentation import SegmentationTimes
from processors.silero import UnusableModelError, load_model
from processors.silero_file import silero_file
from processors.smart_turn import smart_turn
from processors.voice_detectors import OUR_PROVIDERS, EnergyDetector, SileroDetector, VoiceDetector

HANGOVER_FRAME_SECS = 0.02
_PAUSE_SECS = 0.2
"""Silence after which smart-turn is asked: what pipecat asks it after (``VAD_STOP_SECS``), and early enough for the
verdict to be there when the hangover has passed."""


class VadParams(BaseModel):
    """Parameters of :class:`~processors.vad.Vad`.

    Attributes:
        provider: Who judges: Silero's model, loudness, or by import path (``package.module:Class``) somebody
            else's :class:`~processors.voice_detectors.VoiceDetector` or ``VADAnalyzer`` of pipecat's, which is made
            and tried once to check it.
        provider_params: Keyword arguments for such a class.
        model_file: For ``silero``: an ONNX file of the model; ``None`` becomes the one that is used then
            (:func:`~processors.silero_file.silero_file`).
        threshold: For ``energy``: mean absolute amplitude, 0 to 32768. 0 switches the step off whatever the
            provider, so that the engine detects activity itself.
        confidence: For ``silero`` and analyzers: the score from which a window is voice.
        hangover_frames: Frames of 20 ms of audio without voice after which voice is no longer active.
        end_of_utterance_ms: Silence that ends an utterance, in ms of audio; never less than the hangover.
        turn_end: What ends an utterance: ``silence`` of that length, or ``smart``: pipecat's smart-turn model
            judges in each pause whether the speaker is done.
        smart_turn_confidence: For ``smart``: how sure the model has to be that the speaker is done.
        smart_turn_max_secs: For ``smart``: how much longer than that silence a speaker who is not done may pause.
        soft_utterance_secs: Length from which a long utterance is cut at a quiet place.
        max_utterance_secs: Length at which it is cut in any case; 0: never.
    """

    model_config = ConfigDict(extra="forbid")

    provider: ProviderName = "silero"
    provider_params: dict[str, Any] = Field(default_factory=dict)
    model_file: Path | None = None
    threshold: Annotated[float, Field(ge=0, le=32768)] = 500
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.5
    hangover_frames: Annotated[int, Field(ge=1)] = 15
    end_of_utterance_ms: Annotated[int, Field(ge=0)] = 700
    turn_end: Literal["silence", "smart"] = "silence"
    smart_turn_confidence: Annotated[float, Field(gt=0, lt=1)] = 0.9
    smart_turn_max_secs: Annotated[float, Field(ge=0)] = 2.0
    soft_utterance_secs: Annotated[float, Field(ge=0)] = 10.0
    max_utterance_secs: Annotated[float, Field(ge=0)] = 15.0

    @model_validator(mode="after")
    def _provider_is_usable(self) -> "VadParams":
        try:
            if self.provider not in OUR_PROVIDERS:
                check_detector(self.provider, self.provider_params, self.confidence)
            elif self.provider_params:
                message = f"expected none with provider '{self.provider}'"
                raise UnusableDetectorError(message, ("provider_params",), self.provider_params)
            self._use_model_file()
            self._load_smart_turn()
        except UnusableDetectorError as error:
            fault = PydanticCustomError("provider", str(error))
            raise ValidationError.from_exception_data(
                type(self).__name__, [InitErrorDetails(type=fault, loc=error.place, input=error.got)]
            ) from error
        return self

    def _use_model_file(self) -> None:
        named = self.model_file
        if self.provider != "silero":
            if named is not None:
                message = f"expected none with provider '{self.provider}'"
                raise UnusableDetectorError(message, ("model_file",), str(named))
            return
        self.model_file = file = silero_file(named)
        if named is None and not file.is_file():
            return  # a damaged installation, which Vad.missing tells
        try:
            load_model(file)
        except UnusableModelError as error:
            message = f"expected an ONNX file of Silero's voice activity model ({error})"
            raise UnusableDetectorError(message, ("model_file",), str(file)) from error

    def _load_smart_turn(self) -> None:
        if self.turn_end != "smart":
            return
        try:
            smart_turn()
        except OSError as error:
            message = f"expected 'silence', or pipecat's smart-turn model in its place ({error})"
            raise UnusableDetectorError(message, ("turn_end",), self.turn_end) from error

    def make_detector(self) -> VoiceDetector:
        """A detector for one session."""
        match self.provider:
            case "silero":
                return SileroDetector(load_model(self.model_file or silero_file()), self.confidence)
            case "energy":
                return EnergyDetector(self.threshold)
            case path:
                return make_detector(path, self.provider_params, self.confidence)

    def times(self) -> SegmentationTimes:
        """The same as times."""
        hangover_secs = self.hangover_frames * HANGOVER_FRAME_SECS
        end_of_utterance_secs = max(hangover_secs, self.end_of_utterance_ms / 1000)
        return SegmentationTimes(
            hangover_secs=hangover_secs,
            end_of_utterance_secs=end_of_utterance_secs,
            soft_limit_secs=min(self.soft_utterance_secs, self.max_utterance_secs),
            hard_limit_secs=self.max_utterance_secs,
            pause_secs=_PAUSE_SECS if self.turn_end == "smart" else None,
            unfinished_secs=end_of_utterance_secs + self.smart_turn_max_secs,
        )
