"""Tokens let a stream in for a minute, once, at the provider they were made for, in any worker."""

import base64
import weakref

import pytest

from pipelines.call_tokens import VALID_SECS, Admission, CallTokens
from pipelines.conversation import Conversation, Line
from protocol.errors import ErrorCode, Fault

KEYS = ("a secret", "another one")


class Clock:
    """Unix time that a test sets."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        """Give it."""
        return self.now


class Ticket:
    """For some seat."""

    language = "ko"

    def take(self, line: Line) -> Conversation | Fault:
        """Nobody sits down here."""
        return Fault(ErrorCode.SERVER_BUSY, "taken")


def tokens(clock: Clock | None = None, keys: tuple[str, ...] = KEYS) -> CallTokens:
    """Of one worker."""
    return CallTokens(keys, clock=clock or Clock())


def test_a_token_is_good_once() -> None:
    """Whoever comes second with it is told why not."""
    worker = tokens()
    token = worker.issue("twilio")
    assert worker.take("twilio", token) == Admission()
    assert worker.take("twilio", token) == "token was used"


def test_every_token_is_another() -> None:
    """And fits into a path as it is."""
    worker = tokens()
    made = {worker.issue("twilio") for _ in range(100)}
    assert len(made) == 100
    assert all(token.replace("-", "").replace("_", "").isalnum() for token in made)


def test_a_token_is_good_for_a_minute() -> None:
    """No second longer, also where it was never used; what was used is forgotten then."""
    clock = Clock()
    worker = tokens(clock)
    early, late = worker.issue("twilio"), worker.issue("twilio")
    clock.now += VALID_SECS
    assert worker.take("twilio", early) == Admission()
    clock.now += 1
    assert worker.take("twilio", late) == "token is too old"
    assert worker.take("twilio", early) == "token is too old"


def test_a_token_is_one_providers() -> None:
    """Another's stream does not get in with it, and does not use it up."""
    worker = tokens()
    token = worker.issue("twilio")
    assert worker.take("plivo", token) == "no token of this server's"
    assert worker.take("twilio", token) == Admission()


def test_another_worker_believes_it() -> None:
    """It has the same secrets; a server with others does not."""
    token = tokens().issue("twilio")
    assert tokens().take("twilio", token) == Admission()
    assert tokens(keys=("other",)).take("twilio", token) == "no token of this server's"


def test_a_token_for_a_seat_is_good_where_the_seat_is() -> None:
    """Rooms live in one worker: another one says so."""
    worker, ticket = tokens(), Ticket()
    token = worker.issue("twilio", ticket)
    assert tokens().take("twilio", token) == "token is for a seat that another worker knows"
    assert worker.take("twilio", token) == Admission(ticket)


@pytest.mark.parametrize("change", [0, 3, 4, 10, 20, -1])
def test_a_changed_token_is_none(change: int) -> None:
    """Every byte of it counts."""
    worker = tokens()
    raw = bytearray(base64.urlsafe_b64decode(worker.issue("twilio") + "=="))
    raw[change] ^= 1
    assert worker.take("twilio", base64.urlsafe_b64encode(raw).decode()) == "no token of this server's"


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 10_000, "%00", "AAAA\n", "=" * 44])
def test_what_is_no_token_is_none(token: str) -> None:
    """Whatever stands in the path."""
    assert tokens().take("twilio", token) == "no token of this server's"


def test_what_is_kept_is_bounded() -> None:
    """Seats that nobody comes for are forgotten, the oldest first."""
    worker = tokens()
    first = worker.issue("twilio", Ticket())
    for _ in range(10_000):
        worker.issue("twilio", Ticket())
    assert worker.take("twilio", first) == "token is for a seat that another worker knows"


def test_a_seat_that_nobody_comes_for_is_forgotten_with_its_token() -> None:
    """Its room may be over by then: whoever calls next frees what is left of it."""
    clock, ticket = Clock(), Ticket()
    worker, seat = tokens(clock), weakref.ref(ticket)
    worker.issue("twilio", ticket)
    del ticket
    clock.now += VALID_SECS
    worker.issue("twilio")
    assert seat() is not None
    clock.now += 1
    worker.issue("twilio")
    assert seat() is None
