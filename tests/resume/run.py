"""Sessions that lose their connection again and again, and what is to be seen at both of their ends."""

import asyncio
import contextlib
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from emulator import EmulatorOptions, SessionRecord, Variant
from gemini.connectors import ConnectorName
from tests.resume.losses import LOSSES, SPEED, HalfOpen, half_open, lose, speak_for
from tests.resume.relay import Relay, relay_before
from tests.support.audit import (
    PATIENT,
    STREAM_HZ,
    Span,
    assert_in_order_and_once,
    marks_of,
    missing,
    spans_of,
    stream_of,
)
from tests.support.client import protocol_client
from tests.support.laws import lawful_turns, pcm_of
from tests.support.pcm import read_sample
from tests.support.resuming_client import ResumingClient
from tests.support.servers import RunningServer, running_server
from tests.support.waiting import until

_FILES = ("en-11s-16k.wav", "en-35s-8k.wav", "ko-30s-16k.wav")
_LOSSES_A_SECOND = 1.2
"""Of speech: moments of loss fall into all parts of an utterance and of its answer."""
_IMPOSTOR_SHARE = 0.1
_TAIL_SECS = 3
_SHORT_GRACE_SECS = 0.5
_STILL_SECS = 60
_OPTIONS = EmulatorOptions(
    variant=Variant(
        response_delay_ms=60, transcription_delay_ms=30, audio_speed=20, audio_chunk_ms=40, playback_factor=0
    )
)
_SETTINGS: dict[str, Any] = {
    **PATIENT,
    "max_ahead_secs": 3600,
    "max_sessions": 1000,
    "max_pending_connections": 1000,
}


@dataclass
class Result:
    """What came of a run.

    Attributes:
        losses: Lost connections, by kind.
        impostors: Claims of somebody else, by kind.
        sessions: Sessions that were played to their end.
        messages: Messages after ``connected``, each of which came once and in order.
        samples: Samples that clients sent, each of which was counted once.
        sent_again: Samples that were sent more than once, since the server had not received them.
        speech_secs: Speech that reached the upstream whole, once and in order.
        turns: Turns that were told.
        wrong: What did not go as the protocol says.
    """

    losses: Counter[str] = field(default_factory=Counter)
    impostors: Counter[str] = field(default_factory=Counter)
    sessions: int = 0
    messages: int = 0
    samples: int = 0
    sent_again: int = 0
    speech_secs: float = 0.0
    turns: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def disconnections(self) -> int:
        """Lost connections."""
        return self.losses.total()

    def report(self) -> str:
        """Everything, for people."""
        lines = [f"{count:>9,}  disconnections: {kind}" for kind, count in sorted(self.losses.items())]
        lines += [f"{count:>9,}  refused claims: {kind}" for kind, count in sorted(self.impostors.items())]
        lines += [
            f"{self.disconnections:>9,}  disconnections in {self.sessions} sessions",
            f"{self.messages:>9,}  messages, each once and in order, in {self.turns} turns",
            f"{self.samples:>9,}  samples counted, each once; {self.sent_again:,} of them had to be sent again",
            f"{self.speech_secs:>9,.1f}  seconds of speech compared sample by sample with what the upstream heard",
            f"{len(self.wrong):>9,}  violations",
        ]
        return "\n".join([*lines, *(f"WRONG: {text}" for text in self.wrong[:50])])


async def run(disconnections: int, *, seed: int, at_once: int, connector: ConnectorName = "genai") -> Result:
    """Play sessions until so many connections were lost."""
    result = Result()
    async with running_server(_OPTIONS, **_SETTINGS, gemini_connector=connector) as server:
        connecting = asyncio.Lock()
        numbers = iter(range(1_000_000))

        async def play() -> None:
            while result.disconnections < disconnections and len(result.wrong) < 50:
                number = next(numbers)
                chance = random.Random(f"{seed}/{number}")
                async with relay_before(server.url) as relay:
                    await _Play(server, relay, result, number, chance, connecting).play()

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(play())
        await until(lambda: server.sessions.active == 0)
    await _check_expiry(result)
    return result


