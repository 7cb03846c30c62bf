"""Which pipelines clients may choose from, read and checked together."""

from pathlib import Path

import pytest

from pipelines.engines import load_engines, read_engines, read_phone_pipeline
from pipelines.settings import load_settings
from pipelines.spec import PipelineFileError

MINE = '{name}[[step]]\nuse = "transcription_forwarder"\n{more}'


def write(file: str, name: str | None = None, more: str = "") -> None:
    """A pipeline file in the working directory."""
    given = f'name = "{name}"\n' if name is not None else ""
    Path(file).write_text(MINE.format(name=given, more=more))


def faults(**settings: str) -> tuple[str, ...]:
    """What is wrong with the pipelines of ``settings``; reading and loading find the same."""
    with pytest.raises(PipelineFileError) as read:
        read_engines(load_settings(**settings))
    with pytest.raises(PipelineFileError) as loaded:
        load_engines(load_settings(**settings))
    assert read.value.faults == loaded.value.faults
    return read.value.faults


def test_by_default_there_is_one() -> None:
    """The one that ``PIPELINE`` names, for whoever asks for it and whoever asks for none."""
    engines = load_engines(load_settings())
    assert engines.names == ("interpreter",)
    assert engines.named(None) is engines.named("interpreter") is engines.default
    assert engines.named("simultaneous") is None


def test_engines_follow_the_default() -> None:
    """Names and files, in order; a client asks by the name that the file gives."""
    write("a.toml", "mine")
    write("b.toml")
    engines = load_engines(load_settings(engines="a.toml, simultaneous, ./b.toml"))
    assert engines.names == ("interpreter", "mine", "simultaneous", "b")
    assert [pipeline.name for pipeline in read_engines(load_settings(engines="a.toml"))] == ["interpreter", "mine"]
    mine = engines.named("mine")
    assert mine is not None
    assert mine.path == Path("a.toml")
    assert engines.named("a") is engines.named("a.toml") is None


def test_a_pipeline_that_is_named_twice_is_there_once() -> None:
    """However it is written, the default included."""
    write("a.toml", "mine")
    engines = load_engines(load_settings(pipeline="a.toml", engines=f"./a.toml,interpreter,{Path.cwd()}/a.toml"))
    assert engines.names == ("mine", "interpreter")


def test_two_pipelines_of_one_name_are_refused() -> None:
    """A client could not choose; the line names both files."""
    write("a.toml", "mine")
    write("b.toml", "mine")
    assert faults(engines="a.toml,b.toml") == (
        "b.toml: expected a name of its own, got 'mine', which is the name of a.toml; clients choose by it",
    )


def test_the_faults_of_all_files_are_told() -> None:
    """Each with its file and line, an unknown name with the setting that has it."""
    write("a.toml", more="speed = 1\n")
    write("b.toml", more='[[step]]\nuse = "gemini_life"\n')
    told = faults(pipeline="a.toml", engines="b.toml,simultanious,missing.toml")
    assert len(told) == 4
    assert told[0].startswith("a.toml:3: ")
    assert told[1].startswith("b.toml:4: unknown step 'gemini_life'")
    assert told[2] == "ENGINES: unknown pipeline 'simultanious'; did you mean 'simultaneous'?"
    assert told[3].startswith("missing.toml: can't read the pipeline file: ")


@pytest.mark.parametrize(("name", "uses_upstream"), [("interpreter", True), ("a.toml", False)])
def test_a_pipeline_tells_whether_it_needs_the_upstream(name: str, uses_upstream: bool) -> None:
    """Where any of its steps does."""
    write("a.toml")
    assert load_engines(load_settings(pipeline=name)).default.uses_upstream is uses_upstream


PHONE = {
    "plivo_auth_id": "MA1",
    "plivo_auth_token": "not-for-anyones-eyes",
    "public_url": "https://interpreter.example.org",
}


def test_phone_calls_have_a_pipeline_of_their_own() -> None:
    """No client can choose it, and it is only there where calls are taken."""
    assert load_engines(load_settings()).phone is None
    engines = load_engines(load_settings(**PHONE))
    assert engines.phone is not None
    assert (engines.phone.name, engines.names) == ("telephony", ("interpreter",))


def test_a_pipeline_of_phone_calls_serves_no_browser() -> None:
    """A browser gets speech whole; the line says which setting to use."""
    (fault,) = faults(engines="telephony")
    assert fault.endswith("name it in TELEPHONY_PIPELINE instead of PIPELINE or ENGINES")


def test_a_pipeline_of_browsers_serves_no_phone_call() -> None:
    """What it says would not come in the pace of a telephone line."""
    wrong = load_settings(**PHONE, telephony_pipeline="interpreter")
    for read in (load_engines, read_phone_pipeline):
        with pytest.raises(PipelineFileError, match=r"TELEPHONY_PIPELINE: .*expected a \[transport\] with paced"):
            read(wrong)


def test_the_pipeline_of_phone_calls_is_checked_with_the_others() -> None:
    """Where calls are taken."""
    assert read_phone_pipeline(load_settings()) == ()
    assert [draft.name for draft in read_phone_pipeline(load_settings(**PHONE))] == ["telephony"]
