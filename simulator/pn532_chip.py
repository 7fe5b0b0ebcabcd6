"""The inside of a PN532: its field with a card in it, its settings, and what each command does with them.

Of the commands of the user manual (NXP UM0701-02, chapter 7) it knows those of an initiator. Nobody ever comes who
wants to be its target or to be one, so those that wait for such a peer find none."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulator.faults import ActiveFaults
from simulator.iso_dep import IsoDep, crc_a
from simulator.nfc_cards import ISO_14443_4, ClassicCard, SimulatedCard, cascaded

VERSION: Final = bytes([0x32, 0x01, 0x06, 0x07])
THINKS_S: Final = 0.001
TRIES_S: Final = 0.005
"""One try to find a card."""
POLLS_S: Final = 0.150
"""The unit of the pause between two rounds through kinds of cards."""
SELECTS_S: Final = 0.008
"""A card is found and brought to ISO 14443-4."""
SPEAKS_S: Final = 0.004
"""A card answers."""
WAITS_S: Final = 0.051
"""For a card that does not."""
FOREVER: Final = 0xFF
TX_MODE, RX_MODE, FIFO = 0x6302, 0x6303, 0x6339
SENSE: Final = 0x26
EXCHANGE_MAX: Final = 262
TIME_OUT, WRONG_KEY, NO_TARGET, DISAPPEARED = 0x01, 0x14, 0x27, 0x2B
HSU: Final = 0x10
"""Among what wakes it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`data` None: a frame that says that the command makes no sense. `after_s` None: never by itself.

    `seeks`: until then a card may come, and found() says what is answered instead."""

    data: bytes | None
    after_s: float | None = THINKS_S
    seeks: bool = False


SYNTAX = Reply(None)
DONE = Reply(b"")
ENDLESS = Reply(b"", None)


class Pn532Chip:
    def __init__(self, rng: random.Random, faults: ActiveFaults) -> None:
        self.card: SimulatedCard | None = None
        """In the field, whether that is on or not."""
        self.sleeps_after = False
        """The command just done was the one to power down."""
        self.wakes_by_hsu = True
        self._rng = rng
        self._faults = faults
        self.reset()

    def reset(self) -> None:
        """As after power-up."""
        self.sleeps_after, self.wakes_by_hsu = False, True
        self._field = False
        self._automatic = True
        self._tries = FOREVER
        self._registers: dict[int, int] = {}
        self._port = 0xFF
        self._talk: IsoDep | None = None
        """With the card that was selected; it may have gone since."""
        self._spoken_to: SimulatedCard | None = None
        self._command = self._answer = b""
        self._sought = b""
        """The UID of a search that wants a certain card."""
        self._auto = False
        """The search is InAutoPoll, whose answer is another one."""

    def leave(self) -> None:
        """The card goes away, with all that was said."""
        self.card = None
        if self._talk is not None:
            self._spoken_to = None

    def perform(self, code: int, data: bytes) -> Reply:
        command = COMMANDS.get(code)
        return SYNTAX if command is None else command(self, data)

    def found(self) -> Reply | None:
        """The reply to the search that goes on, if the card in the field is what is sought."""
        card = self.card
        if card is None or (self._sought and self._sought != cascaded(card.uid)):
            return None
        target = self._select(card)
        if self._auto:
            kind = 0x20 if self._talk is not None and self._talk.selected else 0x10
            return Reply(bytes([1, kind, len(target)]) + target, SELECTS_S)
        return Reply(b"\x01" + target, SELECTS_S)

    # What the commands do

    def diagnose(self, data: bytes) -> Reply:
        match data[:1]:
            case b"\x00":
                return Reply(data)
            case b"\x01" | b"\x02" | b"\x07":
                return Reply(b"\x00")
            case b"\x06":
                there = self._talk is not None and self._talk.selected and self._spoken_to is self.card
                return Reply(b"\x00") if there else Reply(bytes([TIME_OUT]), WAITS_S)
        return SYNTAX

    def version(self, data: bytes) -> Reply:
        return Reply(VERSION)

    def status(self, data: bytes) -> Reply:
        targets = b"\x01\x01\x00\x00\x10" if self._talk else b"\x00"
        return Reply(bytes([0, self._field]) + targets + b"\x80")

    def read_registers(self, data: bytes) -> Reply:
        if not data or len(data) % 2:
            return SYNTAX
        return Reply(
            bytes(self._registers.get(int.from_bytes(data[at : at + 2], "big"), 0) for at in range(0, len(data), 2))
        )

    def write_registers(self, data: bytes) -> Reply:
        if not data or len(data) % 3:
            return SYNTAX
        for at in range(0, len(data), 3):
            self._registers[int.from_bytes(data[at : at + 2], "big")] = data[at + 2]
        return DONE

    def read_port(self, data: bytes) -> Reply:
        return Reply(bytes([self._port, 0xFF, 0x00]))

    def write_port(self, data: bytes) -> Reply:
        if len(data) != 2:
            return SYNTAX
        self._port = data[0] & 0x7F if data[0] & 0x80 else self._port
        return DONE

    def set_baud(self, data: bytes) -> Reply:
        """A pty has no bit rate: heard at any."""
        return DONE if len(data) == 1 and data[0] <= 8 else SYNTAX

    def set_parameters(self, data: bytes) -> Reply:
        if len(data) != 1:
            return SYNTAX
        self._automatic = bool(data[0] & 0x10)
        return DONE

    def configure_sam(self, data: bytes) -> Reply:
        return DONE if 1 <= len(data) <= 3 and 1 <= data[0] <= 4 else SYNTAX

    def power_down(self, data: bytes) -> Reply:
        if not 1 <= len(data) <= 2:
            return SYNTAX
        self.sleeps_after, self.wakes_by_hsu = True, bool(data[0] & HSU)
        self._field_off()
        return Reply(b"\x00")

    def configure_rf(self, data: bytes) -> Reply:
        sizes = {0x01: 1, 0x02: 3, 0x04: 1, 0x05: 3, 0x0A: 11, 0x0B: 8, 0x0C: 3, 0x0D: 9}
        if not data or sizes.get(data[0]) != len(data) - 1:
            return SYNTAX
        if data[0] == 0x01:
            self._field = bool(data[1] & 1)
            if not self._field:
                self._field_off()
        elif data[0] == 0x05:
            self._tries = data[3]
        return DONE

    def list_targets(self, data: bytes) -> Reply:
        if len(data) < 2 or not 1 <= data[0] <= 2 or data[1] > 4:
            return SYNTAX
        self._sought, self._auto = data[2:], False
        return self._search(self._tries, TRIES_S, kind_a=data[1] == 0)

    def poll(self, data: bytes) -> Reply:
        """InAutoPoll: so many rounds through kinds of cards, each in steps of 150 ms."""
        if len(data) < 3 or not data[0] or not 1 <= data[1] <= 15:
            return SYNTAX
        self._sought, self._auto = b"", True
        try_s = data[1] * POLLS_S * len(data[2:])
        return self._search(data[0], try_s, kind_a=any(kind & 0x0F == 0 for kind in data[2:]))

    def exchange(self, data: bytes) -> Reply:
        if not data or data[0] & 0x3F not in (0, 1) or self._talk is None:
            return Reply(bytes([NO_TARGET]))
        if self._faults.act("card-gone"):
            return Reply(bytes([self._rng.choice((TIME_OUT, DISAPPEARED))]), WAITS_S)
        if self._spoken_to is None or self._spoken_to is not self.card or not self._field:
            return Reply(bytes([TIME_OUT]), WAITS_S)
        if not self._talk.selected:
            return self._below(self._spoken_to, data[1:])
        self._command += data[1:]
        if data[0] & 0x40:
            return Reply(b"\x00", SPEAKS_S)
        if self._command or not self._answer:
            self._answer, self._command = self._spoken_to.apdu(self._command), b""
        part, self._answer = self._answer[:EXCHANGE_MAX], self._answer[EXCHANGE_MAX:]
        return Reply(bytes([0x40 if self._answer else 0x00]) + part, SPEAKS_S)

    def communicate(self, data: bytes) -> Reply:
        """InCommunicateThru: a frame as it is, with whatever the registers say of checks."""
        if self._talk is None or self._spoken_to is None or self._spoken_to is not self.card or not self._field:
            return Reply(bytes([TIME_OUT]), WAITS_S)
        if self._faults.act("card-gone"):
            return Reply(bytes([self._rng.choice((TIME_OUT, DISAPPEARED))]), WAITS_S)
        if self._registers.get(TX_MODE, 0) & 0x03:
            return Reply(bytes([TIME_OUT]), WAITS_S)
        answer = self._talk.take(data)
        if answer is None:
            return Reply(bytes([TIME_OUT]), WAITS_S)
        if len(answer) > 1 and not self._registers.get(RX_MODE, 0) & 0x80:
            answer += crc_a(answer)
        return Reply(b"\x00" + answer, SPEAKS_S)

    def release(self, data: bytes) -> Reply:
        """InRelease and InDeselect: without a target as well."""
        self._talk = self._spoken_to = None
        return Reply(b"\x00")

    def with_target(self, data: bytes) -> Reply:
        """InSelect and InPSL, which make no difference to the one card there is."""
        return Reply(bytes([0 if self._talk else NO_TARGET]))

    def nobody(self, data: bytes) -> Reply:
        return Reply(bytes([TIME_OUT]), WAITS_S)

    def no_initiator(self, data: bytes) -> Reply:
        return ENDLESS

    # How

    def _search(self, retries: int, try_s: float, *, kind_a: bool) -> Reply:
        """Of no other kind is there ever a card. One that is selected takes the first try for a mistake and starts
        anew (ISO 14443-3 6.3), unless it was without the field."""
        selected = self._spoken_to is not None
        self._talk = self._spoken_to = None
        self._field = True
        none = Reply(b"\x00", None if retries == FOREVER else (retries + 1) * try_s, seeks=kind_a)
        if not kind_a:
            return none
        self._registers[FIFO] = SENSE
        if selected and retries == 0:
            return none
        found = self.found()
        return Reply(found.data, SELECTS_S + TRIES_S) if found and selected else found or none

    def _select(self, card: SimulatedCard) -> bytes:
        uid = card.activated()
        if self._faults.act("random-uid"):
            uid = b"\x08" + self._rng.randbytes(3)
        self._spoken_to, self._talk = card, IsoDep(card)
        self._command = self._answer = b""
        self._registers |= {TX_MODE: 0x80, RX_MODE: 0x80, FIFO: 0}
        told = b"\x01" + card.atqa + bytes([card.sak, len(uid)]) + uid
        if self._automatic and card.sak & ISO_14443_4:
            ats = self._talk.take(b"\xe0\x80")
            told += ats or b""
        return told

    def _below(self, card: SimulatedCard, data: bytes) -> Reply:
        """MIFARE's own commands; the two that open a sector are done by the chip."""
        if data[:1] in (b"\x60", b"\x61") and isinstance(card, ClassicCard):
            good = len(data) == 12 and card.opens(data[1], data[2:8], data[8:])
            return Reply(bytes([0 if good else WRONG_KEY]), SPEAKS_S)
        answer = card.raw(data)
        return Reply(bytes([TIME_OUT]), WAITS_S) if answer is None else Reply(b"\x00" + answer, SPEAKS_S)

    def _field_off(self) -> None:
        self._field = False
        self._spoken_to = None


COMMANDS: Final[dict[int, Callable[[Pn532Chip, bytes], Reply]]] = {
    0x00: Pn532Chip.diagnose,
    0x02: Pn532Chip.version,
    0x04: Pn532Chip.status,
    0x06: Pn532Chip.read_registers,
    0x08: Pn532Chip.write_registers,
    0x0C: Pn532Chip.read_port,
    0x0E: Pn532Chip.write_port,
    0x10: Pn532Chip.set_baud,
    0x12: Pn532Chip.set_parameters,
    0x14: Pn532Chip.configure_sam,
    0x16: Pn532Chip.power_down,
    0x32: Pn532Chip.configure_rf,
    0x40: Pn532Chip.exchange,
    0x42: Pn532Chip.communicate,
    0x44: Pn532Chip.release,
    0x46: Pn532Chip.nobody,
    0x4A: Pn532Chip.list_targets,
    0x4E: Pn532Chip.with_target,
    0x50: Pn532Chip.nobody,
    0x52: Pn532Chip.release,
    0x54: Pn532Chip.with_target,
    0x56: Pn532Chip.nobody,
    0x60: Pn532Chip.poll,
    0x88: Pn532Chip.no_initiator,
    0x8C: Pn532Chip.no_initiator,
}
