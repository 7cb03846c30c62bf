"""Recordings say what came, when, and what it was answered with; never a key."""

import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

Fixture = Callable[..., Any]
KEY = "a-very-secret-key"


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def sound(path: Path) -> bytes:
    """The PCM of a WAV file at 16 kHz."""
    with wave.open(str(path), "rb") as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (16_000, 1, 2)
        return reader.readframes(reader.getnframes())


def folders(path: Path) -> list[str]:
    """The names of what is in a folder."""
    return sorted(item.name for item in path.iterdir())


async def test_recording(
    start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, turn: Fixture, tmp_path: Path
) -> None:
    """Two sessions, two folders; sound, messages and utterances in each."""
    async with start({"record_dir": tmp_path / "out"}) as emulator:
        for _ in range(2):
            async with connect(emulator, key=KEY) as session:
                await say(session, cut("en-11s-16k", 0, 1), marked=False)
                await say(session, cut("en-11s-16k", 3, 4.9))
                await turn(session)
    folder = tmp_path / "out" / "session-0002"
    record = emulator.sessions[1]
    assert sound(folder / "received.wav") == bytes(record.audio)
    assert sound(folder / "utterance-0001.wav") == record.utterances[0].audio
    messages = lines(folder / "messages.jsonl")
    assert [message["kind"] for message in messages] == record.kinds()
    (utterance,) = lines(folder / "utterances.jsonl")
    assert utterance["answered"] == ["kennedy-2"]
    assert utterance["heard"][0]["clip"] == "en-11s-16k"
    assert utterance["file"] == "utterance-0001.wav"
    for file in folder.iterdir():
        assert KEY.encode() not in file.read_bytes()
    assert KEY not in repr(record)
    assert record.headers["x-goog-api-key"] == "***"


async def test_numbers_go_on(start: Fixture, connect: Fixture, tmp_path: Path) -> None:
    """A later run writes beside an earlier one; a session without sound leaves an empty file."""
    for _ in range(2):
        async with start({"record_dir": tmp_path}) as emulator, connect(emulator):
            pass
    assert folders(tmp_path) == ["session-0001", "session-0002"]
    assert sound(tmp_path / "session-0002" / "received.wav") == b""


async def test_an_answer_that_is_cut_short_is_written(
    start: Fixture, connect: Fixture, cut: Fixture, say: Fixture, tmp_path: Path
) -> None:
    """Whoever leaves in the middle of an answer leaves the utterance behind, as one that is not complete."""
    async with start({"record_dir": tmp_path}, time_factor=1.0) as emulator, connect(emulator) as session:
        await say(session, cut("en-11s-16k", 3, 4.9))
        async for message in session.receive():
            if message.server_content and message.server_content.model_turn:
                break
    folder = tmp_path / "session-0001"
    (utterance,) = lines(folder / "utterances.jsonl")
    assert (utterance["answered"], utterance["complete"]) == (["kennedy-2"], False)
    assert sound(folder / "utterance-0001.wav") == emulator.sessions[0].utterances[0].audio


async def test_the_setup_is_recorded(start: Fixture, connect: Fixture, tmp_path: Path) -> None:
    """What a session was set up with can be read: model, voice, instruction; the key is not in it."""
    async with start({"record_dir": tmp_path}) as emulator, connect(emulator, key=KEY):
        pass
    first, *_ = lines(tmp_path / "session-0001" / "messages.jsonl")
    assert first["kind"] == "setup"
    assert first["data"]["setup"] == emulator.sessions[0].setup
    assert "model" in first["data"]["setup"]
