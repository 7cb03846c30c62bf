"""Pipeline files: what they may say, and what who wrote a mistake reads."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.origins import Origin
from pipelines.settings import load_settings
from pipelines.spec import (
    PIPELINES_DIR,
    PipelineFileError,
    PipelineSpec,
    UninstalledStep,
    load_pipeline,
    read_pipeline,
    shipped_settings,
)
from pipelines.transport_table import TransportParams
from processors.gemini_live import GeminiLive, GeminiLiveParams
from processors.vad import Vad
from processors.vad_params import VadParams

FILE = "talk.toml"
SERVICE = "pipecat.services.openai.tts:OpenAITTSService"
VARIABLES: dict[str, Any] = {
    "VAD_PROVIDER": "energy",
    "VAD_THRESHOLD": 300.0,
    "BARGE_IN": True,
    "GEMINI_MODEL": "m-1",
    "GEMINI_VOICE": None,
    "PREROLL_MS": 250,
}
EQUALIZER = "tests.support.foreign_params:Equalizer"
MODEL = '[[step]]\nuse = "gemini_live"\nmodel = "m"\n'


def load(text: str, **variables: Any) -> PipelineSpec:
    """The pipeline of a file with this text."""
    Path(FILE).write_text(text, encoding="utf-8")
    return load_pipeline(FILE, {**VARIABLES, **variables})


def params_of(text: str) -> Any:
    """The parameters of the only step."""
    (step,) = load(text).steps
    return step.params


def fault_of(text: str) -> str:
    """What is told of a file's mistake, without the file's name."""
    with pytest.raises(PipelineFileError) as raised:
        load(text)
    told = str(raised.value)
    assert told.startswith(f"{FILE}:")
    assert "\n" not in told
    return told.removeprefix(f"{FILE}:").strip()


# What is right


@pytest.mark.parametrize("path", sorted(PIPELINES_DIR.glob("*.toml")), ids=lambda path: path.stem)
def test_the_files_that_come_with_the_server_are_right(path: Path) -> None:
    """Every one of them loads by its name, with the default settings."""
    spec = load_pipeline(path.stem, load_settings().pipeline_variables())
    assert (spec.name, spec.path) == (path.stem, path)
    assert spec.steps


def test_the_default_settings_reach_the_steps() -> None:
    """In the browser's pipeline the steps get just what the settings say."""
    settings = load_settings(vad_provider="energy", end_of_utterance_ms=900, preroll_ms=200, gemini_voice="Kore")
    params = {s.step_class: s.params for s in load_pipeline("interpreter", settings.pipeline_variables()).steps}
    vad, engine = params[Vad], params[GeminiLive]
    assert isinstance(vad, VadParams)
    assert isinstance(engine, GeminiLiveParams)
    assert (vad.provider, vad.end_of_utterance_ms) == ("energy", 900)
    assert (engine.model, engine.voice, engine.preroll_ms) == ("gemini-3.8-live", "Kore", 200)


def test_a_file_says_how_what_it_makes_leaves() -> None:
    """As a browser's session wants it, or in the pace of a telephone line; a setting may stand there, too."""
    assert load(MODEL).transport == TransportParams(paced=False, sample_rate_hz=24_000)
    phone = load(f'[transport]\npaced = true\nsample_rate_hz = "${{RATE}}"\n{MODEL}', RATE=16_000)
    assert phone.transport == TransportParams(paced=True, sample_rate_hz=16_000)


@pytest.mark.parametrize(
    ("transport", "fault"),
    [
        ("[transport]\npace = true", "2: transport: unknown key 'pace'; did you mean 'paced'?"),
        ("[transport]\n\npaced = 1", "3: transport: 'paced': Input should be a valid boolean, got 1"),
        (
            "[transport]\npaced = true\nsample_rate_hz = 44100",
            "3: transport: 'sample_rate_hz': Input should be 8000, 16000 or 24000, got 44100",
        ),
        (
            "[transport]\nsample_rate_hz = 8000",
            "1: transport: 'sample_rate_hz' is for paced = true; else it is 24000, got 8000",
        ),
        ("transport = { paced = 1 }", "1: transport: 'paced': Input should be a valid boolean, got 1"),
        ("transport = true", "1: expected a table [transport] with one bracket, got true"),
        ("[[transport]]\npaced = true", '1: expected a table [transport] with one bracket, got [{"paced": true}]'),
    ],
)
def test_a_transport_that_is_wrong_is_told_with_its_line(transport: str, fault: str) -> None:
    """As parameters of steps are."""
    assert fault_of(f"{transport}\n{MODEL}") == fault


