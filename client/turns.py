"""Turns: the server's messages and their arrival times, made into one record for each turn.

Pure. Times are seconds of audio, since its first sample; see :mod:`client.timeline`.
"""

from dataclasses import dataclass, replace

from client.speech import Span, Speech, State
from client.wire import Event, Sound
from protocol.messages import Interrupted, SpeechState, Transcription, TurnComplete


@dataclass(frozen=True, slots=True)
class Side:
    """One language's half of a turn; ``language`` is known with the final text only."""

    text: str = ""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """An utterance and its interpretation, as far as they have come.

    Attributes:
        index: Counts from 1.
        source: What was said.
        target: What the interpreter made of it.
        end_of_speech_secs: When the ``silent`` that ended the utterance arrived, see :mod:`client.speech`;
            ``None`` where the output began before the speaker stopped.
        first_text_secs: When its first text, of either side, arrived.
        first_audio_secs: When its first audio arrived.
        completed_secs: When ``turn_complete`` arrived; ``None``: the turn is not complete.
        source_span: From where to where it was said, see :meth:`client.speech.Speech.spans`.
        target_span: From where to where its interpretation plays, see :meth:`client.playback.Playback.span`.
    """

    index: int
    source: Side = Side()
    target: Side = Side()
    end_of_speech_secs: float | None = None
    first_text_secs: float | None = None
    first_audio_secs: float | None = None
    completed_secs: float | None = None
    source_span: Span | None = None
    target_span: Span | None = None

    @property
    def delay_ms(self) -> int | None:
        """From end of speech to first audio; ``None`` where one of the two is missing."""
        if self.end_of_speech_secs is None or self.first_audio_secs is None:
            return None
        return round((self.first_audio_secs - self.end_of_speech_secs) * 1000)


class TurnTracker:
    """Follows a session's messages.

    Attributes:
        finished: The completed turns, in order.
        live: The turn that has begun and is not complete.
    """

    def __init__(self) -> None:
        self.finished: list[Turn] = []
        self.live: Turn | None = None
        self._speech = Speech()
        self._paired = 0

    @property
    def state(self) -> State:
        """The latest speech state."""
        return self._speech.state

    @property
    def idle(self) -> bool:
        """Nobody speaks, nothing is being interpreted, and no turn is open."""
        return self.state == "silent" and self.live is None

    @property
    def in_output(self) -> bool:
        """Whether the interpretation of a turn has begun and the turn is not complete."""
        return self.live is not None and bool(self.live.target.text or self.live.first_audio_secs is not None)

    @property
    def outstanding(self) -> bool:
        """Whether speech that is finished seems to wait for its interpretation, or for the rest of it."""
        return self.in_output or self._speech.waiting

    def apply(self, event: Event, at_secs: float, heard_secs: float | None = None) -> None:
        """Takes a message; those that tell nothing of a turn change nothing.

        Args:
            event: The message.
            at_secs: When it arrived.
            heard_secs: What the server had heard when it sent it; default: ``at_secs``.
        """
        match event:
            case SpeechState(state=state):
                self._speech.on_state(state, at_secs, heard_secs)
            case Transcription():
                self._text(event, at_secs)
            case Sound(pcm=pcm) if pcm:
                self._audio(at_secs)
            case Interrupted(reason="upstream") if self.live:
                self.live = replace(self.live, source=Side(), target=Side())
            case TurnComplete():
                self._complete(event, at_secs)

    def end(self, at_secs: float) -> None:
        """The session is over: the turn that is live, if any, is what was said last."""
        if self.live is not None:
            self.live = self._answering(self.live, at_secs)

    def timed(self, last_secs: float) -> list[Turn]:
        """The finished turns and, where there is one, the live one, each with its :attr:`Turn.source_span`.

        Args:
            last_secs: How much audio there is.
        """
        turns = [*self.finished, self.live] if self.live else self.finished
        spans = self._speech.spans({turn.index: turn.source.text for turn in turns}, last_secs)
        return [replace(turn, source_span=spans.get(turn.index)) for turn in turns]

    def _text(self, event: Transcription, at_secs: float) -> None:
        turn = self._open()
        side = Side(event.text, event.language)
        if event.type == "input_transcription":
            turn = replace(turn, source=side)
        else:
            turn = replace(turn, target=side)
            turn = self._answering(turn, at_secs)
        if turn.first_text_secs is None:
            turn = replace(turn, first_text_secs=at_secs)
        self.live = turn

    def _audio(self, at_secs: float) -> None:
        turn = self._open()
        if turn.first_audio_secs is None:
            turn = self._answering(replace(turn, first_audio_secs=at_secs), at_secs)
        self.live = turn

    def _complete(self, event: TurnComplete, at_secs: float) -> None:
        turn = self._answering(self._open(), at_secs)
        turn = replace(
            turn,
            source=replace(turn.source, text=event.input_text),
            target=replace(turn.target, text=event.output_text),
            completed_secs=at_secs,
        )
        self.finished.append(turn)
        self.live = None

    def _open(self) -> Turn:
        return self.live or Turn(index=len(self.finished) + 1)

    def _answering(self, turn: Turn, at_secs: float) -> Turn:
        """The turn with its end of speech, told when its output begins, once."""
        if turn.index == self._paired:
            return turn
        self._paired = turn.index
        return replace(turn, end_of_speech_secs=self._speech.answered_by(turn.index, at_secs))
