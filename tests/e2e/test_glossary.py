"""A glossary, from the file to the model and to the client."""

from pathlib import Path

import pytest

from emulator import EmulatorOptions
from tests.support.conversation import conversation
from tests.support.speech import told

TERMS = """source,target,note
심장내과,cardiology,the department
국민,fellow Americans,
"""


async def test_the_model_is_told_and_the_client_learns_what_did_not_come_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The setup's instruction has the terms; an answer without one is followed by one warning; the log has none."""
    file = tmp_path / "terms.csv"
    file.write_text(TERMS, encoding="utf-8")
    scenario = told(kennedy_2={"source": "Where is Cardiology?", "target": "심장 외과가 어디입니까?"})
    options = EmulatorOptions(time_factor=0.0)
    async with conversation(options, scenario=scenario, glossary_file=file, log_level="DEBUG") as talk:
        instruction = talk.upstream.setup["systemInstruction"]["parts"][0]["text"]
        assert "- 심장내과 = cardiology (the department)" in instruction
        await talk.interpret("kennedy-1")
        assert talk.client.of("warning") == []
        await talk.interpret("kennedy-2")
        await talk.client.wait_for("warning")
        kinds = [message["type"] for message in talk.client.messages if message["type"] != "speech_state"]
        assert kinds[kinds.index("warning") - 1] == "turn_complete"
        (warning,) = talk.client.of("warning")
    assert warning["code"] == "GLOSSARY_MISSED"
    assert warning["message"] == "terms of the glossary did not come out: cardiology = 심장내과"
    log = capfd.readouterr().err
    assert "session started" in log
    assert "cardiology" not in log
