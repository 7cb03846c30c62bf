"""Whether a pipeline does anything with the glossary but look for its terms afterwards."""

from pipelines.settings import Settings
from pipelines.spec import PipelineDraft, PipelineSpec, StepSpec
from processors.glossary_check import GlossaryCheck


def ignores_glossary(settings: Settings, pipeline: PipelineSpec | PipelineDraft) -> bool:
    """Whether there is a glossary that no step of the pipeline takes, but for one that only checks the outcome."""
    return settings.glossary_file is not None and not any(
        "GLOSSARY_FILE" in origin.settings
        for step in pipeline.steps
        if not (isinstance(step, StepSpec) and step.step_class is GlossaryCheck)
        for origin in step.origins.values()
    )
