"""What is missing to run a pipeline, where its values come from, and how that is told."""

from importlib import metadata
from pathlib import Path

import pytest
import trustme

from pipelines.check import check_pipelines
from pipelines.check_report import WIDTH, report
from pipelines.settings import SettingsError, load_settings, setting_sources
from pipelines.spec import PipelineFileError
from processors import silero_file
from processors.gemini_live import GeminiLiveParams
from processors.vad_params import VadParams
from tests.support.checked import checked, steps

KEY = "AIza-not-for-anyones-eyes"
NEEDY = "tests.support.needy_step"
ENGINE = '[[step]]\nuse = "gemini_live"\nmodel = "m"\n'


def lines_of(text: str, **settings: object) -> list[str]:
    """The report on a file, with runs of spaces as one."""
    return [" ".join(line.split()) for line in report(checked(text, **settings)).splitlines()]


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


# Where settings come from


def test_each_setting_knows_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line wins over the environment, that over ``.env``; what is at its default is not named."""
    Path(".env").write_text("PORT=1\nHOST=a\nPREROLL_MS=3\nBARGE_IN=\nSOMEBODY_ELSES=1\n")
    monkeypatch.setenv("HOST", "b")
    monkeypatch.setenv("port", "2")
    monkeypatch.setenv("PREROLL_MS", "")
    monkeypatch.setenv("LOG_LEVEL", "")
    assert setting_sources(port=3, debug=None) == {
        "PORT": "command line",
        "HOST": "environment",
        "PREROLL_MS": ".env",
    }
    settings = load_settings(port=3)
    assert (settings.port, settings.host, settings.preroll_ms) == (3, "b", 3)


def test_every_wrong_setting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each, without the secret in an address."""
    monkeypatch.setenv("PORT", "eighty")
    monkeypatch.setenv("GEMINI_BASE_URL", "http://me:secret-word@gate.example")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    base_url, port = str(raised.value).splitlines()
    assert port.startswith("PORT: Input should be a valid integer")
    assert base_url.startswith("GEMINI_BASE_URL: expected an https:// URL")
    assert base_url.endswith("got 'http://********@gate.example'")


# What is missing


def test_nothing_is_missing(key: None) -> None:
    """With a key and what comes with the server."""
    assert checked(steps("vad", "gemini_live")).missing == ()


def test_the_key_is_missing() -> None:
    """Unless the emulator is asked for."""
    (told,) = checked(ENGINE).missing
    assert told.startswith("GEMINI_API_KEY is not set: ")
    assert checked(ENGINE, emulator=True).missing == ()


def test_a_pipeline_that_does_without_google_needs_no_key_of_it() -> None:
    """Neither the check nor its head ask for one."""
    check = checked(steps("vad", "engine_adapter", "pipecat.services.openai.llm:OpenAILLMService"))
    assert check.missing == ()
    assert "GEMINI" not in report(check)


def test_the_file_of_the_model_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A damaged installation, told where Silero's model is to judge and nowhere else."""
    monkeypatch.setattr(silero_file, "PIPECATS_FILE", tmp_path / "silero_vad.onnx")
    package_without_files = metadata.PathDistribution(tmp_path / "silero_vad-6.0.dist-info")
    monkeypatch.setattr(metadata, "distribution", lambda name: package_without_files)
    (told,) = checked(steps("vad", "gemini_live"), emulator=True).missing
    assert told.startswith(f"line 1, step 'vad': no model file {tmp_path / 'silero_vad.onnx'}: pip install ")
    energy = '[[step]]\nuse = "vad"\nprovider = "energy"\n'
    assert checked(f"{energy}{ENGINE}", emulator=True).missing == ()


