"""A Wiegand reader on two GPIO lines, and the card or finger at it.

Each bit is a low pulse of 100 us, on D0 for a 0 and on D1 for a 1, 1 ms after the one before it. A card is sent once,
when it comes into the field. A key is sent as 4 bits, or as 8: the inverted ones first.
"""

from __future__ import annotations

import asyncio
import random
from typing import ClassVar

from drivers.wire.card_number import parse_card
from simulator.faults import ActiveFaults, Fault, FaultError
from simulator.gpio_chip import LINES, GpioChip
from simulator.options import OptionError, Options

PULSE_S, PERIOD_S = 0.0001, 0.001
PAUSE_S = 0.05
"""From one frame to the next: longer than any gap within one."""
KEYS = "0123456789*#"
PRESS_S = 0.14
PRESSES_MAX = 64


class WiegandReader:
    title = "card reader, with keys or without, that pulses two GPIO lines"
    options: ClassVar = {
        "d0": "line of the zeros; default 14",
        "d1": "line of the ones; default 15",
        "bits": "how long a card's frame is: 26, 32, 34 or 37; default 26",
        "keys": "how long a key's frame is: 4 or 8; default 4",
        "card": "the card that is held to it as soon as a program listens; default none",
    }
    faults = (
        *("noise", "truncate", "bad-checksum", "late", "silent", "duplicate", "merge"),
        *("overflow", "swapped", "open-line", "unplug", "power-cycle"),
    )

    def __init__(self, d0: int, d1: int, rng: random.Random, bits: int = 26, key_bits: int = 4) -> None:
        self._lines = (d0, d1)
        self._rng = rng
        self._bits = bits
        self._key_bits = key_bits
        self._faults = ActiveFaults()
        self._chip: GpioChip | None = None
        self._on = False
        self._card: bytes | None = None
        self._held = ""
        """A frame that waits for the next one."""
        self._free_s = 0.0
        """When the lines are at rest again."""
        self._finger = asyncio.Lock()
        self._waiting: list[asyncio.TimerHandle] = []

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> WiegandReader:
        d0, d1 = options.number("d0", 14, 0, LINES - 1), options.number("d1", 15, 0, LINES - 1)
        if d0 == d1:
            raise OptionError(f"d1={d1}: d0 and d1 are two lines")
        bits, key_bits = options.one_of("bits", "26", ("26", "32", "34", "37")), options.one_of("keys", "4", ("4", "8"))
        reader = cls(d0, d1, rng, int(bits), int(key_bits))
        if (text := options.text("card")) is not None:
            try:
                reader._card = parse_card(text)
                encode(reader._card, reader._bits)
            except ValueError as error:
                raise OptionError(f"card={text[:40]}: {error}") from None
        return reader

    def attach(self, chip: GpioChip) -> None:
        self._chip = chip
        chip.watch(self._lines[1], lambda level: self._listened() if level else None)

    def power(self, *, on: bool) -> None:
        self._on = on
        for timer in self._waiting:
            timer.cancel()
        self._waiting, self._held, self._free_s = [], "", 0.0

    def present(self, card: bytes) -> None:
        """A card comes into the field, in place of any other. Raises ValueError for one it cannot send."""
        bits = encode(card, self._bits)
        self._card = card
        self._send(bits)

    def remove(self) -> None:
        """Raises ValueError when there is no card."""
        if self._card is None:
            raise ValueError("no card in the field")
        self._card = None

    async def press(self, keys: str) -> None:
        """One key after the other. Raises ValueError for keys that are not there, or too many."""
        if len(keys) > PRESSES_MAX:
            raise ValueError(f"at most {PRESSES_MAX} keys at a time")
        for key in keys:
            if key not in KEYS:
                raise ValueError(f"no key {key!r} here; there are {KEYS}")
        async with self._finger:
            for key in keys:
                self._send(key_bits(key, self._key_bits))
                await asyncio.sleep(PRESS_S)

    def afflict(self, fault: Fault) -> None:
        if fault.name == "open-line" and fault.place not in (None, "0", "1"):
            raise FaultError(f"open-line={str(fault.place)[:40]}: the argument is 0 for D0, 1 for D1")
        if fault.name == "power-cycle":
            self.power(on=False)
            after_s = (fault.amount or 0) / 1000
            asyncio.get_running_loop().call_later(after_s, self._back)
            return
        self._faults.set(fault)

    def heal(self) -> None:
        self._faults.clear()
        self._held = ""

    def _listened(self) -> None:
        """A program has given the lines their pull."""
        if self._on and self._card is not None and self._chip is not None and self._chip.claimed(self._lines):
            self._send(encode(self._card, self._bits))

    def _back(self) -> None:
        """The power comes with a click."""
        self._on = True
        self._pulse("".join(self._rng.choice("01") for _ in range(self._rng.randint(1, 3))))

    def _send(self, bits: str) -> None:
        if not self._on or self._faults.act("silent"):
            return
        if self._faults.act("bad-checksum"):
            bits = bits[:-1] + "10"[int(bits[-1])]
        if self._faults.act("merge") and not self._held:
            self._held = bits
            return
        bits, self._held = self._held + bits, ""
        if cut := self._faults.amount("truncate"):
            bits = bits[:-cut]
        for _ in range(self._faults.amount("noise")):
            at = self._rng.randint(0, len(bits))
            bits = bits[:at] + self._rng.choice("01") + bits[at:]
        for _ in range(2 if self._faults.act("duplicate") else 1):
            self._pulse(bits)

    def _pulse(self, bits: str) -> None:
        """At the end of the frame, with the times at which its pulses were."""
        loop = asyncio.get_running_loop()
        start_s = max(loop.time(), self._free_s) + self._faults.amount("late") / 1000
        self._free_s = start_s + len(bits) * PERIOD_S + PAUSE_S
        self._waiting = [one for one in self._waiting if not one.cancelled() and one.when() > loop.time()]
        self._waiting.append(loop.call_at(start_s + len(bits) * PERIOD_S, self._arrive, bits, start_s))

    def _arrive(self, bits: str, start_s: float) -> None:
        assert self._chip is not None
        lines = self._lines[::-1] if self._faults.act("swapped") else self._lines
        broken = self._broken()
        lost = self._rng.randrange(1, len(bits) - 1) if len(bits) > 2 and self._faults.act("overflow") else None
        for number, bit in enumerate(bits):
            if bit not in broken:
                self._chip.pulse(lines[int(bit)], start_s + number * PERIOD_S, PULSE_S, lost=number == lost)

    def _broken(self) -> str:
        fault = self._faults.get("open-line")
        return "" if fault is None else fault.place or "1"


def encode(card: bytes, bits: int) -> str:
    """The frame of a card: of its number as many bits as there is room for, and what else the format has. Raises
    ValueError."""
    room = {26: 24, 32: 32, 34: 32, 37: 35}[bits]
    number, version = int.from_bytes(card[-5:] if bits == 37 else card[-4:], "big"), card[: -5 if bits == 37 else -4]
    if len(card) > 6 or number >> room or version not in ((b"", b"\x25") if bits == 37 else (b"", b"\x01")):
        raise ValueError(f"a frame of {bits} bits has no room for this card")
    data = f"{number:0{room}b}"
    if bits == 32:
        return data
    half = (room + 1) // 2
    return f"{data[:half].count('1') % 2}{data}{(data[-half:].count('1') + 1) % 2}"


def key_bits(key: str, bits: int) -> str:
    code = KEYS.index(key)
    return f"{code:04b}" if bits == 4 else f"{code ^ 15:04b}{code:04b}"
