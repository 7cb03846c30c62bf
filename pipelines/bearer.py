"""Bearer tokens of HTTP requests (RFC 6750, section 2.1), and how a request is refused."""

import hmac
from dataclasses import dataclass

from pydantic import SecretStr

_SCHEME = "bearer"


@dataclass(frozen=True, slots=True)
class HttpRefusal:
    """Why a request gets nothing.

    Attributes:
        status: Of HTTP.
        message: One line for whoever asks: what was expected.
    """

    status: int
    message: str

    @property
    def headers(self) -> dict[str, str] | None:
        """What the answer says beside it: how to show a token, where one would help (RFC 9110, 11.6.1)."""
        return {"WWW-Authenticate": "Bearer"} if self.status == 401 else None


def shown_token(authorization: str | None) -> str | None:
    """The token that a request shows.

    Args:
        authorization: Its header of that name, decoded as Latin-1.
    """
    scheme, _, shown = (authorization or "").partition(" ")
    return shown.strip() if scheme.lower() == _SCHEME else None


def is_token(shown: str, token: SecretStr) -> bool:
    """Whether what was shown is the token; compared in constant time."""
    return hmac.compare_digest(shown.encode("latin-1", errors="replace"), token.get_secret_value().encode())
