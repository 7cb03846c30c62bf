"""Pipeline files: which steps, in which order, with which parameters. Read and checked before any client comes."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipecat.processors.frame_processor import FrameProcessor
from pydantic import BaseModel, SecretStr

from pipelines.origins import VARIABLE, Origin, origin_of, settings_in
from pipelines.packages import missing_package, nearest_module, pipecat_words
from pipelines.parameters import check_parameters
from pipelines.registry import UnknownStepError, resolve_step
from pipelines.toml_lines import SINGLE_STEP, StepLines, TomlLines, lines_of, toml_faults
from pipelines.transport_table import TransportParams, check_transport
from processors.imports import nearest

PIPELINES_DIR = Path(__file__).parent
_MAX_FILE_BYTES = 1024 * 1024
_TOP_LEVEL_KEYS = ["name", "description", "transport", "step"]


class PipelineFileError(Exception):
    """A pipeline file is wrong.

    Attributes:
        faults: One line for each, with file, line and what would have been right.
    """

    def __init__(self, faults: Iterable[str]):
        """Join what is wrong, a line each."""
        self.faults = tuple(re.sub(r"\s*[\r\n]\s*", " ", fault) for fault in faults)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step: its class, and its checked parameters.

    Attributes:
        use: As the file names it.
        step_class: The processor's class.
        params: The step's own model of them, or, for a class without one, keyword arguments.
        line: Where the file has it.
        origins: Where each parameter that the file gives comes from; the others have the step's own defaults.
    """

    use: str
    step_class: type[FrameProcessor]
    params: BaseModel | dict[str, Any]
    line: int = 0
    origins: Mapping[str, Origin] = field(default_factory=dict)

    @property
    def uses_upstream(self) -> bool:
        """Whether the class says that it talks to the upstream."""
        return getattr(self.step_class, "uses_upstream", False) is True


@dataclass(frozen=True, slots=True)
class UninstalledStep:
    """A step whose module needs a package that is not installed; its parameters can't be checked.

    Attributes:
        use: As the file names it.
        params: What the file gives.
        line: Where the file has it.
        origins: Where each parameter comes from.
        missing: What to install.
    """

    use: str
    params: dict[str, Any]
    line: int
    origins: Mapping[str, Origin]
    missing: str


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """A pipeline: the steps between transport input and transport output.

    Attributes:
        name: What clients are told as ``engine``.
        path: The file.
        steps: In order.
        transport: How what comes out of them leaves.
    """

    name: str
    path: Path
    steps: tuple[StepSpec, ...]
    transport: TransportParams = field(default_factory=TransportParams)

    @property
    def uses_upstream(self) -> bool:
        """Whether any step says that it talks to the upstream."""
        return any(step.uses_upstream for step in self.steps)


@dataclass(frozen=True, slots=True)
class PipelineDraft:
    """What a file without a fault says, whether or not it could run here.

    Attributes:
        name: What clients are told as ``engine``.
        path: The file.
        steps: In order.
        transport: How what comes out of them leaves.
    """

    name: str
    path: Path
    steps: tuple[StepSpec | UninstalledStep, ...]
    transport: TransportParams = field(default_factory=TransportParams)


def load_pipeline(name_or_path: str, variables: Mapping[str, Any], *, named_by: str = "PIPELINE") -> PipelineSpec:
    """Read and check a pipeline file.

    Args:
        name_or_path: Name of a file that comes with the server, or a path to one (with a ``/`` or ``.toml``).
        variables: What ``${NAME}`` stands for in parameters.
        named_by: What the operator called the file in, for an unknown name.

    Raises:
        PipelineFileError: It can't be read, or something in it is wrong or not installed.
    """
    draft = read_pipeline(name_or_path, variables, named_by=named_by)
    steps = [step for step in draft.steps if isinstance(step, StepSpec)]
    if len(steps) < len(draft.steps):
        raise PipelineFileError(
            f"{draft.path}:{step.line}: step '{step.use}': {step.missing}"
            for step in draft.steps
            if isinstance(step, UninstalledStep)
        )
    return PipelineSpec(draft.name, draft.path, tuple(steps), draft.transport)


