"""Recipient and identity: the public and the private half of the key that backups are sealed to (X25519).

A recipient is `backup+<4 bytes of SHA-256 of the key, hex>+<base64 of the 32 bytes>`, so that a typing error is found.
The identity is a file of 64 hex digits, mode 0600; it belongs to wherever restores are prepared, not on a cabinet.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cabinet.backup.errors import BackupRefused
from cabinet.journal import b64
from cabinet.vault.key_source import KeyFileError, create_key, read_key

KEY_BYTES: Final = 32
IDENTITY: Final = "backup.identity"
RECIPIENT: Final = "backup.recipient"
_WORD: Final = "backup"


def recipient_text(key: X25519PublicKey) -> str:
    raw = key.public_bytes_raw()
    return f"{_WORD}+{sha256(raw).hexdigest()[:8]}+{b64.encode(raw)}"


def parse_recipient(text: str) -> X25519PublicKey:
    """Raises ValueError, saying what is wrong."""
    word, _, rest = text.strip().partition("+")
    name, _, encoded = rest.partition("+")
    try:
        raw = b64.decode(encoded)
    except ValueError:
        raw = b""
    if word != _WORD or len(raw) != KEY_BYTES:
        raise ValueError("a recipient is backup+<8 hex digits>+<base64 of 32 bytes>, as `backup keygen` prints it")
    if sha256(raw).hexdigest()[:8] != name:
        raise ValueError("the recipient was changed: its first part does not fit the second; copy it once more")
    return X25519PublicKey.from_public_bytes(raw)


def make_identity(folder: Path, random: Callable[[int], bytes] = os.urandom) -> str:
    """A new pair as two files in `folder`; gives the recipient. Raises FileExistsError, OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (IDENTITY, RECIPIENT):
        if (folder / name).exists():
            raise FileExistsError(f"{folder / name} is there already: whoever replaces it loses what is sealed to it")
    identity = X25519PrivateKey.from_private_bytes(random(KEY_BYTES))
    recipient = recipient_text(identity.public_key())
    create_key(folder / IDENTITY, identity.private_bytes_raw())
    (folder / RECIPIENT).write_text(f"{recipient}\n")
    return recipient


def read_identity(path: Path) -> X25519PrivateKey:
    """Raises BackupRefused."""
    try:
        raw = read_key(path)
    except KeyFileError as error:
        raise BackupRefused(str(error)) from None
    if raw is None:
        raise BackupRefused(f"{path} is not there: name the file {IDENTITY} that `backup keygen` made")
    return X25519PrivateKey.from_private_bytes(raw)
