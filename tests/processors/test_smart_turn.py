"""pipecat's smart-turn model: real sentences, whole and broken off, and many who ask at once."""

import asyncio
import json

import numpy as np
import pytest
import soxr
from pydantic import ValidationError

from processors import vad_params
from processors.smart_turn import SmartTurn, smart_turn
from processors.vad_params import VadParams
from tests.support.pcm import SAMPLES, read_sample

RATE_HZ = 16_000
FILES = json.loads((SAMPLES / "marks.json").read_text(encoding="utf-8"))["files"]


def spoken(name: str, start_secs: float, end_secs: float) -> bytes:
    """What a sample file says between two times, with 0.2 s of silence behind it."""
    pcm, rate_hz = read_sample(name)
    speech = np.asarray(soxr.resample(np.frombuffer(pcm, "<i2"), rate_hz, RATE_HZ)).astype("<i2")
    return speech[int(start_secs * RATE_HZ) : int(end_secs * RATE_HZ)].tobytes() + bytes(2 * RATE_HZ // 5)


WHOLE = [("en-35s-8k.wav", number) for number in range(10)] + [("ko-30s-16k.wav", number) for number in range(3)]
BROKEN_OFF = [("en-11s-16k.wav", 0.32, 1.9), ("en-35s-8k.wav", 10.94, 13.0), ("ko-30s-16k.wav", 18.55, 25.4)]
"""Inside a word, with a little of what was said before."""


def test_real_sentences_are_finished() -> None:
    """Each whole sentence, in both languages, is one to the model, with the confidence that is the default."""

    async def sure() -> list[float | None]:
        spans = [(name, FILES[name]["sentences"][number]) for name, number in WHOLE]
        return [
            await smart_turn().finished(spoken(name, span["onset_secs"], span["end_secs"])) for name, span in spans
        ]

    found = asyncio.run(sure())
    assert all(value is not None and value >= VadParams().smart_turn_confidence for value in found), found


def test_who_asks_at_the_same_time_gets_a_verdict_of_its_own() -> None:
    """They share the analyzer, and nothing of what they say; who comes when many wait gets none, at once."""
    said = [spoken(*span) for span in BROKEN_OFF]

    async def sure() -> tuple[list[float | None], list[float | None]]:
        judge = SmartTurn()
        alone = [await judge.finished(pcm) for pcm in said]
        return alone, await asyncio.gather(*(judge.finished(pcm) for pcm in said * 3))

    alone, together = asyncio.run(sure())
    assert len({*alone}) == len(alone)
    assert together == [*(alone * 3)[:8], None]


def test_a_question_that_is_withdrawn_frees_its_place() -> None:
    """Also while it is being answered, and nobody else is kept from an answer."""
    said = spoken(*BROKEN_OFF[0])

    async def sure() -> float | None:
        judge = SmartTurn()
        asking = [asyncio.create_task(judge.finished(said)) for _ in range(8)]
        await asyncio.sleep(0)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        return await judge.finished(said)

    assert asyncio.run(sure()) is not None


def test_an_installation_without_the_model_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, and at the parameter that asks for it."""

    def no_model() -> SmartTurn:
        raise OSError("no such file")

    monkeypatch.setattr(vad_params, "smart_turn", no_model)
    with pytest.raises(ValidationError) as raised:
        VadParams(turn_end="smart")
    (fault,) = raised.value.errors()
    assert (fault["loc"], fault["input"]) == (("turn_end",), "smart")
    assert fault["msg"] == "expected 'silence', or pipecat's smart-turn model in its place (no such file)"


def test_the_process_has_one() -> None:
    """However many sessions ask."""
    assert smart_turn() is smart_turn()
