"""Names of steps: ours, and anybody's."""

from pathlib import Path

import pytest
from pipecat.processors.filters.identity_filter import IdentityFilter

from pipelines.registry import STEPS, UnknownStepError, resolve_step
from processors.vad import Vad

MODULES = {
    "raises_at_import.py": "raise RuntimeError('no licence\\nfor this host')\n",
    "no_python.py": "def (:\n",
    "plain_class.py": "class Echo:\n    pass\n\nclass Chorus:\n    pass\n\nLABEL = 'x'\n",
}


@pytest.fixture(autouse=True)
def foreign_modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody's modules, on the path."""
    for name, source in MODULES.items():
        (tmp_path / name).write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_our_steps_have_short_names() -> None:
    """The names that pipeline files and their documentation use."""
    assert resolve_step("vad") is Vad
    assert set(STEPS) == {
        "vad",
        "gemini_live",
        "gemini_translate",
        "engine_adapter",
        "whisper_source",
        "transcription_forwarder",
        "glossary_check",
        "speech_state",
        "transcript_log",
    }


def test_every_step_of_ours_has_a_model_of_its_parameters() -> None:
    """No parameter of ours goes unchecked."""
    for step in STEPS.values():
        assert hasattr(step, "Params"), step


def test_an_import_path_names_any_processor() -> None:
    """A stock processor of pipecat's needs no registration."""
    assert resolve_step("pipecat.processors.filters.identity_filter:IdentityFilter") is IdentityFilter


@pytest.mark.parametrize(
    ("use", "told"),
    [
        ("vda", "unknown step 'vda'; did you mean 'vad'?"),
        ("", "unknown step ''; known are engine_adapter, gemini_live,"),
        ("no_such:Echo", "step 'no_such:Echo': can't import 'no_such': ModuleNotFoundError: "),
        (":Echo", "step ':Echo': can't import '': ValueError: "),
        (".here:Echo", "step '.here:Echo': can't import '.here': TypeError: "),
        ("raises_at_import:Echo", "step 'raises_at_import:Echo': can't import 'raises_at_import': RuntimeError: "),
        ("no_python:Echo", "step 'no_python:Echo': can't import 'no_python': SyntaxError: "),
        ("plain_class:Ecco", "step 'plain_class:Ecco': no 'Ecco' in it; did you mean 'Echo'?"),
        ("plain_class:", "step 'plain_class:': no '' in it; known are Chorus, Echo"),
        ("plain_class:Echo", "step 'plain_class:Echo': expected a pipecat FrameProcessor, got <class"),
        ("plain_class:LABEL", "step 'plain_class:LABEL': expected 'LABEL' to be a class, got a value of type str"),
    ],
)
def test_a_name_that_leads_nowhere_says_what_would(use: str, told: str) -> None:
    """One line for everything that can go wrong, whatever somebody's module raises."""
    with pytest.raises(UnknownStepError) as raised:
        resolve_step(use)
    assert str(raised.value).startswith(told)
    assert "\n" not in str(raised.value)