def test_the_telephone_differs_from_the_browser_by_parameters_only() -> None:
    """The same steps in the same order."""
    variables = load_settings().pipeline_variables()
    browser, phone = load_pipeline("interpreter", variables), load_pipeline("telephony", variables)
    assert [step.use for step in phone.steps] == [step.use for step in browser.steps]
    assert phone.transport == TransportParams(paced=True, sample_rate_hz=8000)
    assert browser.transport == TransportParams()


def test_a_path_names_a_file_anywhere(tmp_path: Path) -> None:
    """What has a ``/`` or ends in ``.toml`` is a path; the name in it is what clients are told."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text(f'name = "surgery"\n{MODEL}')
    assert load_pipeline(f"{elsewhere}/mine", {}).name == "surgery"


def test_a_file_without_a_name_is_named_after_itself() -> None:
    """The name may be left out, and a description may be there."""
    assert load(f'description = "For trying."\n{MODEL}').name == "talk"


def test_steps_come_in_the_order_of_the_file() -> None:
    """The file's order is the pipeline's; a step may come twice."""
    spec = load('[[step]]\nuse = "speech_state"\n' + MODEL + '[[step]]\nuse = "speech_state"\n')
    assert [step.use for step in spec.steps] == ["speech_state", "gemini_live", "speech_state"]


# Variables


def test_a_whole_variable_keeps_its_type() -> None:
    """``"${NAME}"`` is the setting itself: a number, a bool, or nothing."""
    params = params_of(f'{MODEL}voice = "${{GEMINI_VOICE}}"\npreroll_ms = "${{PREROLL_MS}}"\n')
    assert (params.voice, params.preroll_ms) == (None, 250)
    foreign = params_of(f'[[step]]\nuse = "{EQUALIZER}"\ngain = "${{VAD_THRESHOLD}}"\nname = "${{BARGE_IN}}"\n')
    assert foreign == {"gain": 300.0, "name": True}


def test_a_variable_inside_a_text_becomes_text() -> None:
    """Several of them may stand in one text."""
    assert (
        params_of('[[step]]\nuse = "gemini_live"\nmodel = "x/${GEMINI_MODEL}-${PREROLL_MS}!"\n').model
        == "x/m-1-250!"
    )


def test_variables_in_lists_and_tables_are_settings_too() -> None:
    """A ``${NAME}`` never reaches a step as it stands, however deep it lies."""
    params = params_of(f'[[step]]\nuse = "{EQUALIZER}"\ngain = ["${{PREROLL_MS}}", {{x = "v=${{PREROLL_MS}}"}}]\n')
    assert params == {"gain": [250, {"x": "v=250"}]}


def test_a_literal_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the file says outright, no setting changes."""
    monkeypatch.setenv("VAD_THRESHOLD", "900")
    Path(FILE).write_text('[[step]]\nuse = "vad"\nthreshold = 77\nprovider = "energy"\n')
    (step,) = load_pipeline(FILE, load_settings().pipeline_variables()).steps
    assert isinstance(step.params, VadParams)
    assert step.params.threshold == 77


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("${GEMINI_MODLE}", "3: unknown setting '${GEMINI_MODLE}'; did you mean 'GEMINI_MODEL'?"),
        ("x-${GEMINI_MODLE}", "3: unknown setting '${GEMINI_MODLE}'; did you mean 'GEMINI_MODEL'?"),
        ("${}", "3: unknown setting '${}'; known are BARGE_IN, GEMINI_MODEL, GEMINI_VOICE, PREROLL_MS,"),
        ("x-${GEMINI_VOICE}", "3: setting '${GEMINI_VOICE}' is not set, but stands inside a text"),
    ],
)
def test_a_missing_variable_is_named(value: str, fault: str) -> None:
    """File, line and variable, and what would have been right."""
    assert fault_of(f'[[step]]\nuse = "gemini_live"\nmodel = "{value}"\n').startswith(fault)


