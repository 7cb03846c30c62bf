"""The tables say of a field what its schema says."""

from markdown_it import MarkdownIt

from protocol.errors import ERRORS
from reference.schemas import message_schema
from reference.tables import errors_table, fields_table, table


def cells(markdown: str) -> list[list[str]]:
    """The cells as a reader of Markdown finds them, the head first."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(token.content)
    return rows


def test_a_cell_holds_any_text() -> None:
    """Bars and line breaks end neither the cell nor the row."""
    assert cells(table(("a", "b"), [("x|y", "one\ntwo"), ("", "`|`")])) == [
        ["a", "b"],
        ["x|y", "one two"],
        ["", "`|`"],
    ]


def test_a_client_reads_defaults_and_bounds() -> None:
    """Fields of ``config`` are named with it; a number has its bounds, a field that must be there is required."""
    head, *rows = cells(fields_table(message_schema("init"), sent_by_client=True))
    assert head == ["field", "type", "default", "meaning"]
    assert [row[:3] for row in rows] == [
        ["`config`", "object", "`{}`"],
        ["`config.language`", "string", '`"auto"`'],
        ["`config.targetLanguage`", "string", "none"],
        ["`config.engine`", "string", "none"],
        ["`config.useWhisper`", "boolean", "`false`"],
        ["`config.sampleRate`", "integer, 8000 to 48000", "`16000`"],
        ["`config.audioEncoding`", "string", '`"base64"`'],
        ["`config.resume`", "object", "none"],
        ["`config.resume.sessionId`", "string", "none"],
        ["`config.resume.resumeToken`", "string", "none"],
        ["`config.resume.lastSeq`", "integer, 0 or more", "none"],
        ["`config.resume.firstSample`", "integer, 0 or more", "none"],
        ["`config.room`", "object", "none"],
        ["`config.room.id`", "string", "required"],
        ["`config.room.token`", "string", "required"],
        ["`config.room.name`", "string", '`""`'],
    ]
    assert cells(fields_table(message_schema("audio"), sent_by_client=True))[1][:3] == [
        "`data`",
        "string",
        "required",
    ]


def test_a_reader_of_the_server_learns_when_a_field_is_sent() -> None:
    """Always, never empty, or under a condition."""
    sent = {
        (kind, row[0]): row[2]
        for kind in ("connected", "output_transcription", "warning", "error")
        for row in cells(fields_table(message_schema(kind), sent_by_client=False))
    }
    assert sent["connected", "`engine`"] == "always"
    assert sent["output_transcription", "`text`"] == "always, never empty"
    assert sent["output_transcription", "`language`"] == "only if final"
    assert sent["warning", "`ms`"] == "only with `SPEECH_DROPPED` and `AUDIO_LOST`"
    assert sent["error", "`seq`"] == sent["connected", "`resumed`"] == "if the session can be resumed"
    assert sent["error", "`code`"] == "may be missing"


def test_a_message_without_fields_has_no_table() -> None:
    """An empty table would say nothing."""
    assert fields_table(message_schema("close"), sent_by_client=True) == ""


def test_errors_are_in_the_order_of_the_codes() -> None:
    """Each code has a row, with what happened and what to do."""
    _, *rows = cells(errors_table())
    assert [row[0] for row in rows] == [f"`{code}`" for code in ERRORS]
    assert [(row[1], row[3]) for row in rows] == [(rule.when, rule.advice) for rule in ERRORS.values()]
