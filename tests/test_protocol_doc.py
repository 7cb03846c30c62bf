"""``docs/protocol.md`` tells authors of clients what the models, the tables and the settings say, and nothing else.

Every message, field, default and code is there; every example is one that the server would take or send; sequences
and diagrams obey the protocol's laws; the example client runs. What is generated is as fresh as the models.
"""

import asyncio
import base64
import json
import os
import re
import sys
import wave
from pathlib import Path
from typing import Any, get_args

import pytest

from pipelines.settings import Settings
from protocol.decoding import decode_text
from protocol.errors import CLOSE_CODES, CLOSES_WITHOUT_ERROR, ErrorCode, Fault, WarningCode
from protocol.messages import CLIENT_MESSAGES, SERVER_MESSAGES, Audio, InitConfig, Resume, RoomEntry, WireModel
from reference.files import stale_files
from tests.support.client import ProtocolClient, protocol_client
from tests.support.flows import Step, flow_steps
from tests.support.laws import lawful_turns
from tests.support.servers import running_server
from tests.support.speech import silence, spoken, texts
from tests.support.waiting import until

PAGE = (Path(__file__).parents[1] / "docs" / "protocol.md").read_text(encoding="utf-8")
TYPES = [*CLIENT_MESSAGES, *SERVER_MESSAGES]
MAX_CHUNK_BYTES = 160_000


def section(heading: str) -> str:
    """What stands between a heading and the next of its level or above."""
    level = heading.split(" ")[0]
    _, _, after = PAGE.partition(f"\n{heading}\n")
    assert after, f"no section {heading}"
    return re.split(rf"^#{{1,{len(level)}}} ", after, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """Cells of all table rows, but for heads and lines below them; code without its quotes."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {at - 1 for at, line in enumerate(lines) if line.startswith("|---")}
    content = [line for at, line in enumerate(lines) if at not in heads and at - 1 not in heads]
    return [[re.sub(r"^`([^`]*)`$", r"\1", cell.strip()) for cell in line.split("|")[1:-1]] for line in content]


def blocks(language: str, text: str = PAGE) -> list[str]:
    """The code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def fields_of(kind: str) -> dict[str, tuple[type[WireModel], str]]:
    """The fields of a message as they are called on the wire, without ``type``; each with its model and name."""
    model: type[WireModel] = CLIENT_MESSAGES[kind] if kind in CLIENT_MESSAGES else SERVER_MESSAGES[kind]
    fields = _aliases(model)
    if kind == "init":
        fields |= {f"config.{alias}": field for alias, field in _aliases(InitConfig).items()}
        fields |= {f"config.resume.{alias}": field for alias, field in _aliases(Resume).items()}
        fields |= {f"config.room.{alias}": field for alias, field in _aliases(RoomEntry).items()}
    return fields


def _aliases(model: type[WireModel]) -> dict[str, tuple[type[WireModel], str]]:
    return {str(info.alias): (model, name) for name, info in model.model_fields.items() if name != "type"}


def check_client_message(message: dict[str, Any]) -> None:
    """The server takes it."""
    decoded = decode_text(json.dumps(message), initialized=message["type"] != "init")
    assert not isinstance(decoded, Fault), decoded
    if isinstance(decoded, Audio):
        assert isinstance(decoded.pcm(MAX_CHUNK_BYTES), bytes)
    known = {alias for alias in fields_of(message["type"]) if "." not in alias}
    assert set(message) - {"type"} <= known
    assert set(message.get("config", {})) <= set(_aliases(InitConfig))


def check_server_message(message: dict[str, Any]) -> None:
    """The server could send exactly this."""
    model = SERVER_MESSAGES[message["type"]].model_validate(message, strict=False)
    assert json.loads(model.to_json()) == message


def sequence(at: int) -> list[tuple[str, dict[str, Any]]]:
    """The messages of a sequence, each with who sends it."""
    found = re.findall(r"^([CS])  (\{.*\})$", blocks("text")[at], re.MULTILINE)
    return [(who, json.loads(text)) for who, text in found]


def flow(heading: str, at: int = 0) -> list[Step]:
    """The steps of a diagram in the section with this heading."""
    return flow_steps(blocks("mermaid", section(f"### {heading}"))[at])


def test_the_generated_parts_are_fresh() -> None:
    """The page and the schemas beside it say what the models say; else: ``python -m reference``."""
    assert [str(path) for path in stale_files()] == [], "stale; run: python -m reference"


def test_every_message_has_its_section() -> None:
    """There is one section for each message of the models, in either direction, and no other."""
    found = re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE)
    assert found == TYPES


