"""One interpreting session against a scripted server, and the files that it writes."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from client.interpret import InterpretJob, Patience, interpret
from client.outputs import Outputs
from client.sources import WavInput
from client.summary import Summary
from tests.client.fakes import FastClock, Notes, Talk, fake_server, make_wav

Script = Callable[[Talk], Awaitable[None]]

KO = ("안녕하세요", "ko")
EN = ("Hello there", "en")


class Run:
    """One interpreting session and what came of it."""

    def __init__(self, directory: Path) -> None:
        self.notes = Notes()
        self.wav = make_wav(directory / "in.wav")
        self.out = directory / "out.wav"
        self.transcript = directory / "out.jsonl"

    def job(self, url: str, patience: Patience | None = None) -> InterpretJob:
        """A job that writes everything."""
        return InterpretJob(
            WavInput(self.wav),
            url,
            Outputs(self.out, self.transcript),
            recordings=(self.wav,),
            language="ko",
            chunk_ms=100,
            patience=patience or Patience(),
        )

    async def against(self, script: Script, patience: Patience | None = None) -> Summary:
        """Interprets with a server that follows ``script``."""
        async with fake_server(script) as url:
            return await interpret(self.job(url, patience), self.notes, FastClock())

    def written_turns(self) -> list[str]:
        """The transcript's source texts."""
        return [json.loads(line)["source_text"] for line in self.transcript.read_text("utf-8").splitlines()]
