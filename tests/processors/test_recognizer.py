"""One model for the process, in a few threads; on a real event loop, for threads take real time."""

import asyncio
import os
import sys
import threading

import numpy as np
import pytest

from processors.recognizer import Recognized, Recognizer
from tests.support.fake_whisper import FakeWhisper, Samples, install

PCM = np.full(1600, -(2**15), "<i2").tobytes()


def length(audio: Samples, language: str) -> str:
    """What the fake model hears: how much, and in which language it was told to listen."""
    return f"{len(audio)} {language}"


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> FakeWhisper:
    """A model that is installed."""
    fake = FakeWhisper(length)
    install(monkeypatch, fake)
    return fake


def niceness() -> int:
    """Of this thread."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


async def loaded(workers: int = 1) -> Recognizer:
    """A recogniser with its model."""
    recognizer = Recognizer(workers)
    await recognizer.load("small")
    return recognizer


def test_what_is_said_comes_back_as_one_text(model: FakeWhisper) -> None:
    """In the language that it was asked for; each utterance for itself, in one go."""

    async def run() -> Recognized:
        recognizer = await loaded(workers=2)
        try:
            return await recognizer.recognize(PCM, ["ko"])
        finally:
            recognizer.close()

    assert asyncio.run(run()) == Recognized("1600 ko", "ko")
    ((name, made_with),) = model.made_with
    assert (name, made_with["num_workers"]) == ("small", 2)
    assert made_with["cpu_threads"] == max(1, (os.cpu_count() or 1) // 2)
    (options,) = model.options
    assert options["temperature"] == 0.0
    assert options["condition_on_previous_text"] is False


def test_of_several_languages_the_likeliest_counts(model: FakeWhisper) -> None:
    """Only those of the session, whatever else it sounds like; one that the model has no word about is the last."""

    async def run(*languages: str) -> str:
        recognizer = await loaded()
        try:
            return (await recognizer.recognize(PCM, languages)).language
        finally:
            recognizer.close()

    assert asyncio.run(run("en", "ko")) == "ko"
    assert asyncio.run(run("en", "de")) == "en"


def test_nobody_waits_for_a_model_that_is_being_loaded(model: FakeWhisper) -> None:
    """A server may stop while it downloads one: its end does not wait, and what comes then is dropped."""
    model.loaded.clear()

    async def run() -> threading.Thread:
        recognizer = Recognizer(1)
        loading = asyncio.create_task(recognizer.load("small"))
        await asyncio.sleep(0.01)
        assert not recognizer.knows(["ko"])
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        recognizer.close()
        (thread,) = (thread for thread in threading.enumerate() if thread.name == "whisper-load")
        return thread

    thread = asyncio.run(run())
    assert thread.is_alive()
    assert thread.daemon
    model.loaded.set()
    thread.join()


def test_a_model_may_not_know_a_language(model: FakeWhisper) -> None:
    """There are models for English alone; and before it is loaded it knows none."""
    model.languages = ["en"]

    async def run() -> list[bool]:
        recognizer = Recognizer(1)
        before = recognizer.knows(["en"])
        with pytest.raises(RuntimeError, match="not loaded"):
            await recognizer.recognize(PCM, ["en"])
        await recognizer.load("small")
        recognizer.close()
        return [before, recognizer.knows(["en"]), recognizer.knows(["ko", "en"])]

    assert asyncio.run(run()) == [False, True, False]


def test_the_model_has_codes_of_its_own(model: FakeWhisper) -> None:
    """Regions and scripts mean nothing to it; the caller gets its own code back."""
    model.languages = ["tl", "zh"]
    model.probabilities = {"tl": 0.1, "zh": 0.9}

    async def run() -> tuple[bool, Recognized]:
        recognizer = await loaded()
        heard = await recognizer.recognize(PCM, ["fil", "zh-Hant"])
        recognizer.close()
        return recognizer.knows(["fil", "zh-Hant"]), heard

    assert asyncio.run(run()) == (True, Recognized("1600 zh", "zh-Hant"))


def test_no_more_than_its_threads_work_at_once(model: FakeWhisper) -> None:
    """Others wait, who gives up loses the place, and the loop goes on meanwhile."""
    model.held.clear()

    async def run() -> None:
        recognizer = await loaded(workers=1)
        assert recognizer.idle
        first = asyncio.create_task(recognizer.recognize(PCM, ["ko"]))
        await asyncio.sleep(0)
        assert not recognizer.idle
        waiting = [asyncio.create_task(recognizer.recognize(PCM, ["en"])) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting[:2]:
            task.cancel()
        await asyncio.gather(*waiting[:2], return_exceptions=True)
        model.held.set()
        assert (await first).language == "ko"
        assert (await waiting[2]).language == "en"
        assert recognizer.idle
        recognizer.close()

    asyncio.run(run())
    assert [options["language"] for options in model.options] == ["ko", "en"]
    assert len(model.threads) == 1
    assert threading.current_thread().name not in model.threads


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a priority of its own on Linux")
def test_the_models_own_threads_step_back(model: FakeWhisper) -> None:
    """Those that it starts while it is loaded. Who runs Python keeps the priority: others wait for it."""
    while_working = []

    def says(audio: Samples, language: str) -> str:
        while_working.append(niceness())
        return ""

    model.says = says

    async def run() -> Recognized:
        recognizer = await loaded()
        try:
            return await recognizer.recognize(PCM, ["ko"])
        finally:
            recognizer.close()

    before = niceness()
    assert asyncio.run(run()) == Recognized("", "ko")
    assert model.niceness == [min(19, before + 10)]
    assert while_working == [niceness()] == [before]


def test_what_the_model_raises_is_the_callers(model: FakeWhisper) -> None:
    """A thread survives it."""

    def fails(audio: Samples, language: str) -> str:
        raise RuntimeError("out of memory")

    async def run() -> Recognized:
        recognizer = await loaded()
        model.says = fails
        with pytest.raises(RuntimeError, match="out of memory"):
            await recognizer.recognize(PCM, ["ko"])
        model.says = length
        try:
            return await recognizer.recognize(PCM, ["ko"])
        finally:
            recognizer.close()

    assert asyncio.run(run()).text == "1600 ko"