def test_a_required_parameter_cannot_be_an_unset_variable() -> None:
    """A setting that nobody set does not stand for a parameter that must be there."""
    fault = fault_of('[[step]]\nuse = "gemini_live"\n\nmodel = "${GEMINI_VOICE}"\n')
    wrong = "4: step 'gemini_live': parameter 'model': Input should be a valid string, got None"
    assert fault == f"{wrong} from ${{GEMINI_VOICE}}"


def test_the_key_is_no_variable() -> None:
    """A pipeline file cannot hand the key to a step."""
    Path(FILE).write_text('[[step]]\nuse = "gemini_live"\nmodel = "${GEMINI_API_KEY}"\n')
    settings = load_settings(gemini_api_key="AIza-secret")
    with pytest.raises(PipelineFileError, match=r"talk\.toml:3: unknown setting '\$\{GEMINI_API_KEY\}'") as raised:
        load_pipeline(FILE, settings.pipeline_variables())
    assert "AIza" not in str(raised.value)


def test_the_key_of_a_step_is_a_variable_that_does_not_show() -> None:
    """It reaches the step's parameters as a secret, and may not be made a part of a text."""
    step = f'[[step]]\nuse = "{SERVICE}"\napi_key = '
    Path(FILE).write_text(f'{step}"${{SPEECH_API_KEY}}"\n')
    variables = load_settings(speech_api_key="sk-secret").pipeline_variables()
    (spec,) = load_pipeline(FILE, variables).steps
    assert spec.params == {"api_key": SecretStr("sk-secret")}
    assert "sk-secret" not in repr(spec)
    Path(FILE).write_text(f'{step}"Bearer ${{SPEECH_API_KEY}}"\n')
    with pytest.raises(PipelineFileError, match=r"talk\.toml:3: .* is a secret, and must not stand") as raised:
        load_pipeline(FILE, variables)
    assert "sk-secret" not in str(raised.value)


def test_a_table_of_settings_is_checked_by_the_services_own() -> None:
    """A key that the service does not know is told with the one that is near."""
    fault = fault_of(f'[[step]]\nuse = "{SERVICE}"\nsettings = {{ modle = "m" }}\n')
    assert fault == f"3: step '{SERVICE}': 'settings' has no 'modle'; did you mean 'model'?"


# Mistakes in the file


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1: expected at least one [[step]] with 'use'"),
        ("step = []", "1: expected at least one [[step]] with 'use'"),
        ("step = 1", "1: expected at least one [[step]] with 'use'"),
        (f"# x\nname = 3\n{MODEL}", "2: expected 'name' to be a text, got 3"),
        (f'name = ""\n{MODEL}', "1: expected 'name' to be a text, got ''"),
        (f'\nnmae = "x"\n{MODEL}', "2: unknown key 'nmae'; did you mean 'name'?"),
        (f'{MODEL}\n[[steps]]\nuse = "vad"\n', "5: unknown key 'steps'; did you mean 'step'?"),
        (f"{MODEL}\n[zebra]\n", "5: unknown key 'zebra'; known are description, name, step, transport"),
        (f"{MODEL}\n[[step]]\nthreshold = 1\n", '5: expected the step to name its processor: use = "…"'),
        ("[[step]]\n\nuse = 1\n", '3: expected the step to name its processor: use = "…"'),
        ('step = ["vad"]', '1: expected the step to name its processor: use = "…"'),
        (f'{MODEL}\n[[step]]\n\nuse = "vadd"\n', "7: unknown step 'vadd'; did you mean 'vad'?"),
        (
            '[[step]]\nuse = "echo"\n',
            "2: unknown step 'echo'; known are engine_adapter, gemini_live, gemini_translate, glossary_check,"
            " speech_state, transcript_log, transcription_forwarder, vad, whisper_source",
        ),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, fault: str) -> None:
    """What is wrong in the file's frame: where it stands, and what would have been right."""
    assert fault_of(text) == fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            f'[[step]]\nuse = "vad"\n\n{MODEL}preroll = 3\n',
            "7: step 'gemini_live' has no parameter 'preroll'; did you mean 'preroll_ms'?",
        ),
        (
            '[[step]]\nuse = "speech_state"\nzebra = 3\n',
            "3: step 'speech_state' has no parameter 'zebra'; there are none",
        ),
        (
            '[[step]]\nuse = "vad"\nthreshold = 500\nconfidence = 2\n',
            "4: step 'vad': parameter 'confidence': Input should be less than 1, got 2",
        ),
        (
            '[[step]]\nuse = "vad"\n\n[[step]]\n"provider" = "webrtc"\nuse = "vad"\n',
            "5: step 'vad': parameter 'provider': expected silero, energy or an import path such as"
            " my_vad:MyDetector, got 'webrtc'",
        ),
        (
            '[[step]]\nuse = "vad"\n\n[[step]]\nuse = "gemini_live"\n',
            "4: step 'gemini_live': parameter 'model': Field required",
        ),
        (
            f"{MODEL}[step.extra]\na = 1\n",
            "4: step 'gemini_live' has no parameter 'extra'; known are connect_timeout_secs,",
        ),
    ],
)
def test_parameters_are_checked_by_the_step(text: str, fault: str) -> None:
    """Unknown names, wrong values and missing ones are refused where they stand, in the step that is meant."""
    assert fault_of(text).startswith(fault)


