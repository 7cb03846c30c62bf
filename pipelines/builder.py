"""A checked pipeline file and a session to the session's steps."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from pipecat.processors.frame_processor import FrameProcessor
from pydantic import BaseModel, SecretStr

from pipelines.parameters import settings_of
from pipelines.spec import PipelineSpec, StepSpec
from processors.context import SessionContext
from processors.transcription import TranscriptionForwarder

_SILENCE_MARGIN_SECS = 1.0
"""For what the resampler holds back, and windows that are not full."""


def build_steps(spec: PipelineSpec, context: SessionContext) -> list[FrameProcessor]:
    """Make the steps of one session, in order.

    A step whose class has ``Params`` is made as ``Class(params, context)``; any other, such as a stock processor
    of pipecat's, with its parameters as keyword arguments: secrets in the open, and a table ``settings`` as the
    class's own ``Settings``, which services of pipecat's have. Steps after one that ``marks_utterances`` are told.
    A step's ``far_side`` comes before the next transcription forwarder, or last.
    A step whose class has a class method ``asked_for`` is left out of sessions where that says no, given the same.
    """
    steps: list[FrameProcessor] = []
    far_sides: list[FrameProcessor] = []
    for step in spec.steps:
        if not _asked_for(step, context):
            continue
        if step.step_class is TranscriptionForwarder:
            steps += far_sides
            far_sides = []
        steps.append(_build(step, context))
        if isinstance(far_side := getattr(steps[-1], "far_side", None), FrameProcessor):
            far_sides.append(far_side)
        if marks_utterances(steps):
            context = replace(context, utterances_marked=True)
    return steps + far_sides


def marks_utterances(steps: Sequence[FrameProcessor]) -> bool:
    """Whether any of ``steps`` marks where utterances start and end."""
    return any(getattr(step, "marks_utterances", False) for step in steps)


def longest_gap_secs(steps: Sequence[FrameProcessor]) -> float:
    """How much silence has to stand for a gap in the client's audio, in seconds.

    As much as the step that marks utterances needs to end one; without such a step the upstream detects the end,
    in a stream that must not stop.
    """
    needed = [secs for step in steps if (secs := getattr(step, "silence_to_end_secs", None)) is not None]
    return max(needed) + _SILENCE_MARGIN_SECS if needed else float("inf")


def _asked_for(step: StepSpec, context: SessionContext) -> bool:
    hook = getattr(step.step_class, "asked_for", None)
    return not inspect.ismethod(hook) or bool(hook(step.params, context))


def _build(step: StepSpec, context: SessionContext) -> FrameProcessor:
    make = cast(Any, step.step_class)
    if isinstance(step.params, BaseModel):
        return cast(FrameProcessor, make(step.params, context))
    return cast(FrameProcessor, make(**_arguments(step.step_class, step.params)))


def _arguments(step_class: type[FrameProcessor], params: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments as the class wants them."""
    arguments = {name: _revealed(value) for name, value in params.items()}
    settings_class = settings_of(step_class)
    if settings_class is not None and isinstance(settings := arguments.get("settings"), dict):
        arguments["settings"] = settings_class(**settings)
    return arguments


def _revealed(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return {name: _revealed(inner) for name, inner in value.items()} if isinstance(value, dict) else value
