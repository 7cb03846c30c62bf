"""The parameters of a step's class: which there are, and whether what a file gives is right."""

import dataclasses
import difflib
import inspect
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pipecat.processors.frame_processor import FrameProcessor
from pydantic import BaseModel, ValidationError

from pipelines.masking import MASK, looks_secret, masked, without_secrets
from processors.imports import nearest

_LONGEST_VALUE = 100


@dataclass(frozen=True, slots=True)
class ParameterFault:
    """What is wrong with a step's parameters.

    Attributes:
        key: The parameter; ``None`` where it is the step as a whole.
        message: What was expected.
        got: What came, as text; ``None`` where nothing did.
    """

    key: str | None
    message: str
    got: str | None = None


def check_parameters(
    use: str, step_class: type[FrameProcessor], given: dict[str, Any], unknown_values: Collection[str]
) -> BaseModel | dict[str, Any] | list[ParameterFault]:
    """Check what a file gives to a step.

    Args:
        use: What the file calls the step.
        step_class: The step's class.
        given: The parameters.
        unknown_values: Names of further ones, whose values could not be found out.

    Returns:
        The class's model of them, or for a class without one the parameters as they came; or every fault.
    """
    names = [*given, *unknown_values]
    known = list(_accepted(step_class))
    faults = [
        ParameterFault(key, f"step '{use}' has no parameter '{key}'{nearest(key, known)}")
        for key in names
        if key not in known
    ]
    meant = {close for key in names if key not in known for close in difflib.get_close_matches(key, known, n=1)}
    present = {*names, *meant}  # a misspelled parameter is one fault, not also a missing one
    good = {key: value for key, value in given.items() if key in known}
    faults += _settings_faults(use, step_class, given)
    model = _model(step_class)
    if model is None:
        faults += [
            ParameterFault(None, f"step '{use}': missing a required argument: '{name}'")
            for name in _required_arguments(step_class)
            if name not in present
        ]
        return faults or good
    try:
        checked = model.model_validate(good)
    except ValidationError as error:
        return faults + _value_faults(use, error, good, ignored=present - good.keys())
    return faults or checked


def all_parameters(step_class: type[FrameProcessor], params: BaseModel | dict[str, Any]) -> dict[str, Any]:
    """Every parameter of a step with its value, in the order of the class: those of the file, and the defaults."""
    if isinstance(params, BaseModel):
        return {name: getattr(params, name) for name in type(params).model_fields}
    values = {name: params.get(name, default) for name, default in _accepted(step_class).items()}
    # What a base requires and no file gives, the class gives to its base itself.
    return {name: value for name, value in values.items() if value is not inspect.Parameter.empty}


def settings_of(step_class: type[FrameProcessor]) -> type[Any] | None:
    """The dataclass of a step's settings, which a file gives as a table: services of pipecat's have one each."""
    settings = getattr(step_class, "Settings", None)
    return settings if isinstance(settings, type) and dataclasses.is_dataclass(settings) else None


def _settings_faults(use: str, step_class: type[FrameProcessor], given: dict[str, Any]) -> list[ParameterFault]:
    """One for each key of the table ``settings`` that the step's dataclass does not know."""
    settings, settings_class = given.get("settings"), settings_of(step_class)
    if settings_class is None or _model(step_class) is not None or not isinstance(settings, dict):
        return []
    known = [field.name for field in dataclasses.fields(settings_class) if field.init]
    return [
        ParameterFault("settings", f"step '{use}': 'settings' has no '{key}'{nearest(key, known)}")
        for key in settings
        if key not in known
    ]


def _model(step_class: type[FrameProcessor]) -> type[BaseModel] | None:
    model = getattr(step_class, "Params", None)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _accepted(step_class: type[FrameProcessor]) -> dict[str, Any]:
    """Names of what a step takes, and for a class without a model the defaults.

    Those are the constructor's arguments, and its bases' where it hands the rest on to them.
    """
    model = _model(step_class)
    if model is not None:
        return dict.fromkeys(model.model_fields)
    accepted: dict[str, Any] = {}
    for owner in step_class.__mro__:
        if "__init__" not in vars(owner):
            continue
        parameters = list(inspect.signature(vars(owner)["__init__"]).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                accepted.setdefault(parameter.name, parameter.default)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return accepted


def _required_arguments(step_class: type[FrameProcessor]) -> list[str]:
    return [
        parameter.name
        for parameter in inspect.signature(step_class).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]


def _value_faults(
    use: str, error: ValidationError, given: dict[str, Any], ignored: Collection[str]
) -> list[ParameterFault]:
    """One for each wrong value that is not ``ignored``; one that fits none of several types is one fault."""
    messages: dict[tuple[str | None, str | None], list[str]] = {}
    for detail in error.errors(include_url=False, include_context=False):
        place = [str(part) for part in detail["loc"]]
        key = place[0] if place else None
        if key in ignored:
            continue
        secret = any(looks_secret(part) for part in place)
        got = None if detail["type"] == "missing" else MASK if secret else _brief(detail["input"])
        message = without_secrets(detail["msg"].removeprefix("Value error, "), given)
        messages.setdefault((key, got), []).append(message)
    return [
        ParameterFault(key, f"step '{use}': {_named(key)}{' or '.join(dict.fromkeys(texts))}", got)
        for (key, got), texts in messages.items()
    ]


def _named(key: str | None) -> str:
    return f"parameter '{key}': " if key is not None else ""


def _brief(value: Any) -> str:
    text = repr(masked(value))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
