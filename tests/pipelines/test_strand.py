"""A pipeline that is fed frames."""

import asyncio

from pipecat.frames.frames import Frame, InputAudioRawFrame

from pipelines.choice import Languages
from pipelines.engines import load_engines
from pipelines.services import Services
from pipelines.sessions import Sessions
from pipelines.settings import load_settings
from pipelines.strand import Strand
from protocol.errors import Fault
from tests.support.fake_upstream import FakeConnector

_SECOND = InputAudioRawFrame(bytes(32_000), 16_000, 1)


async def test_what_a_strand_does_not_take_is_bounded() -> None:
    """One that is three minutes behind fails once, and holds no more."""
    settings = load_settings(vad_provider="energy")
    engines = load_engines(settings)
    sessions = Sessions(max_sessions=2, max_pending=2, max_loop_lag_ms=0)
    services = Services(settings, engines, FakeConnector(), sessions)
    frames: list[Frame] = []
    failures: list[Fault | BaseException] = []
    strand = Strand(
        "strand-1",
        engines.default,
        Languages(("ko", "en"), "auto"),
        services,
        on_frame=frames.append,
        on_failed=failures.append,
    )
    for _ in range(178):
        strand.put(_SECOND)
    assert failures == []
    for _ in range(200):
        strand.put(_SECOND)
    (failure,) = failures
    held_bytes = strand.queue_depths()["inbox"]
    assert str(failure) == f"the pipeline is behind: {held_bytes:.0f} bytes of audio wait"
    assert held_bytes < 181 * 32_300
    await asyncio.wait_for(strand.drained(), 1)
    await strand.stop()
