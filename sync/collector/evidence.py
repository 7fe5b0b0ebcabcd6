"""Evidence as files that an outsider can check: two signed notes, and why they cannot both be of one log.

ours        what we held then, as the cabinet signed it
theirs      what contradicts it, as the cabinet signed it
vkey        the keys that signed both, one a line
batch.json  the leaves as they came, if any came
proof.json  {"tree":"ours","size":15,"root":"<base64>","proof":["<base64>"]}: by this proof (RFC 6962, 2.1.2) the
            note `tree` has another root at `size` than the other note; not there where the notes are of one
            size and say so themselves, or where no proof is possible
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from cabinet.journal import b64, checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import NoteRefused
from cabinet.journal.note import ED25519, Note, Verifier
from cabinet.journal.tree import Frontier, NodeReader, consistency, node_hash
from sync.collector.batch import Refused, read
from sync.collector.names import Cabinet
from sync.collector.reading import Origin
from sync.collector.rows import EvidenceRow

OURS: Final = "ours"
THEIRS: Final = "theirs"


def sizes(row: EvidenceRow) -> tuple[int | None, int | None]:
    """Of our note and theirs; None where there is none, or it cannot be read."""
    return _size(row.ours), _size(row.theirs)


def export(origin: Origin, row: EvidenceRow, folder: Path) -> None:
    """Write it to a new or empty folder. Raises FileExistsError, NoteRefused, JournalDamaged."""
    notes = {name: data for name, data in ((OURS, row.ours), (THEIRS, row.theirs)) if data is not None}
    vkeys = list(dict.fromkeys(_vkey(origin, note.parse(data)) for data in notes.values()))
    proof = _proof(origin, row)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; name a new folder")
    for name, data in notes.items():
        (folder / name).write_bytes(data)
    (folder / "vkey").write_text("".join(f"{vkey}\n" for vkey in vkeys))
    if row.payload:
        (folder / "batch.json").write_bytes(row.payload)
    if proof is not None:
        (folder / "proof.json").write_text(json.dumps(proof) + "\n")


def _proof(origin: Origin, row: EvidenceRow) -> Mapping[str, object] | None:
    if row.ours is None:
        return None
    ours, theirs = _checkpoint(row.ours), _checkpoint(row.theirs)
    if row.kind == "epoch":
        return _proven(OURS, row.n, ours.size, origin.node)
    if theirs.size < ours.size:
        return _proven(OURS, theirs.size, ours.size, origin.node)
    if row.kind == "fork" and theirs.size > ours.size and row.payload:
        return _proven(THEIRS, ours.size, theirs.size, _grafted(origin, row.payload))
    return None


def _proven(tree: str, size: int, end: int, node: NodeReader) -> Mapping[str, object]:
    root = Frontier.read(size, node).root()
    proof = [b64.encode(hashed) for hashed in consistency(size, end, node)]
    return {"tree": tree, "size": size, "root": b64.encode(root), "proof": proof}


def _grafted(origin: Origin, payload: bytes) -> NodeReader:
    """Nodes of the tree that begins with ours, and goes on with the leaves of a batch."""
    try:
        batch = read(payload, Cabinet(origin.row.site, origin.row.device))
    except Refused as refused:
        raise NoteRefused(f"the batch that was kept is {refused.cause}") from None
    return _over(origin.node, batch.first, batch.hashes)


def _over(below: NodeReader, first: int, hashes: Sequence[bytes]) -> Callable[[int, int], bytes]:
    def node(level: int, index: int) -> bytes:
        if (index + 1) << level <= first:
            return below(level, index)
        if level == 0:
            return hashes[index - first]
        return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


def _vkey(origin: Origin, signed: Note) -> str:
    """The pinned key that signed it, under the name that the note carries."""
    name = checkpoint.parse(signed.text).origin
    for public in reversed(origin.pinned()):
        verifier = Verifier(name, ED25519, public)
        if any(line.key_id == verifier.key_id for line in signed.signatures):
            return verifier.vkey
    raise NoteRefused(f"a note of {name} is not signed by a pinned key")


def _checkpoint(data: bytes) -> Checkpoint:
    return checkpoint.parse(note.parse(data).text)


def _size(data: bytes | None) -> int | None:
    try:
        return None if data is None else _checkpoint(data).size
    except NoteRefused:
        return None
