"""PN532 on a serial port (HSU): its frames. No I/O here; the commands within them are in pn532_commands.py.

    normal     00 00 FF | LEN | LCS | TFI data | DCS | 00              LEN counts TFI and data
    extended   00 00 FF | FF FF | LENM LENL | LCS | TFI data | DCS | 00     for more than 255 of them
    ACK        00 00 FF | 00 FF | 00      NACK   00 00 FF | FF 00 | 00      error   00 00 FF | 01 FF | 7F 81 | 00

LEN + LCS (extended: LENM + LENL + LCS) and TFI + data + DCS are 0 modulo 256. TFI is D4 to the chip and D5 to the host.
Source: PN532 user manual (NXP UM0701-02) 6.2.1; frames of libnfc, nfcpy and Adafruit in tests/wire/test_pn532.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

TO_CHIP: Final = 0xD4
TO_HOST: Final = 0xD5
SYNTAX_ERROR: Final = 0x7F
START: Final = b"\x00\xff"
EXTENDED: Final = b"\xff\xff"
PACKET_MAX: Final = 265
"""TFI, command and 263 bytes: what the chip has room for."""
NORMAL_MAX: Final = 255
HELD_MAX: Final = len(START) + 5 + PACKET_MAX + 1

ACK: Final = b"\x00\x00\xff\x00\xff\x00"
NACK: Final = b"\x00\x00\xff\xff\x00\x00"
WAKE_UP: Final = b"\x55\x55" + bytes(14)
"""A chip that sleeps is awake by the end of it."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A command, or with a `code` one higher the reply to it."""

    to_host: bool
    code: int
    data: bytes


Short = Literal["ack", "nack", "error"]
Frame: TypeAlias = Packet | Short


def encode(packet: Packet) -> bytes:
    """At most 263 bytes of data; extended only where it has to be."""
    body = bytes([TO_HOST if packet.to_host else TO_CHIP, packet.code]) + packet.data
    assert len(body) <= PACKET_MAX
    size = len(body).to_bytes(1 if len(body) <= NORMAL_MAX else 2, "big")
    head = (EXTENDED if len(size) == 2 else b"") + size + _check(size)
    return b"\x00" + START + head + body + _check(body) + b"\x00"


class Decoder:
    """Turns any chopping of the stream into frames; holds at most one.

    What begins like a frame and is none is looked through again from its start code on, so a good frame behind it is
    found as soon as the false one would have ended."""

    def __init__(self) -> None:
        self.dropped = 0
        """Frames that began and were no use: with a wrong check, too long, or of nothing known."""
        self._held = bytearray()

    @property
    def begun(self) -> bool:
        """A frame has begun and not ended."""
        return len(self._held) > 1

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that end in `chunk`, oldest first."""
        self._held += chunk
        frames: list[Frame] = []
        while self._find_start():
            found = self._take()
            if found == "wait":
                break
            if found == "wrong":
                self.dropped += 1
                del self._held[: len(START)]
            else:
                frames.append(found)
        return frames

    def reset(self) -> None:
        """Forgets a frame that has begun."""
        self._held.clear()

    def _find_start(self) -> bool:
        at = self._held.find(START)
        if at >= 0:
            del self._held[:at]
            return True
        # A last 00 may be the first half of a start code.
        del self._held[: len(self._held) - self._held.endswith(START[:1])]
        return False

    def _take(self) -> Frame | Literal["wait", "wrong"]:
        """The frame that begins here, taken out of what is held."""
        held = self._held
        if len(held) < 4:
            return "wait"
        if held[2:4] == b"\x00\xff":
            return self._short("ack")
        if held[2:4] == b"\xff\x00":
            return self._short("nack")
        size_at, body_at = (4, 7) if held[2:4] == EXTENDED else (2, 4)
        if len(held) < body_at:
            return "wait"
        size = int.from_bytes(held[size_at : body_at - 1], "big")
        if sum(held[size_at:body_at]) % 256 or not 1 <= size <= PACKET_MAX:
            return "wrong"
        end = body_at + size + 1
        if len(held) < end:
            return "wait"
        if sum(held[body_at:end]) % 256:
            return "wrong"
        return self._whole(bytes(held[body_at : end - 1]), end)

    def _short(self, kind: Short) -> Short:
        del self._held[:4]
        return kind

    def _whole(self, body: bytes, end: int) -> Frame | Literal["wrong"]:
        if body == bytes([SYNTAX_ERROR]):
            del self._held[:end]
            return "error"
        if len(body) < 2 or body[0] not in (TO_CHIP, TO_HOST):
            return "wrong"
        del self._held[:end]
        return Packet(body[0] == TO_HOST, body[1], body[2:])


def _check(data: bytes) -> bytes:
    return bytes([-sum(data) % 256])
