"""The one sink of all logs, and what never reaches it."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from loguru import logger as loguru_logger

from pipelines.logs import configure_logging, log_event

TEXT = "%(levelname)s %(name)s: %(message)s"
LIBRARIES = [
    "websockets",
    "websockets.client",
    "websockets.server",
    "uvicorn",
    "uvicorn.error",
    "google_genai",
    "google_genai.live",
    "httpx",
    "httpx2",
    "openai",
    "httpcore.http11",
    "markdown_it",
    "asyncio",
    "pipecat",
    "pipecat.transports.base_output",
]

ReadLines = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Put back every level, handler and filter: logging belongs to the process."""
    root = logging.getLogger()
    loggers = [root, *(x for x in root.manager.loggerDict.values() if isinstance(x, logging.Logger))]
    before = [(x, x.level, x.handlers[:], x.filters[:]) for x in loggers]
    yield
    loguru_logger.remove()
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    for known, level, handlers, filters in before:
        known.setLevel(level)
        known.handlers[:], known.filters[:] = handlers, filters


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> ReadLines:
    """What was written to standard error so far; nothing may go to standard output."""

    def read() -> list[str]:
        out, err = capsys.readouterr()
        assert out == ""
        return err.splitlines()

    return read


def test_both_libraries_write_to_the_same_place(lines: ReadLines) -> None:
    """A line of loguru's looks like one of logging's, under the module's own name."""
    configure_logging("INFO", TEXT)
    logging.getLogger("ours").info("from %s", "logging")
    loguru_logger.warning("from {}: {braces} 100%", "loguru", braces="kept")
    assert lines() == ["INFO ours: from logging", f"WARNING {__name__}: from loguru: kept 100%"]


def test_fields_follow_the_static_text(lines: ReadLines) -> None:
    """Fields come as ``name=value`` in their order; one that is ``None`` is left out."""
    configure_logging("INFO", TEXT)
    log_event(logging.getLogger("ours"), logging.INFO, "session 100% ended", session_id="s-1", code=None, secs=0)
    assert lines() == ["INFO ours: session 100% ended session_id=s-1 secs=0"]


def test_json_has_one_object_a_line(lines: ReadLines) -> None:
    """Fields are members of the object, with their types; loguru's records are objects, too."""
    configure_logging("INFO", "json")
    log_event(logging.getLogger("ours"), logging.INFO, "ended\nwell", session_id="s-1", secs=1.5, code=None)
    loguru_logger.error("from loguru")
    first, second = (json.loads(line) for line in lines())
    assert first.pop("asctime")
    assert first == {
        "name": "ours",
        "levelname": "INFO",
        "message": "ended\nwell",
        "session_id": "s-1",
        "secs": 1.5,
    }
    assert (second["levelname"], second["message"]) == ("ERROR", "from loguru")


def test_json_holds_a_stack_trace_in_its_line(lines: ReadLines) -> None:
    """A fault of ours is one object, trace included, and keeps its fields."""
    configure_logging("INFO", "json")
    try:
        raise RuntimeError("broken")
    except RuntimeError as error:
        logging.getLogger("ours").error("internal", exc_info=error, extra={"fields": {"session_id": "s-1"}})
    (record,) = (json.loads(line) for line in lines())
    assert record["session_id"] == "s-1"
    assert "RuntimeError: broken" in record["exc_info"]


def test_the_format_is_loggings(lines: ReadLines) -> None:
    """Any format of logging's works, without fields as well."""
    configure_logging("INFO", "[%(levelno)d] %(message)s")
    logging.getLogger("ours").info("plain")
    assert lines() == ["[20] plain"]


@pytest.mark.parametrize(
    ("level", "shown"),
    [("DEBUG", ["d", "i", "w"]), ("INFO", ["i", "w"]), ("WARNING", ["w"]), ("ERROR", [])],
)
def test_the_level_decides_what_is_shown(lines: ReadLines, level: str, shown: list[str]) -> None:
    """Our own logs follow ``LOG_LEVEL``."""
    configure_logging(level, "%(message)s")
    ours = logging.getLogger("pipelines.session")
    for log, text in ((ours.debug, "d"), (ours.info, "i"), (ours.warning, "w")):
        log(text)
    assert lines() == shown


