"""A small JSON object under AES-256-GCM: what all sealed personal data has in common.

    nonce 12 | ciphertext | tag 16

The plaintext is JSON padded with spaces to a multiple of 64 bytes, so that its length tells little and it is
still JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cabinet.journal.json_text import text_of
from cabinet.vault.device_key import Random

NONCE_BYTES: Final = 12
BLOCK_BYTES: Final = 64


class SealError(ValueError):
    """Wrong key, wrong place (AAD) or changed bytes; which of them cannot be told."""


def close_box(key: bytes, content: Mapping[str, object], aad: bytes, random: Random) -> bytes:
    """Seals `content` (JSON) under a 32-byte key, bound to `aad`."""
    text = text_of(content).encode()
    text += b" " * (-len(text) % BLOCK_BYTES)
    nonce = random(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text, aad)


def open_box(key: bytes, box: bytes, aad: bytes) -> dict[str, Any]:
    """What close_box() sealed. Raises SealError."""
    try:
        content = json.loads(AESGCM(key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], aad))
    except (InvalidTag, ValueError):
        raise SealError("sealed data does not open: another key, another place, or changed") from None
    if not isinstance(content, dict):
        raise SealError("sealed data is no JSON object")
    return content
