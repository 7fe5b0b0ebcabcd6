"""DESFire EV1 to EV3 and NTAG 424: how a card proves that it holds a key. No I/O, no random numbers of its own.

    90 INS 00 00 [Lc data] 00   ->   data 91 SW          SW 00 done, AF more follows, AE wrong key, A0 no application

    AuthenticateAES (AA, EV1) and AuthenticateEV2First (71) alike:
    us INS, key number                        card  E(RndB)
    us AF, E(RndA | RndB rotated)             card  E(RndA rotated), of EV2 E(TI | RndA rotated | 12 bytes)

EV1 has one IV that runs on through all three, EV2 begins each with zeros. Only who holds the key can rotate our RndA.
Sources: AN12196 table 14 (a vector of the tests), data sheets MF3ICDx21_41_81 and NT4H2421Gx.

A conversation is a generator: it yields what is sent, is given what came back, and returns what it found. Whatever a
card answers, it returns; a Refusal says why the card is not believed.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, TypeVar

from drivers.wire.card_aes import BLOCK, ZERO, card_key, cmac, decrypt, encrypt, rotated, xor

T = TypeVar("T")
Talk: TypeAlias = Generator[bytes, bytes, T]
Mode = Literal["ev1-aes", "ev2", "ntag424"]
Draw: TypeAlias = Callable[[], bytes]
"""Gives 16 random bytes that nobody can foretell."""

NTAG_NAME: Final = bytes.fromhex("D2760000850101")
"""The one application of an NTAG 424."""
REPLY_MAX: Final = 64
"""Longer than anything that is asked for here."""

OK: Final = 0x00
MORE: Final = 0xAF
_NO_APPLICATION: Final = 0xA0
_WORDS: Final = {
    0x1E: "its check of the key failed",
    0x40: "it has no such key",
    0x7E: "it says the length is wrong",
    0x9D: "it does not permit that",
    0xAD: "it was asked too often with a wrong key and makes everybody wait; leave it alone for a minute",
    0xAE: "it holds another key",
    0xCA: "it has begun something else",
}


@dataclass(frozen=True, slots=True)
class Application:
    """Where the key is: `name` are the three bytes of a DESFire application as they are written, or NTAG_NAME."""

    mode: Mode
    name: bytes
    number: int

    def key(self, site_key: bytes, uid: bytes, number: int | None = None) -> bytes:
        """Of this card; of another key of the application with `number`."""
        return card_key(site_key, uid, self.name, self.number if number is None else number)


@dataclass(frozen=True, slots=True)
class Refusal:
    """unfit: it cannot be asked, as any card that has no such application. unproven: it says that it holds another
    key. forged: it answers as only somebody would who does not hold it. malformed: no answer of such a card."""

    cause: Literal["unfit", "unproven", "forged", "malformed"]
    hint: str


@dataclass(frozen=True, slots=True)
class Session:
    """The card is believed. `mac` and `ti` of EV2 alone."""

    mode: Mode
    number: int
    """The key that has proved it."""
    enc: bytes = field(repr=False)
    mac: bytes = field(repr=False, default=b"")
    ti: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    data: bytes


def prove(application: Application, key: bytes, draw: Draw) -> Talk[Session | Refusal]:
    """Selects the application and lets the card prove its key: the whole of one presentation."""
    refusal = yield from select(application)
    if refusal is not None:
        return refusal
    return (yield from authenticate(application.mode, application.number, key, draw))


def select(application: Application) -> Talk[Refusal | None]:
    """None: it is selected."""
    if application.mode == "ntag424":
        raw = yield bytes([0x00, 0xA4, 0x04, 0x0C, len(NTAG_NAME), *NTAG_NAME, 0x00])
        return None if raw == b"\x90\x00" else Refusal("unfit", "it is no NTAG 424")
    reply = parse((yield wrap(0x5A, application.name[::-1])))
    if isinstance(reply, Refusal) or reply.status != OK or reply.data:
        found = "it is no DESFire card" if isinstance(reply, Refusal) else said(reply)
        return Refusal("unfit", found)
    return None


def authenticate(mode: Mode, number: int, key: bytes, draw: Draw) -> Talk[Session | Refusal]:
    """In the application that is selected."""
    ev1 = mode == "ev1-aes"
    reply = parse((yield wrap(0xAA, bytes([number])) if ev1 else wrap(0x71, bytes([number, 0]))))
    if isinstance(reply, Refusal):
        return reply
    if reply.status != MORE:
        return _refused(reply)
    if len(reply.data) != BLOCK:
        return Refusal("malformed", f"its challenge has {len(reply.data)} bytes instead of {BLOCK}")
    rnd_a, rnd_b = draw(), decrypt(key, reply.data)
    token = encrypt(key, rnd_a + rotated(rnd_b), reply.data if ev1 else ZERO)
    reply = parse((yield wrap(MORE, token)))
    if isinstance(reply, Refusal):
        return reply
    if reply.status != OK:
        return _refused(reply)
    wanted = BLOCK if ev1 else 2 * BLOCK
    if len(reply.data) != wanted:
        return Refusal("malformed", f"its answer has {len(reply.data)} bytes instead of {wanted}")
    plain = decrypt(key, reply.data, token[-BLOCK:] if ev1 else ZERO)
    ti, answer = (b"", plain) if ev1 else (plain[:4], plain[4 : 4 + BLOCK])
    if not hmac.compare_digest(answer, rotated(rnd_a)):
        return Refusal("forged", "its answer is not that of a card which holds the key")
    if ev1:
        return Session(mode, number, rnd_a[:4] + rnd_b[:4] + rnd_a[12:] + rnd_b[12:])
    mixed = rnd_a[:2] + xor(rnd_a[2:8], rnd_b[:6]) + rnd_b[6:] + rnd_a[8:]
    enc = cmac(key, bytes.fromhex("A55A00010080") + mixed)
    return Session(mode, number, enc, cmac(key, bytes.fromhex("5AA500010080") + mixed), ti)


def wrap(command: int, data: bytes = b"") -> bytes:
    """A native command in an APDU (ISO/IEC 7816-4)."""
    return bytes([0x90, command, 0, 0, *([len(data), *data] if data else []), 0])


def parse(raw: bytes) -> Reply | Refusal:
    if not 2 <= len(raw) <= REPLY_MAX or raw[-2] != 0x91:
        return Refusal("malformed", "what it answers is no answer of such a card")
    return Reply(raw[-1], bytes(raw[:-2]))


def said(reply: Reply) -> str:
    """What a status means, for the technician."""
    if reply.status == _NO_APPLICATION:
        return "it has no such application"
    return _WORDS.get(reply.status, f"it answers with status {reply.status:02X}")


def _refused(reply: Reply) -> Refusal:
    cause: Literal["unproven", "malformed"] = "malformed" if reply.status in (OK, MORE) else "unproven"
    return Refusal(cause, said(reply))
