"""Attempts to connect: how soon they follow one another, with which model and handle, and when they end."""

import asyncio
import random
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from gemini.connector import LiveConfig
from gemini.dialer import Dialer
from gemini.errors import FailureKind, UpstreamError
from tests.support.fake_upstream import FakeConnection, FakeConnector

CONFIG = LiveConfig(model="a", instruction="x", resumption=True)
HOUR = 3600.0
LOST = UpstreamError(FailureKind.UNAVAILABLE, "lost")
INVALID = UpstreamError(FailureKind.INVALID, "Request contains an invalid argument.")
QUOTA = UpstreamError(FailureKind.QUOTA, "You exceeded your current quota")
REJECTED = UpstreamError(FailureKind.REJECTED, "API key not valid")
NO_MODEL = UpstreamError(FailureKind.MODEL_REJECTED, "models/a is not found")


class Attempts(FakeConnector):
    """A :class:`FakeConnector` that notes the time of each attempt.

    Attributes:
        times: The loop's.
    """

    def __init__(self, failures: Sequence[Exception] = ()) -> None:
        """Fail as scripted, then connect."""
        super().__init__(failures=failures)
        self.times: list[float] = []

    async def connect(self, config: LiveConfig) -> FakeConnection:
        """Note the time, and go on."""
        self.times.append(asyncio.get_running_loop().time())
        return await super().connect(config)

    @property
    def pauses(self) -> list[float]:
        """How long it was from each attempt to the next."""
        return [later - earlier for earlier, later in pairwise(self.times)]

    @property
    def models(self) -> list[str]:
        """The model of each attempt."""
        return [config.model for config in self.configs]

    @property
    def handles(self) -> list[str | None]:
        """The handle of each attempt."""
        return [config.handle for config in self.configs]


def dialer(connector: FakeConnector, *fallback_models: str, clock: Callable[[], float] = lambda: 0.0) -> Dialer:
    """For model ``a`` and those that may take over."""
    return Dialer(connector, CONFIG, fallback_models=fallback_models, attempt_secs=4.0, clock=clock)


# Pauses


async def test_the_first_attempt_is_made_at_once() -> None:
    """What was opened is told with its setup, in which nothing differs from what was asked for."""
    upstream = Attempts()
    dialed = await dialer(upstream).dial()
    assert dialed.connection is upstream.connection
    assert dialed.config == CONFIG
    assert upstream.times == [0.0]


async def test_pauses_grow_up_to_a_bound() -> None:
    """Each is between half of a bound and the whole of it; the bound doubles from 0.2 s, and ends at 4 s."""
    upstream = Attempts([LOST] * 9)
    await dialer(upstream).dial()
    bounds = [0.2, 0.4, 0.8, 1.6, 3.2, 4.0, 4.0, 4.0, 4.0]
    for pause, bound in zip(upstream.pauses, bounds, strict=True):
        assert bound / 2 <= pause <= bound


async def test_pauses_stay_bounded_however_long_an_outage_lasts() -> None:
    """After a thousand failures the next attempt still comes within four seconds."""
    upstream = Attempts()
    dialing = dialer(upstream)
    for _ in range(2000):
        dialing.note_failure(LOST, model="a")
    await dialing.dial()
    assert asyncio.get_running_loop().time() <= 4.0


async def test_pauses_have_jitter() -> None:
    """Sessions that lost the same upstream do not come back in step."""
    random.seed(1)
    pauses = []
    for _ in range(50):
        upstream = Attempts([LOST])
        await dialer(upstream).dial()
        pauses += upstream.pauses
    assert len({round(pause, 4) for pause in pauses}) > 40
    assert max(pauses) - min(pauses) > 0.05


async def test_a_connection_alone_is_no_success() -> None:
    """Until something came over one, what failed before still counts."""
    upstream = Attempts([LOST] * 6)
    dialing = dialer(upstream)
    await dialing.dial()
    dialing.note_failure(LOST, model="a")
    await dialing.dial()
    assert upstream.pauses[-1] >= 2.0


async def test_after_a_success_pauses_begin_anew() -> None:
    """The next attempt is made at once, and the first pause is the shortest again."""
    upstream = Attempts([LOST] * 6)
    dialing = dialer(upstream)
    await dialing.dial()
    dialing.note_success()
    await dialing.dial()
    assert upstream.pauses[-1] == 0.0
    dialing.note_failure(LOST, model="a")
    await dialing.dial()
    assert upstream.pauses[-1] <= 0.2


async def test_attempts_go_on_until_the_caller_cancels() -> None:
    """It sets the limit; the last failure is known then."""
    upstream = Attempts([LOST] * 1000)
    dialing = dialer(upstream)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await dialing.dial()
    assert 15 < len(upstream.times) < 40
    assert dialing.last_failure is LOST


