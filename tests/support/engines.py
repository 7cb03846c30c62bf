"""The engines that the same end-to-end tests are run against: a pipeline file each, and what to know of it."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from emulator import EmulatorOptions, Scenario
from tests.support.conversation import NO_GAPS, Conversation, conversation
from tests.support.fake_openai import fake_openai
from tests.support.fake_openai_realtime import fake_realtime


@dataclass(frozen=True)
class Engine:
    """One way to interpret.

    Attributes:
        pipeline: Name of its file.
        english: Of the ``init`` message, for a client that speaks English.
        korean: The same for Korean.
        both: The same for a client that speaks either.
        settings: Of the server, by field name.
        pause_ms: Silence after which an utterance's interpretation has come, where nothing takes time.
        survives: It goes on where its connection ends or breaks.
        says_twice: After a lost connection some words may come again.
        service: Starts what stands in the emulator's place; gives the settings with which a server uses it.
    """

    pipeline: str
    english: Mapping[str, Any] = field(default_factory=dict)
    korean: Mapping[str, Any] = field(default_factory=dict)
    both: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    pause_ms: int = 1200
    survives: bool = True
    says_twice: bool = False
    service: Callable[[], AbstractAsyncContextManager[Mapping[str, Any]]] | None = None

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[dict[str, Any]]:
        """Settings of a server with this engine, while what it needs beside the emulator runs."""
        settings = {"pipeline": self.pipeline, **NO_GAPS, **self.settings}
        if self.service is None:
            yield settings
            return
        async with self.service() as of_service:
            yield {**settings, **of_service}

    @contextlib.asynccontextmanager
    async def conversation(
        self,
        options: EmulatorOptions | None = None,
        *,
        scenario: Scenario | None = None,
        config: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> AsyncIterator[Conversation]:
        """Start everything and connect; see :func:`tests.support.conversation.conversation`."""
        async with (
            self.serving() as chosen,
            conversation(
                options, scenario=scenario, config=config, pause_ms=self.pause_ms, **{**chosen, **settings}
            ) as talk,
        ):
            yield talk


@contextlib.asynccontextmanager
async def _endpoints() -> AsyncIterator[Mapping[str, Any]]:
    async with fake_openai() as endpoints:
        yield dict.fromkeys(("recognition_url", "translation_url", "speech_url"), endpoints.url)


@contextlib.asynccontextmanager
async def _realtime() -> AsyncIterator[Mapping[str, Any]]:
    async with fake_realtime() as service:
        yield {"openai_realtime_url": service.url}


_SIMULTANEOUS: dict[str, Any] = {
    "pipeline": "simultaneous",
    "settings": {"segment_silence_ms": 800, "arbiter_hold_ms": 3000},
    "pause_ms": 6000,
    "says_twice": True,
}
"""Output lags by 2 s, and the emulator's clock for that is the sound that it is sent. The machine that tests run on
may be busy, so nothing is decided by fractions of a second."""
ENGINES = {
    "interpreter": Engine("interpreter"),
    "stock_gemini": Engine("stock_gemini", survives=False),
    "openai_realtime": Engine("openai_realtime", survives=False, service=_realtime),
    "cascade": Engine("cascade", survives=False, service=_endpoints),
    "simultaneous, fixed": Engine(english={"language": "en"}, korean={"language": "ko"}, **_SIMULTANEOUS),
    "simultaneous, auto": Engine(**_SIMULTANEOUS),
}
