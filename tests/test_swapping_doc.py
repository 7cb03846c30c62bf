"""``docs/swapping-a-step.md``: its files are written into an empty folder, and its commands are run there."""

import ast
import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pipecat.frames.frames
import pytest
from pipecat.processors.frame_processor import FrameProcessor

import processors.frames
from pipelines.registry import STEPS
from pipelines.settings import load_settings
from pipelines.spec import PipelineFileError, load_pipeline
from processors.analyzer_detector import AnalyzerDetector
from processors.foreign_detector import LONGEST_WINDOW_SAMPLES, SHORTEST_WINDOW_SAMPLES
from processors.silero import load_model
from processors.silero_file import silero_file
from processors.vad_params import VadParams
from processors.voice_detectors import EnergyDetector, SileroDetector, VoiceDetector
from tests.support.client import protocol_client
from tests.support.laws import INPUT, OUTPUT, lawful_turns, states_of
from tests.support.pcm import tone
from tests.support.speech import entry, silence, spoken, texts
from tests.support.waiting import until
from tests.test_import_rules import OURS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "swapping-a-step.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"\*\*`([\w.]+)`\*\*\n\n```\w+\n(.*?)```", PAGE, re.DOTALL))
SETUP, CHECK, SERVE, INTERPRET, TEST = (
    block.strip() for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
)
AGAIN = "\n".join(line for line in SETUP.splitlines() if not line.startswith(("mkdir", "cd")))
"""What another terminal needs that is in the folder already."""
RATE_HZ = 16_000
FAINT_TONE = silence(500) + tone(1.0, RATE_HZ, hz=1000, amplitude=0.01) + silence(1500)
SHARED_BY_STEPS = ("turn_frames", "upstream_step")
"""Modules of ``processors/`` that make and read frames for the steps that import them."""
MADE_BY = {"source_frame": {"InterimTranscriptionFrame", "TranscriptionFrame"}}
"""Functions of ``processors/text_frames.py`` that make a frame, and which ones."""


def source_of(step: type[FrameProcessor]) -> str:
    """What a step does with frames: its module, and the shared ones that it imports."""
    module = Path(str(sys.modules[step.__module__].__file__))
    own = module.read_text(encoding="utf-8")
    shared = [name for name in SHARED_BY_STEPS if f"from processors.{name} import" in own]
    return "\n".join([own, *(module.with_stem(name).read_text(encoding="utf-8") for name in shared)])


STEP_MODULES = {name: source_of(step) for name, step in STEPS.items() if name != "engine_adapter"}
"""Without the adapter, which stands for the engine in front of other people's services."""


def table(heading: str) -> list[list[str]]:
    """The rows of the table below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in rows]


def named(cell: str) -> list[str]:
    """What stands in backquotes."""
    return re.findall(r"`([^`]+)`", cell)


def environment(**settings: str) -> dict[str, str]:
    """Nothing but ``settings`` and what a shell needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", **settings}


