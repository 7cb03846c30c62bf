"""What the server may write while it is attacked: known lines, few of them, and nothing of what clients sent."""

import re
from collections import Counter

_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - (?P<logger>[\w.]+) - (?P<level>[A-Z]+) - (?P<text>.*)", re.ASCII
)
_UNLOGGED = re.compile(r"ends not logged reason=.+ count=(\d+)")
_SESSION = re.compile(r"session_id=([0-9a-f-]{36})\b")
_OF_SESSIONS = ("session started ", "session ended ")
_OF_RESUMES = ("client lost ", "client resumed ", "resume refused ")
_OF_CONNECTIONS = ("Invalid HTTP request received.", "Unsupported upgrade request.", "origin refused ", "ready ")
_OF_THE_END = ("draining; a second signal ends the server at once ", "drained ")
_OF_A_BUSY_MACHINE = re.compile(r".*: timed out waiting for task to cancel|runner-\w+ dangling tasks detected: .*")
"""pipecat's, where ending a session takes longer than it likes."""
_BUSY_SHARE = 0.01


def check_log(text: str, *, handshakes: int, refused_requests: int) -> list[str]:
    """What is wrong with a log, a line each.

    Args:
        text: All of it.
        handshakes: WebSockets that were accepted: each has one end, and one start at most, or resumed a session.
        refused_requests: HTTP requests that were refused: each may have one line.
    """
    wrong: list[str] = []
    starts: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    stops: Counter[str] = Counter()
    http_lines = busy_lines = resumed = unlogged = 0
    for line in text.split("\n"):
        found = _LINE.fullmatch(line)
        if line and found is None:
            wrong.append(f"the log has a line of another form: {line[:200]!r}")
            continue
        if found is None:
            continue
        said = found["text"]
        if found["level"] not in ("INFO", "WARNING") or not line.isascii() or not line.isprintable():
            wrong.append(f"the log has a line that nobody should need: {line[:300]!r}")
        session = _SESSION.search(said)
        if said.startswith(_OF_SESSIONS) and session is not None:
            (starts if said.startswith(_OF_SESSIONS[0]) else ends)[session[1]] += 1
        elif counted := _UNLOGGED.fullmatch(said):
            unlogged += int(counted[1])
        elif said.startswith(_OF_RESUMES) and session is not None:
            resumed += said.startswith(_OF_RESUMES[1])
        elif said.startswith(_OF_CONNECTIONS):
            http_lines += not said.startswith("ready ")
        elif said.startswith(_OF_THE_END):
            stops[said.split(maxsplit=1)[0]] += 1
        elif found["logger"].startswith("pipecat.") and _OF_A_BUSY_MACHINE.fullmatch(said):
            busy_lines += 1
        else:
            wrong.append(f"the log has a line that is not known: {line[:300]!r}")
    wrong += [f"session {session} has {count} lines for its end" for session, count in ends.items() if count > 1]
    wrong += [
        f"session {session} has {count} lines for its start" for session, count in starts.items() if count > 1
    ]
    wrong += [f"the log has {count} lines that say '{said}'" for said, count in stops.items() if count > 1]
    if len(ends) + unlogged + resumed != handshakes:
        wrong.append(
            f"{handshakes} connections were accepted, and the log has {len(ends)} ends, {unlogged} that are only"
            f" counted, and {resumed} resumes"
        )
    if starts.keys() - ends.keys():
        wrong.append(f"{len(starts.keys() - ends.keys())} sessions have a start in the log, and no end")
    if busy_lines > _BUSY_SHARE * handshakes:
        wrong.append(f"pipecat complains {busy_lines} times that sessions do not end")
    if http_lines > refused_requests:
        wrong.append(f"{refused_requests} requests were refused, and the log has {http_lines} lines about them")
    return wrong
