"""``init``: what may be left out, what is ignored, and what is refused."""

from typing import Any

from tests.conformance.kit import Kit
from tests.conformance.registry import Section, check

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8000, 48000


@check(Section.INIT, "part 1, client to server")
async def init_without_config(kit: Kit) -> None:
    """`init` needs no `config`, and no field in it."""
    for init in ({"type": "init"}, {"type": "init", "config": {}}):
        async with kit.connect() as connection:
            await connection.send(init)
            await connection.connected()


@check(Section.INIT, "part 1, client to server")
async def init_languages(kit: Kit) -> None:
    """`language` may be `auto` and each one of the pair."""
    for language in ("auto", *kit.options.languages):
        async with kit.connect() as connection:
            await connection.init(language=language)


@check(Section.INIT, "part 1, client to server")
async def init_unknown_fields(kit: Kit) -> None:
    """Unknown fields of a message and of `config` are ignored."""
    async with kit.connect() as connection:
        await connection.send({"type": "init", "config": {"someDay": {"deep": [1]}}, "more": None})
        await connection.connected()
        await connection.send({"type": "audio", "data": "AAAA", "timestamp": 0, "channel": 1})
        mark = connection.mark
        await connection.send({"type": "interrupt", "why": "because"})
        await connection.expect("interrupted", mark=mark)


@check(Section.INIT, "part 1, client to server")
async def init_integral_float(kit: Kit) -> None:
    """`16000.0` is an integer."""
    async with kit.connect() as connection:
        await connection.init(sampleRate=16000.0)


@check(Section.INIT, "part 1, client to server")
async def init_strict_types(kit: Kit) -> None:
    """JSON types are strict: a wrong one is `INVALID_MESSAGE`, and a right `init` is still taken."""
    wrong: tuple[Any, ...] = (
        {"sampleRate": "16000"},
        {"sampleRate": True},
        {"sampleRate": 16000.5},
        {"sampleRate": [16000]},
        {"useWhisper": "true"},
        {"useWhisper": 1},
        {"language": 7},
        {"language": ["ko", "en"]},
        {"language": None},
        "auto",
        ["auto"],
    )
    await _refused_then_taken(kit, wrong)


@check(Section.INIT, "part 1, client to server")
async def init_rate_bounds(kit: Kit) -> None:
    """`sampleRate` may be 8000 and 48000; 7999 and 48001 are `INVALID_MESSAGE`."""
    await _refused_then_taken(kit, tuple({"sampleRate": rate} for rate in (7999, 48001, 0, -16000)))
    for rate in (LOWEST_RATE_HZ, HIGHEST_RATE_HZ):
        async with kit.connect() as connection:
            await connection.init(sampleRate=rate)


@check(Section.INIT, "part 1, client to server")
async def init_again_after_refusal(kit: Kit) -> None:
    """A refused `init` may be sent again; the session is the second one's."""
    async with kit.connect() as connection:
        await connection.refused(
            {"type": "init", "config": 5}, "INVALID_MESSAGE", "'init' with a number as 'config'"
        )
        await connection.init()
        await connection.refused({"type": "init"}, "ALREADY_INIT", "a further 'init'")


async def _refused_then_taken(kit: Kit, wrong: tuple[Any, ...]) -> None:
    async with kit.connect() as connection:
        for config in wrong:
            what = f"'init' with config {config!r}"
            await connection.refused({"type": "init", "config": config}, "INVALID_MESSAGE", what)
        await connection.init()
