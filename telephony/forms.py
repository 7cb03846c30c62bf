"""Forms by which providers announce calls: those of Telnyx and Plivo have the fields of Twilio's."""

from collections.abc import Mapping

from telephony.provider import IncomingCall

OVER = frozenset({"completed", "busy", "failed", "timeout", "no-answer", "cancel", "canceled"})
"""What ``CallStatus`` is when a call is over. Plivo tells the answer URL so, unless it has another one for that."""


def announced(form: Mapping[str, str], id_field: str) -> IncomingCall:
    """The call that a form announces.

    Args:
        form: Its fields.
        id_field: Which of them names the call.

    Raises:
        ValueError: It announces none.
    """
    call_id, dialled, status = form.get(id_field), form.get("To"), form.get("CallStatus", "")
    if not call_id or not dialled:
        raise ValueError(f"expected {id_field} and To in the form of a voice webhook")
    if status in OVER:
        raise ValueError(f"expected {id_field} and To of a call that begins, got one that is {status}")
    return IncomingCall(call_id, form.get("From", ""), dialled)
