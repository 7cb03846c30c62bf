"""One sink for logging and loguru: a static text and fields, as lines or as JSON.

What goes in here never holds a key, a URL's query or a word of a transcript: libraries that would print them are
held above DEBUG whatever the level.
"""

import logging
import re
import sys
from typing import TYPE_CHECKING

from loguru import logger as loguru_logger
from pythonjsonlogger.json import JsonFormatter

if TYPE_CHECKING:
    from loguru import Message

# websockets prints the API key and every frame at DEBUG, uvicorn the URL with its query at INFO, pipecat the users'
# words at DEBUG, google-genai, openai and their HTTP clients requests, faster-whisper a line for each recognition
# at INFO.
_HELD_AT_WARNING = frozenset(
    {
        "asyncio",
        "faster_whisper",
        "filelock",
        "google_genai",
        "httpcore",
        "httpcore2",
        "httpx",
        "httpx2",
        "huggingface_hub",
        "markdown_it",
        "openai",
        "pipecat",
        "uvicorn",
        "websockets",
    }
)
# Every error frame reaches the session, which logs it once, with the session's id.
_REPORTED_BY_SESSION = ("pipecat.pipeline.worker", "pipecat.processors.frame_processor")
_PLAIN = re.compile(r"[!-&(-<>-~]+")
_JSON_FIELDS = "%(asctime)s %(name)s %(levelname)s %(message)s"


def configure_logging(level: str, log_format: str) -> None:
    """Send all logs to standard error.

    Args:
        level: Name of the lowest level that is shown.
        log_format: A format of :mod:`logging`, or ``"json"``: one JSON object a line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_FieldsAsJson(_JSON_FIELDS) if log_format == "json" else _FieldsAsText(log_format))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _HELD_AT_WARNING:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    for name in _REPORTED_BY_SESSION:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn.error").addFilter(_is_no_bad_text)
    logging.getLogger("asyncio").addFilter(_is_no_late_tls)
    loguru_logger.remove()
    loguru_logger.add(_to_logging, format="{message}", level="WARNING")


def log_event(logger: logging.Logger, level: int, text: str, **fields: object) -> None:
    """Log a static ``text`` with ``fields``; fields that are ``None`` are left out."""
    present = {name: value for name, value in fields.items() if value is not None}
    logger.log(level, text, extra={"fields": present})


def _shown(value: object) -> str:
    """A field's value: quoted, with escapes, where a reader could not tell where it ends."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) else repr(text)


class _FieldsAsText(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        fields = getattr(record, "fields", {})
        record.message = " ".join([record.message, *(f"{name}={_shown(value)}" for name, value in fields.items())])
        return super().formatMessage(record)


class _FieldsAsJson(JsonFormatter):
    def format(self, record: logging.LogRecord) -> str:
        record.__dict__.update(getattr(record, "fields", {}))
        record.__dict__.pop("fields", None)
        return super().format(record)


def _to_logging(message: "Message") -> None:
    record = message.record
    logging.getLogger(record["name"] or "pipecat").log(record["level"].no, "%s", record["message"])


def _is_no_bad_text(record: logging.LogRecord) -> bool:
    """A client's text that is no UTF-8 is no fault of the server: the session's end says it, with code 1007."""
    return "Invalid UTF-8" not in str(record.msg)


def _is_no_late_tls(record: logging.LogRecord) -> bool:
    """Data that comes for a TLS connection that was given up is of no consequence, but uvloop raises.

    A client that leaves while its session connects to the upstream is enough for it.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, RuntimeError) and "the handler is closed" in str(error))
