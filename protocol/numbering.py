"""Numbers for messages, as a session that can be resumed gives them."""


def numbered(text: str, seq: int) -> str:
    """The text frame ``text`` as it is sent under a number.

    Works on the frame's text, so that a message is not made into JSON twice. What is no JSON object, which only a
    foreign step could send, takes its number without carrying it, like a binary frame.

    Args:
        text: JSON as :mod:`pydantic_core` writes it: no space around an object's braces.
        seq: The number.
    """
    if not (text.startswith("{") and text.endswith("}")):
        return text
    comma = "" if text == "{}" else ","
    return f'{text[:-1]}{comma}"seq":{seq}}}'
