"""The languages in which the providers' own voices speak notices.

Amazon Polly's standard voices, which Twilio, Telnyx and Plivo all take by name, and Vonage by their locale
(``docs.aws.amazon.com/polly/latest/dg/available-voices.html``, ``www.twilio.com/docs/voice/twiml/say/text-speech``,
``developers.telnyx.com/docs/voice/programmable-voice/texml-verbs/say``, ``plivo.com/docs/voice/concepts/ssml``,
``developer.vonage.com/en/voice/voice-api/concepts/text-to-speech``). Without a name providers' voices speak far
fewer languages, Plivo's no Korean and Telnyx' English only.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Voice:
    """A voice.

    Attributes:
        locale: What it speaks, as BCP 47 names it.
        polly: Its name at Amazon, as the providers write it.
    """

    locale: str
    polly: str


VOICES = {
    "da": Voice("da-DK", "Polly.Naja"),
    "de": Voice("de-DE", "Polly.Vicki"),
    "en": Voice("en-US", "Polly.Joanna"),
    "es": Voice("es-ES", "Polly.Lucia"),
    "fr": Voice("fr-FR", "Polly.Lea"),
    "hi": Voice("hi-IN", "Polly.Aditi"),
    "it": Voice("it-IT", "Polly.Bianca"),
    "ja": Voice("ja-JP", "Polly.Mizuki"),
    "ko": Voice("ko-KR", "Polly.Seoyeon"),
    "nl": Voice("nl-NL", "Polly.Lotte"),
    "pl": Voice("pl-PL", "Polly.Ewa"),
    "pt": Voice("pt-BR", "Polly.Vitoria"),
    "ro": Voice("ro-RO", "Polly.Carmen"),
    "ru": Voice("ru-RU", "Polly.Tatyana"),
    "sv": Voice("sv-SE", "Polly.Astrid"),
    "tr": Voice("tr-TR", "Polly.Filiz"),
    "zh": Voice("cmn-CN", "Polly.Zhiyu"),
}
"""By language, ISO 639-1."""


def voice_for(language: str) -> Voice:
    """The voice for a language.

    Raises:
        ValueError: There is none.
    """
    if language not in VOICES:
        raise ValueError(
            f"expected a language of the providers' voices ({', '.join(VOICES)}), got {language[:20]!r}"
        )
    return VOICES[language]
