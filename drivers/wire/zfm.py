"""ZFM fingerprint modules (ZFM-20/60/70, R30x, R503, AS608): frames, questions and answers. No I/O here.

    EF 01 | address: 4 bytes | kind | length: 2 bytes | payload | sum: 2 bytes

Big-endian. `kind` is 01 for a command, 07 for its answer, 02 and 08 for data. The length counts payload and sum, the
sum kind, length and payload. An answer begins with a code, 00 for done. A module that has started says a lone 55.
UART 8N1 at 9600 * N, N = 1 to 12.

No question here asks for a template or an image: those never leave the module.
Source: ZFM-70 user manual, chapters 4 to 6; R503 user manual 1.2.2; frames of both in tests/wire/test_zfm.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

HEADER: Final = b"\xef\x01"
COMMAND, ACK = 0x01, 0x07
KINDS: Final = frozenset((0x01, 0x02, 0x07, 0x08))
STARTED: Final = 0x55
LENGTH_MIN, LENGTH_MAX = 3, 36
"""Of what is asked and answered here: the longest writes a page of the notepad. Data packets may be longer."""
FRONT: Final = 9
FRAME_MAX: Final = FRONT + LENGTH_MAX

FACTORY_ADDRESS: Final = 0xFFFFFFFF
FACTORY_PASSWORD: Final = 0
BAUD_STEP: Final = 9600
BAUD_STEPS: Final = 12
NOTE_BYTES: Final = 32
INDEX_BYTES: Final = 32
PAGE_TEMPLATES: Final = 8 * INDEX_BYTES

DONE, NOT_RECEIVED, NO_FINGER, NOT_TAKEN = 0x00, 0x01, 0x02, 0x03
MESSY, FEW_FEATURES, NOT_FOUND, NOT_COMBINED = 0x06, 0x07, 0x09, 0x0A
WRONG_PASSWORD, NO_IMAGE, NOT_VERIFIED = 0x13, 0x15, 0x21
MEANINGS: Final = {
    NOT_RECEIVED: "the command arrived damaged, or is unknown to this make",
    NO_FINGER: "no finger",
    NOT_TAKEN: "no image could be taken",
    MESSY: "the image is too messy",
    FEW_FEATURES: "the image shows too little of the finger",
    0x08: "the two do not match",
    NOT_FOUND: "no such finger",
    NOT_COMBINED: "the two captures are not of one finger",
    0x0B: "that number is beyond its memory",
    0x0C: "the template cannot be read",
    0x10: "the template cannot be deleted",
    0x11: "the memory cannot be cleared",
    WRONG_PASSWORD: "wrong password",
    NO_IMAGE: "no image to read",
    0x18: "its memory cannot be written",
    0x1A: "no such setting",
    0x20: "wrong address",
    NOT_VERIFIED: "the password has to come first",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One command. `payload` is not shown: it may be a password."""

    name: str
    payload: bytes = field(repr=False)
    more: int = 0
    """So many bytes follow the code of a good answer."""
    within_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    rest: bytes

    def fits(self, question: Question) -> bool:
        """Whether it has the length of an answer to this; errors may come without the rest."""
        return len(self.rest) == question.more or (self.code != DONE and not self.rest)


@dataclass(frozen=True, slots=True)
class Started:
    """The module has started, for the first time or again: what it was shown is forgotten, the password too."""


Heard = Answer | Started


class Decoder:
    """Turns any chopping of the stream into whole answers from one address; holds at most one frame.

    A frame that comes to nothing is looked through again from its second byte on."""

    def __init__(self, address: int) -> None:
        self.address = address
        self.dropped = 0
        """Bytes that were part of no frame."""
        self.foreign: int | None = None
        """Another address that something has answered with, the last one."""
        self._held = bytearray()
        self._clear = True
        """What came last was whole: a 55 now says that the module has started, otherwise it is noise."""

    @property
    def held(self) -> int:
        """Bytes of a frame that has begun."""
        return len(self._held)

    def reset(self) -> None:
        """Forgets a frame that has begun."""
        self._held.clear()
        self._clear = True

    def feed(self, chunk: bytes) -> list[Heard]:
        """What ends in `chunk`, oldest first."""
        held, heard, at = self._held, list[Heard](), 0
        held += chunk
        while at < len(held):
            if not self._may_begin(at):
                if held[at] == STARTED and self._clear:
                    heard.append(Started())
                    at += 1
                else:
                    at = self._drop(at)
                continue
            if len(held) - at < FRONT:
                break
            length = held[at + 7] << 8 | held[at + 8]
            if held[at + 6] not in KINDS or not LENGTH_MIN <= length <= LENGTH_MAX:
                at = self._drop(at)
                continue
            end = at + FRONT + length
            if len(held) < end:
                break
            if sum(held[at + 6 : end - 2]) != held[end - 2] << 8 | held[end - 1]:
                at = self._drop(at)
                continue
            if (answer := self._whole(at, end)) is not None:
                heard.append(answer)
            self._clear = True
            at = end
        del held[:at]
        return heard

    def _may_begin(self, at: int) -> bool:
        first = self._held[at : at + 2]
        return first == HEADER[: len(first)]

    def _whole(self, at: int, end: int) -> Answer | None:
        """None: somebody else's, or what an adapter that hears itself has heard."""
        if self._held[at + 6] != ACK:
            return None
        address = int.from_bytes(self._held[at + 2 : at + 6])
        if address != self.address:
            self.foreign = address
            return None
        return Answer(self._held[at + FRONT], bytes(self._held[at + FRONT + 1 : end - 2]))

    def _drop(self, at: int) -> int:
        """Where the next frame may begin."""
        next_at = self._held.find(HEADER[0], at + 1)
        if next_at < 0:
            next_at = len(self._held)
        self.dropped += next_at - at
        self._clear = False
        return next_at


