"""Steps of a session, from a checked pipeline."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipecat.processors.filters.identity_filter import IdentityFilter
from pipecat.processors.frame_processor import FrameProcessor
from pydantic import BaseModel, SecretStr

from pipelines.builder import build_steps, longest_gap_secs, marks_utterances
from pipelines.settings import load_settings
from pipelines.spec import PipelineSpec, StepSpec, load_pipeline
from processors.context import SessionContext
from processors.glossary_check import GlossaryCheck
from processors.transcript_log import TranscriptLog
from processors.transcription import TranscriptionForwarder, TranscriptionForwarderParams
from processors.vad import Vad
from processors.vad_params import VadParams
from processors.whisper_source import WhisperSource
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.fake_upstream import FakeConnector
from tests.support.foreign_params import LoudEqualizer


class WitnessParams(BaseModel):
    """Parameters of :class:`Witness`."""

    label: str = ""


class Witness(FrameProcessor):
    """A step that shows what it was made with."""

    Params = WitnessParams

    def __init__(self, params: WitnessParams, context: SessionContext):
        """Keep both."""
        super().__init__()
        self.params, self.context = params, context


class Marker(Witness):
    """A step that marks utterances."""

    marks_utterances = True


def context() -> SessionContext:
    """A session of a Korean and an English speaker."""
    return SessionContext(session_id="s-1", pair=("ko", "en"), spoken="auto", connector=FakeConnector())


def spec_of(*steps: tuple[type[FrameProcessor], BaseModel | dict[str, Any]]) -> PipelineSpec:
    """A pipeline of these steps."""
    made = tuple(StepSpec(step.__name__, step, params) for step, params in steps)
    return PipelineSpec("test", Path("test.toml"), made)


async def test_a_step_with_a_model_gets_parameters_and_session() -> None:
    """The one convention of our steps, open to anybody's."""
    params, session = WitnessParams(label="x"), context()
    (step,) = build_steps(spec_of((Witness, params)), session)
    assert isinstance(step, Witness)
    assert step.params is params
    assert step.context == session


async def test_any_other_processor_gets_keyword_arguments() -> None:
    """A stock processor is made as in Python."""
    stock, derived = build_steps(
        spec_of((IdentityFilter, {"name": "pass"}), (LoudEqualizer, {"label": "x", "gain": 2.0})), context()
    )
    assert isinstance(stock, IdentityFilter)
    assert stock.name == "pass"
    assert isinstance(derived, LoudEqualizer)
    assert (derived.label, derived.gain) == ("x", 2.0)


async def test_only_steps_after_the_marks_count_on_them() -> None:
    """An engine before the voice activity cannot rely on what it never sees."""
    params = WitnessParams()
    steps = build_steps(
        spec_of((Witness, params), (Marker, params), (Witness, params), (Witness, params)), context()
    )
    told = [step.context.utterances_marked for step in steps if isinstance(step, Witness)]
    assert told == [False, False, True, True]


async def test_no_two_sessions_share_a_step() -> None:
    """What one client says stays in its own steps."""
    spec = load_pipeline("interpreter", load_settings(vad_provider="energy").pipeline_variables())
    first, second = build_steps(spec, context()), build_steps(spec, context())
    not_asked_for = (WhisperSource, GlossaryCheck, TranscriptLog)
    assert [type(step) for step in first] == [
        step.step_class for step in spec.steps if step.step_class not in not_asked_for
    ]
    assert not {id(step) for step in first} & {id(step) for step in second}


async def test_a_step_that_nobody_asked_for_is_not_there() -> None:
    """Sessions without Whisper don't pay for it, not even with a step that passes everything on."""
    spec = load_pipeline("interpreter", load_settings(vad_provider="energy").pipeline_variables())
    for recognizer, there in ((None, 0), (FakeRecognizer(), 1)):
        steps = build_steps(spec, replace(context(), recognizer=recognizer))
        assert sum(isinstance(step, WhisperSource) for step in steps) == there


