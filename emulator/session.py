"""One Gemini Live session: its setup, and its two halves, which run side by side until the connection ends."""

import asyncio
from typing import Any

from websockets.exceptions import ConnectionClosed

from emulator.activities import Activities
from emulator.acts import keep_schedule
from emulator.faults import INVALID_REASON, QUOTA_REASON, Fault
from emulator.link import ConnectionReset, Ending, Link
from emulator.services import Services
from emulator.setup import Setup, parse_setup
from emulator.speaking import Speaker
from emulator.strikes import BAD_KEY, SessionFaults, refuse
from emulator.translating import Translator
from emulator.turns import Turns
from emulator.uplink import Listener, Uplink
from emulator.wire import Endpoint, WireError, parse_frame

_NO_KEY = WireError(
    1008,
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API.",
)


class Session:
    """One connection that was upgraded.

    Args:
        link: The connection.
        endpoint: What was asked for.
        key: The API key or token as sent; empty without one.
        refusal: How this connection is refused; None to serve it.
        services: Shared with the other sessions.
    """

    def __init__(
        self,
        link: Link,
        *,
        endpoint: Endpoint,
        key: str,
        refusal: Fault | None,
        services: Services,
    ) -> None:
        self._link = link
        self._record = link.record
        self._options = link.options
        self._endpoint = endpoint
        self._key = key
        self._refusal = refusal
        self._services = services
        self._faults = SessionFaults(services.faults, link)

    async def run(self) -> None:
        """Serve the connection until it ends, for whatever reason; never raises for what a client did."""
        serving = asyncio.create_task(self._serve())
        ends: list[asyncio.Future[Any]] = [serving, self._link.ended]
        ending: Ending | None = None
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._link.ended.done():
                ending = self._link.ended.result()
            else:
                await serving
        except (WireError, ConnectionReset) as error:
            ending = error
        except ConnectionClosed:
            pass
        finally:
            serving.cancel()
            await asyncio.wait({serving})
            await self._link.shut(ending)
            self._services.handles.end(self._record)

    async def _serve(self) -> None:
        setup = await self._set_up()
        speaker, listener = self._personality(setup)
        uplink = Uplink(self._link, setup, listener)
        halves = {asyncio.create_task(speaker.run()), asyncio.create_task(uplink.run())}
        try:
            done, _ = await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in halves:
                task.cancel()
            await asyncio.gather(*halves, return_exceptions=True)
            speaker.finish()
            listener.finish()

    def _personality(self, setup: Setup) -> tuple[Turns | Speaker, Listener]:
        """What speaks and what listens: in turns, or without."""
        if setup.translates:
            translator = Translator(self._link, setup, self._services, self._faults, self._send_handle)
            return translator.speaker, translator
        turns = Turns(self._link, setup, self._services, self._faults, self._send_handle)
        return turns, Activities(self._link, setup, turns, self._faults)

    async def _set_up(self) -> Setup:
        kind, body = parse_frame(await self._link.socket.recv())
        if kind != "setup":
            raise WireError(1007, f"{INVALID_REASON} Expected 'setup' first, got '{kind}'.")
        self._record.setup = body if isinstance(body, dict) else {}
        self._link.note_in("setup", setup=self._record.setup)
        self._check_key()
        setup = parse_setup(body, self._options.models, self._endpoint.version)
        if setup.translates and setup.translation is not None:
            self._record.target = setup.translation.target
        if self._refusal is not None and self._refusal.name != "quota_close":
            await refuse(self._link, self._refusal, setup, self._endpoint.version)
        await self._faults.strike_setup(setup, self._endpoint.version)
        if setup.handle:
            valid_secs = self._link.planned_secs(self._options.handle_valid_secs)
            self._services.handles.resume(setup.handle, self._record, valid_secs)
        if await self._link.send({"setupComplete": {}}, "setupComplete"):
            await self._greet()
        return setup

    async def _greet(self) -> None:
        self._link.spawn(keep_schedule(self._link))
        if self._refusal is not None and self._refusal.name == "quota_close":
            delay_secs = self._options.quota_delay_ms / 1000 * self._options.time_factor
            self._link.spawn(self._link.end_later(delay_secs, WireError(1011, QUOTA_REASON)))
        else:
            await self._send_handle()
        await self._faults.strike_greeted()

    def _check_key(self) -> None:
        if not self._key:
            raise _NO_KEY
        if self._options.api_keys is not None and self._key not in self._options.api_keys:
            raise BAD_KEY

    async def _send_handle(self) -> None:
        if self._options.resumption_updates or "sessionResumption" in self._record.setup:
            handle = self._services.handles.issue(self._record)
            update = {"newHandle": handle, "resumable": True}
            await self._link.send({"sessionResumptionUpdate": update}, "sessionResumptionUpdate")
