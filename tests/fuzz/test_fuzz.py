"""The fuzz targets: the corpus holds every law, and fuzzing from it breaks none."""

import importlib
import json
import os
from pathlib import Path

import pytest

from gemini import turns
from protocol import messages
from protocol.errors import Fault
from tests.fuzz import driver, wire
from tests.fuzz.mutator import mutate
from tests.fuzz.replay import inputs, replay
from tests.fuzz.targets import TARGETS, Target

_RUNS = 3000
_MOST_FILES, _MOST_BYTES = 300, 500_000
_VECTORS = Path(__file__).parents[1] / "vectors"

needs_atheris = pytest.mark.skipif(not driver.installed(), reason=driver.MISSING)
every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))


@every_target
def test_the_corpus_breaks_no_law(target: Target) -> None:
    """Every input that was worth keeping, those included that once broke a law."""
    assert replay(target) > 0


def test_golden_messages_break_no_law() -> None:
    """Every golden message, good or bad, alone and behind an ``init``, is read as the documents say."""
    for file in ("client_messages.json", "client_messages_invalid.json"):
        for case in json.loads((_VECTORS / file).read_text(encoding="utf-8"))["cases"]:
            text = case["text"].encode()
            wire.check(text)
            wire.check(b'{"type":"init"}' + wire.NEXT + text)


def test_the_corpus_stays_small() -> None:
    """It is part of the repository: only inputs that reach something which no other reaches."""
    files = [path for target in TARGETS.values() for path in inputs(target)]
    assert len(files) < _MOST_FILES
    assert sum(path.stat().st_size for path in files) < _MOST_BYTES


@needs_atheris
@every_target
def test_fuzzing_breaks_no_law(target: Target) -> None:
    """A few thousand inputs that grow out of the corpus, guided by coverage; in CI the same ones each time."""
    result = driver.fuzz(target, runs=_RUNS, seed=1 if "CI" in os.environ else 0)
    assert not result.crashed, result.output
    assert result.executions >= _RUNS
    assert result.edges > 0


def test_mutations_are_bounded_and_come_again() -> None:
    """What comes out is no longer than allowed, and the same for the same seed."""
    data = b'{"type":"init","config":{"sampleRate":8000}}' + wire.NEXT + b'{"type":"audio","data":"AAAA"}'
    changed = [mutate(data, 100, seed) for seed in range(500)]
    assert all(len(one) <= 100 for one in changed)
    assert changed == [mutate(data, 100, seed) for seed in range(500)]
    assert len(set(changed)) > 250


# Would it notice?


def test_a_decoder_that_raises_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception is no answer."""
    monkeypatch.setattr(wire, "decode_text", lambda text, **_: json.loads(text))
    with pytest.raises(ValueError, match="Expecting"):
        wire.check(b"no JSON")


@pytest.mark.parametrize(
    "content", [b'{"type":"init"}' + wire.NEXT + b'{"type":"audio","data":"AAA="}', b"\x1f\0\0"]
)
def test_another_answer_than_the_documents_give_is_noticed(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """The second reading of the protocol disagrees."""
    serializer = importlib.import_module("protocol.serializer")
    monkeypatch.setattr(serializer, "decode_binary", lambda **_: None)
    monkeypatch.setattr(messages.Audio, "pcm", lambda *_: Fault(serializer.ErrorCode.UNKNOWN_TYPE, "broken"))
    with pytest.raises(AssertionError, match="expected Verdict"):
        wire.check(content)


def test_a_turn_that_never_ends_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The laws of turns hold the state machine, not only its events."""
    monkeypatch.setattr(turns.TurnTracker, "advance", lambda *_: [])
    check, _ = TARGETS["turns"].load()
    with pytest.raises(AssertionError):
        check(bytes([0, 0, 1]))
