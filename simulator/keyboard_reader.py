"""A card reader at a USB port that types like a keyboard, and the card in its field.

It types the ten digits printed on the card, or its UID in hex, and Enter: each key goes down and 3 ms later up, the
next follows 3 ms after that. For letters it holds Shift; set up for a French keyboard it holds Shift for digits.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import ClassVar, Final

from drivers.wire.card_number import parse_card
from simulator.faults import ActiveFaults, Fault
from simulator.keyboard_hub import Keyboard, KeyboardHub
from simulator.options import OptionError, Options

STEP_S = 0.003
PAUSE_S = 0.05
"""From one number to the next."""
ENTER, SHIFT, OVERFLOW = 28, 42, 0
DIGITS = {digit: 2 + at for at, digit in enumerate("1234567890")}
LETTERS: Final = {
    "us": {"A": 30, "B": 48, "C": 46, "D": 32, "E": 18, "F": 33},
    "fr": {"A": 16, "B": 48, "C": 46, "D": 32, "E": 18, "F": 33},
}
VENDOR, PRODUCT, PORT = 0xFFFF, 0x0035, "usb-0000:01:00.0-1.2/input0"
ELSEWHERE = "usb-0000:01:00.0-1.4/input0"
FOREIGN = Keyboard(0x046D, 0xC31C, "usb-0000:01:00.0-1.3/input0", "Logitech USB Keyboard")
FOREIGN_TYPES = "4294967295"
NUMBERS = ("printed", "uid", "uid-turned")

Key = tuple[int, bool]
"""Its number, and whether Shift is held."""


class KeyboardReader:
    title = "card reader that types like a USB keyboard"
    options: ClassVar = {
        "vendor": "four hex digits; default ffff",
        "product": "four hex digits; default 0035",
        "port": f"where it is plugged in; default {PORT}",
        "numbers": "printed, uid or uid-turned; default printed",
        "layout": "us or fr; default us",
        "card": "the card that is held to it as soon as a program has taken it; default none",
    }
    faults = (
        *("noise", "truncate", "late", "silent", "duplicate", "merge", "overflow"),
        *("pulled", "other-port", "foreign-keyboard", "unplug", "power-cycle"),
    )

    def __init__(self, keyboard: Keyboard, rng: random.Random, numbers: str = "printed", layout: str = "us") -> None:
        self._keyboard = keyboard
        self._rng = rng
        self._numbers = numbers
        self._layout = layout
        self._faults = ActiveFaults()
        self._hub: KeyboardHub | None = None
        self._port: str | None = None
        """Where it is plugged in now."""
        self._card: bytes | None = None
        self._held: list[Key] = []
        """A number whose Enter has not been typed, before the next."""
        self._free_s = 0.0
        self._waiting: list[asyncio.TimerHandle] = []
        self._recovery: dict[str, asyncio.TimerHandle] = {}

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> KeyboardReader:
        ids = _usb_id(options, "vendor", VENDOR), _usb_id(options, "product", PRODUCT)
        keyboard = Keyboard(*ids, options.text("port") or PORT, "USB Reader")
        numbers, layout = options.one_of("numbers", "printed", NUMBERS), options.one_of("layout", "us", ("us", "fr"))
        reader = cls(keyboard, rng, numbers, layout)
        if (text := options.text("card")) is not None:
            try:
                reader._card = parse_card(text)
                typed(reader._card, numbers)
            except ValueError as error:
                raise OptionError(f"card={text[:40]}: {error}") from None
        return reader

    def attach(self, hub: KeyboardHub) -> None:
        self._hub = hub
        hub.watch(self._taken)

    def power(self, *, on: bool) -> None:
        self._stop()
        self._plug(self._keyboard.port if on else None)

    def present(self, card: bytes) -> None:
        """A card comes into the field, in place of any other. Raises ValueError for one it cannot type."""
        text = typed(card, self._numbers)
        self._card = card
        self._type(text)

    def remove(self) -> None:
        """Raises ValueError when there is no card."""
        if self._card is None:
            raise ValueError("no card in the field")
        self._card = None

    def afflict(self, fault: Fault) -> None:
        match fault.name:
            case "pulled":
                self._stop()
                self._plug(None)
                self._recover(fault, lambda: self._plug(self._keyboard.port))
            case "other-port":
                self._plug(ELSEWHERE)
                self._recover(fault, lambda: self._plug(self._keyboard.port))
            case "power-cycle":
                self.power(on=False)
                self._recover(fault, lambda: self._plug(self._keyboard.port))
            case "foreign-keyboard":
                self._stranger_types()
                self._recover(fault, lambda: self._must_have_hub.pull(FOREIGN.port))
            case _:
                self._faults.set(fault)

    def heal(self) -> None:
        self._faults.clear()
        self._held = []
        for timer in self._recovery.values():
            timer.cancel()
        self._recovery.clear()
        self._must_have_hub.pull(FOREIGN.port)
        self._plug(self._keyboard.port)

    @property
    def _must_have_hub(self) -> KeyboardHub:
        assert self._hub is not None
        return self._hub

    def _recover(self, fault: Fault, action: Callable[[], None]) -> None:
        if timer := self._recovery.pop(fault.name, None):
            timer.cancel()
        if fault.amount is not None:
            self._recovery[fault.name] = asyncio.get_running_loop().call_later(fault.amount / 1000, action)

    def _plug(self, port: str | None) -> None:
        if self._port == port:
            return
        if self._port is not None:
            self._must_have_hub.pull(self._port)
        self._port = port
        if port is not None:
            one = self._keyboard
            self._must_have_hub.plug(Keyboard(one.vendor, one.product, port, one.name))

    def _stop(self) -> None:
        for timer in self._waiting:
            timer.cancel()
        self._waiting, self._held, self._free_s = [], [], 0.0

    def _taken(self, port: str) -> None:
        """A program listens."""
        if port == self._port and self._card is not None:
            self._type(typed(self._card, self._numbers))

    def _stranger_types(self) -> None:
        hub, loop = self._must_have_hub, asyncio.get_running_loop()
        hub.plug(FOREIGN)
        for at, code in enumerate([*(DIGITS[digit] for digit in FOREIGN_TYPES), ENTER]):
            for value in (1, 0):
                loop.call_later(0.5 + 0.1 * at + 0.05 * (1 - value), hub.strike, FOREIGN.port, code, value)

    def _type(self, text: str) -> None:
        if self._port is None or self._faults.act("silent"):
            return
        keys = [self._key(character) for character in text]
        for _ in range(self._faults.amount("noise")):
            keys.insert(self._rng.randint(0, len(keys)), self._key(self._rng.choice("0123456789ABCDEF")))
        if self._faults.act("overflow"):
            at = self._rng.randint(1, len(keys) - 2)
            keys[at : at + 2] = [(OVERFLOW, False)]
        if not self._held and self._faults.act("merge"):
            self._held = keys
            return
        keys, self._held = [*self._held, *keys, (ENTER, False)], []
        if cut := self._faults.amount("truncate"):
            keys = keys[:-cut]
        for _ in range(2 if self._faults.act("duplicate") else 1):
            self._strike(keys)

    def _key(self, character: str) -> Key:
        if character in DIGITS:
            return DIGITS[character], self._layout == "fr"
        return LETTERS[self._layout][character], True

    def _strike(self, keys: list[Key]) -> None:
        loop = asyncio.get_running_loop()
        at_s = max(loop.time(), self._free_s) + self._faults.amount("late") / 1000
        self._waiting = [one for one in self._waiting if not one.cancelled() and one.when() > loop.time()]
        for code, value in _events(keys):
            self._waiting.append(loop.call_at(at_s, self._arrive, code, value))
            at_s += STEP_S
        self._free_s = at_s + PAUSE_S

    def _arrive(self, code: int, value: int) -> None:
        if self._port is not None:
            self._must_have_hub.strike(self._port, code, value)


def typed(card: bytes, numbers: str) -> str:
    """Raises ValueError for a card that it cannot type so."""
    if numbers == "printed":
        if len(card) != 5 or card[0] != 1:
            raise ValueError("it types the ten digits printed on a card, and this one has none")
        return f"{int.from_bytes(card[1:], 'big'):010d}"
    return (card if numbers == "uid" else card[::-1]).hex().upper()


def _events(keys: list[Key]) -> Iterator[tuple[int, int]]:
    for code, shifted in keys:
        if shifted:
            yield SHIFT, 1
        yield code, 1
        if code != OVERFLOW:
            yield code, 0
        if shifted:
            yield SHIFT, 0


def _usb_id(options: Options, name: str, default: int) -> int:
    text = options.text(name)
    if text is None:
        return default
    if len(text) != 4 or not set(text.lower()) <= set("0123456789abcdef"):
        raise OptionError(f"{name}={text[:40]}: four hex digits")
    return int(text, 16)
