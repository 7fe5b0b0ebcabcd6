"""Signed notes (c2sp.org/signed-note) with Ed25519 keys, and cosignatures (c2sp.org/tlog-cosignature, v1).

    text, ends with LF
    <empty line>
    — <key name> <base64: 4 bytes key id | signature>
    ...

Type 01 signs the text. Type 04 puts 8 bytes of POSIX seconds before the signature and signs
"cosignature/v1 LF time <seconds> LF" and the text. Both include the last LF of the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cabinet.journal import b64
from cabinet.journal.errors import NoteRefused

MAX_NOTE: Final = 4096
ED25519: Final = 1
COSIGNATURE: Final = 4

_PUBLIC_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_LINE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)")
_NAME: Final = re.compile(r"[^\s+]+")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who, and what follows the key id."""

    name: str
    key_id: bytes
    blob: bytes

    def line(self) -> str:
        return f"— {self.name} {b64.encode(self.key_id + self.blob)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends with LF, and its signatures, of which none has been checked yet."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        return f"{self.text}\n{''.join(one.line() for one in self.signatures)}".encode()


def parse(data: bytes) -> Note:
    """The parts of a signed note of at most 4 kB. Raises NoteRefused."""
    if len(data) > MAX_NOTE:
        raise NoteRefused(f"note of {len(data)} bytes, at most {MAX_NOTE} are allowed")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise NoteRefused("note is not UTF-8") from None
    if _CONTROL.search(whole):
        raise NoteRefused("note holds a control character")
    text, gap, lines = whole.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise NoteRefused("note has no signature lines after an empty line")
    return Note(text + "\n", tuple(_signature(line) for line in lines[:-1].split("\n")))


class Verifier:
    """Checks the signatures of one key."""

    def __init__(self, name: str, kind: int, public: bytes) -> None:
        """`kind` is ED25519 or COSIGNATURE, `public` the 32 bytes of the key. Raises NoteRefused."""
        if not _NAME.fullmatch(name):
            raise NoteRefused("a key name is not empty and holds neither space nor plus")
        if kind not in (ED25519, COSIGNATURE) or len(public) != _PUBLIC_BYTES:
            raise NoteRefused(f"key of {name} is neither Ed25519 (type 1) nor cosignature/v1 (type 4)")
        self.name = name
        self.kind = kind
        self.public = public
        self.key_id = sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]
        self._key = Ed25519PublicKey.from_public_bytes(public)

    @classmethod
    def from_vkey(cls, vkey: str) -> Verifier:
        """`<name>+<key id in hex>+<base64 of type and public key>`. Raises NoteRefused."""
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            key = b64.decode(encoded)
        except ValueError:
            key = b""
        if not key:
            raise NoteRefused("a verifier key is <name>+<key id>+<base64 key>")
        verifier = cls(name, key[0], key[1:])
        if verifier.key_id.hex() != key_id:
            raise NoteRefused(f"key id of {name} is {verifier.key_id.hex()}, the verifier key says otherwise")
        return verifier

    def __reduce__(self) -> tuple[type[Verifier], tuple[str, int, bytes]]:
        return Verifier, (self.name, self.kind, self.public)  # the library's own key is bound to its process

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64.encode(bytes([self.kind]) + self.public)}"

    def check(self, note: Note) -> int:
        """Raises NoteRefused unless this key signed the note and no signature under its name and id is wrong.

        Returns the seconds since 1970 of the cosignature, 0 for an ordinary signature.
        """
        own = [one.blob for one in note.signatures if (one.name, one.key_id) == (self.name, self.key_id)]
        if not own:
            raise NoteRefused(f"note is not signed by {self.name} with key {self.key_id.hex()}")
        return max(self._check(note.text, blob) for blob in own)

    def signed(self, note: Note) -> bool:
        """Whether `check` passes."""
        try:
            self.check(note)
        except NoteRefused:
            return False
        return True

    def _check(self, text: str, blob: bytes) -> int:
        time, signature = (blob[:8], blob[8:]) if self.kind == COSIGNATURE else (b"", blob)
        seconds = int.from_bytes(time, "big")
        message = cosigned(text, seconds) if self.kind == COSIGNATURE else text.encode()
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            raise NoteRefused(f"signature of {self.name} does not match the note") from None
        return seconds


class Signer:
    """An Ed25519 key with a name: signs notes, or cosigns checkpoints when its kind is COSIGNATURE."""

    def __init__(self, name: str, seed: bytes, kind: int = ED25519) -> None:
        """`seed` is the 32-byte private key of RFC 8032. Raises NoteRefused for a bad name or kind."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, kind, self._key.public_key().public_bytes_raw())
        self._seed = seed

    @property
    def name(self) -> str:
        return self.verifier.name

    @property
    def vkey(self) -> str:
        return self.verifier.vkey

    def named(self, name: str) -> Signer:
        """The same key under another name: the key name follows the origin."""
        return self if name == self.name else Signer(name, self._seed, self.verifier.kind)

    def sign(self, text: str) -> Signature:
        """An ordinary signature (kind ED25519) over a text that ends with LF."""
        assert self.verifier.kind == ED25519, "a cosigning key signs no plain notes"
        return self._signature(self._key.sign(text.encode()))

    def cosign(self, text: str, seconds: int) -> Signature:
        """A cosignature (kind COSIGNATURE) over a checkpoint's text, at `seconds` since 1970."""
        assert self.verifier.kind == COSIGNATURE, "a log's key cosigns nothing"
        return self._signature(seconds.to_bytes(8, "big") + self._key.sign(cosigned(text, seconds)))

    def _signature(self, blob: bytes) -> Signature:
        return Signature(self.name, self.verifier.key_id, blob)


def cosigned(text: str, seconds: int) -> bytes:
    """The bytes that a cosignature/v1 signs."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def read_vkeys(text: str) -> list[Verifier]:
    """The verifier keys of a file: one a line, `#` starts a comment line. Raises NoteRefused."""
    *lines, rest = text.split("\n")
    if rest:
        raise NoteRefused("the last line of verifier keys has no line end")
    return [Verifier.from_vkey(line) for line in lines if not line.startswith("#")]


def known_only(note: Note, verifiers: Sequence[Verifier]) -> Note:
    """The note without the signatures of other keys; raises NoteRefused where a known one is wrong."""
    keys = {(one.name, one.key_id): one for one in verifiers}
    kept = tuple(one for one in note.signatures if (one.name, one.key_id) in keys)
    for one in kept:
        keys[one.name, one.key_id].check(note)
    return Note(note.text, kept)


def _signature(line: str) -> Signature:
    match = _LINE.fullmatch(line)
    try:
        data = b64.decode(match[2]) if match else b""
    except ValueError:
        data = b""
    if match is None or len(data) <= 4:
        raise NoteRefused("a signature line is '— <name> <base64 of key id and signature>'")
    return Signature(match[1], data[:4], data[4:])
