"""``useWhisper`` with faster-whisper itself, on a model that nobody trained; skipped where it is not installed.

It shows that library and server fit together. What the model hears is nonsense, so nothing is said of how good the
texts are.
"""

import asyncio
import importlib.util
from pathlib import Path

import pytest

from processors.recognizer import Recognizer
from tests.e2e.test_whisper import serving, with_whisper
from tests.support.laws import INPUT
from tests.support.pcm import read_sample
from tests.support.speech import entry, silence, spoken, texts
from tests.support.untrained_whisper import make_untrained_whisper

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("faster_whisper") is None, reason="faster-whisper is not installed: make whisper"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the model is."""
    made = tmp_path_factory.mktemp("whisper")
    make_untrained_whisper(made)
    return made


async def test_speech_of_any_length_is_recognised(folder: Path) -> None:
    """Three languages are known as detected, and the same sound is the same text, however many ask at once."""
    recognizer = Recognizer(workers=2)
    await recognizer.load(str(folder))
    try:
        assert recognizer.knows(["ko", "en"])
        for secs in (0.1, 3.0, 31.0):
            pcm = (read_sample("ko-30s-16k.wav")[0] * 2)[: round(secs * 32_000)]
            answers = await asyncio.gather(*(recognizer.recognize(pcm, ["ko", "en"]) for _ in range(4)))
            assert len(set(answers)) == 1
            assert answers[0].text.startswith("word")
            assert answers[0].language in ("ko", "en")
    finally:
        recognizer.close()


async def test_a_turn_has_the_models_text(folder: Path) -> None:
    """As partial and as final; the interpretation is untouched."""
    async with serving(whisper_model=str(folder), late_text_ms=30_000) as server, with_whisper(server) as talk:
        await talk.client.stream(spoken("kennedy-4") + silence(1200), speed=1.0)
        await talk.client.wait_for("turn_complete")
        (turn,) = talk.turns
    source, target = turn.texts
    assert source.startswith("word")
    assert turn.partials[INPUT][-1] == source
    assert target == texts("kennedy-4")[1]
    assert turn.audio == entry("kennedy-4").audio


async def test_a_folder_without_a_model_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The log has what the library says."""
    written = ""
    async with serving(whisper_model=str(tmp_path)):
        while "no Whisper" not in written:
            written += capfd.readouterr().err
            await asyncio.sleep(0.01)
    assert "model.bin" in written
