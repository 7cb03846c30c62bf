"""Every setting of the server, from the environment and ``.env``: named, typed, documented, read once.

The only place that reads the environment. What is wrong or missing is a :class:`SettingsError`, one line for each.
"""

import difflib
import json
import logging
import os
import re
import ssl
import sys
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from dotenv.parser import Original, parse_stream
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as _SourceError

from gemini.connectors import ConnectorName
from gemini.languages import LANGUAGE_NAMES, known_language, language_part
from pipelines.masking import masked
from processors.foreign_detector import ProviderName
from processors.glossary import Glossary, GlossaryError, read_glossary

_PIPECAT_HOOKS = ("PIPECAT_SETUP_FILES", "PIPECAT_SMART_TURN_LOG_DATA")
"""Would let pipecat run any Python file in every session, and write what is said into files."""
_NEAR = 0.75
"""As near as ``PROT`` is to ``PORT``; ``LOG_FILE`` is further from ``LOG_LEVEL``."""
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})  # noqa: S104, RUF100
_DEFAULT_ORIGINS = "http://localhost:3000,http://127.0.0.1:3000,http://localhost:5173"
_DEFAULT_LOG_FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"\*|https?://[^/]+")
_SECRETS_OF_STEPS = frozenset({"openai_api_key", "recognition_api_key", "translation_api_key", "speech_api_key"})
"""Keys that a pipeline file may hand to a step; they stay :class:`SecretStr` until the step is made."""
_SECRETS_OF_PROVIDERS = frozenset(
    {"twilio_auth_token", "telnyx_api_key", "plivo_auth_token", "vonage_signature_secret", "exotel_password"}
)
_SECRETS = (
    frozenset({"gemini_api_key", "metrics_token", "room_api_key"}) | _SECRETS_OF_STEPS | _SECRETS_OF_PROVIDERS
)
_NO_KEY = SecretStr("none")
"""Most servers of one's own take any; without one the client library would look for a key of its own."""
_SHORTEST_TOKEN = 16
_LONGEST_SPOKEN_TEXT = 500
_PROVIDERS: dict[str, tuple[str, ...]] = {
    "twilio": ("twilio_account_sid", "twilio_auth_token"),
    "telnyx": ("telnyx_public_key", "telnyx_api_key"),
    "plivo": ("plivo_auth_id", "plivo_auth_token"),
    "vonage": ("vonage_api_key", "vonage_signature_secret"),
    "exotel": ("exotel_user", "exotel_password"),
}
"""What has to be set for a provider of telephone calls: either all of it, or nothing."""
SILERO_IGNORES_THRESHOLD_BUT = frozenset({0.0, 500.0})
"""``VAD_THRESHOLD`` values that mean something with silero: off, and the default that nobody chose."""


Source = Literal["command line", "environment", ".env"]
"""Where a setting that is not at its default comes from; the first of them wins."""


class SettingsError(Exception):
    """Settings are wrong or missing; the text is one line for each, which names it."""


