"""The Ed25519 seed that signs the journal's checkpoints: `signing.key` in the state folder, or the systemd credential
`cabinet.signing-key`, which comes first. Without it no leaf can be added."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cabinet.vault.device_key import Random
from cabinet.vault.key_source import KEY_BYTES, KeyFileError, create_key, read_credential, read_key

SIGNING_KEY: Final = "signing.key"
CREDENTIAL: Final = "cabinet.signing-key"


def open_or_create(
    folder: Path,
    journal_exists: bool,
    *,
    random: Random = os.urandom,
    environ: Mapping[str, str] = os.environ,
) -> bytes:
    """The seed; made in `folder` if neither it nor a journal exists yet. Blocks.

    Raises KeyFileError for a key that is missing beside a journal, readable by others or not 64 hex digits,
    and OSError if the folder cannot be written."""
    seed = read_credential(CREDENTIAL, environ)
    if seed is None:
        seed = read_key(folder / SIGNING_KEY)
    if seed is not None:
        return seed
    if journal_exists:
        raise KeyFileError(
            f"{folder / SIGNING_KEY}: missing beside an existing journal; the journal cannot be continued under its "
            "name without it. Restore it from a backup, or move the whole state folder away to begin anew"
        )
    seed = random(KEY_BYTES)
    create_key(folder / SIGNING_KEY, seed)
    return seed
