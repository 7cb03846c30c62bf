"""Terms that were said and did not come out are told, and nothing else is."""

from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from processors.context import SessionContext
from processors.frames import ProtocolMessageFrame
from processors.glossary import read_glossary
from processors.glossary_check import GlossaryCheck, GlossaryCheckParams
from protocol.messages import Interrupted, ServerMessage, Transcription, TurnComplete, Warning
from tests.support.fake_upstream import FakeConnector
from tests.support.steps import running

TERMS = """source,target,note
심장내과,cardiology,the department
스텐트,stent,
스텐트,stents,
서울대,SNU,
이지은,Lee Ji-eun,
"""


@pytest.fixture
def step(tmp_path: Path) -> GlossaryCheck:
    """The step for a Korean and English session with these terms."""
    file = tmp_path / "terms.csv"
    file.write_text(TERMS, encoding="utf-8")
    return made(GlossaryCheckParams(glossary=read_glossary(file, ("ko", "en"))))


def made(params: GlossaryCheckParams) -> GlossaryCheck:
    """The step with these parameters."""
    return GlossaryCheck(params, SessionContext("session", ("ko", "en"), "auto", FakeConnector()))


def turn(source: str, target: str, languages: tuple[str, str] = ("ko", "en")) -> list[ServerMessage]:
    """The end of a turn as the forwarder tells it."""
    kinds = zip(("input_transcription", "output_transcription"), (source, target), languages, strict=True)
    finals = [
        Transcription.model_validate({"type": kind, "text": text, "is_final": True, "language": language})
        for kind, text, language in kinds
        if text
    ]
    return [*finals, TurnComplete(input_text=source, output_text=target)]


def partial() -> Transcription:
    """A text on its way."""
    return Transcription(type="output_transcription", text="I", is_final=False)


async def warned(step: GlossaryCheck, *messages: ServerMessage) -> list[str]:
    """What the step says to these messages, which all come out unchanged."""
    async with running(step) as run:
        await run.send(*(ProtocolMessageFrame(message) for message in messages))
        assert [message for message in run.messages if message in messages] == list(messages)
        warnings = [message for message in run.messages if isinstance(message, Warning)]
        assert all(warning.code == "GLOSSARY_MISSED" for warning in warnings)
        if warnings:
            assert run.messages[-1] == warnings[-1], "a warning comes after the turn"
        assert all(not frame.interruptible for frame in run.frames(ProtocolMessageFrame))
        return [warning.message for warning in warnings]


def counted() -> tuple[float, float]:
    """Terms that were kept and missed, so far."""
    name = "interpreter_glossary_terms_total"
    kept, missed = (REGISTRY.get_sample_value(name, {"result": result}) for result in ("kept", "missed"))
    assert kept is not None
    assert missed is not None
    return kept, missed


async def test_a_term_that_did_not_come_out_is_told(step: GlossaryCheck) -> None:
    """Once, after the turn, with what was expected; the metric counts those that did, too."""
    kept, missed = counted()
    said = turn("심장내과에서 스텐트를 넣었습니다.", "They put in stents at the heart clinic.")
    assert await warned(step, *said) == ["terms of the glossary did not come out: 심장내과 = cardiology"]
    assert counted() == (kept + 1, missed + 1)


async def test_it_works_in_both_directions(step: GlossaryCheck) -> None:
    """Which one, the languages of the finals say."""
    said = turn("She is at SNU, in cardiology.", "서울대 병원에 있습니다.", ("en", "ko"))
    assert await warned(step, *said) == ["terms of the glossary did not come out: cardiology = 심장내과"]


async def test_of_many_only_the_first_are_named(step: GlossaryCheck) -> None:
    """The user reads a line, not a list."""
    said = turn("이지은 씨, 서울대 심장내과의 스텐트입니다.", "Here you are.")
    assert await warned(step, *said) == [
        "terms of the glossary did not come out: 심장내과 = cardiology, 스텐트 = stent, 서울대 = SNU and 1 more"
    ]


@pytest.mark.parametrize(
    "messages",
    [
        turn("심장내과입니다.", "This is Cardiology."),
        turn("스텐트 둘입니다.", "Two stents."),
        turn("안녕하세요.", "Hello."),
        turn("심장내과입니다.", ""),
        turn("", "Cardiology."),
        turn("심장내과です。", "Heart clinic.", ("ja", "en")),
        [partial(), Interrupted(reason="client"), *turn("심장내과입니다.", "This")],
        [partial(), Interrupted(reason="barge_in"), *turn("심장내과입니다.", "This")],
    ],
)
async def test_nothing_is_told_where_nothing_is_wrong(step: GlossaryCheck, messages: list[ServerMessage]) -> None:
    """All came out; none was said; nothing was interpreted; other languages; the turn was cut."""
    assert await warned(step, *messages) == []


async def test_only_the_turn_that_was_cut_goes_unchecked(step: GlossaryCheck) -> None:
    """An interrupt between two turns, and an output that is made again, excuse nothing."""
    said = turn("심장내과입니다.", "The heart clinic.")
    told = ["terms of the glossary did not come out: 심장내과 = cardiology"]
    cut = [partial(), Interrupted(reason="client"), *turn("심장내과입니다.", "The")]
    assert await warned(step, Interrupted(reason="client"), partial(), *said) == told
    fresh = made(GlossaryCheckParams(glossary=step._glossary))
    assert await warned(fresh, partial(), Interrupted(reason="upstream"), *said) == told
    fresh = made(GlossaryCheckParams(glossary=step._glossary))
    assert await warned(fresh, *cut, *said) == told


async def test_without_a_glossary_it_does_nothing() -> None:
    """The step stands in the pipeline all the same."""
    before = counted()
    assert await warned(made(GlossaryCheckParams()), *turn("심장내과입니다.", "The heart clinic.")) == []
    assert counted() == before
