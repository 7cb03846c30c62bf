"""Values in reports and errors: readable, and without what is secret."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from pipelines.masking import MASK, looks_secret, masked, shown, without_secrets


class Voice(BaseModel):
    """Somebody's parameters."""

    name: str = "Kore"
    api_key: str | None = "sk-1"
    token: SecretStr = SecretStr("sk-2")


@dataclass
class Login:
    """Somebody's parameters, of another kind."""

    user: str = "me"
    password: str = "sk-3"


class Mode(Enum):
    """Somebody's choice."""

    FAST = "fast"


SECRETS = """api_key apikey apiKey X-Api-Key GEMINI_API_KEY token accessToken secret client_secret_id password
db_passwd passphrase credentials Authorization aws_secret_access_key key pwd db_pwd private_key_pem credentials_json
Set-Cookie jwt"""


@pytest.mark.parametrize("name", SECRETS.split())
def test_names_of_secrets(name: str) -> None:
    """However it is written."""
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name", ["max_tokens", "monkey", "keyboard", "tokenizer", "passes", "model", "", "key_frames"]
)
def test_names_of_what_is_no_secret(name: str) -> None:
    """What only has such letters in it is shown."""
    assert not looks_secret(name)


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        (None, "voice", "not set"),
        (None, "api_key", "not set"),
        ("sk-1", "api_key", MASK),
        (12345, "token", MASK),
        (["sk-1"], "secret", MASK),
        ("", "api_key", '""'),
        (True, "token", "true"),
        (SecretStr("sk-1"), "x", MASK),
        (SecretBytes(b"sk-1"), "x", MASK),
        ("Kore", "voice", '"Kore"'),
        ('한국어 "x"', "text", '"한국어 \\"x\\""'),
        ("\x1b[31m\x9b", "text", '"\\u001b[31m\\u009b"'),
        (500.0, "threshold", "500"),
        (0.25, "confidence", "0.25"),
        (float("inf"), "secs", "Infinity"),
        (Path("/etc/ca.pem"), "file", '"/etc/ca.pem"'),
        (Path("/opt/" + "a" * 60 + "/model.onnx"), "file", f'"...{"a" * 54}/model.onnx"'),
        (Mode.FAST, "mode", '"fast"'),
        (("ko", "en"), "languages", '["ko", "en"]'),
        (Voice(), "voice", f'{{"name": "Kore", "api_key": "{MASK}", "token": "{MASK}"}}'),
        (Login(), "login", f'{{"user": "me", "password": "{MASK}"}}'),
        ({"headers": [{"Authorization": "Bearer sk-1"}]}, "x", f'{{"headers": [{{"Authorization": "{MASK}"}}]}}'),
        (Voice, "kind", '"test_masking:Voice"'),
        (object(), "thing", '"<object>"'),
        ("a" * 71, "text", f'"{"a" * 50}"... (71 characters)'),
        (list(range(100)), "items", "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, ..."),
    ],
)
def test_a_value_as_people_see_it(value: Any, name: str, text: str) -> None:
    """In one line, as JSON has it."""
    assert shown(value, name).replace(__name__, "test_masking") == text


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://me:pw@host:1/x?a=1", f"https://{MASK}@host:1/x?a=1"),
        ("https://me:p/w@host/x", "https://me:p/w@host/x"),
        ("wss://host/x?api_key=sk-1&v=1", f"wss://host/x?api_key={MASK}&v=1"),
        ("wss://host/x?v=1&access_token=sk-1#y", f"wss://host/x?v=1&access_token={MASK}#y"),
        ("https://host/x@y", "https://host/x@y"),
        ("me@example.org", "me@example.org"),
        ("https://me:p@ss@host/x", f"https://{MASK}@host/x"),
        ("Password=sk-1;Server=x", f"Password={MASK};Server=x"),
        ("Authorization: Bearer abcdefgh.ijklmnop", f"Authorization: Bearer {MASK}"),
        ("speak in Basic English", "speak in Basic English"),
    ],
)
def test_secrets_in_urls(url: str, safe: str) -> None:
    """The user and the key go, the rest of the address stays."""
    assert masked(url) == safe


@pytest.mark.parametrize(
    "value",
    [
        {"api_key": "sk-1234"},
        {"deep": [{"token": ["sk-1234"]}]},
        {"password": {"of": "sk-1234"}},
        {"x": SecretStr("sk-1234")},
        Voice(api_key="sk-1234"),
    ],
)
def test_a_text_about_a_value_has_none_of_its_secrets(value: Any) -> None:
    """However deep they lie; what is no secret of the value stays."""
    assert without_secrets("bad key 'sk-1234' of 'me'", value) == f"bad key '{MASK}' of 'me'"


def test_a_longer_secret_goes_before_the_one_in_it() -> None:
    """Nothing of either is left."""
    assert without_secrets("sk-1234-5678", {"key": "sk-1234", "token": "sk-1234-5678"}) == MASK


def test_a_short_secret_does_not_take_words_apart() -> None:
    """A value such as ``a`` is in every text."""
    assert without_secrets("a bad key", {"key": "a"}) == "a bad key"
