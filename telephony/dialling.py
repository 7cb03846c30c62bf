"""Calling somebody: one small interface, and Twilio's as the first behind it.

Source: ``www.twilio.com/docs/voice/api/call-resource``, "Create a Call resource".
"""

import re
from typing import Protocol

from telephony import messages, rest

TWILIO_URL = "https://api.twilio.com"
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


class DialError(Exception):
    """Nobody was called; the text says why, without a number."""


class Dialler(Protocol):
    """Calls numbers."""

    async def dial(self, number: str, voice_url: str) -> str:
        """Call a number; once somebody answers, the provider asks ``voice_url`` what to do.

        Args:
            number: As E.164 has it, with its plus.
            voice_url: Absolute.

        Returns:
            The provider's name of the call.

        Raises:
            ValueError: ``number`` is none.
            DialError: The provider refused, or cannot be reached.
        """


class TwilioDialler:
    """Calls numbers through Twilio, for one account."""

    def __init__(self, account_sid: str, auth_token: str, caller: str, *, api_url: str = TWILIO_URL):
        """Make it with an account's credentials and the number that is shown to who is called."""
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._caller = caller
        self._api_url = api_url

    async def dial(self, number: str, voice_url: str) -> str:
        """See :class:`Dialler`."""
        if _NUMBER.fullmatch(number) is None:
            raise ValueError("expected a telephone number as E.164 has it: a plus and 7 to 15 digits")
        url = f"{self._api_url}/2010-04-01/Accounts/{self._account_sid}/Calls.json"
        form = {"To": number, "From": self._caller, "Url": voice_url}
        try:
            answer = await rest.request("POST", url, rest.basic(self._account_sid, self._auth_token), form)
        except rest.RestError as error:
            raise DialError(f"Twilio gave no answer: {error}") from None
        call_id = messages.text(answer.body, "sid")
        if not answer.is_success or not call_id:
            # Twilio's own words may hold the number; its code names the page that explains it.
            raise DialError(f"Twilio answered {answer.status}, with its error {answer.body.get('code')}")
        return call_id
