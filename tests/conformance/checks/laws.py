"""The laws as checks: each is tried on everything that the run's connections received."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from tests.conformance import judging
from tests.conformance.kit import Kit
from tests.conformance.outcome import CheckSkipped, ConformanceError
from tests.conformance.registry import Run, Section, plain, register
from tests.conformance.scenes import conversation, small_talk
from tests.conformance.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Law:
    """One law as a check.

    Attributes:
        holds: Yields what breaks it.
        rule: Its place in the protocol.
        needed: A type of message without which it judges nothing; empty: it judges any connection.
        promise: What it says.
    """

    holds: Callable[[Transcript], Iterator[str]]
    rule: str
    needed: str
    promise: str


LAWS: dict[str, Law] = {
    "law-well-formed": Law(
        judging.well_formed,
        "part 1, server to client",
        "",
        "Every text frame is one JSON object with the documented fields, of the documented types.",
    ),
    "law-no-nulls": Law(
        judging.no_nulls,
        "part 1, server to client",
        "",
        "Fields that are absent are left out, never `null`.",
    ),
    "law-connected-first": Law(
        judging.connected_first,
        "part 1, connected",
        "",
        "Nothing but `error` comes before `connected`, which comes once.",
    ),
    "law-text-grows": Law(
        judging.text_grows,
        "rule 1",
        "turn_complete",
        "A partial carries the whole text of its turn so far; the source may correct itself.",
    ),
    "law-finals-repeat": Law(
        judging.finals_repeat,
        "rules 1 and 2",
        "turn_complete",
        "A side that has text has one final, with the whole text once more.",
    ),
    "law-finals-language": Law(
        judging.finals_tell_language,
        "rule 1",
        "turn_complete",
        "A final, and only a final, has the `language` of its text; Hangul is `ko`, Latin letters alone are not.",
    ),
    "law-turn-order": Law(
        judging.turn_order,
        "rule 2",
        "turn_complete",
        "Partials and audio, the input final, the output final, `turn_complete`; only then the next turn.",
    ),
    "law-turn-complete": Law(
        judging.turn_complete_repeats,
        "rule 2",
        "turn_complete",
        'The texts of `turn_complete` equal the finals, `""` where there is none; an empty turn has none.',
    ),
    "law-audio": Law(
        judging.sound_is_whole,
        "rule 3",
        "audio_response",
        "Interpreted speech is 24 kHz, in standard base64 or binary, in pieces of whole samples.",
    ),
    "law-states": Law(
        judging.states_change,
        "rule 4",
        "speech_state",
        "It starts `silent`, unsent; no state comes twice in a row; `silent` follows `speaking`.",
    ),
    "law-state-times": Law(
        judging.states_tell_time,
        "part 1, server to client",
        "speech_state",
        "A state's `timestamp` is Unix time in ms, and never goes back.",
    ),
    "law-errors": Law(
        judging.errors_are_told,
        "part 1, errors",
        "error",
        "An error has a message without secret, stack trace or path, and a known code; a close fits the table.",
    ),
    "law-interrupted": Law(
        judging.interrupted_is_asked_for,
        "rule 6; part 2",
        "interrupted",
        "`interrupted` has a documented reason; with `client` it answers an `interrupt`.",
    ),
}
"""By the name of the check."""


def _judge(law: Law) -> Run:
    async def run(kit: Kit) -> None:
        failed = [told for scene in (conversation, small_talk) if (told := await _failure(kit, scene))]
        judged = [transcript for transcript in kit.transcripts if not law.needed or transcript.of(law.needed)]
        broken = [f"{found} (in {transcript.check})" for transcript in judged for found in law.holds(transcript)]
        if broken:
            more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
            raise ConformanceError(f"to hold: {plain(law.promise).rstrip('.')}", broken[0] + more)
        if not judged:
            raise CheckSkipped(
                "; ".join([f"no {law.needed!r} came in this run, so there is nothing to judge", *failed])
            )

    return run


async def _failure(kit: Kit, scene: Callable[[Kit], Awaitable[Transcript]]) -> str | None:
    try:
        await scene(kit)
    except ConformanceError as error:
        return str(error)
    return None


for _name, _law in LAWS.items():
    register(_name, Section.LAWS, _law.rule, _law.promise, _judge(_law))
