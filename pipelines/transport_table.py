"""The table ``[transport]`` of a pipeline file: for which kind of line it is, a browser's or a telephone's."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError, model_validator

from pipelines.masking import shown
from processors.imports import nearest


class TransportParams(BaseModel):
    """How interpreted speech leaves; without the table it goes out as a browser's session wants it.

    Attributes:
        paced: 20 ms at a time, when they are due, as a telephone needs it; else whole, as soon as it is there.
        sample_rate_hz: Of calls whose provider leaves it to us, as Vonage does; the others have a rate of their
            own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    paced: StrictBool = False
    sample_rate_hz: Literal[8000, 16000, 24000] = 24_000

    @model_validator(mode="after")
    def _browsers_get_what_is_made(self) -> "TransportParams":
        if not self.paced and self.sample_rate_hz != 24_000:
            raise ValueError(f"'sample_rate_hz' is for paced = true; else it is 24000, got {self.sample_rate_hz}")
        return self


def check_transport(table: Any) -> TransportParams | list[tuple[str | None, str]]:
    """Check what a file gives as ``transport``, settings in their places.

    Returns:
        The parameters, or what is wrong with them: the key, where it is about one, and what was expected.
    """
    if not isinstance(table, Mapping):
        return [(None, f"expected a table [transport] with one bracket, got {shown(table)}")]
    try:
        return TransportParams.model_validate(table)
    except ValidationError as error:
        faults: dict[str | None, str] = {}
        for detail in error.errors(include_url=False, include_context=False):
            key = str(detail["loc"][0]) if detail["loc"] else None
            faults[key] = _told(key, detail["type"], detail["msg"], detail["input"])
        return [*faults.items()]


def _told(key: str | None, kind: str, message: str, got: Any) -> str:
    if key is None:
        return f"transport: {message.removeprefix('Value error, ')}"
    if kind == "extra_forbidden":
        return f"transport: unknown key '{key}'{nearest(key, list(TransportParams.model_fields))}"
    return f"transport: '{key}': {message}, got {shown(got)}"
