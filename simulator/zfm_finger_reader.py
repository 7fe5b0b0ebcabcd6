"""A fingerprint module of the ZFM family, and the finger on its glass.

    EF 01 | address (4) | 01 command, 02 data, 07 answer, 08 end of data | length (2) | payload | sum (2)

The length counts payload and sum, the sum is that of kind, length and payload. It answers only what carries its
address, and with code 01 what arrives with a wrong sum or is no command here. What it is told while it works waits its
turn. An R503 and an AS608 say 55 when they have started.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from simulator.faults import ActiveFaults, Fault
from simulator.fingers import FINGER_MAX
from simulator.options import OptionError, Options
from simulator.zfm_commands import Commands
from simulator.zfm_flash import Flash, features_of, finger_of

COMMAND, DATA, ANSWER, LAST_DATA = 1, 2, 7, 8
HEAD: Final = b"\xef\x01"
PAYLOAD_MAX = 256
BYTE_GAP_S = 0.5
"""After such a pause a half frame is forgotten."""
WAITING_MAX = 16
"""Commands in its buffer; more are lost."""
THINKS_S = 0.005
BITS_A_BYTE = 10
BAUDS: Final = tuple(9600 * step for step in range(1, 13))


@dataclass(frozen=True, slots=True)
class Make:
    """How it differs from the others of its family."""

    capacity: int
    boots_s: float
    says_ready: bool
    image_s: float
    features_s: float
    search_s: float
    image_bytes: int
    fast_search: bool = False
    ring: bool = False
    buffers: int = 2


MAKES: Final = {
    "r30x": Make(1000, 0.3, False, 0.2, 0.15, 0.2, 256 * 288 // 2),
    "zfm": Make(120, 0.3, False, 0.2, 0.15, 0.1, 256 * 288 // 2, fast_search=True),
    "as608": Make(162, 0.1, True, 0.15, 0.15, 0.1, 256 * 288 // 2, fast_search=True),
    "r503": Make(200, 0.05, True, 0.08, 0.1, 0.01, 192 * 192 // 2, ring=True, buffers=6),
}


class ZfmFingerReader:
    title = "fingerprint module that speaks the ZFM protocol, 57600 baud"
    options: ClassVar = {
        "templates": "numbers that are in use, each with the finger of its number; default none",
        "finger": "the finger on the glass: a number; default none",
        "touch_ms": "put on for so long, lifted for as long, and again; default: it stays",
        "family": "r30x, zfm, as608 or r503; default r30x",
        "capacity": "templates, 1 to 1024; default 1000, 120, 162 or 200",
        "password": "8 hex digits; default 00000000",
        "address": "8 hex digits; default FFFFFFFF",
        "baud": "9600 to 115200 in steps of 9600; default 57600",
    }
    faults = (
        *("noise", "truncate", "bad-checksum", "late", "silent", "duplicate", "wrong-address", "stale", "echo"),
        *("split", "merge", "unplug", "power-cycle"),
        *("lifted", "unclear", "low-score", "miscount", "full", "locked", "restarts", "cut-short"),
        *("other-rate", "other-module", "factory-reset"),
    )
    spoilers: ClassVar = {
        "bad-checksum": lambda frame: frame[:-1] + bytes([frame[-1] ^ 0xFF]),
        "wrong-address": lambda frame: frame[:5] + bytes([(frame[5] + 1) & 0xFF]) + frame[6:] if frame[5:] else frame,
    }

    def __init__(
        self,
        rng: random.Random,
        finger: Callable[[], int | None],
        family: str = "r30x",
        flash: Flash | None = None,
    ) -> None:
        """`finger`: which one is on the glass now."""
        self._rng = rng
        self._make = MAKES[family]
        self._first = self._flash = flash or Flash(self._make.capacity)
        self._faults = ActiveFaults()
        self._commands = Commands(self._make, self._flash, self._faults, finger, rng)
        self._touch_s: float | None = None
        self._lifted = False
        self._touching: asyncio.TimerHandle | None = None
        self._on = False
        self._on_before = False
        """The first time it has been on for long when somebody looks."""
        self._input = bytearray()
        self._heard_s = 0.0
        self._waiting: deque[bytes] = deque()
        self._working: asyncio.TimerHandle | None = None
        self._sending: list[asyncio.TimerHandle] = []
        self._send: Callable[[bytes], None] = lambda frame: None

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> ZfmFingerReader:
        family = options.one_of("family", "r30x", tuple(MAKES))
        baud = options.number("baud", 57600, BAUDS[0], BAUDS[-1])
        if baud not in BAUDS:
            raise OptionError(f"baud={baud}: allowed are 9600 to 115200 in steps of 9600")
        capacity = options.number("capacity", MAKES[family].capacity, 1, 1024)
        numbers = options.numbers("templates", (), 0, capacity - 1)
        flash = Flash(
            capacity,
            templates={number: features_of(number) for number in numbers},
            password=_word("password", options.text("password") or "00000000"),
            address=_word("address", options.text("address") or "FFFFFFFF"),
            baud=baud,
        )
        finger = None if options.text("finger") is None else options.number("finger", 0, 0, FINGER_MAX)
        touch_ms = options.number("touch_ms", 0, 100, 600_000)

        def touching() -> int | None:
            return None if body._lifted else finger

        body = cls(rng, touching, family, flash)
        body._touch_s = touch_ms / 1000 or None
        return body

    @property
    def listens_at(self) -> int:
        return self._flash.baud

    @property
    def templates(self) -> frozenset[int]:
        """The numbers in use."""
        return frozenset(self._flash.templates)

    @property
    def notes(self) -> bytes:
        """All pages of its notepad."""
        return b"".join(self._flash.notes)

    def fingers(self) -> dict[int, int]:
        """The finger of each number in use."""
        return {number: finger_of(features) for number, features in self._flash.templates.items()}

    @property
    def ring(self) -> tuple[int, ...] | None:
        """How it is lit: control, speed, colour, times; None: dark."""
        return self._commands.ring

    def connect(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def power(self, *, on: bool) -> None:
        self._on = False
        self._stop()
        self._input.clear()
        self._commands.forget()
        if self._touching is not None:
            self._touching.cancel()
        if on:
            if self._on_before:
                self._working = asyncio.get_running_loop().call_later(self._make.boots_s, self._boot)
            else:
                self._on = self._on_before = True
            if self._touch_s is not None:
                self._touching = asyncio.get_running_loop().call_later(self._touch_s, self._lift, self._touch_s)

    def receive(self, data: bytes) -> None:
        if not self._on:
            return
        now_s = asyncio.get_running_loop().time()
        if now_s - self._heard_s > BYTE_GAP_S:
            self._input.clear()
        self._heard_s = now_s
        self._input += data
        while (frame := self._next_frame()) is not None:
            self._take(frame)

    def afflict(self, fault: Fault) -> None:
        if fault.name == "other-rate":
            self._flash.baud = BAUDS[0] if self._flash.baud != BAUDS[0] else BAUDS[1]
        elif fault.name == "other-module":
            self._exchange(Flash(self._first.capacity))
        elif fault.name == "factory-reset":
            self._first = Flash(self._first.capacity)
            self._exchange(self._first)
        else:
            self._faults.set(fault)

    def heal(self) -> None:
        self._faults.clear()
        if self._flash is not self._first:
            self._exchange(self._first)

    # -- frames ------------------------------------------------------------------------------------------------------

    def _next_frame(self) -> bytes | None:
        """The next whole one, whatever its address and its sum."""
        data = self._input
        while True:
            at = data.find(HEAD)
            del data[: at if at >= 0 else max(0, len(data) - 1)]
            if at < 0 or len(data) < 9:
                return None
            size = int.from_bytes(data[7:9], "big")
            if 2 < size <= PAYLOAD_MAX + 2 and data[6] in (COMMAND, DATA, ANSWER, LAST_DATA):
                if len(data) < 9 + size:
                    return None
                frame = bytes(data[: 9 + size])
                del data[: 9 + size]
                return frame
            del data[:2]

    def _take(self, frame: bytes) -> None:
        if frame[2:6] != self._flash.address.to_bytes(4, "big"):
            return
        if frame[6] in (DATA, LAST_DATA):
            self._commands.take_data(frame[9:-2], last=frame[6] == LAST_DATA)
        elif frame[6] == COMMAND and len(self._waiting) < WAITING_MAX:
            good = sum(frame[6:-2]) % 65536 == int.from_bytes(frame[-2:], "big")
            self._waiting.append(frame[9:-2] if good else b"")
            self._work()

    def _work(self) -> None:
        if self._working is None and self._waiting:
            takes_s = THINKS_S + self._commands.takes_s(self._waiting[0])
            self._working = asyncio.get_running_loop().call_later(takes_s, self._finish)

    def _finish(self) -> None:
        self._working = None
        command, address, baud = self._waiting.popleft(), self._flash.address, self._flash.baud
        if self._faults.act("restarts"):
            self._commands.forget()
            self._send(b"\x55")
        done = self._commands.perform(command)
        # An answer has the address and the rate of the question, but that to a new address has the new one.
        new = self._flash.address
        self._answer(new if command[:1] == b"\x15" else address, done.payload)
        if done.baud is not None:
            self._flash.baud = done.baud
        if done.data:
            self._stream(done.data, baud)
        if done.restart:
            self._commands.forget()
            self._waiting.clear()
            self._on = False
            self._working = asyncio.get_running_loop().call_later(self._make.boots_s, self._boot)
        self._work()

    def _answer(self, address: int, payload: bytes) -> None:
        self._send(_frame(address, ANSWER, payload))

    def _stream(self, data: bytes, baud: int) -> None:
        """In packets, as fast as the line is. Cut short, it ends in the middle."""
        size = 32 << self._flash.packet
        packets = [data[at : at + size] for at in range(0, len(data), size)]
        if self._faults.act("cut-short"):
            packets = [*packets[: len(packets) // 2], b""]
        loop, at_s = asyncio.get_running_loop(), 0.0
        self._sending.clear()
        for number, packet in enumerate(packets, 1):
            if packet:
                at_s += (len(packet) + 11) * BITS_A_BYTE / baud
                kind = LAST_DATA if number == len(packets) else DATA
                frame = _frame(self._flash.address, kind, packet)
                self._sending.append(loop.call_later(at_s, self._send, frame))

    # -- power -------------------------------------------------------------------------------------------------------

    def _boot(self) -> None:
        self._working = None
        self._on = True
        if self._make.says_ready:
            self._send(b"\x55")

    def _exchange(self, flash: Flash) -> None:
        """Another module, or the same with nothing left in it, is switched on in place of this one."""
        self._flash = self._commands.flash = flash
        was_on = self._on or self._working is not None
        self.power(on=was_on)

    def _stop(self) -> None:
        for timer in (self._working, *self._sending):
            if timer is not None:
                timer.cancel()
        self._working = None
        self._sending.clear()
        self._waiting.clear()

    def _lift(self, touch_s: float) -> None:
        self._lifted = not self._lifted
        self._touching = asyncio.get_running_loop().call_later(touch_s, self._lift, touch_s)


def _frame(address: int, kind: int, payload: bytes) -> bytes:
    """A codec of its own, so that a mistake in the driver's does not hide here."""
    counted = bytes([kind]) + (len(payload) + 2).to_bytes(2, "big") + payload
    return HEAD + address.to_bytes(4, "big") + counted + (sum(counted) % 65536).to_bytes(2, "big")


def _word(name: str, text: str) -> int:
    digits = text.removeprefix("0x")
    if len(digits) != 8 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
        raise OptionError(f"{name}: allowed are 8 hex digits")
    return int(digits, 16)
