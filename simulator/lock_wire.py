"""Five ways of speaking of RS-485 lock boards, as the boards hear and say them. A codec of its own: the daemon's side
uses another one.

Sources: frames published with drivers for such boards (tests/simulator/test_lock_board.py has them). What the boards
do with requests that no source shows is left out: they do not answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Act = Literal["open", "look", "all", "open-all", "keep-on", "off"]
KEPT = 128
IDLE_S = 0.2
"""What is left of a request after so much silence is no beginning any more."""


@dataclass(frozen=True, slots=True)
class Heard:
    act: Act
    unit: int
    lock: int = 0


class Voice(Protocol):
    """Frames out; `switches` are those of all locks, closed is True."""

    answers_after_pulse: bool

    def understand(self, frame: bytes) -> Heard | None: ...

    def length(self, start: bytes) -> int | None:
        """Of the request that begins so, as far as it can be told; None: no request begins so."""
        ...

    def opened(self, unit: int, lock: int, *, closed: bool, done: bool) -> bytes | None: ...

    def looked(self, unit: int, lock: int, *, closed: bool) -> bytes | None: ...

    def all(self, unit: int, switches: Sequence[bool], items: Sequence[bool], *, shorter: bool) -> bytes | None: ...

    def change(self, unit: int, lock: int, *, closed: bool) -> bytes | None:
        """None: it does not tell changes."""
        ...

    def spoil_check(self, frame: bytes) -> bytes: ...

    def of_another(self, frame: bytes) -> bytes:
        """As the board with the next number says it."""
        ...


def xored(data: bytes) -> bytes:
    check = 0
    for byte in data:
        check ^= byte
    return data + bytes([check])


def summed(data: bytes) -> bytes:
    return data + (sum(data) % 256).to_bytes(1, "big")


def packed(switches: Sequence[bool], size: int) -> bytes:
    """First lock lowest; nothing is wired to the rest."""
    number = sum(1 << at for at, closed in enumerate(switches) if closed)
    return number.to_bytes(size, "little")


def _last_flipped(frame: bytes) -> bytes:
    return frame[:-1] + bytes([frame[-1] ^ 0xFF])


class Voice8a:
    """Boards of 8 locks are known to tell 24."""

    answers_after_pulse = True

    def understand(self, frame: bytes) -> Heard | None:
        if xored(frame[:4]) != frame:
            return None
        match frame[0], frame[2], frame[3]:
            case 0x8A, 0, 0x11:
                return Heard("open-all", frame[1])
            case 0x8A, lock, 0x11:
                return Heard("open", frame[1], lock)
            case 0x80, 0, 0x33:
                return Heard("all", frame[1])
            case 0x80, lock, 0x33:
                return Heard("look", frame[1], lock)
        return None

    def length(self, start: bytes) -> int | None:
        return 5 if start[0] in (0x80, 0x8A) else None

    def opened(self, unit: int, lock: int, *, closed: bool, done: bool) -> bytes | None:
        return xored(bytes([0x8A, unit, lock, 0x11 if closed else 0])) if done else None

    def looked(self, unit: int, lock: int, *, closed: bool) -> bytes | None:
        return xored(bytes([0x80, unit, lock, 0x11 if closed else 0]))

    def all(self, unit: int, switches: Sequence[bool], items: Sequence[bool], *, shorter: bool) -> bytes | None:
        size = max(3, (len(switches) + 7) // 8) - (2 if shorter else 0)
        low_first = packed(switches, 8)[:size]
        return xored(bytes([0x80, unit]) + low_first[::-1] + b"\x33")

    def change(self, unit: int, lock: int, *, closed: bool) -> bytes | None:
        return xored(bytes([0x81, unit, lock, 0x11 if closed else 0]))

    def spoil_check(self, frame: bytes) -> bytes:
        return _last_flipped(frame)

    def of_another(self, frame: bytes) -> bytes:
        return xored(frame[:1] + bytes([frame[1] + 1]) + frame[2:-1])


class VoiceCu16:
    answers_after_pulse = False

    def understand(self, frame: bytes) -> Heard | None:
        if frame[3] != 3 or summed(frame[:4]) != frame:
            return None
        unit, lock = divmod(frame[1], 16)
        acts: dict[int, Act] = {0x30: "all", 0x31: "open", 0x33: "open-all"}
        return Heard(acts[frame[2]], unit, lock + 1) if frame[2] in acts else None

    def length(self, start: bytes) -> int | None:
        return 5 if start[0] == 2 else None

    def opened(self, unit: int, lock: int, *, closed: bool, done: bool) -> bytes | None:
        return None

    def looked(self, unit: int, lock: int, *, closed: bool) -> bytes | None:
        return None

    def all(self, unit: int, switches: Sequence[bool], items: Sequence[bool], *, shorter: bool) -> bytes | None:
        told = packed(switches, 2) + packed(items, 2)
        return summed(bytes([2, unit * 16, 0x35]) + told[: 2 if shorter else 4] + b"\x03")

    def change(self, unit: int, lock: int, *, closed: bool) -> bytes | None:
        return None

    def spoil_check(self, frame: bytes) -> bytes:
        return _last_flipped(frame)

    def of_another(self, frame: bytes) -> bytes:
        return summed(frame[:1] + bytes([(frame[1] + 16) % 256]) + frame[2:-1])


class VoiceCu48:
    answers_after_pulse = False

    def understand(self, frame: bytes) -> Heard | None:
        if frame[4] != 3 or summed(frame[:5]) != frame:
            return None
        acts: dict[int, Act] = {0x60: "all", 0x61: "open"}
        return Heard(acts[frame[3]], frame[1], frame[2] + 1) if frame[3] in acts else None

    def length(self, start: bytes) -> int | None:
        return 6 if start[0] == 2 else None

    def opened(self, unit: int, lock: int, *, closed: bool, done: bool) -> bytes | None:
        return summed(bytes([2, unit, lock - 1, 0x75, 0])) if done else None

    def looked(self, unit: int, lock: int, *, closed: bool) -> bytes | None:
        return None

    def all(self, unit: int, switches: Sequence[bool], items: Sequence[bool], *, shorter: bool) -> bytes | None:
        size = 4 if shorter else 6
        return summed(bytes([2, unit, 0, 0x75, size]) + packed(switches, 6)[:size])

    def change(self, unit: int, lock: int, *, closed: bool) -> bytes | None:
        return None

    def spoil_check(self, frame: bytes) -> bytes:
        return _last_flipped(frame)

    def of_another(self, frame: bytes) -> bytes:
        return summed(frame[:1] + bytes([frame[1] + 1]) + frame[2:-1])


class VoiceWkly:
    answers_after_pulse = False

    def understand(self, frame: bytes) -> Heard | None:
        if xored(frame[:-1]) != frame:
            return None
        acts: dict[int, Act] = {0x82: "open", 0x83: "look", 0x84: "all", 0x86: "open-all", 0x88: "keep-on", 0x89: "off"}
        wanted = 9 if frame[6] in (0x82, 0x83, 0x88, 0x89) else 8
        if frame[6] not in acts or len(frame) != wanted:
            return None
        return Heard(acts[frame[6]], frame[5], frame[7] if wanted == 9 else 0)

    def length(self, start: bytes) -> int | None:
        if not b"WKLY".startswith(start[:4]):
            return None
        if len(start) < 5:
            return 5
        return start[4] if 8 <= start[4] <= KEPT else None

    def opened(self, unit: int, lock: int, *, closed: bool, done: bool) -> bytes | None:
        return self._say(unit, 0x82, bytes([0 if done else 0xFF, lock, closed]))

    def looked(self, unit: int, lock: int, *, closed: bool) -> bytes | None:
        return self._say(unit, 0x83, bytes([0, lock, closed]))

    def all(self, unit: int, switches: Sequence[bool], items: Sequence[bool], *, shorter: bool) -> bytes | None:
        told = bytes(switches[:-1] if shorter else switches)
        return self._say(unit, 0x84, bytes([0, len(told)]) + told)

    def change(self, unit: int, lock: int, *, closed: bool) -> bytes | None:
        return self._say(unit, 0x85, bytes([0, lock, closed]))

    def spoil_check(self, frame: bytes) -> bytes:
        return _last_flipped(frame)

    def of_another(self, frame: bytes) -> bytes:
        return xored(frame[:5] + bytes([frame[5] + 1]) + frame[6:-1])

    def _say(self, unit: int, command: int, data: bytes) -> bytes:
        return xored(b"WKLY" + bytes([8 + len(data), unit, command]) + data)


class VoiceWinnsen:
    answers_after_pulse = False

    def understand(self, frame: bytes) -> Heard | None:
        if frame[1] != 6 or frame[5] != 3:
            return None
        acts: dict[int, Act] = {0x05: "open", 0x12: "look"}
        return Heard(acts[frame[2]], frame[3], frame[4]) if frame[2] in acts else None

    def length(self, start: bytes) -> int | None:
        return 6 if start[0] == 0x90 else None

    def opened(self, unit: int, lock: int, *, closed: bool, done: bool) -> bytes | None:
        return bytes([0x90, 7, 0x85, unit, lock, done, 3])

    def looked(self, unit: int, lock: int, *, closed: bool) -> bytes | None:
        return bytes([0x90, 7, 0x92, unit, lock, not closed, 3])

    def all(self, unit: int, switches: Sequence[bool], items: Sequence[bool], *, shorter: bool) -> bytes | None:
        return None

    def change(self, unit: int, lock: int, *, closed: bool) -> bytes | None:
        return None

    def spoil_check(self, frame: bytes) -> bytes:
        """There is none; its last byte is always the same."""
        return _last_flipped(frame)

    def of_another(self, frame: bytes) -> bytes:
        return frame[:3] + bytes([frame[3] + 1]) + frame[4:]


VOICES: dict[str, Callable[[], Voice]] = {
    "8a": Voice8a,
    "cu16": VoiceCu16,
    "cu48": VoiceCu48,
    "wkly": VoiceWkly,
    "winnsen": VoiceWinnsen,
}


class Requests:
    """Turns any chopping of the stream into requests; holds at most 128 bytes."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._buffer = b""
        self._last_s = 0.0

    def feed(self, chunk: bytes, now_s: float) -> list[Heard]:
        if now_s - self._last_s > IDLE_S:
            self._buffer = b""
        self._last_s = now_s
        self._buffer = (self._buffer + chunk)[-KEPT:]
        found = []
        while self._buffer:
            length = self._voice.length(self._buffer)
            if length is not None and len(self._buffer) < length:
                break
            heard = self._voice.understand(self._buffer[:length]) if length else None
            self._buffer = self._buffer[length if heard and length else 1 :]
            if heard:
                found.append(heard)
        return found
