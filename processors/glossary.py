"""Glossaries: a CSV file of terms, checked when it is read, and what it says for a pair of languages."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, InstanceOf

from gemini.instruction import Term
from gemini.languages import LANGUAGE_NAMES, language_part
from processors.imports import nearest
from processors.term_search import SearchTerm

MOST_CHARACTERS = 20_000
"""Of all terms and notes of one pair: each session's instruction holds them."""
LONGEST_FIELD = 200
_MAX_FILE_BYTES = 1024 * 1024
_COLUMNS = ("source", "target", "note", "pair")
_NEEDED = ("source", "target")
_MOST_FAULTS = 20
_Direction = tuple[str, str]


class GlossaryError(Exception):
    """A glossary is wrong.

    Attributes:
        faults: One line for each, with file, line and what would have been right.
    """

    def __init__(self, faults: list[str]):
        """Join what is wrong, a line each."""
        shown = faults[:_MOST_FAULTS]
        if len(faults) > len(shown):
            shown.append(f"and {len(faults) - len(shown)} more")
        self.faults = tuple(shown)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True, slots=True)
class Entry:
    """What a source term may come out as: any of the targets that the glossary gives for it."""

    source: SearchTerm
    targets: tuple[SearchTerm, ...]


class Glossary:
    """The terms of one file, in both directions; shows as its path."""

    def __init__(self, path: Path, terms: dict[_Direction, tuple[Term, ...]]):
        """Hold the terms of ``path``, by (source language, target language)."""
        self._path = path
        self._terms = terms
        self._entries: dict[_Direction, tuple[Entry, ...]] = {}

    def __fspath__(self) -> str:
        """The file."""
        return str(self._path)

    def between(self, source: str, target: str) -> tuple[Term, ...]:
        """The terms from one language to another, by code, in the order of the file; varieties share them."""
        return self._terms.get((language_part(source), language_part(target)), ())

    def entries(self, source: str, target: str) -> tuple[Entry, ...]:
        """The same, made to be searched for: a source term once, with all its targets."""
        direction = source, target
        if direction not in self._entries:
            self._entries[direction] = _entries_of(self.between(source, target))
        return self._entries[direction]


def _entries_of(terms: tuple[Term, ...]) -> tuple[Entry, ...]:
    targets: defaultdict[str, list[SearchTerm]] = defaultdict(list)
    sources: dict[str, SearchTerm] = {}
    for term in terms:
        source = SearchTerm(term.source)
        sources.setdefault(source.folded, source)
        targets[source.folded].append(SearchTerm(term.target))
    return tuple(Entry(source, tuple(targets[folded])) for folded, source in sources.items())


def read_glossary(path: Path, pair: tuple[str, str] | None = None) -> Glossary:
    """Read and check a glossary: CSV in UTF-8 whose first row names the columns.

    ``source`` and ``target`` are a term and what it is to come out as; ``note``, which may be missing, is for the
    model. ``pair``, which may be missing or empty, names the languages of the two, such as ``ko-en``; a row serves
    both directions.

    Args:
        path: The file.
        pair: The languages of a row that does not name its own; ``None``: every row has to.

    Raises:
        GlossaryError: It can't be read, or rows in it are wrong.
    """
    return _Reader(path, pair).read()


def _glossary_of(value: Any) -> Any:
    """What a pipeline file gives: a glossary that the settings have read, or the path of one."""
    if not isinstance(value, str | Path):
        return value
    try:
        return read_glossary(Path(value))
    except GlossaryError as error:
        raise ValueError("; ".join(error.faults)) from error


GlossaryParam = Annotated[InstanceOf[Glossary] | None, BeforeValidator(_glossary_of)]
"""A step's parameter: ``"${GLOSSARY_FILE}"``, or the path of a glossary whose rows name their pairs."""