def read_pipeline(name_or_path: str, variables: Mapping[str, Any], *, named_by: str = "PIPELINE") -> PipelineDraft:
    """Read and check a pipeline file, even one whose steps are not all installed.

    Takes the same as :func:`load_pipeline`.

    Raises:
        PipelineFileError: It can't be read, or something in it is wrong.
    """
    path = _path_of(name_or_path, named_by)
    text = _text_in(path)
    try:
        content = tomllib.loads(text)
        return _Reader(path, content, lines_of(text), variables).read()
    except tomllib.TOMLDecodeError as error:
        faults = toml_faults(text, error)
        raise PipelineFileError(f"{path}:{line}: {fault}" for line, fault in faults) from error
    except RecursionError as error:
        raise PipelineFileError([f"{path}: values are nested too deeply"]) from error


def shipped_settings() -> frozenset[str]:
    """Names of the settings that are for steps: those that the files that come with the server hand to them."""
    texts = (path.read_text(encoding="utf-8") for path in PIPELINES_DIR.glob("*.toml"))
    return frozenset(name for text in texts for name in settings_in(tomllib.loads(text)))


def _path_of(name_or_path: str, named_by: str) -> Path:
    if "/" in name_or_path or name_or_path.endswith(".toml"):
        return Path(name_or_path)
    path = PIPELINES_DIR / f"{name_or_path}.toml"
    if path.exists():
        return path
    here = [name for name in (f"{name_or_path}.toml", f"./{name_or_path}") if Path(name).is_file()]
    known = [file.stem for file in PIPELINES_DIR.glob("*.toml")]
    hint = f"; did you mean '{here[0]}'?" if here else nearest(name_or_path, known)
    raise PipelineFileError([f"{named_by}: unknown pipeline '{name_or_path}'{hint}"])


