"""Glossaries: what a file says, and what is wrong with it."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from gemini.instruction import Term
from processors.glossary import MOST_CHARACTERS, Glossary, GlossaryError, GlossaryParam, read_glossary

PAIR = ("ko", "en")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a glossary is to be written."""
    return tmp_path / "terms.csv"


def written(file: Path, text: str, pair: tuple[str, str] | None = PAIR) -> Glossary:
    """What is read of ``text``."""
    file.write_text(text, encoding="utf-8")
    return read_glossary(file, pair)


def faults(file: Path, text: str, pair: tuple[str, str] | None = PAIR) -> list[str]:
    """What is told of ``text``, each with its line."""
    with pytest.raises(GlossaryError) as caught:
        written(file, text, pair)
    assert all(fault.startswith(f"{file}") for fault in caught.value.faults)
    return [fault.removeprefix(str(file)).removeprefix(":").strip() for fault in caught.value.faults]


def test_a_row_serves_both_directions(file: Path) -> None:
    """Each in the order of the file, with its note."""
    glossary = written(file, "source,target,note\n심장내과,cardiology,the department\n스텐트,stent,\n")
    assert glossary.between("ko", "en") == (
        Term("심장내과", "cardiology", "the department"),
        Term("스텐트", "stent"),
    )
    assert glossary.between("en", "ko") == (
        Term("cardiology", "심장내과", "the department"),
        Term("stent", "스텐트"),
    )


def test_a_session_gets_the_terms_of_its_pair(file: Path) -> None:
    """``pair`` says of which languages a row is; without one it is of the server's."""
    text = "pair,target,source\nko-ja,循環器内科,심장내과\n,cardiology,심장내과\nEN-KO,스텐트,stent\n"
    glossary = written(file, text)
    assert glossary.between("ko", "ja") == (Term("심장내과", "循環器内科"),)
    assert glossary.between("ko", "en") == (Term("심장내과", "cardiology"), Term("스텐트", "stent"))
    assert glossary.between("de", "en") == ()


def test_a_variety_has_its_languages_terms(file: Path) -> None:
    """The terms of Portuguese are those of Brazil's, whichever of the two the server or a session has."""
    glossary = written(file, "source,target,pair\nstent,stent coronário,en-pt\nheart,coração,\n", ("en", "pt-BR"))
    assert [term.target for term in glossary.between("en", "pt-BR")] == ["stent coronário", "coração"]
    assert glossary.between("en", "pt-PT") == glossary.between("en", "pt")


def test_a_file_as_spreadsheets_write_it(file: Path) -> None:
    """Byte order mark, CRLF, quotes, blank lines and spaces around are no part of any term."""
    file.write_bytes('\ufeffSource, Target ,note\r\n\r\n"Kim, Ji-eun"," 김\n지은 ",\r\n,,\r\n'.encode())
    assert read_glossary(file, ("en", "ko")).between("en", "ko") == (Term("Kim, Ji-eun", "김 지은"),)


