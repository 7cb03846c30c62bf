"""What one listener hears: pieces of 20 ms in real time, one interpretation at a time, voices beside it.

Interpretations of several speakers take turns: whose sound came first has the floor until its turn is over. Texts
do not wait for the floor, but the ends of a turn follow its last piece.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from pipecat.frames.frames import Frame, OutputAudioRawFrame, TTSStoppedFrame

from metrics import PLAYOUT_DELAY
from pipelines.speaker_track import PIECE_MS, PlayedTurn, SpeakerTrack, piece_bytes, sound_at
from pipelines.voice_mix import VoiceMix
from processors.frames import ProtocolMessageFrame
from protocol.errors import WarningCode
from protocol.messages import SAMPLE_BYTES, Interrupted, ServerMessage, Warning

_PIECE_SECS = PIECE_MS / 1000
_LEAD_PIECES = 5
"""What goes out at once when an interpretation begins: the far end plays on while a piece comes a little late."""
_LONGEST_CATCHING_UP_PIECES = 50
_LONGEST_REPEAT_SECS = 60
_LONGEST_BACKLOG_SECS = 180

Speaker = str | None
"""Id of a participant; ``None``: who is alone with the interpreter."""


class Player:
    """Plays to one listener until :meth:`run` is cancelled."""

    def __init__(
        self,
        *,
        rate_hz: int,
        play: Callable[[bytes], None],
        tell: Callable[[ServerMessage], None],
        clear: Callable[[], None] = lambda: None,
        original_gain_db: float | None = None,
    ):
        """Begin with nothing to play.

        Args:
            rate_hz: Of what the listener hears.
            play: Takes a piece: 20 ms of PCM s16le, mono.
            tell: Takes a message, ``speaker`` put in.
            clear: Drops what the listener's end has taken and not played.
            original_gain_db: How loud the voices of those are who are interpreted; ``None``: not heard.
        """
        self._rate_hz = rate_hz
        self._piece_bytes = piece_bytes(rate_hz)
        self._play, self._tell, self._clear = play, tell, clear
        self._loop = asyncio.get_running_loop()
        self._languages: dict[Speaker, tuple[str, str]] = {}
        self._tracks: dict[Speaker, SpeakerTrack] = {}
        self._floor: deque[tuple[Speaker, PlayedTurn]] = deque()
        self._announcements: deque[bytearray] = deque()
        self._voices = VoiceMix(rate_hz, original_gain_db)
        self._heard = bytearray()
        self._last_heard = b""
        self._due_at = 0.0
        self._played_at = 0.0
        """When the far end will have played what it was sent."""
        self._something = asyncio.Event()
        self._nothing = asyncio.Event()
        self._nothing.set()

    # What there is to play

    def meet(self, speaker: Speaker, languages: tuple[str, str]) -> None:
        """Expect interpretations of ``speaker``.

        Args:
            speaker: Who.
            languages: Codes: what is said, and what comes out.
        """
        self._languages[speaker] = languages

    def take(self, speaker: Speaker, frame: Frame) -> None:
        """Take what the speaker's strand handed on: sound at 24 kHz, its end, or a message."""
        track = self._track(speaker)
        if isinstance(frame, OutputAudioRawFrame):
            first_of = track.add_sound(frame.audio)
            if first_of is not None:
                self._floor.append((speaker, first_of))
            self._give_up_oldest()
            self._wake()
        elif isinstance(frame, TTSStoppedFrame):
            track.end_sound()
            self._wake()
        elif isinstance(frame, ProtocolMessageFrame):
            self._take_message(speaker, track, frame.message)

    def voice(self, speaker: str, pcm: bytes) -> None:
        """A voice that the listener understands, PCM s16le at 16 kHz."""
        self._hear_voice(speaker, pcm, original=False)

    def original(self, speaker: str, pcm: bytes) -> None:
        """The voice of somebody who is interpreted, PCM s16le at 16 kHz."""
        self._hear_voice(speaker, pcm, original=True)

    def announce(self, pcm: bytes) -> None:
        """Play this when the turn that has the floor is over, before any other.

        Args:
            pcm: PCM s16le, mono, 24 kHz.
        """
        self._announce(sound_at(self._rate_hz, pcm))

    def repeat(self) -> None:
        """Play the last whole interpretation once more, at most a minute of it."""
        self._announce(bytearray(self._last_heard))

    def interrupt(self) -> None:
        """The listener wants no more of what is playing."""
        self._announcements.clear()
        self._tell(Interrupted(reason="client"))
        self._clear_far_end()
        if self._floor and self._floor[0][1].begun:
            speaker, _ = self._floor.popleft()
            self._heard.clear()
            self._tell_all(speaker, self._tracks[speaker].cut())
        self._note_change()

    def forget(self, speaker: str) -> None:
        """Somebody left; what was said is still played."""
        self._voices.forget(speaker)
        self._languages.pop(speaker, None)
        self._note_change()

    @property
    def held_bytes(self) -> int:
        """Sound that waits."""
        return sum(track.held_bytes for track in self._tracks.values()) + sum(map(len, self._announcements))

    # Playing

    async def run(self) -> None:
        """Play, until cancelled."""
        self._begin_stretch()
        while True:
            if not self._has_more():
                self._something.clear()
                await self._something.wait()
                self._begin_stretch()
            self._play_due()
            await asyncio.sleep(max(0.0, self._due_at - self._loop.time()))

    async def played(self) -> None:
        """Wait until nothing waits to be played or told."""
        await self._nothing.wait()

    def _begin_stretch(self) -> None:
        """Send as much at once as the far end lacks: lumps may have run out before it had played them."""
        now, lead_secs = self._loop.time(), _LEAD_PIECES * _PIECE_SECS
        while not self._voices.speaking and self._played_at < now + lead_secs - _PIECE_SECS / 2:
            if (piece := self._next_piece()) is None:
                break
            self._send(piece)
        self._due_at = max(now, self._played_at - lead_secs)

    def _play_due(self) -> None:
        now = self._loop.time()
        self._due_at = max(self._due_at, now - _LONGEST_CATCHING_UP_PIECES * _PIECE_SECS)
        while self._due_at <= now:
            piece = self._voices.mixed(self._next_piece())
            if piece is not None:
                PLAYOUT_DELAY.observe(now - self._due_at)
                self._send(piece)
            self._due_at += _PIECE_SECS

    def _send(self, piece: bytes) -> None:
        self._played_at = max(self._played_at, self._loop.time()) + _PIECE_SECS
        self._play(piece)
        self._settle()

    def _clear_far_end(self) -> None:
        self._clear()
        self._played_at = 0.0

    def _next_piece(self) -> bytes | None:
        """The next piece of what has the floor: a turn that has begun, an announcement, a turn."""
        turn = self._floor[0][1] if self._floor else None
        if self._announcements and (turn is None or not turn.heard):
            return self._next_announced()
        piece = turn.take(self._piece_bytes) if turn is not None else None
        if piece is not None and len(self._heard) < self._bytes_of(_LONGEST_REPEAT_SECS):
            self._heard += piece
        return piece

    def _next_announced(self) -> bytes:
        sound = self._announcements[0]
        piece = bytes(sound[: self._piece_bytes]).ljust(self._piece_bytes, b"\0")
        del sound[: self._piece_bytes]
        if not sound:
            self._announcements.popleft()
        return piece

    def _settle(self) -> None:
        """Tell what follows the last piece of a turn, and let the next one have the floor."""
        while self._floor:
            speaker, turn = self._floor[0]
            if not turn.complete or turn.sound:
                break
            self._floor.popleft()
            self._last_heard, self._heard = bytes(self._heard), bytearray()
            self._tell_all(speaker, self._tracks[speaker].settle())
        self._note_change()

    def _has_more(self) -> bool:
        if self._announcements or self._voices.speaking:
            return True
        if not self._floor:
            return False
        return self._floor[0][1].has_piece(self._piece_bytes)

    # Messages

    def _take_message(self, speaker: Speaker, track: SpeakerTrack, message: ServerMessage) -> None:
        told = track.add_message(message)
        if isinstance(message, Interrupted):
            self._yield_void_floor()
            if told:
                self._clear_far_end()
        self._tell_all(speaker, told)
        self._settle()
        self._wake()

    def _yield_void_floor(self) -> None:
        """A turn whose sound is void has no floor; where it sounds anew, it asks again."""
        if self._floor and not self._floor[0][1].sounds:
            self._heard.clear()
        self._floor = deque(entry for entry in self._floor if entry[1].sounds)

    def _tell_all(self, speaker: Speaker, messages: Iterable[ServerMessage]) -> None:
        for message in messages:
            self._tell(message if speaker is None else message.model_copy(update={"speaker": speaker}))

    # Who speaks

    def _track(self, speaker: Speaker) -> SpeakerTrack:
        track = self._tracks.get(speaker)
        if track is None:
            track = self._tracks[speaker] = SpeakerTrack(self._rate_hz, self._languages.get(speaker, ("", "")))
        return track

    def _hear_voice(self, speaker: str, pcm: bytes, *, original: bool) -> None:
        self._voices.add(speaker, pcm, original=original)
        if self._voices.speaking:
            self._wake()

    def _announce(self, sound: bytearray) -> None:
        if sound:
            self._announcements.append(sound)
            self._wake()

    def _give_up_oldest(self) -> None:
        """Bound what waits: those who speak at once may say more than one listener can be told in that time."""
        while self.held_bytes > self._bytes_of(_LONGEST_BACKLOG_SECS):
            waiting = next((entry for entry in self._floor if entry[1].complete and not entry[1].heard), None)
            if waiting is None:
                return
            self._floor.remove(waiting)
            speaker, turn = waiting
            dropped_ms = len(turn.sound) * 1000 // self._bytes_of(1)
            turn.sound.clear()
            message = f"{dropped_ms / 1000:.1f} s of an interpretation were not played: others spoke for too long"
            warning = Warning(message=message, code=WarningCode.SPEECH_DROPPED, ms=dropped_ms)
            self._tell_all(speaker, [warning, *self._tracks[speaker].settle()])

    def _bytes_of(self, secs: int) -> int:
        return secs * self._rate_hz * SAMPLE_BYTES

    # Whether there is anything

    def _wake(self) -> None:
        if self._has_more():
            self._something.set()
        self._note_change()

    def _note_change(self) -> None:
        for speaker in [speaker for speaker, track in self._tracks.items() if track.idle]:
            del self._tracks[speaker]
        if self._tracks or self._announcements:
            self._nothing.clear()
        else:
            self._nothing.set()
