"""Reads the faults of a scenario file: ``[[fault]]`` tables, and the ``faults`` of an entry."""

from collections.abc import Mapping
from typing import Any

from emulator.faults import Fault
from emulator.mistakes import ScenarioError, nearest, read_fault


def read_entry_faults(table: Mapping[str, Any], place: str) -> tuple[Fault, ...]:
    """The faults of an entry's ``faults``; each strikes only answers that give it.

    Args:
        table: The entry.
        place: Where it stands, for errors.

    Raises:
        ScenarioError: Something in it is wrong.
    """
    items = table.get("faults", [])
    if isinstance(items, list):
        for number, item in enumerate(items, 1):
            if isinstance(item, dict) and "entry" in item:
                raise ScenarioError(f"{place} {number}: a fault of an entry takes no 'entry'; leave it out")
        items = [{**item, "entry": table["id"]} if isinstance(item, dict) else item for item in items]
    return read_faults(items, place, {table["id"]})


def read_faults(items: Any, place: str, entries: set[str]) -> tuple[Fault, ...]:
    """The faults of a list of tables.

    Args:
        items: The list.
        place: Where it stands, for errors.
        entries: Ids that a fault may name.

    Raises:
        ScenarioError: Something in it is wrong.
    """
    if not isinstance(items, list):
        raise ScenarioError(f"{place}: expected a list of tables, got {items!r}")
    faults = []
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            raise ScenarioError(f"{place} {number}: expected a table, got {item!r}")
        try:
            fault = read_fault(item)
        except ValueError as error:
            raise ScenarioError(f"{place} {number}: {error}") from error
        if fault.entry is not None and fault.entry not in entries:
            raise ScenarioError(
                f"{place} {number}: entry: no entry of the id {fault.entry!r}{nearest(fault.entry, entries)}"
            )
        faults.append(fault)
    return tuple(faults)
