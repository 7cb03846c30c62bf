"""Our few frames, as subclasses of pipecat's, so that stock steps understand them too."""

from dataclasses import dataclass, field

from pipecat.frames.frames import (
    ControlFrame,
    OutputTransportMessageFrame,
    SystemFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)

from protocol.messages import ServerMessage

BACKLOG_BYTES = 9 * 1024
"""Input audio of a frame (16 kHz, mono: 288 ms) from which on it is a backlog, and judged as fast as the processor
goes. The 4096 samples of a chunk that is common in browsers are less."""


@dataclass
class UtteranceStartedFrame(UserStartedSpeakingFrame):
    """An utterance, or a further piece of a long one, starts.

    Goes *before* the audio frame in which, or after which, it lies.

    Attributes:
        offset_samples: Where its first voice lies, counted from the first sample of the next audio frame;
            negative: in audio that went before.
        continued: It is a further piece of an utterance that was cut, and starts exactly there.
    """

    offset_samples: int = 0
    continued: bool = False


@dataclass
class UtteranceEndedFrame(UserStoppedSpeakingFrame):
    """The utterance, or the piece of it, ends.

    Attributes:
        offset_samples: Where, counted from the first sample of the next audio frame; negative, where it was judged
            whether the speaker is done: in audio that went before, of which only silence came later.
        awaits_output: Its interpretation is still to begin; an engine that interprets while somebody speaks says
            whether that is so.
    """

    offset_samples: int = 0
    awaits_output: bool = True


@dataclass
class DrainFrame(SystemFrame):
    """The session is to end when what is being said is answered: no utterance may begin after this.

    A system frame, as input audio and utterance marks are, so that it keeps its place among them.
    """


@dataclass
class SpeechDroppedFrame(ControlFrame):
    """Speech was given up unheard.

    Attributes:
        duration_ms: How much.
        whole_utterance: It was a finished utterance, which nothing will answer.
        behind: How many earlier utterances are still to be answered.
    """

    duration_ms: int = 0
    whole_utterance: bool = False
    behind: int = 0
    interruptible: bool = field(default=False, init=False)


@dataclass
class OutputRestartedFrame(ControlFrame):
    """The turn that is open begins anew: the texts and the speech of it that went before are void.

    Attributes:
        response_begun: Its ``LLMFullResponseStartFrame`` had gone out; another one follows.
    """

    response_begun: bool = False
    interruptible: bool = field(default=False, init=False)


@dataclass
class UtteranceServedFrame(ControlFrame):
    """A finished utterance awaits no output any more, though no turn begins: there is some, or none will come."""

    interruptible: bool = field(default=False, init=False)


@dataclass
class UpstreamReconnectedFrame(ControlFrame):
    """The engine lost its connection and has another one."""

    interruptible: bool = field(default=False, init=False)


@dataclass
class ProtocolMessageFrame(OutputTransportMessageFrame):
    """A message of the protocol on its way to the client, in order with the audio.

    An interruption drops audio, never a text, a state or an end of a turn.
    """

    message: ServerMessage
    interruptible: bool = field(default=False, init=False)
