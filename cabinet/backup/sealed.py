"""A sealed part: what a backup file is made of, one part behind the other.

    cabinet-backup/1 LF
    u32      length of the header
    header   a JSON object, readable by everybody
    enc 32 | sealed key 48
    u32      length of the chunk; the highest bit is set on the last one
    chunk    at most 32,768 bytes sealed, 16 more for the tag
    ...

All numbers are big-endian. The key is 32 random bytes under HPKE (RFC 9180, base mode: DHKEM(X25519, HKDF-SHA256),
HKDF-SHA256, ChaCha20-Poly1305) with everything up to the header's end as `info`: another header opens nothing. Chunk
`i` is sealed under that key with ChaCha20-Poly1305, nonce `i` in 11 bytes and then 1 for the last chunk, 0 for others,
as age does it: chunks cannot change places, and a part that was cut off has no last one. Memory is bounded on both
sides.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from cabinet.backup.errors import BackupRefused

MAGIC: Final = b"cabinet-backup/1\n"
CHUNK_BYTES: Final = 32_768
TAG_BYTES: Final = 16
KEY_BYTES: Final = 32
WRAPPED_BYTES: Final = 80
HEADER_BYTES_MAX: Final = 262_144
SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)

_LAST: Final = 1 << 31

Random = Callable[[int], bytes]


class Sealer:
    """Seals what is written, piece by piece, into `out`."""

    def __init__(
        self,
        out: Callable[[bytes], object],
        header: Mapping[str, object],
        recipient: X25519PublicKey,
        random: Random = os.urandom,
    ) -> None:
        text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert len(text) <= HEADER_BYTES_MAX
        preamble = MAGIC + len(text).to_bytes(4, "big") + text
        key = random(KEY_BYTES)
        out(preamble + SUITE.encrypt(key, recipient, info=preamble))
        self._cipher = ChaCha20Poly1305(key)
        self._out = out
        self._buffer = bytearray()
        self._chunks = 0

    def write(self, data: bytes) -> None:
        self._buffer += data
        # What fills a chunk exactly waits: it may be the last.
        while len(self._buffer) > CHUNK_BYTES:
            self._seal(bytes(self._buffer[:CHUNK_BYTES]), last=False)
            del self._buffer[:CHUNK_BYTES]

    def finish(self) -> None:
        self._seal(bytes(self._buffer), last=True)

    def _seal(self, plain: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._chunks, last=last), plain, None)
        self._out((len(sealed) | (_LAST if last else 0)).to_bytes(4, "big") + sealed)
        self._chunks += 1


class SealedPart:
    """One part of a file that is read. Go to its end with `chunks` or `skim` before the next is asked for."""

    def __init__(self, file: BinaryIO, name: str, preamble: bytes, header: dict[str, Any], wrapped: bytes) -> None:
        self.header = header
        self.name = name
        """For people: which file."""
        self._file = file
        self._preamble = preamble
        self._wrapped = wrapped

    def chunks(self, identity: X25519PrivateKey) -> Iterator[bytes]:
        """What was sealed, piece by piece, each checked. Raises BackupRefused."""
        try:
            cipher = ChaCha20Poly1305(SUITE.decrypt(self._wrapped, identity, info=self._preamble))
        except (InvalidTag, ValueError):
            raise BackupRefused(
                f"{self.name}: does not open: it is sealed to another recipient, or its header was changed"
            ) from None
        for number, last, sealed in self._frames():
            try:
                yield cipher.decrypt(_nonce(number, last=last), sealed, None)
            except InvalidTag:
                raise BackupRefused(f"{self.name}: chunk {number} was changed; get the file from elsewhere") from None

    def skim(self) -> int:
        """The number of chunks, without the key: whether the part is there as a whole. Raises BackupRefused."""
        return sum(1 for _ in self._frames())

    def _frames(self) -> Iterator[tuple[int, bool, bytes]]:
        number = 0
        while True:
            word = int.from_bytes(_exactly(self._file, 4, self.name), "big")
            size, last = word & ~_LAST, bool(word & _LAST)
            if not TAG_BYTES <= size <= CHUNK_BYTES + TAG_BYTES or (not last and size != CHUNK_BYTES + TAG_BYTES):
                raise BackupRefused(f"{self.name}: chunk {number} has an impossible length; the file is damaged")
            yield number, last, _exactly(self._file, size, self.name)
            if last:
                return
            number += 1


def parts(file: BinaryIO, name: str) -> Iterator[SealedPart]:
    """The parts of a file, at least one. Raises BackupRefused for what is no backup, or was cut off."""
    found = 0
    while magic := file.read(len(MAGIC)):
        if magic != MAGIC:
            raise BackupRefused(
                f"{name}: is no backup of this version" if not found else f"{name}: damaged behind part {found}"
            )
        length = _exactly(file, 4, name)
        size = int.from_bytes(length, "big")
        if size > HEADER_BYTES_MAX:
            raise BackupRefused(f"{name}: its header is too long; the file is damaged")
        text = _exactly(file, size, name)
        yield SealedPart(file, name, magic + length + text, _header(text, name), _exactly(file, WRAPPED_BYTES, name))
        found += 1
    if not found:
        raise BackupRefused(f"{name}: is empty")


def _header(text: bytes, name: str) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise BackupRefused(f"{name}: its header is damaged")
    return header


def _exactly(file: BinaryIO, size: int, name: str) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise BackupRefused(f"{name}: ends too early: it was cut off, or is not written to its end")
    return data


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
