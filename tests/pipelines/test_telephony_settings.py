"""Settings of phone calls: what belongs together, and what is said to callers."""

from collections.abc import Mapping

import pytest

from pipelines.settings import Settings, SettingsError, load_settings

TWILIO = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "not-for-anyones-eyes"}
URL = {"PUBLIC_URL": "https://interpreter.example.org"}


def load_with(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> Settings:
    """The settings that an environment gives."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def refusal(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> str:
    """What an operator reads at the start."""
    with pytest.raises(SettingsError) as raised:
        load_with(monkeypatch, environment)
    return str(raised.value)


def test_without_a_provider_nobody_can_call() -> None:
    """Nothing is needed then."""
    assert load_settings().phone_providers == ()


def test_a_provider_is_there_once_its_secret_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the address under which it reaches the server, from which a slash at the end is dropped."""
    settings = load_with(monkeypatch, TWILIO | {"PUBLIC_URL": "https://interpreter.example.org/phone/"})
    assert settings.phone_providers == ("twilio",)
    assert settings.public_url == "https://interpreter.example.org/phone"


def test_the_address_is_needed_as_soon_as_there_is_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names both settings, and not the secret."""
    message = refusal(monkeypatch, TWILIO)
    assert message.startswith("PUBLIC_URL is not set: with TWILIO_AUTH_TOKEN it is needed")
    assert TWILIO["TWILIO_AUTH_TOKEN"] not in message


@pytest.mark.parametrize(
    ("given", "unset"),
    [
        ("TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID"),
        ("TELNYX_PUBLIC_KEY", "TELNYX_API_KEY"),
        ("PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN"),
        ("VONAGE_SIGNATURE_SECRET", "VONAGE_API_KEY"),
        ("EXOTEL_USER", "EXOTEL_PASSWORD"),
    ],
)
def test_half_a_provider_is_a_mistake(monkeypatch: pytest.MonkeyPatch, given: str, unset: str) -> None:
    """It is told which setting is missing, and beside which."""
    assert refusal(monkeypatch, URL | {given: "x"}) == f"{unset} is not set: calls need it beside {given}"


def test_what_keeps_strangers_from_exotels_stream_is_hard_to_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    """It signs nothing; the password is not shown."""
    told = refusal(monkeypatch, URL | {"EXOTEL_USER": "exotel", "EXOTEL_PASSWORD": "hunter2"})
    assert told == "EXOTEL_PASSWORD: expected at least 16 characters"


@pytest.mark.parametrize("url", ["http://a.example", "a.example", "https://", "https://a.example/?x=1"])
def test_the_address_is_one_of_https(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Providers connect over TLS only."""
    assert refusal(monkeypatch, {"PUBLIC_URL": url}).startswith("PUBLIC_URL: expected the https:// URL")


def test_texts_come_by_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a JSON object; without any entry nothing is said."""
    assert load_with(monkeypatch, {"TELEPHONY_NOTICE": '{"ja": " はい。 "}'}).telephony_notice == {"ja": "はい。"}
    assert load_with(monkeypatch, {"TELEPHONY_NOTICE": "{}"}).telephony_notice == {}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("Hello", "expected a JSON object"),
        ('{"xx": "Hello"}', "expected languages out of"),
        ('{"en": ""}', "expected a text of 1 to 500 characters for 'en'"),
        ('["Hello"]', "valid dictionary"),
    ],
)
def test_texts_that_are_wrong_are_told(monkeypatch: pytest.MonkeyPatch, value: str, message: str) -> None:
    """By the setting's name, with what was expected."""
    told = refusal(monkeypatch, {"TELEPHONY_HELP": value})
    assert told.startswith("TELEPHONY_HELP: ")
    assert message in told


def test_a_caller_speaks_a_known_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of those that the server knows, or either of the pair."""
    assert load_with(monkeypatch, {"TELEPHONY_LANGUAGE": "ko"}).telephony_language == "ko"
    assert refusal(monkeypatch, {"TELEPHONY_LANGUAGE": "xx"}).startswith("TELEPHONY_LANGUAGE: expected languages")