class _Reader:
    """Reads one file, and collects what is wrong in it."""

    def __init__(self, path: Path, pair: tuple[str, str] | None):
        self._path = path
        self._pair = pair
        self._faults: list[str] = []
        self._columns: list[str] = []
        self._terms: defaultdict[_Direction, list[Term]] = defaultdict(list)
        self._line_of: dict[tuple[_Direction, str, str], int] = {}
        self._characters: defaultdict[_Direction, int] = defaultdict(int)

    def read(self) -> Glossary:
        try:
            for line, row in _rows(self._text()):
                if not self._columns:
                    self._take_head(line, row)
                else:
                    self._take_row(line, row)
        except csv.Error as error:
            self._fault(None, f"expected CSV: {error}")
        if not self._columns and not self._faults:
            self._fault(None, "expected a first row with the columns source, target, note, got an empty file")
        if self._faults:
            raise GlossaryError(self._faults)
        return Glossary(self._path, {direction: tuple(terms) for direction, terms in self._terms.items()})

    def _text(self) -> str:
        try:
            with self._path.open("rb") as file:
                content = file.read(_MAX_FILE_BYTES + 1)
            if len(content) <= _MAX_FILE_BYTES:
                return content.decode("utf-8-sig")
            reason = f"expected at most {_MAX_FILE_BYTES} bytes"
        except OSError as error:
            reason = str(error.strerror)
        except UnicodeDecodeError as error:
            reason = f"expected UTF-8: {error}"
        raise GlossaryError([f"{self._path}: can't read the glossary: {reason}"])

    def _take_head(self, line: int, row: list[str]) -> None:
        self._columns = [name.casefold() for name in row]
        for name in self._columns:
            if name not in _COLUMNS:
                self._fault(line, f"unknown column '{name}'{nearest(name, _COLUMNS)}")
        for name in _COLUMNS:
            count = self._columns.count(name)
            if count == 0 and name in _NEEDED:
                self._fault(line, f"expected a column '{name}': the first row names them, with commas between")
            if count > 1:
                self._fault(line, f"expected one column '{name}', got {count}")
        if self._faults:
            raise GlossaryError(self._faults)  # what the rows mean is not known

    def _take_row(self, line: int, row: list[str]) -> None:
        if len(row) > len(self._columns):
            count = len(self._columns)
            self._fault(line, f'expected {count} fields, got {len(row)}; a field with a comma in it stands in "…"')
            return
        fields = dict.fromkeys(_COLUMNS, "") | dict(zip(self._columns, row, strict=False))
        faults_before = len(self._faults)
        for name, value in fields.items():
            self._check_field(line, name, value)
        pair = self._pair_of(line, fields["pair"])
        if pair is not None and len(self._faults) == faults_before:
            self._add(line, pair, Term(fields["source"], fields["target"], fields["note"]))

    def _check_field(self, line: int, name: str, value: str) -> None:
        if len(value) > LONGEST_FIELD:
            self._fault(line, f"expected at most {LONGEST_FIELD} characters as {name}, got {len(value)}")
        elif name in _NEEDED and not SearchTerm(value).can_be_found:
            self._fault(line, f"expected a {name} with a letter or a digit in it, got '{value}'")

    def _pair_of(self, line: int, named: str) -> tuple[str, str] | None:
        if not named:
            if self._pair is None:
                self._fault(line, "expected a pair, such as ko-en, in a column 'pair'")
            return self._pair
        first, _, second = named.casefold().partition("-")
        if first in LANGUAGE_NAMES and second in LANGUAGE_NAMES and first != second:
            return first, second
        self._fault(line, f"expected a pair of codes of two languages, such as ko-en, got '{named}'")
        return None

    def _add(self, line: int, pair: tuple[str, str], term: Term) -> None:
        first, second = (language_part(code) for code in pair)
        there, back = (first, second), (second, first)
        key = there, SearchTerm(term.source).folded, SearchTerm(term.target).folded
        if (earlier := self._line_of.setdefault(key, line)) != line:
            self._fault(line, f"the same source and target as in line {earlier}")
            return
        self._line_of[back, key[2], key[1]] = line
        for direction, one in ((there, term), (back, Term(term.target, term.source, term.note))):
            self._terms[direction].append(one)
        size = len(term.source) + len(term.target) + len(term.note)
        self._characters[there] += size
        total = self._characters[there] + self._characters[back]
        if total - size <= MOST_CHARACTERS < total:
            self._fault(line, f"expected at most {MOST_CHARACTERS} characters of terms and notes for one pair")

    def _fault(self, line: int | None, message: str) -> None:
        place = f"{self._path}:{line}" if line is not None else str(self._path)
        self._faults.append(f"{place}: {message}")


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty, each with the line on which it begins; runs of white space are one space."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    for row in reader:
        fields = [" ".join(field.split()) for field in row]
        if any(fields):
            yield begins, fields
        begins = reader.line_num + 1
