"""``README.md`` and ``README.ko.md`` are twins: what a reader can type, set or follow is the same in both.

The words are free. Headings (their number, order and levels), code blocks, tables, settings, ``make`` commands and
link targets are not; a link into the page itself leads to the heading at the same place.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGLISH, KOREAN = "README.md", "README.ko.md"

_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_SETTING = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|HOST|PORT|LANGUAGES|PIPELINE")
_MAKE = re.compile(r"\bmake [a-z][a-z-]*")
_LINK = re.compile(r"\[[^\]]*\]\(([^)]+)\)")


@dataclass(frozen=True)
class Readme:
    """One of the two.

    Attributes:
        name: Its file's name.
        text: All of it.
        prose: The same without code blocks.
    """

    name: str
    text: str
    prose: str

    @property
    def blocks(self) -> list[str]:
        """The code blocks, fences included."""
        return _BLOCK.findall(self.text)

    @property
    def levels(self) -> list[int]:
        """The level of each heading."""
        return [len(marks) for marks, _ in _HEADING.findall(self.prose)]

    @property
    def anchors(self) -> list[str]:
        """The fragment that leads to each heading, as GitHub makes it."""
        titles = [title for _, title in _HEADING.findall(self.prose)]
        return ["#" + re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]

    @property
    def sections(self) -> list[str]:
        """What stands under each heading, without code blocks."""
        return re.split(r"^#+ .+$", self.prose, flags=re.MULTILINE)[1:]

    @property
    def links(self) -> Counter[str]:
        """Targets of all links, but for the other twin; a heading of the page by its number."""
        targets = [target for target in _LINK.findall(self.prose) if target not in (ENGLISH, KOREAN)]
        return Counter(f"heading {self.anchors.index(t)}" if t.startswith("#") else t for t in targets)

    @property
    def tables(self) -> list[list[int]]:
        """The number of cells in each row of each table."""
        tables: list[list[int]] = []
        before = ""
        for line in self.prose.splitlines():
            if line.startswith("|"):
                if not before.startswith("|"):
                    tables.append([])
                tables[-1].append(line.count("|") - 1)
            before = line
        return tables


def read(name: str) -> Readme:
    """One of the two, read."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return Readme(name, text, _BLOCK.sub("", text))


@pytest.fixture
def english() -> Readme:
    """The English one."""
    return read(ENGLISH)


@pytest.fixture
def korean() -> Readme:
    """The Korean one."""
    return read(KOREAN)


def test_headings_correspond(english: Readme, korean: Readme) -> None:
    """Both have as many headings, of the same levels in the same order."""
    assert korean.levels == english.levels


def test_code_blocks_are_identical(english: Readme, korean: Readme) -> None:
    """Whatever is copied from one could have been copied from the other."""
    assert english.blocks
    assert korean.blocks == english.blocks


def test_tables_have_the_same_shape(english: Readme, korean: Readme) -> None:
    """Both have the same tables, row for row and cell for cell."""
    assert english.tables
    assert korean.tables == english.tables


def test_sections_name_the_same_code(english: Readme, korean: Readme) -> None:
    """Messages, fields, values and commands that a section names are the same in both."""
    for ours, theirs in zip(korean.sections, english.sections, strict=True):
        assert set(_CODE.findall(ours)) == set(_CODE.findall(theirs))


def test_settings_are_the_same(english: Readme, korean: Readme) -> None:
    """Both name the same settings."""
    named = [set(_SETTING.findall(" ".join(_CODE.findall(readme.prose)))) for readme in (english, korean)]
    assert "GEMINI_API_KEY" in named[0]
    assert named[1] == named[0]


def test_make_commands_are_the_same(english: Readme, korean: Readme) -> None:
    """Both name the same ``make`` targets."""
    commands = [
        _MAKE.findall(" ".join([*readme.blocks, *_CODE.findall(readme.prose)])) for readme in (english, korean)
    ]
    assert "make demo" in commands[0]
    assert sorted(commands[1]) == sorted(commands[0])


def test_links_lead_to_the_same_places(english: Readme, korean: Readme) -> None:
    """Both link to the same files and pages, as often; a link into the page leads to the same section."""
    assert korean.links == english.links


def test_each_links_to_the_other(english: Readme, korean: Readme) -> None:
    """A reader of one language finds the other."""
    assert f"({KOREAN})" in english.prose
    assert f"({ENGLISH})" in korean.prose


@pytest.mark.parametrize("name", [ENGLISH, KOREAN])
def test_linked_files_exist(name: str) -> None:
    """No link to a file of the project is dead."""
    targets = [target for target in _LINK.findall(read(name).prose) if not re.match(r"https?:|#", target)]
    assert [target for target in targets if not (ROOT / target.split("#")[0]).exists()] == []
