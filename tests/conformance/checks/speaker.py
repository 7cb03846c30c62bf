"""Rule 5: whatever is said reaches the model whole, however the client sends it."""

from tests.conformance.kit import Kit
from tests.conformance.outcome import CheckSkipped
from tests.conformance.registry import Section, check
from tests.conformance.scenes import conversation, next_answer, reference_turn, wait_answered

_SILENCE_SECS = 3.0


@check(Section.SPEAKER, "rule 5")
async def speech_is_heard_whole(kit: Kit) -> None:
    """The source texts hold the words that were said, from the first to the last."""
    if not (kit.options.compare_words and kit.speech.first.words):
        raise CheckSkipped("the words that are said are not known, or not to be compared")
    said = (kit.speech.first, kit.speech.second, kit.speech.first, kit.speech.second)
    for turn, utterance in zip((await conversation(kit)).answered, said, strict=False):
        kit.check_whole(turn, utterance)


@check(Section.SPEAKER, "rule 5")
async def early_audio_is_kept(kit: Kit) -> None:
    """Audio that is sent between `init` and `connected` is interpreted like the rest."""
    utterance = kit.speech.first
    reference = await reference_turn(kit, utterance)
    async with kit.connect() as connection:
        await connection.send_init()
        await connection.say(utterance, paced=False)
        await connection.connected()
        kit.check_whole(await next_answer(connection), utterance, reference)


@check(Section.SPEAKER, "rule 5")
async def client_may_stop_sending(kit: Kit) -> None:
    """An utterance after which the client sends nothing at all, no silence either, is answered whole."""
    utterance = kit.speech.first
    reference = await reference_turn(kit, utterance)
    async with kit.connect() as connection:
        await connection.init()
        await connection.say(utterance)
        await wait_answered(connection, 1)
        kit.check_whole(connection.transcript.answered[0], utterance, reference)


@check(Section.SPEAKER, "rule 5")
async def client_may_resume_sending(kit: Kit) -> None:
    """After such a gap the client speaks on, and is answered again."""
    utterance = kit.speech.first
    reference = await reference_turn(kit, utterance)
    async with kit.connect() as connection:
        await connection.init()
        for count in (1, 2):
            await connection.say(utterance)
            await wait_answered(connection, count)
        kit.check_whole(connection.transcript.answered[1], utterance, reference)


@check(Section.SPEAKER, "rules 2 and 4")
async def silence_is_no_turn(kit: Kit) -> None:
    """Silence alone brings no state, no text, no turn."""
    async with kit.connect() as connection:
        await connection.init()
        await connection.pause(_SILENCE_SECS)
        came = [m for m in await connection.quiet(kit.options.quiet_secs, mark=0) if m["type"] != "warning"]
        if len(came) > 1 or connection.closed:
            raise connection.unlike(f"nothing for {_SILENCE_SECS:g} s of silence", mark=1)