def test_everything_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The key, a package, and what steps of somebody else's say, with or without a model of parameters."""
    (tmp_path / "my_service.py").write_text("import no_such_package_of_mine\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    uses = (f"{NEEDY}:Needy", "my_service:Tts", f"{NEEDY}:Keyword", f"{NEEDY}:Failing", f"{NEEDY}:OtherMeaning")
    given = steps(*uses).replace(':Keyword"\n', ':Keyword"\nmodel_file = "x.onnx"\n')
    key, *others = checked(given).missing
    assert key.startswith("GEMINI_API_KEY")
    assert others == [
        f"line 1, step '{NEEDY}:Needy': no model file voice.onnx: download it",
        f"line 1, step '{NEEDY}:Needy': no licence",
        "line 4, step 'my_service:Tts': the package 'no_such_package_of_mine' is not installed",
        f"line 7, step '{NEEDY}:Keyword': no model file x.onnx",
        f"line 11, step '{NEEDY}:Failing': its missing() failed: OSError('no disk')",
    ]


def test_a_step_that_would_end_the_check_is_told() -> None:
    """An exit code of somebody else's is no verdict on the pipeline."""
    assert checked(steps(f"{NEEDY}:Leaving"), emulator=True).missing == (
        f"line 1, step '{NEEDY}:Leaving': its missing() failed: SystemExit(0)",
    )


def test_a_single_text_is_one_thing_that_is_missing() -> None:
    """Where a list was expected."""
    assert checked(steps(f"{NEEDY}:Terse"), emulator=True).missing == (f"line 1, step '{NEEDY}:Terse': no licence",)


def test_a_step_may_not_tell_for_ever() -> None:
    """The first twenty texts are enough."""
    assert len(checked(steps(f"{NEEDY}:Endless"), emulator=True).missing) == 20


def test_what_a_step_tells_has_no_secret_in_it() -> None:
    """Neither by a parameter's name nor inside an address, whatever somebody else's code raises."""
    given = 'password = "open-sesame"\naddress = "wss://me:open-too@host/x"\n'
    (told,) = checked(steps(f"{NEEDY}:Talkative") + given, emulator=True).missing
    assert "can't log in with" in told
    assert "wss://********@host/x" in told
    assert "open" not in told.partition("log in")[2]


def test_an_argument_that_the_class_gives_to_its_base_is_not_shown() -> None:
    """It has no value that a file or a default gives."""
    lines = lines_of(steps(f"{NEEDY}:Derived"), emulator=True)
    assert "speed 1 default of the step" in lines
    assert not any(line.startswith("url") for line in lines)


def test_only_a_plain_yes_makes_an_engine() -> None:
    """An attribute that means something else to somebody else's class."""
    assert "engine no step uses the upstream" in lines_of(steps(f"{NEEDY}:OtherMeaning"))
    assert f"engine 1. {NEEDY}:Needy" in lines_of(steps(f"{NEEDY}:Needy"))


def test_a_long_path_is_not_broken() -> None:
    """It can be copied, whatever its length."""
    path = f"/{'x' * WIDTH}.onnx"
    given = f'{steps(f"{NEEDY}:Keyword")}model_file = "{path}"\n'
    assert any(path in line for line in lines_of(given, emulator=True))


# Warnings


def test_warnings_come_in_the_order_of_their_lines() -> None:
    """Whatever they are about."""
    unused = '[[step]]\nuse = "vad"\nthreshold = 300\n'
    told = checked(f'{unused}{ENGINE}{unused}[[step]]\nuse = "transcription_forwarder"\n', emulator=True).warnings
    assert [warning.partition(":")[0] for warning in told] == ["line 1", "line 7", "line 7"]


@pytest.mark.parametrize(
    ("given", "warnings"),
    [
        ("threshold = 300", ("line 1: step 'vad': threshold 300 is not used with provider silero",)),
        ("threshold = 0", ()),
        ('threshold = 300\nprovider = "energy"', ()),
    ],
)
def test_a_threshold_without_effect_is_told(given: str, warnings: tuple[str, ...]) -> None:
    """As at the start."""
    text = f'[[step]]\nuse = "vad"\n{given}\n{ENGINE}[[step]]\nuse = "transcription_forwarder"\n'
    assert checked(text).warnings == warnings


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ENGINE + 'glossary = "${GLOSSARY_FILE}"\n', False),
        (ENGINE, True),
        (ENGINE + '[[step]]\nuse = "glossary_check"\nglossary = "${GLOSSARY_FILE}"\n', True),
        ('[[step]]\nuse = "needy_package:Needy"\nglossary = "${GLOSSARY_FILE}"\n', False),
    ],
)
def test_a_glossary_that_no_model_is_told_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, told: bool
) -> None:
    """Checking what came out is not telling; a step that is not installed is trusted to tell."""
    (tmp_path / "terms.csv").write_text("source,target\n심장,heart\n", encoding="utf-8")
    (tmp_path / "needy_package.py").write_text("import a_package_that_is_not_there\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    text += '[[step]]\nuse = "transcription_forwarder"\n'
    assert "GLOSSARY_FILE" not in str(checked(text).warnings)
    warning = "GLOSSARY_FILE: no step of this pipeline tells its model the glossary's terms"
    assert (warning in checked(text, glossary_file="terms.csv").warnings) is told


def test_a_glossary_shows_as_its_file(tmp_path: Path) -> None:
    """Its terms would fill the screen."""
    (tmp_path / "terms.csv").write_text("source,target\n심장,heart\n", encoding="utf-8")
    text = ENGINE + 'glossary = "${GLOSSARY_FILE}"\n'
    assert 'glossary "terms.csv" command line' in lines_of(text, glossary_file="terms.csv")


def test_a_misspelled_setting_is_told() -> None:
    """A line of ``.env`` that nobody reads."""
    Path(".env").write_text("VAD_PROVDER=energy\n")
    assert checked(steps("gemini_live", "transcription_forwarder")).warnings == (
        ".env: unknown setting VAD_PROVDER; did you mean 'VAD_PROVIDER'?",
    )


# The file


def test_a_wrong_file_is_no_check() -> None:
    """Its mistakes are all that is told."""
    with pytest.raises(PipelineFileError, match=r"^talk\.toml:2: unknown step 'vadd'; did you mean 'vad'\?$"):
        checked(steps("vadd"))


@pytest.mark.parametrize(("chosen", "named_by"), [({"pipeline": "talc"}, "FILE"), ({}, "PIPELINE")])
def test_an_unknown_name_says_who_gave_it(
    monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str], named_by: str
) -> None:
    """The command line, or the setting."""
    monkeypatch.setenv("PIPELINE", "talc")
    with pytest.raises(PipelineFileError, match=f"^{named_by}: unknown pipeline 'talc'; known are "):
        check_pipelines(load_settings(**chosen), setting_sources(**chosen))


