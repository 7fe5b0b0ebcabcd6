"""The other ends of the links of config/simulated.toml, played with the least work: what is measured is the daemon."""

from __future__ import annotations

import json
import os
import selectors
import socket
import tty
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter

from drivers.wire.rdm6300 import encode
from simulator.ds2482_fobs import Ds2482Fobs, Hanging
from simulator.fobs import number_of
from simulator.i2c_device import I2cDevice
from simulator.i2c_wires import I2cWires
from simulator.modbus_frames import frame

READ_COILS, READ_REGISTERS, WRITE_COIL, WRITE_COILS = 1, 3, 5, 15
SLOT_INPUTS, DOOR_INPUTS = 2, 3
FLASH_ON = 0x0200
STUCK_S = 15.0
CLEAR = b"\x1b[2J\x1b[H"
FOB_ADDRESS, FOB_CHANNELS = 0x18, {1: 5, 2: 6, 3: 7, 4: 8}
"""Channels and their slots."""
Answer = Callable[[bytes], bytes]
"""To one line."""


class Stuck(RuntimeError):
    """What a round waits for did not happen."""


class Ears:
    """Hears for all players of this process; nothing is answered but inside `until` and `rest`."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def hear(self, descriptor: int, act: Callable[[], None]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, act)

    def ignore(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)

    def until(self, holds: Callable[[], bool], what: str, within_s: float = STUCK_S) -> None:
        """Answers until `holds`. Raises Stuck after a while."""
        end_s = perf_counter() + within_s
        while not holds():
            if perf_counter() > end_s:
                raise Stuck(f"{what}: not within {within_s:g} s; see cabinetd.log")
            self._turn(0.05)

    def rest(self, seconds: float) -> None:
        """Answers for so long."""
        end_s = perf_counter() + seconds
        while (left_s := end_s - perf_counter()) > 0:
            self._turn(left_s)

    def _turn(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            key.data()


class Players:
    """A card reader, a relay board and two input boards on one line, a display, GPIO whose inputs rest, and fobs."""

    def __init__(self, links: Path, ears: Ears) -> None:
        links.mkdir()
        self.pulsed_s = 0.0
        """When the last flash-on frame was read, as perf_counter."""
        self.screen = b""
        """What the display shows."""
        self._heard_s = 0.0
        self._ears = ears
        self._open: list[int] = []
        self._held: list[int] = []  # the daemon's ends: else a pty hangs up when nobody has it open
        self._reader = self._pty(links / "uart0", lambda chunk: None)
        self._line = self._pty(links / "rs485", self._asked)
        self._pty(links / "uart1", self._shown)
        self._half = b""
        self._levels = {SLOT_INPUTS: 0xFF, DOOR_INPUTS: 0xFF}
        self._lit, self._lit_until_s = 0, 0.0
        self._fobs = {slot: number_of(f"F-{slot}") for slot in FOB_CHANNELS.values()}
        """The number in the fob of each slot that tells one."""
        self._wires = _wires(lambda channel: self._fobs.get(FOB_CHANNELS.get(channel, 0)))
        self._sockets = [
            self._listen(links / "gpio0", _gpio_answer),
            self._listen(links / "i2c0", partial(_i2c_answer, self._wires)),
        ]

    def hold_card(self, card: bytes) -> float:
        """The reader tells the card once; when it began to, as perf_counter."""
        start = perf_counter()
        os.write(self._reader, encode(card))
        return start

    def hang(self, slot: int, *, seated: bool) -> None:
        """What the slot's sensor, and its reader of fobs if it has one, say from the next look on."""
        bit = 1 << (slot - 1)
        levels = self._levels[SLOT_INPUTS]
        self._levels[SLOT_INPUTS] = levels | bit if seated else levels & ~bit
        if slot in FOB_CHANNELS.values():
            self._fobs.pop(slot, None)
            if seated:
                self._fobs[slot] = number_of(f"F-{slot}")

    def close(self) -> None:
        for descriptor in self._open:
            self._ears.ignore(descriptor)
            os.close(descriptor)
        for descriptor in self._held:
            os.close(descriptor)
        for listener in self._sockets:
            self._ears.ignore(listener.fileno())
            listener.close()

    def _pty(self, path: Path, receive: Callable[[bytes], None]) -> int:
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        path.symlink_to(os.ttyname(theirs))
        self._open.append(ours)
        self._held.append(theirs)

        def heard() -> None:
            chunk = os.read(ours, 4096)
            self._heard_s = perf_counter()
            receive(chunk)

        self._ears.hear(ours, heard)
        return ours

    def _asked(self, chunk: bytes) -> None:
        """Requests of the master; each is answered as soon as it is whole."""
        self._half += chunk
        while len(self._half) >= 8:
            size = 9 + self._half[6] if self._half[1] == WRITE_COILS else 8
            if len(self._half) < size:
                return
            request, self._half = self._half[:size], self._half[size:]
            os.write(self._line, self._answer(request))

    def _answer(self, request: bytes) -> bytes:
        unit, function = request[0], request[1]
        address, value = (int.from_bytes(request[at : at + 2], "big") for at in (2, 4))
        if function == WRITE_COIL:
            self._pulse(address - FLASH_ON, value / 10)
            return request
        if function == WRITE_COILS:
            return frame(unit, request[1:6])
        if function == READ_REGISTERS:
            return frame(unit, bytes((function, 2 * value)) + bytes(2 * value))
        levels = self._coils() if function == READ_COILS else self._levels[unit]
        return frame(unit, bytes((function, 1, levels >> address & (1 << value) - 1)))

    def _pulse(self, channel: int, hold_s: float) -> None:
        self.pulsed_s = self._heard_s
        self._lit, self._lit_until_s = 1 << channel, self.pulsed_s + hold_s

    def _coils(self) -> int:
        return self._lit if perf_counter() < self._lit_until_s else 0

    def _shown(self, chunk: bytes) -> None:
        self.screen = (self.screen + chunk).rpartition(CLEAR)[2]

    def _listen(self, path: Path, answer: Answer) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        self._ears.hear(listener.fileno(), partial(self._welcome, listener, answer))
        return listener

    def _welcome(self, listener: socket.socket, answer: Answer) -> None:
        """The daemon's connection; requests are short and come one at a time."""
        client = listener.accept()[0].detach()
        self._open.append(client)

        def asked() -> None:
            try:
                if lines := os.read(client, 65536).splitlines():
                    os.write(client, b"".join(answer(line) for line in lines))
                    return
            except ConnectionError:
                pass  # the daemon ends while it asks
            self._open.remove(client)
            self._ears.ignore(client)
            os.close(client)

        self._ears.hear(client, asked)


def _gpio_answer(line: bytes) -> bytes:
    request = json.loads(line)
    answer = {"id": request["id"]}
    if request["op"] == "read":
        answer["values"] = [1] * len(request["lines"])
    return json.dumps(answer).encode() + b"\n"


def _wires(hanging: Hanging) -> I2cWires:
    """A chip that reads fobs."""
    wires = I2cWires(perf_counter)
    chip = I2cDevice(Ds2482Fobs(FOB_ADDRESS, hanging, Random(1)), NoPlug())
    wires.attach(chip)
    chip.start()
    return wires


def _i2c_answer(wires: I2cWires, line: bytes) -> bytes:
    request = json.loads(line)
    messages = [bytes.fromhex(one) if isinstance(one, str) else one for one in request["messages"]]
    read, _ = wires.transfer(request["address"], messages)
    return json.dumps({"id": request["id"], "read": [part.hex() for part in read]}).encode() + b"\n"


class NoPlug:
    """A link that nobody unplugs."""

    def unplug(self) -> None: ...

    def replug(self) -> None: ...
