"""Backups of the journals of tests/journal, without a cabinet around them."""

from __future__ import annotations

import io
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cabinet.backup.create import write_journal
from cabinet.backup.journal_part import extents
from cabinet.backup.replay import Keep, Nowhere, Replay
from cabinet.journal.reader import JournalReader
from cabinet.journal.schema import epochs
from tests.journal.making import ORIGIN, SIGNER

IDENTITY = X25519PrivateKey.from_private_bytes(bytes(range(32)))


def silent(*_: object) -> None:
    """Nobody watches."""


def backed_up(folder: Path, since: bytes | None = None) -> bytes:
    out = bytearray()
    readers = [JournalReader(folder, epoch) for epoch in epochs(folder)]
    try:
        taken = extents(readers, ORIGIN, SIGNER.verifier, since)
        write_journal(taken, ORIGIN, since, IDENTITY.public_key(), out.extend, silent)
    finally:
        for reader in readers:
            reader.close()
    return bytes(out)


def replayed(*files: bytes, keep: Keep = lambda epoch, origin: Nowhere()) -> Replay:
    replay = Replay(IDENTITY, keep, silent)
    for number, data in enumerate(files):
        replay.read(io.BytesIO(data), f"file {number}")
    return replay