def test_what_is_no_toml_is_told_with_its_line() -> None:
    """The TOML reader's own words, with the line where all other mistakes have it."""
    assert fault_of('[[step]]\nuse = "vad\n') == "2: not valid TOML: Illegal character '\\n', column 11"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("interpretr", "PIPELINE: unknown pipeline 'interpretr'; did you mean 'interpreter'?"),
        ("missing.toml", "missing.toml: can't read the pipeline file: No such file or directory"),
        ("./", ".: can't read the pipeline file: Is a directory"),
    ],
)
def test_a_missing_file_is_told(name: str, fault: str) -> None:
    """A name that is near one of ours is corrected; a path is told as it was given."""
    with pytest.raises(PipelineFileError) as raised:
        load_pipeline(name, VARIABLES)
    assert str(raised.value).startswith(fault)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are no stack trace."""
    (tmp_path / FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(PipelineFileError, match=r"^talk\.toml: can't read the pipeline file: 'utf-8' codec"):
        load_pipeline(FILE, VARIABLES)


# Several mistakes


def test_a_byte_order_mark_is_no_mistake() -> None:
    """Editors of Windows write one."""
    assert [step.use for step in load("\ufeff" + MODEL).steps] == ["gemini_live"]


@pytest.mark.parametrize("text", ["x = " + "[" * 3000 + "]" * 3000, f"{MODEL}voice{'.a' * 3000} = 1"])
def test_a_file_that_is_nested_too_deeply_is_told(text: str) -> None:
    """TOML has no limit, Python has."""
    assert fault_of(text) == "values are nested too deeply"


def test_a_file_is_not_read_without_end() -> None:
    """A megabyte is read and not a byte more."""
    load(f"{MODEL}#{'x' * (1024 * 1024 - len(MODEL) - 1)}")
    told = "can't read the pipeline file: expected at most 1048576 bytes"
    assert fault_of(f"{MODEL}#{'x' * (1024 * 1024 - len(MODEL))}") == told


def test_a_link_that_leads_nowhere_is_not_offered_itself() -> None:
    """It has the nearest name of all, and can't be read either."""
    Path("talk.toml").symlink_to("nowhere.toml")
    with pytest.raises(PipelineFileError) as raised:
        load_pipeline("talk.toml", VARIABLES)
    assert str(raised.value) == "talk.toml: can't read the pipeline file: No such file or directory"


def test_another_file_is_no_remedy_for_one_that_cannot_be_read() -> None:
    """Only for one that is not there."""
    Path("tolk.toml").write_text(MODEL)
    Path(FILE).mkdir()
    with pytest.raises(PipelineFileError) as raised:
        load_pipeline(FILE, VARIABLES)
    assert str(raised.value) == "talk.toml: can't read the pipeline file: Is a directory"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ('login = { api_key = "sk-1234" }', "parameter 'login': {int}, got ********"),
        ('volumes = ["a", "a"]', "parameter 'volumes': {int}, got 'a'"),
        (f'volumes = ["{"a" * 200}"]', f"parameter 'volumes': {{int}}, got '{'a' * 99}..."),
    ],
)
def test_a_value_inside_a_parameter_is_told(given: str, told: str) -> None:
    """Masked by the name that it has there, once though it is there twice, and no longer than a line."""
    number = "Input should be a valid integer, unable to parse string as an integer"
    fault = fault_of(f'[[step]]\nuse = "tests.support.needy_step:Nested"\n{given}\n')
    assert fault.partition("Nested': ")[2] == told.format(int=number)