@pytest.mark.parametrize("kind", TYPES)
def test_every_field_is_told(kind: str) -> None:
    """A message's section names each of its fields; its table has no other."""
    text = section(f"### `{kind}`")
    assert [name for name in fields_of(kind) if f"`{name}`" not in text] == []
    assert {row[0] for row in rows(text)} <= set(fields_of(kind))


@pytest.mark.parametrize("kind", CLIENT_MESSAGES)
def test_defaults_are_those_of_the_models(kind: str) -> None:
    """What a client may leave out counts as what the table says."""
    for name, _, default, _ in rows(section(f"### `{kind}`")):
        model, field = fields_of(kind)[name]
        info = model.model_fields[field]
        if info.is_required():
            assert default == "required"
        elif info.default is None:
            assert default == "none"
        elif name != "config":
            assert json.loads(default) == info.default


@pytest.mark.parametrize("kind", TYPES)
def test_every_value_is_told(kind: str) -> None:
    """Where a field has a closed set of values, its message's section names each."""
    text = section(f"### `{kind}`")
    for model, field in fields_of(kind).values():
        values = get_args(model.model_fields[field].annotation)
        assert [v for v in values if isinstance(v, str) and not re.search(rf'`"?{v}"?`', text)] == []


@pytest.mark.parametrize("kind", TYPES)
def test_examples_are_real_messages(kind: str) -> None:
    """A message's section has an example of it, which the server would take or send."""
    examples = [json.loads(block) for block in blocks("json", section(f"### `{kind}`"))]
    assert [example["type"] for example in examples] == [kind]
    check = check_client_message if kind in CLIENT_MESSAGES else check_server_message
    check(examples[0])


@pytest.mark.parametrize("at", [0, 1])
def test_sequences_are_lawful(at: int) -> None:
    """The sequences consist of real messages, in an order that the protocol's laws allow."""
    steps = sequence(at)
    for who, message in steps:
        (check_client_message if who == "C" else check_server_message)(message)
    assert steps[0][1]["type"] == "init"
    turns = lawful_turns([message for who, message in steps if who == "S"])
    assert all(turn.complete for turn in turns)
    assert [turn.interrupted for turn in turns] == ([False], [True, False])[at]


@pytest.mark.parametrize(
    ("heading", "interrupted"),
    [("A turn", [False]), ("An interrupt", [True, False]), ("Long speech", [False, False])],
)
def test_diagrams_of_turns_are_lawful(heading: str, interrupted: list[bool]) -> None:
    """Diagrams consist of messages that one side or the other may send, in an order that the laws allow."""
    steps = flow(heading)
    assert [step.message["type"] for step in steps[:2]] == ["init", "connected"]
    for step in steps:
        (check_client_message if step.who == "C" else check_server_message)(step.message)
    turns = lawful_turns([step.message for step in steps if step.who == "S"])
    assert all(turn.complete for turn in turns)
    assert [turn.interrupted for turn in turns] == interrupted


@pytest.mark.parametrize(("at", "heading"), [(0, "A turn"), (1, "An interrupt")])
def test_a_diagram_shows_what_the_sequence_below_it_says(at: int, heading: str) -> None:
    """Where a diagram and a sequence tell the same, the server sends the same in both; times and sound aside."""
    untold = {"timestamp", "sessionId", "data"}

    def told(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: value for name, value in message.items() if name not in untold} for message in messages]

    shown = [step.message for step in flow(heading) if step.who == "S"]
    assert told(shown) == told([message for who, message in sequence(at) if who == "S"])


async def test_the_diagrams_of_refusals_happen() -> None:
    """A real server answers each message of the client as the diagrams say, and closes as they say."""
    async with running_server() as server:
        for at in (0, 1):
            await play(server.url, flow("A refused `init`", at))


async def test_the_diagram_of_a_busy_server_happens() -> None:
    """A full server refuses as the diagram says, and once there is room the second attempt succeeds."""
    steps = flow("A server that is busy")
    refused = [step.closes_with for step in steps].index(1013) + 1
    async with running_server(max_sessions=1) as server:
        async with protocol_client(server.url) as other:
            await other.init()
            await play(server.url, steps[:refused])
        await until(lambda: not server.sessions.active)
        await play(server.url, steps[refused:])


