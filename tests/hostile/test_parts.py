"""What the attack is made of: frames as RFC 6455 has them, the same messages for a seed, and laws that notice."""

import random

import pytest
from pipecat.frames.frames import InputAudioRawFrame
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol

from protocol.errors import Fault
from protocol.messages import Init
from protocol.serializer import ProtocolSerializer
from tests.hostile import messages
from tests.hostile.conversation import check_errors, fragmented
from tests.hostile.frames import BINARY, TEXT, data_frame, frame, masked
from tests.hostile.log_laws import check_log
from tests.hostile.oracle import Limits, Oracle, Verdict
from tests.hostile.tally import Tally, table
from tests.hostile.violations import VIOLATIONS
from tests.support.offered import chosen_of

NO_LIMIT = Limits(client_errors=10**9)
ENDED = (
    "2026-01-01 00:00:00,000 - pipelines.session - INFO - session ended"
    " session_id=36525413-e37c-4bf7-9f94-62a04033ee31 reason='closed by client' close_code=1000\n"
)
DRAINED = "2026-01-01 00:00:00,000 - pipelines.drain - INFO - drained sessions=1 cut=0 duration_secs=0.1\n"


# Frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 100_001])
@pytest.mark.parametrize("mask", [bytes(4), b"\x01\xfe\x80\x7f"])
def test_frames_are_those_of_the_standard(size: int, mask: bytes) -> None:
    """A library reads what the encoder wrote, of any length and under any mask."""
    payload = random.Random(size).randbytes(size)
    peer = Protocol(SERVER, max_size=None)
    peer.receive_data(frame(payload, BINARY, mask=mask))
    (event,) = peer.events_received()
    assert isinstance(event, Frame)
    assert (event.opcode, bytes(event.data), event.fin) == (Opcode.BINARY, payload, True)
    assert masked(masked(payload, mask), mask) == payload


def test_fragments_make_up_the_message() -> None:
    """However it is cut, a message comes out of its fragments as it was."""
    rng = random.Random(1)
    for content in ("가나다" * 50, b"\0\1" * 100, "", b""):
        peer = Protocol(SERVER, max_size=None)
        peer.receive_data(b"".join(fragmented(rng, content)))
        events = [event for event in peer.events_received() if isinstance(event, Frame)]
        data = [event for event in events if event.opcode not in (Opcode.PING, Opcode.PONG)]
        expected = content.encode() if isinstance(content, str) else content
        assert b"".join(event.data for event in data) == expected
        assert [event.fin for event in data] == [False] * (len(data) - 1) + [True]


@pytest.mark.parametrize("name", VIOLATIONS)
def test_each_violation_is_one(name: str) -> None:
    """By a library's reading, too, the connection ends with that code."""
    data, close_code = VIOLATIONS[name]
    peer = Protocol(SERVER, max_size=8 * 2**20)
    peer.receive_data(data)
    sent = peer.close_sent
    assert sent is not None
    assert sent.code == close_code


# Messages