def shell(script: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a user would type it."""
    command = ["bash", "-e", "-c", script]
    return subprocess.run(
        command, cwd=cwd, env=environment(**settings), capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The newcomer's folder, made by the page's commands beside a checkout, with the page's files in it."""
    home = tmp_path_factory.mktemp("home")
    checkout = home / "live-interpreter"
    checkout.mkdir()
    (checkout / ".venv").symlink_to(sys.prefix)
    for item in ROOT.iterdir():
        if not item.name.startswith("."):
            (checkout / item.name).symlink_to(item)
    done = shell(f"{SETUP}\npwd; echo $PYTHONPATH; command -v python", home)
    made, path, python = done.stdout.splitlines()
    assert (done.stderr, path) == ("", ".")
    assert Path(python).parent.samefile(Path(sys.executable).parent)
    for name, text in FILES.items():
        (Path(made) / name).write_text(text, encoding="utf-8")
    return Path(made)


@pytest.fixture
def importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, for tests that load its modules into this process."""
    monkeypatch.syspath_prepend(str(folder))
    for name in FILES:
        monkeypatch.delitem(sys.modules, Path(name).stem, raising=False)
    return folder


@dataclass
class Serving:
    """A server that was started by the page's command.

    Attributes:
        url: Of its WebSocket.
        log: Its lines so far.
    """

    process: "subprocess.Popen[str]"
    url: str = ""
    log: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Note the lines until the server ends."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            if found := re.search(r" ready url=(\S+)", line):
                self.url = found[1]


@pytest.fixture(scope="module")
def serving(folder: Path) -> Iterator[Serving]:
    """The page's server on a free port; clients need not keep to real time."""
    settings = environment(HOST="127.0.0.1", PORT="0", MAX_INGEST_RATE="1000")
    command = ["bash", "-e", "-c", f"{AGAIN}\nexec env {SERVE}"]
    process = subprocess.Popen(command, cwd=folder, env=settings, stderr=subprocess.PIPE, text=True)
    server = Serving(process)
    reader = threading.Thread(target=server.read)
    reader.start()
    try:
        asyncio.run(until(lambda: bool(server.url) or not reader.is_alive()))
        assert server.url, server.log
        yield server
    finally:
        process.terminate()
        process.wait()
        reader.join()
        assert process.stderr is not None
        process.stderr.close()


# Run it


async def test_target_text_is_in_capitals_and_nothing_else_changes(serving: Serving) -> None:
    """Partials, final and ``turn_complete``; source text, speech and the protocol's laws are as ever."""
    async with protocol_client(serving.url) as client:
        await client.init()
        await client.stream(spoken("speech-1a") + silence(1500), speed=40)
        await client.wait_for("turn_complete")
    source, target = texts("speech-1a")
    assert target != target.upper()
    assert client.messages[0]["engine"] == "capitals"
    assert client.turns == [(source, target.upper())]
    (turn,) = lawful_turns(client.messages)
    assert turn.texts == (source, target.upper())
    assert len(turn.partials[OUTPUT]) > 1
    assert all(text == target.upper()[: len(text)] for text in turn.partials[OUTPUT])
    assert all(text == source[: len(text)] for text in turn.partials[INPUT])
    assert turn.audio == entry("speech-1a").audio


async def test_every_final_is_logged_by_the_pages_step(serving: Serving) -> None:
    """In order, with the label of the file, and without a word of what was said."""
    came_before = len(serving.log)
    async with protocol_client(serving.url) as client:
        await client.init()
        await client.stream(spoken("kennedy-1") + silence(1500), speed=40)
        await client.wait_for("turn_complete")
    source, target = texts("kennedy-1")
    expected = [
        f"my_steps - INFO - said: input_transcription, en, {len(source)} characters",
        f"my_steps - INFO - said: output_transcription, ko, {len(target)} characters",
    ]
    await until(lambda: len([line for line in serving.log[came_before:] if "my_steps" in line]) >= 2)
    said = [line.split(" - ", 1)[1] for line in serving.log[came_before:] if "my_steps" in line]
    assert said == expected


async def test_the_pages_detector_decides(serving: Serving) -> None:
    """A faint tone is an utterance, as it is to none of ours."""
    async with protocol_client(serving.url) as client:
        await client.init()
        await client.stream(FAINT_TONE, speed=40)
        await client.wait_until(lambda: "processing" in states_of(client.messages))
    assert states_of(client.messages)[:3] == ["speaking", "silent", "processing"]
    assert not any(judged(SileroDetector(load_model(silero_file()), 0.5), FAINT_TONE))
    assert not any(judged(EnergyDetector(500), FAINT_TONE))


def judged(detector: VoiceDetector, pcm: bytes) -> list[bool]:
    """What a detector says of each window."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
    size = detector.window_samples
    return [
        detector.is_voice(samples[start : start + size], quiet=True)
        for start in range(0, len(samples) - size, size)
    ]


def test_check_shows_the_pipeline(folder: Path) -> None:
    """The page's command knows the newcomer's classes and what the file gives them."""
    done = shell(f"{AGAIN}\n{CHECK}", folder)
    assert (done.returncode, done.stderr) == (0, "")
    for shown in ("my_steps:UpperCase", "my_steps:LogFinals", "my_vad:AboveNoise", "margin_db", "said"):
        assert shown in done.stdout


@pytest.mark.slow
def test_interpret_shows_what_the_page_shows(folder: Path, serving: Serving) -> None:
    """The example of the page is what comes out, but for the delay."""
    done = shell(f"{AGAIN}\n{INTERPRET} --url {serving.url}", folder)
    assert (done.returncode, done.stderr) == (0, "")
    (example,) = re.findall(r"```\n(\d\. .*)\n```", PAGE)
    without_delay = example.rsplit(" (", 1)[0]
    assert without_delay in done.stdout


def test_the_pages_tests_pass(folder: Path) -> None:
    """The command runs them both."""
    done = shell(f"{AGAIN}\n{TEST}", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_an_analyzer_of_pipecats_is_a_provider(importable: Path) -> None:
    """The page's path, in the place of its detector and without parameters, passes the check of the file."""
    (path,) = re.findall(r'`provider = "(pipecat[^"]*)"`', PAGE)
    text = FILES["my_pipeline.toml"].replace("my_vad:AboveNoise", path)
    file = importable / "analyzer.toml"
    file.write_text(text.replace("provider_params = { margin_db = 15 }\n", ""), encoding="utf-8")
    params = load_pipeline(str(file), load_settings().pipeline_variables()).steps[0].params
    assert isinstance(params, VadParams)
    assert isinstance(params.make_detector(), AnalyzerDetector)


# What the page says


@pytest.mark.parametrize(("written", "told"), table("What is refused at start"))
def test_a_mistake_reads_as_the_page_says(importable: Path, written: str, told: str) -> None:
    """Each example in the place of the page's own line, told with the file and a line."""
    (line,) = named(written)
    text = FILES["my_pipeline.toml"]
    of_step = '\nuse = "my_steps:UpperCase"'
    in_place_of = {
        "use": of_step,
        "enabeld": of_step,
        "lable": '\nlabel = "said"',
        "provider": '\nprovider = "my_vad:AboveNoise"',
        "provider_params": "\nprovider_params = { margin_db = 15 }",
    }
    key = line.split(" = ")[0]
    replaced = in_place_of[key]
    assert text.count(replaced) == 1
    kept = of_step if key == "enabeld" else ""
    path = importable / "wrong.toml"
    path.write_text(text.replace(replaced, f"{kept}\n{line}"), encoding="utf-8")
    with pytest.raises(PipelineFileError) as raised:
        load_pipeline(str(path), load_settings().pipeline_variables())
    message = str(raised.value)
    assert re.match(rf"{re.escape(str(path))}:\d+: ", message)
    assert told.replace("`", "") in message


def test_the_table_of_frames_names_what_the_steps_push() -> None:
    """Every frame that a step of ours makes stands there with that step, and no other does."""
    told = {(frame, step) for frame, step in rows_of("pushed by") if step in STEPS}
    assert told == {(frame, step) for step, source in STEP_MODULES.items() for frame in frames_made(source)}


def test_the_table_of_frames_names_what_the_steps_read() -> None:
    """Every frame that a step of ours looks for stands there with that step, and no other does."""
    assert set(rows_of("read by")) == {
        (frame, step) for step, source in STEP_MODULES.items() for frame in frames_read(source)
    }


def rows_of(column: str) -> list[tuple[str, str]]:
    """Pairs of frame and step of the table of frames."""
    at = ["frame", "pushed by", "read by"].index(column)
    rows = table("What passes between the steps")
    return [(frame, step) for row in rows for frame in named(row[0]) for step in named(row[at])]


def frames_made(source: str) -> set[str]:
    """Names of the frame classes that are called, and of those that the functions make which are called."""
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    return {name for name in names if name.endswith("Frame")}.union(*(MADE_BY.get(name, ()) for name in names))


def frames_read(source: str) -> set[str]:
    """Names of the frame classes in patterns, in tuples of classes, and in the tests of ``process_frame``."""
    tree = ast.parse(source)
    handlers = [
        node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef) and node.name == "process_frame"
    ]
    tests: Sequence[ast.AST] = [
        call.args[1]
        for handler in handlers
        for call in ast.walk(handler)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "isinstance"
    ]
    patterns = [node.cls for node in ast.walk(tree) if isinstance(node, ast.MatchClass)]
    tuples = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
    ]
    names = [name for part in (*tests, *patterns, *tuples) for name in ast.walk(part) if isinstance(name, ast.Name)]
    return {name.id for name in names if name.id.endswith("Frame")}


def test_every_frame_of_the_table_is_where_the_page_says() -> None:
    """Those that are called ours are ours, the others pipecat's."""
    for row in table("What passes between the steps"):
        for frame in named(row[0]):
            module = processors.frames if row[3].startswith("ours:") else pipecat.frames.frames
            assert getattr(module, frame).__module__ == module.__name__, frame


def test_names_and_figures_of_the_page_are_those_of_the_code() -> None:
    """The steps, the folders whose names are taken, and the shortest and longest window."""
    short_names = re.search(r"short name \(([^)]*)\)", PAGE)
    taken = re.search(r"own folders and modules \(([^)]*)\) are taken", PAGE)
    assert short_names is not None
    assert named(short_names[1]) == list(STEPS)
    assert taken is not None
    assert named(taken[1]) == sorted(OURS - {"server"})
    assert f"from {SHORTEST_WINDOW_SAMPLES} to {LONGEST_WINDOW_SAMPLES} (10 to 500 ms)" in PAGE
