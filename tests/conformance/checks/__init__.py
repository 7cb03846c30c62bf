"""The checks, by subject; importing this package fills the registry."""

from tests.conformance.checks import (
    additions,
    audio,
    choices,
    fatal,
    handshake,
    initialization,
    interrupting,
    laws,
    limits,
    order,
    recoverable,
    speaker,
    turns,
)

__all__ = [
    "additions",
    "audio",
    "choices",
    "fatal",
    "handshake",
    "initialization",
    "interrupting",
    "laws",
    "limits",
    "order",
    "recoverable",
    "speaker",
    "turns",
]
