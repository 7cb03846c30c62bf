"""The emulator as others use it: how it behaves, where it is, what happened, and what is to go wrong."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from emulator.acts import GoingAway, go_away
from emulator.answering import Answerer
from emulator.certificates import Certificates
from emulator.control import Control
from emulator.fault_box import FaultBox, Live
from emulator.faults import Fault, FaultStrike
from emulator.front import Front
from emulator.handles import HandleBook
from emulator.hearing import ClipIndex
from emulator.link import ConnectionReset, Link
from emulator.options import EmulatorOptions
from emulator.record import ClipStretch, SessionRecord
from emulator.scenario import Clip, Scenario
from emulator.services import Services
from emulator.wire import WireError

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}


class Emulator:
    """A Gemini Live server, as an asynchronous context manager.

    Args:
        options: How it behaves; the defaults when None.
        scenario: What it answers; the built-in ``samples`` when None.
        record_dir: Folder that gets a folder for each session; None to write nothing.
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.
        names: Further host names for the certificate, for clients on other machines.
        ca_file: Where the CA certificate is written, and left; None for a temporary file, removed at the end.
        control_port: Port of the control endpoint on 127.0.0.1, 0 for any free one; None for no endpoint.

    Raises:
        ScenarioError: The built-in scenario cannot be read.
        OSError: On entering, when the port is taken or a folder cannot be written.
    """

    def __init__(
        self,
        options: EmulatorOptions | None = None,
        *,
        scenario: Scenario | None = None,
        record_dir: Path | str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Sequence[str] = (),
        ca_file: Path | str | None = None,
        control_port: int | None = None,
    ) -> None:
        self._options = options or EmulatorOptions()
        self.scenario = scenario or Scenario.load("samples")
        self._record_dir = Path(record_dir) if record_dir is not None else None
        self._host, self._port = host, port
        self._names = names
        self._wanted_ca_file = Path(ca_file) if ca_file is not None else None
        self._certificates: Certificates | None = None
        self._faults = FaultBox()
        self._option_faults = self._switch_on(self._options)
        for fault in self.scenario.faults:
            self._faults.add(fault)
        self._answerer = Answerer(self.scenario)
        clips = {name: (clip.samples, clip.rate_hz) for name, clip in self.scenario.clips.items()}
        services = Services(ClipIndex(clips), self._answerer, HandleBook(), self._faults)
        self._front = Front(lambda: self._options, services, self._record_dir)
        self._control = Control(self, control_port) if control_port is not None else None

    # Where it is and what it does

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def base_url(self) -> str:
        """What a client's ``base_url`` must be, like ``https://127.0.0.1:9443``."""
        return f"https://{_ANY_ADDRESS.get(self._host, self._host)}:{self._port}"

    @property
    def ca_file(self) -> Path:
        """The PEM file of the CA that a client must trust.

        Raises:
            RuntimeError: The emulator was not entered.
        """
        if self._certificates is None:
            raise RuntimeError("the CA exists only while the emulator runs; enter it with 'async with' first")
        return self._certificates.ca_file

    @property
    def control_url(self) -> str | None:
        """The control endpoint, like ``http://127.0.0.1:9444``; None without one."""
        return f"http://127.0.0.1:{self._control.port}" if self._control else None

    @property
    def clips(self) -> Mapping[str, Clip]:
        """The clips it can find in what it hears, by name."""
        return self.scenario.clips

    @property
    def options(self) -> EmulatorOptions:
        """How it behaves. Others may be set at any time: the next connection uses them.

        Faults of the old options that are not in the new ones are switched off, and the other way round, at once.
        """
        return self._options

    @options.setter
    def options(self, options: EmulatorOptions) -> None:
        changed = options.faults != self._options.faults
        self._options = options
        if changed:
            self._faults.remove(self._option_faults)
            self._option_faults = self._switch_on(options)

    def _switch_on(self, options: EmulatorOptions) -> list[Live]:
        return [self._faults.add(fault) for fault in options.faults]

    # What happened

    @property
    def sessions(self) -> list[SessionRecord]:
        """The connections that were upgraded, in order."""
        return self._front.sessions

    @property
    def connections(self) -> int:
        """TCP connections so far, refused ones included."""
        return self._front.connections

    def stretches(self) -> dict[str, list[ClipStretch]]:
        """For every clip, which part was answered how often, over all sessions; equal neighbours are joined."""
        return self._answerer.stretches()

    # Faults

    @property
    def faults(self) -> list[Fault]:
        """The faults that are switched on, each with the ``times`` that are left."""
        return [live.fault.model_copy(update={"times": live.left}) for live in self._faults.live]

    @property
    def struck(self) -> list[FaultStrike]:
        """The faults that struck, in order; the last 100,000."""
        return self._faults.struck

    def inject(self, fault: Fault) -> None:
        """Switch a fault on, for the sessions that are open and for those to come."""
        self._faults.add(fault)

    def clear_faults(self) -> None:
        """Switch all faults off, wherever they came from."""
        self._faults.clear()

    async def go_away(self, session: int, going: GoingAway | None = None) -> None:
        """Send a goAway to an open session now.

        Args:
            session: Its number.
            going: What it says, and what follows; None: 50 s left, then close 1008.

        Raises:
            LookupError: No session of that number is open.
        """
        await go_away(self._link(session), going or GoingAway(50.0, WireError(1008, "")))

    def close_session(self, session: int, code: int = 1011, reason: str = "") -> None:
        """Close an open session now; ``LookupError`` when there is none of that number."""
        self._link(session).end(WireError(code, reason))

    def reset_session(self, session: int) -> None:
        """Reset the TCP connection of an open session now; ``LookupError`` when there is none of that number."""
        self._link(session).end(ConnectionReset())

    def _link(self, session: int) -> Link:
        link = self._front.links.get(session)
        if link is None:
            numbers = ", ".join(map(str, self._front.links)) or "none"
            raise LookupError(f"session {session} is not open; open: {numbers}")
        return link

    # Coming and going

    async def __aenter__(self) -> Self:
        if self._record_dir is not None:
            self._record_dir.mkdir(parents=True, exist_ok=True)
        names = dict.fromkeys(["localhost", "127.0.0.1", "::1", *self._names])
        if self._host and self._host not in _ANY_ADDRESS:
            names[self._host] = None
        self._certificates = Certificates(names, self._wanted_ca_file)
        try:
            if self._control is not None:
                await self._control.start()
            self._port = await self._front.listen(self._host, self._port, self._certificates.context)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        if self._control is not None:
            await self._control.stop()
        await self._front.stop()
        if self._certificates is not None:
            self._certificates.remove()
            self._certificates = None
