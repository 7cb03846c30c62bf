"""What faults make of an answer: of its words, of how it is said, and of the steps that are still to come. Pure."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from emulator.answering import Answer
from emulator.faults import Fault, FaultName
from emulator.options import Variant
from emulator.turn import Script, Step, Wanted, content_step

_KIND_OF_FIELD = {"modelTurn": "audioOut"}


def spoiled_answer(answer: Answer, faults: Sequence[Fault]) -> Answer:
    """The answer with the words that the faults give it."""
    names = {fault.name for fault in faults}
    if "truncated_transcripts" in names:
        answer = _without_first_half(answer)
    if "language_drift" in names:
        answer = _untranslated(answer)
    return answer


def spoiled_variant(variant: Variant, faults: Sequence[Fault]) -> Variant:
    """The variant in which an answer is given that the faults strike before any output."""
    changes: dict[str, Any] = {}
    for fault in faults:
        if fault.name == "multi_part":
            changes["multi_part"] = fault.value("parts")
        changes |= _CHANGES.get(fault.name, {})
    return variant.overridden(changes) if changes else variant


def spoiled_wanted(wanted: Wanted, faults: Sequence[Fault]) -> Wanted:
    """Which transcriptions are sent: those that were asked for, or both without being asked."""
    return Wanted(True, True) if any(fault.name == "unsolicited_transcripts" for fault in faults) else wanted


def spoiled_script(script: Script, fault: Fault) -> Script:
    """What is left of a script, or of the rest of one, when a fault strikes."""
    change = _SCRIPTS.get(fault.name)
    return change(script, fault) if change else script


_CHANGES: Mapping[FaultName, Mapping[str, Any]] = {
    "bundled": {"bundle": True},
    "late_transcripts": {
        "input_transcription": "after_turn",
        "output_transcription": "after_turn",
        "late_text_ms": 0,
    },
    "duplicate_transcripts": {"input_transcription": "duplicate", "late_text_ms": 0},
    "missing_transcripts": {"input_transcription": "missing", "output_transcription": "missing"},
    "language_drift": {"language_code": True},
}


def _without_first_half(answer: Answer) -> Answer:
    """Without the first half of the words that were heard (pipecat issue 4108)."""
    missing = len(answer.source.split()) // 2
    pieces = []
    for piece in answer.pieces:
        words = piece.source.split()
        pieces.append(replace(piece, source=" ".join(words[missing:])))
        missing = max(0, missing - len(words))
    return replace(answer, pieces=tuple(pieces))


def _untranslated(answer: Answer) -> Answer:
    """The words that were heard, in place of their interpretation."""
    return replace(
        answer,
        pieces=tuple(
            replace(
                piece,
                target=piece.source,
                entry=replace(piece.entry, target_language=piece.entry.source_language),
            )
            for piece in answer.pieces
        ),
    )


def _nothing(script: Script, fault: Fault) -> Script:
    return Script([], [])


def _empty_turn(script: Script, fault: Fault) -> Script:
    at_ms = script.steps[0].at_ms if script.steps else 0.0
    return Script([content_step(at_ms, "turnComplete", {"turnComplete": True})], [])


def _without_turn_end(script: Script, fault: Fault) -> Script:
    return _without(script, "generationComplete", "turnComplete")


def _without_turn_complete(script: Script, fault: Fault) -> Script:
    return _without(script, "turnComplete")


def _without_audio(script: Script, fault: Fault) -> Script:
    return _without(script, "modelTurn")


def _late_turn_complete(script: Script, fault: Fault) -> Script:
    for step in script.steps:
        if "turnComplete" in step.message.get("serverContent", {}):
            step.wait_secs = fault.value("delay_ms") / 1000
    return script


def _stalled(script: Script, fault: Fault) -> Script:
    for step in script.steps[:1]:
        step.wait_secs = fault.value("delay_ms") / 1000
    return script


def _late_texts(script: Script, fault: Fault) -> Script:
    for step in script.late[:1]:
        step.wait_secs = fault.value("delay_ms") / 1000
    return script


def _silenced(script: Script, fault: Fault) -> Script:
    for step in script.steps:
        for part in step.message.get("serverContent", {}).get("modelTurn", {}).get("parts", ()):
            sound = part["inlineData"]
            sound["data"] = base64.b64encode(bytes(len(base64.b64decode(sound["data"])))).decode("ascii")
    return script


_SCRIPTS: Mapping[FaultName, Callable[[Script, Fault], Script]] = {
    "swallowed": _nothing,
    "frozen_output": _nothing,
    "empty_turn": _empty_turn,
    "missing_turn_end": _without_turn_end,
    "missing_turn_complete": _without_turn_complete,
    "late_turn_complete": _late_turn_complete,
    "stalled_output": _stalled,
    "zero_audio": _silenced,
    "no_audio": _without_audio,
    "late_transcripts": _late_texts,
    "duplicate_transcripts": _late_texts,
}


def _without(script: Script, *fields: str) -> Script:
    """The script without some fields of ``serverContent``; messages that have nothing else are left out."""
    steps = [_step_without(step, fields) for step in script.steps]
    return Script([step for step in steps if step is not None], script.late)


def _step_without(step: Step, fields: Sequence[str]) -> Step | None:
    content = step.message.get("serverContent", {})
    if step.action != "send" or not any(field in content for field in fields):
        return step
    kept = {name: value for name, value in content.items() if name not in fields}
    if not kept:
        return None
    gone = {_KIND_OF_FIELD.get(field, field) for field in fields}
    silent = "modelTurn" in fields
    message = {**step.message, "serverContent": kept}
    if "turnComplete" in fields:
        message.pop("usageMetadata", None)
    return replace(
        step,
        message=message,
        kind="+".join(kind for kind in step.kind.split("+") if kind not in gone),
        data={
            name: value for name, value in step.data.items() if not (silent and name in ("audio_bytes", "parts"))
        },
        audio_bytes=0 if silent else step.audio_bytes,
    )