def test_a_secret_does_not_show_in_the_words_of_a_validator() -> None:
    """Which are somebody else's."""
    given = 'use = "tests.support.needy_step:Picky"\napi_key = "open-sesame"\n'
    told = fault_of(f"[[step]]\n{given}")
    assert told.endswith("parameter 'api_key': nobody knows ********, got ********")


def faults_of(text: str) -> list[str]:
    """What is told of each mistake of a file, without the file's name."""
    with pytest.raises(PipelineFileError) as raised:
        load(text)
    assert str(raised.value) == "\n".join(raised.value.faults)
    return [fault.removeprefix(f"{FILE}:") for fault in raised.value.faults]


def test_every_mistake_is_told() -> None:
    """One line each, in the order of the file: nobody corrects a file step by step."""
    assert faults_of(
        """nmae = "x"
[[step]]
use = "vadd"
threshold = "${VAD_TRESHOLD}"
[[step]]
use = "gemini_live"
modle = "m"
preroll_ms = -4
voice = "${GEMINI_VOICES}"
late_text_ms = "soon"
[[step]]
threshold = 4
[[step]]
use = "tests.support.foreign_params:Equalizr"
"""
    ) == [
        "1: unknown key 'nmae'; did you mean 'name'?",
        "3: unknown step 'vadd'; did you mean 'vad'?",
        "4: unknown setting '${VAD_TRESHOLD}'; did you mean 'VAD_THRESHOLD'?",
        "7: step 'gemini_live' has no parameter 'modle'; did you mean 'model'?",
        "8: step 'gemini_live': parameter 'preroll_ms': Input should be greater than or equal to 0, got -4",
        "9: unknown setting '${GEMINI_VOICES}'; did you mean 'GEMINI_VOICE'?",
        "10: step 'gemini_live': parameter 'late_text_ms': Input should be a valid integer, unable to parse"
        " string as an integer, got 'soon'",
        '11: expected the step to name its processor: use = "…"',
        "14: step 'tests.support.foreign_params:Equalizr': no 'Equalizr' in it; did you mean 'Equalizer'?",
    ]


def test_a_misspelled_step_is_one_mistake() -> None:
    """Not also a missing one."""
    (told,) = faults_of('[[stepp]]\nuse = "vad"\n')
    assert told == "1: unknown key 'stepp'; did you mean 'step'?"


def test_the_same_mistake_twice_on_a_line_is_one() -> None:
    """It is mended once."""
    (told,) = faults_of(f'{MODEL}voice = ["${{GEMINI_MODELL}}", "${{GEMINI_MODELL}}"]\n')
    assert told.startswith("4: unknown setting '${GEMINI_MODELL}'")


def test_a_required_parameter_with_a_wrong_setting_is_not_missing_too() -> None:
    """One mistake is one line."""
    assert faults_of('[[step]]\nuse = "gemini_live"\nmodel = "${GEMINI_MODLE}"\n') == [
        "3: unknown setting '${GEMINI_MODLE}'; did you mean 'GEMINI_MODEL'?"
    ]


def test_every_missing_argument_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a stock processor, too, but not one whose name is only misspelled."""
    source = """
from pipecat.processors.frame_processor import FrameProcessor
class Mix(FrameProcessor):
    def __init__(self, *, left, right, volume):
        super().__init__()
