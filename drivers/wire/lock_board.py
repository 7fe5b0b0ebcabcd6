"""What RS-485 lock boards are asked, in five ways of speaking, and which bytes are an answer. No I/O here.

    8a       open 8A bb ll 11 x     -> 8A bb ll s x, after the pulse        x: XOR of all before it
             look 80 bb ll 33 x     -> 80 bb ll s x                         s: 11 switch closed, 00 open
             all  80 bb 00 33 x     -> 80 bb [switches, highest lock first] 33 x
    cu16     open 02 bl 31 03 c     -> nothing                              bl: board, lock - 1; c: 8-bit sum
             all  02 b0 30 03 c     -> 02 b0 35 [2 switches] [2 items] 03 c
    cu48     open 02 bb ll 61 03 c  -> 02 bb ll 75 00 c                     ll: lock - 1
             all  02 bb 00 60 03 c  -> 02 bb 00 75 06 [6 switches] c
    wkly     open 57 4B 4C 59 09 bb 82 ll x  -> 57 4B 4C 59 0B bb 82 00 ll s x     00 done, FF failed
             all  57 4B 4C 59 08 bb 84 x     -> 57 4B 4C 59 len bb 84 00 n [one byte a lock, 01 closed] x
    winnsen  open 90 06 05 bb ll 03 -> 90 07 85 bb ll r 03                  r: 01 done, 00 failed; no check at all
             look 90 06 12 bb ll 03 -> 90 07 92 bb ll s 03                  s: 01 open, 00 closed

A bit is 1 while the switch is closed. Boards of the first and the fourth kind also send a change by themselves
(81 bb ll s x; command 85). Not here on purpose: open all (8A with lock 00; 33 of cu16; 86) and keep on (88).
Sources: captures published with drivers of such boards; the tests say which frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from operator import xor
from typing import Generic, Protocol, TypeVar

from drivers.specs.lock_profile import LockProfile

T = TypeVar("T")
Heads = tuple[tuple[bytes, int], ...]
CLOSED, OPENED = 0x11, 0x00
WKLY = b"WKLY"
_LEVELS = [tuple(bool(octet >> bit & 1) for bit in range(8)) for octet in range(256)]
HEARD_MAX = 16
"""Bytes kept to find a change in; the longest has 12."""


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """As hal.questions.Question: the frame, how an answer begins and how long it is, and what is in one."""

    frame: bytes
    heads: Heads
    check: Callable[[bytes], T | None]
    alike: bool = False
    """An answer may equal it."""


@dataclass(frozen=True, slots=True)
class OwnVoice:
    """The answer is what was asked: the adapter returns what it is sent."""


Switches = Mapping[int, bool]
"""By input, from 1: whether its switch is closed, as the board tells."""


class Style(Protocol):
    counts: bool
    """A sweep tells how many locks the board has, or more."""

    def release(self, unit: int, lock: int) -> Request[bool]:
        """One pulse: True when the board says it is done, False when it failed, or says nothing."""
        ...

    def sweep(self, unit: int, wanted: Sequence[int], told: int | None) -> list[Request[Switches]]:
        """All switches, at least those of the locks `wanted`; `told`: how many the board told before."""
        ...

    def look(self, unit: int, lock: int) -> Request[Switches | OwnVoice]:
        """The switch of one lock, by a request that no answer equals."""
        ...

    def changed(self, unit: int, heard: bytes) -> bool:
        """Whether this ends with a change that the board tells unasked."""
        ...


class Of8a:
    counts = True

    def release(self, unit: int, lock: int) -> Request[bool]:
        def done(reply: bytes) -> bool | None:
            return True if _by_xor(reply) and reply[3] in (CLOSED, OPENED) else None

        return Request(with_xor(0x8A, unit, lock, 0x11), ((bytes((0x8A, unit, lock)), 5),), done)

    def sweep(self, unit: int, wanted: Sequence[int], told: int | None) -> list[Request[Switches]]:
        head = bytes((0x80, unit))
        octets = [told // 8] if told else range((max(wanted) + 7) // 8, 8)

        def switches(reply: bytes) -> Switches | None:
            return bits(reply[-3:1:-1]) if _by_xor(reply) and reply[-2] == 0x33 else None

        heads = tuple((head, 4 + count) for count in octets)
        return [Request(with_xor(0x80, unit, 0, 0x33), heads, switches, alike=1 in octets)]

    def look(self, unit: int, lock: int) -> Request[Switches | OwnVoice]:
        frame = with_xor(0x80, unit, lock, 0x33)

        def switch(reply: bytes) -> Switches | OwnVoice | None:
            if reply == frame:
                return OwnVoice()
            return {lock: reply[3] == CLOSED} if _by_xor(reply) and reply[3] in (CLOSED, OPENED) else None

        return Request(frame, ((bytes((0x80, unit, lock)), 5),), switch)

    def changed(self, unit: int, heard: bytes) -> bool:
        return heard[-5:-3] == bytes((0x81, unit)) and _by_xor(heard[-5:])


class OfCu16:
    counts = False

    def release(self, unit: int, lock: int) -> Request[bool]:
        return Request(with_sum(0x02, unit << 4 | lock - 1, 0x31, 0x03), (), lambda _: False)

    def sweep(self, unit: int, wanted: Sequence[int], told: int | None) -> list[Request[Switches]]:
        def switches(reply: bytes) -> Switches | None:
            return bits(reply[3:7]) if _by_sum(reply) and reply[7] == 0x03 else None

        frame = with_sum(0x02, unit << 4, 0x30, 0x03)
        return [Request(frame, ((bytes((0x02, unit << 4, 0x35)), 9),), switches)]

    def look(self, unit: int, lock: int) -> Request[Switches | OwnVoice]:
        [request] = self.sweep(unit, (lock,), None)
        return Request(request.frame, request.heads, request.check)

    def changed(self, unit: int, heard: bytes) -> bool:
        return False


class OfCu48:
    counts = False

    def release(self, unit: int, lock: int) -> Request[bool]:
        def done(reply: bytes) -> bool | None:
            return True if _by_sum(reply) else None

        frame = with_sum(0x02, unit, lock - 1, 0x61, 0x03)
        return Request(frame, ((bytes((0x02, unit, lock - 1, 0x75, 0x00)), 6),), done)

    def sweep(self, unit: int, wanted: Sequence[int], told: int | None) -> list[Request[Switches]]:
        def switches(reply: bytes) -> Switches | None:
            return bits(reply[5:11]) if _by_sum(reply) else None

        frame = with_sum(0x02, unit, 0, 0x60, 0x03)
        return [Request(frame, ((bytes((0x02, unit, 0, 0x75, 0x06)), 12),), switches)]

    def look(self, unit: int, lock: int) -> Request[Switches | OwnVoice]:
        [request] = self.sweep(unit, (lock,), None)
        return Request(request.frame, request.heads, request.check)

    def changed(self, unit: int, heard: bytes) -> bool:
        return False


class OfWkly:
    counts = True

    def release(self, unit: int, lock: int) -> Request[bool]:
        def done(reply: bytes) -> bool | None:
            return reply[7] == 0 if _by_xor(reply) and reply[8] == lock and reply[7] in (0, 0xFF) else None

        return Request(with_xor(*WKLY, 0x09, unit, 0x82, lock), ((WKLY + bytes((0x0B, unit, 0x82)), 11),), done)

    def sweep(self, unit: int, wanted: Sequence[int], told: int | None) -> list[Request[Switches]]:
        counts = [told] if told else range(max(wanted), 65)

        def switches(reply: bytes) -> Switches | None:
            levels = reply[9:-1]
            if not _by_xor(reply) or reply[7] != 0 or reply[8] != len(levels) or set(levels) - {0, 1}:
                return None
            return {lock: level == 1 for lock, level in enumerate(levels, start=1)}

        heads = tuple((WKLY + bytes((10 + count, unit, 0x84)), 10 + count) for count in counts)
        return [Request(with_xor(*WKLY, 0x08, unit, 0x84), heads, switches)]

    def look(self, unit: int, lock: int) -> Request[Switches | OwnVoice]:
        def switch(reply: bytes) -> Switches | None:
            good = _by_xor(reply) and reply[7] == 0 and reply[8] == lock and reply[9] in (0, 1)
            return {lock: reply[9] == 1} if good else None

        return Request(with_xor(*WKLY, 0x09, unit, 0x83, lock), ((WKLY + bytes((0x0B, unit, 0x83)), 11),), switch)

    def changed(self, unit: int, heard: bytes) -> bool:
        at = heard.rfind(WKLY)
        frame = heard[at:] if at >= 0 else b""
        return len(frame) > 8 and frame[4] == len(frame) and frame[5:7] == bytes((unit, 0x85)) and _by_xor(frame)


class OfWinnsen:
    counts = False

    def release(self, unit: int, lock: int) -> Request[bool]:
        def done(reply: bytes) -> bool | None:
            return reply[5] == 1 if reply[5] in (0, 1) and reply[6] == 0x03 else None

        frame = bytes((0x90, 0x06, 0x05, unit, lock, 0x03))
        return Request(frame, ((bytes((0x90, 0x07, 0x85, unit, lock)), 7),), done)

    def sweep(self, unit: int, wanted: Sequence[int], told: int | None) -> list[Request[Switches]]:
        return [self._look(unit, lock) for lock in wanted]

    def look(self, unit: int, lock: int) -> Request[Switches | OwnVoice]:
        request = self._look(unit, lock)
        return Request(request.frame, request.heads, request.check)

    def changed(self, unit: int, heard: bytes) -> bool:
        return False

    def _look(self, unit: int, lock: int) -> Request[Switches]:
        def switch(reply: bytes) -> Switches | None:
            return {lock: reply[5] == 0} if reply[5] in (0, 1) and reply[6] == 0x03 else None

        frame = bytes((0x90, 0x06, 0x12, unit, lock, 0x03))
        return Request(frame, ((bytes((0x90, 0x07, 0x92, unit, lock)), 7),), switch)


STYLES: dict[str, Style] = {
    "8a": Of8a(),
    "cu16": OfCu16(),
    "cu48": OfCu48(),
    "wkly": OfWkly(),
    "winnsen": OfWinnsen(),
}


class Changes:
    """Finds in any chopping of what a line says the changes that one board tells unasked. Holds 16 bytes.

    A hint to look, no more: eight bits of check let such bytes come about by chance."""

    def __init__(self, style: Style, unit: int) -> None:
        self._style = style
        self._unit = unit
        self._heard = b""

    def feed(self, chunk: bytes) -> int:
        """How many."""
        found = 0
        for at in range(len(chunk)):
            self._heard = (self._heard + chunk[at : at + 1])[-HEARD_MAX:]
            found += self._style.changed(self._unit, self._heard)
        return found


def style_of(profile: LockProfile) -> Style:
    return STYLES[profile.style]


def with_xor(*data: int) -> bytes:
    return bytes((*data, reduce(xor, data)))


def with_sum(*data: int) -> bytes:
    return bytes((*data, sum(data) & 0xFF))


def bits(octets: bytes) -> Switches:
    """Lowest bit of the first byte is 1."""
    return dict(enumerate(chain.from_iterable(map(_LEVELS.__getitem__, octets)), start=1))


def _by_xor(frame: bytes) -> bool:
    return reduce(xor, frame, 0) == 0


def _by_sum(frame: bytes) -> bool:
    return sum(frame[:-1]) & 0xFF == frame[-1]
