"""Documents of XML, as three of the providers want them."""

import re
from xml.etree import ElementTree

from telephony.provider import Document

_UNSAYABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def readable(text: str) -> str:
    """Text without what XML 1.0 has no place for (section 2.2), as control characters."""
    return _UNSAYABLE.sub("", text)


def of(root: ElementTree.Element) -> Document:
    """The document with this root."""
    return Document("application/xml", ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True).decode())
