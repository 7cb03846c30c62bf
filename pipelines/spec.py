"""Pipeline files: which steps, in which order, with which parameters. Read and checked before any client comes."""

import inspect
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipecat.processors.frame_processor import FrameProcessor
from pydantic import BaseModel, ValidationError

from pipelines.registry import UnknownStepError, nearest, resolve_step

PIPELINES_DIR = Path(__file__).parent
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_STEP_HEADER = re.compile(r"\s*\[\[\s*step\s*\]\]")
_HEADER = re.compile(r"\s*\[")
_TOP_LEVEL_KEYS = ["name", "description", "step"]


class PipelineFileError(Exception):
    """A pipeline file is wrong; the text is one line with file, line and what would have been right."""


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step: its class, and its checked parameters.

    Attributes:
        use: As the file names it.
        step_class: The processor's class.
        params: The step's own model of them, or, for a class without one, keyword arguments.
    """

    use: str
    step_class: type[FrameProcessor]
    params: BaseModel | dict[str, Any]


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """A pipeline: the steps between transport input and transport output.

    Attributes:
        name: What clients are told as ``engine``.
        path: The file.
        steps: In order.
    """

    name: str
    path: Path
    steps: tuple[StepSpec, ...]


def load_pipeline(name_or_path: str, variables: Mapping[str, Any]) -> PipelineSpec:
    """Read and check a pipeline file.

    Args:
        name_or_path: Name of a file that comes with the server, or a path to one (with a ``/`` or ``.toml``).
        variables: What ``${NAME}`` stands for in parameters.

    Raises:
        PipelineFileError: It can't be read, or something in it is wrong.
    """
    path = _path_of(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineFileError(f"{path}: can't read the pipeline file: {error}") from error
    return _Reader(path, text, variables).read()


def _path_of(name_or_path: str) -> Path:
    if "/" in name_or_path or name_or_path.endswith(".toml"):
        return Path(name_or_path)
    path = PIPELINES_DIR / f"{name_or_path}.toml"
    if not path.exists():
        known = [file.stem for file in PIPELINES_DIR.glob("*.toml")]
        raise PipelineFileError(f"PIPELINE: unknown pipeline '{name_or_path}'{nearest(name_or_path, known)}")
    return path


class _Reader:
    """Reads one file; knows on which line everything stands."""

    def __init__(self, path: Path, text: str, variables: Mapping[str, Any]):
        self._path = path
        self._lines = text.splitlines()
        self._text = text
        self._variables = variables
        self._step_lines = [number for number, line in enumerate(self._lines, 1) if _STEP_HEADER.match(line)]

    def read(self) -> PipelineSpec:
        try:
            content = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            raise PipelineFileError(f"{self._path}: {error}") from error
        for key in content:
            if key not in _TOP_LEVEL_KEYS:
                raise self._error(self._line_of(key), f"unknown key '{key}'{nearest(key, _TOP_LEVEL_KEYS)}")
        name = content.get("name", self._path.stem)
        if not isinstance(name, str) or not name:
            raise self._error(self._line_of("name"), f"expected 'name' to be a text, got {name!r}")
        steps = content.get("step")
        if not isinstance(steps, list) or not steps:
            raise self._error(1, "expected at least one [[step]] with 'use'")
        return PipelineSpec(name, self._path, tuple(self._step(i, table) for i, table in enumerate(steps)))

    def _step(self, index: int, table: Any) -> StepSpec:
        first_line = self._step_lines[index] if index < len(self._step_lines) else 1
        if not isinstance(table, dict) or not isinstance(table.get("use"), str):
            raise self._error(first_line, 'expected the step to name its processor: use = "…"')
        use = table["use"]
        try:
            step_class = resolve_step(use)
        except UnknownStepError as error:
            raise self._error(self._line_of("use", first_line), str(error)) from error
        given = {
            key: self._resolved(value, self._line_of(key, first_line))
            for key, value in table.items()
            if key != "use"
        }
        return StepSpec(use, step_class, self._checked(use, step_class, given, first_line))

    def _checked(
        self, use: str, step_class: type[FrameProcessor], given: dict[str, Any], first_line: int
    ) -> BaseModel | dict[str, Any]:
        model = _params_model(step_class)
        known = list(model.model_fields) if model is not None else _keyword_arguments(step_class)
        for key in given:
            if key not in known:
                raise self._error(
                    self._line_of(key, first_line), f"step '{use}' has no parameter '{key}'{nearest(key, known)}"
                )
        if model is None:
            try:
                inspect.signature(step_class).bind(**given)
            except TypeError as error:
                raise self._error(first_line, f"step '{use}': {error}") from error
            return given
        try:
            checked = model.model_validate(given)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            key = str(first["loc"][0]) if first["loc"] else "use"
            got = "" if first["type"] == "missing" else f", got {first['input']!r}"
            line = self._line_of(key, first_line)
            raise self._error(line, f"step '{use}': parameter '{key}': {first['msg']}{got}") from error
        return checked

    def _resolved(self, value: Any, line: int) -> Any:
        """``value`` with settings in the place of ``${NAME}``; a text that is one variable takes its type."""
        if isinstance(value, list):
            return [self._resolved(item, line) for item in value]
        if isinstance(value, dict):
            return {key: self._resolved(item, line) for key, item in value.items()}
        if not isinstance(value, str):
            return value
        if whole := _VARIABLE.fullmatch(value):
            return self._variable(whole.group(1), line)
        return _VARIABLE.sub(lambda match: self._text_of(match.group(1), line), value)

    def _text_of(self, name: str, line: int) -> str:
        value = self._variable(name, line)
        if value is None:
            raise self._error(line, f"setting '${{{name}}}' is not set, but stands inside a text")
        return str(value)

    def _variable(self, name: str, line: int) -> Any:
        if name not in self._variables:
            raise self._error(line, f"unknown setting '${{{name}}}'{nearest(name, list(self._variables))}")
        return self._variables[name]

    def _line_of(self, key: str, first_line: int = 0) -> int:
        """The line on which ``key`` is set: in the table that starts at ``first_line``, or at the top level."""
        pattern = re.compile(rf"\s*(['\"]?){re.escape(key)}\1\s*=|\s*\[+\s*{re.escape(key)}\s*\]+")
        for number, line in enumerate(self._lines[first_line:], first_line + 1):
            if pattern.match(line):
                return number
            if first_line and _HEADER.match(line):
                break
        return first_line or 1

    def _error(self, line: int, message: str) -> PipelineFileError:
        return PipelineFileError(f"{self._path}:{line}: {message}")


def _params_model(step_class: type[FrameProcessor]) -> type[BaseModel] | None:
    model = getattr(step_class, "Params", None)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _keyword_arguments(step_class: type[FrameProcessor]) -> list[str]:
    """What a foreign processor's constructor takes by name, and its bases' where it hands the rest on to them."""
    names: list[str] = []
    for owner in step_class.__mro__:
        if "__init__" not in vars(owner):
            continue
        parameters = list(inspect.signature(vars(owner)["__init__"]).parameters.values())[1:]
        names += [p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return names
