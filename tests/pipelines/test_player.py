"""One listener hears one interpretation at a time, in real time and whole."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from pipecat.frames.frames import OutputAudioRawFrame, TTSStoppedFrame

from pipelines.player import Player
from pipelines.speaker_track import piece_bytes
from processors.frames import ProtocolMessageFrame
from protocol.messages import Interrupted, ServerMessage, SpeechState, Transcription, TurnComplete, Warning

RATE_HZ = 24_000
PIECE = piece_bytes(RATE_HZ)


class Listener:
    """What reaches the listener.

    Attributes:
        player: Plays to it.
        heard: First bytes of the pieces, with the time of each.
        log: Pieces and messages in order: letters, and types of messages.
        cleared: How often its far end was emptied.
    """

    def __init__(self, *, rate_hz: int = RATE_HZ, original_gain_db: float | None = None):
        """Begin to listen."""
        self._loop = asyncio.get_running_loop()
        self.heard: list[tuple[float, bytes]] = []
        self.messages: list[ServerMessage] = []
        self.log: list[str] = []
        self.cleared = 0
        self.player = Player(
            rate_hz=rate_hz,
            play=self._hear,
            tell=self._read,
            clear=self._clear,
            original_gain_db=original_gain_db,
        )

    def _hear(self, piece: bytes) -> None:
        self.heard.append((self._loop.time(), piece))
        self.log.append(chr(piece[0]))

    def _read(self, message: ServerMessage) -> None:
        self.messages.append(message)
        self.log.append(message.type)

    def _clear(self) -> None:
        self.cleared += 1

    @property
    def sound(self) -> str:
        """The letters that were heard, one a piece."""
        return "".join(chr(piece[0]) for _, piece in self.heard)

    def say(self, speaker: str | None, letter: str, pieces: int) -> None:
        """Sound of an interpretation comes, all at once."""
        sound = letter.encode().ljust(2, b"\0") * (PIECE // 2) * pieces
        self.player.take(speaker, OutputAudioRawFrame(sound, RATE_HZ, 1))

    def write(self, speaker: str | None, message: ServerMessage) -> None:
        """A message of an interpretation comes."""
        self.player.take(speaker, ProtocolMessageFrame(message))

    def turn(self, speaker: str | None, letter: str, pieces: int) -> None:
        """A whole turn comes, all at once."""
        self.write(speaker, text(letter))
        self.say(speaker, letter, pieces)
        self.write(speaker, done(letter))


def text(words: str) -> Transcription:
    """A partial."""
    return Transcription(type="output_transcription", text=words, is_final=False)


def done(words: str) -> TurnComplete:
    """The end of a turn."""
    return TurnComplete(input_text="", output_text=words)


Listen = Callable[..., Listener]


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Makes listeners, whose players run until the test is over."""
    async with contextlib.AsyncExitStack() as stack:

        def make(**options: object) -> Listener:
            listener = Listener(**options)  # type: ignore[arg-type]
            running = asyncio.create_task(listener.player.run())

            async def end() -> None:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

            stack.push_async_callback(end)
            return listener

        yield make


async def test_pieces_go_out_in_real_time_with_a_small_lead(listen: Listen) -> None:
    """100 ms ahead of what is heard, and every 20 ms from there on."""
    listener = listen()
    await asyncio.sleep(5)
    listener.turn(None, "a", 50)
    await listener.player.played()
    times = [round(at - 5, 3) for at, _ in listener.heard]
    assert times[:6] == [0.0] * 6
    assert times[6:] == [round(0.02 * number, 3) for number in range(1, 45)]
    assert listener.log[0] == "output_transcription"
    assert listener.log[-1] == "turn_complete"


@pytest.mark.parametrize(("pieces", "every_secs"), [(50, 0.93), (10, 0.13), (25, 0.47), (5, 0.1)])
async def test_sound_in_lumps_gets_no_further_ahead(listen: Listen, pieces: int, every_secs: float) -> None:
    """The far end never has more than the lead and the piece that is due, and nothing of it is held back."""
    listener = listen()
    await asyncio.sleep(5)
    for _ in range(50):
        listener.say(None, "a", pieces)
        await asyncio.sleep(every_secs)
    played_at, ahead_secs = 0.0, 0.0
    for at, _ in listener.heard:
        played_at = max(played_at, at) + 0.02
        ahead_secs = max(ahead_secs, played_at - at)
    assert 0.09 < ahead_secs < 0.13
    listener.write(None, done("a"))
    await listener.player.played()
    assert len(listener.heard) == 50 * pieces


async def test_what_comes_before_it_runs_goes_out_in_real_time_too(listen: Listen) -> None:
    """However long the process has been there."""
    await asyncio.sleep(5)
    listener = listen()
    listener.turn(None, "a", 50)
    await listener.player.played()
    assert [at for at, _ in listener.heard][:6] == [5.0] * 6
    assert listener.heard[6][0] > 5.0


async def test_the_end_of_a_turn_follows_its_last_piece(listen: Listen) -> None:
    """However early it is known."""
    listener = listen()
    listener.turn(None, "a", 20)
    listener.turn(None, "b", 20)
    await listener.player.played()
    assert "".join(item if len(item) == 1 else f"<{item[0]}>" for item in listener.log) == (
        "<o>" + "a" * 20 + "<t><o>" + "b" * 20 + "<t>"
    )


