"""The output end: audio and messages as they come, in real time for nobody."""

import asyncio
import base64
import json

import numpy as np
import pytest
from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    TextFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.worker import PipelineParams
from pipecat.tests.utils import SleepFrame, run_test
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams
from starlette.websockets import WebSocketState

from pipelines.client_socket import ClientSocket
from pipelines.outgoing import PipelineView
from pipelines.transport import UnpacedTransport
from processors.frames import ProtocolMessageFrame
from protocol.messages import InitConfig, TurnComplete
from protocol.serializer import ProtocolSerializer
from tests.support.fake_network import FakeNetwork
from tests.support.pcm import chunks_of, counting_pcm, samples_of, tone

OUT_HZ = 24_000


class Harness:
    """A session's output, from the frames of an engine to the client's end.

    Attributes:
        network: The client's end.
        passed: The frames that went on behind the output.
        took_secs: How long it took, in virtual time.
    """

    def __init__(self, *, binary: bool = False):
        """Make it for one client, who wants audio in binary frames or in messages."""
        self.network = FakeNetwork()
        self.passed: list[Frame] = []
        self.took_secs = 0.0
        self._serializer = ProtocolSerializer(max_message_bytes=2**20, max_chunk_secs=5)
        self._serializer.accept(InitConfig(audio_encoding="binary" if binary else "base64"))

    async def play(self, *frames: Frame) -> None:
        """Let an engine say all of it at once, and hang up."""
        loop = asyncio.get_running_loop()
        socket = ClientSocket(
            await self.network.accepted(), max_backlog_bytes=2**30, write_timeout_secs=15.0, on_stuck=self._overflow
        )
        transport = UnpacedTransport(
            PipelineView(socket.send, asyncio.Queue[dict[str, object]]().get),
            FastAPIWebsocketParams(
                audio_out_enabled=True,
                audio_out_end_silence_secs=0,
                serializer=self._serializer,
                allowed_origins=[],
            ),
        )
        started_at = loop.time()
        passed, _ = await run_test(
            transport.output(),
            frames_to_send=frames,
            pipeline_params=PipelineParams(audio_out_sample_rate=OUT_HZ),
        )
        self.took_secs = loop.time() - started_at
        self.passed = list(passed)
        await socket.close(1000, flush=True)

    @property
    def pieces(self) -> list[bytes]:
        """The audio of each frame or message that carries some."""
        pieces = []
        for frame in self.network.frames:
            if isinstance(frame, bytes):
                pieces.append(frame)
            elif (message := json.loads(frame))["type"] == "audio_response":
                assert message["sampleRate"] == OUT_HZ
                pieces.append(base64.b64decode(message["data"]))
        return pieces

    @property
    def kinds(self) -> list[str]:
        """The types of what the client got, in order."""
        return ["binary" if isinstance(f, bytes) else json.loads(f)["type"] for f in self.network.frames]

    def _overflow(self) -> None:
        raise AssertionError("the client reads")


def speech(pcm: bytes, rate_hz: int = OUT_HZ) -> TTSAudioRawFrame:
    """A piece of an interpretation."""
    return TTSAudioRawFrame(pcm, rate_hz, 1)


def text(number: int) -> Frame:
    """A message that can be told from others."""
    return ProtocolMessageFrame(message=TurnComplete(input_text=str(number), output_text=""))


@pytest.mark.parametrize("binary", [False, True])
async def test_audio_goes_out_whole_and_as_it_came(binary: bool) -> None:
    """Every piece of whatever length is one frame, sample for sample: nothing cut, padded or joined."""
    harness = Harness(binary=binary)
    pieces = [counting_pcm(0, 1), counting_pcm(1, 7_000), counting_pcm(7_000, 7_960), counting_pcm(7_960, 40_001)]
    await harness.play(*map(speech, pieces), TTSStoppedFrame())
    assert harness.pieces == pieces


async def test_audio_is_not_paced() -> None:
    """A minute of speech that is there goes out at once; the client queues it."""
    harness = Harness()
    await harness.play(*[speech(bytes(2 * OUT_HZ)) for _ in range(60)], TTSStoppedFrame())
    assert len(b"".join(harness.pieces)) == 60 * 2 * OUT_HZ
    assert harness.took_secs < 5


async def test_messages_keep_their_place_between_audio() -> None:
    """No text overtakes the audio before it, and none waits for audio to be played."""
    harness = Harness()
    frames: list[Frame] = []
    for number in range(20):
        frames += [speech(counting_pcm(number * 4800, (number + 1) * 4800)), text(number)]
    await harness.play(*frames, TTSStoppedFrame())
    assert harness.kinds == ["audio_response", "turn_complete"] * 20
    assert [m["inputText"] for m in harness.network.of("turn_complete")] == [str(n) for n in range(20)]
    assert b"".join(harness.pieces) == counting_pcm(0, 20 * 4800)


