"""A backup opened by somebody who has only docs/reference/backup.md: HPKE from RFC 9180 by hand, nothing of ours."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

KEM = b"KEM\x00\x20"  # DHKEM(X25519, HKDF-SHA256)
HPKE = b"HPKE\x00\x20\x00\x01\x00\x03"  # with HKDF-SHA256 and ChaCha20-Poly1305


def extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """All lengths here are at most one block."""
    full = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, full + b"\x01", "sha256")[:length]


def shared_secret(enc: bytes, private: bytes) -> bytes:
    key = X25519PrivateKey.from_private_bytes(private)
    context = enc + key.public_key().public_bytes_raw()
    prk = extract(KEM, b"", b"eae_prk", key.exchange(X25519PublicKey.from_public_bytes(enc)))
    return expand(KEM, prk, b"shared_secret", context, 32)


def schedule(shared: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Key and base nonce, in base mode."""
    context = b"\x00" + extract(HPKE, b"", b"psk_id_hash", b"") + extract(HPKE, b"", b"info_hash", info)
    secret = extract(HPKE, shared, b"secret", b"")
    return expand(HPKE, secret, b"key", context, 32), expand(HPKE, secret, b"base_nonce", context, 12)


def open_single(private: bytes, enc: bytes, ciphertext: bytes, info: bytes, aad: bytes = b"") -> bytes:
    key, nonce = schedule(shared_secret(enc, private), info)
    return ChaCha20Poly1305(key).decrypt(nonce, ciphertext, aad)


def open_file(data: bytes, private: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Header and content of each part."""
    at = 0
    while at < len(data):
        start = at
        assert data[at : at + 17] == b"cabinet-backup/1\n"
        length = int.from_bytes(data[at + 17 : at + 21], "big")
        at += 21 + length
        preamble, enc, wrapped = data[start:at], data[at : at + 32], data[at + 32 : at + 80]
        at += 80
        cipher = ChaCha20Poly1305(open_single(private, enc, wrapped, preamble))
        content, number, last = b"", 0, False
        while not last:
            word = int.from_bytes(data[at : at + 4], "big")
            last, size = word >= 1 << 31, word % (1 << 31)
            nonce = number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")
            content += cipher.decrypt(nonce, data[at + 4 : at + 4 + size], None)
            at, number = at + 4 + size, number + 1
        yield json.loads(preamble[21:]), content


def records(content: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(content):
        size = int.from_bytes(content[at + 1 : at + 5], "big")
        yield content[at : at + 1].decode(), content[at + 5 : at + 5 + size]
        at += 5 + size


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def root(hashes: list[bytes]) -> bytes:
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"").digest()
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\x01" + root(hashes[:split]) + root(hashes[split:])).digest()