def test_a_seed_gives_the_same_messages() -> None:
    """Who reports a failure can say how to see it again."""
    drawn = [[_draw(random.Random(seed)) for seed in range(100)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) > 50


def _draw(rng: random.Random) -> messages.Content:
    return rng.choice([messages.mostly_refused, messages.mutated])(rng)


def test_every_kind_is_refused_most_of_the_time() -> None:
    """The kinds are what their names say."""
    for name, draw in messages.REFUSED.items():
        verdicts = [Oracle(NO_LIMIT).judge(draw(random.Random(seed))) for seed in range(100)]
        assert sum(verdict.error is not None for verdict in verdicts) > 50, name


def test_bytes_that_are_no_utf8_are_none() -> None:
    """Nothing of it may pass for text."""
    for seed in range(500):
        with pytest.raises(UnicodeDecodeError):
            messages.not_utf8(random.Random(seed)).decode()


# The second reading of the protocol


@pytest.mark.parametrize("seed", range(20))
async def test_the_oracle_and_the_server_read_alike(seed: int) -> None:
    """Two readings of the same documents agree on thousands of messages, in every state."""
    rng = random.Random(seed)
    oracle, serializer = Oracle(NO_LIMIT), ProtocolSerializer(max_message_bytes=2**20, max_chunk_secs=5)
    for _ in range(100):
        content = rng.choice([messages.mostly_refused, messages.mutated, messages.valid])(rng)
        verdict = oracle.judge(content)
        if verdict.close_code is not None:
            continue
        oracle.take(content)
        result = await serializer.deserialize(content)
        message = None if isinstance(result, InputAudioRawFrame) else getattr(result, "message", None)
        if isinstance(message, Init) and isinstance(fault := chosen_of(message.config), Fault):
            message = fault
        assert (message.code.value if isinstance(message, Fault) else None) == verdict.error, content
        if isinstance(message, Init):
            serializer.accept(message.config)


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        ('{"type":"init"}', Verdict(accepted="init")),
        ('{"type":"close"}', Verdict(close_code=1000, accepted="close")),
        ('{"type":"audio"}', Verdict("NOT_READY")),
        ('{"type":"init","config":{"language":"fr"}}', Verdict("UNSUPPORTED_LANGUAGE", 1008)),
        ('{"type":"init","config":{"language":"ko","targetLanguage":"EN-us"}}', Verdict(accepted="init")),
        (
            '{"type":"init","config":{"language":"ko","targetLanguage":"KO"}}',
            Verdict("UNSUPPORTED_LANGUAGE", 1008),
        ),
        ('{"type":"init","config":{"language":"KO"}}', Verdict("UNSUPPORTED_LANGUAGE", 1008)),
        ('{"type":"init","config":{"targetLanguage":"ja"}}', Verdict("UNSUPPORTED_LANGUAGE", 1008)),
        ('{"type":"init","config":{"targetLanguage":null}}', Verdict("INVALID_MESSAGE")),
        ('{"type":"init","config":{"engine":"interpreter"}}', Verdict(accepted="init")),
        ('{"type":"init","config":{"engine":"other","language":"fr"}}', Verdict("INVALID_MESSAGE")),
        (" " * (2**20 + 1), Verdict("MESSAGE_TOO_LARGE", 1009)),
        ("[" * 300 + "]" * 300, Verdict("INVALID_MESSAGE")),
        (b"\0\0", Verdict("NOT_READY")),
    ],
)
def test_the_oracle_knows_the_documents(content: str | bytes, verdict: Verdict) -> None:
    """Before ``init``, each kind of answer."""
    assert Oracle(Limits()).judge(content) == verdict


def test_the_oracle_counts_refusals() -> None:
    """The refusal after ``MAX_CLIENT_ERRORS`` is the last."""
    oracle = Oracle(Limits(client_errors=2))
    assert [oracle.take("x").error for _ in range(3)] == ["INVALID_MESSAGE", "INVALID_MESSAGE", "RATE_LIMITED"]


# Laws of the log and of errors


def test_a_quiet_log_is_fine() -> None:
    """One end for a connection, and a line for a request that was refused."""
    http = "2026-01-01 00:00:00,000 - uvicorn.error - WARNING - Invalid HTTP request received.\n"
    assert check_log(ENDED + http + DRAINED, handshakes=1, refused_requests=1) == []


@pytest.mark.parametrize(
    ("more", "noticed"),
    [
        ("Traceback (most recent call last):\n", "another form"),
        (ENDED, "2 lines for its end"),
        (DRAINED * 2, "2 lines that say 'drained'"),
        (ENDED.replace("36525413", "00000000"), "1 connections were accepted, and the log has 2 ends"),
        (ENDED.replace("INFO", "ERROR"), "nobody should need"),
        (ENDED.replace("client'", "client\x1b[2J'"), "nobody should need"),
        (ENDED.replace("session ended", "got {'type': 'x'}"), "not known"),
        (messages.FORGED_LINE.strip() + "\n", "nobody should need"),
    ],
)
def test_the_log_may_say_nothing_else(more: str, noticed: str) -> None:
    """Stack traces, errors, second ends, lines and bytes of clients."""
    wrong = check_log(ENDED + more, handshakes=1, refused_requests=0)
    assert any(noticed in line for line in wrong), wrong


@pytest.mark.parametrize("message", ["a\nb", "\x1b", "x" * 500, 'File "/usr/lib/x.py"'])
def test_an_error_may_not_say_just_anything(message: str) -> None:
    """No line breaks, nothing long, no paths."""
    with pytest.raises(AssertionError):
        check_errors([{"type": "error", "code": "INVALID_MESSAGE", "message": message}])


def test_the_table_adds_up() -> None:
    """A line for each class, and one for all."""
    tallies = [Tally("one", 1, 1, 20, 3), Tally("two", 2, 0, 1000, 0)]
    tallies[0].closes["1000"] = 1
    lines = table(tallies).splitlines()
    assert [line.split()[0] for line in lines] == ["class", "one", "two", "all"]
    assert "1,020" in lines[-1]
    assert lines[-1].endswith("1000: 1")


def test_a_text_is_a_text_frame() -> None:
    """As its type says."""
    assert data_frame("x")[0] & 0x0F == TEXT
    assert data_frame(b"x")[0] & 0x0F == BINARY