def encode(address: int, payload: bytes) -> bytes:
    """Frames a command."""
    body = bytes([COMMAND]) + (len(payload) + 2).to_bytes(2) + payload
    return HEADER + address.to_bytes(4) + body + sum(body).to_bytes(2)


# -- questions ---------------------------------------------------------------------------------------------------------


def take_image() -> Question:
    """An optical sensor takes up to a second. With the pause before it, a silent module is noticed within 2 s."""
    return Question("take an image", b"\x01", within_s=1.5)


def read_features(buffer: int) -> Question:
    return Question("read the features", bytes([0x02, buffer]))


def search(buffer: int, first: int, count: int, *, fast: bool = False) -> Question:
    """Among `count` templates from `first`. An optical module takes a second for a thousand."""
    command = 0x1B if fast else 0x04
    return Question("search", bytes([command, buffer]) + first.to_bytes(2) + count.to_bytes(2), 4, within_s=1.8)


def combine() -> Question:
    """Both buffers to one template."""
    return Question("combine", b"\x05")


def store(buffer: int, template: int) -> Question:
    return Question("store", bytes([0x06, buffer]) + template.to_bytes(2))


def delete(template: int) -> Question:
    return Question("delete", b"\x0c" + template.to_bytes(2) + b"\x00\x01")


def set_baud(baud: int) -> Question:
    """Answered at the old rate."""
    return Question("set the rate", bytes([0x0E, 4, baud // BAUD_STEP]))


def set_level(level: int) -> Question:
    return Question("set the level", bytes([0x0E, 5, level]))


def read_parameters() -> Question:
    return Question("read the parameters", b"\x0f", 16)


def set_password(password: int) -> Question:
    return Question("set the password", b"\x12" + password.to_bytes(4))


def verify_password(password: int) -> Question:
    return Question("verify the password", b"\x13" + password.to_bytes(4))


def set_address(address: int) -> Question:
    """Answered from the new one (ZFM-70 user manual, 6.2.3)."""
    return Question("set the address", b"\x15" + address.to_bytes(4))


def write_note(page: int, content: bytes) -> Question:
    assert len(content) == NOTE_BYTES
    return Question("write the notepad", bytes([0x18, page]) + content)


def read_note(page: int) -> Question:
    return Question("read the notepad", bytes([0x19, page]), NOTE_BYTES)


def count_templates() -> Question:
    return Question("count the templates", b"\x1d", 2)


def read_index(page: int) -> Question:
    """256 templates a page."""
    return Question("read the index", bytes([0x1F, page]), INDEX_BYTES)


def light(control: int, speed: int, colour: int, times: int) -> Question:
    """R503. control: 1 breathe, 2 flash, 3 on, 4 off; colour: 1 red, 2 blue, 3 purple; times: 0 for ever."""
    return Question("light the ring", bytes([0x35, control, speed, colour, times]), within_s=0.3)


# -- answers -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parameters:
    capacity: int
    level: int


def parameters_in(answer: Answer) -> Parameters:
    """Of a good one to read_parameters()."""
    return Parameters(int.from_bytes(answer.rest[4:6]), int.from_bytes(answer.rest[6:8]))


def hit_in(answer: Answer) -> tuple[int, int]:
    """Template and score, of a good one to search()."""
    return int.from_bytes(answer.rest[:2]), int.from_bytes(answer.rest[2:])


def count_in(answer: Answer) -> int:
    return int.from_bytes(answer.rest)


def templates_in(pages: Iterable[Answer]) -> frozenset[int]:
    """Of good ones to read_index(), page 0 first: bit n of byte k is template 8 k + n."""
    table = b"".join(page.rest for page in pages)
    return frozenset(8 * k + n for k, byte in enumerate(table) if byte for n in range(8) if byte >> n & 1)
