"""What a client's ``init`` chooses of what the server offers: an engine, and the languages of its session."""

from dataclasses import dataclass

from gemini.languages import find_language, language_part
from pipelines.engines import Engines
from pipelines.settings import Settings
from pipelines.spec import PipelineSpec
from protocol.errors import ErrorCode, Fault
from protocol.messages import InitConfig

_AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Languages:
    """The languages of one session, by code; see :class:`~processors.context.SessionContext`.

    Attributes:
        pair: The two.
        spoken: The one of them that the client speaks, or ``"auto"`` for either.
        also_spoken: Others that the client may speak.
    """

    pair: tuple[str, str]
    spoken: str
    also_spoken: tuple[str, ...] = ()

    @property
    def may_be_spoken(self) -> tuple[str, ...]:
        """Every language that the client may speak."""
        return self.pair if self.spoken == "auto" else (self.spoken, *self.also_spoken)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a session is made of.

    Attributes:
        pipeline: Serves it.
        languages: What is spoken, and what comes out.
    """

    pipeline: PipelineSpec
    languages: Languages


def choose(config: InitConfig, settings: Settings, engines: Engines) -> Choice | Fault:
    """What ``config`` asks for, or why it can't be had."""
    pipeline = _choose_pipeline(config, engines)
    if isinstance(pipeline, Fault):
        return pipeline
    languages = choose_languages(config.language, config.target_language, settings)
    return languages if isinstance(languages, Fault) else Choice(pipeline, languages)


def choose_for_seat(config: InitConfig, language: str, engines: Engines) -> Choice | Fault:
    """What ``config`` asks for at a seat of a room where ``language`` is spoken, or why it can't be had.

    What comes out depends on who else is there: the choice has one language twice.
    """
    pipeline = _choose_pipeline(config, engines)
    if isinstance(pipeline, Fault):
        return pipeline
    if config.target_language is not None:
        message = "expected 'targetLanguage' to be left out in a room: its seats have their languages"
        return Fault(ErrorCode.INVALID_MESSAGE, message)
    if config.language != language:
        return _unsupported(f"expected 'language' to be the one of the seat, {language}")
    return Choice(pipeline, Languages((language, language), language))


def _choose_pipeline(config: InitConfig, engines: Engines) -> PipelineSpec | Fault:
    pipeline = engines.named(config.engine)
    if pipeline is not None:
        return pipeline
    return Fault(
        ErrorCode.INVALID_MESSAGE,
        f"expected 'engine' to be one of {', '.join(engines.names)}, or to be left out",
    )


def choose_languages(language: str, target_language: str | None, settings: Settings) -> Languages | Fault:
    """The languages of a session, or what is wrong with those that are asked for.

    Without a target both directions of the pair can be had, or one. A target is what comes out, whatever is said:
    with ``"auto"`` any other language of the pair may be spoken.

    Args:
        language: What is spoken: ``"auto"``, or a code of the pair, written as there.
        target_language: What is to come out, as BCP-47; ``None``: the other one of the pair.
        settings: Of the server: its pair, and further targets.
    """
    pair = settings.pair
    spoken = language
    if spoken not in (_AUTO, *pair):
        return _unsupported(f"expected 'language' to be one of {', '.join((_AUTO, *pair))}")
    if target_language is None:
        return Languages(pair, spoken)
    targets = languages_of_rooms(settings)
    target = find_language(target_language, targets)
    if target is None:
        return _unsupported(f"expected 'targetLanguage' to be one of {', '.join(targets)}, or to be left out")
    said = pair if spoken == _AUTO else (spoken,)
    sources = tuple(code for code in said if language_part(code) != language_part(target))
    if not sources:
        return _unsupported(f"expected 'targetLanguage' to be another language than 'language', {spoken}")
    return Languages(_in_order((sources[0], target), pair), sources[0], sources[1:])


def languages_of_rooms(settings: Settings) -> tuple[str, ...]:
    """What people may speak and hear who talk to each other: codes of the server's pair and its further targets."""
    return tuple(dict.fromkeys((*settings.pair, *settings.target_languages)))


def languages_between(spoken: str, heard: str, settings: Settings) -> Languages:
    """The languages of an interpretation in one direction, by codes out of :func:`languages_of_rooms`."""
    return Languages(_in_order((spoken, heard), settings.pair), spoken)


def _in_order(languages: tuple[str, str], pair: tuple[str, str]) -> tuple[str, str]:
    """The server's own pair as the server has it, any other as it is."""
    return pair if set(languages) == set(pair) else languages


def _unsupported(message: str) -> Fault:
    return Fault(ErrorCode.UNSUPPORTED_LANGUAGE, message)