@pytest.mark.parametrize("log_format", [TEXT, "json"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_that_print_secrets_are_never_shown_in_detail(
    lines: ReadLines, name: str, log_format: str
) -> None:
    """Keys, URLs with their query, frames and users' words stay out of the log even at ``LOG_LEVEL=DEBUG``."""
    configure_logging("DEBUG", log_format)
    library = logging.getLogger(name)
    library.debug("> x-goog-api-key: AIza-secret")
    library.info('"WebSocket /ws?token=secret" [accepted]')
    assert lines() == []
    library.warning("worth knowing")
    assert len(lines()) == 1


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_details_of_loguru_are_never_shown(lines: ReadLines, level: str) -> None:
    """The framework logs through loguru, and at DEBUG it logs what users say."""
    configure_logging(level, TEXT)
    loguru_logger.debug("Transcription: [my PIN is 1234]")
    loguru_logger.info("Transcription: [my PIN is 1234]")
    assert lines() == []


def test_libraries_follow_a_higher_level(lines: ReadLines) -> None:
    """Who wants errors only gets errors only, of libraries as well."""
    configure_logging("ERROR", TEXT)
    logging.getLogger("uvicorn.error").warning("hm")
    assert lines() == []


def test_a_clients_bad_text_is_left_to_the_sessions_end(lines: ReadLines) -> None:
    """A frame that is no UTF-8 is the client's fault: no error of uvicorn's, no stack trace beside the end."""
    configure_logging("INFO", TEXT)
    try:
        b"\xff".decode()
    except UnicodeDecodeError:
        logging.getLogger("uvicorn.error").exception("Invalid UTF-8 sequence received from client.")
    assert lines() == []


def test_data_for_a_tls_connection_that_was_given_up_is_no_fault(lines: ReadLines) -> None:
    """The event loop's way to say that it came too late is not shown; any other failure of TLS is."""
    configure_logging("INFO", TEXT)
    for text in ("unable to perform operation on <TCPTransport closed=True>; the handler is closed", "bad record"):
        try:
            raise RuntimeError(text)
        except RuntimeError:
            logging.getLogger("asyncio").exception("Fatal error on SSL protocol")
    written = lines()
    assert written[0] == "ERROR asyncio: Fatal error on SSL protocol"
    assert written[-1] == "RuntimeError: bad record"
    assert written.count(written[0]) == 1


def test_other_faults_keep_their_stack_trace(lines: ReadLines) -> None:
    """What is not expected stays visible."""
    configure_logging("INFO", TEXT)
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    written = lines()
    assert written[0] == "ERROR uvicorn.error: Exception in ASGI application"
    assert written[-1] == "RuntimeError: broken"


def test_configuring_again_does_not_double_lines(lines: ReadLines) -> None:
    """The reloader and tests configure more than once."""
    for _ in range(3):
        configure_logging("INFO", TEXT)
    logging.getLogger("ours").info("once")
    loguru_logger.warning("once")
    assert len(lines()) == 2


def test_field_names_cannot_break_a_line(lines: ReadLines) -> None:
    """A field may have a name that logging uses itself."""
    fields: dict[str, Any] = {"name": "x", "message": "y"}
    configure_logging("INFO", "json")
    logging.getLogger("ours").info("text", extra={"fields": fields})
    (line,) = lines()
    assert json.loads(line)["message"] == "text"


ODD: dict[str, Any] = {
    "reason": "client disconnected",
    "code": "RATE_LIMITED",
    "url": "ws://[::1]:8000/ws",
    "close_code": 1006,
    "origin": "x y=1\nsession ended",
    "source": "안녕",
    "detail": "",
}


def test_text_quotes_what_is_more_than_a_word(lines: ReadLines) -> None:
    """A reader sees where each value ends; nobody can forge a line or a field."""
    configure_logging("INFO", "%(message)s")
    log_event(logging.getLogger("server"), logging.INFO, "session ended", **ODD)
    assert lines() == [
        "session ended reason='client disconnected' code=RATE_LIMITED url=ws://[::1]:8000/ws close_code=1006"
        " origin='x y=1\\nsession ended' source='안녕' detail=''"
    ]


def test_json_has_the_values_themselves(lines: ReadLines) -> None:
    """Whoever filters by a reason writes it as the documents do."""
    configure_logging("INFO", "json")
    log_event(logging.getLogger("server"), logging.INFO, "session ended", **ODD)
    (line,) = lines()
    fields = json.loads(line)
    assert fields["message"] == "session ended"
    assert {name: fields[name] for name in ODD} == ODD
