"""Settings: what operators can say, what holds if they say nothing, and how they learn of mistakes."""

import os
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr, ValidationError

from pipelines.settings import Settings, SettingsError, load_settings, misspelled_settings, require_api_key

KEY = "AIza-not-for-anyones-eyes"
OWN_SECRETS = {
    "GEMINI_API_KEY",
    "METRICS_TOKEN",
    "ROOM_API_KEY",
    "TWILIO_AUTH_TOKEN",
    "TELNYX_API_KEY",
    "PLIVO_AUTH_TOKEN",
    "VONAGE_SIGNATURE_SECRET",
    "EXOTEL_PASSWORD",
}


def message_of(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    """What an operator reads who sets ``name`` to ``value``."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    return str(raised.value)


def load_with(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    """The settings that an environment gives."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings()


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("host", "localhost"),
        ("port", 8000),
        ("debug", False),
        ("cors_origins", ("http://localhost:3000", "http://127.0.0.1:3000", "http://localhost:5173")),
        ("log_level", "INFO"),
        ("log_format", "%(asctime)s - %(name)s - %(levelname)s - %(message)s"),
        ("log_transcripts", False),
        ("vad_provider", "silero"),
        ("vad_threshold", 500),
        ("vad_confidence", 0.5),
        ("vad_hangover_frames", 15),
        ("end_of_utterance_ms", 700),
        ("preroll_ms", 300),
        ("soft_utterance_secs", 10),
        ("max_utterance_secs", 15),
        ("audio_gap_ms", 500),
        ("barge_in", False),
        ("ws_ping_interval", 10),
        ("ws_ping_timeout", 5),
        ("uplink_ring_secs", 60),
        ("gemini_api_key", None),
        ("gemini_model", "gemini-3.8-live"),
        ("gemini_voice", None),
        ("gemini_base_url", None),
        ("gemini_ca_file", None),
        ("pipeline", "interpreter"),
        ("emulator", False),
        ("languages", ("ko", "en")),
        ("target_languages", ()),
        ("engines", ()),
        ("interpreter_instructions", ""),
        ("connect_timeout_secs", 4),
        ("turn_timeout_secs", 12),
        ("late_text_ms", 1500),
        ("max_message_bytes", 2**20),
        ("max_chunk_secs", 5),
        ("init_timeout_secs", 10),
        ("idle_timeout_secs", 900),
        ("max_session_secs", 0),
        ("max_sessions", 50),
        ("metrics_token", None),
        ("drain_secs", 30),
    ],
)
def test_documented_defaults(name: str, default: object) -> None:
    """What the documentation promises holds where nothing is set."""
    assert getattr(load_settings(), name) == default


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "9000", 9000),
        ("DEBUG", "true", True),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("LOG_FORMAT", "json", "json"),
        ("VAD_THRESHOLD", "0", 0),
        ("VAD_PROVIDER", "energy", "energy"),
        ("LANGUAGES", " en , ja ", ("en", "ja")),
        ("LANGUAGES", "EN-us,pt-br", ("en", "pt-BR")),
        ("TARGET_LANGUAGES", "ja, zh-tw,ja", ("ja", "zh-Hant")),
        ("TARGET_LANGUAGES", ",", ()),
        ("ENGINES", "simultaneous, ./mine.toml", ("simultaneous", "./mine.toml")),
        (
            "CORS_ORIGINS",
            "https://a.example, http://b.example:8080,",
            ("https://a.example", "http://b.example:8080"),
        ),
        ("CORS_ORIGINS", "*", ("*",)),
        ("GEMINI_BASE_URL", "https://gateway.example/gemini/", "https://gateway.example/gemini"),
        ("MAX_UTTERANCE_SECS", "0", 0),
        ("INTERPRETER_INSTRUCTIONS", "Two surgeons talk.", "Two surgeons talk."),
    ],
)
def test_the_environment_sets(monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: object) -> None:
    """Each form in which an operator may write a value is understood."""
    assert getattr(load_with(monkeypatch, **{name: value}), name.lower()) == expected


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_blank_value_is_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """``NAME=`` in the environment, as compose files produce it, means the default."""
    assert load_with(monkeypatch, **{name.upper(): ""}) == load_settings()


