"""DESFire and NTAG 424: how an application and its keys get onto a card. No I/O.

    CreateApplication   CA | AID, least significant byte first | settings | 80 (AES) + number of keys
    ChangeKey (C4), key number in clear, then enciphered under the session:
        EV1, own key      new | version | CRC(C4, number, what is before)               | zeros
        EV1, another      new xor old | version | CRC(C4, number, ...) | CRC(new)       | zeros
        EV2, own key      new | version                                                 | 80, zeros
        EV2, another      new xor old | version | CRC(new)                              | 80, zeros

An own key ends its session and is answered without a MAC. Sources: AN12196 tables 25 and 26; for EV1 exchanges with
real cards, in the tests.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import Final, Literal

from drivers.wire.card_aes import BLOCK, KEY_BYTES, cmac, crc32, encrypt, padded, xor
from drivers.wire.desfire import (
    MORE,
    OK,
    Application,
    Draw,
    Mode,
    Refusal,
    Session,
    Talk,
    authenticate,
    parse,
    prove,
    said,
    select,
    wrap,
)

FACTORY: Final = bytes(KEY_BYTES)
KEY_VERSION: Final = 1
_CHANGE_KEY: Final = 0xC4
_MAC_BYTES: Final = 8
_SETTINGS: Final = 0x09
"""Keys are changed with key 0, which can be changed itself; nothing is listed or made without it."""
_AES_KEYS: Final = 0x80
_NXP, _DESFIRE, _NTAG = 0x04, 0x01, 0x04
_EV2, _NTAG_424 = 0x12, 0x30


@dataclass(frozen=True, slots=True)
class Look:
    """new: nobody has written to it here. unfinished: the application is there and key 0 as made. ours: it proves its
    key. foreign: it holds keys of somebody else, and is left alone."""

    state: Literal["new", "unfinished", "ours", "foreign"]
    hint: str = ""


def look(application: Application, site_key: bytes, uid: bytes, draw: Draw) -> Talk[Look]:
    """What this card is to us. Writes nothing; a card that counts wrong keys counts one or two."""
    if application.mode == "ntag424" and (yield from select(application)) is not None:
        return Look("foreign", "it is not an NTAG 424")  # and no other command may come before
    if (unlike := (yield from _unlike(application.mode))) is not None:
        return Look("foreign", unlike)
    refusal = yield from select(application)
    if refusal is not None:
        return Look("new") if application.mode != "ntag424" else Look("foreign", refusal.hint)
    found = yield from authenticate(application.mode, 0, FACTORY, draw)
    if isinstance(found, Session):
        return Look("unfinished")
    proved = yield from prove(application, application.key(site_key, uid), draw)
    return Look("ours") if isinstance(proved, Session) else Look("foreign", proved.hint)


def personalise(application: Application, site_key: bytes, uid: bytes, draw: Draw) -> Talk[Refusal | None]:
    """Application and diversified keys onto a card, new or left unfinished; in the end it has proved its key. None:
    it has. Cut anywhere, it can be done again: key 0 comes last."""
    found = yield from look(application, site_key, uid, draw)
    if found.state == "ours":
        return None
    if found.state == "foreign":
        return Refusal("unproven", found.hint)
    if found.state == "new" and (refusal := (yield from _create(application))) is not None:
        return refusal
    for number in range(application.number, -1, -1):
        key = application.key(site_key, uid, number)
        if (refusal := (yield from _replace(application, number, key, draw))) is not None:
            return refusal
    proved = yield from prove(application, application.key(site_key, uid), draw)
    return proved if isinstance(proved, Refusal) else None


def change_key(
    session: Session, number: int, new: bytes, old: bytes, counter: int = 0, version: int = KEY_VERSION
) -> bytes:
    """The APDU. `counter`: how many commands of this session went before (EV2)."""
    own = number == session.number
    plain = (new if own else xor(new, old)) + bytes([version])
    if session.mode == "ev1-aes":
        plain += crc32(bytes([_CHANGE_KEY, number]) + plain) + (b"" if own else crc32(new))
        return wrap(_CHANGE_KEY, bytes([number]) + encrypt(session.enc, plain.ljust(2 * BLOCK, b"\0")))
    plain = padded(plain if own else plain + crc32(new))
    iv = encrypt(session.enc, (b"\xa5\x5a" + session.ti + _count(counter)).ljust(BLOCK, b"\0"))
    data = encrypt(session.enc, plain, iv)
    head = bytes([_CHANGE_KEY]) + _count(counter) + session.ti + bytes([number])
    return wrap(_CHANGE_KEY, bytes([number]) + data + _short(cmac(session.mac, head + data)))


def changed(session: Session, number: int, sent: bytes, raw: bytes, counter: int = 0) -> Refusal | None:
    """Whether the card confirms it: `raw` is its answer to `sent`."""
    reply = parse(raw)
    if isinstance(reply, Refusal):
        return reply
    if reply.status != OK:
        return Refusal("unproven", said(reply))
    if number == session.number:
        wanted = b""
    elif session.mode == "ev1-aes":
        wanted = cmac(session.enc, bytes([OK]), sent[-1 - BLOCK : -1])[:_MAC_BYTES]
    else:
        wanted = _short(cmac(session.mac, bytes([OK]) + _count(counter + 1) + session.ti))
    if not hmac.compare_digest(reply.data, wanted):
        return Refusal("forged", "it confirms the new key with a wrong check")
    return None


def _replace(application: Application, number: int, new: bytes, draw: Draw) -> Talk[Refusal | None]:
    """One key, unless it stands there already."""
    if number:
        standing = yield from prove(replace(application, number=number), new, draw)
        if isinstance(standing, Session):
            return None
    if (refusal := (yield from select(application))) is not None:
        return refusal
    session = yield from authenticate(application.mode, 0, FACTORY, draw)
    if isinstance(session, Refusal):
        return session
    sent = change_key(session, number, new, FACTORY)
    return changed(session, number, sent, (yield sent))


def _create(application: Application) -> Talk[Refusal | None]:
    for apdu in (
        wrap(0x5A, bytes(3)),
        wrap(0xCA, application.name[::-1] + bytes([_SETTINGS, _AES_KEYS + application.number + 1])),
    ):
        reply = parse((yield apdu))
        if isinstance(reply, Refusal):
            return reply
        if reply.status != OK:
            return Refusal("unproven", f"it takes no application: {said(reply)}")
    return None


def _unlike(mode: Mode) -> Talk[str | None]:
    """Why this is no card of that kind; None: it is one."""
    wanted = "an NTAG 424" if mode == "ntag424" else "a DESFire card"
    version = b""
    command = 0x60
    for _ in range(3):
        reply = parse((yield wrap(command)))
        if isinstance(reply, Refusal) or reply.status not in (OK, MORE):
            return f"it is not {wanted}"
        version = version or reply.data
        if reply.status == OK:
            break
        command = MORE
    if len(version) < 4 or version[0] != _NXP or version[1] != (_NTAG if mode == "ntag424" else _DESFIRE):
        return f"it is not {wanted}"
    if mode == "ntag424" and version[3] != _NTAG_424:
        return f"it is not {wanted}"
    if mode == "ev2" and version[3] < _EV2:
        return 'it is a DESFire of before EV2; the reader needs mode "ev1-aes" for it'
    return None


def _count(counter: int) -> bytes:
    return counter.to_bytes(2, "little")


def _short(mac: bytes) -> bytes:
    """EV2 sends every other byte."""
    return mac[1::2]