"""
    (tmp_path / "my_mixer.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert faults_of('[[step]]\nuse = "my_mixer:Mix"\nvolme = 1\n') == [
        "1: step 'my_mixer:Mix': missing a required argument: 'left'",
        "1: step 'my_mixer:Mix': missing a required argument: 'right'",
        "3: step 'my_mixer:Mix' has no parameter 'volme'; did you mean 'volume'?",
    ]


def test_a_value_that_fits_no_type_of_several_is_one_mistake(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Pydantic tells each type that it tried; the file has one mistake."""
    source = """
from pipecat.processors.frame_processor import FrameProcessor
from pydantic import BaseModel
class Delay(FrameProcessor):
    class Params(BaseModel):
        secs: int | bool
"""
    (tmp_path / "my_delay.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    (fault,) = faults_of('[[step]]\nuse = "my_delay:Delay"\nsecs = [1]\n')
    assert fault.endswith("Input should be a valid integer or Input should be a valid boolean, got [1]")


def test_a_secret_does_not_show_in_its_error() -> None:
    """However deep it lies, a value with a secret's name is masked."""
    use = '[[step]]\nuse = "vad"\nprovider_params = '
    (fault,) = faults_of(f"{use}{{ api_key = 'sk-1234' }}\n")
    assert fault.startswith("3: step 'vad': parameter 'provider_params': ")
    assert "sk-1234" not in fault
    assert "********" in fault
    (fault,) = faults_of('[[step]]\nuse = "tests.support.needy_step:Needy"\napi_key = 1234\n')
    assert fault.endswith("parameter 'api_key': Input should be a valid string, got ********")


# Near misses


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[step]\nuse = "vad"\n', "1: expected [[step]] with two brackets, got [step]"),
        (
            '[[step]]\nuse = "pipecat.processors.filters.frame_filtr:FrameFilter"\n',
            "2: step 'pipecat.processors.filters.frame_filtr:FrameFilter': can't import"
            " 'pipecat.processors.filters.frame_filtr': ModuleNotFoundError: No module named"
            " 'pipecat.processors.filters.frame_filtr'; did you mean 'pipecat.processors.filters.frame_filter'?",
        ),
        (
            '[[step]]\nuse = "my_steps.Shout"\n',
            "2: unknown step 'my_steps.Shout'; known are engine_adapter, gemini_live, gemini_translate,"
            " glossary_check, speech_state, transcript_log, transcription_forwarder, vad, whisper_source;"
            " did you mean 'my_steps:Shout'?",
        ),
    ],
)
def test_what_was_meant_is_told(text: str, fault: str) -> None:
    """Where somebody nearly wrote it."""
    assert faults_of(text) == [fault]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        (
            "tolk.toml",
            "tolk.toml: can't read the pipeline file: No such file or directory; did you mean 'talk.toml'?",
        ),
        ("talk", "PIPELINE: unknown pipeline 'talk'; did you mean 'talk.toml'?"),
    ],
)
def test_a_file_that_is_there_is_found(name: str, hint: str) -> None:
    """A misspelled path, and one that lacks its ending, are told with the file that is there."""
    Path(FILE).write_text(MODEL)
    with pytest.raises(PipelineFileError) as raised:
        load_pipeline(name, VARIABLES)
    assert str(raised.value) == hint


# Where parameters come from


def test_a_parameter_knows_its_line_and_settings() -> None:
    """A literal, a setting, a text around settings; what the file does not name has no origin."""
    (step,) = load(
        '[[step]]\nuse = "gemini_live"\nmodel = "x-${GEMINI_MODEL}-${PREROLL_MS}"\n'
        'voice = "${GEMINI_VOICE}"\n\npreroll_ms = 3\n'
    ).steps
    assert step.line == 1
    assert step.origins == {
        "model": Origin(3, ("GEMINI_MODEL", "PREROLL_MS")),
        "voice": Origin(4, ("GEMINI_VOICE",), is_setting=True),
        "preroll_ms": Origin(6),
    }


def test_settings_deep_in_a_value_belong_to_its_origin() -> None:
    """Lists and tables, each setting once."""
    (step,) = load(
        f'[[step]]\nuse = "{EQUALIZER}"\ngain = ["${{PREROLL_MS}}", {{x = "v=${{PREROLL_MS}}${{BARGE_IN}}"}}]\n'
    ).steps
    assert step.origins == {"gain": Origin(3, ("PREROLL_MS", "BARGE_IN"))}


def test_the_settings_for_steps_are_those_of_the_shipped_files() -> None:
    """What no shipped step gets is the server's own business."""
    assert {"VAD_PROVIDER", "BARGE_IN"} <= shipped_settings()
    assert not {"PORT", "SETTING"} & shipped_settings()


# Steps that are not installed

NOT_INSTALLED = """
from loguru import logger
try:
    import no_such_package_of_mine
except ModuleNotFoundError as error:
    raise ImportError(f"Missing module: {error}") from error
"""