# Several pipelines


def test_every_engine_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default one first, each by itself; a file on the command line is looked at alone."""
    Path("mine.toml").write_text(steps("transcription_forwarder"))
    monkeypatch.setenv("ENGINES", "mine.toml")
    checks = check_pipelines(load_settings(), setting_sources())
    assert [check.pipeline.name for check in checks] == ["interpreter", "mine"]
    chosen = {"pipeline": "mine.toml"}
    (alone,) = check_pipelines(load_settings(**chosen), setting_sources(**chosen))
    assert alone.pipeline.name == "mine"


def test_the_faults_of_every_engine_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its file."""
    Path("a.toml").write_text(steps("vadd"))
    Path("b.toml").write_text(steps("speech_stat"))
    monkeypatch.setenv("PIPELINE", "a.toml")
    monkeypatch.setenv("ENGINES", "b.toml")
    with pytest.raises(PipelineFileError) as caught:
        check_pipelines(load_settings(), setting_sources())
    assert [fault.split(" unknown")[0] for fault in caught.value.faults] == ["a.toml:2:", "b.toml:2:"]


# The report


def test_each_parameter_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file, the environment, ``.env``, a setting's default, the step's default, and texts around settings."""
    Path(".env").write_text("PREROLL_MS=250\n")
    monkeypatch.setenv("GEMINI_MODEL", "m-2")
    text = """[[step]]
