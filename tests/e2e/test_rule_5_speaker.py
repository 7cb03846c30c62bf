"""Rule 5: the speaker is never cut: not while connecting, not at the start of an utterance, not by a mute."""

from emulator import EmulatorOptions
from tests.support.client import ProtocolClient, protocol_client
from tests.support.conversation import conversation
from tests.support.gate import gated_server
from tests.support.laws import lawful_turns
from tests.support.servers import running_server
from tests.support.speech import samples_scenario, silence, spoken, texts, words_only

PREROLL_BYTES = 300 * 32
MARK_TOLERANCE_BYTES = 60 * 32
"""How far a voice detector may be from a mark that was made by hand."""


async def connecting(client: ProtocolClient, **config: object) -> None:
    """Send ``init`` and do not wait for the answer."""
    await client.send({"type": "init", "config": config})


async def test_audio_before_connected_is_kept_and_interpreted() -> None:
    """A client that speaks at once loses nothing while the upstream is connected, and hears nothing before."""
    pcm = spoken("kennedy-1", "kennedy-2") + silence(1200)
    async with gated_server(scenario=samples_scenario()) as (server, gate), protocol_client(server.url) as client:
        await connecting(client)
        await client.stream(pcm, speed=20)
        assert client.messages == []
        gate.open()
        await client.wait_until(lambda: any("ask" in turn[0] for turn in client.turns))
        turns = lawful_turns(client.messages)
        assert client.messages[0]["type"] == "connected"
        assert " ".join(turn.texts[0] for turn in turns) == texts("kennedy-1", "kennedy-2")[0]
        assert server.emulator.sessions[0].utterances[0].audio in pcm


async def test_every_utterance_reaches_the_upstream_from_before_its_first_sound() -> None:
    """Each utterance is a stretch of what was spoken, with its pre-roll; none overlap."""
    phrases = ["kennedy-1", "kennedy-3"]
    parts = [part for phrase in phrases for part in (silence(1000), words_only(phrase), silence(1200))]
    stream = b"".join(parts)
    async with conversation() as talk:
        await talk.client.stream(stream, speed=20)
        await talk.client.wait_for("turn_complete", 2)
        found = [stream.index(utterance.audio) for utterance in talk.upstream.utterances]
        ends = [at + len(u.audio) for at, u in zip(found, talk.upstream.utterances, strict=True)]
    onsets = [len(parts[0]), sum(map(len, parts[:4]))]
    voice_ends = [sum(map(len, parts[:2])), sum(map(len, parts[:5]))]
    assert len(found) == 2
    for number in (0, 1):
        assert found[number] <= onsets[number] - PREROLL_BYTES + MARK_TOLERANCE_BYTES
        assert ends[number] >= voice_ends[number]
    assert ends[0] <= found[1]


async def test_a_mute_in_the_middle_of_an_utterance_ends_it() -> None:
    """A client that stops sending while it speaks gets what it said so far interpreted, without a chunk more."""
    async with conversation(audio_gap_ms=100) as talk:
        pcm = spoken("kennedy-4")
        await talk.client.stream(pcm[: len(pcm) * 6 // 10 // 2 * 2], speed=20)
        await talk.client.wait_for("turn_complete")
        assert talk.states[:3] == ["speaking", "silent", "processing"]
        source = talk.turns[0].texts[0]
        assert source
        assert texts("kennedy-4")[0].startswith(source)
        assert source != texts("kennedy-4")[0]


async def test_push_to_talk_without_any_silence_gives_a_turn_for_every_press() -> None:
    """A client that sends only while a button is held is understood, press after press, to the last word."""
    presses = ["kennedy-1", "kennedy-3", "kennedy-2"]
    async with conversation(audio_gap_ms=100) as talk:
        for number, phrase in enumerate(presses, 1):
            await talk.client.stream(words_only(phrase), speed=20)
            await talk.client.wait_for("turn_complete", number)
        assert [turn.texts for turn in talk.turns] == [texts(phrase) for phrase in presses]


async def test_a_slow_start_does_not_shorten_what_is_heard_at_eight_kilohertz() -> None:
    """The same for a client at another rate: words that came while connecting are all interpreted."""
    options = EmulatorOptions(time_factor=0.0, refuse="503", refuse_first=2)
    async with (
        running_server(options, scenario=samples_scenario(), connect_timeout_secs=20) as server,
        protocol_client(server.url) as client,
    ):
        await connecting(client, sampleRate=8000)
        for chunk in (spoken("harvard-5", rate_hz=8000), silence(1200, 8000)):
            await client.send_chunk(chunk)
        await client.wait_for("turn_complete")
        assert client.turns == [texts("harvard-5")]
        assert server.emulator.connections == 3
