"""The conversation that many checks judge, and what is said in several others."""

from tests.conformance.connection import Connection
from tests.conformance.kit import Kit
from tests.conformance.speech import Utterance
from tests.conformance.transcript import Transcript, Turn

SPOKEN_WITHOUT_WAITING = 3
"""Utterances of the conversation that come one after the other, whatever the server is doing."""

_LATE_TEXT_MARGIN_SECS = 0.5


async def conversation(kit: Kit) -> Transcript:
    """The first utterance, the second, the first again without waiting for answers; then a rest, and the second.

    Raises:
        ConformanceError: An utterance got no turn.
    """
    return await kit.once("conversation", _hold_conversation)


async def small_talk(kit: Kit) -> Transcript:
    """A refused message, ``init``, an ``interrupt`` and a ``close``: an error and an answer of each kind.

    Raises:
        ConformanceError: An answer did not come.
    """
    return await kit.once("small talk", _hold_small_talk)


async def reference_turn(kit: Kit, utterance: Utterance) -> Turn | None:
    """The turn that the first utterance made in the conversation; ``None`` where its words are known anyway."""
    if kit.options.compare_words and utterance.words:
        return None
    return (await conversation(kit)).answered[0]


async def answered_turn(
    connection: Connection, utterance: Utterance, *, chunk_ms: int = 20, count: int = 1
) -> Turn:
    """Say an utterance as a client with an open microphone does; the ``count``-th answered turn, once it came.

    Raises:
        ConformanceError: It did not come.
    """
    await connection.say(utterance, chunk_ms=chunk_ms)
    return await next_answer(connection, chunk_ms=chunk_ms, count=count)


async def next_answer(connection: Connection, *, chunk_ms: int = 20, count: int = 1) -> Turn:
    """The ``count``-th answered turn, once it came, with an open microphone."""
    async with connection.listening(chunk_ms=chunk_ms):
        await wait_answered(connection, count)
    return connection.transcript.answered[count - 1]


async def wait_answered(connection: Connection, count: int) -> None:
    """Wait for ``count`` turns that are complete and have output.

    Raises:
        ConformanceError: They did not come, or a fatal error did.
    """
    await connection.wait(
        lambda: len(connection.transcript.answered) >= count,
        "a complete turn with output for " + ("the utterance" if count == 1 else f"each of {count} utterances"),
        mark=0,
    )


async def _hold_small_talk(kit: Kit) -> Transcript:
    async with kit.connect() as connection:
        await connection.send({"type": "no-such-type"})
        await connection.expect("error")
        await connection.init()
        await connection.send({"type": "interrupt"})
        await connection.expect("interrupted")
        await connection.send({"type": "close"})
        await connection.wait(lambda: connection.closed, "a close", mark=0)
        return connection.transcript


async def _hold_conversation(kit: Kit) -> Transcript:
    first, second = kit.speech.first, kit.speech.second
    async with kit.connect() as connection:
        await connection.init()
        await connection.pause(0.3)
        for utterance in (first, second, first):
            await connection.say(utterance)
            await connection.pause(kit.options.pause_secs)
        await next_answer(connection, count=SPOKEN_WITHOUT_WAITING)
        await connection.quiet(kit.options.late_text_ms / 1000 + _LATE_TEXT_MARGIN_SECS, mark=0)
        await answered_turn(connection, second, count=SPOKEN_WITHOUT_WAITING + 1)
        await connection.quiet(kit.options.quiet_secs, mark=0)
        return connection.transcript
