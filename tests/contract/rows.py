"""The table: every device type with its capability, its configuration and its simulated device."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drivers.wire.card_number import parse_card
from hal import capabilities
from simulator.buzzer import Buzzer
from simulator.ds2482_fobs import Ds2482Fobs
from simulator.gpio_input import GpioInput
from simulator.gpio_lock import GpioLock
from simulator.keyboard_hub import Keyboard
from simulator.keyboard_reader import PORT, PRODUCT, VENDOR, KeyboardReader
from simulator.led import Led
from simulator.lock_board import LockBoard
from simulator.matrix_keypad import MatrixKeypad
from simulator.mcp23017 import Mcp23017
from simulator.modbus_input_board import ModbusInputBoard
from simulator.modbus_relay_board import ModbusRelayBoard
from simulator.pn532_reader import Pn532Reader
from simulator.rdm6300_reader import Rdm6300Reader
from simulator.relay_makes import EletechsupRelayBoard, LcRelayBoard
from simulator.socket_verifier import SocketVerifier
from simulator.terminal_display import TerminalDisplay
from simulator.types import body_class
from simulator.wiegand_reader import WiegandReader
from simulator.zfm_finger_reader import ZfmFingerReader

KEY = bytes(range(32))
"""Of a verifier."""


class Seen:
    """What one could see, hear and touch at a simulated device."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.closed = [False] * 8
        """Contacts, channel 1 first: what the hand of the test moves."""
        self.fobs: dict[int, bytes] = {}
        """What hangs on each channel."""
        self.finger: int | None = None
        """Which one is on the glass."""
        self.coils_on: set[int] = set()
        self.pulses: list[int] = []
        """Channels in the order in which their coils came on."""
        self.lit: dict[int, bool] = {}
        self.sounding = False
        self.beeps = 0
        self.text = ""

    def energise(self, channel: int, *, on: bool) -> None:
        if on:
            self.coils_on.add(channel)
            self.pulses.append(channel)
        else:
            self.coils_on.discard(channel)
        self.changed.set()

    def jam(self, channel: int, *, jammed: bool) -> None:
        """Bolts are no part of these stories."""

    def break_bolt(self, channel: int, *, broken: bool) -> None:
        """Bolts are no part of these stories."""

    def level(self, channel: int) -> bool:
        return self.closed[channel - 1]

    def force(self, channel: int) -> None:
        self.closed[channel - 1] = False

    def light(self, channel: int, lit: bool) -> None:
        self.lit[channel] = lit
        self.changed.set()

    def sound(self, sounding: bool) -> None:
        self.beeps += sounding and not self.sounding
        self.sounding = sounding
        self.changed.set()

    def show(self, text: str) -> None:
        self.text = text
        self.changed.set()


