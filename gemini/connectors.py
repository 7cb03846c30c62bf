"""The connectors by name."""

from typing import Literal

from gemini.connector import Connector
from gemini.endpoint import Endpoint
from gemini.genai_connector import GenaiConnector
from gemini.lean_connector import LeanConnector

ConnectorName = Literal["genai", "lean"]


def make_connector(name: ConnectorName, endpoint: Endpoint) -> Connector:
    """The connector of this name; nothing is connected.

    Args:
        name: ``genai``: google-genai's; ``lean``: ours, on websockets alone.
        endpoint: Where it connects to.

    Raises:
        OSError: The endpoint's ``ca_file`` can't be read.
        ssl.SSLError: The endpoint's ``ca_file`` holds no certificate.
    """
    return LeanConnector(endpoint) if name == "lean" else GenaiConnector(endpoint)
