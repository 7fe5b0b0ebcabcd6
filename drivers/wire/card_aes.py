"""AES-128 as secure cards use it: CBC that goes on where it stopped, CMAC, their CRC, and a key for each card.

    AN10922 2.2: key of a card = CMAC(site key, 01 | M), always over two blocks; M = UID | application | number | system

The cipher itself is that of `cryptography`; nothing here draws random numbers.
"""

from __future__ import annotations

import zlib
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK: Final = 16
KEY_BYTES: Final = 16
ZERO: Final = bytes(BLOCK)
SYSTEM: Final = b"key-cabinet"
"""Ends the diversification input, so that the site key gives other keys to whoever else diversifies with it."""
_AES_128_CONSTANT: Final = b"\x01"
_INPUT_MAX: Final = 31
_POLYNOMIAL: Final = 0x87
_ALL_ONES: Final = 0xFFFFFFFF


def encrypt(key: bytes, data: bytes, iv: bytes = ZERO) -> bytes:
    """Whole blocks, CBC. The next IV, where it runs on, is the last block."""
    encryptor = Cipher(AES(key), CBC(iv)).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def decrypt(key: bytes, data: bytes, iv: bytes = ZERO) -> bytes:
    """Whole blocks, CBC."""
    decryptor = Cipher(AES(key), CBC(iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def cmac(key: bytes, message: bytes, iv: bytes = ZERO) -> bytes:
    """NIST SP 800-38B; sessions of EV1 go on with the IV of the message before."""
    whole = len(message) % BLOCK == 0 and message != b""
    return _mac(key, message if whole else padded(message), iv, whole=whole)


def padded(data: bytes) -> bytes:
    """ISO/IEC 9797-1 method 2: 80, then zeros."""
    return data + b"\x80" + bytes(-(len(data) + 1) % BLOCK)


def crc32(data: bytes) -> bytes:
    """IEEE 802.3 without the inversion at the end, least significant byte first."""
    return (zlib.crc32(data) ^ _ALL_ONES).to_bytes(4, "little")


def rotated(data: bytes) -> bytes:
    """Left by one byte."""
    return data[1:] + data[:1]


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def diversified(key: bytes, inputs: bytes) -> bytes:
    """AN10922 for AES-128; `inputs` are 1 to 31 bytes."""
    if not 0 < len(inputs) <= _INPUT_MAX:
        raise ValueError(f"a key is diversified by 1 to {_INPUT_MAX} bytes, not by {len(inputs)}")
    message = _AES_128_CONSTANT + inputs
    whole = len(message) == 2 * BLOCK
    return _mac(key, message if whole else padded(message).ljust(2 * BLOCK, b"\0"), ZERO, whole=whole)


def card_key(site_key: bytes, uid: bytes, application: bytes, number: int) -> bytes:
    """Key `number` of the application on the card with this UID."""
    return diversified(site_key, uid + application + bytes([number]) + SYSTEM)


def _mac(key: bytes, blocks: bytes, iv: bytes, *, whole: bool) -> bytes:
    first = _doubled(encrypt(key, ZERO))
    mask = first if whole else _doubled(first)
    return encrypt(key, blocks[:-BLOCK] + xor(blocks[-BLOCK:], mask), iv)[-BLOCK:]


def _doubled(block: bytes) -> bytes:
    """In the field of CMAC's subkeys."""
    number = int.from_bytes(block, "big") << 1
    overflow = number >> (8 * BLOCK)
    return ((number & ((1 << (8 * BLOCK)) - 1)) ^ (_POLYNOMIAL * overflow)).to_bytes(BLOCK, "big")
