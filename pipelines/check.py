"""What a pipeline needs to run on this machine, and what is amiss with it; nothing is started and nobody is called.

A step's class may say so itself, both without being made:

* ``uses_upstream = True``: it talks to Gemini Live through its session's connector;
* ``missing(params)``, a class method: what is not there that it needs with these parameters, such as a model file,
  as a list of texts, each with what to do about it. ``params`` is what the step would be made with.
"""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from pipelines.engines import read_engines, read_phone_pipeline
from pipelines.glossary_use import ignores_glossary
from pipelines.masking import without_secrets
from pipelines.order import order_warnings
from pipelines.settings import (
    SILERO_IGNORES_THRESHOLD_BUT,
    Settings,
    SettingsError,
    Source,
    misspelled_settings,
    require_api_key,
)
from pipelines.spec import PipelineDraft, StepSpec, UninstalledStep, read_pipeline
from pipelines.whisper import whisper_fault
from processors.vad_params import VadParams

_MOST_TEXTS = 20
"""Of those that one step may tell."""


@dataclass(frozen=True, slots=True)
class Check:
    """A pipeline that was checked.

    Attributes:
        pipeline: What its file says.
        settings: With which it would run.
        sources: Where those of the settings come from that are not at their defaults.
        missing: What has to be there before it can run, and how to get it.
        warnings: What runs, but hardly as it was meant.
    """

    pipeline: PipelineDraft
    settings: Settings
    sources: Mapping[str, Source]
    missing: tuple[str, ...]
    warnings: tuple[str, ...]


def check_pipelines(settings: Settings, sources: Mapping[str, Source]) -> tuple[Check, ...]:
    """Check every pipeline that would serve with ``settings``, which come from ``sources``: clients, and callers.

    A file on the command line is looked at alone.

    Raises:
        PipelineFileError: A file is wrong.
    """
    alone = sources.get("PIPELINE") == "command line"
    variables = settings.pipeline_variables()
    drafts = (
        (read_pipeline(settings.pipeline, variables, named_by="FILE"),)
        if alone
        else (*read_engines(settings), *read_phone_pipeline(settings))
    )
    return tuple(
        Check(pipeline, settings, sources, (*_missing(settings, pipeline),), (*_warnings(settings, pipeline),))
        for pipeline in drafts
    )


def uses_upstream(step: StepSpec | UninstalledStep) -> bool:
    """Whether the step's class says that it talks to the upstream."""
    return isinstance(step, StepSpec) and step.uses_upstream


def _missing(settings: Settings, pipeline: PipelineDraft) -> list[str]:
    found: list[str] = []
    if not settings.emulator and any(uses_upstream(step) for step in pipeline.steps):
        try:
            require_api_key(settings)
        except SettingsError as error:
            found.append(str(error))
    for step in pipeline.steps:
        told = [step.missing] if isinstance(step, UninstalledStep) else _told_by(step)
        found += [f"line {step.line}, step '{step.use}': {text}" for text in told]
    return found


def _told_by(step: StepSpec) -> list[str]:
    """What the step's class says that it misses."""
    hook = getattr(step.step_class, "missing", None)
    if not inspect.ismethod(hook):  # an attribute that means something else to somebody else's class
        return []
    try:
        told = hook(step.params)
        texts = [told] if isinstance(told, str) else [str(text) for text in islice(told, _MOST_TEXTS)]
    except (Exception, SystemExit) as error:  # somebody else's code may raise anything
        texts = [f"its missing() failed: {error!r}"]
    return [" ".join(without_secrets(text, step.params).split()) for text in texts]


def _warnings(settings: Settings, pipeline: PipelineDraft) -> list[str]:
    misspelled = (
        f".env: unknown setting {name}; did you mean '{near}'?" for name, near in misspelled_settings().items()
    )
    in_file = [*order_warnings(pipeline.steps), *_unused_thresholds(pipeline)]
    found = [*(f"line {line}: {text}" for line, text in sorted(in_file)), *misspelled]
    if ignores_glossary(settings, pipeline):
        found.append("GLOSSARY_FILE: no step of this pipeline tells its model the glossary's terms")
    if settings.whisper_model is not None and (fault := whisper_fault(settings, [pipeline])):
        found.append(f"WHISPER_MODEL: {fault}")
    return found


def _unused_thresholds(pipeline: PipelineDraft) -> Iterator[tuple[int, str]]:
    for step in pipeline.steps:
        params = step.params
        if not isinstance(params, VadParams) or params.provider != "silero":
            continue
        if params.threshold not in SILERO_IGNORES_THRESHOLD_BUT:
            yield step.line, f"step '{step.use}': threshold {params.threshold:g} is not used with provider silero"
