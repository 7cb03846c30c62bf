"""Several recordings at once, and what counts as a success."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from client.batch import Outcome
from client.demo import SAMPLES, demo, problems
from client.errors import InputError, ServerError
from client.report import turn_table
from client.summary import Summary, total
from client.turns import Side, Turn
from client.view import PlainScreen
from tests.client.fakes import FastClock, Talk, fake_server, make_wav

KO_EN = Turn(1, Side("안녕", "ko"), Side("Hi", "en"), 1.0, 1.1, 1.5, 2.0)
EN_KO = Turn(2, Side("Hi", "en"), Side("안녕", "ko"), 1.0, 1.1, 1.7, 2.0)
EN_NOTHING = Turn(3, Side("Hm", "en"))
FAILED = Outcome("b.wav", error=ServerError("broken"))


def _outcome(*turns: Turn) -> Outcome:
    return Outcome("a.wav", Summary(turns, 10.0, 5.0, ("X: y",)))


async def _answer_by_rate(talk: Talk) -> None:
    """Fails for telephone band, else answers once."""
    await talk.connect()
    if talk.init["config"]["sampleRate"] == 8000:
        await talk.say("error", code="INTERNAL", message="no telephones")
        return
    await talk.turn(("안녕", "ko"), ("Hi", "en"))
    await talk.until_close()


async def test_sessions_run_at_the_same_time_and_fail_alone(tmp_path: Path) -> None:
    """A failed session leaves the other's files and lines alone."""
    files = [make_wav(tmp_path / "wide.wav"), make_wav(tmp_path / "phone.wav", rate_hz=8000)]
    stream = io.StringIO()
    out_dir = tmp_path / "deep" / "out"
    async with fake_server(_answer_by_rate) as url:
        with PlainScreen(stream, prefixed=True) as screen:
            wide, phone = await demo(url, files, out_dir, screen, clock=FastClock())
    assert (wide.name, len(wide.turns), wide.error) == ("wide.wav", 1, None)
    assert (phone.name, phone.turns, str(phone.error)) == (
        "phone.wav",
        (),
        "the server reported INTERNAL: no telephones",
    )
    assert (out_dir / "wide.wav").stat().st_size > 48000
    assert "안녕" in (out_dir / "wide.jsonl").read_text("utf-8")
    assert "안녕" in (out_dir / "wide.source.vtt").read_text("utf-8")
    assert "wide.wav: 1. [ko] 안녕 → [en] Hi\n" in stream.getvalue()
    assert "phone.wav: failed: the server reported INTERNAL" in stream.getvalue()


async def test_files_with_the_same_name_are_refused(tmp_path: Path) -> None:
    """Their outputs would overwrite each other."""
    files = [tmp_path / "x" / "a.wav", tmp_path / "y" / "a.wav"]
    with pytest.raises(InputError, match="different names"):
        await demo("ws://localhost/ws", files, tmp_path, PlainScreen(io.StringIO()))


async def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The message says what and why."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"cannot make the directory .*out: Not a directory"):
        await demo("ws://localhost/ws", [], tmp_path / "file" / "out", PlainScreen(io.StringIO()))


def test_the_samples_are_there() -> None:
    """The demo's recordings come with the project."""
    assert all(path.is_file() for path in SAMPLES)


def test_a_good_demo_has_no_problems() -> None:
    """Six turns, both directions."""
    assert problems([_outcome(KO_EN, KO_EN, KO_EN), _outcome(EN_KO, EN_KO, EN_KO)]) == []


def test_too_few_turns_are_a_problem() -> None:
    """A turn without interpretation does not count."""
    assert problems([_outcome(KO_EN, EN_KO, EN_KO, EN_KO, EN_KO, EN_NOTHING)]) == [
        "expected at least 6 interpreted turns, got 5"
    ]


def test_a_missing_direction_is_a_problem() -> None:
    """However many turns went the other way."""
    assert problems([_outcome(*[EN_KO] * 6)]) == ["expected turns from ko to en, got none"]


def test_a_failed_session_is_the_problem() -> None:
    """What follows from it is not told as well."""
    assert problems([_outcome(KO_EN), FAILED]) == ["b.wav: broken"]


def test_the_final_table_and_numbers() -> None:
    """All turns of all files, and sums over the sessions that succeeded."""
    outcomes = [_outcome(KO_EN, EN_KO, EN_NOTHING), FAILED, _outcome(KO_EN)]
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as capture:
        console.print(turn_table(outcomes))
    drawn = capture.get()
    for part in ("a.wav", "ko: 안녕", "en: Hi", "500 ms", "700 ms", "–"):
        assert part in drawn
    assert total(outcome.summary for outcome in outcomes if outcome.summary).lines() == [
        "turns: 4",
        "speech sent: 20.0 s",
        "interpretation heard: 10.0 s",
        "delay from end of speech to first audio: median 500 ms, worst 700 ms",
        "warnings: X: y; X: y",
    ]
