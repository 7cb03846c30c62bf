"""The engines that the same end-to-end tests are run against: a pipeline file each, and what to know of it."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator import EmulatorOptions, Scenario
from tests.support.conversation import Conversation, conversation


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
    """

    pipeline: str
    english: Mapping[str, Any] = field(default_factory=dict)
    korean: Mapping[str, Any] = field(default_factory=dict)
    both: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    pause_ms: int = 1200
    survives: bool = True
    says_twice: bool = False

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
        async with conversation(
            options,
            scenario=scenario,
            config=config,
            pause_ms=self.pause_ms,
            **{"pipeline": self.pipeline, **self.settings, **settings},
        ) as talk:
            yield talk


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
    "simultaneous, fixed": Engine(english={"language": "en"}, korean={"language": "ko"}, **_SIMULTANEOUS),
    "simultaneous, auto": Engine(**_SIMULTANEOUS),
}