use = "gemini_live"
model = "models/${GEMINI_MODEL}-${PREROLL_MS}"
voice = "Kore"
preroll_ms = "${PREROLL_MS}"
late_text_ms = "${LATE_TEXT_MS}"
[[step]]
use = "vad"
provider = "${VAD_PROVIDER}"
[[step]]
use = "speech_state"
"""
    lines = lines_of(text, vad_provider="energy")
    assert "1. gemini_live, processors.gemini_live:GeminiLive" in lines
    start = lines.index('model "models/m-2-250"')
    assert lines[start + 1 : start + 4] == [
        "file, line 3; environment, GEMINI_MODEL; .env, PREROLL_MS",
        'voice "Kore" file, line 4',
        "preroll_ms 250 .env, PREROLL_MS",
    ]
    assert "late_text_ms 1500 default of LATE_TEXT_MS" in lines
    assert 'provider "energy" command line' in lines
    assert lines[lines.index("3. speech_state, processors.speech_state:SpeechStateEmitter") + 1] == "no parameters"


def test_every_parameter_is_shown() -> None:
    """Of our steps, in the order of their models, and nothing but those."""
    lines = lines_of(steps("vad", "gemini_live"))
    first, second = (next(i for i, line in enumerate(lines) if line.startswith(f"{n}. ")) for n in (1, 2))
    rows = [line for line in lines[first + 1 : lines.index("", first)] if not line.startswith("default of ")]
    shown = [line.split()[0] for line in rows]
    assert shown == list(VadParams.model_fields)
    shown = [line.split()[0] for line in lines[second + 1 : lines.index("", second)]]
    assert shown == list(GeminiLiveParams.model_fields)


def test_a_stock_processors_defaults_are_shown() -> None:
    """Of its bases, too; secrets are masked, wherever they come from."""
    lines = lines_of(f'[[step]]\nuse = "{NEEDY}:Keyword"\npassword = "sk-1"\n[[step]]\nuse = "{NEEDY}:Needy"\n')
    assert f"1. {NEEDY}:Keyword" in lines
    assert 'model_file "" default of the step' in lines
    assert "password ******** file, line 3" in lines
    assert "api_key ******** default of the step" in lines
    assert not any("sk-" in line for line in lines)


def test_a_step_that_is_not_installed_shows_what_the_file_gives(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """More is not known of it."""
    (tmp_path / "my_service.py").write_text("import no_such_package_of_mine\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    lines = lines_of('[[step]]\nuse = "my_service:Tts"\napi_key = "sk-1"\nrate = 3\n')
    start = lines.index("1. my_service:Tts, not installed: parameters are not checked")
    assert lines[start + 1 : start + 3] == ["api_key ******** file, line 3", "rate 3 file, line 4"]


def test_the_head_says_with_what_it_runs(key: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, file, engine and upstream; the key is there, and shows nowhere."""
    monkeypatch.setenv("LANGUAGES", "en,ja")
    lines = lines_of(f'name = "surgery"\n{ENGINE}')
    assert lines[: lines.index("")] == [
        "pipeline surgery",
        "file talk.toml command line",
        "languages en, ja environment, LANGUAGES",
        "input WebSocket /ws: the client's speech at 16000 Hz, its interrupts",
        "output WebSocket /ws: messages, interpreted speech at 24000 Hz",
        "engine 1. gemini_live",
        "upstream Gemini Live, https://generativelanguage.googleapis.com",
        "default of GEMINI_BASE_URL",
        "connector genai default of GEMINI_CONNECTOR",
        "key GEMINI_API_KEY, ******** environment",
    ]
    assert lines[-1] == "nothing is missing"
    assert KEY not in "\n".join(lines)


