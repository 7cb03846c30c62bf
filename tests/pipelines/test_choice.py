"""What a client's ``init`` chooses: engine and languages."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini.instruction import interpreter_instruction
from gemini.languages import LANGUAGE_NAMES, language_part
from pipelines.choice import Choice, Languages, choose, choose_languages
from pipelines.engines import Engines
from pipelines.settings import Settings
from pipelines.spec import PipelineSpec
from processors.context import SessionContext
from protocol.errors import ErrorCode, Fault
from protocol.messages import InitConfig
from tests.support.fake_upstream import FakeConnector

KO_EN = ("ko", "en")
ENGINES = Engines((PipelineSpec("first", Path("first.toml"), ()), PipelineSpec("second", Path("2.toml"), ())))


def settings(**chosen: Any) -> Settings:
    """Settings as the environment would give them."""
    return Settings(_env_file=None, **chosen)


def context(languages: Languages) -> SessionContext:
    """What steps are told of ``languages``."""
    return SessionContext(
        "session", languages.pair, languages.spoken, FakeConnector(), also_spoken=languages.also_spoken
    )


# Languages


@pytest.mark.parametrize(
    ("language", "target", "languages"),
    [
        ("auto", None, Languages(KO_EN, "auto")),
        ("ko", None, Languages(KO_EN, "ko")),
        ("en", None, Languages(KO_EN, "en")),
        ("ko", "en", Languages(KO_EN, "ko")),
        ("en", "ko", Languages(KO_EN, "en")),
        ("auto", "en", Languages(KO_EN, "ko")),
        ("auto", "ko-KR", Languages(KO_EN, "en")),
        ("ko", "ja", Languages(("ko", "ja"), "ko")),
        ("en", "pt", Languages(("en", "pt-BR"), "en")),
        ("auto", "ja-JP", Languages(("ko", "ja"), "ko", ("en",))),
    ],
)
def test_what_is_spoken_and_what_comes_out(language: str, target: str | None, languages: Languages) -> None:
    """Without a target the pair serves one way or both; a target is what comes out, whatever is said."""
    assert choose_languages(language, target, settings(target_languages="ja,pt-BR")) == languages


@pytest.mark.parametrize(
    ("language", "target", "message"),
    [
        ("fr", None, "expected 'language' to be one of auto, ko, en"),
        ("", None, "expected 'language' to be one of auto, ko, en"),
        ("AUTO", None, "expected 'language' to be one of auto, ko, en"),
        ("EN", None, "expected 'language' to be one of auto, ko, en"),
        ("ko-KR", None, "expected 'language' to be one of auto, ko, en"),
        ("ja", None, "expected 'language' to be one of auto, ko, en"),
        ("ja", "ko", "expected 'language' to be one of auto, ko, en"),
        ("auto", "fr", "expected 'targetLanguage' to be one of ko, en, ja, pt-BR, or to be left out"),
        ("auto", "auto", "expected 'targetLanguage' to be one of ko, en, ja, pt-BR, or to be left out"),
        ("auto", "", "expected 'targetLanguage' to be one of ko, en, ja, pt-BR, or to be left out"),
        ("auto", "pt-PT", "expected 'targetLanguage' to be one of ko, en, ja, pt-BR, or to be left out"),
        ("ko", "ko", "expected 'targetLanguage' to be another language than 'language', ko"),
    ],
)
def test_what_is_not_offered(language: str, target: str | None, message: str) -> None:
    """The fault is fatal, and says what there is."""
    fault = choose_languages(language, target, settings(target_languages="ja,pt-BR"))
    assert fault == Fault(ErrorCode.UNSUPPORTED_LANGUAGE, message)
    assert fault.close_code == 1008


def test_a_variety_of_a_spoken_language_is_no_target_for_it() -> None:
    """European Portuguese is not interpreted into Brazilian: what else is spoken is."""
    offered = settings(languages="pt-PT,en", target_languages="pt-BR")
    assert choose_languages("auto", "pt-BR", offered) == Languages(("en", "pt-BR"), "en")
    assert isinstance(choose_languages("pt-PT", "pt-BR", offered), Fault)


@given(
    st.lists(st.sampled_from(sorted(LANGUAGE_NAMES)), min_size=2, max_size=2, unique_by=language_part),
    st.lists(st.sampled_from(sorted(LANGUAGE_NAMES)), max_size=3),
    st.sampled_from(["auto", *LANGUAGE_NAMES]) | st.text(max_size=8),
    st.none() | st.sampled_from(sorted(LANGUAGE_NAMES)) | st.text(max_size=8),
)
def test_whatever_is_chosen_can_be_interpreted(
    pair: list[str], targets: list[str], language: str, target: str | None
) -> None:
    """Two different languages out of those that are allowed; what comes out is never what is spoken."""
    offered = settings(languages=",".join(pair), target_languages=",".join(targets))
    chosen = choose_languages(language, target, offered)
    if isinstance(chosen, Fault):
        assert chosen.code is ErrorCode.UNSUPPORTED_LANGUAGE
        return
    told = context(chosen)
    assert {*chosen.pair, *chosen.also_spoken} <= {*pair, *targets}
    assert language_part(chosen.pair[0]) != language_part(chosen.pair[1])
    assert (told.target is None) == (chosen.spoken == "auto")
    assert told.target not in (chosen.spoken, *chosen.also_spoken)
    instruction = interpreter_instruction(chosen.pair, chosen.spoken, also_spoken=chosen.also_spoken)
    assert LANGUAGE_NAMES[told.target or chosen.pair[0]] in instruction


def test_several_languages_may_be_spoken_to_a_target() -> None:
    """The model is told which."""
    instruction = interpreter_instruction(("ko", "ja"), "ko", also_spoken=("en",))
    assert "The speaker speaks Korean or English. Say everything in Japanese," in instruction


# Engines


@pytest.mark.parametrize(("engine", "name"), [(None, "first"), ("first", "first"), ("second", "second")])
def test_the_engine_that_is_asked_for(engine: str | None, name: str) -> None:
    """By name; without one it is the default."""
    config = InitConfig(engine=engine) if engine is not None else InitConfig()
    choice = choose(config, settings(), ENGINES)
    assert isinstance(choice, Choice)
    assert choice.pipeline.name == name


@pytest.mark.parametrize("engine", ["third", "", "First", "first.toml", "\x00"])
def test_an_engine_that_is_not_there(engine: str) -> None:
    """A wrong field, which a client may correct: the message has the names, and not what was asked for."""
    fault = choose(InitConfig(engine=engine), settings(), ENGINES)
    message = "expected 'engine' to be one of first, second, or to be left out"
    assert fault == Fault(ErrorCode.INVALID_MESSAGE, message)
    assert fault.close_code is None


def test_a_wrong_engine_is_told_before_a_wrong_language() -> None:
    """Fields are checked first; a language that is none is fatal."""
    fault = choose(InitConfig(engine="third", language="fr"), settings(), ENGINES)
    assert isinstance(fault, Fault)
    assert fault.code is ErrorCode.INVALID_MESSAGE
