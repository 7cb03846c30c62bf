"""Texts of an engine as pipecat's frames, marked with the code of the language that each is in.

The codes are in the metadata: ``TranscriptionFrame`` takes only members of pipecat's ``Language``, and
``TTSTextFrame`` has no place for a language (pipecat.frames.frames).
"""

from pipecat.frames.frames import Frame, InterimTranscriptionFrame, TranscriptionFrame
from pipecat.utils.time import time_now_iso8601

_LANGUAGE = "language"


def source_frame(
    text: str, session_id: str, language: str | None, *, final: bool
) -> InterimTranscriptionFrame | TranscriptionFrame:
    """The source text of a turn, in a frame that no interruption drops.

    Args:
        text: The whole so far.
        session_id: Who speaks, as far as anybody knows.
        language: Its code; ``None``: it is not known.
        final: Nothing more is to come.
    """
    frame_class = TranscriptionFrame if final else InterimTranscriptionFrame
    frame = frame_class(text, session_id, time_now_iso8601())
    frame.interruptible = False
    if isinstance(frame, TranscriptionFrame):
        frame.finalized = True
    mark_language(frame, language)
    return frame


def mark_language(frame: Frame, language: str | None) -> None:
    """Mark ``frame`` with the code of its text's language, where that is known."""
    if language is not None:
        frame.metadata[_LANGUAGE] = language


def language_code(frame: Frame) -> str | None:
    """The code that came with a text: our mark, or what a stock service says; ``None``: neither."""
    code = frame.metadata.get(_LANGUAGE) or getattr(frame, "language", None)
    return str(code) if code else None
