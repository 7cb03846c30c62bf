"""Tokens that let a provider's stream in: what its webhook was given, for a minute, once.

A token is signed with a key that all workers derive from the same secrets, so each of them believes it; but the one
that takes it is the only one that knows it was used, and a seat of a room is known only where the token was made.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.seats import SeatTicket

VALID_SECS = 60
_HEAD = struct.Struct(">I?12s")
"""When it expires, in Unix seconds; whether it is for a seat; what tells it from others."""
_SIGNATURE_BYTES = 16
_MOST_KEPT = 10_000
"""Tokens that were used, or are for a seat, within a minute; the oldest is forgotten first."""


class _Kept(NamedTuple):
    expires_at: int
    ticket: SeatTicket | None


@dataclass(frozen=True, slots=True)
class Admission:
    """What a token lets a stream do.

    Attributes:
        ticket: For the seat of a room that the caller takes; ``None``: whatever callers get.
    """

    ticket: SeatTicket | None = None


class CallTokens:
    """Makes tokens, and takes them."""

    def __init__(self, keys: Iterable[str], *, clock: Callable[[], float] = time.time):
        """Sign with what ``keys`` come to, which are secrets; ``clock`` gives Unix seconds."""
        self._key = hashlib.sha256("\0".join(["stream token", *keys]).encode()).digest()
        self._clock = clock
        self._used: OrderedDict[bytes, _Kept] = OrderedDict()
        self._for_seats: OrderedDict[bytes, _Kept] = OrderedDict()

    def issue(self, provider: str, ticket: SeatTicket | None = None) -> str:
        """A token for a stream of this provider, as a part of a path."""
        name, expires_at = secrets.token_bytes(12), int(self._clock()) + VALID_SECS
        head = _HEAD.pack(expires_at, ticket is not None, name)
        self._forget_expired()
        if ticket is not None:
            _keep(self._for_seats, name, _Kept(expires_at, ticket))
        return base64.urlsafe_b64encode(head + self._signature(provider, head)).decode().rstrip("=")

    def take(self, provider: str, token: str) -> Admission | str:
        """Use a token up.

        Returns:
            What it is good for, or why it is good for nothing, in words for the log.
        """
        raw = _decoded(token)
        head, signature = raw[: _HEAD.size], raw[_HEAD.size :]
        if len(head) < _HEAD.size or not hmac.compare_digest(signature, self._signature(provider, head)):
            return "no token of this server's"
        expires_at, is_for_seat, name = _HEAD.unpack(head)
        self._forget_expired()
        if expires_at < self._clock():
            return "token is too old"
        if name in self._used:
            return "token was used"
        _keep(self._used, name, _Kept(expires_at, None))
        if not is_for_seat:
            return Admission()
        kept = self._for_seats.pop(name, None)
        return Admission(kept.ticket) if kept is not None else "token is for a seat that another worker knows"

    def _signature(self, provider: str, head: bytes) -> bytes:
        return hmac.digest(self._key, provider.encode() + b"\0" + head, "sha256")[:_SIGNATURE_BYTES]

    def _forget_expired(self) -> None:
        now = self._clock()
        for kept in (self._used, self._for_seats):
            while kept and next(iter(kept.values())).expires_at < now:
                kept.popitem(last=False)


def _keep(kept: OrderedDict[bytes, _Kept], name: bytes, what: _Kept) -> None:
    kept[name] = what
    if len(kept) > _MOST_KEPT:
        kept.popitem(last=False)


def _decoded(token: str) -> bytes:
    """What a token holds; nothing where it is none."""
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