def _comma_separated(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _json_object(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(
            f"expected a JSON object, such as {{'en': 'Hello.'}} with double quotes: {error}"
        ) from error


def _spoken_texts(value: dict[str, str]) -> dict[str, str]:
    """The texts by the code of their language."""
    texts = {}
    for tag, text in value.items():
        (code,) = _known_languages((tag,))
        texts[code] = text.strip()
        if not 0 < len(texts[code]) <= _LONGEST_SPOKEN_TEXT:
            raise ValueError(f"expected a text of 1 to {_LONGEST_SPOKEN_TEXT} characters for '{tag}'")
    return texts


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _https_url(value: str) -> str:
    if not value.startswith("https://"):
        raise ValueError("expected an https:// URL (both connectors speak TLS only)")
    if not _names_a_server(value):
        raise ValueError("expected an https:// URL with a host and, if any, a port of 1 to 65535")
    return value.rstrip("/")


def _public_url(value: str) -> str:
    if not value.startswith("https://") or not _names_a_server(value) or "?" in value or "#" in value:
        raise ValueError("expected the https:// URL of this server as providers reach it, without a query")
    return value.rstrip("/")


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")) or not _names_a_server(value):
        raise ValueError("expected an http:// or https:// URL with a host, such as http://localhost:11434/v1")
    return value.rstrip("/")


def _socket_url(value: str) -> str:
    if not value.startswith(("ws://", "wss://")) or not _names_a_server(value) or "?" in value:
        raise ValueError("expected a wss:// or ws:// URL with a host and without a query")
    return value.rstrip("/")


def _names_a_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number or too high, or a bracket of IPv6 is missing
        return False


def _ca_file(value: Path) -> Path:
    try:
        ssl.create_default_context(cafile=value)
    except OSError as error:  # ssl.SSLError is one, too
        raise ValueError(f"expected a PEM file with certificates: {error}") from error
    return value


def _log_format(value: str) -> str:
    if value == "json":
        return value
    try:
        logging.Formatter(value).format(logging.makeLogRecord({}))
    except (ValueError, TypeError) as error:
        raise ValueError(f"expected 'json' or a format of Python's logging: {error}") from error
    return value


def _text_or_file(value: str) -> str:
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"expected a text, or @ and a UTF-8 text file: {error}") from error


def _hard_to_guess(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < _SHORTEST_TOKEN:
        raise ValueError(f"expected at least {_SHORTEST_TOKEN} characters")
    return value


def _revealed(value: SecretStr | str) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _origin_of(scheme: str, host: str, port: int) -> str:
    """An Origin as browsers write it: IPv6 in brackets, no default port."""
    name = f"[{host}]" if ":" in host else host.lower()
    return f"{scheme}://{name}" if port == _DEFAULT_PORTS[scheme] else f"{scheme}://{name}:{port}"


def _known_languages(tags: tuple[str, ...]) -> tuple[str, ...]:
    """The codes that ``tags`` mean, each once."""
    codes = {tag: known_language(tag) for tag in tags}
    for tag, code in codes.items():
        if code is None:
            raise ValueError(f"expected languages out of {', '.join(LANGUAGE_NAMES)}, got '{tag}'")
    return tuple(dict.fromkeys(code for code in codes.values() if code is not None))


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
SpokenTexts = Annotated[dict[str, str], NoDecode, BeforeValidator(_json_object), AfterValidator(_spoken_texts)]
"""Texts by language."""


class Settings(BaseSettings):
    """The server's settings; the environment's name of each is the field's, in capitals.

    ``.env.example`` documents every one for operators.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, allow_inf_nan=False
    )

    # Upstream
    gemini_api_key: SecretStr | None = None
    gemini_model: str = "gemini-3.8-live"
    gemini_fallback_models: CommaSeparated = ()
    gemini_voice: str | None = None
    translate_model: str = "gemini-3.5-live-translate-preview"
    gemini_base_url: Annotated[str, AfterValidator(_https_url)] | None = None
    gemini_ca_file: Annotated[Path, AfterValidator(_ca_file)] | None = None
    gemini_connector: ConnectorName = "genai"
    languages: CommaSeparated = ("ko", "en")
    target_languages: CommaSeparated = ()
    interpreter_instructions: Annotated[str, AfterValidator(_text_or_file)] = ""
    glossary_file: Path | None = None
    connect_timeout_secs: Annotated[float, Field(gt=0, le=60)] = 4.0
    reconnect_secs: Annotated[float, Field(ge=0, le=600)] = 30.0
    upstream_max_age_secs: Annotated[float, Field(ge=1, le=86_400)] = 3000.0
    session_resumption: bool = False
    turn_timeout_secs: Annotated[float, Field(gt=0, le=120)] = 12.0
    late_text_ms: Annotated[int, Field(ge=0, le=30_000)] = 1500
    uplink_ring_secs: Annotated[float, Field(ge=1, le=600)] = 60.0
    stream_tail_secs: Annotated[float, Field(ge=1, le=30)] = 5.0
    segment_silence_ms: Annotated[int, Field(ge=200, le=10_000)] = 2000
    arbiter_hold_ms: Annotated[int, Field(ge=0, le=5000)] = 600

    # Source text by Whisper
    whisper_model: str | None = None
    whisper_workers: Annotated[int, Field(ge=1, le=16)] = 1

    # OpenAI Realtime
    openai_api_key: SecretStr = _NO_KEY
    openai_realtime_url: Annotated[str, AfterValidator(_socket_url)] = "wss://api.openai.com/v1/realtime"
    openai_realtime_model: str = "gpt-realtime-2.1"

    # Endpoints of the cascade
    recognition_url: Annotated[str, AfterValidator(_http_url)] = "https://api.openai.com/v1"
    recognition_api_key: SecretStr = _NO_KEY
    recognition_model: str = "gpt-transcribe"
    translation_url: Annotated[str, AfterValidator(_http_url)] = "https://api.openai.com/v1"
    translation_api_key: SecretStr = _NO_KEY
    translation_model: str = "gpt-4.1"
    speech_url: Annotated[str, AfterValidator(_http_url)] = "https://api.openai.com/v1"
    speech_api_key: SecretStr = _NO_KEY
    speech_model: str = "gpt-4o-mini-tts"
    speech_voice: str = "alloy"

    # Server
    host: str = "localhost"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    debug: bool = False
    cors_origins: CommaSeparated = tuple(_DEFAULT_ORIGINS.split(","))
    ws_ping_interval: Annotated[float, Field(gt=0)] = 10.0
    ws_ping_timeout: Annotated[float, Field(gt=0)] = 5.0
    pipeline: str = "interpreter"
    engines: CommaSeparated = ()
    emulator: bool = False
    drain_secs: Annotated[float, Field(ge=0, le=3600)] = 30.0
    metrics_token: Annotated[SecretStr, AfterValidator(_hard_to_guess)] | None = None

    # Rooms
    room_api_key: Annotated[SecretStr, AfterValidator(_hard_to_guess)] | None = None
    max_rooms: Annotated[int, Field(ge=0, le=10_000)] = 20
    room_max_secs: Annotated[float, Field(ge=60, le=86_400)] = 7200.0
    original_gain_db: Annotated[float, Field(ge=-60, le=0)] | None = None

    # Telephone
    public_url: Annotated[str, AfterValidator(_public_url)] | None = None
    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_number: str | None = None
    telnyx_public_key: str | None = None
    telnyx_api_key: SecretStr | None = None
    plivo_auth_id: str | None = None
    plivo_auth_token: SecretStr | None = None
    vonage_api_key: str | None = None
    vonage_signature_secret: SecretStr | None = None
    exotel_user: str | None = None
    exotel_password: Annotated[SecretStr, AfterValidator(_hard_to_guess)] | None = None
    telephony_pipeline: str = "telephony"
    telephony_language: str = "auto"
    telephony_answer: Literal["interpreter", "code"] = "interpreter"
    telephony_notice: SpokenTexts = {
        "en": "This call is interpreted by a machine.",
        "ko": "이 통화는 기계가 통역합니다.",
    }
    telephony_help: SpokenTexts = {
        "en": (
            "Say a sentence, then wait for its interpretation. Press star to hear the last one again,"
            " pound to change the direction, and zero for this help."
        ),
        "ko": (
            "한 문장을 말한 뒤 통역을 기다려 주세요. 다시 들으려면 별표, 방향을 바꾸려면 우물 정자,"
            " 이 안내를 들으려면 영번을 누르세요."
        ),
    }
    telephony_code_prompt: SpokenTexts = {
        "en": "Type the code of your conversation on the keypad, then press pound.",
        "ko": "대화 코드를 누른 뒤 우물 정자를 눌러 주세요.",
    }

    # Logs
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)] = "INFO"
    log_format: Annotated[str, AfterValidator(_log_format)] = _DEFAULT_LOG_FORMAT
    log_transcripts: bool = False

    # Voice activity and turns
    vad_provider: ProviderName = "silero"
    vad_model: Path | None = None
    vad_threshold: Annotated[float, Field(ge=0, le=32768)] = 500.0
    vad_confidence: Annotated[float, Field(gt=0, lt=1)] = 0.5
    vad_hangover_frames: Annotated[int, Field(ge=1, le=250)] = 15
    end_of_utterance_ms: Annotated[int, Field(ge=0, le=5000)] = 700
    turn_end: Literal["silence", "smart"] = "silence"
    smart_turn_confidence: Annotated[float, Field(gt=0, lt=1)] = 0.9
    smart_turn_max_secs: Annotated[float, Field(ge=0, le=10)] = 2.0
    preroll_ms: Annotated[int, Field(ge=0, le=2000)] = 300
    soft_utterance_secs: Annotated[float, Field(ge=0, le=300)] = 10.0
    max_utterance_secs: Annotated[float, Field(ge=0, le=300)] = 15.0
    audio_gap_ms: Annotated[int, Field(ge=20, le=60_000)] = 500
    barge_in: bool = False

    # Limits of the protocol
    max_message_bytes: Annotated[int, Field(ge=1024, le=64 * 1024 * 1024)] = 1024 * 1024
    max_chunk_secs: Annotated[float, Field(gt=0, le=60)] = 5.0
    max_ahead_secs: Annotated[float, Field(ge=1, le=3600)] = 30.0
    max_ingest_rate: Annotated[float, Field(ge=1, le=1000)] = 4.0
    max_client_errors: Annotated[int, Field(ge=1)] = 100
    init_timeout_secs: Annotated[float, Field(gt=0)] = 10.0
    idle_timeout_secs: Annotated[float, Field(ge=0)] = 900.0
    max_session_secs: Annotated[float, Field(ge=0)] = 0.0
    max_sessions: Annotated[int, Field(ge=1)] = 50
    max_pending_connections: Annotated[int, Field(ge=1)] = 100
    max_loop_lag_ms: Annotated[int, Field(ge=0)] = 50
    max_send_backlog_bytes: Annotated[int, Field(ge=64 * 1024)] = 4 * 1024 * 1024
    resume_grace_secs: Annotated[float, Field(ge=0, le=3600)] = 30.0
    resume_buffer_bytes: Annotated[int, Field(ge=64 * 1024)] = 8 * 1024 * 1024

    @field_validator("languages")
    @classmethod
    def _two_known_languages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        codes = _known_languages(value)
        if len(codes) != 2 or language_part(codes[0]) == language_part(codes[1]):
            raise ValueError("expected two different languages, such as ko,en")
        return codes

    @field_validator("target_languages")
    @classmethod
    def _all_known_languages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _known_languages(value)

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"expected origins such as https://example.org, without a path, got '{origin}'")
        return value

    @model_validator(mode="after")
    def _soft_limit_below_hard_limit(self) -> "Settings":
        chosen = "soft_utterance_secs" in self.model_fields_set  # the default gives way to a lower hard limit
        if chosen and self.max_utterance_secs and self.soft_utterance_secs > self.max_utterance_secs:
            raise ValueError(
                f"SOFT_UTTERANCE_SECS ({self.soft_utterance_secs:g}) must not exceed"
                f" MAX_UTTERANCE_SECS ({self.max_utterance_secs:g})"
            )
        return self

    @field_validator("telephony_language")
    @classmethod
    def _spoken_on_the_phone(cls, value: str) -> str:
        return value if value == "auto" else _known_languages((value,))[0]

    @model_validator(mode="after")
    def _providers_are_whole(self) -> "Settings":
        for names in _PROVIDERS.values():
            unset = [name.upper() for name in names if getattr(self, name) is None]
            if 0 < len(unset) < len(names):
                others = " and ".join(name.upper() for name in names if name.upper() not in unset)
                raise ValueError(f"{unset[0]} is not set: calls need it beside {others}")
        if self.phone_providers and self.telephony_answer == "code" and (self.workers > 1 or self.max_rooms == 0):
            raise ValueError(
                "TELEPHONY_ANSWER (code): leads into rooms, which need WORKERS=1 and MAX_ROOMS above 0"
            )
        if self.phone_providers and self.public_url is None:
            secret = _PROVIDERS[self.phone_providers[0]][1].upper()
            raise ValueError(
                f"PUBLIC_URL is not set: with {secret} it is needed, for signatures and for the address of the"
                " stream; such as https://interpreter.example.org"
            )
        return self

    @property
    def phone_providers(self) -> tuple[str, ...]:
        """Names of the providers whose calls are taken."""
        return tuple(name for name, needed in _PROVIDERS.items() if getattr(self, needed[1]) is not None)

    @property
    def provider_credentials(self) -> dict[str, dict[str, str]]:
        """Of each provider whose calls are taken: what its class in :mod:`telephony` is made with."""
        return {
            name: {needed.removeprefix(f"{name}_"): _revealed(getattr(self, needed)) for needed in _PROVIDERS[name]}
            for name in self.phone_providers
        }

    @model_validator(mode="after")
    def _several_workers_can_serve(self) -> "Settings":
        if self.workers == 1:
            return self
        if sys.platform == "win32":
            raise ValueError("WORKERS: more than one needs Linux or another Unix")
        if self.debug:
            raise ValueError(
                f"WORKERS ({self.workers}): with DEBUG one process serves; set WORKERS=1 or DEBUG=false"
            )
        if self.emulator:
            raise ValueError(
                f"WORKERS ({self.workers}): --emulator serves one process; set WORKERS=1, or start"
                " 'python -m emulator' and set GEMINI_BASE_URL and GEMINI_CA_FILE"
            )
        return self

    @model_validator(mode="after")
    def _glossary_is_right(self) -> "Settings":
        try:
            _ = self.glossary
        except GlossaryError as error:
            raise ValueError("\n".join(f"GLOSSARY_FILE: {fault}" for fault in error.faults)) from error
        return self

    @cached_property
    def glossary(self) -> Glossary | None:
        """What ``GLOSSARY_FILE`` holds; rows that name no pair are for :attr:`pair`."""
        return read_glossary(self.glossary_file, self.pair) if self.glossary_file is not None else None

    @property
    def pair(self) -> tuple[str, str]:
        """The two languages."""
        first, second = self.languages
        return first, second

    @cached_property
    def allowed_origins(self) -> tuple[str, ...]:
        """Origins that may call over HTTP and open a WebSocket: the configured ones and the server's own."""
        return tuple(dict.fromkeys([*self.cors_origins, *self.own_origins]))

    @cached_property
    def own_origins(self) -> tuple[str, ...]:
        """Origins of pages that this server serves: by ``HOST`` and ``PORT``, and by ``PUBLIC_URL``."""
        hosts = [self.host, "localhost", "127.0.0.1"] if self.host in _LOOPBACK_HOSTS else [self.host]
        own = [_origin_of(scheme, host, self.port) for scheme in _DEFAULT_PORTS for host in hosts]
        if self.public_url is not None:
            public = urlsplit(self.public_url)
            own.append(
                _origin_of(public.scheme, public.hostname or "", public.port or _DEFAULT_PORTS[public.scheme])
            )
        return tuple(dict.fromkeys(own))

    def pipeline_variables(self) -> dict[str, Any]:
        """What a pipeline file may refer to as ``${NAME}``: every setting, the glossary as read.

        Of secrets only the keys of steps, as :class:`SecretStr`, so that whatever shows them shows a mask.
        """
        values = {name: getattr(self, name) for name in type(self).model_fields}
        values["glossary_file"] = self.glossary
        hidden = _SECRETS - _SECRETS_OF_STEPS
        return {name.upper(): value for name, value in values.items() if name not in hidden}


def load_settings(**overrides: Any) -> Settings:
    """Read the settings.

    Args:
        overrides: Values that win over the environment, by field name; ``None`` counts as not given.

    Raises:
        SettingsError: Some are wrong.
    """
    for hook in _PIPECAT_HOOKS:
        os.environ.pop(hook, None)
    try:
        _check_env_file(Path(".env"))
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        raise SettingsError("\n".join(_one_line(fault) for fault in faults)) from None
    except (_SourceError, OSError, UnicodeDecodeError) as error:
        raise SettingsError(f".env: {error}") from None


def setting_sources(**overrides: Any) -> dict[str, Source]:
    """Where :func:`load_settings` takes each setting from that is not at its default, by its name in capitals.

    Args:
        overrides: The same as for :func:`load_settings`.
    """
    found: dict[str, Source] = {}
    for source, values in (
        (".env", DotEnvSettingsSource(Settings)()),
        ("environment", EnvSettingsSource(Settings)()),
        ("command line", {name: value for name, value in overrides.items() if value is not None}),
    ):
        found.update({name.upper(): cast(Source, source) for name in values if name in Settings.model_fields})
    return found


def _check_env_file(path: Path) -> None:
    """Refuse a file in which something would be ignored in silence."""
    if path.is_dir():  # what Docker makes of a mounted file that does not exist
        raise SettingsError(f"{path}: expected a file, got a directory")
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for binding in parse_stream(file):
            if binding.error or (binding.key is not None and binding.value is None):
                raise SettingsError(f"{path}:{_line_of(binding.original)}: expected NAME=value, or # and a comment")


def _line_of(original: Original) -> int:
    """The line on which a statement of ``.env`` stands; the parser counts blank lines before it to it."""
    blank = original.string[: len(original.string) - len(original.string.lstrip())]
    return original.line + blank.count("\n")


def misspelled_settings() -> dict[str, str]:
    """Names in ``.env`` that are no setting but nearly are one, each with the setting that it resembles."""
    path = Path(".env")
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8") as file:
        names = {binding.key.upper() for binding in parse_stream(file) if binding.key}
    settings = [name.upper() for name in Settings.model_fields]
    found = {name: difflib.get_close_matches(name, settings, n=1, cutoff=_NEAR) for name in names - {*settings}}
    return {name: nearest[0] for name, nearest in sorted(found.items()) if nearest}


def require_api_key(settings: Settings) -> str:
    """The Gemini API key.

    Raises:
        SettingsError: It is not set.
    """
    if settings.gemini_api_key is None:
        raise SettingsError(
            "GEMINI_API_KEY is not set: put it into the environment or into .env,"
            " or start with --emulator, which needs none"
        )
    return settings.gemini_api_key.get_secret_value()


def _one_line(fault: ErrorDetails) -> str:
    name = str(fault["loc"][0]).upper() if fault["loc"] else ""
    message: str = masked(fault["msg"].removeprefix("Value error, "))
    if not name:
        return message
    got = "" if name.lower() in _SECRETS else f", got '{masked(str(fault['input']))}'"
    return f"{name}: {message}{'' if 'got ' in message else got}".replace("\n", " ")
