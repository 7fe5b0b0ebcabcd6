"""DESFire EV1 and EV2 and NTAG 424 cards, as far as a cabinet asks them: who they are, applications, and keys.

Written from the data sheets beside the driver's codec, not with it: the twin is the witness. Native commands come in
APDUs 90 INS 00 00 [Lc data] 00 and are answered data 91 SW.

A card keeps what is written to it. As made it has no application (an NTAG 424 its one), and all keys are zeros.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from simulator.nfc_cards import ISO_14443_4, SimulatedCard

Kind = Literal["desfire-ev1", "desfire-ev2", "ntag424"]
Manner = Literal["forged", "wrong-key", "garbled"]
KINDS: Final[tuple[Kind, ...]] = ("desfire-ev1", "desfire-ev2", "ntag424")
MANNERS: Final[dict[Manner, str]] = {
    "forged": "it answers the challenge without holding the key",
    "wrong-key": "it says that it holds another key",
    "garbled": "its answers are cut short",
}
UID_BYTES: Final = 7
NTAG_NAME: Final = bytes.fromhex("D2760000850101")
_VERSIONS: Final[dict[Kind, bytes]] = {
    "desfire-ev1": bytes.fromhex("04010101001A05"),
    "desfire-ev2": bytes.fromhex("04010112001A05"),
    "ntag424": bytes.fromhex("04040230001105"),
}
_DONE, _MORE, _NO_SUCH, _BAD_LENGTH = b"\x91\x00", b"\x91\xaf", b"\x91\xa0", b"\x91\x7e"
_EXISTS, _INTEGRITY, _WRONG_KEY, _DENIED, _NO_KEY, _ILLEGAL = (
    b"\x91\xde",
    b"\x91\x1e",
    b"\x91\xae",
    b"\x91\x9d",
    b"\x91\x40",
    b"\x91\x1c",
)


@dataclass(frozen=True, slots=True)
class Issuer:
    """What the cards of a site are given; `number` is the key that they are asked for."""

    site_key: bytes
    application: bytes
    number: int


class SecureCard(SimulatedCard):
    """One card; `manner` makes it behave as a named kind of forger or accident does."""

    def __init__(self, uid: bytes, kind: Kind) -> None:
        super().__init__(uid, b"\x03\x44", ISO_14443_4, bytes.fromhex("75 77 81 02 80"))
        self.kind = kind
        self.manner: Manner | None = None
        self._rng = random.Random(uid)
        self._applications: dict[bytes, list[bytes]] = {NTAG_NAME: [bytes(16)] * 5} if kind == "ntag424" else {}
        self.activated()

    def activated(self) -> bytes:
        """Nothing is selected, nobody has proved anything."""
        self._selected: bytes | None = None
        self._frames: list[bytes] = []
        self._begin()
        return self.uid

    def issue(self, by: Issuer) -> None:
        """Its keys, as another cabinet of the site, or an office, has given them to it."""
        keys = self._applications.setdefault(by.application, [bytes(16)] * (by.number + 1))
        for one in range(by.number + 1):
            keys[one] = issued_key(by.site_key, self.uid, by.application, one)

    def apdu(self, command: bytes) -> bytes:
        answer = self._answer(command)
        return answer[: len(answer) // 2] if self.manner == "garbled" else answer

    def _answer(self, apdu: bytes) -> bytes:
        if apdu[:4] == b"\x00\xa4\x04\x0c":
            return self._select_by_name(apdu)
        if len(apdu) < 5 or apdu[0] != 0x90 or apdu[2:4] != b"\0\0":
            return b"\x6e\x00"
        data = apdu[5:-1] if len(apdu) > 5 else b""
        if len(apdu) > 5 and (apdu[4] != len(data) or apdu[-1] != 0):
            return b"\x67\x00"
        return self._native(apdu[1], data)

    def _select_by_name(self, apdu: bytes) -> bytes:
        self._begin()
        if self.kind != "ntag424" or apdu[4:] != bytes([7]) + NTAG_NAME + b"\0":
            return b"\x6a\x82"
        self._selected = NTAG_NAME
        return b"\x90\x00"

    def _native(self, command: int, data: bytes) -> bytes:
        if self.kind == "ntag424" and self._selected is None:
            return _ILLEGAL
        match command:
            case 0x60 if not data:
                self._frames = [_VERSIONS[self.kind], self.uid + bytes(7)]
                return _VERSIONS[self.kind] + _MORE
            case 0xAF if self._pending is not None:
                return self._prove(data)
            case 0xAF if self._frames and not data:
                frame = self._frames.pop()
                return frame + (_MORE if self._frames else _DONE)
            case 0x5A:
                return self._select(data)
            case 0xCA if self.kind != "ntag424":
                return self._create(data)
            case 0xAA if self.kind != "ntag424":
                return self._challenge(data, ev2=False) if len(data) == 1 else _BAD_LENGTH
            case 0x71 if self.kind != "desfire-ev1":
                return self._challenge(data[:1], ev2=True) if data[1:] == b"\0" else _BAD_LENGTH
            case 0xC4:
                return self._change_key(data)
        return _ILLEGAL

    def _select(self, data: bytes) -> bytes:
        self._begin()
        name = data[::-1]
        if len(data) != 3:
            return _BAD_LENGTH
        if self.kind == "ntag424" or (name != bytes(3) and name not in self._applications):
            return _NO_SUCH
        self._selected = name
        return _DONE

    def _create(self, data: bytes) -> bytes:
        if len(data) != 5:
            return _BAD_LENGTH
        name, keys = data[2::-1], data[4]
        if self._selected != bytes(3) or keys & 0xF0 != 0x80:
            return _DENIED
        if name in self._applications:
            return _EXISTS
        self._applications[name] = [bytes(16)] * (keys & 0x0F)
        return _DONE

    def _begin(self) -> None:
        """Whoever had proved a key has to do it again."""
        self._pending: tuple[int, bool, bytes, bytes] | None = None
        self._session: tuple[int, bytes, bytes, bytes] | None = None
        """Number of the key, keys for enciphering and for MACs (EV1: none), transaction."""
        self._counter = 0

    def _challenge(self, data: bytes, *, ev2: bool) -> bytes:
        self._begin()
        keys = self._applications.get(self._selected or b"", [])
        if data[0] >= len(keys):
            return _NO_KEY
        if self.manner == "wrong-key":
            return _WRONG_KEY
        rnd_b = self._rng.randbytes(16)
        challenge = _cbc(keys[data[0]], bytes(16), rnd_b)
        self._pending = data[0], ev2, rnd_b, challenge
        return challenge + _MORE

    def _prove(self, data: bytes) -> bytes:
        assert self._pending is not None
        number, ev2, rnd_b, challenge = self._pending
        self._begin()
        key = self._applications[self._selected or b""][number]
        if len(data) != 32:
            return _BAD_LENGTH
        plain = _cbc_open(key, bytes(16) if ev2 else challenge, data)
        a, b = plain[:16], plain[16:]
        if self.manner == "forged":  # it has no key to see our challenge with, and answers what it likes
            return self._rng.randbytes(32 if ev2 else 16) + _DONE
        if b != rnd_b[1:] + rnd_b[:1]:
            return _WRONG_KEY
        turned = a[1:] + a[:1]
        if not ev2:
            self._session = number, a[0:4] + rnd_b[0:4] + a[12:16] + rnd_b[12:16], b"", b""
            return _cbc(key, data[16:], turned) + _DONE
        ti = self._rng.randbytes(4)
        middle = bytes(x ^ y for x, y in zip(a[2:8], rnd_b[0:6], strict=True))
        vector = b"\x00\x01\x00\x80" + a[0:2] + middle + rnd_b[6:16] + a[8:16]
        self._session = number, _cmac(key, b"\xa5\x5a" + vector), _cmac(key, b"\x5a\xa5" + vector), ti
        return _cbc(key, bytes(16), ti + turned + bytes(12)) + _DONE

    def _change_key(self, data: bytes) -> bytes:
        if self._session is None:
            return _WRONG_KEY
        mine, enc, mac, ti = self._session
        keys = self._applications[self._selected or b""]
        if not data or len(data) != (41 if mac else 33):
            return _BAD_LENGTH
        number, sealed = data[0], data[1:33]
        if mine != 0 and mine != number:
            return _DENIED
        if number >= len(keys):
            return _NO_KEY
        counter = self._counter.to_bytes(2, "little")
        if mac and _every_other(_cmac(mac, b"\xc4" + counter + ti + data[:33])) != data[33:]:
            return self._lost(_INTEGRITY)
        iv = _ecb(enc, b"\xa5\x5a" + ti + counter + bytes(8)) if mac else bytes(16)
        plain = _cbc_open(enc, iv, sealed)
        new = plain[:16] if number == mine else bytes(x ^ y for x, y in zip(plain[:16], keys[number], strict=True))
        if plain[17:] != self._tail(number, plain[:17], new, own=number == mine, ev1=not mac):
            return self._lost(_INTEGRITY)
        keys[number] = new
        if number == mine:
            return self._lost(_DONE)
        self._counter += 1
        if mac:
            check = _every_other(_cmac(mac, b"\0" + self._counter.to_bytes(2, "little") + ti))
        else:
            check = _cmac_after(enc, sealed[-16:], b"\0")[:8]
        return check + _DONE

    def _tail(self, number: int, head: bytes, new: bytes, *, own: bool, ev1: bool) -> bytes:
        """What has to follow key and version."""
        tail = _crc(bytes([0xC4, number]) + head) if ev1 else b""
        tail += b"" if own else _crc(new)
        return (tail if ev1 else tail + b"\x80").ljust(15, b"\0")

    def _lost(self, status: bytes) -> bytes:
        """The session is over."""
        self._begin()
        return status


def secure_card(uid: bytes, kind: Kind) -> SecureCard:
    """As made. Raises ValueError."""
    if len(uid) != UID_BYTES:
        raise ValueError(f"the UID of such a card has {UID_BYTES} bytes, this one {len(uid)}")
    return SecureCard(uid, kind)


def issued_key(site_key: bytes, uid: bytes, application: bytes, number: int) -> bytes:
    """As NXP's AN10922 diversifies: by UID, application, number of the key, and the name of the system."""
    return _cmac(site_key, b"\x01" + uid + application + bytes([number]) + b"key-cabinet")


def _crc(data: bytes) -> bytes:
    return (~zlib.crc32(data) & 0xFFFFFFFF).to_bytes(4, "little")


def _cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor().update(data)


def _cbc_open(key: bytes, iv: bytes, data: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor().update(data)


def _ecb(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)  # noqa: S305 -- one block, an IV


def _cmac(key: bytes, message: bytes) -> bytes:
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()


def _cmac_after(key: bytes, before: bytes, status: bytes) -> bytes:
    """Of one byte, in a chain that goes on: what is enciphered without a chain, plus what came before."""
    plain = Cipher(algorithms.AES(key), modes.ECB()).decryptor().update(_cmac(key, status))  # noqa: S305
    return _ecb(key, bytes(x ^ y for x, y in zip(plain, before, strict=True)))


def _every_other(mac: bytes) -> bytes:
    return bytes(mac[at] for at in range(1, 16, 2))
