"""The diagram of a pipeline, in Mermaid's language."""

import html
import re

from pipelines.diagram import mermaid
from tests.support.checked import checked, steps

EXPECTED = """flowchart LR
    client(["client"])
    subgraph pipeline["talk"]
        direction LR
        input["transport input"]
        step1["vad"]
        step2["gemini_live"]
        step3["tests.support.needy_step:Needy"]
        output["transport output"]
        input --> step1 --> step2 --> step3 --> output
    end
    client -->|WebSocket| input
    output -->|WebSocket| client
    upstream[["Gemini Live"]]
    step2 <--> upstream
    step3 <--> upstream"""


def test_the_way_through_the_steps() -> None:
    """From the client and back, with the upstream beside every step that says that it uses it."""
    assert mermaid(checked(steps("vad", "gemini_live", "tests.support.needy_step:Needy"))) == EXPECTED


def test_the_emulator_is_shown_as_such() -> None:
    """Nobody takes it for Google's service."""
    assert 'upstream[["emulator of Gemini Live"]]' in mermaid(checked(steps("gemini_live"), emulator=True))


def test_no_upstream_where_no_step_uses_it() -> None:
    """A pipeline of somebody else's steps."""
    assert "upstream" not in mermaid(checked(steps("speech_state", "tests.support.needy_step:OtherMeaning")))


def test_a_name_is_no_mermaid() -> None:
    """What would end the label, or be read as Markdown or HTML, is written by its number; letters stay."""
    name = 'my "fine"] <b>pipe</b> #1. `x` *y* 한국어 #quot;'
    diagram = mermaid(checked(f"name = '{name}'\n{steps('gemini_live')}"))
    (label,) = re.findall(r'subgraph pipeline\["([^"]*)"\]', diagram)
    assert not set(label) & set("<>`*[]&")
    assert "한국어" in label
    assert html.unescape(label.replace("#", "&#")) == name
    assert 'pipeline["1#46; x.y"]' in mermaid(checked(f'name = "1. x.y"\n{steps("gemini_live")}'))


def test_a_name_of_several_lines_is_one_label() -> None:
    """A line break would end the statement."""
    assert 'pipeline["a b"]' in mermaid(checked(f'name = "a\\n  b"\n{steps("gemini_live")}'))
