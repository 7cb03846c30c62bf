"""A tone goes through the whole path, both ways, without a click: nothing is lost, doubled or begun anew."""

import asyncio

import numpy as np
import pytest
import pytest_asyncio

from tests.phone_calls.phones import ALL_PROVIDERS, RATE_HZ, WIRES, phone_call
from tests.support.audit import PATIENT, STREAM_HZ
from tests.support.pcm import samples_of, tone
from tests.support.servers import RunningServer, running_server
from tests.support.speech import samples_scenario, told
from tests.support.waiting import until

HZ, AMPLITUDE, SECS = 440.0, 0.5, 1.0
_EDGE_SECS = 0.2
"""What may be pause, or a filter's beginning, at either end."""
_MOST_OFF = {False: 0.05, True: 0.005}
"""Of the amplitude, by whether the line is linear; else μ-law is off by up to a 33rd (ITU-T G.711), with the ripple
of filters beside it. A click is off by up to twice the amplitude."""
LINES = ("twilio", "vonage", "exotel")

Tones = dict[str, tuple[bytes, bytes]]
"""By provider: what reached the upstream at 16 kHz, and what reached the ear at 8 kHz."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tones() -> Tones:
    """A tone that is answered by a tone."""
    answer = tone(SECS, 24_000, hz=HZ, amplitude=AMPLITUDE)
    unheard = [item.id.replace("-", "_") for item in samples_scenario().entries if item.heard is None]
    texts = {"source": "Ready?", "target": "네."}  # so short that a second of sound is enough for it
    scenario = told(**{entry_id: {"audio": answer, **texts} for entry_id in unheard})
    settings = {**PATIENT, **ALL_PROVIDERS, "vad_provider": "energy", "telephony_notice": {}}
    async with running_server(scenario=scenario, **settings) as server:
        connecting = asyncio.Lock()
        made = await asyncio.gather(*(_call(server, name, connecting) for name in LINES))
        return dict(zip(LINES, made, strict=True))


async def _call(server: RunningServer, name: str, connecting: asyncio.Lock) -> tuple[bytes, bytes]:
    async with connecting:
        before = len(server.emulator.sessions)
        caller = phone_call(server.http_url, WIRES[name])
        phone = await caller.__aenter__()
        await until(lambda: len(server.emulator.sessions) > before and bool(server.emulator.sessions[-1].setup))
        session = server.emulator.sessions[-1]
    try:
        await asyncio.sleep(0.3)
        phone.say(tone(SECS, RATE_HZ, hz=HZ, amplitude=AMPLITUDE))
        await until(lambda: phone.marks_reached > 0 and phone.is_silent)
    finally:
        await caller.__aexit__(None, None, None)
    return session.utterances[0].audio, bytes(phone.heard)


def furthest_off(pcm: bytes, rate_hz: int) -> float:
    """How far any sample is from the one sine that fits all of them best, and that from the tone, by its amplitude.

    Raises:
        AssertionError: The tone is not as long as it has to be.
    """
    samples = samples_of(pcm).astype(np.float64) / 32768
    loud = np.flatnonzero(np.abs(samples) > AMPLITUDE / 2)
    assert (loud[-1] - loud[0]) / rate_hz == pytest.approx(SECS, abs=0.03)
    edge = round(_EDGE_SECS * rate_hz)
    inner = samples[loud[0] + edge : loud[-1] - edge]
    turns = 2 * np.pi * HZ * np.arange(len(inner)) / rate_hz
    waves = np.stack([np.sin(turns), np.cos(turns)], axis=1)
    fit, *_ = np.linalg.lstsq(waves, inner, rcond=None)
    return float(max(np.abs(inner - waves @ fit).max(), abs(np.hypot(*fit) - AMPLITUDE)) / AMPLITUDE)


@pytest.mark.parametrize("provider", LINES)
def test_what_the_caller_says_has_no_click(tones: Tones, provider: str) -> None:
    """From the line's 20 ms through the resampler to the upstream's 16 kHz: one tone, whole."""
    assert furthest_off(tones[provider][0], STREAM_HZ) < _MOST_OFF[WIRES[provider].is_linear]


@pytest.mark.parametrize("provider", LINES)
def test_what_the_caller_hears_has_no_click(tones: Tones, provider: str) -> None:
    """From the upstream's 24 kHz through the player's 20 ms to the line: one tone, whole."""
    assert furthest_off(tones[provider][1], RATE_HZ) < _MOST_OFF[WIRES[provider].is_linear]


def test_a_click_would_be_seen() -> None:
    """A sample that is left out, or one that comes twice, is far from any sine."""
    whole = tone(SECS, RATE_HZ, hz=HZ, amplitude=AMPLITUDE)
    assert furthest_off(whole, RATE_HZ) < 0.001
    for spoiled in (whole[:8000] + whole[8010:], whole[:8000] + whole[7990:]):
        assert furthest_off(spoiled, RATE_HZ) > 2 * _MOST_OFF[False]
