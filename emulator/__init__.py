"""A Gemini Live server for demonstrations, tests and benchmarks.

It speaks Google's wire so that an unmodified google-genai client takes it for Gemini Live. It recognises
nothing: it finds which stretch of a known recording it was sent and answers with the words a scenario gives
for that stretch. It imports no other package of this project, so that it is a second, independent reading of
the wire.
"""

from emulator.hearing import Stretch
from emulator.options import EmulatorOptions, Refusal, Variant
from emulator.record import ClipStretch, MessageRecord, SessionRecord, UtteranceRecord
from emulator.scenario import Scenario, ScenarioError
from emulator.server import Emulator

__all__ = [
    "ClipStretch",
    "Emulator",
    "EmulatorOptions",
    "MessageRecord",
    "Refusal",
    "Scenario",
    "ScenarioError",
    "SessionRecord",
    "Stretch",
    "UtteranceRecord",
    "Variant",
]
