"""Steps of somebody else's, as a pipeline file names them by import path. None of ours knows of them."""

from pathlib import Path
from typing import Any

from pipecat.frames.frames import Frame, InputAudioRawFrame, StartFrame, TTSAudioRawFrame, TTSTextFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pydantic import BaseModel, ConfigDict

from pipelines.spec import PIPELINES_DIR
from processors.context import SessionContext

MODULE = __name__


def with_step(tmp_path: Path, step: str, *, before: str, name: str = "with-foreign-step") -> Path:
    """The shipped pipeline file with a further step before one of its own."""
    shipped = (PIPELINES_DIR / "interpreter.toml").read_text(encoding="utf-8")
    marker = f'[[step]]\nuse = "{before}"'
    assert shipped.count(marker) == 1
    path = tmp_path / f"{name}.toml"
    text = shipped.replace(marker, f"[[step]]\n{step}\n\n{marker}").replace('"interpreter"', f'"{name}"')
    path.write_text(text, encoding="utf-8")
    return path


class Shout(FrameProcessor):
    """Puts the target text in capitals: a processor of pipecat's kind, with keyword arguments."""

    def __init__(self, *, suffix: str = "", **kwargs: Any):
        """``suffix`` is added to every piece of text."""
        super().__init__(**kwargs)
        self._suffix = suffix

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Change target text; pass everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSTextFrame):
            frame.text = frame.text.upper() + self._suffix
        await self.push_frame(frame, direction)


class CountingParams(BaseModel):
    """Parameters of :class:`Counting`."""

    model_config = ConfigDict(extra="forbid")

    label: str


class Counting(FrameProcessor):
    """Counts the audio that goes through it, by the session's id: a step with ``Params`` and a context.

    Attributes:
        heard_bytes: Of input audio, by label and session id.
        spoken_bytes: Of interpreted speech, by label and session id.
    """

    Params = CountingParams
    heard_bytes: dict[tuple[str, str], int] = {}  # noqa: RUF012 - shared by all sessions on purpose
    spoken_bytes: dict[tuple[str, str], int] = {}  # noqa: RUF012 - the same

    def __init__(self, params: CountingParams, context: SessionContext):
        """Make the step for one session."""
        super().__init__()
        self._key = (params.label, context.session_id)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Count; pass everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self.heard_bytes[self._key] = self.heard_bytes.get(self._key, 0) + len(frame.audio)
        elif isinstance(frame, TTSAudioRawFrame):
            self.spoken_bytes[self._key] = self.spoken_bytes.get(self._key, 0) + len(frame.audio)
        await self.push_frame(frame, direction)


class Faulty(FrameProcessor):
    """Raises at the first interpreted speech, with words that no client may see."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Fail."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            raise RuntimeError("the secret is in /etc/interpreter/key.pem")
        await self.push_frame(frame, direction)


class KeepsStart(FrameProcessor):
    """Forgets to pass on the first frame of all."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass on everything but the start."""
        await super().process_frame(frame, direction)
        if not isinstance(frame, StartFrame):
            await self.push_frame(frame, direction)
