"""What is said to callers by no interpretation: which texts, and by whom."""

import pytest

from pipelines.engines import load_engines
from pipelines.phone_services import PhoneServices, notices_in
from pipelines.services import Services
from pipelines.sessions import Sessions
from pipelines.settings import load_settings
from telephony.provider import Notice
from tests.support.fake_upstream import FakeConnector
from tests.support.phones import CONFIGURED

TEXTS = {"en": "Hello.", "ko": "안녕하세요.", "zh-Hans": "你好。"}


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        (("ko",), ["ko"]),
        (("ko", "en"), ["ko", "en"]),
        (("en", "ko"), ["en", "ko"]),
        (("en", "ja"), ["en"]),
        (("zh-Hant",), ["zh"]),
        (("ja",), ["en", "ko", "zh"]),
    ],
)
def test_a_caller_hears_the_texts_of_its_languages(languages: tuple[str, ...], expected: list[str]) -> None:
    """In their order; where there is none in any of them, all texts, rather than none."""
    assert [notice.language for notice in notices_in(TEXTS, languages)] == expected


def test_without_texts_nothing_is_said() -> None:
    """The operator has switched them off."""
    assert notices_in({}, ("ko", "en")) == []


def phones_of(upstream: FakeConnector, **settings: str | None) -> PhoneServices | None:
    """What calls share on a server of these settings."""
    chosen = {**CONFIGURED, **settings}
    configured = load_settings(**chosen)
    sessions = Sessions(max_sessions=1, max_pending=1, max_loop_lag_ms=0)
    return PhoneServices.of(Services(configured, load_engines(configured), upstream, sessions))


async def test_a_server_without_gemini_reads_nothing_aloud() -> None:
    """Nor does it ask Gemini to."""
    upstream = FakeConnector()
    phones = phones_of(upstream, gemini_api_key=None, telephony_pipeline="telephony")
    assert phones is not None
    assert await phones.announcements([Notice("Hello.", "en")]) == []
    await phones.stop()
    assert upstream.configs == []


def test_without_a_provider_there_are_no_calls() -> None:
    """And nothing is made for them."""
    settings = load_settings()
    sessions = Sessions(max_sessions=1, max_pending=1, max_loop_lag_ms=0)
    assert PhoneServices.of(Services(settings, load_engines(settings), FakeConnector(), sessions)) is None
