"""Rule 1: text grows, and each side has one final, with the language that was detected in it."""

import pytest

from emulator import EmulatorOptions, Variant
from tests.support.conversation import conversation
from tests.support.laws import INPUT, OUTPUT
from tests.support.speech import texts, told

FRAGMENTS = {"input_transcription": "fragments", "fragment_words": 1}
WHOLE_TEXT_CODES = {"language_code": True}


async def test_every_partial_carries_the_whole_text_so_far() -> None:
    """Fragments of the upstream become partials that grow word by word up to the text of the one final."""
    options = EmulatorOptions(time_factor=0.0, variant=Variant.model_validate(FRAGMENTS))
    async with conversation(options) as talk:
        turn = await talk.interpret("kennedy-4")
    source, target = texts("kennedy-4")
    for kind, text in ((INPUT, source), (OUTPUT, target)):
        words = text.split()
        assert turn.partials[kind] == [" ".join(words[: count + 1]) for count in range(len(words))]
    assert turn.texts == (source, target)


async def test_interim_text_is_replaced_by_the_final_text() -> None:
    """Where the upstream revises its text, the partial shows the newest, and the final the last word on it."""
    options = EmulatorOptions(
        time_factor=0.0, variant=Variant(input_transcription="interim", fragment_words=2, finished_flags=True)
    )
    async with conversation(options, source_grows=False) as talk:
        turn = await talk.interpret("kennedy-4")
    assert turn.texts == texts("kennedy-4")
    assert turn.partials[INPUT][0] == "ask what"
    assert turn.partials[INPUT][-1] == turn.texts[0]


@pytest.mark.parametrize("language", ["auto", "ko", "en"])
async def test_the_final_names_the_language_of_its_text(language: str) -> None:
    """Finals say which script they are in, whichever way is spoken and whatever the client said it would speak."""
    async with conversation(config={"language": language}) as talk:
        english = await talk.interpret("kennedy-1")
        korean = await talk.interpret("speech-1a")
    assert english.languages == ("en", "ko")
    assert korean.languages == ("ko", "en")


async def test_the_script_counts_more_than_the_code_of_the_upstream() -> None:
    """The upstream may call Korean French: the client is told what the text is."""
    scenario = told(kennedy_1={"source_language": "fr-FR", "target_language": "en", "variant": WHOLE_TEXT_CODES})
    async with conversation(scenario=scenario) as talk:
        turn = await talk.interpret("kennedy-1")
    assert turn.languages == ("en", "ko")


async def test_a_text_without_letters_takes_the_code_of_the_upstream() -> None:
    """The text "2026" has no script: the upstream's code decides, as a plain language code."""
    codes = {"source_language": "en-US", "target_language": "ko-KR", "variant": WHOLE_TEXT_CODES}
    scenario = told(kennedy_1={"source": "2026", "target": "2026.", **codes})
    async with conversation(scenario=scenario) as talk:
        turn = await talk.interpret("kennedy-1")
    assert turn.texts == ("2026", "2026.")
    assert turn.languages == ("en", "ko")


async def test_a_text_without_letters_or_code_takes_the_detected_source_and_the_other_one() -> None:
    """Without a code "2026" counts as the language that was spoken before, and its interpretation as the other."""
    scenario = told(kennedy_2={"source": "2026", "target": "2,026"})
    async with conversation(scenario=scenario) as talk:
        await talk.interpret("kennedy-1")
        after_english = await talk.interpret("kennedy-2")
        await talk.interpret("speech-1a")
        after_korean = await talk.interpret("kennedy-2")
    assert after_english.languages == ("en", "ko")
    assert after_korean.languages == ("ko", "en")


async def test_the_language_that_the_client_speaks_is_the_first_detected_source() -> None:
    """The first thing that is said may be a number: then it is in the language that ``init`` named."""
    scenario = told(kennedy_2={"source": "2026", "target": "2,026"})
    async with conversation(scenario=scenario, config={"language": "en"}) as talk:
        turn = await talk.interpret("kennedy-2")
    assert turn.languages == ("en", "ko")