def test_a_blank_value_in_the_file_is_not_set(empty_working_directory: Path) -> None:
    """The same in ``.env``."""
    (empty_working_directory / ".env").write_text("".join(f"{name.upper()}=\n" for name in Settings.model_fields))
    with_file = load_settings()
    (empty_working_directory / ".env").unlink()
    assert with_file == load_settings()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "http", "PORT: Input should be a valid integer, unable to parse string as an integer, got 'http'"),
        ("PORT", "65536", "PORT: Input should be less than or equal to 65535, got '65536'"),
        ("DEBUG", "maybe", "DEBUG: Input should be a valid boolean, unable to interpret input, got 'maybe'"),
        ("EMULATOR", "2", "EMULATOR: Input should be a valid boolean, unable to interpret input, got '2'"),
        (
            "LOG_LEVEL",
            "loud",
            "LOG_LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL', got 'LOUD'",
        ),
        (
            "LOG_FORMAT",
            "{message}",
            "LOG_FORMAT: expected 'json' or a format of Python's logging: Invalid format '{message}' for '%' style",
        ),
        (
            "LOG_FORMAT",
            "%(user)s %(message)s",
            "LOG_FORMAT: expected 'json' or a format of Python's logging: Formatting field not found in record:",
        ),
        (
            "LOG_FORMAT",
            "%(asctime)d",
            "LOG_FORMAT: expected 'json' or a format of Python's logging: %d format: a real number is required",
        ),
        (
            "VAD_PROVIDER",
            "webrtc",
            "VAD_PROVIDER: expected silero, energy or an import path such as my_vad:MyDetector, got 'webrtc'",
        ),
        ("VAD_THRESHOLD", "-1", "VAD_THRESHOLD: Input should be greater than or equal to 0, got '-1'"),
        ("VAD_THRESHOLD", "nan", "VAD_THRESHOLD: Input should be a finite number, got 'nan'"),
        ("VAD_CONFIDENCE", "1", "VAD_CONFIDENCE: Input should be less than 1, got '1'"),
        ("VAD_HANGOVER_FRAMES", "0", "VAD_HANGOVER_FRAMES: Input should be greater than or equal to 1, got '0'"),
        ("WS_PING_INTERVAL", "0", "WS_PING_INTERVAL: Input should be greater than 0, got '0'"),
        ("WS_PING_INTERVAL", "inf", "WS_PING_INTERVAL: Input should be a finite number, got 'inf'"),
        ("MAX_SESSIONS", "0", "MAX_SESSIONS: Input should be greater than or equal to 1, got '0'"),
        ("LANGUAGES", "ko", "LANGUAGES: expected two different languages, such as ko,en, got 'ko'"),
        ("LANGUAGES", "en,en", "LANGUAGES: expected two different languages, such as ko,en"),
        ("LANGUAGES", "ko,en,ja", "LANGUAGES: expected two different languages, such as ko,en"),
        ("LANGUAGES", "ko,xx", "LANGUAGES: expected languages out of af, ak, am"),
        ("LANGUAGES", "pt-BR,pt-PT", "LANGUAGES: expected two different languages, such as ko,en"),
        ("LANGUAGES", "zh,zh-TW", "LANGUAGES: expected two different languages, such as ko,en"),
        ("TARGET_LANGUAGES", "ja,xx", "TARGET_LANGUAGES: expected languages out of af, ak, am"),
        (
            "CORS_ORIGINS",
            "example.org",
            "CORS_ORIGINS: expected origins such as https://example.org, without a path, got 'example.org'",
        ),
        ("CORS_ORIGINS", "http://a.example,https://b.example/", "CORS_ORIGINS: expected origins such as"),
        ("CORS_ORIGINS", "https://a.example/app", "CORS_ORIGINS: expected origins such as"),
        (
            "GEMINI_BASE_URL",
            "http://localhost:9",
            "GEMINI_BASE_URL: expected an https:// URL (both connectors speak TLS only), got 'http://localhost:9'",
        ),
        *(
            (
                "GEMINI_BASE_URL",
                url,
                "GEMINI_BASE_URL: expected an https:// URL with a host and, if any, a port of 1 to 65535,"
                f" got '{url}'",
            )
            for url in (
                "https://",
                "https://:8443",
                "https://host:99999",
                "https://host:0",
                "https://host:x",
                "https://[::1",
            )
        ),
        ("GEMINI_CA_FILE", "missing.pem", "GEMINI_CA_FILE: expected a PEM file with certificates: [Errno 2]"),
        (
            "INTERPRETER_INSTRUCTIONS",
            "@missing.txt",
            "INTERPRETER_INSTRUCTIONS: expected a text, or @ and a UTF-8 text file: [Errno 2]",
        ),
        (
            "SOFT_UTTERANCE_SECS",
            "20",
            "SOFT_UTTERANCE_SECS (20) must not exceed MAX_UTTERANCE_SECS (15)",
        ),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str) -> None:
    """One line says which setting is wrong, what was expected and what came."""
    told = message_of(monkeypatch, name, value)
    assert told.startswith(message)
    assert "\n" not in told


