"""Other pairs than Korean and English, targets, and the choice of an engine, over a real socket."""

from pathlib import Path

import pytest

from tests.support.client import protocol_client
from tests.support.conversation import conversation
from tests.support.foreign_step import MODULE, with_step
from tests.support.servers import running_server
from tests.support.speech import texts, told

ENGLISH_TO_SPANISH = {"source": "The train leaves in ten minutes.", "target": "El tren sale en diez minutos."}
SPANISH_TO_ENGLISH = {"source": "¿Cuándo empezó el dolor?", "target": "When did the pain start?"}
JAPANESE_TO_KOREAN = {"source": "駅はどこですか。", "target": "역이 어디예요?"}
KOREAN_TO_JAPANESE = {"source": "감사합니다.", "target": "ありがとうございます。"}


async def test_a_pair_of_one_script() -> None:
    """English and Spanish are told apart by their words, both ways, in finals of both sides."""
    scenario = told(kennedy_1=ENGLISH_TO_SPANISH, kennedy_2=SPANISH_TO_ENGLISH)
    async with conversation(scenario=scenario, languages="en,es") as talk:
        english = await talk.interpret("kennedy-1")
        spanish = await talk.interpret("kennedy-2")
    assert (english.texts, english.languages) == (tuple(ENGLISH_TO_SPANISH.values()), ("en", "es"))
    assert (spanish.texts, spanish.languages) == (tuple(SPANISH_TO_ENGLISH.values()), ("es", "en"))


async def test_what_may_be_of_either_language_follows_what_was_said_before() -> None:
    """A bare "OK" is in the language that was spoken last, and its interpretation in the other one."""
    scenario = told(kennedy_1=SPANISH_TO_ENGLISH, kennedy_2={"source": "OK.", "target": "OK."})
    async with conversation(scenario=scenario, languages="en,es") as talk:
        await talk.interpret("kennedy-1")
        turn = await talk.interpret("kennedy-2")
    assert turn.languages == ("es", "en")


async def test_the_upstreams_code_tells_languages_of_one_script() -> None:
    """It heard the speaker: its code counts where the script does not tell."""
    codes = {"source_language": "es-MX", "target_language": "en-US", "variant": {"language_code": True}}
    scenario = told(kennedy_1={"source": "No, no.", "target": "No.", **codes})
    async with conversation(scenario=scenario, languages="en,es") as talk:
        turn = await talk.interpret("kennedy-1")
    assert turn.languages == ("es", "en")


@pytest.mark.parametrize("language", ["auto", "ja", "ko"])
async def test_a_pair_without_english(language: str) -> None:
    """Japanese and Korean: the codes of the pair may be spoken, and finals have them."""
    scenario = told(kennedy_1=JAPANESE_TO_KOREAN, kennedy_2=KOREAN_TO_JAPANESE)
    async with conversation(scenario=scenario, languages="ja,ko", config={"language": language}) as talk:
        japanese = await talk.interpret("kennedy-1")
        korean = await talk.interpret("kennedy-2")
    assert japanese.languages == ("ja", "ko")
    assert korean.languages == ("ko", "ja")


async def test_codes_are_told_as_the_server_has_them() -> None:
    """A variety that the operator chose is what the client reads, whatever the upstream calls it."""
    codes = {"source_language": "pt", "target_language": "en", "variant": {"language_code": True}}
    scenario = told(kennedy_1={"source": "Onde fica a estação?", "target": "Where is the station?", **codes})
    async with conversation(scenario=scenario, languages="pt-BR,en", config={"language": "pt-BR"}) as talk:
        turn = await talk.interpret("kennedy-1")
    assert turn.languages == ("pt-BR", "en")


async def test_a_target_of_the_clients_own() -> None:
    """Whatever of the server's pair is spoken, the target comes out."""
    english = {"source": "Where is the station?", "target": "駅はどこですか。"}
    scenario = told(kennedy_1=english, kennedy_2=KOREAN_TO_JAPANESE)
    config = {"targetLanguage": "ja-JP"}
    async with conversation(scenario=scenario, target_languages="ja", config=config) as talk:
        assert (await talk.interpret("kennedy-1")).languages == ("en", "ja")
        assert (await talk.interpret("kennedy-2")).languages == ("ko", "ja")


@pytest.mark.parametrize(("config", "engine"), [({}, "interpreter"), ({"engine": "loud"}, "loud")])
async def test_a_client_chooses_its_engine(tmp_path: Path, config: dict[str, str], engine: str) -> None:
    """Two pipelines in one server: ``connected`` says which one serves, and its steps do."""
    loud = with_step(tmp_path, f'use = "{MODULE}:Shout"', before="transcription_forwarder", name="loud")
    async with conversation(engines=str(loud), config=config) as talk:
        assert talk.client.messages[0]["engine"] == engine
        turn = await talk.interpret("kennedy-1")
    source, target = texts("kennedy-1")
    assert turn.texts == (source, target.upper() if engine == "loud" else target)


async def test_a_refused_engine_may_be_corrected() -> None:
    """The error names the engines that there are, and the connection goes on."""
    async with running_server(engines="simultaneous") as server, protocol_client(server.url) as client:
        await client.send({"type": "init", "config": {"engine": "cascade"}})
        error = await client.wait_for("error")
        assert (error["code"], "interpreter, simultaneous" in error["message"]) == ("INVALID_MESSAGE", True)
        assert (await client.init(engine="simultaneous"))["engine"] == "simultaneous"
