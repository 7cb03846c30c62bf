"""Providers by name. A provider's module, and the libraries that it needs, are imported when it is made."""

import importlib

from telephony.provider import Provider

NAMES = ("twilio", "telnyx", "plivo", "vonage", "exotel")
INSTALL = "make telephony"
"""What installs all that providers import."""


class MissingLibraryError(Exception):
    """What a provider needs is not installed; the text says what, and what to do."""


def make(name: str, **credentials: str | int) -> Provider:
    """The provider of this name, one of :data:`NAMES`.

    Args:
        name: As it stands in the path of its routes.
        credentials: What its class takes, as ``account_sid`` and ``auth_token`` for Twilio.

    Raises:
        MissingLibraryError: Its libraries are not installed.
    """
    try:
        module = importlib.import_module(f"telephony.{name}")
    except ModuleNotFoundError as error:
        raise MissingLibraryError(f"{name} needs {error.name}, which is not installed: {INSTALL}") from error
    provider: Provider = getattr(module, name.capitalize())(**credentials)
    return provider
