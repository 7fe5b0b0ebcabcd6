"""A person's own key: everything personal about them is sealed under it, so that deleting it erases them.

It is stored wrapped by the device key (AES-256-GCM, nonce 12 | ciphertext 32 | tag 16) and bound to the
person's pseudonym, so that two rows cannot change places.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cabinet.policy.rights import Pseudonym
from cabinet.vault.box import NONCE_BYTES, SealError
from cabinet.vault.device_key import Random

PERSON_KEY_BYTES: Final = 32
PSEUDONYM_BYTES: Final = 16


def make(random: Random) -> bytes:
    return random(PERSON_KEY_BYTES)


def pseudonym(person_key: bytes, site: str) -> Pseudonym:
    """HKDF-SHA256 (RFC 5869, no salt) of the key, info `pseudonym/1|SITE` in ASCII, 16 bytes, as base64."""
    info = b"pseudonym/1|" + site.encode("ascii")
    derived = HKDF(algorithm=SHA256(), length=PSEUDONYM_BYTES, salt=None, info=info).derive(person_key)
    return b64encode(derived).decode("ascii")


def wrap(wrap_key: bytes, person_key: bytes, person: Pseudonym, random: Random) -> bytes:
    nonce = random(NONCE_BYTES)
    return nonce + AESGCM(wrap_key).encrypt(nonce, person_key, _place(person))


def unwrap(wrap_key: bytes, wrapped: bytes, person: Pseudonym) -> bytes:
    """Raises SealError for another device's key or another person's row."""
    try:
        return AESGCM(wrap_key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _place(person))
    except (InvalidTag, ValueError):
        raise SealError("a person's key does not unwrap: other device key, or changed") from None


def _place(person: Pseudonym) -> bytes:
    return b"person-key/1|" + person.encode("ascii")
