"""A PN532 on a serial port (HSU) and the card in its field.

Each command with good checks is acknowledged and then answered; a new command, or an ACK from the host, ends the one
before it. After a NACK the last answer comes again. It sleeps after power-up and after PowerDown: what comes in the
first 2 ms, or the first 10 bytes, only wakes it.

The card is any simulator.nfc_cards.SimulatedCard; `present()` also takes a UID and makes a plain one of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import ClassVar

from simulator.faults import ActiveFaults, Fault
from simulator.nfc_cards import KINDS, RandomUidCard, SimulatedCard, card_of
from simulator.options import OptionError, Options
from simulator.pn532_chip import Pn532Chip, Reply
from simulator.pn532_frames import ACK, BODY_MAX, ERROR, CommandReader, frame, spoil
from simulator.secure_card import KINDS as SECURE
from simulator.secure_card import Issuer, secure_card

WAKES_S, WAKES_BYTES = 0.002, 10


class Pn532Reader:
    title = "NFC reader with a PN532 on HSU"
    options: ClassVar = {
        "uid": "the card in the field, 4, 7 or 10 bytes in hex; default none",
        "card": f"{', '.join((*KINDS, *SECURE))} or random; default the commonest kind with so long a UID",
        "baud": "only 115200; a pty has no rate",
    }
    faults = (
        *("noise", "truncate", "bad-checksum", "late", "silent", "duplicate", "stale", "echo", "split", "merge"),
        *("no-answer", "card-gone", "random-uid", "error-frame", "overlong", "asleep", "unplug", "power-cycle"),
    )
    spoilers: ClassVar = {"bad-checksum": spoil}

    def __init__(self, rng: random.Random, card: SimulatedCard | None = None, issuer: Issuer | None = None) -> None:
        self.issuer = issuer
        """What secure cards of its site hold."""
        self._rng = rng
        self._faults = ActiveFaults()
        self._chip = Pn532Chip(rng, self._faults)
        self._chip.card = card
        self._commands = CommandReader()
        self._on = False
        self._asleep = True
        self._woken_s: float | None = None
        self._lost = 0
        """Bytes that went by while it woke."""
        self._code = 0
        self._searching = False
        self._timer: asyncio.TimerHandle | None = None
        self._last = b""
        self._send: Callable[[bytes], None] = lambda data: None

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> Pn532Reader:
        options.one_of("baud", "115200", ("115200",))
        text, kind = options.text("uid"), options.text("card")
        if kind is not None:
            options.one_of("card", "", (*KINDS, *SECURE, "random"))
        if kind == "random":
            return cls(rng, RandomUidCard(rng))
        if text is None:
            if kind is not None:
                raise OptionError(f"card={kind}: write its number too, uid=11223344")
            return cls(rng)
        try:
            uid = bytes.fromhex(text.replace(":", ""))
            secure = next((one for one in SECURE if one == kind), None)
            return cls(rng, card_of(uid, kind) if secure is None else secure_card(uid, secure))
        except ValueError as error:
            raise OptionError(f"uid={text[:40]}: {error}") from None

    def connect(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def power(self, *, on: bool) -> None:
        self._on, self._asleep, self._woken_s = on, True, None
        self._end()
        self._last = b""
        self._commands.clear()
        self._chip.reset()

    def present(self, card: bytes | SimulatedCard) -> None:
        """A card comes into the field, in place of any other. Raises ValueError for a UID that no such card has."""
        made = card if isinstance(card, SimulatedCard) else card_of(card)
        self._chip.leave()
        self._chip.card = made
        if self._searching and (found := self._chip.found()) is not None:
            self._end()
            self._answer(found)

    def remove(self) -> None:
        """Raises ValueError when there is no card."""
        if self._chip.card is None:
            raise ValueError("no card in the field")
        self._chip.leave()

    def receive(self, data: bytes) -> None:
        if self._on:
            for heard in self._commands.take(self._awake(data)):
                self._hear(heard)

    def afflict(self, fault: Fault) -> None:
        self._faults.set(fault)

    def heal(self) -> None:
        self._faults.clear()

    def _awake(self, data: bytes) -> bytes:
        """What it hears of this."""
        if not self._asleep and self._faults.act("asleep"):
            self._fall_asleep()
        if not self._asleep or not self._chip.wakes_by_hsu:
            return b"" if self._asleep else data
        now_s = asyncio.get_running_loop().time()
        if self._woken_s is None:
            self._woken_s, self._lost = now_s, 0
        if now_s - self._woken_s < WAKES_S:
            missed = min(len(data), WAKES_BYTES - self._lost)
            self._lost += missed
            data = data[missed:]
            if self._lost < WAKES_BYTES:
                return b""
        self._asleep, self._woken_s = False, None
        return data

    def _fall_asleep(self) -> None:
        self._asleep, self._woken_s = True, None
        self._end()
        self._commands.clear()

    def _hear(self, heard: str | tuple[int, bytes]) -> None:
        if heard == "nack":
            if self._last:
                self._send(self._last)
            return
        self._end()
        if isinstance(heard, tuple):
            self._send(ACK)
            if not self._faults.act("no-answer"):
                self._perform(*heard)

    def _perform(self, code: int, data: bytes) -> None:
        self._code = code
        self._answer(Reply(None) if self._faults.act("error-frame") else self._chip.perform(code, data))

    def _answer(self, reply: Reply) -> None:
        self._searching = reply.seeks
        if reply.after_s is not None:
            self._timer = asyncio.get_running_loop().call_later(reply.after_s, self._say, reply.data)

    def _say(self, data: bytes | None) -> None:
        self._timer, self._searching = None, False
        self._last = ERROR if data is None else frame(self._code + 1, data)
        if self._faults.act("overlong"):
            self._last = overlong(self._last, self._rng)
        self._send(self._last)
        if self._chip.sleeps_after:
            self._chip.sleeps_after = False
            self._fall_asleep()

    def _end(self) -> None:
        """Of what it was doing."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._searching = None, False


def overlong(wire: bytes, rng: random.Random) -> bytes:
    """An answer of more bytes than the chip can have, with good checks."""
    body = (wire[5:-2] + rng.randbytes(2 * BODY_MAX))[: 2 * BODY_MAX]
    high, low = divmod(len(body), 256)
    head = bytes([0, 0, 255, 255, 255, high, low, -(high + low) % 256])
    return head + body + bytes([-sum(body) % 256, 0])
