"""Modbus RTU as a board sees it: requests out of a byte stream, answers into frames.

    unit | function | data | CRC-16 (reflected A001, from FFFF), low byte first

A codec of its own: the daemon's side uses another one. Requests are found by their length and CRC, not by
silence, since a pty keeps no timing. Source: MODBUS over Serial Line 1.02, section 2.5.1 and appendix B.
"""

from __future__ import annotations

FRAME_MAX = 256
IDLE_S = 0.2
"""What is left of a request after so much silence is no beginning any more."""
FIXED = frozenset((1, 2, 3, 4, 5, 6))
COUNTED = frozenset((15, 16))


def _step(crc: int) -> int:
    for _ in range(8):
        crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


STEPS = tuple(_step(byte) for byte in range(256))


def crc16(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ STEPS[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def frame(unit: int, pdu: bytes) -> bytes:
    body = bytes([unit]) + pdu
    return body + crc16(body)


def spoil_crc(good: bytes) -> bytes:
    return good[:-1] + bytes([good[-1] ^ 0xFF])


def from_another_unit(good: bytes) -> bytes:
    """The same answer as the board with the next address would give it."""
    return frame(good[0] % 247 + 1, good[1:-2])


def pack_bits(bits: list[bool]) -> bytes:
    """First bit lowest, padded with zeros to whole bytes."""
    packed = bytearray((len(bits) + 7) // 8)
    for index, bit in enumerate(bits):
        packed[index // 8] |= bit << index % 8
    return bytes(packed)


def unpack_bits(packed: bytes, count: int) -> list[bool]:
    return [bool(packed[index // 8] >> index % 8 & 1) for index in range(count)]


class Requests:
    """Turns any chopping of the stream into whole requests; holds at most one frame's worth of bytes."""

    def __init__(self) -> None:
        self._buffer = b""
        self._last_s = 0.0

    def feed(self, chunk: bytes, now_s: float) -> list[bytes]:
        """The requests with a good CRC, for whatever unit, that end in `chunk`."""
        if now_s - self._last_s > IDLE_S:
            self._buffer = b""
        self._last_s = now_s
        self._buffer += chunk
        found = []
        while request := self._take():
            found.append(request)
        self._buffer = self._buffer[-FRAME_MAX:]
        return found

    def _take(self) -> bytes | None:
        """The first request; what stands before it is noise and goes with it."""
        if size := _length_by_crc(self._buffer):
            return self._cut(0, size)
        for begin in range(len(self._buffer) - 1):
            tail = self._buffer[begin : begin + FRAME_MAX]
            length = _request_length(tail)
            if length is not None and len(tail) < length:
                return None
            if length is not None and crc16(tail[: length - 2]) == tail[length - 2 : length]:
                return self._cut(begin, length)
        return None

    def _cut(self, begin: int, size: int) -> bytes:
        request = self._buffer[begin : begin + size]
        self._buffer = self._buffer[begin + size :]
        return request


def _request_length(tail: bytes) -> int | None:
    """None: no function we know."""
    if tail[1] in FIXED:
        return 8
    if tail[1] in COUNTED:
        return 9 + tail[6] if len(tail) > 6 else 9
    return None


def _length_by_crc(buffer: bytes) -> int:
    """The shortest beginning that is a frame of a function we do not know; 0 when there is none (yet).

    To be refused, such a request must come without noise before it."""
    if len(buffer) < 4 or _request_length(buffer) is not None:
        return 0
    crc = 0xFFFF
    for size, byte in enumerate(buffer[:FRAME_MAX], start=1):
        crc = crc >> 8 ^ STEPS[(crc ^ byte) & 0xFF]
        if crc == 0 and size >= 4:  # a good check leaves nothing
            return size
    return 0
