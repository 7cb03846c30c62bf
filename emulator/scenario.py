"""Reads a scenario: the clips that can be recognised by comparison, and the words and sounds that answer them.

The format is described in ``docs/emulator.md``. Every mistake in a file becomes one line that names the file,
the entry and the field, and what would have been right.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from emulator.audio import OUTPUT_RATE_HZ, AudioFileError, Samples, read_wav, to_pcm
from emulator.faults import Fault
from emulator.hearing import voice_bounds
from emulator.mistakes import ScenarioError, first_mistake, nearest
from emulator.options import Variant
from emulator.scenario_faults import read_entry_faults, read_faults

SCENARIOS_DIR = Path(__file__).parent / "scenarios"

_TOP = {"name", "clips_dir", "clips", "entry", "fault"}
_ENTRY = {"id", "source", "target", "source_language", "target_language", "audio", "heard", "variant", "faults"}
_ENTRY_TEXTS = ("id", "source", "target", "source_language", "target_language", "audio")
_HEARD = {"clip", "from", "to", "onset", "end"}
_OVERLAP_SECS = 0.001


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording that clients may send.

    Attributes:
        name: Its name in the scenario.
        path: The WAV file.
        samples: Mono samples.
        rate_hz: Their rate.
    """

    name: str
    path: Path
    samples: Samples = field(repr=False)
    rate_hz: int

    @property
    def duration_secs(self) -> float:
        """Length of the recording in seconds."""
        return len(self.samples) / self.rate_hz


