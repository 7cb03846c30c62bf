"""Modules that can't be imported: what to install, or what was meant."""

import importlib

import pytest
from loguru import logger

from pipelines.packages import missing_package, nearest_module, pipecat_words

MODULE = "my_package.my_module"


def chained(name: str) -> ImportError:
    """What pipecat raises where a service needs a package that is not installed."""
    error = ImportError("Missing module")
    error.__cause__ = ModuleNotFoundError(name=name)
    return error


@pytest.mark.parametrize(
    ("absent", "missing"),
    [
        ("no_such_package.speech", "the package 'no_such_package.speech' is not installed"),
        ("my_package_too", "the package 'my_package_too' is not installed"),
        ("my_pack", "the package 'my_pack' is not installed"),
        ("google.cloud_of_ours", "the package 'google.cloud_of_ours' is not installed"),
        ("my_package", None),
        ("my_package.my_module", None),
        ("json.no_such_part", None),
        ("", None),
    ],
)
def test_what_is_not_installed_is_named(absent: str, missing: str | None) -> None:
    """Other than the step's own module, and parts that an installed package does not have."""
    assert missing_package(chained(absent), MODULE, []) == missing


def test_a_package_is_found_behind_an_error_that_names_no_cause() -> None:
    """Somebody's ``except ImportError`` that raises another error without ``from``."""
    error = RuntimeError("no speech without it")
    error.__context__ = ModuleNotFoundError(name="no_such_package")
    assert missing_package(error, MODULE, []) == "the package 'no_such_package' is not installed"


def test_another_error_is_no_missing_package() -> None:
    """A module that fails for a reason of its own."""
    assert missing_package(RuntimeError("no licence"), MODULE, ["In order to use X, pipecat-ai[x]"]) is None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # pipecat's own, while it imports its service
def test_pipecat_says_which_extra_brings_it() -> None:
    """A real service, whose package is not among ours."""
    module_name = "pipecat.services.azure.tts"
    with pipecat_words() as words, pytest.raises(ImportError) as raised:
        importlib.import_module(module_name)
    missing = missing_package(raised.value, module_name, words)
    assert missing == "the package 'azure' is not installed: pip install 'pipecat-ai[azure]'"


def test_only_pipecats_errors_are_listened_to() -> None:
    """Neither what others say, nor what comes afterwards."""
    with pipecat_words() as words:
        logger.error("not from pipecat")
    logger.patch(lambda record: record.__setitem__("name", "pipecat.services")).error("too late")
    assert words == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pipecat.services.azur.tts", "; did you mean 'pipecat.services.azure'?"),
        ("pipcat.services", "; did you mean 'pipecat'?"),
        ("json.decodr", "; did you mean 'json.decoder'?"),
        ("json.zebra", ""),
        ("json.scanning", ""),
        ("no_such_package_at_all", ""),
        ("json.decoder", ""),
        ("json.decoder.part", ""),
        (".here", ""),
        ("", ""),
    ],
)
def test_the_nearest_module(name: str, hint: str) -> None:
    """The first part of a path that does not exist is corrected, where something nearly has its name."""
    assert nearest_module(name) == hint
