"""A Gemini Live server that costs next to nothing: it hears marks, and answers utterances with marked sound.

It looks into no message further than it must, and trusts whoever connects. What a real server says, in which order,
is what ``emulator/`` plays; here it is only the traffic that matters.
"""

import asyncio
import base64
import binascii
import functools
import json
import ssl
import time
from bisect import bisect_right
from typing import cast

import numpy as np
import trustme

from benchmarks.frames import BINARY, CLOSE, PING, PONG, TEXT, FrameReader, frame, server_handshake
from benchmarks.ledger import Ledger, Sent
from benchmarks.marks import MARK_SAMPLES, SENDERS, MarkFinder, low_bytes, mark, prepared
from benchmarks.speech import CHUNK_SECS, Course

PIECE_SECS = 0.04
_RATE_HZ = 24_000
_FASTER_THAN_REAL_TIME = 2.5
_THINKING_SECS = 0.3
_END_OF_SPEECH_SECS = 0.7
"""After so much that is no speech an utterance is over, for clients that leave it to the upstream."""
_SHORTEST_UTTERANCE_CHUNKS = 10
_MARKED_BYTES = 2 * MARK_SAMPLES
_ENCODED_APART_BYTES = 192
"""The mark's part of a piece and a little more: as much as base64 encodes without padding."""
_STANDARD = bytes.maketrans(b"-_", b"+/")
_PIECE_HEAD = b'{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"'
_PIECE_TAIL = b'"}}]}}}'
_END: tuple[dict[str, object], ...] = (
    {"serverContent": {"generationComplete": True}},
    {"serverContent": {"turnComplete": True}, "usageMetadata": {"promptTokenCount": 200, "totalTokenCount": 400}},
)


@functools.cache
def _tone() -> tuple[int, bytes, bytes]:
    """A piece of sound: low bytes of its marked samples, what is encoded with them, the rest in base64."""
    count = round(PIECE_SECS * _RATE_HZ)
    sound = 6000 * np.sin(2 * np.pi * 300 * np.arange(count) / _RATE_HZ)
    pcm = prepared(sound.astype("<i2").tobytes())
    return low_bytes(pcm), pcm[:_ENCODED_APART_BYTES], base64.b64encode(pcm[_ENCODED_APART_BYTES:])


class Upstream:
    """The server, with its certificate."""

    def __init__(self, ledger: Ledger):
        """Make the certificate; nothing listens yet.

        Args:
            ledger: Where arrivals and departures are noted.
        """
        self.ledger = ledger
        self.courses: dict[int, Course] = {}
        self.opened = 0
        authority = trustme.CA()
        self.ca_pem = authority.cert_pem.bytes()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self._tls)
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen on a free port; the base URL."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Link(self), "127.0.0.1", 0, ssl=self._tls, backlog=1000, ssl_handshake_timeout=30
        )
        return f"https://localhost:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Listen no longer; what is connected ends with the process."""
        assert self._server is not None
        self._server.close()


