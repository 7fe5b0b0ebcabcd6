"""Frames of a PN532 as the chip reads and writes them: a codec of its own, so that a mistake in the driver's shows.

Example: 00 00 FF 02 FE D4 02 2A 00 asks for the version, 00 00 FF 06 FA D5 03 32 01 06 07 E8 00 says it."""

from __future__ import annotations

ACK, NACK = bytes.fromhex("0000FF00FF00"), bytes.fromhex("0000FFFF0000")
ERROR = bytes.fromhex("0000FF01FF7F8100")
BODY_MAX = 265


def frame(code: int, data: bytes) -> bytes:
    """A reply; `code` is already one more than the command's."""
    body = b"\xd5%c" % code + data
    if len(body) < 256:
        head = bytes([len(body), (256 - len(body)) % 256])
    else:
        high, low = divmod(len(body), 256)
        head = bytes([255, 255, high, low, (512 - high - low) % 256])
    return b"\x00\x00\xff" + head + body + bytes([(256 - sum(body) % 256) % 256, 0])


def spoil(wire: bytes) -> bytes:
    """The same frame with a wrong last check."""
    at = len(wire) - 2
    return wire[:at] + bytes([wire[at] ^ 0x55]) + wire[at + 1 :]


class CommandReader:
    """Bytes from the host to what they are: "ack", "nack", or a command's code and data. The rest is silence."""

    def __init__(self) -> None:
        self._bytes: list[int] = []

    def clear(self) -> None:
        self._bytes = []

    def take(self, data: bytes) -> list[str | tuple[int, bytes]]:
        heard: list[str | tuple[int, bytes]] = []
        for byte in data:
            self._bytes.append(byte)
            while (step := self._judge(heard)) > 0:
                self._bytes = self._bytes[step:]
        return heard

    def _judge(self, heard: list[str | tuple[int, bytes]]) -> int:
        """How many of the bytes are done with; 0: more have to come."""
        got = self._bytes
        if not got or got[0] != 0:
            return min(1, len(got))
        if len(got) < 2:
            return 0
        if got[1] != 0xFF:
            return 1
        if len(got) < 4:
            return 0
        if (got[2], got[3]) in ((0x00, 0xFF), (0xFF, 0x00)):
            heard.append("nack" if got[2] else "ack")
            return 4
        begin = 7 if (got[2], got[3]) == (0xFF, 0xFF) else 4
        if len(got) < begin:
            return 0
        length = got[2] if begin == 4 else got[4] * 256 + got[5]
        check = got[2] + got[3] if begin == 4 else got[4] + got[5] + got[6]
        if check & 0xFF or not 2 <= length <= BODY_MAX:
            return 2
        if len(got) < begin + length + 1:
            return 0
        body = bytes(got[begin : begin + length])
        if (sum(body) + got[begin + length]) & 0xFF or body[0] != 0xD4:
            return 2
        heard.append((body[1], body[2:]))
        return begin + length + 1
