"""Tells which terms of the glossary did not come out; changes nothing."""

from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameDirection
from pydantic import BaseModel, ConfigDict

from metrics import GLOSSARY_TERMS
from processors.context import SessionContext
from processors.direct_step import DirectStep
from processors.frames import ProtocolMessageFrame
from processors.glossary import Entry, GlossaryParam
from processors.term_search import SearchText
from protocol.errors import WarningCode
from protocol.messages import Interrupted, Transcription, TurnComplete, Warning

_MOST_SHOWN = 3


class GlossaryCheckParams(BaseModel):
    """Parameters of :class:`GlossaryCheck`.

    Attributes:
        glossary: The terms; missing: there is nothing to do.
    """

    model_config = ConfigDict(extra="forbid")

    glossary: GlossaryParam = None


class GlossaryCheck(DirectStep):
    """After each turn, counts the terms that were said, and warns of those whose target was not.

    Compares the turn's two final texts, in the direction that their languages give. A turn without an
    interpretation is not checked, nor one that an interrupt cut. Passes every frame on; stands after the
    transcription forwarder, where there is a glossary.
    """

    Params = GlossaryCheckParams

    @classmethod
    def asked_for(cls, params: GlossaryCheckParams, context: SessionContext) -> bool:
        """Whether there is anything to check."""
        return params.glossary is not None

    def __init__(self, params: GlossaryCheckParams, context: SessionContext):
        """Make the step for one session."""
        super().__init__()
        self._glossary = params.glossary
        self._source_language = self._target_language = ""
        self._cut = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Follow texts, and check the turn when it is over."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if self._glossary is None or not isinstance(frame, ProtocolMessageFrame):
            return
        match frame.message:
            case Interrupted(reason=reason):
                self._cut = reason != "upstream"
            case Transcription(is_final=False):
                self._cut = False  # nothing but finals follows where a turn was cut
            case Transcription(type="input_transcription", language=str(language)):
                self._source_language = language
            case Transcription(language=str(language)):
                self._target_language = language
            case TurnComplete() as turn:
                await self._check(turn)

    async def _check(self, turn: TurnComplete) -> None:
        cut, self._cut = self._cut, False
        if self._glossary is None or cut or not turn.input_text or not turn.output_text:
            return
        source, target = SearchText(turn.input_text), SearchText(turn.output_text)
        entries = self._glossary.entries(self._source_language, self._target_language)
        said = [entry for entry in entries if entry.source.stands_in(source)]
        missed = [entry for entry in said if not any(term.stands_in(target) for term in entry.targets)]
        GLOSSARY_TERMS.labels("kept").inc(len(said) - len(missed))
        GLOSSARY_TERMS.labels("missed").inc(len(missed))
        if missed:
            message = Warning(message=_told(missed), code=WarningCode.GLOSSARY_MISSED)
            await self.push_frame(ProtocolMessageFrame(message))


def _told(missed: list[Entry]) -> str:
    """What the user is told: which terms, and of many the first ones and how many more."""
    shown = [f"{entry.source.text} = {entry.targets[0].text}" for entry in missed[:_MOST_SHOWN]]
    more = f" and {len(missed) - len(shown)} more" if len(missed) > len(shown) else ""
    return f"terms of the glossary did not come out: {', '.join(shown)}{more}"