def test_the_head_of_a_pipeline_for_phone_calls_says_so(key: None) -> None:
    """What comes in and goes out there."""
    lines = lines_of(f"[transport]\npaced = true\nsample_rate_hz = 8000\n{ENGINE}")
    assert "input phone call: the caller's speech at 16000 Hz, its keys" in lines
    assert "output phone call: interpreted speech, 20 ms at a time, at 8000 Hz" in lines


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A gateway with an authority of its own."""
    ca_file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    monkeypatch.setenv("GEMINI_BASE_URL", "https://me:word@gate.example:8443/v1?k=word#word")
    monkeypatch.setenv("GEMINI_CA_FILE", str(ca_file))
    return ca_file


def test_a_gateway_is_shown_without_what_it_is_told_in_confidence(gateway: Path) -> None:
    """Host and path of its address, and the file of its authority."""
    text = report(checked(ENGINE))
    assert "Gemini Live, https://gate.example:8443/v1\n" in text.replace("  environment, GEMINI_BASE_URL", "")
    assert str(gateway) in text
    assert "environment, GEMINI_CA_FILE" in text
    assert "word" not in text


def test_the_emulator_needs_no_key() -> None:
    """It stands where the upstream stood, and nothing is said of a key."""
    lines = lines_of(ENGINE, emulator=True)
    assert "upstream emulator: recognises nothing, needs no key command line" in lines
    assert lines[-1] == "nothing is missing"
    assert not any("GEMINI_API_KEY" in line for line in lines)


def test_a_pipeline_without_an_engine_says_so() -> None:
    """Where no step says that it uses the upstream."""
    assert "engine no step uses the upstream" in lines_of(steps("speech_state"))


def test_other_settings_are_those_that_somebody_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """And that stand nowhere else; one that is for steps, but reaches none, is marked."""
    Path(".env").write_text("PORT=9000\nVAD_CONFIDENCE=0.7\nGEMINI_MODEL=m-2\n")
    lines = lines_of('[[step]]\nuse = "gemini_live"\nmodel = "${GEMINI_MODEL}"\n', log_level="DEBUG")
    start = lines.index("other settings")
    assert lines[start + 1 : lines.index("", start)] == [
        "PORT 9000 .env",
        'LOG_LEVEL "DEBUG" command line',
        "VAD_CONFIDENCE 0.7 .env; no step uses it",
    ]


def test_no_other_settings_is_no_block() -> None:
    """Nothing is said of what nobody set."""
    assert "other settings" not in lines_of(ENGINE)


def test_warnings_and_what_is_missing_end_the_report() -> None:
    """In this order, an item each."""
    lines = lines_of(steps("vad", "gemini_live"))
    start = lines.index("warnings")
    assert lines[start + 1].startswith("- line 4: no 'transcription_forwarder' after 'gemini_live'")
    assert lines[start + 3 : start + 5] == [
        "missing",
        "- GEMINI_API_KEY is not set: put it into the environment or into .env, or start with --emulator,",
    ]


def test_lines_have_at_most_100_columns() -> None:
    """What is long goes on in the next line, or shortened."""
    given = (
        f'[[step]]\nuse = "gemini_live"\nmodel = "{"m" * 40} ${{GEMINI_MODEL}} ${{VAD_PROVIDER}}"\n'
        f'instructions = "{"Two surgeons talk. " * 90}"\n'
    )
    text = report(checked(given + steps("vad", f"{NEEDY}:Needy", f"{NEEDY}:Failing")))
    assert max(len(line) for line in text.splitlines()) <= WIDTH == 100
    assert "(1710 characters)" in text


def test_a_name_cannot_reach_the_terminal() -> None:
    """Control characters are written out."""
    assert 'pipeline "a\\u001b[31m\\nb"' in lines_of(f'name = "a\\u001b[31m\\nb"\n{ENGINE}')
