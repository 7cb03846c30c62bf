"""Messages as a hostile client writes them: wrong types, deep nesting, huge numbers, NUL, surrogates, mutations.

Everything is drawn from a :class:`random.Random`, so that a seed gives the same messages again. What a message
leads to is the oracle's business.
"""

import base64
import json
import random
from collections.abc import Callable
from typing import Any

Content = str | bytes
Rng = random.Random

FORGED_LINE = "\n2026-01-01 00:00:00,000 - pipelines.session - ERROR - forged\x1b[2J\x00\r"
"""Would stand in a log as a line of its own, if anybody wrote it there."""
_HUGE_NUMBERS = ("1e400", "-1e400", "1e308", "9" * 400, "-" + "9" * 4000, "1e-400", "0." + "3" * 300, "16000e0")
_BROKEN_NUMBERS = ("NaN", "Infinity", "-Infinity", "01", "+1", "1.", ".5", "0x10", "1e", "--1", "1_000")
_BROKEN_JSON = (
    "", " ", "{", "}", "{]", "[", '"', "nul", "init", "{'type':'init'}", '{"type":"init",}', '{"type":"init"}}',
    '{"type" "init"}', '{"type":"ini', '{"type":"init"}{"type":"init"}', '\ufeff{"type":"init"}', "\x00",
    '{"\t":1}',
    "// no\n{}", '{"type":"\\x41"}', '{"type":"\\u12"}', "\u2028", '{"type":"init"}\x00', "GET / HTTP/1.1\r\n\r\n",
)  # fmt: skip
_LONE_SURROGATES = (r"\ud800", r"\udfff\ud800", r"\ud83dx", r"a\udc00", r"\uD800😀")
_STRANGE_TEXT = (
    "", " ", "\x00", "a\x00b", FORGED_LINE, "%s%n{0}${HOME}", "\u202e\u2066", "e\u0301" * 50, "\U0010ffff",
    "\x7f\x9b", "__proto__", "constructor", "<script>", "';--", "가" * 300, "x" * 5000, "𝔦𝔫𝔦𝔱",
    "init\x00", "INIT", "close ",
)  # fmt: skip
_SERVER_TYPES = ("connected", "error", "turn_complete", "speech_state", "audio_response", "ping")
_MEMBERS = (
    "type",
    "config",
    "language",
    "targetLanguage",
    "engine",
    "useWhisper",
    "sampleRate",
    "audioEncoding",
    "data",
    "timestamp",
    "room",
    "resume",
)
_TOKENS = (
    *('{', '}', '[', ']', '"', ":", ",", "\\", "null", "true", "false", "0", "-1", "1e9", "\\u0000", "\\ud800"),
    *("\x00", "\n", "\x1b", "가", "😀", '"type"', '"init"', '"audio"', '"interrupt"', '"data"', "AA==", "="),
)  # fmt: skip


def text(value: Any) -> str:
    """A JSON text of ``value``, surrogates escaped."""
    return json.dumps(value)


# Values


def strange_value(rng: Rng, depth: int = 0) -> Any:
    """Any JSON value, of the kinds that programs trip over."""
    kinds: list[Callable[[], Any]] = [
        lambda: None,
        lambda: rng.random() < 0.5,
        lambda: rng.choice([0, -1, 1, 2**31, -(2**63), 2**64, 10**30, 16000]),
        lambda: rng.choice([0.5, -0.0, 1e308, 5e-324, 16000.5, 16000.0]),
        lambda: rng.choice(_STRANGE_TEXT),
        lambda: "".join(chr(rng.randrange(0x20, 0x2FFF)) for _ in range(rng.randrange(20))),
    ]
    if depth < 3:
        kinds.append(lambda: [strange_value(rng, depth + 1) for _ in range(rng.randrange(4))])
        kinds.append(
            lambda: {rng.choice((*_MEMBERS, *_STRANGE_TEXT)): strange_value(rng, depth + 1) for _ in range(3)}
        )
    return rng.choice(kinds)()


def nested(rng: Rng) -> str:
    """A JSON text, or the beginning of one, that is far deeper than a message ever is."""
    depth = rng.choice([210, 1000, 5000, 40000])
    opening, closing = rng.choice([("[", "]"), ('{"a":', "}"), ('[{"type":', "}]")])
    whole = opening * depth + "1" + closing * depth
    return rng.choice([whole, opening * depth, f'{{"type":"audio","data":{whole}}}', closing * depth])


