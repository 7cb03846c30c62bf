"""Rule 6: ``interrupt`` is always answered, cuts the turn whose output has begun, and cancels nothing else."""

from tests.conformance.connection import Connection
from tests.conformance.kit import Kit
from tests.conformance.outcome import CheckSkipped, ConformanceError
from tests.conformance.registry import Section, check
from tests.conformance.scenes import next_answer, reference_turn
from tests.conformance.transcript import OUTPUT, Message, Turn, shown

_INTERRUPT = {"type": "interrupt"}
_OUTPUT = ("audio_response", OUTPUT)


@check(Section.INTERRUPT, "rule 6")
async def interrupt_is_answered(kit: Kit) -> None:
    """`interrupt` while nothing plays is answered by `interrupted`, `reason` `client`, each time, and no more."""
    async with kit.connect() as connection:
        await connection.init()
        mark = connection.mark
        for count in (1, 2):
            await connection.send(_INTERRUPT)
            await connection.expect("interrupted", count, mark=mark)
        came = await connection.quiet(kit.options.quiet_secs, mark=mark)
        came = [message for message in came if message["type"] != "warning"]
        if [(message["type"], message.get("reason")) for message in came] != [("interrupted", "client")] * 2:
            raise connection.unlike("two 'interrupted' with reason 'client' and nothing else", mark=mark)


@check(Section.INTERRUPT, "rule 6")
async def interrupt_while_connecting(kit: Kit) -> None:
    """`interrupt` between `init` and `connected` is answered right after `connected`."""
    async with kit.connect() as connection:
        await connection.send_init()
        await connection.send(_INTERRUPT)
        await connection.expect("interrupted")
        kinds = [message["type"] for message in connection.since(0) if message["type"] != "warning"]
        if kinds != ["connected", "interrupted"]:
            raise connection.unlike("'connected', then 'interrupted'", mark=0)


@check(Section.INTERRUPT, "rule 6")
async def interrupt_cuts_the_turn(kit: Kit) -> None:
    """During output: `interrupted`, finals, `turn_complete`, no more sound of that turn; the session goes on."""
    async with kit.connect() as connection:
        await connection.init()
        await connection.say(kit.speech.first)
        async with connection.listening():
            await connection.expect("audio_response")
            mark = connection.mark
            await connection.send(_INTERRUPT)
            await connection.expect("interrupted", mark=mark)
            await connection.expect("turn_complete")
            await connection.quiet(kit.options.quiet_secs, mark=mark)
        cut = _is_cut(connection, mark)
        if cut:
            _check_end(connection)
        await connection.say(kit.speech.second)
        async with connection.listening():
            spoken = lambda: len(_spoken(connection)) > 1  # noqa: E731
            await connection.wait(spoken, "a complete turn with sound for the next utterance", mark=mark)
        first, second = _spoken(connection)[:2]
        if first.source and first.target:  # else its late text may belong to the next turn, by rule 2
            kit.check_whole(second, kit.speech.second)
        if not cut:
            raise CheckSkipped(
                "this server's output comes so fast that the turn was over before 'interrupt' could arrive"
            )


@check(Section.INTERRUPT, "rule 6")
async def interrupt_twice(kit: Kit) -> None:
    """A second `interrupt` during output is answered, too, and makes no further turn."""
    async with kit.connect() as connection:
        await connection.init()
        await connection.say(kit.speech.first)
        async with connection.listening():
            await connection.expect("audio_response")
            mark = connection.mark
            await connection.send(_INTERRUPT)
            await connection.send(_INTERRUPT)
            await connection.expect("interrupted", 2, mark=mark)
            await connection.expect("turn_complete")
            await connection.quiet(kit.options.quiet_secs, mark=mark)
        if len(_spoken(connection)) != 1:
            raise ConformanceError("one turn", f"{len(_spoken(connection))}")


@check(Section.INTERRUPT, "rule 6")
async def interrupt_while_speaking(kit: Kit) -> None:
    """`interrupt` in the middle of an utterance takes nothing away from it."""
    utterance = kit.speech.first
    reference = await reference_turn(kit, utterance)
    pcm = utterance.pcm(16_000)
    half = len(pcm) // 4 * 2
    async with kit.connect() as connection:
        await connection.init()
        await connection.say(pcm[:half])
        await connection.send(_INTERRUPT)
        await connection.say(pcm[half:])
        turn = await next_answer(connection)
        await connection.expect("interrupted")
        kit.check_whole(turn, utterance, reference)


@check(Section.INTERRUPT, "rule 6")
async def interrupt_before_output(kit: Kit) -> None:
    """An utterance that waits for its answer is not cancelled by `interrupt`."""
    utterance = kit.speech.first
    reference = await reference_turn(kit, utterance)
    async with kit.connect() as connection:
        await connection.init()
        await connection.say(utterance)
        async with connection.listening():
            waits = lambda: "processing" in connection.transcript.states or bool(connection.since(0, *_OUTPUT))  # noqa: E731
            await connection.wait(waits, "'processing'", mark=0)
            await connection.send(_INTERRUPT)
            await connection.expect("interrupted")
        came = connection.since(0)
        if any(message["type"] in _OUTPUT for message in came[: came.index(connection.since(0, "interrupted")[0])]):
            raise CheckSkipped("this server's output began before 'interrupt' could arrive")
        kit.check_whole(await next_answer(connection), utterance, reference)


def _is_cut(connection: Connection, mark: int) -> bool:
    """Whether the turn was open when ``interrupted`` came."""
    kinds = [message["type"] for message in connection.since(mark)]
    return "turn_complete" in kinds[kinds.index("interrupted") :]


def _spoken(connection: Connection) -> list[Turn]:
    """The complete turns with sound: late text of a turn that was cut may be a turn of its own, by rule 2."""
    return [turn for turn in connection.transcript.turns if turn.complete and turn.audio]


def _check_end(connection: Connection) -> None:
    came = connection.since(0)
    after = came[came.index(connection.since(0, "interrupted")[0]) + 1 :]
    told = [message for message in after if message["type"] not in ("speech_state", "warning")]
    kinds = [str(message["type"]) for message in told]
    end = told[: kinds.index("turn_complete") + 1]
    if "audio_response" in kinds or not all(map(_ends_a_turn, end)):
        got = ", ".join(shown(message) for message in told[:6])
        raise ConformanceError("nothing but finals and 'turn_complete' after 'interrupted', and no sound", got)


def _ends_a_turn(message: Message) -> bool:
    return message["type"] == "turn_complete" or message.get("isFinal") is True
