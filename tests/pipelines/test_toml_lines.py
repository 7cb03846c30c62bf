"""Where everything stands in a pipeline file, however it is written."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.toml_lines import lines_of, toml_faults

FILE = '''# A comment.
name = "x"

[[step]]   # the first
use = "a"
text = """
[[step]]
use = "not a step"
"""
"quoted key" = 1
values = [
    [1, 2],
    [3],
]
dotted.key = 2

[step.table]
inner = 1

[[ step ]]
after = """\\
"""
use = "b"

[other]
name = "not the pipeline's"
'''


def faults_of(text: str) -> list[tuple[int, str]]:
    """What is told of a text that is no TOML."""
    with pytest.raises(tomllib.TOMLDecodeError) as raised:
        tomllib.loads(text)
    return toml_faults(text, raised.value)


def test_a_key_of_several_statements_has_the_line_of_the_first() -> None:
    """Dotted keys make one table, bit by bit."""
    assert lines_of("name.a = 1\nname.b = 2\n[[step]]\nvoice.a = 1\nvoice.b = 2\n").keys == {"name": 1}
    (step,) = lines_of("[[step]]\nvoice.a = 1\nvoice.b = 2\n").steps
    assert step.of("voice") == 2


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_key_has_its_line(newline: str) -> None:
    """What only looks like a step or a key, inside a text or a list, counts as what it is."""
    lines = lines_of(FILE.replace("\n", newline))
    assert lines.keys == {"name": 2, "other": 25}
    first, second = lines.steps
    assert first.header == 4
    assert first.keys == {"use": 5, "text": 6, "quoted key": 10, "values": 11, "dotted": 15, "table": 17}
    assert (second.header, second.keys) == (20, {"after": 21, "use": 23})
    assert (first.of("values"), first.of("missing")) == (11, 4)


def test_inline_steps_stand_where_their_array_starts() -> None:
    """Nothing finer is known of them."""
    lines = lines_of('\nstep = [\n  {use = "a"},\n  {use = "b"},\n]\n')
    assert [lines.step(index).of("use") for index in range(2)] == [2, 2]


def test_a_single_step_is_a_key() -> None:
    """``[step]`` is a table by that name, and no step."""
    lines = lines_of('[step]\nuse = "a"\n')
    assert (lines.keys, lines.steps) == ({"step": 1}, [])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[step]]\nuse = vad\n", (2, "not valid TOML: Invalid value (a text stands in quotes), column 7")),
        ("a = 1\n\na = 2\n", (3, "not valid TOML: 'a' is set twice")),
        ("a = 1\nb 2\n", (2, "not valid TOML: Expected '=' after a key in a key/value pair, column 3")),
        ("[x]\n[x]\n", (2, "not valid TOML: Cannot declare ('x',) twice, column 3")),
        ("# c\na = 1\n\n# c\nb = [\n1,\n", (5, "not valid TOML: Invalid value, at the end of the file")),
        ('"""', (1, "not valid TOML: Expected '=' after a key in a key/value pair, column 3")),
    ],
)
def test_what_is_no_toml_has_a_line(text: str, fault: tuple[int, str]) -> None:
    """The line of the mistake, or where something starts that never ends."""
    assert faults_of(text) == [fault]


def test_every_single_step_is_told() -> None:
    """The commonest mistake of all, in the words of the mistake and not of its consequence."""
    told = "expected [[step]] with two brackets, got [step]"
    assert faults_of('[step]\nuse = "a"\n\n[step] # b\nuse = "b"\n') == [(1, told), (4, told)]
    assert faults_of('[[step]]\nuse = "a"\n[step]\nuse = "b"\n') == [(3, told)]


def test_a_single_step_hides_no_other_mistake() -> None:
    """What the TOML reader stopped at is told, not what it never reached."""
    assert faults_of("a = 1\na = 2\n[step]\n") == [(2, "not valid TOML: 'a' is set twice")]


@given(st.text(alphabet=st.sampled_from("[]\"'=#\n\\ astep1,{}."), max_size=60))
def test_any_text_has_its_lines(text: str) -> None:
    """Right or wrong, there is a line for everything, and it is in the text."""
    last = text.count("\n") + 1
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults = toml_faults(text, error)
        assert faults
        assert all(1 <= line <= last for line, _ in faults)
    else:
        lines = lines_of(text)
        assert content.keys() <= lines.keys.keys() | {"step"}
        assert all(1 <= line <= last for line in lines.keys.values())
