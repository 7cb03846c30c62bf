"""Real speech in real time against a real server whose source text is Whisper's; the interpretation is emulated."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from emulator import EmulatorOptions
from tests.support.client import ProtocolClient, protocol_client
from tests.support.laws import INPUT, HeardTurn, lawful_turns
from tests.support.pcm import SAMPLES, read_sample
from tests.support.servers import running_server
from tests.support.speech import samples_scenario
from tests.support.waiting import until
from tests.word_errors.counting import errors, words_of

_LONGEST_SECS = 300
_TAIL_MS = 1500
_TRIES, _BETWEEN_TRIES_SECS = 100, 0.3
"""A model is loaded within half a minute, or not at all."""


@dataclass(frozen=True)
class Recognised:
    """What became of a recording.

    Attributes:
        language: Code of what was said.
        said: Its words.
        recognised: Those of the finals, in order.
        partials: How many partials came before the final, for each turn.
    """

    language: str
    said: list[str]
    recognised: list[str]
    partials: list[int]

    @property
    def errors(self) -> int:
        """Words that are wrong."""
        return errors(self.said, self.recognised)


def said_in(sample: str) -> tuple[str, str]:
    """Language and words of a recording of ``samples/``."""
    about = json.loads((SAMPLES / "marks.json").read_text(encoding="utf-8"))["files"][sample]
    return about["language"], " ".join(sentence["text"] for sentence in about["sentences"])


async def recognised(model: str, sample: str, *, speed: float = 1.0, **settings: Any) -> Recognised | str:
    """Say a recording to a server with this model.

    Args:
        model: As ``WHISPER_MODEL``.
        sample: Name of a file of ``samples/``.
        speed: How fast; 1: as it was spoken.
        settings: Of the server, by field name.

    Returns:
        What was recognised, or why nothing is by this model.
    """
    language, text = said_in(sample)
    pcm, rate_hz = read_sample(sample)
    configured = {"whisper_model": model, "late_text_ms": 30_000, **settings}
    async with (
        asyncio.timeout(_LONGEST_SECS),
        running_server(EmulatorOptions(time_factor=0.0), scenario=samples_scenario(), **configured) as server,
    ):
        for _ in range(_TRIES):
            async with protocol_client(server.url) as client:
                if await _has_whisper(client, language=language, sampleRate=rate_hz):
                    await client.stream(pcm + bytes(rate_hz * _TAIL_MS // 1000 * 2), speed=speed)
                    heard = server.emulator.sessions[-1].utterances
                    await until(lambda: len(client.turns) == len(heard))  # noqa: B023 - awaited here
                    return _result(language, text, lawful_turns(client.messages, source_grows=False))
            await asyncio.sleep(_BETWEEN_TRIES_SECS)
    return f"{model} does not recognise {language}, or is not there"


async def _has_whisper(client: ProtocolClient, **config: Any) -> bool:
    """Ask for it; the model is loaded in the background, and may be none for this language."""
    await client.init(useWhisper=True, **config)
    await client.send({"type": "interrupt"})
    await client.wait_for("interrupted")
    return not client.of("warning")


def _result(language: str, text: str, turns: list[HeardTurn]) -> Recognised:
    heard = [word for turn in turns for word in words_of(turn.texts[0])]
    return Recognised(language, words_of(text), heard, [len(turn.partials[INPUT]) for turn in turns])
