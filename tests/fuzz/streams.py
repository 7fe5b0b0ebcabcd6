"""Decoders of streams: whatever comes, in any pieces, they give the same good messages and hold little."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import xor
from random import Random
from typing import Any, Final, Protocol

from cabinet.control.protocol import LINE_BYTES_MAX, Lines
from drivers.wire.keyboard import TEXT_MAX, Typing, card_of
from drivers.wire.lock_board import STYLES
from drivers.wire.pn532 import HELD_MAX, Frame, Packet
from drivers.wire.pn532 import Decoder as Pn532Decoder
from drivers.wire.rdm6300 import BareDecoder, BinaryDecoder, Decoder
from drivers.wire.verifier import REPLY_MAX, Reply
from drivers.wire.wiegand import FORMATS, Collector, key_of, number_of
from drivers.wire.zfm import FRAME_MAX, Answer
from drivers.wire.zfm import Decoder as ZfmDecoder
from hal.modbus import ReadDiscreteInputsRequest, _bits_question
from hal.questions import HEARD_MAX, Hearing, Question, Refusal

KEY: Final = bytes(range(32))
ALL: Final = tuple(FORMATS.values())
FINGERS: Final = 0xFFFFFFFF
"""The address of a fingerprint module."""
NONCE, PERSON = "n" * 16, "QURB"
PAUSES_NS: Final = [(byte >> 1) * 500_000 for byte in range(256)]


class Stream(Protocol):
    def feed(self, chunk: bytes) -> list[Any]:
        """Messages that end in this piece."""
        ...

    def held(self) -> int:
        """Bytes kept."""
        ...


@dataclass(frozen=True)
class StreamTarget:
    """`frame` makes a good frame and the message in it. `right` looks for a message in the bytes by itself."""

    name: str
    frame: Callable[[Random], tuple[bytes, Any]]
    fresh: Callable[[], Stream]
    right: Callable[[Any, bytes], bool]
    held_max: int
    frame_max: int
    """After so many bytes of anything a good frame is found again; 0: one answer, and no more."""
    undetected: int | None = None
    """How many pairs of flipped bits no decoder can see, for the check comes out right; None: there is no check."""


class Rdm:
    def __init__(self) -> None:
        self._decoder = Decoder()

    def feed(self, chunk: bytes) -> list[bytes]:
        return self._decoder.feed(chunk)

    def held(self) -> int:
        return len(self._decoder._held or b"")


class Desk(Rdm):
    def __init__(self) -> None:
        self._decoder: Decoder = BinaryDecoder()


class Em18(Rdm):
    def __init__(self) -> None:
        self._decoder: Decoder = BareDecoder()


def desk_frame(random: Random) -> tuple[bytes, bytes]:
    card = random.randbytes(5)
    body = b"\x0a\x02" + card
    return b"\x02" + body + bytes([reduce(xor, body)]) + b"\x03", card


def desk_right(card: bytes, data: bytes) -> bool:
    frames = (data[at : at + 10] for at in range(len(data) - 9))
    return any(
        one[:2] == b"\x02\x0a" and one[3:8] == card and one[9] == 3 and not reduce(xor, one[1:9]) for one in frames
    )


def bare_frame(random: Random) -> tuple[bytes, bytes]:
    frame, card = rdm_frame(random)
    return frame[1:-1], card


def bare_right(card: bytes, data: bytes) -> bool:
    found = re.finditer(rb"(?=([0-9A-Fa-f]{12}))", data)
    return any((raw := bytes.fromhex(one[1].decode()))[:5] == card and not reduce(xor, raw) for one in found)


def rdm_frame(random: Random) -> tuple[bytes, bytes]:
    card = random.randbytes(5)
    return b"\x02%s%02X\x03" % (card.hex().upper().encode(), reduce(xor, card)), card


def rdm_right(card: bytes, data: bytes) -> bool:
    found = re.finditer(rb"(?=\x02([0-9A-Fa-f]{12})\x03)", data)
    return any((raw := bytes.fromhex(one[1].decode()))[:5] == card and not reduce(xor, raw) for one in found)


class Nfc:
    def __init__(self) -> None:
        self._decoder = Pn532Decoder()

    def feed(self, chunk: bytes) -> list[Frame]:
        return list(self._decoder.feed(chunk))

    def held(self) -> int:
        return len(self._decoder._held)


def nfc_frame(random: Random) -> tuple[bytes, Packet]:
    data = random.randbytes(random.choice((260, 0, 10, 10, 19)))
    body = b"\xd5\x4b" + data
    size = len(body)
    head = bytes([size, -size % 256]) if size < 256 else bytes([255, 255, 1, size - 256, -(size - 255) % 256])
    return b"\x00\x00\xff" + head + body + bytes([-sum(body) % 256, 0]), Packet(True, 0x4B, data)


def nfc_right(frame: Frame, data: bytes) -> bool:
    """Its bytes stand there behind a start code, with their length and both checks."""
    if not isinstance(frame, Packet):
        return b"\x00\xff" + {"ack": b"\x00\xff", "nack": b"\xff\x00", "error": b"\x01\xff\x7f\x81"}[frame] in data
    body = (b"\xd5" if frame.to_host else b"\xd4") + bytes([frame.code]) + frame.data
    body += bytes([-sum(body) % 256])
    long, short = divmod(len(body) - 1, 256)
    heads = [b"\xff\xff" + bytes([long, short, -(long + short) % 256])]
    heads += [] if long else [bytes([short, -short % 256])]
    return any(b"\x00\xff" + head + body in data for head in heads)


class Wiegand:
    """Each byte is a pulse: its lowest bit the line, the rest how many half milliseconds after the last one."""

    def __init__(self) -> None:
        self._collector = Collector()
        self._at_ns = 0

    def feed(self, chunk: bytes) -> list[tuple[str, int]]:
        found, at_ns, pulse = [], self._at_ns, self._collector.pulse
        for byte in chunk:
            at_ns += PAUSES_NS[byte]
            if frame := pulse(byte & 1, at_ns):
                key_of(frame)
                if number := number_of(frame, ALL):
                    found.append((frame.bits, number[0]))
        self._at_ns = at_ns
        return found

    def held(self) -> int:
        return len(self._collector._bits)


def wiegand_frame(random: Random) -> tuple[bytes, tuple[str, int]]:
    number = random.getrandbits(24)
    data = f"{number:024b}"
    bits = f"{data[:12].count('1') % 2}{data}{(data[12:].count('1') + 1) % 2}"
    start = 0xFE | int(bits[0])
    return bytes([start, *(4 | int(bit) for bit in bits[1:])]) + b"\xfe", (bits, number)


def wiegand_right(message: tuple[str, int], data: bytes) -> bool:
    """Its bits stand there in a row, and each half of them is even, or odd, where its format says so."""
    bits, number = message
    lines = "".join(str(byte & 1) for byte in data)
    half = len(bits) // 2 if len(bits) % 2 == 0 else len(bits) // 2 + 1
    parities = len(bits) == 32 or (bits[:half].count("1") % 2 == 0 and bits[-half:].count("1") % 2 == 1)
    inner = bits if len(bits) == 32 else bits[1:-1]
    return bits in lines and parities and int(inner, 2) == number


class Zfm:
    def __init__(self) -> None:
        self._decoder = ZfmDecoder(FINGERS)

    def feed(self, chunk: bytes) -> list[bytes]:
        """What it says, the code first. A module that has started is no frame."""
        return [bytes([one.code]) + one.rest for one in self._decoder.feed(chunk) if isinstance(one, Answer)]

    def held(self) -> int:
        return self._decoder.held


def zfm_frame(random: Random) -> tuple[bytes, bytes]:
    payload = random.randbytes(random.choice((1, 3, 5, 17, 33)))
    counted = struct.pack(">BH", 7, len(payload) + 2) + payload
    return struct.pack(">HI", 0xEF01, FINGERS) + counted + struct.pack(">H", sum(counted)), payload


def zfm_right(payload: bytes, data: bytes) -> bool:
    front = struct.pack(">HIBH", 0xEF01, FINGERS, 7, len(payload) + 2)
    return front + payload + struct.pack(">H", 7 + len(payload) + 2 + sum(payload)) in data


class Typed:
    """Each byte is a key that goes down and up: its lower bits say which, its highest that a pause came before. Shift
    goes down, or up; key 127 is one that repeats."""

    def __init__(self) -> None:
        self._typing = Typing()
        self._at_ns = 0
        self._shifted = {42: False, 54: False}

    def feed(self, chunk: bytes) -> list[str]:
        return [text for byte in chunk if (text := self._key(byte)) and self._means(text)]

    def _key(self, byte: int) -> str | None:
        self._at_ns += 400_000_000 if byte & 0x80 else 3_000_000
        code = byte & 0x7F
        if code in self._shifted:
            self._shifted[code] = not self._shifted[code]
            return self._typing.key(code, int(self._shifted[code]), self._at_ns)
        if code == 0x7F:
            return self._typing.key(2, 2, self._at_ns)
        text = self._typing.key(code, 1, self._at_ns)
        self._typing.key(code, 0, self._at_ns)
        return text

    @staticmethod
    def _means(text: str) -> bool:
        return bool(card_of(text, "printed") or card_of(text, "uid-turned"))

    def held(self) -> int:
        return len(self._typing._text)


KEYS_TYPED: Final = {
    **dict(zip(range(2, 12), "1234567890", strict=True)),
    **dict(zip((71, 72, 73, 75, 76, 77, 79, 80, 81, 82), "7894561230", strict=True)),
    **dict(zip((30, 48, 46, 32, 18, 33), "ABCDEF", strict=True)),
    **dict.fromkeys((28, 96), "\n"),
    **dict.fromkeys((42, 54, 58, 69), ""),
}


def typed_frame(random: Random) -> tuple[bytes, str]:
    text = f"{random.getrandbits(32):010d}"
    keys = [11 if digit == "0" else int(digit) + 1 for digit in text]
    return bytes([keys[0] | 0x80, *keys[1:], 28]), text


def typed_right(text: str, data: bytes) -> bool:
    """It stands there in a row, without a pause in it, and Enter behind it."""
    typed = "".join("|" * (byte >> 7) + KEYS_TYPED.get(byte & 0x7F, "?") for byte in data)
    return f"{text}\n" in typed


class Modbus:
    """A master that has asked unit 7 for 16 inputs."""

    def __init__(self) -> None:
        question = _bits_question(ReadDiscreteInputsRequest, 7, 0, 16)
        self._hearing: Hearing[Any] = Hearing(question, echo=False, owed={})
        self._over = False

    def feed(self, chunk: bytes) -> list[Any]:
        if self._over or not chunk:
            return []
        self._over = self._hearing.take(chunk)
        return [self._hearing.answer] if self._over else []

    def held(self) -> int:
        return len(self._hearing._heard)


def crc16(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return struct.pack("<H", crc)


def modbus_frame(random: Random) -> tuple[bytes, tuple[bool, ...]]:
    data = random.randbytes(2)
    body = b"\x07\x02\x02" + data
    return body + crc16(body), tuple(bool(data[n // 8] >> n % 8 & 1) for n in range(16))


def modbus_right(answer: object, data: bytes) -> bool:
    for at in range(len(data) - 4):
        size = 5 if data[at + 1] == 0x82 else 7
        frame = data[at : at + size]
        if len(frame) == size and frame[0] == 7 and crc16(frame[:-2]) == frame[-2:]:
            if size == 5 and isinstance(answer, Refusal):
                return True
            bits = tuple(bool(frame[3 + n // 8] >> n % 8 & 1) for n in range(16)) if size == 7 else ()
            if frame[1:3] == b"\x02\x02" and answer == bits:
                return True
    return False


class Locks:
    """A master that has asked board 1 for the switches of so many locks, or of as many as such a board has."""

    def __init__(self, question: Question[Any]) -> None:
        self._hearing: Hearing[Any] = Hearing(question, echo=False, owed={})
        self._over = False

    def feed(self, chunk: bytes) -> list[Any]:
        if self._over or not chunk:
            return []
        self._over = self._hearing.take(chunk)
        return [self._hearing.answer] if self._over else []

    def held(self) -> int:
        return len(self._hearing._heard)


def _xored(data: bytes) -> bytes:
    return data + bytes([reduce(xor, data)])


def _summed(data: bytes) -> bytes:
    return data + bytes([sum(data) % 256])


SAY: Final[dict[str, Callable[[int], bytes]]] = {
    "8a": lambda levels: _xored(b"\x80\x01" + (levels & 0xFFFFFF).to_bytes(3, "big") + b"\x33"),
    "cu16": lambda levels: _summed(b"\x02\x10\x35" + (levels & 0xFFFFFFFF).to_bytes(4, "little") + b"\x03"),
    "cu48": lambda levels: _summed(b"\x02\x01\x00\x75\x06" + levels.to_bytes(6, "little")),
    "wkly": lambda levels: _xored(b"WKLY\x12\x01\x84\x00\x08" + bytes(levels >> at & 1 for at in range(8))),
    "winnsen": lambda levels: bytes((0x90, 7, 0x92, 1, 16, 1 - (levels >> 15 & 1), 3)),
}
"""What a board says when so many switches are closed, the first lock lowest."""
HAS: Final = {"8a": range(1, 25), "cu16": range(1, 33), "cu48": range(1, 49), "wkly": range(1, 9), "winnsen": (16,)}


def _locks_target(style: str, undetected: int | None) -> StreamTarget:
    def frame(random: Random) -> tuple[bytes, dict[int, bool]]:
        levels = random.getrandbits(48)
        return SAY[style](levels), {lock: bool(levels >> lock - 1 & 1) for lock in HAS[style]}

    def right(switches: dict[int, bool], data: bytes) -> bool:
        return SAY[style](sum(closed << lock - 1 for lock, closed in switches.items())) in data

    request = STYLES[style].sweep(1, (max(HAS[style]),), max(HAS[style]))[0]
    question = Question(1, request.frame, request.heads, request.check, 1, urgent=False)
    return StreamTarget(
        f"lock-board {style}",
        frame,
        lambda: Locks(question),
        right,
        HEARD_MAX,
        0,
        undetected=undetected,
    )


class Verifier:
    def __init__(self) -> None:
        self._reply = Reply()
        self._over = False

    def feed(self, chunk: bytes) -> list[str]:
        if self._over:
            return []
        self._over = self._reply.feed(chunk)
        answer, _ = self._reply.answer(KEY, NONCE, PERSON, ("yes", "no", "none"))
        return [answer] if self._over and answer else []

    def held(self) -> int:
        return len(self._reply._data)


def _signed(answer: str) -> str:
    return hmac.new(KEY, f"cabinet-verifier/1\n{NONCE}\n{PERSON}\n{answer}\n".encode(), hashlib.sha256).hexdigest()


def verifier_frame(random: Random) -> tuple[bytes, str]:
    answer = random.choice(("yes", "no", "none"))
    body = json.dumps({"answer": answer, "signature": _signed(answer)}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body), answer


def verifier_right(answer: str, data: bytes) -> bool:
    return _signed(answer).encode() in data.replace(b"\\u00", b"")


class ControlLines:
    def __init__(self) -> None:
        self._lines = Lines()

    def feed(self, chunk: bytes) -> list[bytes | None]:
        return list(self._lines.feed(chunk))

    def held(self) -> int:
        return len(self._lines._held)


def line_frame(random: Random) -> tuple[bytes, bytes]:
    line = json.dumps({"jsonrpc": "2.0", "id": random.getrandbits(20), "method": "status"}).encode()
    return line + b"\n", line


STREAMS: Final = (
    StreamTarget("rdm6300", rdm_frame, Rdm, rdm_right, 12, 14, undetected=40),
    StreamTarget("rdm6300 binary", desk_frame, Desk, desk_right, 10, 20, undetected=160),
    StreamTarget("rdm6300 bare", bare_frame, Em18, bare_right, 12, 0, undetected=59),
    StreamTarget("pn532", nfc_frame, Nfc, nfc_right, HELD_MAX, HELD_MAX, undetected=296),
    StreamTarget("wiegand", wiegand_frame, Wiegand, wiegand_right, 96, 97, undetected=156),
    StreamTarget("zfm", zfm_frame, Zfm, zfm_right, FRAME_MAX - 1, FRAME_MAX, undetected=5),
    StreamTarget("keyboard", typed_frame, Typed, typed_right, TEXT_MAX, 11),
    StreamTarget("modbus", modbus_frame, Modbus, modbus_right, HEARD_MAX, 0, undetected=0),
    _locks_target("8a", 48),
    _locks_target("cu16", 44),
    _locks_target("cu48", 95),
    _locks_target("wkly", 36),
    _locks_target("winnsen", None),
    StreamTarget("verifier", verifier_frame, Verifier, verifier_right, REPLY_MAX + 1, 0, undetected=0),
    StreamTarget("control-lines", line_frame, ControlLines, lambda line, data: line in data, LINE_BYTES_MAX, 4096),
)