@dataclass(frozen=True, slots=True)
class Heard:
    """Where in a clip an entry is spoken; all times in seconds of the clip.

    Attributes:
        clip: The clip's name.
        from_secs: Begin of the part that belongs to the entry; pauses included.
        to_secs: Its end.
        onset_secs: Where the first word begins.
        end_secs: Where the last word ends.
    """

    clip: str
    from_secs: float
    to_secs: float
    onset_secs: float
    end_secs: float


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that is said, and its interpretation.

    Attributes:
        id: Unique in the scenario.
        source: The words as spoken.
        target: Their interpretation.
        source_language: BCP-47 code of ``source``.
        target_language: BCP-47 code of ``target``.
        audio: ``target`` as speech, PCM s16le mono 24 kHz.
        heard: Where it is spoken; None for an entry that answers speech which matches no clip.
        variant: Fields of ``Variant`` that differ for this entry's turns.
        faults: Faults of answers that give this entry.
    """

    id: str
    source: str
    target: str
    source_language: str
    target_language: str
    audio: bytes = field(repr=False)
    heard: Heard | None = None
    variant: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """All clips and entries, read and checked.

    Attributes:
        name: For people.
        clips: The clips by name.
        entries: In the order of the file.
        faults: All of them, those of entries included; each emulator switches them on for itself.
    """

    name: str
    clips: Mapping[str, Clip]
    entries: tuple[Entry, ...]
    faults: tuple[Fault, ...] = ()

    @classmethod
    def load(cls, name_or_path: str | Path) -> Self:
        """Read a scenario by the name of a built-in one (``samples``) or by the path of a TOML file.

        Raises:
            ScenarioError: The file or something it names is missing or wrong.
        """
        path = _find(name_or_path)
        table = _read_toml(path)
        _check_names(table, _TOP, str(path), "")
        clips = _read_clips(table, path)
        tables = table.get("entry", [])
        if not isinstance(tables, list) or not tables:
            raise ScenarioError(f"{path}: expected at least one [[entry]]")
        entries = tuple(_read_entry(item, number, path, clips) for number, item in enumerate(tables, 1))
        _check_together(entries, path)
        faults = read_faults(table.get("fault", []), f"{path}: fault", {entry.id for entry in entries})
        faults += tuple(fault for entry in entries for fault in entry.faults)
        return cls(str(table.get("name", path.stem)), clips, entries, faults)


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.is_file():
        return path
    built_in = SCENARIOS_DIR / f"{name_or_path}.toml"
    if built_in.is_file():
        return built_in
    names = sorted(item.stem for item in SCENARIOS_DIR.glob("*.toml"))
    hint = nearest(str(name_or_path), names)
    raise ScenarioError(
        f"{name_or_path}: no such scenario file, and no built-in scenario of that name{hint}; "
        f"built in: {', '.join(names)}"
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: not a TOML file: {error}") from error
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error


def _check_names(table: Mapping[str, Any], known: set[str], path: str, place: str) -> None:
    for name in table:
        if name not in known:
            hint = nearest(name, known) or f"; known: {', '.join(sorted(known))}"
            raise ScenarioError(f"{path}: {place}unknown field {name!r}{hint}")


def _read_clips(table: Mapping[str, Any], path: Path) -> dict[str, Clip]:
    folder = path.parent / str(table.get("clips_dir", "."))
    files = table.get("clips", {})
    if not isinstance(files, dict):
        raise ScenarioError(f"{path}: clips: expected a table of names and WAV files, got {files!r}")
    clips = {}
    for name, file in files.items():
        if not isinstance(file, str):
            raise ScenarioError(f"{path}: clips.{name}: expected the path of a WAV file, got {file!r}")
        samples, rate_hz = _read_audio(folder / file, f"{path}: clips.{name}")
        clips[name] = Clip(name, folder / file, samples, rate_hz)
    return clips


def _read_audio(file: Path, place: str) -> tuple[Samples, int]:
    try:
        return read_wav(file)
    except AudioFileError as error:
        names = [item.name for item in file.parent.glob("*.wav")] if file.parent.is_dir() else []
        hint = "" if file.is_file() else nearest(file.name, names)
        raise ScenarioError(f"{place}: {error}{hint}") from error


def _read_entry(table: Any, number: int, path: Path, clips: Mapping[str, Clip]) -> Entry:
    if not isinstance(table, dict):
        raise ScenarioError(f"{path}: entry {number}: expected a table, got {table!r}")
    place = f"entry {number} ({table['id']}): " if isinstance(table.get("id"), str) else f"entry {number}: "
    _check_names(table, _ENTRY, str(path), place)
    for name in _ENTRY_TEXTS:
        if not isinstance(table.get(name), str) or not table[name].strip():
            got = f"got {table[name]!r}" if name in table else "but it is missing"
            raise ScenarioError(f"{path}: {place}{name}: expected a text, {got}")
    samples, rate_hz = _read_audio(path.parent / table["audio"], f"{path}: {place}audio")
    if rate_hz != OUTPUT_RATE_HZ:
        raise ScenarioError(
            f"{path}: {place}audio: expected {OUTPUT_RATE_HZ} Hz, got {rate_hz} Hz; "
            "scripts/make_clips.py makes the right files"
        )
    return Entry(
        **{name: table[name] for name in _ENTRY_TEXTS if name != "audio"},
        audio=to_pcm(samples),
        heard=_read_heard(table["heard"], clips, f"{path}: {place}heard") if "heard" in table else None,
        variant=_read_variant(table.get("variant", {}), f"{path}: {place}variant"),
        faults=read_entry_faults(table, f"{path}: {place}faults"),
    )


def _read_heard(table: Any, clips: Mapping[str, Clip], place: str) -> Heard:
    if not isinstance(table, dict):
        raise ScenarioError(f"{place}: expected {{clip = …, from = …, to = …}}, got {table!r}")
    _check_names(table, _HEARD, place, "")
    name = str(table.get("clip"))
    if name not in clips:
        raise ScenarioError(f"{place}.clip: no clip of the name {name!r}{nearest(name, clips)}")
    clip = clips[name]
    from_secs, to_secs = (_seconds(table, key, place) for key in ("from", "to"))
    if not 0 <= from_secs < to_secs <= clip.duration_secs + _OVERLAP_SECS:
        raise ScenarioError(
            f"{place}: expected 0 <= from < to <= {clip.duration_secs:.3f} (the clip's length in seconds), "
            f"got from = {from_secs}, to = {to_secs}"
        )
    onset, end = voice_bounds(clip.samples, clip.rate_hz, from_secs, to_secs)
    onset = _seconds(table, "onset", place) if "onset" in table else onset
    end = _seconds(table, "end", place) if "end" in table else end
    if not from_secs <= onset < end <= to_secs:
        raise ScenarioError(
            f"{place}: expected from <= onset < end <= to, got {from_secs}, {onset}, {end}, {to_secs}"
        )
    return Heard(name, from_secs, to_secs, onset, end)


def _seconds(table: Mapping[str, Any], key: str, place: str) -> float:
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ScenarioError(f"{place}.{key}: expected a number of seconds, got {value!r}")
    return float(value)


def _read_variant(table: Any, place: str) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise ScenarioError(f"{place}: expected a table of variant fields, got {table!r}")
    _check_names(table, set(Variant.model_fields), place, "")
    try:
        Variant.model_validate(table)
    except ValidationError as error:
        raise ScenarioError(f"{place}.{first_mistake(error)}") from error
    return table


def _check_together(entries: tuple[Entry, ...], path: Path) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise ScenarioError(f"{path}: entry id {entry.id!r} is used twice; ids must be unique")
        seen.add(entry.id)
    spoken = sorted(
        (entry for entry in entries if entry.heard),
        key=lambda entry: (entry.heard.clip, entry.heard.from_secs) if entry.heard else ("", 0.0),
    )
    for first, second in pairwise(spoken):
        before, after = first.heard, second.heard
        if before and after and before.clip == after.clip and after.from_secs < before.to_secs - _OVERLAP_SECS:
            raise ScenarioError(
                f"{path}: entries {first.id!r} and {second.id!r} overlap in clip {before.clip!r}: "
                f"the first ends at {before.to_secs}, the second begins at {after.from_secs}"
            )
