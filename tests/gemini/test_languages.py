"""Which codes mean which language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini.languages import LANGUAGE_NAMES, find_language, known_language, language_part

CODES = tuple(LANGUAGE_NAMES)
REGIONS = st.from_regex(r"[A-Z]{2}|[0-9]{3}", fullmatch=True)
OF_ONE_LANGUAGE = ("pt", "pt-BR", "pt-PT", "zh", "zh-Hans", "zh-Hant")
WITHOUT_VARIETIES = st.sampled_from([code for code in CODES if code not in OF_ONE_LANGUAGE])


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("ko", "ko"),
        ("KO", "ko"),
        ("ko-KR", "ko"),
        ("en_US", "en"),
        ("fil", "fil"),
        ("pt", "pt"),
        ("pt-br", "pt-BR"),
        ("pt-PT-1990", "pt-PT"),
        ("pt-AO", "pt"),
        ("zh", "zh"),
        ("cmn", "zh"),
        ("zh-hans-cn", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-TW", "zh-Hant"),
        ("zh-Hans-HK", "zh-Hans"),
        ("sr-Latn-RS", "sr"),
        ("nb", "no"),
        ("iw", "he"),
        ("tl-PH", "fil"),
        ("auto", None),
        ("kor", None),
        ("tlh", None),
        ("", None),
        ("-", None),
        ("ko-", None),
        ("ko,en", None),
        ("ko en", None),
        ("ko\n", None),
        ("ｋｏ", None),
        ("x" * 10_000, None),
        ("en-" + "a" * 9, None),
    ],
)
def test_the_language_that_a_tag_means(tag: str, code: str | None) -> None:
    """By its first part; a script or a region counts where it makes a variety."""
    assert known_language(tag) == code


@given(WITHOUT_VARIETIES, REGIONS)
def test_a_region_and_case_do_not_matter(code: str, region: str) -> None:
    """Where a language has no varieties, what follows it changes nothing."""
    for tag in (code, f"{code}-{region}", f"{code}_{region}".upper(), f"{code}-Latn-{region}"):
        assert known_language(tag) == code
        assert find_language(tag, (code,)) == code


@given(st.text(max_size=20) | st.sampled_from(CODES), st.lists(st.sampled_from(CODES), unique=True))
def test_what_is_found_is_one_of_those_that_are_there(tag: str, codes: list[str]) -> None:
    """Of the same language as the tag, and the tag's own code where it is there."""
    found = find_language(tag, tuple(codes))
    wanted = known_language(tag)
    assert found is None or found in codes
    if found is not None and wanted is not None:
        assert language_part(found) == language_part(wanted)
    if wanted in codes:
        assert found == wanted


@given(st.text())
def test_what_is_known_is_known_again(tag: str) -> None:
    """A code that comes out means itself."""
    code = known_language(tag)
    assert code is None or (code in LANGUAGE_NAMES and known_language(code) == code)


@pytest.mark.parametrize(
    ("tag", "codes", "found"),
    [
        ("pt", ("pt-PT", "pt-BR"), "pt-PT"),
        ("pt-BR", ("pt-PT", "pt-BR"), "pt-BR"),
        ("pt-BR", ("pt", "en"), "pt"),
        ("pt-BR", ("pt-PT", "en"), None),
        ("pt-MZ", ("pt-PT", "en"), "pt-PT"),
        ("zh", ("ja", "zh-Hant"), "zh-Hant"),
        ("zh-CN", ("ja", "zh-Hant"), None),
        ("zh-CN", ("ja", "zh"), "zh"),
        ("en", ("ko", "ja"), None),
        ("en", (), None),
    ],
)
def test_a_variety_is_found_where_none_is_asked_for(tag: str, codes: tuple[str, ...], found: str | None) -> None:
    """Whoever does not say which variety takes any; whoever does, gets no other one."""
    assert find_language(tag, codes) == found


def test_each_code_has_a_name_of_its_own() -> None:
    """So that an instruction says which language is meant."""
    assert len(set(LANGUAGE_NAMES.values())) == len(LANGUAGE_NAMES) == 80