async def test_an_attempt_that_takes_too_long_has_failed() -> None:
    """An upstream that takes the connection and says nothing is given up, and tried again; then the next model."""
    upstream = Attempts()
    upstream.delay_secs = 4.1
    dialing = dialer(upstream, "b")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10):
            await dialing.dial()
    assert upstream.models == ["a", "a", "b"]
    assert all(4 < pause < 4 + 0.5 for pause in upstream.pauses)
    assert dialing.last_failure is not None
    assert dialing.last_failure.kind is FailureKind.UNAVAILABLE
    assert str(dialing.last_failure) == "no session within 4 s"
    upstream.delay_secs = 3.9
    assert (await dialing.dial()).connection is upstream.connection


async def test_a_fault_of_ours_is_not_tried_again() -> None:
    """Only what the upstream did is worth another attempt."""
    upstream = Attempts([ZeroDivisionError()])
    with pytest.raises(ZeroDivisionError):
        await dialer(upstream).dial()
    assert len(upstream.times) == 1


# Ends


@pytest.mark.parametrize("error", [QUOTA, REJECTED, NO_MODEL], ids=lambda error: error.kind)
async def test_a_refusal_is_raised_at_once(error: UpstreamError) -> None:
    """Quota gets worse by trying, a refused key or the only model no better."""
    upstream = Attempts([error])
    with pytest.raises(UpstreamError) as caught:
        await dialer(upstream).dial()
    assert caught.value is error
    assert len(upstream.times) == 1


@pytest.mark.parametrize("error", [QUOTA, REJECTED], ids=lambda error: error.kind)
async def test_another_model_does_not_help_against_a_refusal(error: UpstreamError) -> None:
    """The key, and what it may use, are the same for all models."""
    upstream = Attempts([error])
    dialing = dialer(upstream, "b")
    assert dialing.is_final(error, model="a")
    with pytest.raises(UpstreamError):
        await dialing.dial()
    assert upstream.models == ["a"]


@pytest.mark.parametrize("error", [LOST, INVALID], ids=lambda error: error.kind)
async def test_what_may_pass_is_never_final(error: UpstreamError) -> None:
    """A loss may pass, and what was refused as invalid is not sent again."""
    assert not dialer(FakeConnector()).is_final(error, model="a")


# Models


async def test_a_refused_model_is_dropped_for_the_next() -> None:
    """The next is tried at once; the refused one never again, not even where it is preferred."""
    upstream = Attempts([NO_MODEL, LOST, LOST, LOST])
    dialing = dialer(upstream, "b", "c")
    assert not dialing.is_final(NO_MODEL, model="a")
    await dialing.dial()
    assert upstream.models == ["a", "b", "b", "c", "c"]
    assert upstream.pauses[0] == 0.0
    dialing.prefer_first_model()
    await dialing.dial()
    assert upstream.models[-1] == "b"


async def test_the_last_model_that_is_refused_is_the_end() -> None:
    """Then there is none left; its refusal is raised."""
    last = UpstreamError(FailureKind.MODEL_REJECTED, "models/b is not found")
    upstream = Attempts([NO_MODEL, last])
    dialing = dialer(upstream, "b")
    with pytest.raises(UpstreamError) as caught:
        await dialing.dial()
    assert caught.value is last
    assert dialing.is_final(last, model="b")


async def test_a_model_that_fails_twice_makes_room_for_the_next() -> None:
    """Two failures in a row go to the next model, and after the last one round again."""
    upstream = Attempts([LOST] * 7)
    await dialer(upstream, "b", "c").dial()
    assert upstream.models == ["a", "a", "b", "b", "c", "c", "a", "a"]


async def test_a_model_alone_is_tried_again_and_again() -> None:
    """There is no other."""
    upstream = Attempts([LOST] * 7)
    await dialer(upstream).dial()
    assert set(upstream.models) == {"a"}


async def test_a_model_that_is_named_twice_is_one() -> None:
    """It gets no more attempts than another."""
    upstream = Attempts([LOST] * 4)
    await dialer(upstream, "a", "b", "b").dial()
    assert upstream.models == ["a", "a", "b", "b", "a"]


async def test_losses_of_a_connection_count_as_failures_of_its_model() -> None:
    """A service that accepts connections and drops them makes room for another model, too."""
    upstream = Attempts()
    dialing = dialer(upstream, "b")
    for _ in range(2):
        dialed = await dialing.dial()
        dialing.note_failure(LOST, model=dialed.config.model)
    await dialing.dial()
    assert upstream.models == ["a", "a", "b"]


async def test_bad_answers_go_to_the_next_model_without_a_pause() -> None:
    """A model that answers as it should not is exchanged; the service itself is there."""
    upstream = Attempts()
    dialing = dialer(upstream, "b")
    for _ in range(2):
        dialing.note_bad_answer(model="a")
        await dialing.dial()
    assert upstream.models == ["a", "b"]
    assert upstream.times == [0.0, 0.0]


