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
from simulator.socket_verifier import SocketVerifier
from simulator.wiegand_reader import WiegandReader
from simulator.zfm_finger_reader import ZfmFingerReader

CardSource = Rdm6300Reader | Pn532Reader | WiegandReader | KeyboardReader
READERS: Final[tuple[type[CardSource], ...]] = (Rdm6300Reader, Pn532Reader, WiegandReader, KeyboardReader)
KEYPADS: Final[tuple[type[MatrixKeypad] | type[WiegandReader], ...]] = (MatrixKeypad, WiegandReader)
USAGE = {
    "present": "present card UID [READER]",
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
