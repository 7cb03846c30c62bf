"""What happens on a phone line once it streams: who is talked to, what its keys do, what is announced."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from pipecat.frames.frames import Frame, InputAudioRawFrame, InputDTMFFrame

from pipelines.client_socket import ClientSocket
from pipelines.code_door import CodeDoor
from pipelines.conversation import Conversation, Line
from pipelines.jobs import Jobs
from pipelines.phone_incoming import PhoneIncoming
from pipelines.phone_line import PhoneLine
from pipelines.phone_services import PhoneServices, notices_in
from pipelines.seats import SeatTicket
from pipelines.solo import SoloConversation
from protocol.errors import ErrorCode, Fault
from protocol.messages import SAMPLE_BYTES, ServerMessage, TurnComplete
from telephony.phone_serializer import MarkReachedFrame
from telephony.provider import MediaStart, Notice, Provider

_PLAYED_SECS = 2.0
"""How long a phone that is about to be hung up may take to play what it was sent."""
_MOST_ANNOUNCED_SECS = 60
_HELP, _REPEAT, _SWAP = "0", "*", "#"


class CallTalk:
    """A line into a conversation: with the interpreter alone, in a room, or, before that, with nobody at its door.

    Attributes:
        incoming: What the caller says.
    """

    def __init__(
        self,
        session_id: str,
        socket: ClientSocket,
        provider: Provider,
        media: MediaStart,
        phones: PhoneServices,
        *,
        ticket: SeatTicket | None,
        fail: Callable[[Fault | BaseException], None],
    ):
        """Make it; nobody is talked to yet.

        Args:
            session_id: Of the call.
            socket: Where the line is written to.
            provider: Reads and writes its messages.
            media: What it streams.
            phones: Of the process.
            ticket: For the seat of a room that the caller takes; ``None``: whatever callers get.
            fail: Told why the call can't go on.
        """
        self._provider = provider
        self._phones = phones
        self._settings = settings = phones.services.settings
        self._ticket = ticket or (phones.seats.seat_by_number(media.dialled) if media.dialled else None)
        self._rate_hz = media.rate_hz
        self._jobs = Jobs(fail)
        self._fail = fail
        loop = asyncio.get_running_loop()
        serializer = provider.serializer(media)
        self.incoming = PhoneIncoming(serializer, media, settings)
        self._phone = PhoneLine(socket, serializer, rate_hz=self._rate_hz, clock=loop.time)
        self._line = Line(
            line_id=session_id,
            rate_hz=self._rate_hz,
            play=self._phone.play,
            tell=self._tell,
            fail=fail,
            clear=self._phone.clear,
        )
        self._conversation: Conversation | None = None
        self._helping = False

    @property
    def language(self) -> str:
        """What the caller speaks, by code, or ``auto``."""
        return self._ticket.language if self._ticket is not None else self._phones.languages.spoken

    @property
    def last_frame_at(self) -> float:
        """When something came or went last, on the event loop's clock."""
        return max(self.incoming.received_at, self._phone.sent_at)

    def start(self) -> None:
        """Talk, and say what has to be said that the provider's own voice did not say."""
        conversation = self._first_conversation()
        if isinstance(conversation, Fault):
            self._fail(conversation)
            return
        self._go_on_with(conversation)
        self._jobs.start(self._phone.run())
        self._jobs.start(self._fill_gaps())
        notices = notices_in(self._settings.telephony_notice, self._spoken)
        self._jobs.start(self._announce([one for one in notices if not self._provider.speaks(one.language)]))

    def take(self, frame: Frame) -> None:
        """Take what the phone says."""
        match frame:
            case InputAudioRawFrame() if self._conversation is not None:
                self._conversation.hear(frame)
            case InputDTMFFrame(button=button):
                self._press(button.value)
            case MarkReachedFrame(mark=mark):
                self._phone.reach(mark)

    async def drained(self) -> None:
        """Hear no further utterance; returns when everything was answered and heard that was said before."""
        if self._conversation is None:
            return
        await self._conversation.drained()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PLAYED_SECS):
                await self._phone.played()

    async def stop(self) -> None:
        """End it, and release everything."""
        await self._jobs.stop()
        if self._conversation is not None:
            await self._conversation.stop()
        self._phone.close()

    def queue_depths(self) -> dict[str, float]:
        """What waits, in bytes, by the queue's name."""
        return self._conversation.queue_depths() if self._conversation is not None else {}

    # Who is talked to

    def _first_conversation(self) -> Conversation | Fault:
        if self._ticket is not None:
            return self._ticket.take(self._line)
        if self._settings.telephony_answer == "code":
            return CodeDoor(self._line, self._prompts, self._enter)
        return SoloConversation(self._line, self._phones.pipeline, self._phones.languages, self._phones.services)

    def _go_on_with(self, conversation: Conversation) -> None:
        self._conversation = conversation
        conversation.start()

    def _enter(self, code: str) -> Fault | None:
        """Sit down where a typed code leads, or say why not."""
        ticket = self._phones.seats.seat_by_code(code)
        if ticket is None:
            return Fault(ErrorCode.INVALID_MESSAGE, "no seat has this code")
        seated = ticket.take(self._line)
        if isinstance(seated, Fault):
            return seated
        door, self._ticket = self._conversation, ticket
        if door is not None:
            self._jobs.start(door.stop())
        self._go_on_with(seated)
        return None

    async def _fill_gaps(self) -> None:
        while True:
            silence = await self.incoming.silence(lambda: self._longest_gap_secs)
            if silence is not None and self._conversation is not None:
                self._conversation.hear(silence)

    @property
    def _longest_gap_secs(self) -> float:
        """How much silence has to stand for a gap; in a room it changes as others come and go."""
        return self._conversation.longest_gap_secs if self._conversation is not None else 0.0

    def _tell(self, message: ServerMessage) -> None:
        """A phone shows no texts; at the end of a turn it is asked when that was played."""
        if isinstance(message, TurnComplete):
            self._phone.mark()

    # Keys and announcements

    def _press(self, key: str) -> None:
        conversation = self._conversation
        if isinstance(conversation, CodeDoor):
            conversation.press(key)
        elif conversation is not None and key == _SWAP:
            conversation.swap()
        elif conversation is not None and key == _REPEAT and self._may_say_more(conversation):
            conversation.repeat()
        elif key == _HELP and not self._helping:
            self._helping = True
            self._jobs.start(self._help())

    def _may_say_more(self, conversation: Conversation) -> bool:
        """Whether what was asked for before was played, or nearly."""
        held_bytes = conversation.queue_depths().get("player", 0.0)
        return held_bytes < _MOST_ANNOUNCED_SECS * self._rate_hz * SAMPLE_BYTES

    async def _help(self) -> None:
        try:
            await self._announce(notices_in(self._settings.telephony_help, self._spoken))
        finally:
            self._helping = False

    async def _announce(self, notices: Sequence[Notice]) -> None:
        for sound in await self._phones.announcements(notices):
            if self._conversation is not None and self._may_say_more(self._conversation):
                self._conversation.announce(sound)

    async def _prompts(self) -> list[bytes]:
        return await self._phones.announcements(notices_in(self._settings.telephony_code_prompt, self._spoken))

    @property
    def _spoken(self) -> tuple[str, ...]:
        """The languages that the caller understands."""
        return (self._ticket.language,) if self._ticket is not None else self._phones.languages.may_be_spoken