async def test_a_success_between_failures_keeps_the_model() -> None:
    """Only failures in a row count."""
    upstream = Attempts()
    dialing = dialer(upstream, "b")
    for _ in range(5):
        dialing.note_failure(LOST, model="a")
        dialing.note_success()
    await dialing.dial()
    assert upstream.models == ["a"]


async def test_a_failure_of_another_connection_does_not_change_the_model() -> None:
    """A connection that was opened with an earlier model may be lost late."""
    upstream = Attempts([LOST] * 2)
    dialing = dialer(upstream, "b")
    await dialing.dial()
    for _ in range(3):
        dialing.note_failure(LOST, model="a")
    await dialing.dial()
    assert upstream.models == ["a", "a", "b", "b"]


async def test_a_model_that_is_refused_late_is_dropped() -> None:
    """A connection with an earlier model may be told so after another one took over."""
    upstream = Attempts([LOST] * 2)
    dialing = dialer(upstream, "b")
    await dialing.dial()
    dialing.note_failure(NO_MODEL, model="a")
    dialing.prefer_first_model()
    await dialing.dial()
    assert upstream.models == ["a", "a", "b", "b"]


async def test_the_first_model_may_be_preferred_again() -> None:
    """What failed an hour ago may work again; behind it the order is the one that was asked for."""
    upstream = Attempts([LOST] * 4)
    dialing = dialer(upstream, "b", "c")
    await dialing.dial()
    assert upstream.models[-1] == "c"
    dialing.note_success()
    dialing.prefer_first_model()
    upstream.down = LOST
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await dialing.dial()
    assert upstream.models[5:11] == ["a", "a", "b", "b", "c", "c"]


# Handles


async def test_a_handle_is_used_only_when_it_is_asked_for() -> None:
    """A session is not resumed while its connection may be open; the last handle counts."""
    upstream = Attempts()
    dialing = dialer(upstream)
    await dialing.dial(resume=True)
    dialing.keep_handle("first")
    dialing.keep_handle("last")
    await dialing.dial()
    dialed = await dialing.dial(resume=True)
    assert upstream.handles == [None, None, "last"]
    assert dialed.config.handle == "last"


@pytest.mark.parametrize("error", [LOST, INVALID, REJECTED, NO_MODEL], ids=lambda error: error.kind)
async def test_a_handle_that_was_refused_is_dropped(error: UpstreamError) -> None:
    """Whatever is said against it, the session begins anew without it, and that is no reason to give up."""
    upstream = Attempts([error])
    dialing = dialer(upstream)
    dialing.keep_handle("h")
    await dialing.dial(resume=True)
    await dialing.dial(resume=True)
    assert upstream.handles == ["h", None, None]


async def test_quota_is_raised_with_a_handle_too() -> None:
    """It has nothing to do with the handle."""
    upstream = Attempts([QUOTA])
    dialing = dialer(upstream)
    dialing.keep_handle("h")
    with pytest.raises(UpstreamError) as caught:
        await dialing.dial(resume=True)
    assert caught.value is QUOTA


async def test_a_refusal_without_the_handle_is_one() -> None:
    """Where the session cannot begin anew either, it was not the handle."""
    upstream = Attempts([REJECTED, REJECTED])
    dialing = dialer(upstream)
    dialing.keep_handle("h")
    with pytest.raises(UpstreamError):
        await dialing.dial(resume=True)
    assert upstream.handles == ["h", None]


@pytest.mark.parametrize(
    ("resumed", "error", "kept"),
    [(True, LOST, False), (False, INVALID, False), (False, LOST, True)],
)
async def test_a_session_that_was_lost_may_cost_its_handle(resumed: bool, error: UpstreamError, kept: bool) -> None:
    """A resumed session that did nothing, or one that refused what it was sent, is not resumed again."""
    upstream = Attempts()
    dialing = dialer(upstream)
    dialing.keep_handle("h")
    dialing.note_failure(error, model="a", resumed=resumed)
    await dialing.dial(resume=True)
    assert upstream.handles == ["h" if kept else None]


@pytest.mark.parametrize(("age_secs", "used"), [(2 * HOUR, True), (2 * HOUR + 1, False)])
async def test_a_handle_expires(age_secs: float, used: bool) -> None:
    """After two hours the upstream knows it no more (ai.google.dev, session management)."""
    now = 1000.0
    upstream = Attempts()
    dialing = dialer(upstream, clock=lambda: now)
    dialing.keep_handle("h")
    now += age_secs
    await dialing.dial(resume=True)
    assert upstream.handles == ["h" if used else None]
