"""What a fingerprint module does with each command."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from simulator.faults import ActiveFaults
from simulator.zfm_flash import FEATURE_BYTES, NOTE_BYTES, NOTE_PAGES, Flash, features_of, image_of, same_finger

if TYPE_CHECKING:
    from simulator.zfm_finger_reader import Make

OK, BAD_PACKET, NO_FINGER, MESSY, FEW, NO_MATCH, NOT_FOUND = 0x00, 0x01, 0x02, 0x06, 0x07, 0x08, 0x09
NOT_COMBINED, BAD_PAGE, NO_TEMPLATE, NOT_DELETED = 0x0A, 0x0B, 0x0C, 0x10
WRONG_PASSWORD, NO_IMAGE, FLASH_ERROR, BAD_REGISTER, LOCKED, ECHO = 0x13, 0x15, 0x18, 0x1A, 0x21, 0x55
VERIFY: Final = 0x13
GLANCE_S = 0.03
"""To see that there is no finger."""
STATUS_PASSWORD, STATUS_IMAGE, STATUS_MATCH = 4, 8, 2
SYSTEM_ID: Final = 9
SCORES, LOW_SCORES = (80, 200), (1, 20)


@dataclass(frozen=True, slots=True)
class Done:
    """The payload of the answer, and what follows it."""

    payload: bytes
    data: bytes = b""
    baud: int | None = None
    restart: bool = False


def code(number: int, rest: bytes = b"") -> Done:
    return Done(bytes([number]) + rest)


class Commands:
    """`flash` may be exchanged."""

    def __init__(
        self, make: Make, flash: Flash, faults: ActiveFaults, finger: Callable[[], int | None], rng: random.Random
    ) -> None:
        self.flash = flash
        self.ring: tuple[int, ...] | None = None
        self._make = make
        self._faults = faults
        self._finger = finger
        self._rng = rng
        self.forget()

    def forget(self) -> None:
        """What it knows without its flash."""
        self.ring = None
        self._verified = False
        self._image: int | None = None
        self._buffers: dict[int, bytes] = {}
        self._status = 0
        self._loading: tuple[str, int] | None = None
        self._loaded = b""

    def takes_s(self, command: bytes) -> float:
        match command[:1]:
            case b"\x01" | b"\x52":
                return GLANCE_S if self._finger() is None else self._make.image_s
            case b"\x02":
                return self._make.features_s
            case b"\x04" | b"\x1b":
                return self._make.search_s * len(self.flash.templates) / self.flash.capacity
            case b"\x06" | b"\x0c" | b"\x0d" | b"\x12" | b"\x15" | b"\x18":
                return 0.03
            case _:
                return 0.0

    def perform(self, command: bytes) -> Done:
        if not command:
            return code(BAD_PACKET)
        if self._faults.act("locked"):
            return code(WRONG_PASSWORD if command[0] == VERIFY else LOCKED)
        if self.flash.password and not self._verified and command[0] != VERIFY:
            return code(LOCKED)
        perform, length = COMMANDS.get(command[0], (None, 0))
        special = command[0] in (0x1B, 0x35) and not (self._make.ring if command[0] == 0x35 else self._make.fast_search)
        if perform is None or special or len(command) != 1 + length:
            return code(BAD_PACKET)
        return perform(self, command[1:])

    def take_data(self, packet: bytes, *, last: bool) -> None:
        """Of a template or an image from the host."""
        if self._loading is None:
            return
        self._loaded += packet
        if len(self._loaded) > 2 * self._make.image_bytes:
            self._loading = None
        elif last:
            kind, buffer = self._loading
            if kind == "features":
                self._buffers[buffer] = self._loaded[:FEATURE_BYTES]
            self._loading = None

    # -- the finger --------------------------------------------------------------------------------------------------

    def take_image(self, _: bytes) -> Done:
        self._image = self._finger()
        self._status = 0 if self._image is None else STATUS_IMAGE
        return code(NO_FINGER if self._image is None else OK)

    def read_features(self, data: bytes) -> Done:
        if self._faults.act("lifted"):
            self._image = None
        if self._image is None:
            return code(NO_IMAGE)
        if self._faults.act("unclear"):
            return code(self._rng.choice((MESSY, FEW)))
        if not 1 <= data[0] <= self._make.buffers:
            return code(FEW)
        self._buffers[data[0]] = features_of(self._image)
        return code(OK)

    def compare(self, _: bytes) -> Done:
        same = same_finger(self._buffers.get(1, b""), self._buffers.get(2, b""))
        return code(OK, self._score()) if same else code(NO_MATCH, bytes(2))

    def search(self, data: bytes) -> Done:
        first, count = _number(data[1:3]), _number(data[3:5])
        wanted = self._buffers.get(data[0], b"")
        for page in sorted(self.flash.templates):
            if first <= page < first + count and same_finger(wanted, self.flash.templates[page]):
                self._status |= STATUS_MATCH
                return code(OK, page.to_bytes(2, "big") + self._score())
        return code(NOT_FOUND, bytes(4))

    def combine(self, _: bytes) -> Done:
        """An R503 may be given more than two captures."""
        captures = [self._buffers[buffer] for buffer in sorted(self._buffers)]
        if len(captures) < 2 or not all(same_finger(captures[0], other) for other in captures):
            return code(NOT_COMBINED)
        self._buffers = {1: captures[0], 2: captures[0]}
        return code(OK)

    # -- what is stored ----------------------------------------------------------------------------------------------

    def store(self, data: bytes) -> Done:
        buffer, page = data[0], _number(data[1:3])
        if page >= self.flash.capacity:
            return code(BAD_PAGE)
        if self._faults.act("full") or buffer not in self._buffers:
            return code(FLASH_ERROR)
        self.flash.templates[page] = self._buffers[buffer]
        return code(OK)

    def load(self, data: bytes) -> Done:
        page = _number(data[1:3])
        if page >= self.flash.capacity:
            return code(BAD_PAGE)
        if page not in self.flash.templates:
            return code(NO_TEMPLATE)
        self._buffers[data[0]] = self.flash.templates[page]
        return code(OK)

    def delete(self, data: bytes) -> Done:
        first, count = _number(data[:2]), _number(data[2:4])
        if first + count > self.flash.capacity:
            return code(NOT_DELETED)
        for page in range(first, first + count):
            self.flash.templates.pop(page, None)
        return code(OK)

    def empty(self, _: bytes) -> Done:
        self.flash.templates.clear()
        return code(OK)

    def count(self, _: bytes) -> Done:
        return code(OK, (len(self.flash.templates) + self._faults.act("miscount")).to_bytes(2, "big"))

    def index(self, data: bytes) -> Done:
        if data[0] > 3:
            return code(BAD_PAGE)
        first = 256 * data[0]
        bits = sum(1 << page - first for page in self.flash.templates if first <= page < first + 256)
        return code(OK, bits.to_bytes(32, "little"))

    # -- data --------------------------------------------------------------------------------------------------------

    def send_features(self, data: bytes) -> Done:
        features = self._buffers.get(data[0])
        return code(0x0D) if features is None else Done(bytes([OK]), features)

    def take_features(self, data: bytes) -> Done:
        self._loading, self._loaded = ("features", data[0]), b""
        return code(OK)

    def send_image(self, _: bytes) -> Done:
        if self._image is None:
            return code(0x0F)
        return Done(bytes([OK]), image_of(self._image, self._make.image_bytes))

    def load_image(self, _: bytes) -> Done:
        self._loading, self._loaded = ("image", 0), b""
        return code(OK)

    def information(self, _: bytes) -> Done:
        return Done(bytes([OK]), self._parameters().ljust(512, b"\x00"))

    # -- settings ----------------------------------------------------------------------------------------------------

    def set_parameter(self, data: bytes) -> Done:
        name, value = data
        if name == 4 and 1 <= value <= 12:
            return Done(bytes([OK]), baud=9600 * value)
        if name == 5 and 1 <= value <= 5:
            self.flash.level = value
        elif name == 6 and value <= 3:
            self.flash.packet = value
        else:
            return code(BAD_REGISTER)
        return code(OK)

    def parameters(self, _: bytes) -> Done:
        return code(OK, self._parameters())

    def set_password(self, data: bytes) -> Done:
        self.flash.password = _number(data)
        return code(OK)

    def verify_password(self, data: bytes) -> Done:
        self._verified = _number(data) == self.flash.password
        return code(OK if self._verified else WRONG_PASSWORD)

    def set_address(self, data: bytes) -> Done:
        self.flash.address = _number(data)
        return code(OK)

    def random_number(self, _: bytes) -> Done:
        return code(OK, self._rng.randbytes(4))

    def write_note(self, data: bytes) -> Done:
        if data[0] >= NOTE_PAGES:
            return code(BAD_PAGE)
        self.flash.notes[data[0]] = data[1:]
        return code(OK)

    def read_note(self, data: bytes) -> Done:
        return code(BAD_PAGE) if data[0] >= NOTE_PAGES else code(OK, self.flash.notes[data[0]])

    def light(self, data: bytes) -> Done:
        self.ring = None if data[0] in (4, 6) else tuple(data)
        return code(OK)

    def nothing(self, _: bytes) -> Done:
        return code(OK)

    def echo(self, _: bytes) -> Done:
        return code(ECHO)

    def restart(self, _: bytes) -> Done:
        return Done(bytes([OK]), restart=True)

    def _score(self) -> bytes:
        return self._rng.randint(*(LOW_SCORES if self._faults.act("low-score") else SCORES)).to_bytes(2, "big")

    def _parameters(self) -> bytes:
        status = self._status | (STATUS_PASSWORD if self._verified else 0)
        flash = self.flash
        words = (status, SYSTEM_ID, flash.capacity, flash.level)
        return (
            b"".join(word.to_bytes(2, "big") for word in words)
            + flash.address.to_bytes(4, "big")
            + flash.packet.to_bytes(2, "big")
            + (flash.baud // 9600).to_bytes(2, "big")
        )


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


COMMANDS: Final[dict[int, tuple[Callable[[Commands, bytes], Done], int]]] = {
    0x01: (Commands.take_image, 0),
    0x02: (Commands.read_features, 1),
    0x03: (Commands.compare, 0),
    0x04: (Commands.search, 5),
    0x05: (Commands.combine, 0),
    0x06: (Commands.store, 3),
    0x07: (Commands.load, 3),
    0x08: (Commands.send_features, 1),
    0x09: (Commands.take_features, 1),
    0x0A: (Commands.send_image, 0),
    0x0B: (Commands.load_image, 0),
    0x0C: (Commands.delete, 4),
    0x0D: (Commands.empty, 0),
    0x0E: (Commands.set_parameter, 2),
    0x0F: (Commands.parameters, 0),
    0x12: (Commands.set_password, 4),
    0x13: (Commands.verify_password, 4),
    0x14: (Commands.random_number, 0),
    0x15: (Commands.set_address, 4),
    0x16: (Commands.information, 0),
    0x18: (Commands.write_note, 1 + NOTE_BYTES),
    0x19: (Commands.read_note, 1),
    0x1B: (Commands.search, 5),
    0x1D: (Commands.count, 0),
    0x1F: (Commands.index, 1),
    0x35: (Commands.light, 4),
    0x36: (Commands.nothing, 0),
    0x3D: (Commands.restart, 0),
    0x40: (Commands.nothing, 0),
    0x50: (Commands.nothing, 0),
    0x51: (Commands.nothing, 0),
    0x52: (Commands.take_image, 0),
    0x53: (Commands.echo, 0),
}
"""Each with the length of its parameters."""
