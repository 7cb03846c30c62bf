"""The pipelines that clients may choose from, of ``PIPELINE`` and ``ENGINES``, and the one of phone calls."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipelines.settings import Settings
from pipelines.spec import PipelineDraft, PipelineFileError, PipelineSpec, load_pipeline, read_pipeline

_Pipeline = TypeVar("_Pipeline", PipelineDraft, PipelineSpec)


@dataclass(frozen=True, slots=True)
class Engines:
    """The checked pipelines.

    Attributes:
        pipelines: Each has a name of its own; the first one serves whoever asks for none.
        phone: Serves phone calls, where some provider's calls are taken.
    """

    pipelines: tuple[PipelineSpec, ...]
    phone: PipelineSpec | None = None

    @property
    def default(self) -> PipelineSpec:
        """The pipeline of a client that asks for none."""
        return self.pipelines[0]

    @property
    def names(self) -> tuple[str, ...]:
        """What a client may ask for."""
        return tuple(pipeline.name for pipeline in self.pipelines)

    @property
    def uses_upstream(self) -> bool:
        """Whether any of them talks to Gemini Live, so that its key is needed."""
        phone = () if self.phone is None else (self.phone,)
        return any(pipeline.uses_upstream for pipeline in (*self.pipelines, *phone))

    def named(self, name: str | None) -> PipelineSpec | None:
        """The pipeline that a client asks for; ``None`` where there is none of that name."""
        if name is None:
            return self.default
        return next((pipeline for pipeline in self.pipelines if pipeline.name == name), None)


def load_engines(settings: Settings) -> Engines:
    """Read and check every pipeline that a client may get.

    Raises:
        PipelineFileError: Files are wrong, or need what is not installed; all that is wrong in all of them.
    """
    variables = settings.pipeline_variables()
    pipelines = _each(settings, lambda file, by: load_pipeline(file, variables, named_by=by))
    if not settings.phone_providers:
        return Engines(pipelines)
    phone = load_pipeline(settings.telephony_pipeline, variables, named_by="TELEPHONY_PIPELINE")
    _check_paced(phone)
    return Engines(pipelines, phone)


def read_engines(settings: Settings) -> tuple[PipelineDraft, ...]:
    """The same, even where steps are not all installed; the default pipeline comes first.

    Raises:
        PipelineFileError: Files are wrong; all that is wrong in all of them.
    """
    variables = settings.pipeline_variables()
    return _each(settings, lambda file, by: read_pipeline(file, variables, named_by=by))


def read_phone_pipeline(settings: Settings) -> tuple[PipelineDraft, ...]:
    """The pipeline of phone calls, even where steps are not all installed; none where no calls are taken.

    Raises:
        PipelineFileError: Its file is wrong, or is for browsers.
    """
    if not settings.phone_providers:
        return ()
    draft = read_pipeline(settings.telephony_pipeline, settings.pipeline_variables(), named_by="TELEPHONY_PIPELINE")
    _check_paced(draft)
    return (draft,)


def _check_paced(pipeline: PipelineDraft | PipelineSpec) -> None:
    if not pipeline.transport.paced:
        raise PipelineFileError(
            [f"TELEPHONY_PIPELINE: {pipeline.path}: expected a [transport] with paced = true, for phone calls"]
        )


def _each(settings: Settings, read: Callable[[str, str], _Pipeline]) -> tuple[_Pipeline, ...]:
    """Every pipeline once, however often it is named."""
    found: dict[Path, _Pipeline] = {}
    faults: dict[str, None] = {}
    for file, by in ((settings.pipeline, "PIPELINE"), *((file, "ENGINES") for file in settings.engines)):
        try:
            pipeline = read(file, by)
        except PipelineFileError as error:
            faults |= dict.fromkeys(error.faults)
        else:
            found.setdefault(pipeline.path.resolve(), pipeline)
    faults |= dict.fromkeys([*_same_names(list(found.values())), *_paced(list(found.values()))])
    if faults:
        raise PipelineFileError(faults)
    return tuple(found.values())


def _same_names(pipelines: Sequence[PipelineDraft | PipelineSpec]) -> Iterator[str]:
    """A fault for each pipeline whose name an earlier one has, too."""
    paths: dict[str, Path] = {}
    for pipeline in pipelines:
        first = paths.setdefault(pipeline.name, pipeline.path)
        if first is not pipeline.path:
            yield (
                f"{pipeline.path}: expected a name of its own, got '{pipeline.name}', which is the name of {first};"
                " clients choose by it"
            )


def _paced(pipelines: Sequence[PipelineDraft | PipelineSpec]) -> Iterator[str]:
    """A fault for each pipeline that is for phone calls."""
    for pipeline in pipelines:
        if pipeline.transport.paced:
            yield (
                f"{pipeline.path}: its [transport] is paced, for phone calls, and can't serve browsers:"
                " name it in TELEPHONY_PIPELINE instead of PIPELINE or ENGINES"
            )
