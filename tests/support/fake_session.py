"""A session that is only there, for tests of what counts, finds or stops sessions."""

from dataclasses import dataclass, field

from pipelines.endings import Ending
from pipelines.resumption import Client, Refusal
from pipelines.sessions import Sessions
from protocol.messages import Claim


@dataclass
class FakeSession:
    """One of the process's sessions.

    Attributes:
        house: Where it is counted.
        session_id: Its id.
        detached: Whether its client is away.
        depths: What waits in its queues, in bytes.
        stopped: Whether it was stopped.
    """

    house: Sessions
    session_id: str = "550e8400-e29b-41d4-a716-446655440000"
    detached: bool = False
    depths: dict[str, float] = field(default_factory=dict)
    stopped: bool = False

    def queue_depths(self) -> dict[str, float]:
        """What the test says."""
        return self.depths

    def drain(self) -> None:
        """Stay."""

    def end(self, ending: Ending) -> None:
        """Be gone."""
        self.house.remove(self)

    async def stop(self) -> None:
        """Note it, and be gone."""
        self.stopped = True
        self.house.remove(self)

    def resume(self, client: Client, claim: Claim) -> Refusal | None:
        """Never."""
        return Refusal.NOT_THERE