def test_a_lower_hard_limit_takes_the_default_soft_limit_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """MAX_UTTERANCE_SECS alone can be lowered below the default of SOFT_UTTERANCE_SECS."""
    monkeypatch.setenv("MAX_UTTERANCE_SECS", "5")
    assert load_settings().max_utterance_secs == 5


def test_a_wrong_value_of_several_lines_is_told_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an operator pasted does not break the line."""
    assert "\n" not in message_of(monkeypatch, "PORT", "80\n00")


def test_a_certificate_file_is_read_at_the_start(
    monkeypatch: pytest.MonkeyPatch, empty_working_directory: Path
) -> None:
    """A file of certificates is taken; any other text is refused before a session needs it."""
    ca_file = empty_working_directory / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    assert load_with(monkeypatch, GEMINI_CA_FILE="ca.pem").gemini_ca_file == Path("ca.pem")
    ca_file.write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        ssl.create_default_context(cafile=ca_file)
    assert message_of(monkeypatch, "GEMINI_CA_FILE", "ca.pem").startswith("GEMINI_CA_FILE: expected a PEM file")


def test_instructions_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, empty_working_directory: Path) -> None:
    """``@file`` stands for the file's text."""
    (empty_working_directory / "domain.txt").write_text("의학 용어\nsurgery", encoding="utf-8")
    assert load_with(monkeypatch, INTERPRETER_INSTRUCTIONS="@domain.txt").interpreter_instructions == (
        "의학 용어\nsurgery"
    )


def test_instructions_that_are_no_text_are_refused(
    monkeypatch: pytest.MonkeyPatch, empty_working_directory: Path
) -> None:
    """A file in another encoding is not sent to the model as rubbish."""
    (empty_working_directory / "domain.txt").write_bytes("의학".encode("utf-16"))
    told = message_of(monkeypatch, "INTERPRETER_INSTRUCTIONS", "@domain.txt")
    assert told.startswith("INTERPRETER_INSTRUCTIONS: expected a text, or @ and a UTF-8 text file:")


# Where values come from


def test_the_file_of_the_working_directory_is_read(empty_working_directory: Path) -> None:
    """``.env`` beside the caller counts."""
    (empty_working_directory / ".env").write_text("PORT=9100\n# PORT=1\nLANGUAGES='en,fr'\n")
    settings = load_settings()
    assert (settings.port, settings.pair) == (9100, ("en", "fr"))


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, empty_working_directory: Path) -> None:
    """A value for one run does not need an edit."""
    (empty_working_directory / ".env").write_text("PORT=9100\n")
    assert load_with(monkeypatch, PORT="9200").port == 9200


