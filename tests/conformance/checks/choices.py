"""Part 2, what a client may choose in ``init``: the language that comes out, and the engine."""

from typing import Any

from tests.conformance.kit import Kit
from tests.conformance.outcome import CheckSkipped, ConformanceError
from tests.conformance.registry import Section, check

_RULE = "part 2"


@check(Section.ADDITIONS, _RULE)
async def target_language(kit: Kit) -> None:
    """`targetLanguage` may be the other one of the pair, whether `language` is the one or `auto`."""
    first, second = kit.options.languages
    for source, target in ((first, second), (second, first), ("auto", second)):
        async with kit.connect() as connection:
            await connection.init(language=source, targetLanguage=target)


@check(Section.ADDITIONS, "part 2; part 1, errors")
async def unsupported_target(kit: Kit) -> None:
    """A `targetLanguage` that is no language is `UNSUPPORTED_LANGUAGE`, 1008; if no string, `INVALID_MESSAGE`."""
    await _skip_where_unknown(kit, "targetLanguage")
    async with kit.connect() as connection:
        await connection.send_init(targetLanguage="no such language")
        await connection.ended(1008, "UNSUPPORTED_LANGUAGE")
    async with kit.connect() as connection:
        init = {"type": "init", "config": {"targetLanguage": 7}}
        await connection.refused(init, "INVALID_MESSAGE", "'init' with a number as 'targetLanguage'")
        await connection.init()


@check(Section.ADDITIONS, _RULE)
async def engine_by_name(kit: Kit) -> None:
    """`engine` may be the name that `connected` told, and that one serves."""
    async with kit.connect() as connection:
        name = (await connection.init()).get("engine")
    if not isinstance(name, str):
        raise CheckSkipped("'connected' carries no 'engine'")
    async with kit.connect() as connection:
        told = (await connection.init(engine=name)).get("engine")
    if told != name:
        raise ConformanceError(f"'connected' with {name!r} as 'engine'", repr(told))


@check(Section.ADDITIONS, "part 2; part 1, errors")
async def unknown_engine(kit: Kit) -> None:
    """An `engine` that the server does not have is `INVALID_MESSAGE`, and a right `init` is still taken."""
    await _skip_where_unknown(kit, "engine")
    async with kit.connect() as connection:
        for wrong in ("no such engine", 7):
            init = {"type": "init", "config": {"engine": wrong}}
            await connection.refused(init, "INVALID_MESSAGE", f"'init' with {wrong!r} as 'engine'")
        await connection.init()


async def _skip_where_unknown(kit: Kit, field: str) -> None:
    """A server that takes anything for a field does not know it, and may ignore it."""
    if all([await _takes(kit, {field: value}) for value in ("no such thing", 7)]):
        raise CheckSkipped(f"the server does not know {field!r}")


async def _takes(kit: Kit, config: dict[str, Any]) -> bool:
    async with kit.connect() as connection:
        await connection.send_init(**config)
        await connection.wait(
            lambda: bool(connection.since(0, "connected", "error")) or connection.closed,
            f"'connected' or an error in answer to 'init' with {config}",
            mark=0,
        )
        return bool(connection.since(0, "connected"))