class _Play:
    """One session, from its first connection to its end."""

    def __init__(
        self,
        server: RunningServer,
        relay: Relay,
        result: Result,
        number: int,
        chance: random.Random,
        connecting: asyncio.Lock,
    ):
        self._server, self._relay = server, relay
        self._result, self._chance, self._connecting = result, chance, connecting
        self._file = _FILES[number % len(_FILES)]
        self._pcm, self._rate_hz = read_sample(self._file)
        self._pcm += bytes(2 * self._rate_hz * _TAIL_SECS)
        self._name = f"session {number} ({self._file})"
        self._client = ResumingClient(
            relay.url,
            self._pcm,
            chunk_ms=chance.choice((20, 100, 256)),
            sampleRate=self._rate_hz,
            audioEncoding=chance.choice(("base64", "binary")),
        )

    async def play(self) -> None:
        """Speak the file, with losses, and look at what came of it."""
        client = self._client
        async with self._connecting:
            await client.open()
            record = self._server.emulator.sessions[-1]
        async with half_open() as left_open:
            await self._speak(left_open)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STILL_SECS):
                    await client.until(lambda: bool(client.wrong) or self._finished())
            received = await self._received_samples()
            await left_open.check()
            self._result.wrong += [f"{self._name}: {wrong}" for wrong in left_open.wrong]
        await client.close()
        await self._impersonate("session is over", client.claim)
        self._audit(record, received)

    async def _speak(self, left_open: HalfOpen) -> None:
        while not (self._client.all_sent or self._client.wrong):
            kind = self._chance.choice(LOSSES)
            await speak_for(self._client, self._chance.expovariate(SPEED * _LOSSES_A_SECOND))
            if kind == "during output":
                await self._speak_until_output()
            if self._chance.random() < _IMPOSTOR_SHARE:
                await self._try_impostors()
            self._result.losses[kind] += await lose(self._client, kind, self._chance, self._relay, left_open)

    async def _speak_until_output(self) -> None:
        """Until a piece of an interpretation comes, or there is nothing more to say."""
        heard = self._sounds()
        while self._sounds() == heard and not self._client.all_sent:
            await speak_for(self._client, 0.05)

    def _sounds(self) -> int:
        return sum(message["type"] == "audio_response" for message in self._client.messages)

    def _finished(self) -> bool:
        last_words = " ".join(marks_of(self._file)[-1].text.split()[-3:])
        return " ".join(source for source, _ in self._client.turns).endswith(last_words)

    async def _received_samples(self) -> int:
        """What the server says that it received, at the end of everything."""
        await self._client.abort()
        await self._client.open()
        received: int = self._client.connected[-1]["receivedSamples"]
        return received

    # Claims of others

    async def _try_impostors(self) -> None:
        claim = self._client.claim
        secret = claim["resumeToken"]
        other = secret[:-1] + ("A" if secret[-1] != "A" else "B")
        kind, changes = self._chance.choice(
            (
                ("wrong token", {"resumeToken": other}),
                ("foreign token", {"resumeToken": await self._foreign_token()}),
                ("unknown session", {"sessionId": "00000000-0000-4000-8000-000000000000"}),
            )
        )
        await self._impersonate(kind, {**claim, **changes})

    async def _foreign_token(self) -> str:
        async with protocol_client(self._server.url) as other:
            token: str = (await other.init(resume={}))["resumeToken"]
            await other.send({"type": "close"})
            await other.wait_closed()
        return token

    async def _impersonate(self, kind: str, claim: dict[str, Any]) -> None:
        """Claim the session without a right to it: a fresh one, and not a message of the other's."""
        async with self._connecting, protocol_client(self._server.url) as impostor:
            fresh = await impostor.init(resume={**claim, "lastSeq": 0}, sampleRate=self._rate_hz)
            await impostor.send({"type": "interrupt"})
            await impostor.wait_for("interrupted")
            told = [message["type"] for message in impostor.messages]
            if fresh["resumed"] or fresh["sessionId"] == claim["sessionId"] or fresh["receivedSamples"]:
                self._result.wrong.append(f"{self._name}: {kind} got in: {fresh}")
            if told != ["connected", "interrupted"]:
                self._result.wrong.append(f"{self._name}: {kind} was told {told}")
            await impostor.send({"type": "close"})
            await impostor.wait_closed()
        self._result.impostors[kind] += 1

    # Audits

    def _audit(self, record: SessionRecord, received_samples: int) -> None:
        result, client = self._result, self._client
        result.wrong += [f"{self._name}: {wrong}" for wrong in client.wrong]
        if received_samples != len(self._pcm) // 2:
            result.wrong.append(f"{self._name}: {len(self._pcm) // 2} samples sent, {received_samples} received")
        for check in (self._check_messages, self._check_audio):
            try:
                check(record)
            except AssertionError as error:
                result.wrong.append(f"{self._name}: {str(error).splitlines()[0]}")
        result.sessions += 1
        result.messages += client.last_seq
        result.samples += received_samples
        result.sent_again += client.sent_again
        result.turns += len(client.turns)

    def _check_messages(self, record: SessionRecord) -> None:
        messages = self._client.messages
        beside = [message for message in messages if message["type"] in ("error", "warning", "interrupted")]
        assert not beside, f"got {beside[0]}"
        turns = lawful_turns([{"type": "connected"}, *messages])
        assert all(turn.complete for turn in turns), "a turn is not complete"
        heard = [utterance.source_text for utterance in record.utterances]
        assert [turn.texts[0] for turn in turns] == heard, "the turns are not those of the utterances"
        assert " ".join(heard) == " ".join(mark.text for mark in marks_of(self._file)), "words are missing"
        sounds = sum(len(pcm_of(message)) for message in messages if message["type"] == "audio_response")
        spoken = sum(utterance.sent_audio_bytes for utterance in record.utterances)
        assert sounds == spoken, f"{sounds} bytes of sound came, {spoken} were spoken"

    def _check_audio(self, record: SessionRecord) -> None:
        stream = stream_of(self._pcm, self._rate_hz)
        spans = spans_of(record.utterances, stream, tolerance_lsb=0 if self._rate_hz == STREAM_HZ else 1)
        assert not record.discarded_bytes, "audio came outside an utterance"
        assert_in_order_and_once(spans)
        for mark in marks_of(self._file):
            wanted = Span(max(0, mark.span.start - STREAM_HZ // 10), mark.span.end)
            assert not missing(wanted, spans), f"{mark.text!r} is not whole"
        self._result.speech_secs += sum(span.end - span.start for span in spans) / STREAM_HZ


async def _check_expiry(result: Result) -> None:
    """A client that comes back after the grace period gets a fresh session, and nothing of the old one."""
    async with running_server(**{**_SETTINGS, "resume_grace_secs": _SHORT_GRACE_SECS}) as server:
        client = ResumingClient(server.url, b"")
        await client.open()
        await client.abort()
        await until(lambda: server.sessions.active == 0)
        async with protocol_client(server.url) as late:
            fresh = await late.init(resume=client.claim)
            if fresh["resumed"] or fresh["sessionId"] == client.claim["sessionId"]:
                result.wrong.append(f"a client that came too late got in: {fresh}")
            await late.send({"type": "close"})
            await late.wait_closed()
    result.impostors["too late"] += 1
