"""A Gemini Live server for demonstrations, tests and benchmarks.

It speaks Google's wire so that an unmodified google-genai client takes it for Gemini Live. It recognises
nothing: it finds which stretch of a known recording it was sent and answers with the words a scenario gives
for that stretch. It imports no other package of this project, so that it is a second, independent reading of
the wire.
"""

from emulator.faults import ALL_KINDS, KINDS, TRANSLATION_KINDS, Fault, FaultName, FaultStrike, Moment
from emulator.hearing import Stretch
from emulator.mistakes import ScenarioError
from emulator.options import EmulatorOptions, Refusal, Translation, Variant
from emulator.record import ClipStretch, MessageRecord, SaidRecord, SessionRecord, UtteranceRecord
from emulator.scenario import Scenario
from emulator.server import Emulator

__all__ = [
    "ALL_KINDS",
    "KINDS",
    "TRANSLATION_KINDS",
    "ClipStretch",
    "Emulator",
    "EmulatorOptions",
    "Fault",
    "FaultName",
    "FaultStrike",
    "MessageRecord",
    "Moment",
    "Refusal",
    "SaidRecord",
    "Scenario",
    "ScenarioError",
    "SessionRecord",
    "Stretch",
    "Translation",
    "UtteranceRecord",
    "Variant",
]
