"""What a phone call needs to know of rooms: who may sit where."""

from typing import Protocol

from pipelines.conversation import Conversation, Line
from protocol.errors import Fault


class SeatTicket(Protocol):
    """The right to a seat of a room."""

    @property
    def language(self) -> str:
        """What is spoken and heard there, by code."""

    def take(self, line: Line) -> Conversation | Fault:
        """Sit down, or say why not."""


class Seats(Protocol):
    """The seats of the rooms of this process."""

    def seat_by_number(self, dialled: str) -> SeatTicket | None:
        """The seat that claims a number of the server's."""

    def seat_by_code(self, code: str) -> SeatTicket | None:
        """The seat whose code was typed."""

    def seat_by_token(self, token: str) -> SeatTicket | None:
        """The seat for which the server called somebody."""


class NoSeats:
    """There are no rooms."""

    def seat_by_number(self, dialled: str) -> SeatTicket | None:
        """None."""

    def seat_by_code(self, code: str) -> SeatTicket | None:
        """None."""

    def seat_by_token(self, token: str) -> SeatTicket | None:
        """None."""
