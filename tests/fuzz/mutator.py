"""Changes that keep JSON mostly JSON, so that a fuzzer gets past the parser."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from tests.fuzz.wire import NEXT

_WORDS = json.loads((Path(__file__).parent / "dictionary.json").read_text(encoding="utf-8"))
NAMES: list[str] = _WORDS["names"]
"""Members of our client's messages and of Google's server messages."""
VALUES: list[Any] = _WORDS["values"]
"""Values that mean something somewhere."""
RAW: list[str] = _WORDS["raw"]
"""Values as text, some of which are no JSON."""
_MOST_BRACKETS = 200
"""More may nest deeper than a program can walk."""


def mutate(data: bytes, longest: int, seed: int) -> bytes:
    """``data`` with one of its texts changed, at most ``longest`` bytes."""
    rng = random.Random(seed)
    pieces = data.split(NEXT)
    at = rng.randrange(len(pieces))
    match rng.randrange(8):
        case 0:
            pieces.insert(at, rng.choice(pieces))
        case 1 if len(pieces) > 1:
            del pieces[at]
        case 2:
            rng.shuffle(pieces)
        case _:
            pieces[at] = _mutated_text(rng, pieces[at])
    return NEXT.join(pieces)[:longest]


def _mutated_text(rng: random.Random, text: bytes) -> bytes:
    try:
        value = json.loads(text) if text.count(b"[") + text.count(b"{") <= _MOST_BRACKETS else None
    except ValueError:
        value = {"type": deepcopy(rng.choice(VALUES))}
    holder = [value]
    for _ in range(rng.choice([1, 1, 2, 4])):
        _change(rng, *rng.choice(list(_places(holder))))
    written = json.dumps(holder[0], ensure_ascii=rng.random() < 0.5).encode(errors="replace")
    return written.replace(b'"RAW"', rng.choice(RAW).encode())


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with a key or an index of it."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _change(rng: random.Random, holder: Any, key: Any) -> None:
    value = deepcopy(rng.choice([*VALUES, "RAW"]))
    match rng.randrange(6):
        case 0 | 1:
            holder[key] = value
        case 2 if isinstance(holder, dict):
            holder[rng.choice(NAMES)] = holder.pop(key)
        case 3 if isinstance(holder[key], dict):
            holder[key][rng.choice(NAMES)] = rng.choice([value, {rng.choice(NAMES): value}])
        case 4 if isinstance(holder, dict) and len(holder) > 1:
            del holder[key]
        case _:
            holder[key] = rng.choice([[holder[key]], {rng.choice(NAMES): holder[key]}])
