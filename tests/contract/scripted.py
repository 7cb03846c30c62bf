"""A fake upstream that keeps the contract: it understands the samples, and answers what it understood.

It hears with the emulator's ear and says what the emulator's scenario says, so that the same speech gives the same
words on both; between ear and mouth is only :class:`tests.support.fake_upstream.FakeConnection`.

What it does that Google was seen not to do: it answers at once, in one breath; its transcriptions come before the
ends, and both ends always come (Google's ``turnComplete`` comes seconds later, or never: interpretab, August 2026).
"""

import functools
from dataclasses import dataclass

from emulator.answering import Answer, Answerer
from emulator.audio import OUTPUT_RATE_HZ
from emulator.detector import SpeechDetector
from emulator.hearing import ClipIndex
from emulator.options import LIVE_MODELS
from gemini.connector import INPUT_RATE_HZ, LiveConfig
from gemini.errors import FailureKind, UpstreamError
from gemini.events import (
    GenerationComplete,
    Resumable,
    SourceText,
    TargetAudio,
    TargetText,
    TurnComplete,
    UpstreamEvent,
    Usage,
)
from tests.support.fake_upstream import FakeConnection, FakeConnector
from tests.support.pcm import chunks_of
from tests.support.speech import samples_scenario

ACCEPTED_KEY = "scripted-key"
VOICES = frozenset({"Aoede", "Charon", "Kore", "Puck"})
"""Four of the prebuilt voices (ai.google.dev, speech generation)."""
_SILENCE_MS = 800
_Message = list[UpstreamEvent]


@dataclass
class ScriptedConnector(FakeConnector):
    """A :class:`FakeConnector` that checks what it is asked for, and whose sessions interpret.

    Attributes:
        key: The key it comes with.
        breaks: Whether each session is lost in the middle of its first answer.
    """

    key: str = ACCEPTED_KEY
    breaks: bool = False

    async def connect(self, config: LiveConfig) -> FakeConnection:
        """Open a session, unless the key, the model or the voice is unknown."""
        refused = _refusal(self.key, config)
        if refused is not None:
            raise refused
        connection = await super().connect(config)
        _Interpreter(connection, breaks=self.breaks).attach(manual=config.manual_activity)
        return connection


class _Interpreter:
    """Listens to a connection and speaks over it."""

    def __init__(self, connection: FakeConnection, *, breaks: bool):
        self._connection = connection
        self._breaks = breaks
        self._answerer = Answerer(samples_scenario())
        self._detector = SpeechDetector(INPUT_RATE_HZ, _SILENCE_MS)

    def attach(self, *, manual: bool) -> None:
        """Answer each activity, or each utterance that is detected; begin with a message that nobody asked for."""
        if manual:
            self._connection.on_activity_end = lambda: self._answer(self._connection.activities[-1])
        else:
            self._connection.on_audio = self._detect
        self._connection.on_text = self._read_aloud
        self._connection.say(Resumable("handle"))

    def _detect(self, pcm: bytes) -> None:
        for event in self._detector.feed(pcm):
            if event.kind == "end":
                self._answer(event.audio)

    def _read_aloud(self, text: str) -> None:
        self._perform(_script(self._answerer.aloud(text), 0))

    def _answer(self, pcm: bytes) -> None:
        answer = self._answerer.answer(_ear().hear(pcm, INPUT_RATE_HZ))
        self._perform(_script(answer, len(pcm)))

    def _perform(self, script: list[_Message]) -> None:
        for message in script[: len(script) // 2] if self._breaks else script:
            self._connection.say(*message)
        if self._breaks:
            self._connection.refuse_sending()
            self._connection.lose()


def _script(answer: Answer, heard_bytes: int) -> list[_Message]:
    """The messages of one answer: both texts word by word, sound in between, and the ends."""
    source: list[_Message] = [[SourceText(f" {word}")] for word in answer.source.split()]
    target: list[_Message] = [[TargetText(f" {word}")] for word in answer.target.split()]
    pieces = chunks_of(answer.audio, 100, OUTPUT_RATE_HZ)
    sound: list[_Message] = [[TargetAudio(piece, OUTPUT_RATE_HZ)] for piece in pieces]
    tokens = Usage(heard_bytes * 25 // (2 * INPUT_RATE_HZ), len(answer.audio) * 25 // (2 * OUTPUT_RATE_HZ))
    return [*source, *sound[:1], *target, [], *sound[1:], [GenerationComplete()], [TurnComplete(), tokens]]


def _refusal(key: str, config: LiveConfig) -> UpstreamError | None:
    if key != ACCEPTED_KEY:
        return UpstreamError(FailureKind.REJECTED, "API key not valid")
    if config.model not in LIVE_MODELS:
        return UpstreamError(FailureKind.MODEL_REJECTED, f"models/{config.model} is not found")
    if config.voice is not None and config.voice not in VOICES:
        detail = f"Requested voice api_name '{config.voice}' is not available"
        return UpstreamError(FailureKind.REJECTED, detail)
    return None


@functools.cache
def _ear() -> ClipIndex:
    return ClipIndex({name: (clip.samples, clip.rate_hz) for name, clip in samples_scenario().clips.items()})
