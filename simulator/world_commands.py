"""What one can say to the world, one command a line: people's hands, and faults."""

from __future__ import annotations

import json
from typing import Final

from drivers.wire.card_number import parse_card
from simulator.assembly import Assembly
from simulator.faults import parse_fault
from simulator.fingers import FINGER_MAX, touch
from simulator.keyboard_reader import KeyboardReader
from simulator.matrix_keypad import MatrixKeypad
from simulator.pn532_reader import Pn532Reader
from simulator.rdm6300_reader import Rdm6300Reader
from simulator.secure_card import KINDS, MANNERS, NTAG_NAME, SecureCard, secure_card
from simulator.socket_verifier import SocketVerifier
from simulator.wiegand_reader import WiegandReader
from simulator.zfm_finger_reader import ZfmFingerReader

CardSource = Rdm6300Reader | Pn532Reader | WiegandReader | KeyboardReader
READERS: Final[tuple[type[CardSource], ...]] = (Rdm6300Reader, Pn532Reader, WiegandReader, KeyboardReader)
KEYPADS: Final[tuple[type[MatrixKeypad] | type[WiegandReader], ...]] = (MatrixKeypad, WiegandReader)
USAGE = {
    "present": f"present card|{'|'.join(KINDS)} UID [READER]",
    "issue": f"issue {'|'.join(KINDS)} UID [READER]",
    "spoil": f"spoil UID {'|'.join(MANNERS)}|nothing",
    "remove": "remove card [READER]",
    "touch": "touch finger N [READER]",
    "press": "press KEYS [KEYPAD]",
    "look": "look yes|no [VERIFIER]",
    "lift": "lift SLOT",
    "seat": "seat SLOT [FOB]",
    "force": "force SLOT",
    "bring": "bring FOB",
    "open": "open door",
    "close": "close door",
    "cut": "cut mains",
    "restore": "restore mains",
    "fault": "fault DEVICE NAME[=ARG]",
    "clear": "clear DEVICE",
    "show": "show",
}


class CommandError(ValueError):
    """Not a command, or not one for this cabinet; the text says what is allowed."""


class WorldCommands:
    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._world = assembly.world
        self._cards: dict[bytes, SecureCard] = {}
        """Secure cards that were seen here: what was written to one stays on it."""

    async def answer(self, line: str) -> str:
        """`ok`, `error: why` (then nothing has changed), or for `show` one JSON object.

        Returns when the act is over: `press` after the last key was released, `touch` after the finger has left."""
        try:
            return await self._perform(line.split()) or "ok"
        except ValueError as error:
            return f"error: {error}"

    async def _perform(self, words: list[str]) -> str | None:
        match words:
            case ["present", "card", number] | ["present", "card", number, _]:
                self._reader(words[3:]).present(parse_card(number))
            case ["present", kind, number, *named] if kind in KINDS and len(named) < 2:
                self._nfc_reader(named).present(self._card(kind, number))
            case ["issue", kind, number, *named] if kind in KINDS and len(named) < 2:
                self._issue(self._nfc_reader(named), kind, number)
            case ["spoil", number, manner] if manner in (*MANNERS, "nothing"):
                self._spoil(parse_card(number), manner)
            case ["remove", "card"] | ["remove", "card", _]:
                self._reader(words[2:]).remove()
            case ["touch", "finger", number] | ["touch", "finger", number, _]:
                reader = self._assembly.named(ZfmFingerReader, "finger reader", words[3] if words[3:] else None)
                await touch(self._world, _finger(number), reader)
            case ["look", "yes" | "no" as verdict] | ["look", "yes" | "no" as verdict, _]:
                self._verifier(words[2:]).look(lambda _: verdict == "yes")
            case ["press", keys] | ["press", keys, _]:
                await self._keypad(words[2:]).press(keys)
            case ["show"]:
                return json.dumps(self._world.show(), ensure_ascii=False)
            case ["fault", device, text]:
                fitted = self._assembly.device(device)
                fitted.fault(parse_fault(text, fitted.body.faults))
            case ["clear", device]:
                self._assembly.device(device).clear()
            case _:
                self._handle(words)
        return None

    def _handle(self, words: list[str]) -> None:
        match words:
            case ["lift", slot]:
                self._world.lift(_slot(slot))
            case ["seat", slot]:
                self._world.seat(_slot(slot))
            case ["seat", slot, fob]:
                self._world.seat(_slot(slot), fob)
            case ["force", slot]:
                self._world.force(_slot(slot))
            case ["bring", fob]:
                self._world.bring(fob)
            case ["open", "door"]:
                self._world.open_door()
            case ["close", "door"]:
                self._world.close_door()
            case ["cut", "mains"]:
                self._world.set_mains(on=False)
            case ["restore", "mains"]:
                self._world.set_mains(on=True)
            case _:
                raise CommandError(_usage(words))

    def _reader(self, named: list[str]) -> CardSource:
        return self._assembly.body(READERS, "reader", named[0] if named else None)

    def _nfc_reader(self, named: list[str]) -> Pn532Reader:
        return self._assembly.body(Pn532Reader, "reader of secure cards", named[0] if named else None)

    def _card(self, kind: str, number: str) -> SecureCard:
        uid = parse_card(number)
        known = self._cards.get(uid)
        if known is not None and known.kind == kind:
            return known
        made = secure_card(uid, next(one for one in KINDS if one == kind))
        self._cards[uid] = made
        return made

    def _issue(self, reader: Pn532Reader, kind: str, number: str) -> None:
        if reader.issuer is None:
            raise CommandError("the table of this reader says nothing of strong cards")
        if (kind == "ntag424") != (reader.issuer.application == NTAG_NAME):
            raise CommandError(f"this reader asks for the key of another kind of card than {kind}")
        self._card(kind, number).issue(reader.issuer)

    def _spoil(self, uid: bytes, manner: str) -> None:
        if uid not in self._cards:
            raise CommandError("no secure card with this UID was here")
        self._cards[uid].manner = next((one for one in MANNERS if one == manner), None)

    def _verifier(self, named: list[str]) -> SocketVerifier:
        return self._assembly.body(SocketVerifier, "verifier", named[0] if named else None)

    def _keypad(self, named: list[str]) -> MatrixKeypad | WiegandReader:
        return self._assembly.body(KEYPADS, "keypad", named[0] if named else None)


def _slot(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise CommandError(f"slot {text[:40]}: no such slot")
    return int(text)


def _finger(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= FINGER_MAX):
        raise CommandError(f"finger {text[:40]}: allowed are 0 to {FINGER_MAX}")
    return int(text[:9])


def _usage(words: list[str]) -> str:
    if words and words[0] in USAGE:
        return f"write: {USAGE[words[0]]}"
    return f"no such command; there are: {', '.join(USAGE)}"