async def play(url: str, steps: list[Step]) -> None:
    """Send what the client sends in these steps, and see that the server does what it does in them."""
    async with protocol_client(url) as client:
        answers = 0
        for step in steps:
            if step.closes_with is not None:
                assert await client.wait_closed() == step.closes_with
                assert step == steps[-1]
            elif step.who == "C":
                await client.send(step.message)
            else:
                answers += 1
                told, came = step.message, await answer(client, answers)
                assert (came["type"], came.get("code")) == (told["type"], told.get("code"))


async def answer(client: ProtocolClient, number: int) -> dict[str, Any]:
    """The ``number``-th message that the server sends, whatever it is."""
    await client.wait_until(lambda: len(client.messages) >= number or client.close_code is not None)
    assert len(client.messages) >= number, f"closed with {client.close_code}"
    return client.messages[number - 1]


def test_every_diagram_is_checked() -> None:
    """There is none but those of the tests above."""
    headings = ["A turn", "An interrupt", "Long speech", "A refused `init`", "A server that is busy"]
    checked = [len(blocks("mermaid", section(f"### {heading}"))) for heading in headings]
    assert (checked, len(blocks("mermaid"))) == ([1, 1, 1, 2, 1], 6)


def test_the_table_of_errors_is_complete_and_true() -> None:
    """Every code stands there once, with what it does to the connection."""
    table = {row[0]: row[2] for row in rows(section("## Errors").split("###")[0])}
    ends = {code.value: "goes on" if close is None else str(close) for code, close in CLOSE_CODES.items()}
    assert table == ends


def test_the_table_of_closes_is_complete() -> None:
    """Every close that no error precedes stands there."""
    table = [row[0] for row in rows(section("### Closes without an error"))]
    assert table == [str(close.close_code) for close in CLOSES_WITHOUT_ERROR]


def test_every_warning_is_told() -> None:
    """Every code of a warning is explained where warnings are."""
    assert [code for code in WarningCode if f"`{code}`:" not in section("### `warning`")] == []


def test_no_code_and_no_setting_is_invented() -> None:
    """Whatever is written like a code or a setting is one of this server."""
    known = {*ErrorCode, *WarningCode, *(name.upper() for name in Settings.model_fields)}
    assert set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", PAGE)) - known == set()


def test_limits_are_those_of_the_settings() -> None:
    """Each limit names its setting and the default of it."""
    table = rows(section("## Limits"))
    assert len(table) > 10
    for _, setting, default in table:
        assert float(default) == Settings.model_fields[setting.lower()].default, setting


def test_chunk_sizes_are_right() -> None:
    """The table of chunks computes."""
    table = [row for row in rows(section("## Audio format")) if re.fullmatch(r"\d+ m?s", row[0])]
    assert len(table) == 4
    for length, samples, size, characters in table:
        number, unit = length.split()
        count = int(number) * (16 if unit == "ms" else 16_000)
        assert [int(samples), int(size), int(characters)] == [
            count,
            2 * count,
            len(base64.b64encode(bytes(2 * count))),
        ]


def test_links_within_the_page_lead_somewhere() -> None:
    """Each names a heading."""
    titles = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors


def test_the_example_client_compiles() -> None:
    """There is one program, and it is Python."""
    [code] = blocks("python")
    compile(code, "example.py", "exec")


@pytest.mark.slow
async def test_the_example_client_runs(tmp_path: Path) -> None:
    """The program as printed streams a recording, prints its turn and writes the interpretation."""
    [code] = blocks("python")
    example, source, target = (tmp_path / name for name in ("example.py", "source.wav", "target.wav"))
    example.write_text(code, encoding="utf-8")
    with wave.open(str(source), "wb") as wav:
        wav.setparams((1, 2, 16_000, 0, "NONE", ""))
        wav.writeframes(spoken("kennedy-2") + silence(500))
    async with running_server() as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "utf8", str(example), server.url, str(source), str(target)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "NO_PROXY": "*"},
        )
        printed, errors = await process.communicate()
    assert (errors.decode(), process.returncode) == ("", 0)
    heard, interpreted = texts("kennedy-2")
    turn = {"type": "turn_complete", "inputText": heard, "outputText": interpreted}
    assert printed.decode().splitlines() == [str(turn)]
    with wave.open(str(target)) as wav:
        assert wav.getframerate() == 24_000
        assert wav.getnframes() > 0
