"""Where the Live API is, and how it is reached, whichever library does it."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import certifi

GOOGLE_BASE_URL = "https://generativelanguage.googleapis.com"
API_VERSION = "v1beta"
GIVE_UP_CLOSING_SECS = 3.0
"""websockets' own limit does not hold while an upstream that reads nothing leaves no room for the close frame."""
SOCKET_OPTIONS: dict[str, Any] = {
    "ping_interval": None,  # healthy sessions answer pings after 8 to 30 s (python-genai #2935)
    "compression": None,
    "proxy": None,
    "max_size": 16 * 1024 * 1024,
    "close_timeout": 1.0,
}
"""Of ``websockets.asyncio.client.connect``; without ``proxy`` the environment would have a say."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where sessions are opened, and with which key.

    Attributes:
        api_key: Gemini API key.
        base_url: https URL of a gateway or an emulator; ``None``: Google's.
        ca_file: PEM file of certificate authorities to trust beside the public ones.
    """

    api_key: str = field(repr=False)
    base_url: str | None = None
    ca_file: Path | None = None


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the public authorities, and those of ``ca_file``.

    Raises:
        OSError: ``ca_file`` can't be read.
        ssl.SSLError: ``ca_file`` holds no certificate.
    """
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def socket_url(base_url: str | None) -> str:
    """The WebSocket's URL for sessions that come with an API key, without the key; as google-genai makes it.

    Args:
        base_url: https URL of a gateway or an emulator, with or without a path; ``None``: Google's.
    """
    url = urlsplit(base_url or GOOGLE_BASE_URL)._replace(scheme="wss").geturl().rstrip("/")
    return f"{url}/ws/google.ai.generativelanguage.{API_VERSION}.GenerativeService.BidiGenerateContent"
