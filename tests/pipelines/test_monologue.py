"""Ten minutes without a pause, simultaneously interpreted: the whole pipeline, in virtual time."""

import asyncio
import base64
import json
import logging
from typing import Any

import numpy as np
import pytest

from tests.support.fake_translation import FakeTranslation
from tests.support.fake_upstream import FakeConnection, FakeConnector
from tests.support.interpreted import client
from tests.support.laws import lawful_turns
from tests.support.pcm import tone

logger = logging.getLogger(__name__)

RATE_HZ = 16_000
MINUTES = 10
STEP_SECS = 0.1
LONGEST_TURN_SECS = 25.0
"""A turn's speech is 15 s at most; its interpretation may end a lag and a fragment later."""


class Listener:
    """A client that speaks, and plays what it is sent, one piece after the other.

    Attributes:
        lags: For each second of speech, how long after it was spoken its interpretation was played, in seconds.
    """

    def __init__(self) -> None:
        """Nothing was heard."""
        self._plays_until = 0.0
        self.lags: dict[int, float] = {}

    def hear(self, pcm: bytes, now: float) -> None:
        """A piece came; its samples tell which second of speech it interprets."""
        at = max(now, self._plays_until)
        self._plays_until = at + len(pcm) / 48_000
        number = int(np.frombuffer(pcm, "<i2").max(initial=0))
        if number:
            self.lags.setdefault(number, at - number)


def translate(connection: FakeConnection) -> None:
    """Let a connection interpret."""
    FakeTranslation(connection)


async def monologue(connector: FakeConnector, **settings: Any) -> tuple[list[dict[str, Any]], Listener, float]:
    """Speak for ten minutes; what the client was told, what it heard, and the most audio that was held, in s."""
    listener, held = Listener(), 0.0
    chunk = base64.b64encode(tone(STEP_SECS, RATE_HZ)).decode()
    silence = base64.b64encode(bytes(int(2 * RATE_HZ * STEP_SECS))).decode()
    async with client(connector, pipeline="simultaneous", **settings) as talk:
        await talk.init(language="en")
        seen = len(talk.network.frames)
        for step in range(round((MINUTES * 60 + 15) / STEP_SECS)):
            speaking = step < MINUTES * 60 / STEP_SECS
            talk.network.say({"type": "audio", "data": chunk if speaking else silence, "timestamp": 0})
            await asyncio.sleep(STEP_SECS)
            for frame in talk.network.frames[seen:]:
                message = json.loads(frame)
                if message["type"] == "audio_response":
                    listener.hear(base64.b64decode(message["data"]), talk.secs)
            seen = len(talk.network.frames)
            (session,) = talk.sessions.live
            held = max(held, session.queue_depths()["ring"] / 2 / RATE_HZ)
        return talk.network.messages, listener, held


def slope(lags: dict[int, float]) -> float:
    """By how many seconds lags grow in a minute of speech: least squares."""
    seconds, values = np.array(list(lags)), np.array(list(lags.values()))
    return float(np.polyfit(seconds / 60, values, 1)[0])


@pytest.mark.slow
@pytest.mark.parametrize("renewed", [False, True], ids=["one connection", "renewed every 100 s"])
async def test_ten_minutes_without_a_pause(renewed: bool) -> None:
    """Every second of it is heard, in bounded turns, and as soon after it was spoken at the end as at first.

    The figures: ``--log-cli-level=INFO``.
    """
    connector = FakeConnector(on_open=translate)
    max_age_secs = 100.0 if renewed else 86_400.0
    messages, listener, held_secs = await monologue(connector, upstream_max_age_secs=max_age_secs)
    turns = lawful_turns(messages)
    words = " ".join(turn.texts[0] for turn in turns).split()
    assert len(connector.connections) == (7 if renewed else 1)
    assert len(set(words)) >= MINUTES * 60 - len(connector.connections)
    assert len(words) - len(set(words)) < len(connector.connections), (
        "more than the second of each border came twice"
    )
    assert len(listener.lags) >= MINUTES * 60 - len(connector.connections)
    assert all(turn.complete for turn in turns)
    assert max(len(turn.audio) / 48_000 for turn in turns) <= LONGEST_TURN_SECS
    assert max(len(text) for turn in turns for text in turn.texts) < 400
    assert len(turns) >= MINUTES * 60 / LONGEST_TURN_SECS
    assert held_secs < 15.0
    growth = slope(listener.lags)
    logger.info(
        "%d turns; the lag grows by %.4f s a minute, is %.1f s at most; %.1f s of sound held at most",
        len(turns),
        growth,
        max(listener.lags.values()),
        held_secs,
    )
    assert abs(growth) < (0.1 if renewed else 0.01)
    assert max(listener.lags.values()) < 5.0
    assert not [message for message in messages if message["type"] in ("warning", "error", "interrupted")]