class _Link(asyncio.Protocol):
    """One connection: one session."""

    def __init__(self, upstream: Upstream):
        self._upstream = upstream
        self._ledger = upstream.ledger
        self._frames = FrameReader()
        self._marks = MarkFinder()
        self._number = upstream.opened % SENDERS
        upstream.opened += 1
        self._pieces = self._ledger.pieces[self._number] = Sent()
        self._client: int | None = None
        self._request: bytes | None = b""
        self._ready = False
        self._manual = False
        self._begun_at_secs: float | None = None
        self._onset = -1
        self._speech_chunks = 0
        self._last_speech = 0
        self._answer: asyncio.TimerHandle | None = None
        self._answers = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by class

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None:
            self._answer.cancel()

    def data_received(self, data: bytes) -> None:
        if self._request is not None:
            self._request += data
            head, end, data = self._request.partition(b"\r\n\r\n")
            if not end:
                return
            self._request = None
            self._transport.write(server_handshake(head))
        now_secs = time.monotonic()
        for opcode, payload in self._frames.feed(data):
            if opcode in (TEXT, BINARY):
                self._take(payload, now_secs)
            elif opcode == PING:
                self._transport.write(frame(payload, PONG, masked=False))
            elif opcode == CLOSE:
                self._transport.write(frame(payload[:2], CLOSE, masked=False))
                self._transport.close()

    # What the client says

    def _take(self, payload: bytes, now_secs: float) -> None:
        place = payload.find(b'"data"')
        if place >= 0 and self._ready:
            start = payload.index(b'"', place + 6) + 1
            self._hear(payload[start : payload.index(b'"', start)], now_secs)
        elif not self._ready:
            self._set_up(json.loads(payload))
        elif b"activityStart" in payload or b"activity_start" in payload:
            self._begun_at_secs = now_secs
        elif b"activityEnd" in payload or b"activity_end" in payload:
            self._told(now_secs)

    def _set_up(self, message: dict[str, object]) -> None:
        self._manual = '"disabled": true' in json.dumps(message)
        self._ready = True
        self._say({"setupComplete": {}})

    def _hear(self, encoded: bytes, now_secs: float) -> None:
        pcm = binascii.a2b_base64(encoded.translate(_STANDARD))
        upstream, ledger = self._upstream, self._ledger
        for client, number in self._marks.feed(pcm):
            if self._client is None:
                self._client = client
            sent = ledger.chunks.get(client)
            if client != self._client or sent is None or (at_secs := sent.arrived(number)) is None:
                ledger.strangers += 1
                continue
            if self._begun_at_secs is not None:
                self._note_onset(self._begun_at_secs, upstream.courses[client], sent)
                self._begun_at_secs = None
            if upstream.courses[client].flows(number):
                ledger.up.add(now_secs - at_secs)
            if upstream.courses[client].speaks(number):
                self._last_speech = number
                self._speech_chunks += 1
            elif not self._manual:
                self._detect(number)

    def _note_onset(self, begun_at_secs: float, way: Course, sent: Sent) -> None:
        """Note how long the turn had been going on; once for each, by what its client was saying then."""
        onset = way.onset(bisect_right(sent.at_secs, begun_at_secs) - 1)
        if onset > self._onset:
            self._ledger.onset.add(begun_at_secs - sent.at_secs[onset])
        self._onset = max(onset, self._onset)

    def _detect(self, number: int) -> None:
        silence_secs = (number - self._last_speech) * CHUNK_SECS
        if self._speech_chunks >= _SHORTEST_UTTERANCE_CHUNKS and silence_secs >= _END_OF_SPEECH_SECS:
            self._begin_answer()

    def _told(self, now_secs: float) -> None:
        if self._client is not None and self._speech_chunks:
            self._ledger.told.add(now_secs - self._ledger.chunks[self._client].at_secs[self._last_speech])
        self._begin_answer()

    # What it is told

    def _begin_answer(self) -> None:
        self._speech_chunks = 0
        self._answers += 1
        pieces = 1
        if self._client is not None:
            turn = self._upstream.courses[self._client].turn(self._last_speech)
            pieces = round(turn.answer_secs / PIECE_SECS)
        loop = asyncio.get_running_loop()
        self._answer = loop.call_later(_THINKING_SECS, self._start_speaking, pieces, loop.time() + _THINKING_SECS)

    def _start_speaking(self, pieces: int, at_secs: float) -> None:
        name = f"{self._answers} of session {self._number}"
        self._say({"serverContent": {"inputTranscription": {"text": f"What was said in turn {name}."}}})
        self._say({"serverContent": {"outputTranscription": {"text": f"What turn {name} says."}}})
        self._speak(pieces, at_secs)

    def _speak(self, pieces: int, at_secs: float) -> None:
        if self._transport.is_closing():
            return
        low, apart, rest = _tone()
        marked = bytearray(apart)
        marked[:_MARKED_BYTES:2] = mark(low, self._number, len(self._pieces))
        payload = _PIECE_HEAD + binascii.b2a_base64(marked, newline=False) + rest + _PIECE_TAIL
        self._pieces.add(time.monotonic())
        self._transport.write(frame(payload, BINARY, masked=False))
        if pieces > 1:
            at_secs += PIECE_SECS / _FASTER_THAN_REAL_TIME
            self._answer = asyncio.get_running_loop().call_at(at_secs, self._speak, pieces - 1, at_secs)
            return
        for message in _END:
            self._say(message)

    def _say(self, message: dict[str, object]) -> None:
        self._transport.write(frame(json.dumps(message).encode(), BINARY, masked=False))
