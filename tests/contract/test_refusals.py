"""The contract: what the upstream refuses fails while connecting, as a failure of its kind, without the key."""

from dataclasses import replace

import pytest

from gemini.connector import Connector, LiveConfig
from gemini.errors import FailureKind, UpstreamError
from tests.contract.bench import UNKNOWN_MODEL, UNKNOWN_VOICE, WRONG_KEY, Bench


async def refusal(connector: Connector, config: LiveConfig) -> UpstreamError:
    """How connecting failed."""
    with pytest.raises(UpstreamError) as caught:
        await (await connector.connect(config)).close()
    return caught.value


async def test_a_wrong_key(bench: Bench) -> None:
    """A key that the upstream does not know is refused, and not quoted."""
    error = await refusal(bench.with_key(WRONG_KEY), bench.config)
    assert error.kind is FailureKind.REJECTED
    assert WRONG_KEY not in str(error)


async def test_an_unknown_model(bench: Bench) -> None:
    """A model that does not exist is refused as such: the next attempt would be, another model's may not."""
    error = await refusal(bench.connector, replace(bench.config, model=UNKNOWN_MODEL))
    assert error.kind is FailureKind.MODEL_REJECTED


async def test_an_unknown_voice(bench: Bench) -> None:
    """A voice that does not exist is refused while connecting.

    The 2.0 and 2.5 models closed with 1007 ``Requested voice api_name 'X' is not available`` (several public
    repositories); what 3.8 does is not known.
    """
    error = await refusal(bench.refusing_voices(), replace(bench.config, voice=UNKNOWN_VOICE))
    assert error.kind is FailureKind.REJECTED


async def test_the_next_attempt_is_not_harmed(bench: Bench) -> None:
    """After a refusal the same connector connects with what is right."""
    await refusal(bench.connector, replace(bench.config, model=UNKNOWN_MODEL))
    await (await bench.connector.connect(bench.config)).close()
