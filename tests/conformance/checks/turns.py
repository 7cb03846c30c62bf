"""The conversation: turns, their order and texts, and the states around them."""

from tests.conformance.kit import Kit, alike
from tests.conformance.outcome import CheckSkipped, ConformanceError
from tests.conformance.registry import Section, check
from tests.conformance.scenes import SPOKEN_WITHOUT_WAITING, answered_turn, conversation
from tests.conformance.speech import Utterance
from tests.conformance.transcript import Transcript

_LATE_STATE_SECS = 1.0


@check(Section.TURNS, "rule 2")
async def turn_for_each_utterance(kit: Kit) -> None:
    """Each utterance becomes one turn with output, also where one begins before the last was answered."""
    turns = (await conversation(kit)).answered
    wanted = SPOKEN_WITHOUT_WAITING + 1
    if len(turns) != wanted:
        texts = ", ".join(repr(turn.source) for turn in turns)
        raise ConformanceError(f"{wanted} turns with output for {wanted} utterances", f"{len(turns)}: {texts}")


@check(Section.TURNS, "rule 2")
async def turns_in_order(kit: Kit) -> None:
    """Turns come in the order in which their speech began."""
    if not kit.speech.two_differ:
        raise CheckSkipped("one's own recording is said again and again, so the turns cannot be told apart")
    turns = (await conversation(kit)).answered
    first, second, third = (turn.source for turn in turns[:SPOKEN_WITHOUT_WAITING])
    if not (first and second and third):
        raise CheckSkipped("a turn has no source text, so the turns cannot be told apart")
    if alike(first, third) <= max(alike(first, second), alike(second, third)):
        raise ConformanceError(
            "the turns of one utterance, another, and the first again", f"{first!r}, {second!r}, {third!r}"
        )
    words = (kit.speech.first.words or "", kit.speech.second.words or "")
    if kit.options.compare_words and alike(first, words[0]) < alike(first, words[1]):
        raise ConformanceError(f"a first turn like {words[0]!r}", repr(first))


@check(Section.TURNS, "part 1, server to client")
async def output_is_spoken(kit: Kit) -> None:
    """A turn has source text, target text and interpreted speech."""
    for number, turn in enumerate((await conversation(kit)).answered, start=1):
        missing = [
            what
            for what, there in (("source text", turn.source), ("target text", turn.target), ("speech", turn.audio))
            if not there
        ]
        if missing:
            raise ConformanceError(f"all three in turn {number}", "no " + " and no ".join(missing))


@check(Section.TURNS, "part 1, client to server")
async def language_en(kit: Kit) -> None:
    """With `language: "en"` English is spoken and the other language of the pair comes out."""
    await _interpreted(kit, kit.speech.first, "en")


@check(Section.TURNS, "part 1, client to server")
async def language_ko(kit: Kit) -> None:
    """With `language: "ko"` Korean is spoken and the other language of the pair comes out."""
    await _interpreted(kit, kit.speech.korean, "ko")


@check(Section.TURNS, "rule 7")
async def session_outlives_turns(kit: Kit) -> None:
    """After several turns and a rest the same connection interprets on."""
    transcript = await conversation(kit)
    if len(transcript.answered) <= SPOKEN_WITHOUT_WAITING:
        raise ConformanceError("a turn after the rest", f"{len(transcript.answered)} turns in all")
    kit.check_whole(transcript.answered[-1], kit.speech.second)


@check(Section.TURNS, "rule 6")
async def talking_on_cancels_nothing(kit: Kit) -> None:
    """Speech during the output neither interrupts it nor is lost."""
    if kit.options.barge_in:
        raise CheckSkipped("--barge-in: speech interrupts the output on this server")
    transcript = await conversation(kit)
    if not _spoke_during_output(transcript):
        raise CheckSkipped("no output came while the kit spoke")
    if transcript.of("interrupted"):
        raise ConformanceError(
            "no 'interrupted' while nobody sent 'interrupt'", "one; BARGE_IN? then use --barge-in"
        )


@check(Section.TURNS, "rule 4")
async def states_follow_speech(kit: Kit) -> None:
    """`speaking` comes while an utterance is spoken, `silent` when voice ends, and last."""
    transcript = await conversation(kit)
    states = transcript.states
    if not states:
        raise ConformanceError("'speech_state' messages", "none in a conversation of four utterances")
    if "speaking" not in states:
        raise CheckSkipped("'speaking' is not sent, as with voice activity detection off (VAD_THRESHOLD=0)")
    if late := _late_speaking_secs(transcript):
        raise ConformanceError("'speaking' while the first utterance is spoken", f"{late:.1f} s after its end")
    if states.count("speaking") < len(transcript.answered) or states[-1] != "silent":
        wanted = f"'speaking' for each of {len(transcript.answered)} utterances and 'silent' in the end"
        raise ConformanceError(wanted, ", ".join(states))


@check(Section.TURNS, "rule 4")
async def states_processing(kit: Kit) -> None:
    """`processing` comes while a finished utterance waits for its output."""
    transcript = await conversation(kit)
    if "processing" not in transcript.states:
        raise ConformanceError("'processing' before an output", ", ".join(transcript.states) or "no states")


def _spoke_during_output(transcript: Transcript) -> bool:
    """Whether output came between the beginning and the end of an utterance."""
    speaking = False
    for entry in transcript.entries:
        if entry.sent:
            speaking = (
                speaking if entry.kind not in ("(speech begins)", "(speech ends)") else "begins" in entry.kind
            )
        elif speaking and entry.kind in ("audio_response", "output_transcription"):
            return True
    return False


def _late_speaking_secs(transcript: Transcript) -> float:
    """How long after the first utterance's end ``speaking`` came; 0 where it came in time."""
    spoken = next(entry for entry in transcript.entries if entry.kind == "(speech ends)")
    told = next(entry for entry in transcript.entries if entry.message.get("state") == "speaking")
    late_secs = told.at_secs - spoken.at_secs
    return late_secs if late_secs > _LATE_STATE_SECS else 0.0


async def _interpreted(kit: Kit, utterance: Utterance | None, source: str) -> None:
    if source not in kit.options.languages:
        raise CheckSkipped(f"{source!r} is not in the server's pair")
    if utterance is None or kit.speech.korean is None:
        raise CheckSkipped("the language of one's own recording is not known")
    target = next(language for language in kit.options.languages if language != source)
    async with kit.connect() as connection:
        await connection.init(language=source)
        turn = await answered_turn(connection, utterance)
        finals = [*turn.texts("input_transcription", final=True), *turn.texts("output_transcription", final=True)]
        languages = [str(final.get("language")).split("-")[0] for final in finals]
        if languages != [source, target]:
            raise ConformanceError(
                f"finals in {source!r} and {target!r}", f"{languages}: {turn.source!r}, {turn.target!r}"
            )