async def test_a_step_with_nothing_to_do_is_not_there(tmp_path: Path) -> None:
    """A glossary that there is not, and turns that nobody wants in the log, cost no hop of every frame."""
    glossary = tmp_path / "terms.csv"
    glossary.write_text("source,target\n심장,heart\n", encoding="utf-8")
    for settings, there in (({}, 0), ({"glossary_file": glossary, "log_transcripts": True}, 1)):
        spec = load_pipeline("interpreter", load_settings(vad_provider="energy", **settings).pipeline_variables())
        steps = build_steps(spec, context())
        for step_class in (GlossaryCheck, TranscriptLog):
            assert sum(isinstance(step, step_class) for step in steps) == there


async def test_voice_activity_that_is_off_marks_nothing() -> None:
    """With ``VAD_THRESHOLD=0`` the engine learns that it has to find the utterances itself."""
    for threshold, marked in ((500.0, True), (0.0, False)):
        settings = load_settings(vad_provider="energy", vad_threshold=threshold)
        spec = load_pipeline("interpreter", settings.pipeline_variables())
        assert marks_utterances(build_steps(spec, context())) is marked


async def test_silence_stands_for_a_gap_until_the_utterance_ends() -> None:
    """What the marking step itself needs, whether it comes from a setting or from the file, and some more."""
    for params, needed_secs in (
        ({}, 0.7),
        ({"end_of_utterance_ms": 3000}, 3.0),
        ({"end_of_utterance_ms": 0, "hangover_frames": 100}, 2.0),
    ):
        spec = spec_of(
            (Vad, VadParams.model_validate({"provider": "energy", **params})), (Witness, WitnessParams())
        )
        assert needed_secs < longest_gap_secs(build_steps(spec, context())) <= needed_secs + 1


async def test_silence_stands_for_a_whole_gap_where_the_upstream_detects() -> None:
    """Without a step that marks utterances, or with one that is switched off, the stream must not stop."""
    off = VadParams.model_validate({"provider": "energy", "threshold": 0})
    for spec in (spec_of((Witness, WitnessParams())), spec_of((Vad, off), (Witness, WitnessParams()))):
        assert longest_gap_secs(build_steps(spec, context())) == float("inf")


class TwoSided(Witness):
    """A step with a far side."""

    def __init__(self, params: WitnessParams, context: SessionContext):
        """Make both."""
        super().__init__(params, context)
        self.far_side = IdentityFilter()


async def test_a_far_side_comes_before_the_forwarder() -> None:
    """Whatever stands between a step and the next forwarder lies between its two sides."""
    forwarder = (TranscriptionForwarder, TranscriptionForwarderParams())
    near, between, far, behind = build_steps(
        spec_of((TwoSided, WitnessParams()), (IdentityFilter, {}), forwarder), context()
    )
    assert isinstance(near, TwoSided)
    assert far is near.far_side
    assert between is not far
    assert isinstance(behind, TranscriptionForwarder)


async def test_a_far_side_comes_last_where_no_forwarder_is() -> None:
    """It is never left out."""
    near, _, far = build_steps(spec_of((TwoSided, WitnessParams()), (IdentityFilter, {})), context())
    assert isinstance(near, TwoSided)
    assert far is near.far_side


@dataclass
class ServiceSettings:
    """Settings of :class:`Service`."""

    model: str = ""
    key: str = ""


class Service(IdentityFilter):
    """A step in the way of pipecat's services."""

    Settings = ServiceSettings

    def __init__(self, *, api_key: str, settings: ServiceSettings | None = None):
        """Keep both."""
        super().__init__()  # type: ignore[no-untyped-call]  # pipecat leaves its types out
        self.api_key, self.service_settings = api_key, settings


async def test_a_service_gets_its_key_in_the_open_and_its_settings_as_an_object() -> None:
    """What no file can hold is made when the step is made, and not before."""
    given = {"api_key": SecretStr("sk-1"), "settings": {"model": "m", "key": SecretStr("sk-2")}}
    (step,) = build_steps(spec_of((Service, given)), context())
    assert isinstance(step, Service)
    assert step.api_key == "sk-1"
    assert step.service_settings == ServiceSettings("m", "sk-2")
    assert given["api_key"] == SecretStr("sk-1")
