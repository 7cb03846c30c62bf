"""A Gemini Live server for demonstrations, tests and benchmarks.

It speaks Google's wire so that an unmodified google-genai client takes it for Gemini Live. It recognises
nothing: it finds which stretch of a known recording it was sent and answers with the words a scenario gives
for that stretch. It imports no other package of this project, so that it is a second, independent reading of
the wire.
"""

from emulator.faults import KINDS, Fault, FaultName, FaultStrike, Moment
from emulator.hearing import Stretch
from emulator.mistakes import ScenarioError
from emulator.options import EmulatorOptions, Refusal, Variant
from emulator.record import ClipStretch, MessageRecord, SessionRecord, UtteranceRecord
from emulator.scenario import Scenario
from emulator.server import Emulator

__all__ = [
    "KINDS",
    "ClipStretch",
    "Emulator",
    "EmulatorOptions",
    "Fault",
    "FaultName",
    "FaultStrike",
    "MessageRecord",
    "Moment",
    "Refusal",
    "Scenario",
    "ScenarioError",
    "SessionRecord",
    "Stretch",
    "UtteranceRecord",
    "Variant",
]