def test_overrides_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command line says comes first; what it does not say leaves the environment alone."""
    monkeypatch.setenv("PORT", "9200")
    monkeypatch.setenv("EMULATOR", "true")
    settings = load_settings(port=9300, emulator=None)
    assert (settings.port, settings.emulator) == (9300, True)


def test_other_variables_have_no_effect(monkeypatch: pytest.MonkeyPatch, empty_working_directory: Path) -> None:
    """What belongs to other programs, or is spelt wrong, changes nothing."""
    plain = load_settings()
    (empty_working_directory / ".env").write_text("SOMEBODY_ELSES=1\nGOOGLE_API_KEY=x\n")
    strange = {"GOOGLE_API_KEY": "x", "GOOGLE_GENAI_USE_VERTEXAI": "1", "PIPECAT_ALLOWED_ORIGINS": "x", "PAIR": "x"}
    assert load_with(monkeypatch, **strange) == plain


def test_a_directory_in_the_place_of_the_file_is_refused(empty_working_directory: Path) -> None:
    """Docker makes a directory where a mounted file is missing: the operator hears of it, not of a missing key."""
    (empty_working_directory / ".env").mkdir()
    with pytest.raises(SettingsError, match=r"^\.env: expected a file, got a directory$"):
        load_settings()


def test_a_file_that_is_no_text_is_refused(empty_working_directory: Path) -> None:
    """Bytes that are no UTF-8 are told as such."""
    (empty_working_directory / ".env").write_bytes("PORT=9100\n".encode("utf-16"))
    with pytest.raises(SettingsError, match=r"^\.env: 'utf-8' codec can't decode"):
        load_settings()


def test_a_byte_order_mark_does_not_hide_the_first_setting(empty_working_directory: Path) -> None:
    """Editors of Windows write one."""
    (empty_working_directory / ".env").write_bytes(b"\xef\xbb\xbfPORT=9000\r\nHOST=host\r\n")
    settings = load_settings()
    assert (settings.port, settings.host) == (9000, "host")
    assert misspelled_settings() == {}


def test_a_message_of_several_values_hides_the_user_of_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the value stands in the message itself."""
    message = message_of(monkeypatch, "CORS_ORIGINS", "https://me:open-sesame@host/path")
    assert message.endswith("got 'https://********@host/path'")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("HOST\n", 1),
        ("# c\n\n\nexport HOST\n", 4),
        ("PORT=1\n=x\n", 2),
        ('HOST="a\nPORT=1\n', 1),
        ("\r\nHOST\r\n", 2),
    ],
)
def test_a_line_that_sets_nothing_is_refused(text: str, line: int, empty_working_directory: Path) -> None:
    """With its number, blank lines and comments counted."""
    (empty_working_directory / ".env").write_bytes(text.encode())
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value) == f".env:{line}: expected NAME=value, or # and a comment"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PROT", "PORT"),
        ("GEMINI_KEY", "GEMINI_API_KEY"),
        ("loglevel", "LOG_LEVEL"),
        ("LOG_FILE", None),
        ("POSTGRES_PORT", None),
        ("port", None),
    ],
)
def test_a_name_that_is_nearly_a_setting(name: str, meant: str | None, empty_working_directory: Path) -> None:
    """Is told with the setting; somebody else's names, and a setting in small letters, are not."""
    (empty_working_directory / ".env").write_text(f"{name}=1\n")
    assert misspelled_settings() == ({name.upper(): meant} if meant else {})


def test_settings_do_not_change() -> None:
    """What was read at the start holds to the end."""
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]  # the point of the test


# The key


def test_the_key_is_given_only_to_who_asks_for_it() -> None:
    """Nothing prints the key, and no pipeline file can name it."""
    settings = load_settings(gemini_api_key=SecretStr(KEY))
    variables = settings.pipeline_variables()
    assert require_api_key(settings) == KEY
    assert KEY not in f"{settings!r} {settings} {settings.model_dump()} {variables}"
    assert "GEMINI_API_KEY" not in variables


@pytest.mark.parametrize("wrong", [{"PORT": "x"}, {"SOFT_UTTERANCE_SECS": "20"}])
def test_the_key_is_in_no_error(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]) -> None:
    """A mistake elsewhere does not put the key on the screen, nor into the exception's chain."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    ((name, value),) = wrong.items()
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert KEY not in str(raised.value)
    assert raised.value.__suppress_context__


def test_a_missing_key_is_named() -> None:
    """Who starts without a key is told where to put one, and how to do without."""
    with pytest.raises(SettingsError, match=r"^GEMINI_API_KEY is not set: .*\.env, or start with --emulator"):
        require_api_key(load_settings())


# What is derived


@pytest.mark.parametrize("name", ["METRICS_TOKEN", "ROOM_API_KEY"])
def test_a_token_that_is_too_short_is_not_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The operator reads what is expected; what came would be a part of a secret."""
    with pytest.raises(SettingsError) as raised:
        load_with(monkeypatch, **{name: "hunter2"})
    assert str(raised.value) == f"{name}: expected at least 16 characters"


def test_pipeline_files_may_name_every_setting_but_the_servers_own_secrets() -> None:
    """The variables are the settings' names in capitals, with typed values; keys of steps show as a mask."""
    settings = load_settings(vad_hangover_frames=7)
    variables = settings.pipeline_variables()
    assert set(variables) == {name.upper() for name in Settings.model_fields} - OWN_SECRETS
    assert variables["VAD_HANGOVER_FRAMES"] == 7
    assert variables["GEMINI_VOICE"] is None
    assert str(variables["SPEECH_API_KEY"]) == "**********"