async def test_the_last_piece_does_not_wait_for_the_end_of_the_turn(listen: Listen) -> None:
    """Which late text may hold up; the end itself is told when it comes."""
    listener = listen()
    listener.player.take(None, OutputAudioRawFrame(b"a\0" * (PIECE // 2) + b"b\0" * 10, RATE_HZ, 1))
    listener.player.take(None, TTSStoppedFrame())
    await asyncio.sleep(1)
    assert listener.sound == "ab"
    listener.write(None, done("late"))
    assert listener.log[-1] == "turn_complete"


async def test_one_interpretation_at_a_time_in_the_order_of_their_sound(listen: Listen) -> None:
    """The second waits until the first is over, also where the first pauses."""
    listener = listen()
    listener.say("anna", "a", 5)
    listener.turn("ben", "b", 5)
    await asyncio.sleep(1)
    assert listener.sound == "a" * 5
    listener.turn("anna", "a", 5)
    await listener.player.played()
    assert listener.sound == "a" * 10 + "b" * 5


async def test_texts_of_one_who_waits_are_read_at_once(listen: Listen) -> None:
    """Only sound takes turns; messages name their speaker."""
    listener = listen()
    listener.say("anna", "a", 50)
    await asyncio.sleep(0.1)
    listener.write("ben", text("b"))
    state = SpeechState(state="speaking", timestamp=1)
    listener.write("ben", state)
    assert [message.type for message in listener.messages] == ["output_transcription", "speech_state"]
    listener.write("anna", done(""))


async def test_interrupt_cuts_what_plays_and_nothing_else(listen: Listen) -> None:
    """What waits is played, and the listener's far end is emptied."""
    listener = listen()
    listener.turn("anna", "a", 50)
    listener.turn("ben", "b", 5)
    await asyncio.sleep(0.1)
    before = len(listener.heard)
    listener.player.interrupt()
    assert [type(message) for message in listener.messages][-2:] == [Interrupted, TurnComplete]
    assert listener.cleared == 1
    await listener.player.played()
    assert listener.sound == "a" * before + "b" * 5


async def test_an_interrupt_is_answered_when_nothing_plays(listen: Listen) -> None:
    """And a second one, too."""
    listener = listen()
    listener.player.interrupt()
    listener.player.interrupt()
    assert listener.log == ["interrupted", "interrupted"]


async def test_an_answer_that_starts_anew_is_heard_from_its_beginning(listen: Listen) -> None:
    """Nothing that was void is played, and others need not wait for it."""
    listener = listen()
    listener.say("anna", "x", 50)
    await asyncio.sleep(0.1)
    before = len(listener.heard)
    listener.write("anna", Interrupted(reason="upstream"))
    listener.turn("ben", "b", 5)
    await asyncio.sleep(1)
    listener.turn("anna", "a", 5)
    await listener.player.played()
    assert listener.sound == "x" * before + "b" * 5 + "a" * 5
    assert listener.cleared == 1


async def test_repeat_plays_the_last_whole_interpretation(listen: Listen) -> None:
    """After what is playing."""
    listener = listen()
    listener.turn(None, "a", 7)
    await listener.player.played()
    listener.player.repeat()
    await listener.player.played()
    assert listener.sound == "a" * 14


async def test_nothing_to_repeat_is_no_fault(listen: Listen) -> None:
    """Nothing is heard."""
    listener = listen()
    listener.player.repeat()
    await listener.player.played()
    assert listener.sound == ""


async def test_an_announcement_comes_before_the_next_turn(listen: Listen) -> None:
    """And never over one that has begun."""
    listener = listen(rate_hz=RATE_HZ)
    listener.turn(None, "a", 20)
    listener.turn(None, "b", 5)
    await asyncio.sleep(0.05)
    listener.player.announce(b"n\0" * (PIECE // 2) * 5)
    await listener.player.played()
    assert listener.sound == "a" * 20 + "n" * 5 + "b" * 5


async def test_a_voice_is_heard_beside_an_interpretation(listen: Listen) -> None:
    """Who shares the listener's language is heard as they are."""
    listener = listen(rate_hz=16_000)
    for _ in range(20):
        listener.player.voice("cho", b"\5\0" * 320)
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    assert {piece[0] for _, piece in listener.heard} == {5}
    assert len(listener.heard) == 20


async def test_what_two_say_at_once_for_long_is_bounded(listen: Listen) -> None:
    """The oldest that waits is given up, and the listener is told how much."""
    listener = listen()
    listener.say("anna", "a", 50)
    await asyncio.sleep(0)
    for number in range(21):
        listener.turn("ben", chr(ord("b") + number % 20), 500)
    warnings = [message for message in listener.messages if isinstance(message, Warning)]
    assert [warning.ms for warning in warnings] == [10_000] * 4
    assert listener.player.held_bytes <= 180 * RATE_HZ * 2
    listener.write("anna", done(""))
    await listener.player.played()
    assert [message.type for message in listener.messages].count("turn_complete") == 22


async def test_who_leaves_is_heard_to_the_end(listen: Listen) -> None:
    """What was said is still played."""
    listener = listen()
    listener.turn("anna", "a", 30)
    listener.player.forget("anna")
    await listener.player.played()
    assert listener.sound == "a" * 30