def pcm(rng: Rng, samples: int) -> bytes:
    """Audio: silence, noise, or the loudest there is."""
    return rng.choice([bytes(2 * samples), rng.randbytes(2 * samples), b"\xff\x7f\x00\x80" * (samples // 2 + 1)])[
        : 2 * samples
    ]


# Messages


def init(rng: Rng, **config: Any) -> str:
    """A good ``init``, with ``config`` and some of what is ignored."""
    chosen: dict[str, Any] = {"language": rng.choice(["auto", "ko", "en"]), **config}
    if rng.random() < 0.2 and chosen["language"] != "en":
        chosen["targetLanguage"] = rng.choice(["en", "EN-us", "en_Latn_GB"])
    if rng.random() < 0.2:
        chosen["engine"] = "interpreter"
    if rng.random() < 0.5:
        chosen["mood"] = strange_value(rng)
    return text({"type": "init", "config": chosen})


def claim(rng: Rng, *, strange: bool = False) -> dict[str, Any]:
    """``resume`` that asks for a session that is none of the client's, or that is told wrong."""
    made: dict[str, Any] = {
        "sessionId": rng.choice(["550e8400-e29b-41d4-a716-446655440000", "", *_STRANGE_TEXT]),
        "resumeToken": rng.choice(["", "A" * 43, *_STRANGE_TEXT]),
        "lastSeq": rng.choice([0, 1, 2**53 - 1]),
        "firstSample": rng.choice([0, 5.0, 2**53 - 1]),
    }
    if strange:
        made[rng.choice(list(made))] = strange_value(rng)
        made.pop(rng.choice([*made, "none"]), None)
    return made


def entry(rng: Rng) -> dict[str, Any]:
    """``room`` that names one which is not there, or names it wrong."""
    made: dict[str, Any] = {name: rng.choice(["", "A" * 43, *_STRANGE_TEXT]) for name in ("id", "token", "name")}
    made.pop(rng.choice([*made, "none"]), None)
    return made


def audio(pcm_bytes: bytes, **fields: Any) -> str:
    """An ``audio`` message."""
    return text({"type": "audio", "data": base64.b64encode(pcm_bytes).decode(), **fields})


def wrong_types(rng: Rng) -> Content:
    """A message of ours in which a field has a value of another type, or none."""
    kind = rng.choice(["init", "audio", "interrupt", "close", "type"])
    if kind == "init":
        name = rng.choice(
            ["language", "targetLanguage", "engine", "useWhisper", "sampleRate", "audioEncoding", "resume", "room"]
        )
        other = rng.choice([{"resume": claim(rng, strange=True)}, {"room": entry(rng)}])
        config = {name: strange_value(rng)} if rng.random() < 0.7 else other
        return text({"type": "init", "config": rng.choice([config, strange_value(rng)])})
    if kind == "audio":
        return text({"type": "audio", rng.choice(["data", "timestamp"]): strange_value(rng)})
    return text({"type": strange_value(rng)} if kind == "type" else strange_value(rng))


def unknown_types(rng: Rng) -> Content:
    """A type that is not ours, quoted in the answer."""
    kind = rng.choice((*_STRANGE_TEXT, *_SERVER_TYPES))
    return text({"type": kind, "data": strange_value(rng)})


def broken_json(rng: Rng) -> Content:
    """What is no JSON, or no object."""
    return rng.choice([*_BROKEN_JSON, rng.choice(_BROKEN_NUMBERS), text([strange_value(rng)]), "17", '"init"'])


def deep_nesting(rng: Rng) -> Content:
    """JSON that would overflow a parser's stack."""
    return nested(rng)


def huge_numbers(rng: Rng) -> Content:
    """Numbers that overflow, or are none."""
    number = rng.choice([*_HUGE_NUMBERS, *_BROKEN_NUMBERS])
    return rng.choice(
        [
            f'{{"type":"init","config":{{"sampleRate":{number}}}}}',
            f'{{"type":"audio","data":"","timestamp":{number}}}',
            f'{{"type":{number}}}',
        ]
    )


def surrogates(rng: Rng) -> Content:
    """Escapes of half a character, in a name, a type or a text."""
    half = rng.choice(_LONE_SURROGATES)
    return rng.choice(
        [
            f'{{"type":"{half}"}}',
            f'{{"{half}":1,"type":"init"}}',
            f'{{"type":"audio","data":"{half}"}}',
            f'"{half}"',
        ]
    )


def control_characters(rng: Rng) -> Content:
    """NUL and its like, raw and escaped, where text is due."""
    character = chr(rng.randrange(0x20))
    escaped = rng.choice([character, f"\\u{ord(character):04x}"])
    return rng.choice([f'{{"type":"in{escaped}it"}}', f'{{"type":"audio","data":"AA{escaped}A"}}', escaped * 9])


def bad_audio(rng: Rng) -> Content:
    """Base64 that is none, and audio that is none."""
    good = base64.b64encode(pcm(rng, rng.randrange(1, 200))).decode()
    at = rng.randrange(len(good))
    data = rng.choice(
        [
            "",
            "=",
            "====",
            good.rstrip("=") + "===",
            good[:at] + rng.choice(["\n", "-", "_", " ", "=", "가", "\x00"]) + good[at:],
            good[:-1],
            base64.b64encode(rng.randbytes(2 * rng.randrange(50) + 1)).decode(),
            "AAAA" * 70_000,
        ]
    )
    return text({"type": "audio", "data": data, "timestamp": 0})


def binary(rng: Rng) -> Content:
    """A binary frame: where text is due, or odd, empty, too long."""
    return rng.choice([b"", b"\x00", rng.randbytes(rng.randrange(1, 999)), b'{"type":"init"}', bytes(500_000)])


def twisted(rng: Rng) -> Content:
    """A message with names twice, in another case, or with members that mean something elsewhere."""
    return rng.choice(
        [
            '{"type":"init","type":"nonsense"}',
            '{"type":"nonsense","type":7}',
            '{"Type":"init"}',
            '{"type":"init","config":{"sampleRate":16000,"sampleRate":1}}',
            '{"type":"init","config":{"sample_rate":8000,"sampleRate":"8000"}}',
            '{"__proto__":{"type":"init"},"constructor":{"prototype":{}}}',
            text({"type": "audio", "config": {}, "pcm": [0] * 500}),
            text({"type": "x" * rng.choice([41, 1000, 100_000])}),
        ]
    )


REFUSED: dict[str, Callable[[Rng], Content]] = {
    "wrong types": wrong_types,
    "unknown types": unknown_types,
    "broken JSON": broken_json,
    "deep nesting": deep_nesting,
    "huge numbers": huge_numbers,
    "lone surrogates": surrogates,
    "control characters": control_characters,
    "bad audio": bad_audio,
    "binary": binary,
    "twisted": twisted,
}
"""Kinds of messages that are mostly refused, by name."""
_OFTEN = [name for name in REFUSED if name not in ("deep nesting", "bad audio", "binary")]  # small ones


def mostly_refused(rng: Rng) -> Content:
    """A message of any kind in :data:`REFUSED`."""
    return REFUSED[rng.choice([*REFUSED, *_OFTEN])](rng)


def harmless(rng: Rng, *, binary_audio: bool) -> Content:
    """What is accepted in a session and leads to no session's end: a little audio, or an interrupt."""
    if rng.random() < 0.3:
        return text({"type": "interrupt", "why": strange_value(rng)})
    chunk = pcm(rng, rng.randrange(1, 400))
    return chunk if binary_audio and rng.random() < 0.7 else audio(chunk, timestamp=rng.choice([0, -1.5, 2**70]))


# Mutations


def valid(rng: Rng) -> str:
    """A good message of any type but ``close``, to start from."""
    return rng.choice(
        [
            init(rng),
            init(rng, sampleRate=rng.choice([8000, 44100, 48000.0]), audioEncoding="binary"),
            audio(pcm(rng, rng.randrange(1, 60)), timestamp=rng.random()),
            text({"type": "interrupt"}),
            text({"type": "audio", "data": "AAABAP//", "timestamp": 1767225600000}),
        ]
    )


def mutated(rng: Rng) -> str:
    """A good message with a few mistakes in it, still of valid characters."""
    characters = list(valid(rng))
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        _mutate(rng, characters)
    return "".join(characters)


def _mutate(rng: Rng, characters: list[str]) -> None:
    at = rng.randrange(len(characters) + 1)
    end = min(len(characters), at + rng.choice([1, 1, 2, 8, 40]))
    match rng.randrange(7):
        case 0:
            del characters[at:end]
        case 1:
            characters[at:at] = characters[at:end]
        case 2:
            characters[at:at] = rng.choice(_TOKENS)
        case 3:
            characters[at:end] = rng.choice(_TOKENS)
        case 4:
            characters[at:at] = chr(rng.choice([rng.randrange(0x80), rng.randrange(0xE000, 0x11000)]))
        case 5:
            characters[at:end] = reversed(characters[at:end])
        case 6:
            characters[at:] = valid(rng)


def not_utf8(rng: Rng) -> bytes:
    """Bytes of a message of which some are no UTF-8."""
    content = bytearray(valid(rng).encode())
    wrong = rng.choice(
        [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\x80", b"\xfe\xff"]
    )
    at = rng.randrange(len(content) + 1)
    content[at:at] = wrong
    return bytes(content) if not _is_utf8(bytes(content)) else b"\xff"


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
