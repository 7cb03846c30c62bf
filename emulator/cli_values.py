"""Reads the values of the command line's options; every mistake is a ``ValueError`` of one line."""

from collections.abc import Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from emulator.faults import Fault
from emulator.mistakes import first_mistake, nearest, read_fault
from emulator.options import EmulatorOptions, Refusal, Translation, Variant

VARIANT_NAMES = sorted(Variant.model_fields)
TRANSLATION_NAMES = sorted(Translation.model_fields)
_Values = TypeVar("_Values", bound=BaseModel)


def read_options(
    *,
    refuse: str | None,
    variant: Sequence[str],
    faults: Sequence[str],
    translation: Sequence[str] = (),
    **values: Any,
) -> EmulatorOptions:
    """The options of an emulator.

    Args:
        refuse: A ``Refusal`` as written; None for none.
        variant: ``KEY=VALUE`` each.
        faults: ``NAME@MOMENT,KEY=VALUE,…`` each.
        translation: ``KEY=VALUE`` each.
        values: Other fields of ``EmulatorOptions``; None leaves the default.

    Raises:
        ValueError: Something is wrong; names the option.
    """
    refusals = get_args(Refusal)
    if refuse is not None and refuse not in refusals:
        raise ValueError(
            f"--refuse: expected one of {', '.join(refusals)}, got {refuse!r}{nearest(refuse, refusals)}"
        )
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return EmulatorOptions.model_validate(
            {
                **given,
                "refuse": refuse,
                "variant": read_variant(variant),
                "translation": read_translation(translation),
                "faults": tuple(read_fault_text(text) for text in faults),
            }
        )
    except ValidationError as error:
        name, _, rest = first_mistake(error).partition(":")
        raise ValueError(f"--{name.removesuffix('_secs').replace('_', '-')}:{rest}") from error


def read_variant(changes: Sequence[str]) -> Variant:
    """A variant from ``KEY=VALUE`` each; ``none`` for no value.

    Raises:
        ValueError: Something is wrong.
    """
    return _read_pairs("--variant", Variant, changes)


def read_translation(changes: Sequence[str]) -> Translation:
    """How translate sessions speak, from ``KEY=VALUE`` each.

    Raises:
        ValueError: Something is wrong.
    """
    return _read_pairs("--translation", Translation, changes)


def read_fault_text(text: str) -> Fault:
    """A fault from ``NAME@MOMENT,KEY=VALUE,…``.

    Raises:
        ValueError: Something is wrong.
    """
    head, *pairs = text.split(",")
    name, separator, moment = head.partition("@")
    if not separator:
        raise ValueError(f"--fault: expected NAME@MOMENT, like reset@during,times=2, got {text!r}")
    values: dict[str, Any] = {"name": name, "moment": moment}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator:
            raise ValueError(f"--fault: expected KEY=VALUE after a comma, got {pair!r}")
        values[key] = value
    try:
        return read_fault(values)
    except ValueError as error:
        raise ValueError(f"--fault: {error}") from error


def _read_pairs(option: str, model: type[_Values], changes: Sequence[str]) -> _Values:
    values: dict[str, Any] = {}
    for change in changes:
        key, separator, value = change.partition("=")
        if not separator:
            raise ValueError(f"{option}: expected KEY=VALUE, got {change!r}")
        if key not in model.model_fields:
            raise ValueError(f"{option}: unknown key {key!r}{nearest(key, model.model_fields)}")
        values[key] = None if value.lower() == "none" else value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ValueError(f"{option}: {first_mistake(error)}") from error
