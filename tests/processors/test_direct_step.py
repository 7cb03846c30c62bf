"""What our steps have in common."""

import pytest
from pipecat.frames.frames import ErrorFrame, Frame, InputAudioRawFrame, OutputAudioRawFrame, TextFrame
from pipecat.processors.frame_processor import FrameDirection

from processors.direct_step import DirectStep
from tests.support.steps import running
from tests.support.virtual_time import settle


class Passing(DirectStep):
    """Passes everything on."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass it on."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


@pytest.mark.parametrize("direction", FrameDirection)
async def test_frames_keep_their_order_and_direction(direction: FrameDirection) -> None:
    """Audio does not overtake other frames on its shorter way."""
    async with running(Passing(), Passing()) as step:
        step.forget()
        frames: list[Frame] = [
            TextFrame("a"),
            InputAudioRawFrame(bytes(640), 16_000, 1),
            OutputAudioRawFrame(bytes(960), 24_000, 1),
            TextFrame("b"),
        ]
        for frame in frames:
            await step.worker.queue_frame(frame, direction)
        await settle()
        came = step.down if direction is FrameDirection.DOWNSTREAM else step.up
        assert [frame for frame in came if frame in frames] == frames


async def test_audio_at_the_end_of_a_pipeline_goes_nowhere() -> None:
    """A step that nothing follows may push it nevertheless."""
    await Passing().push_frame(InputAudioRawFrame(bytes(640), 16_000, 1))


async def test_what_the_next_step_raises_is_an_error_of_that_step() -> None:
    """Whoever pushed goes on."""

    class Failing(DirectStep):
        """Fails at audio."""

        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            """Pass on what is none."""
            await super().process_frame(frame, direction)
            if isinstance(frame, InputAudioRawFrame):
                raise ValueError("no audio, please")
            await self.push_frame(frame, direction)

    async with running(Passing(), Failing()) as step:
        step.forget()
        await step.send(InputAudioRawFrame(bytes(640), 16_000, 1), TextFrame("after"))
        (error,) = [frame for frame in step.up if isinstance(frame, ErrorFrame)]
        assert isinstance(error.processor, Failing)
        assert [frame.text for frame in step.frames(TextFrame)] == ["after"]
