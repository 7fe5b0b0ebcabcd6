"""Cosigning (c2sp.org/tlog-cosignature, v1): that we hold exactly this tree, only ever for a size that grows."""

from __future__ import annotations

from sqlalchemy import Connection

from cabinet.journal import checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import NoteRefused
from cabinet.journal.note import Note, Signer
from sync.collector import aside, rows
from sync.collector.batch import Refused
from sync.collector.held import Held


def cosign(connection: Connection, held: Held, cosigner: Signer, now_ms: int) -> bool:
    """Sign the newest checkpoint, if it is ahead of all that was ever cosigned and continues it.

    The signature is in the database when the transaction ends, and is published afterwards. Whether there is one.
    """
    if held.signed is None or held.size <= held.acked:
        return False
    if not _continues(connection, held, now_ms):
        return False
    text = held.signed.text
    signed = Note(text, (*held.signed.signatures, cosigner.cosign(text, now_ms // 1000)))
    _remember(connection, held, signed)
    held.ack_proven = True
    return True


def read_ack(data: bytes, cosigner: Signer) -> tuple[Note, Checkpoint]:
    """An acknowledgement that our own key gave. Raises Refused for anything else."""
    try:
        signed = note.parse(data)
        said = checkpoint.parse(signed.text)
        cosigner.verifier.check(signed)
    except NoteRefused:
        raise Refused("foreign-ack") from None
    names = (said.origin, cosigner.name)
    return Note(signed.text, tuple(one for one in signed.signatures if one.name in names)), said


def recall(connection: Connection, held: Held, signed: Note, said: Checkpoint, now_ms: int) -> None:
    """What `read_ack` read: given in an earlier life perhaps, and never signed at or below again."""
    if said.size > held.acked:
        _remember(connection, held, signed)
        held.ack_proven = False
    if said.size <= held.size and held.contradicts(connection, said):
        aside.keep(connection, held, "fork", said.size, signed.encode(), b"", now_ms)


def _continues(connection: Connection, held: Held, now_ms: int) -> bool:
    """Whether our tree continues the newest cosigned one; looked up only for one that this tree did not give."""
    if held.ack is not None and not held.ack_proven and held.contradicts(connection, held.ack):
        aside.keep(connection, held, "fork", held.ack.size, held.ack_note, b"", now_ms)
        return False
    return True


def _remember(connection: Connection, held: Held, signed: Note) -> None:
    held.ack, held.ack_note = checkpoint.parse(signed.text), signed.encode()
    rows.put_ack(connection, held.id, held.ack.size, held.ack_note)
