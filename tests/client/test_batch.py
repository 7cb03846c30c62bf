"""Several recordings, one after another."""

from pathlib import Path

import pytest

from client.batch import Outcome, exit_code, interpret_each
from client.errors import ClientError, InputError, ServerError
from client.interpret import InterpretJob
from client.outputs import Outputs
from client.sources import WavInput
from client.stopping import Stop
from client.summary import Summary
from tests.client.fakes import FastClock, NotesScreen, Talk, fake_server, make_wav


def _jobs(url: str, directory: Path, *names: str) -> list[InterpretJob]:
    return [
        InterpretJob(WavInput(directory / name), url, Outputs.named(directory, f"{name}.out")) for name in names
    ]


async def test_one_session_after_another_and_a_failure_stops_nothing(tmp_path: Path) -> None:
    """Each recording has a session of its own; what is broken in the middle is told in its place."""
    for name in ("a.wav", "c.wav"):
        make_wav(tmp_path / name, secs=0.2)
    (tmp_path / "b.wav").write_bytes(b"noise")
    running: list[int] = []

    async def script(talk: Talk) -> None:
        running.append(1)
        assert sum(running) == 1
        await talk.connect()
        await talk.turn(("안녕", "ko"), ("Hi", "en"))
        await talk.until_close()
        running.append(-1)

    screen = NotesScreen()
    async with fake_server(script) as url:
        outcomes = await interpret_each(
            _jobs(url, tmp_path, "a.wav", "b.wav", "c.wav"), screen, clock=FastClock(), stop=Stop()
        )
    assert [(outcome.name, len(outcome.turns), type(outcome.error)) for outcome in outcomes] == [
        ("a.wav", 1, type(None)),
        ("b.wav", 0, InputError),
        ("c.wav", 1, type(None)),
    ]
    assert running == [1, -1, 1, -1]
    assert [notes.lines[-1] for notes in screen.views.values()][::2] == ["ended done", "ended done"]
    assert screen.views["b.wav"].lines[-1].startswith("ended failed: expected a WAV file")


async def test_a_stop_ends_them_all(tmp_path: Path) -> None:
    """What was not begun has no outcome."""
    for name in ("a.wav", "b.wav"):
        make_wav(tmp_path / name, secs=1.0)
    stop = Stop()

    async def script(talk: Talk) -> None:
        await talk.connect()
        await talk.hear(1600)
        stop.ask()
        await talk.until_close()

    async with fake_server(script) as url:
        jobs = _jobs(url, tmp_path, "a.wav", "b.wav")
        (outcome,) = await interpret_each(jobs, NotesScreen(), stop=stop, clock=FastClock(2.0))
    assert outcome.summary is not None
    assert outcome.summary.stopped
    assert not (tmp_path / "b.wav.out.wav").exists()


GOOD = Outcome("a", Summary((), 1.0, 0.0))


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([], 0),
        ([InputError("x")], 2),
        ([InputError("x"), InputError("y")], 2),
        ([ServerError("x")], 1),
        ([InputError("x"), ServerError("y")], 1),
        ([ClientError("x")], 1),
    ],
)
def test_the_exit_code(errors: list[ClientError], code: int) -> None:
    """2 where the user can mend all that failed, 1 where something else failed, too."""
    assert exit_code([GOOD, *(Outcome("b", error=error) for error in errors)]) == code
