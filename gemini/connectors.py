"""The connectors by name."""

from pathlib import Path
from typing import Literal

from gemini.connector import Connector
from gemini.genai_connector import GenaiConnector
from gemini.lean_connector import LeanConnector

ConnectorName = Literal["genai", "lean"]


def make_connector(
    name: ConnectorName, *, api_key: str, base_url: str | None = None, ca_file: Path | None = None
) -> Connector:
    """The connector of this name; nothing is connected.

    Args:
        name: ``genai``: google-genai's; ``lean``: ours, on websockets alone.
        api_key: Gemini API key.
        base_url: https URL of a gateway or an emulator; ``None``: Google's.
        ca_file: PEM file of certificate authorities to trust beside the public ones.

    Raises:
        OSError: ``ca_file`` can't be read.
        ssl.SSLError: ``ca_file`` holds no certificate.
    """
    if name == "lean":
        return LeanConnector(api_key=api_key, base_url=base_url, ca_file=ca_file)
    return GenaiConnector(api_key=api_key, base_url=base_url, ca_file=ca_file)
