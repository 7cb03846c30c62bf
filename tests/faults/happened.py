"""What happened in a case, in order, for who looks into a failure: client, upstream and the server's log."""

import heapq
import time
from collections.abc import Iterable, Iterator
from itertools import groupby

from emulator import Emulator, SessionRecord
from tests.faults.recording import Message, Recording

_TEXT_CHARS = 40
_STAMP_CHARS = len("16:53:05,039")


def upstream_lines(emulator: Emulator) -> Iterator[tuple[float, str]]:
    """When what happened upstream, by the monotonic clock; runs of the same kind of message are one line."""
    for session in emulator.sessions:
        yield from _session_lines(session)
    for strike in emulator.struck:
        place = "" if strike.utterance is None else f", utterance {strike.utterance}"
        yield strike.at_secs, f"fault {strike.name} at {strike.moment} in session {strike.session}{place}"


def told(recording: Recording, log: Iterable[str]) -> list[str]:
    """Everything, line by line and in order, with the time of day.

    Args:
        recording: The case.
        log: The server's, each line with date, time of day and text.
    """
    since = time.time() - time.monotonic()
    lines = (
        [(at + since, f"upstream  {text}") for at, text in recording.upstream],
        [(at + since, f"client    {text}") for at, text in _client_lines(recording)],
    )
    stamped = [sorted(f"{_stamp(at)}  {text}" for at, text in part) for part in lines]
    logged = [line.partition(" ")[2].replace(" - ", "  server    ", 1) for line in log if line[:2].isdigit()]
    return list(heapq.merge(*stamped, logged, key=lambda line: line[:_STAMP_CHARS]))


def _session_lines(session: SessionRecord) -> Iterator[tuple[float, str]]:
    runs = groupby(session.messages, key=lambda message: (message.direction, message.kind))
    for (direction, kind), run in runs:
        messages = list(run)
        times = f" x {len(messages)}" if len(messages) > 1 else ""
        details = {name: value for name, value in messages[0].data.items() if name in ("code", "reason")}
        at = session.began_at_secs + messages[0].at_secs
        yield at, f"session {session.number} {direction:3} {kind}{times} {details or ''}".rstrip()


def _client_lines(recording: Recording) -> Iterator[tuple[float, str]]:
    for spoken in recording.spoken:
        yield spoken.ended_at_secs, f"said {spoken.name} to the end"
    arrived = zip(recording.messages, recording.arrivals, strict=True)
    for is_sound, run in groupby(arrived, key=lambda item: item[0]["type"] == "audio_response"):
        messages = list(run)
        if is_sound:
            yield messages[0][1], f"audio_response x {len(messages)}"
        else:
            yield from ((at, _described(message)) for message, at in messages)


def _described(message: Message) -> str:
    words = [
        message["type"],
        *(str(message[name]) for name in ("state", "reason", "code", "ms") if name in message),
    ]
    text = message.get("text") or message.get("outputText")
    final = " final" if message.get("isFinal") else ""
    return " ".join(words) + final + (f" {text[:_TEXT_CHARS]!r}" if text else "")


def _stamp(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at)) + f",{int(at % 1 * 1000):03}"