def test_a_package_that_is_not_installed_is_no_mistake_of_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file can be read, and the server says what to install; both name the step's line."""
    (tmp_path / "my_service.py").write_text(NOT_INSTALLED)
    monkeypatch.syspath_prepend(str(tmp_path))
    text = f'{MODEL}\n[[step]]\nuse = "my_service:Tts"\nvoice = "${{GEMINI_MODEL}}"\n'
    Path(FILE).write_text(text)
    draft = read_pipeline(FILE, VARIABLES)
    missing = "the package 'no_such_package_of_mine' is not installed"
    origins = {"voice": Origin(7, ("GEMINI_MODEL",), is_setting=True)}
    assert draft.steps[1] == UninstalledStep("my_service:Tts", {"voice": "m-1"}, 5, origins, missing)
    assert faults_of(text) == [f"5: step 'my_service:Tts': {missing}"]
    assert faults_of(f"nmae = 1\n{text}")[1:] == [f"6: step 'my_service:Tts': {missing}"]


# Somebody else's steps


def test_a_foreign_step_with_a_model_is_checked_like_ours() -> None:
    """A class with ``Params`` gets a checked model of its own."""
    use = '[[step]]\nuse = "tests.support.foreign_step:Counting"\n'
    assert params_of(f'{use}label = "before"\n').label == "before"
    assert fault_of(f"{use}\nlabel = 3\n").startswith("4: step 'tests.support.foreign_step:Counting': parameter")
    assert fault_of(f'{use}lable = "x"\n').endswith("has no parameter 'lable'; did you mean 'label'?")


@pytest.mark.parametrize(
    ("use", "given", "params"),
    [
        ("tests.support.foreign_step:Shout", 'suffix = "!"', {"suffix": "!"}),
        ("tests.support.foreign_step:Shout", 'name = "shout"', {"name": "shout"}),
        ("tests.support.foreign_params:LoudEqualizer", 'label = "x"\ngain = 2', {"label": "x", "gain": 2}),
        ("pipecat.processors.filters.identity_filter:IdentityFilter", 'name = "pass"', {"name": "pass"}),
        ("pipecat.processors.filters.frame_filter:FrameFilter", "types = []", {"types": []}),
        ("tests.support.foreign_step:Shout", 'suffix = "-${GEMINI_MODEL}"', {"suffix": "-m-1"}),
    ],
)
def test_a_stock_processor_takes_keyword_arguments(use: str, given: str, params: dict[str, Any]) -> None:
    """A class without a model gets what the file says by name, its bases' arguments included."""
    assert params_of(f'[[step]]\nuse = "{use}"\n{given}\n') == params


@pytest.mark.parametrize(
    ("use", "given", "fault"),
    [
        ("tests.support.foreign_step:Shout", "sufix = 1", "3: step 'tests.support.foreign_step:Shout' has no"),
        (
            "pipecat.processors.filters.identity_filter:IdentityFilter",
            "naem = 1",
            "3: step 'pipecat.processors.filters.identity_filter:IdentityFilter' has no parameter 'naem';"
            " did you mean 'name'?",
        ),
        (
            "pipecat.processors.filters.frame_filter:FrameFilter",
            "types = []\nname = 1",
            "4: step 'pipecat.processors.filters.frame_filter:FrameFilter' has no parameter 'name';",
        ),
        (
            "pipecat.processors.filters.frame_filter:FrameFilter",
            "",
            "1: step 'pipecat.processors.filters.frame_filter:FrameFilter': missing a required argument: 'types'",
        ),
        (
            "tests.support.foreign_params:Equalizer",
            "",
            "1: step 'tests.support.foreign_params:Equalizer': missing a required argument: 'gain'",
        ),
    ],
)
def test_a_stock_processors_arguments_are_checked(use: str, given: str, fault: str) -> None:
    """A wrong or missing keyword argument stops the start, not each session."""
    assert fault_of(f'[[step]]\nuse = "{use}"\n{given}\n').startswith(fault)


def test_an_import_path_that_leads_nowhere_is_told_with_its_line() -> None:
    """The registry's words, with the file and the line of ``use``."""
    fault = fault_of(f'{MODEL}\n[[step]]\nuse = "no_such_package.steps:Echo"\n')
    assert fault.startswith("6: step 'no_such_package.steps:Echo': can't import 'no_such_package.steps': ")