def test_rows_of_one_source_are_alternatives(file: Path) -> None:
    """Whichever of the targets comes out is right; letter case makes no other source."""
    glossary = written(file, "source,target\n서울대,SNU\n서울대,Seoul National University\nA,나\na,가\n")
    first, second = glossary.entries("ko", "en")
    assert first.source.text == "서울대"
    assert [term.text for term in first.targets] == ["SNU", "Seoul National University"]
    assert [term.text for term in second.targets] == ["나", "가"]
    assert len(glossary.entries("en", "ko")) == 4
    assert glossary.entries("ko", "en") is glossary.entries("ko", "en")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["expected a first row with the columns source, target, note, got an empty file"]),
        ("ko,target\n", ["1: unknown column 'ko'; known are note, pair, source, target",
                         "1: expected a column 'source': the first row names them, with commas between"]),
        ("source;target\na;b\n", ["1: unknown column 'source;target'; did you mean 'target'?",
                                  "1: expected a column 'source': the first row names them, with commas between",
                                  "1: expected a column 'target': the first row names them, with commas between"]),
        ("source,target,source\n", ["1: expected one column 'source', got 2"]),
        ("source,target\na,b\n나,\n\n,c\n", ["3: expected a target with a letter or a digit in it, got ''",
                                           "5: expected a source with a letter or a digit in it, got ''"]),
        ("source,target\n가,b, c\n", ["2: expected 2 fields, got 3; a field with a comma in it stands in \"…\""]),
        ("source,target\n가,b\n나,c\n 가 ,B\n", ["4: the same source and target as in line 2"]),
        ("source,target,pair\n가,b,ko-en\nB,가,en-ko\n", ["3: the same source and target as in line 2"]),
        ("source,target,pair\n\"가\n나\",b,ko-xx\n다,d,ko\n마,e,ko-ko\n",
         ["2: expected a pair of codes", "4: expected a pair of codes",
          "5: expected a pair of codes"]),
        (f"source,target\n가,{'b' * 201}\n", ["2: expected at most 200 characters as target, got 201"]),
        ('source,target\n가,"b\n', ["expected CSV: unexpected end of data"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_line(file: Path, text: str, expected: list[str]) -> None:
    """All of it, each with what would have been right."""
    told = faults(file, text)
    assert [fault[: len(start)] for fault, start in zip(told, expected, strict=True)] == expected


def test_a_row_without_a_pair_needs_one_that_is_known(file: Path) -> None:
    """A pipeline file that names a glossary has no ``LANGUAGES``."""
    text = "source,target,pair\n가,a,ko-en\n나,b,\n"
    assert faults(file, text, None) == ["3: expected a pair, such as ko-en, in a column 'pair'"]


def test_what_an_instruction_can_hold_is_bounded(file: Path) -> None:
    """By pair, in whichever direction the rows stand; told once, with the line that is too much."""
    note = "n" * 193
    rows = [f"가{at:03},b{at:03},{note},{('ko-en', 'en-ko')[at % 2]}" for at in range(100)]
    too_many = [*rows, "다,d,,ko-en", "라,e,,ko-en"]
    other = ["다,d,,ko-ja"]
    head = ["source,target,note,pair"]
    assert sum(len(row) for row in rows) - 100 * len(",,,ko-en") == 201 * 100
    assert faults(file, "\n".join([*head, *too_many])) == [
        f"101: expected at most {MOST_CHARACTERS} characters of terms and notes for one pair"
    ]
    within = written(file, "\n".join([*head, *rows[:99], *other]))
    assert len(within.between("ko", "en")) == 99


def test_many_faults_are_not_all_told(file: Path) -> None:
    """The first twenty, and how many more."""
    with pytest.raises(GlossaryError) as caught:
        written(file, "source,target\n" + "가,\n" * 30)
    assert len(caught.value.faults) == 21
    assert caught.value.faults[-1] == "and 10 more"


def test_a_file_that_is_no_text(file: Path) -> None:
    """Missing, no UTF-8, or too large: one line that says which."""
    with pytest.raises(GlossaryError, match="can't read the glossary: No such file"):
        read_glossary(file, PAIR)
    file.write_bytes("source,target\n심장,heart\n".encode("euc-kr"))
    with pytest.raises(GlossaryError, match="can't read the glossary: expected UTF-8: 'utf-8' codec can't decode"):
        read_glossary(file, PAIR)
    file.write_bytes(b" " * (1024 * 1024 + 1))
    with pytest.raises(GlossaryError, match="expected at most 1048576 bytes"):
        read_glossary(file, PAIR)


class _Params(BaseModel):
    glossary: GlossaryParam = None


def test_a_step_takes_a_glossary_or_its_path(file: Path) -> None:
    """A path is read at once, and what is wrong in the file is wrong with the parameter."""
    file.write_text("source,target,pair\n가,a,ko-en\n", encoding="utf-8")
    read = _Params.model_validate({"glossary": str(file)}).glossary
    assert read is not None
    assert read.between("en", "ko") == (Term("a", "가"),)
    assert _Params(glossary=read).glossary is read
    assert _Params(glossary=None).glossary is None
    file.write_text("source,target,pair\n가,,ko-en\n나,,ko-en\n", encoding="utf-8")
    with pytest.raises(ValidationError, match=r"terms.csv:2: expected a target .*; .*terms.csv:3: expected"):
        _Params.model_validate({"glossary": str(file)})