class FollowingCoils:
    """The switch of each lock, open while its coil is on, and behind those the contacts of the slots."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def level(self, channel: int) -> bool:
        return channel not in self._seen.coils_on if channel <= 16 else self._seen.level(channel - 16)

    def force(self, channel: int) -> None:
        """Nobody does."""


@dataclass(frozen=True)
class Row:
    capability: type
    body: Callable[[random.Random, Seen], Any]
    """The simulated device, wired as `keys` say."""
    keys: dict[str, object] = field(default_factory=dict)
    """Of its [[device]] table, beside id, type and link."""
    senses_removal: bool = True
    """A card reader that knows whether the card is still there."""
    cards: tuple[bytes, bytes] = (parse_card("0006547886"), parse_card("0008844356"))
    """Of a card reader: two that it can read."""
    also: tuple[type, ...] = ()
    """What else it can."""
    pulse_s: float | None = None
    """A board that takes a time of its own for a pulse."""
    tells_coils: bool = True
    """A lock board that can be asked which coil is on."""
    locks: int = 8
    board_ends_pulse: bool = True
    """The program ends it, and returns then; what becomes of the coil behind the line is not known."""
    hides: tuple[str, ...] = ()
    """Faults under which a card goes unseen here, and at other readers does not."""


ROWS: dict[str, Row] = {
    "rdm6300-reader": Row(
        capabilities.CardReader,
        lambda rng, seen: Rdm6300Reader(rng),
        {"removal_ms": 200},
        hides=("not-hex", "two-cards"),
    ),
    "wiegand-reader": Row(
        capabilities.CardReader,
        lambda rng, seen: WiegandReader(14, 15, rng),
        {"d0": 14, "d1": 15, "removal_ms": 200},
        senses_removal=False,
        hides=("merge", "overflow"),
    ),
    "pn532-reader": Row(
        capabilities.CardReader,
        lambda rng, seen: Pn532Reader(rng),
        cards=(bytes.fromhex("11223344"), bytes.fromhex("04A1B2C3D4E580")),
        # Its commands are acknowledged within 50 ms and answered by their own answer, or not at all.
        hides=("late", "merge", "stale", "no-answer", "random-uid", "error-frame", "overlong"),
    ),
    "zfm-finger-reader": Row(
        capabilities.FingerReader,
        lambda rng, seen: ZfmFingerReader(rng, lambda: seen.finger, "r503"),
        {"family": "r503"},
    ),
    "keyboard-reader": Row(
        capabilities.CardReader,
        lambda rng, seen: KeyboardReader(Keyboard(VENDOR, PRODUCT, PORT, "USB Reader"), rng),
        {"vendor": "ffff", "product": "0035", "port": PORT, "removal_ms": 200},
        senses_removal=False,
        hides=("merge", "overflow", "pulled", "other-port"),
    ),
    "matrix-keypad": Row(
        capabilities.Keypad,
        lambda rng, seen: MatrixKeypad((5, 6, 13, 19), (16, 20, 21), rng),
        {"rows": [5, 6, 13, 19], "columns": [16, 20, 21]},
    ),
    "modbus-relay-board": Row(
        capabilities.LockBoard,
        lambda rng, seen: ModbusRelayBoard(7, 8, seen, seen, 8),
        {"unit": 7, "profile": "waveshare-8", "poll_s": 0.5},
    ),
    "modbus-relay-board lc-8": Row(
        capabilities.LockBoard,
        lambda rng, seen: LcRelayBoard(7, 8, seen, seen, 8),
        {"unit": 7, "profile": "lc-8", "poll_s": 0.5},
    ),
    "modbus-relay-board eletechsup-4": Row(
        capabilities.LockBoard,
        lambda rng, seen: EletechsupRelayBoard(7, 4, seen, seen, 8),
        {"unit": 7, "profile": "eletechsup-4", "poll_s": 0.5},
        pulse_s=1.0,
        locks=4,
    ),
    "modbus-input-board": Row(
        capabilities.InputBoard,
        lambda rng, seen: ModbusInputBoard(7, seen, 8),
        {"unit": 7},
    ),
    **{
        name: Row(
            capabilities.LockBoard,
            lambda rng, seen, profile=profile: LockBoard(profile, 3, 8, seen, seen),
            {"unit": 3, "profile": profile, "locks": 8},
            also=(capabilities.InputBoard,),
            pulse_s=0.5,
            tells_coils=False,
        )
        for name, profile in (
            ("lock-board", "8a"),
            ("lock-board cu48", "cu48"),
            ("lock-board wkly", "wkly"),
            ("lock-board winnsen", "winnsen"),
        )
    },
    "lock-board cu16": Row(
        capabilities.LockBoard,
        lambda rng, seen: LockBoard("cu16", 3, 8, seen, FollowingCoils(seen)),
        {"unit": 3, "profile": "cu16", "locks": 8},
        also=(capabilities.InputBoard,),
        pulse_s=0.5,
        tells_coils=False,
    ),
    "gpio-lock": Row(
        capabilities.LockBoard,
        lambda rng, seen: GpioLock((4, 5, 6, 7), True, seen),
        {"lines": [4, 5, 6, 7]},
        locks=4,
        board_ends_pulse=False,
    ),
    "gpio-input": Row(
        capabilities.InputBoard,
        lambda rng, seen: GpioInput((4, 5, 6, 7, 8, 9, 10, 11), seen),
        {"lines": [4, 5, 6, 7, 8, 9, 10, 11]},
    ),
    "mcp23017": Row(
        capabilities.InputBoard,
        lambda rng, seen: Mcp23017(0x21, seen, 8),
        {"address": 0x21, "inputs": 8},
    ),
    "ds2482-fobs": Row(
        capabilities.FobReader,
        lambda rng, seen: Ds2482Fobs(0x1A, seen.fobs.get, rng),
        {"address": 0x1A},
    ),
    "led": Row(
        capabilities.IndicatorBoard,
        lambda rng, seen: Led((2, 3, 4), True, seen.light),
        {"lines": [2, 3, 4]},
    ),
    "buzzer": Row(
        capabilities.Buzzer,
        lambda rng, seen: Buzzer(11, True, seen.sound),
        {"line": 11},
    ),
    "terminal-display": Row(
        capabilities.Display,
        lambda rng, seen: TerminalDisplay(seen.show),
    ),
    "socket-verifier": Row(
        capabilities.Verifier,
        lambda rng, seen: SocketVerifier(rng, KEY),
    ),
}


def faults_of(name: str) -> list[str]:
    """Of its simulated device; of another way to speak only what spoils what it says."""
    offered = body_class(type_of(name)).faults
    return [fault for fault in offered if name == type_of(name) or fault in SPOKEN]


SPOKEN = (
    "noise",
    "truncate",
    "bad-checksum",
    "wrong-address",
    "stale",
    "duplicate",
    "echo",
    "busy",
    "unasked",
    "wrong-length",
)


def types_with(capability: type) -> list[str]:
    return [name for name, row in ROWS.items() if row.capability is capability or capability in row.also]


def type_of(name: str) -> str:
    """The device type of a row; behind it may stand how it is configured."""
    return name.partition(" ")[0]