def _text_in(path: Path) -> str:
    """What the file holds; editors of Windows may put a byte order mark before it.

    Raises:
        PipelineFileError: It can't be read, or is no text of a reasonable size.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) <= _MAX_FILE_BYTES:
            return content.decode("utf-8-sig")
        reason = f"expected at most {_MAX_FILE_BYTES} bytes"
    except OSError as error:
        reason = f"{error.strerror}{_near_file(path) if isinstance(error, FileNotFoundError) else ''}"
    except UnicodeDecodeError as error:
        reason = str(error)
    raise PipelineFileError([f"{path}: can't read the pipeline file: {reason}"])


def _near_file(path: Path) -> str:
    """``; did you mean 'x'?`` where a pipeline file beside a missing one has nearly its name, or nothing."""
    files = [file.name for file in path.parent.glob("*.toml") if file.is_file()]
    close = difflib.get_close_matches(path.name, files, n=1)
    return f"; did you mean '{path.with_name(close[0])}'?" if close else ""


class _Reader:
    """Reads one file, and collects what is wrong in it."""

    def __init__(self, path: Path, content: dict[str, Any], lines: TomlLines, variables: Mapping[str, Any]):
        self._path = path
        self._content = content
        self._lines = lines
        self._variables = variables
        self._faults: list[tuple[int, str]] = []

    def read(self) -> PipelineDraft:
        for key in self._content:
            if key not in _TOP_LEVEL_KEYS:
                self._fault(self._lines.keys.get(key, 1), f"unknown key '{key}'{nearest(key, _TOP_LEVEL_KEYS)}")
        name = self._content.get("name", self._path.stem)
        if not isinstance(name, str) or not name:
            self._fault(self._lines.keys.get("name", 1), f"expected 'name' to be a text, got {name!r}")
        transport = self._transport()
        steps = [self._step(self._lines.step(index), table) for index, table in enumerate(self._tables())]
        if self._faults:
            for step in steps:
                if isinstance(step, UninstalledStep):
                    self._fault(step.line, f"step '{step.use}': {step.missing}")
            raise PipelineFileError(f"{self._path}:{line}: {message}" for line, message in sorted({*self._faults}))
        made = tuple(step for step in steps if step is not None)
        return PipelineDraft(str(name), self._path, made, transport)

    def _transport(self) -> TransportParams:
        given = self._content.get("transport", {})
        lines = self._lines.table("transport")
        checked = check_transport(self._values(given, lines) if isinstance(given, dict) else given)
        if isinstance(checked, TransportParams):
            return checked
        for key, message in checked:
            self._fault(lines.of(key or ""), message)
        return TransportParams()

    def _tables(self) -> list[Any]:
        steps = self._content.get("step")
        if isinstance(steps, list) and steps:
            return steps
        if isinstance(steps, dict):
            self._fault(self._lines.keys.get("step", 1), SINGLE_STEP)
        elif not difflib.get_close_matches("step", self._content.keys() - {"step"}):  # which is told as unknown
            self._fault(self._lines.keys.get("step", 1), "expected at least one [[step]] with 'use'")
        return []

    def _step(self, lines: StepLines, table: Any) -> StepSpec | UninstalledStep | None:
        if not isinstance(table, dict) or not isinstance(table.get("use"), str):
            self._fault(lines.of("use"), 'expected the step to name its processor: use = "…"')
            return None
        use: str = table["use"]
        given = {key: value for key, value in table.items() if key != "use"}
        origins = {key: origin_of(value, lines.of(key)) for key, value in given.items()}
        values = self._values(given, lines)
        with pipecat_words() as words:
            try:
                step_class = resolve_step(use)
            except UnknownStepError as error:
                module_name = use.partition(":")[0]
                missing = missing_package(error, module_name, words)
                if missing is not None:
                    return UninstalledStep(use, values, lines.header, origins, missing)
                self._fault(lines.of("use"), f"{error}{_hint(use)}")
                return None
        checked = check_parameters(use, step_class, values, given.keys() - values.keys())
        if isinstance(checked, list):
            for fault in checked:
                line = lines.of(fault.key) if fault.key is not None else lines.header
                self._fault(line, fault.message + _got(fault.got, origins.get(fault.key or "")))
            return None
        return StepSpec(use, step_class, checked, lines.header, origins)

    def _values(self, given: dict[str, Any], lines: StepLines) -> dict[str, Any]:
        """What is ``given``, with settings in their places; without what has a wrong one in it."""
        values = {}
        for key, value in given.items():
            faults_before = len(self._faults)
            resolved = self._resolved(value, lines.of(key))
            if len(self._faults) == faults_before:
                values[key] = resolved
        return values

    def _resolved(self, value: Any, line: int) -> Any:
        """``value`` with settings in the place of ``${NAME}``; a text that is one variable takes its type."""
        if isinstance(value, list):
            return [self._resolved(item, line) for item in value]
        if isinstance(value, dict):
            return {key: self._resolved(item, line) for key, item in value.items()}
        if not isinstance(value, str):
            return value
        if whole := VARIABLE.fullmatch(value):
            return self._variable(whole[1], line)
        return VARIABLE.sub(lambda match: self._text_of(match[1], line), value)

    def _text_of(self, name: str, line: int) -> str:
        value = self._variable(name, line)
        if isinstance(value, SecretStr):
            self._fault(line, f"setting '${{{name}}}' is a secret, and must not stand inside a text")
        if value is None and name in self._variables:
            self._fault(line, f"setting '${{{name}}}' is not set, but stands inside a text")
        return str(value)

    def _variable(self, name: str, line: int) -> Any:
        if name not in self._variables:
            self._fault(line, f"unknown setting '${{{name}}}'{nearest(name, list(self._variables))}")
        return self._variables.get(name)

    def _fault(self, line: int, message: str) -> None:
        self._faults.append((line, message))


def _hint(use: str) -> str:
    """What may have been meant by a ``use`` that leads nowhere."""
    module_name, colon, _ = use.partition(":")
    if colon:
        return nearest_module(module_name)
    module_name, dot, class_name = use.rpartition(".")
    return f"; did you mean '{module_name}:{class_name}'?" if dot else ""


def _got(got: str | None, origin: Origin | None) -> str:
    """What came, and from which settings."""
    if got is None:
        return ""
    names = "".join(f" ${{{name}}}" for name in origin.settings) if origin is not None else ""
    return f", got {got}{' from' if names else ''}{names}"
