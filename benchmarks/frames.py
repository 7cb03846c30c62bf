"""WebSocket frames as bytes (RFC 6455, section 5.2), for both ends of the load process.

What is sent is put together ahead of time as far as it can be; clients mask with a key of zeros, which leaves their
payload as it is.
"""

import base64
import hashlib
import struct

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ZERO_KEY = bytes(4)


def frame(payload: bytes, opcode: int, *, masked: bool) -> bytes:
    """One whole message.

    Args:
        payload: Its content.
        opcode: Its kind.
        masked: With a key of zeros, as a client has to; a server sends without.
    """
    return header(len(payload), opcode, masked=masked) + payload


def header(length: int, opcode: int, *, masked: bool) -> bytes:
    """What goes before a payload of ``length`` bytes."""
    bit = 0x80 if masked else 0
    if length < 126:
        head = bytes([0x80 | opcode, bit | length])
    elif length < 2**16:
        head = struct.pack("!BBH", 0x80 | opcode, bit | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, bit | 127, length)
    return head + (_ZERO_KEY if masked else b"")


def client_handshake(host: str, path: str) -> bytes:
    """A request to open a WebSocket; the answer is not checked, so the key may be any."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: bG9hZCBnZW5lcmF0b3IgIQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def server_handshake(request: bytes) -> bytes:
    """The answer to a request to open a WebSocket.

    Raises:
        ValueError: It has no key.
    """
    for line in request.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-key":
            accept = base64.b64encode(hashlib.sha1(value.strip() + _GUID).digest())  # as RFC 6455 asks
            return (
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
    raise ValueError("expected a request to open a WebSocket, got one without Sec-WebSocket-Key")


class FrameReader:
    """Takes bytes as they come, and gives the messages in them."""

    def __init__(self) -> None:
        """Start between two frames."""
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take what came; opcode and unmasked payload of every frame that is complete with it.

        Raises:
            ValueError: A message comes in fragments, which nobody here sends.
        """
        data = self._rest + data if self._rest else data
        end, place, found = len(data), 0, []
        while end - place >= 2:
            first, second = data[place], data[place + 1]
            if not first & 0x80 or not first & 0x0F:
                raise ValueError("expected whole WebSocket messages, got a fragment of one")
            length, start = second & 0x7F, place + 2
            if length == 126:
                length, start = int.from_bytes(data[start : start + 2]), start + 2
            elif length == 127:
                length, start = int.from_bytes(data[start : start + 8]), start + 8
            start += 4 if second & 0x80 else 0
            if start + length > end:
                break
            payload = data[start : start + length]
            found.append((first & 0x0F, _unmasked(payload, data[start - 4 : start]) if second & 0x80 else payload))
            place = start + length
        self._rest = data[place:]
        return found


def _unmasked(payload: bytes, key: bytes) -> bytes:
    size = len(payload)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(pad, "little")).to_bytes(size, "little")