async def test_an_interruption_takes_back_nothing_that_was_said() -> None:
    """Messages of the protocol survive an interruption, in order."""
    harness = Harness()
    await harness.play(text(1), InterruptionFrame(), text(2), speech(bytes(960)), TTSStoppedFrame(), text(3))
    assert [m["inputText"] for m in harness.network.of("turn_complete")] == ["1", "2", "3"]


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100, 48_000])
async def test_another_engines_rate_is_resampled(rate_hz: int) -> None:
    """An engine that speaks at another rate is heard at the client's, in one stream and to its last sample."""
    harness = Harness()
    spoken = tone(2.0, rate_hz, hz=440)
    await harness.play(*[speech(chunk, rate_hz) for chunk in chunks_of(spoken, 40, rate_hz)], TTSStoppedFrame())
    heard = samples_of(b"".join(harness.pieces))
    assert abs(len(heard) - 2 * OUT_HZ) <= 2
    expected = samples_of(tone(2.0, OUT_HZ, hz=440))
    middle = slice(OUT_HZ // 10, 2 * OUT_HZ - OUT_HZ // 10)
    assert np.abs(heard[middle] - expected[middle]).max() < 330  # one percent of full scale


async def test_what_the_resampler_holds_comes_before_what_follows() -> None:
    """The tail of a turn's audio is out before ``turn_complete``, and the next turn starts afresh."""
    harness = Harness()
    spoken = tone(0.5, 16_000)
    turn = [*[speech(c, 16_000) for c in chunks_of(spoken, 40, 16_000)], TTSStoppedFrame(), text(1)]
    again = [*[speech(c, 16_000) for c in chunks_of(spoken, 40, 16_000)], TTSStoppedFrame(), text(2)]
    await harness.play(*turn, *again)
    assert harness.kinds[-1] == "turn_complete"
    end = harness.kinds.index("turn_complete")
    first, second = b"".join(harness.pieces[:end]), b"".join(harness.pieces[end:])
    assert abs(len(first) // 2 - OUT_HZ // 2) <= 2
    assert abs(len(second) - len(first)) <= 4


async def test_an_interruption_drops_what_the_resampler_holds() -> None:
    """The rest of a turn that was cut does not sound at the start of the next."""
    harness = Harness()
    loud = tone(0.5, 16_000, amplitude=0.9)
    silence = speech(bytes(32_000), 16_000)
    await harness.play(
        speech(loud, 16_000), SleepFrame(), InterruptionFrame(), SleepFrame(), silence, TTSStoppedFrame()
    )
    after = b"".join(harness.pieces[1:])
    assert np.abs(samples_of(after)).max() <= 1  # the dither of the resampler's rounding


async def test_the_rest_passes() -> None:
    """Frames that are nothing to a client go on; a text frame of pipecat's does not reach the wire."""
    harness = Harness()
    await harness.play(TextFrame("not for the client"), TTSStoppedFrame())
    assert harness.network.frames == []
    assert [type(frame) for frame in harness.passed] == [TextFrame, TTSStoppedFrame]


async def test_a_foreign_steps_messages_go_out_in_order_too() -> None:
    """A step of somebody else's may say something of its own; clients ignore types that they do not know."""
    harness = Harness()
    await harness.play(text(1), OutputTransportMessageFrame(message={"type": "mood"}), text(2))
    assert harness.kinds == ["turn_complete", "mood", "turn_complete"]


async def test_plain_output_audio_is_audio_too() -> None:
    """An engine may push pipecat's plain output frames."""
    harness = Harness()
    await harness.play(OutputAudioRawFrame(counting_pcm(0, 480), OUT_HZ, 1))
    assert harness.pieces == [counting_pcm(0, 480)]


async def test_a_transport_without_serializer_is_refused() -> None:
    """A mistake of ours shows when a session is made, not when it speaks."""
    socket = ClientSocket(
        await FakeNetwork().accepted(), max_backlog_bytes=1, write_timeout_secs=15.0, on_stuck=lambda: None
    )
    view = PipelineView(socket.send, asyncio.Queue[dict[str, object]]().get)
    with pytest.raises(ValueError, match="expected a serializer"):
        UnpacedTransport(view, FastAPIWebsocketParams(audio_out_enabled=True))
    assert view.client_state is WebSocketState.CONNECTED
    await socket.close(1000, flush=False)
