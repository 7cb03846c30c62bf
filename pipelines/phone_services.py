"""What all phone calls of the process share, and what is said to callers by no interpretation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gemini.announcing import Announcer
from gemini.languages import language_part
from pipelines.choice import Languages, choose_languages
from pipelines.seats import NoSeats, Seats
from pipelines.services import Services
from pipelines.settings import Settings, SettingsError
from pipelines.spec import PipelineSpec
from protocol.errors import Fault
from telephony.provider import Notice


@dataclass(frozen=True, slots=True)
class PhoneServices:
    """What all calls share.

    Attributes:
        services: What they share with all other sessions.
        pipeline: Interprets them.
        languages: Of a caller who is alone with the interpreter.
        announcer: Reads texts aloud; ``None``: this server talks to Gemini in no way.
        seats: Those of rooms.
    """

    services: Services
    pipeline: PipelineSpec
    languages: Languages
    announcer: Announcer | None
    seats: Seats

    @classmethod
    def of(cls, services: Services, seats: Seats | None = None) -> "PhoneServices | None":
        """What calls need; ``None`` where no provider's calls are taken.

        Raises:
            SettingsError: ``TELEPHONY_LANGUAGE`` is none of the pair.
        """
        pipeline, settings = services.engines.phone, services.settings
        if pipeline is None:
            return None
        return cls(services, pipeline, phone_languages(settings), _announcer(services), seats or NoSeats())

    async def announcements(self, notices: Sequence[Notice]) -> list[bytes]:
        """What ``notices`` sound like, one after the other; those that could not be read are left out."""
        if self.announcer is None:
            return []
        read = [await self.announcer.speech(notice.text) for notice in notices]
        return [sound for sound in read if sound is not None]

    async def stop(self) -> None:
        """Give up what is being read aloud."""
        if self.announcer is not None:
            await self.announcer.stop()


def _announcer(services: Services) -> Announcer | None:
    settings = services.settings
    if settings.gemini_api_key is None and not settings.emulator:
        return None
    return Announcer(
        services.connector,
        model=settings.gemini_model,
        voice=settings.gemini_voice,
        timeout_secs=settings.connect_timeout_secs + settings.turn_timeout_secs,
    )


def phone_languages(settings: Settings) -> Languages:
    """The languages of a caller who is alone with the interpreter.

    Raises:
        SettingsError: ``TELEPHONY_LANGUAGE`` is none of the pair.
    """
    languages = choose_languages(settings.telephony_language, None, settings)
    if isinstance(languages, Fault):
        raise SettingsError(f"TELEPHONY_LANGUAGE: {languages.message}")
    return languages


def notices_in(texts: Mapping[str, str], languages: Sequence[str]) -> list[Notice]:
    """The texts in ``languages``, in that order; all texts where there is none in any of them."""
    wanted = list(dict.fromkeys(map(language_part, languages)))
    notices = [Notice(text, language_part(code)) for code, text in texts.items()]
    found = [notice for language in wanted for notice in notices if notice.language == language]
    return found or notices