@pytest.mark.parametrize("value", ["localhost:11434", "ftp://localhost/v1", "http://", "http://localhost:x/v1"])
def test_an_endpoint_is_an_http_url(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Told with an example; a slash at the end makes no difference."""
    with pytest.raises(SettingsError, match="TRANSLATION_URL: expected an http:// or https:// URL"):
        load_with(monkeypatch, TRANSLATION_URL=value)
    assert load_with(monkeypatch, TRANSLATION_URL="http://a:1/v1/").translation_url == "http://a:1/v1"


@pytest.mark.parametrize(
    ("values", "own"),
    [
        (
            {},
            {"http://localhost:8000", "https://localhost:8000", "http://127.0.0.1:8000", "https://127.0.0.1:8000"},
        ),
        ({"host": "0.0.0.0", "port": 9000}, {"http://localhost:9000", "http://127.0.0.1:9000"}),
        ({"host": "::1"}, {"http://[::1]:8000", "http://localhost:8000"}),
        ({"host": "Interpreter.Example", "port": 443}, {"https://interpreter.example"}),
        ({"public_url": "https://Interpreter.Example/base"}, {"https://interpreter.example"}),
        ({"public_url": "https://interpreter.example:8443"}, {"https://interpreter.example:8443"}),
        ({"host": "localhost", "port": 80}, {"http://localhost", "http://127.0.0.1", "https://localhost:80"}),
    ],
)
def test_the_servers_own_origin_is_allowed(values: dict[str, Any], own: set[str]) -> None:
    """A page that the server itself serves may open the WebSocket, under each name that a browser knows it by."""
    allowed = load_settings(**values).allowed_origins
    assert own <= set(allowed)
    assert {"http://localhost:3000", "http://127.0.0.1:3000", "http://localhost:5173"} <= set(allowed)


def test_a_public_host_does_not_let_localhost_in() -> None:
    """Only a server that listens on the local machine counts local pages as its own."""
    allowed = load_settings(host="interpreter.example", cors_origins=("https://a.example",)).allowed_origins
    assert allowed == (
        "https://a.example",
        "http://interpreter.example:8000",
        "https://interpreter.example:8000",
    )


def test_no_origin_is_listed_twice() -> None:
    """Naming the own origin in the settings as well does no harm."""
    allowed = load_settings(cors_origins=("http://localhost:8000",)).allowed_origins
    assert len(allowed) == len(set(allowed))


# The glossary


def test_a_glossary_is_read_at_the_start(monkeypatch: pytest.MonkeyPatch, empty_working_directory: Path) -> None:
    """Once; its rows are for ``LANGUAGES``, unless they say otherwise, and pipeline files get it as it was read."""
    terms = "source,target,pair\nHerz,heart,\n심장,heart,ko-en\n"
    (empty_working_directory / "terms.csv").write_text(terms, encoding="utf-8")
    settings = load_with(monkeypatch, GLOSSARY_FILE="terms.csv", LANGUAGES="de,en")
    assert settings.glossary is not None
    assert [term.source for term in settings.glossary.between("de", "en")] == ["Herz"]
    assert [term.target for term in settings.glossary.between("en", "ko")] == ["심장"]
    assert settings.pipeline_variables()["GLOSSARY_FILE"] is settings.glossary
    monkeypatch.delenv("GLOSSARY_FILE")
    assert load_settings().pipeline_variables()["GLOSSARY_FILE"] is None


def test_a_wrong_glossary_is_told_by_line(monkeypatch: pytest.MonkeyPatch, empty_working_directory: Path) -> None:
    """A line for each row that is wrong, with the setting that named the file."""
    file = empty_working_directory / "terms.csv"
    file.write_text("source,target\n심장,heart\n간,\n폐,lung,x\n", encoding="utf-8")
    assert message_of(monkeypatch, "GLOSSARY_FILE", "terms.csv").splitlines() == [
        "GLOSSARY_FILE: terms.csv:3: expected a target with a letter or a digit in it, got ''",
        'GLOSSARY_FILE: terms.csv:4: expected 2 fields, got 3; a field with a comma in it stands in "…"',
    ]
    told = message_of(monkeypatch, "GLOSSARY_FILE", "none.csv")
    assert told == "GLOSSARY_FILE: none.csv: can't read the glossary: No such file or directory"


@pytest.mark.parametrize("name", ["PIPECAT_SETUP_FILES", "PIPECAT_SMART_TURN_LOG_DATA"])
def test_what_would_make_pipecat_run_or_write_files_is_taken_out(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the environment, before any session: the first runs code, the second writes what is said to disk."""
    monkeypatch.setenv(name, "1")
    load_settings()
    assert name not in os.environ
