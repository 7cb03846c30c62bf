"""Runs the process that fuzzes, reads what it says, and keeps the corpus."""

import hashlib
import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import coverage

from tests.fuzz.targets import Target

ROOT = Path(__file__).parents[2]
MISSING = "atheris is not installed: it has wheels for CPython on x86-64 Linux only"
_EXECUTIONS = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_PER_SECOND = re.compile(r"stat::average_exec_per_sec:\s+(\d+)")
_STATUS = re.compile(r"#\d+\s+[A-Z]+.* cov: (\d+) ft: (\d+) corp: (\d+)/")
_NAME_CHARACTERS = 16
_HANGS_SECS = 20
"""An input that takes longer is a crash, too."""
_BROKE_A_LAW = ("crash-", "timeout-", "oom-")
"""How libFuzzer names what it stops at."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did.

    Attributes:
        executions: Inputs that were run.
        per_second: Of them.
        edges: Branches that were reached, as libFuzzer counts them (``cov``).
        features: Branches and how often each was taken (``ft``).
        inputs: In libFuzzer's corpus at the end.
        crashed: A law was broken; the input is in the corpus.
        output: All that was written.
    """

    executions: int
    per_second: int
    edges: int
    features: int
    inputs: int
    crashed: bool
    output: str


@dataclass(frozen=True, slots=True)
class ModuleCoverage:
    """How much of a module the corpus runs.

    Attributes:
        module: Its name.
        lines: That can run.
        run_lines: That did.
        branches: There are.
        run_branches: That were taken.
    """

    module: str
    lines: int
    run_lines: int
    branches: int
    run_branches: int


def installed() -> bool:
    """Whether atheris is there."""
    return importlib.util.find_spec("atheris") is not None


def fuzz(target: Target, *, runs: int = 0, secs: int = 0, seed: int = 0, learn: bool = False) -> Result:
    """Fuzz from the corpus.

    Args:
        target: What.
        runs: How many inputs; 0: no bound.
        secs: How long; 0: no bound.
        seed: libFuzzer's; 0: another one each time.
        learn: Let the corpus take in what reached more, and lose what the rest covers as well.
    """
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        found = Path(folder)
        options = [
            f"-artifact_prefix={target.corpus}/",
            "-print_final_stats=1",
            f"-timeout={_HANGS_SECS}",
            f"-seed={seed}",
        ]
        options += [f"-runs={runs}"] * bool(runs) + [f"-max_total_time={secs}"] * bool(secs)
        result = _result(*_run_child(target, *options, str(found), str(target.corpus)))
        if learn and not result.crashed:
            _minimise(target, found)
    return result


def _minimise(target: Target, found: Path) -> None:
    """Replace the corpus by the fewest inputs that reach all that it and ``found`` reach; crashes stay.

    A branch counts as reached however often it is taken: the corpus is for the repository, and stays small.

    Raises:
        RuntimeError: libFuzzer could not merge; the corpus is as it was.
    """
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        status, output = _run_child(target, "-merge=1", "-use_counters=0", folder, str(target.corpus), str(found))
        merged = sorted(Path(folder).iterdir())
        if status or not merged:
            raise RuntimeError(f"libFuzzer could not merge: {output[-2000:]}")
        for path in target.corpus.iterdir():
            if not path.name.startswith(_BROKE_A_LAW):
                path.unlink()
        for path in merged:
            shutil.copy(path, target.corpus / hashlib.sha256(path.read_bytes()).hexdigest()[:_NAME_CHARACTERS])


def covered(target: Target) -> list[ModuleCoverage]:
    """Run the corpus in a process of its own, and see which lines and branches of the target's modules ran."""
    paths = {name: ROOT / (name.replace(".", "/") + ".py") for name in target.about}
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        data_file, report = Path(folder) / "data", Path(folder) / "report.json"
        options = ["--branch", f"--data-file={data_file}", f"--include={','.join(map(str, paths.values()))}"]
        replay = ["-m", "tests.fuzz.replay", target.name]
        subprocess.run([sys.executable, "-m", "coverage", "run", *options, *replay], cwd=ROOT, check=True)
        measured = coverage.Coverage(data_file=str(data_file))
        measured.load()
        measured.json_report(outfile=str(report))
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    return [_module_coverage(name, files[str(path.relative_to(ROOT))]["summary"]) for name, path in paths.items()]


def _module_coverage(module: str, summary: dict[str, int]) -> ModuleCoverage:
    return ModuleCoverage(
        module,
        lines=summary["num_statements"],
        run_lines=summary["covered_lines"],
        branches=summary["num_branches"],
        run_branches=summary["covered_branches"],
    )


def _run_child(target: Target, *arguments: str) -> tuple[int, str]:
    """Run the process that fuzzes by a command of one word, since libFuzzer starts itself again when it merges."""
    target.corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        command = Path(folder) / "fuzz"
        words = [sys.executable, "-m", "tests.fuzz.child", target.name, str(command)]
        command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        command.chmod(0o700)
        done = subprocess.run(
            [str(command), *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    return done.returncode, done.stdout


def _result(status: int, output: str) -> Result:
    found = _STATUS.findall(output)
    edges, features, inputs = (int(number) for number in found[-1]) if found else (0, 0, 0)
    executions, per_second = _EXECUTIONS.search(output), _PER_SECOND.search(output)
    return Result(
        executions=int(executions[1]) if executions else 0,
        per_second=int(per_second[1]) if per_second else 0,
        edges=edges,
        features=features,
        inputs=inputs,
        crashed=status != 0,
        output=output,
    )
