"""Readers of whole messages: whatever they are given, they give what is in it or refuse it in their own way."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from cabinet.control.protocol import ControlError, parse_reply, parse_request
from cabinet.journal import checkpoint, leaf, note, revocation
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import ExportRefused, LeafRefused, NoteRefused
from cabinet.journal.note import Signer, Verifier
from cabinet.journal.receipt import verify_receipt
from cabinet.journal.tree import leaf_hash
from drivers.wire.card_aes import decrypt, rotated
from drivers.wire.card_number import parse_card
from drivers.wire.desfire import Application, Mode, Session, prove
from drivers.wire.desfire_keys import look, personalise
from drivers.wire.ds2482 import selected, status
from drivers.wire.keypad import Debouncer, keys_down
from drivers.wire.mcp23017 import pins
from drivers.wire.onewire import is_number
from drivers.wire.pn532_commands import read_exchanged, read_firmware, read_targets
from drivers.wire.terminal import encode
from sync import payloads
from sync.collector import batch
from sync.collector.batch import Refused
from sync.collector.names import Cabinet, read_topic

ORIGIN: Final = "cabinet.demo/lobby-01"
SIGNER: Final = Signer(ORIGIN, bytes(range(32)))
FLEET: Final = Signer("fleet.demo", bytes(32))
LEAF: Final = (
    b'{"boot":"1f0c9a2e","dev":"lobby-01","ev":"item.removed","item":"K-0007","mono_ms":81234,"n":0,'
    b'"salt":"R0SwPtdKsC5ueYcDRBDynQ==","slot":7,"tq":"ntp","ts":1767225600123,"v":1}'
)
RND_A: Final = bytes.fromhex("13C5DB8A5930439FC3DEF9A4C675360F")
NOTE: Final = Checkpoint(ORIGIN, 1, leaf_hash(LEAF)).signed(SIGNER)


@dataclass(frozen=True)
class MessageTarget:
    """`refused` are the errors it may raise. `always`: what the good message gives."""

    name: str
    good: Callable[[Random], bytes]
    read: Callable[[bytes], Any]
    refused: tuple[type[Exception], ...] = ()


def _receipt() -> bytes:
    import base64

    return b"c2sp.org/tlog-proof@v1\nextra %s\nindex 0\n\n%s" % (base64.b64encode(LEAF), NOTE)


def _batch() -> bytes:
    import base64

    return json.dumps(
        {
            "v": 1,
            "origin": ORIGIN,
            "first": 0,
            "leaves": [base64.b64encode(LEAF).decode()],
            "checkpoint": NOTE.decode(),
            "hist": False,
        }
    ).encode()


def _revocation() -> bytes:
    text = revocation.Revocation(SIGNER.vkey, Checkpoint(ORIGIN, 1, leaf_hash(LEAF)))
    return text.signed(FLEET)


def _scans(data: bytes) -> None:
    """Two bytes are twelve keys, of four rows, as they stand for up to four scans."""
    debouncer = Debouncer(3)
    for low, high in zip(data[::2], data[1::2], strict=False):
        bits = [bool((high << 8 | low) >> key & 1) for key in range(12)]
        levels = (bits[:3], bits[3:6], bits[6:9], bits[9:])
        for _ in range(1 + (high >> 6)):
            debouncer.scan(keys_down(levels))


def _replies(*replies: str) -> bytes:
    """Each behind its length, as _played takes them apart."""
    return b"".join(bytes([len(reply)]) + reply for reply in map(bytes.fromhex, replies))


def _played(talk: Generator[bytes, bytes, Any], data: bytes) -> tuple[Any, list[bytes]]:
    """What it finds when a card answers so, and the answers."""
    replies = []
    try:
        next(talk)
        while data:
            replies.append(data[1 : 1 + data[0]])
            data = data[1 + data[0] :]
            talk.send(replies[-1])
    except StopIteration as end:
        return end.value, replies
    return None, replies


def _prove(mode: Mode, data: bytes) -> None:
    """Key and randoms are those of AN12196. Only who has seen RndA is believed."""
    found, replies = _played(prove(Application(mode, b"\1\2\3", 0), bytes(16), lambda: RND_A), data)
    if isinstance(found, Session) and mode != "ev1-aes":
        assert decrypt(bytes(16), replies[2][:-2])[4:20] == rotated(RND_A)
    elif isinstance(found, Session):
        assert _replies(*(reply.hex() for reply in replies)) == EV1_PROOF


EV1_PROOF: Final = _replies("9100", "A04C124213C186F22399D33AC2A3021591AF", "CB659F68F8D12BDE3BF012D948B2B65E9100")
EV2_ANSWERS: Final = (
    "A04C124213C186F22399D33AC2A3021591AF",
    "3FA64DB5446D1F34CD6EA311167F5E4985B89690C04A05F17FA7AB2F081206639100",
)
VERSIONS: Final = ("9000", "040402300011 0591AF", "0404020100110591AF", "04782E21801D8091 00", "9000")


def _issued(data: bytes) -> None:
    for application in (Application("ntag424", b"", 1), Application("ev2", b"\1\2\3", 1)):
        _played(look(application, bytes(16), bytes(7), lambda: RND_A), data)
        found, _ = _played(personalise(application, bytes(16), bytes(7), lambda: RND_A), data)
        assert found is None or found.hint


def _always(good: bytes) -> Callable[[Random], bytes]:
    return lambda random: good


MESSAGES: Final = (
    MessageTarget("note", _always(NOTE), note.parse, (NoteRefused,)),
    MessageTarget("checkpoint", _always(NOTE), lambda data: checkpoint.read(data, SIGNER.verifier), (NoteRefused,)),
    MessageTarget(
        "vkey", _always(SIGNER.vkey.encode()), lambda data: Verifier.from_vkey(data.decode("latin-1")), (NoteRefused,)
    ),
    MessageTarget("leaf", _always(LEAF), leaf.parse, (LeafRefused,)),
    MessageTarget("leaf at a glance", _always(LEAF), leaf.glance, (LeafRefused,)),
    MessageTarget("receipt", _always(_receipt()), lambda data: verify_receipt(data, [SIGNER.vkey]), (ExportRefused,)),
    MessageTarget(
        "revocation", _always(_revocation()), lambda data: revocation.read(data, FLEET.verifier), (NoteRefused,)
    ),
    MessageTarget("batch", _always(_batch()), lambda data: batch.read(data, Cabinet("demo", "lobby-01")), (Refused,)),
    MessageTarget("journal request", _always(b'{"origin":"cabinet.demo/lobby-01","from":7}'), payloads.request),
    MessageTarget("accepted epoch", _always(b'{"origin":"cabinet.demo/lobby-01/e2"}'), payloads.accepted),
    MessageTarget("upstream text", _always(NOTE), payloads.text),
    MessageTarget(
        "topic",
        _always(b"kc/v1/demo/lobby-01/journal"),
        lambda data: read_topic("kc/v1", data.decode("latin-1")),
    ),
    MessageTarget("control request", _always(b'{"jsonrpc":"2.0","id":1,"method":"status","params":{}}'), parse_request),
    MessageTarget(
        "control reply", _always(b'{"jsonrpc":"2.0","id":1,"result":{"door":"open"}}'), parse_reply, (ControlError,)
    ),
    MessageTarget(
        "card number", _always(b"0006547886"), lambda data: parse_card(data.decode("latin-1")), (ValueError,)
    ),
    MessageTarget("proof of an EV1", _always(EV1_PROOF), lambda data: _prove("ev1-aes", data)),
    MessageTarget("proof of an EV2", _always(_replies("9100", *EV2_ANSWERS)), lambda data: _prove("ev2", data)),
    MessageTarget("proof of an NTAG", _always(_replies("9000", *EV2_ANSWERS)), lambda data: _prove("ntag424", data)),
    MessageTarget("personalised card", _always(_replies(*VERSIONS, *EV2_ANSWERS)), _issued),
    MessageTarget("1-Wire number", lambda random: random.randbytes(8), is_number),
    MessageTarget(
        "ds2482", lambda random: random.randbytes(2), lambda data: [(selected(byte), status(byte)) for byte in data]
    ),
    MessageTarget("mcp23017", lambda random: b"\x7f\x7f" + random.randbytes(6), pins),
    MessageTarget(
        "keypad scans", lambda random: bytes([*b"\xff\x8f" * 2, 255 ^ 1 << random.getrandbits(2), 0xCF]), _scans
    ),
    MessageTarget(
        "pn532 replies",
        _always(bytes.fromhex("01 01 03 44 20 07 04 A1 B2 C3 D4 E5 80 06 75 77 81 02 80")),
        lambda data: (read_targets(data), read_exchanged(data), read_firmware(data)),
    ),
    MessageTarget("screen", _always("Slot 7 开".encode()), lambda data: encode(data.decode("utf-8", "replace"))),
)
