"""An export: plain files that anyone can check without this program.

    checkpoint        newest signed note, cosignatures behind the log's own
    vkey              verifier keys, one a line
    leaves.jsonl      {"index":0,"leaf":"<base64>"}, where pruned {"index":0,"leaf_hash":"<base64>"}
    inclusion.json    [{"index","size","leaf_hash","proof":[...]}], on request
    consistency.json  [{"old_checkpoint":"<signed note>","proof":[...]}], on request

Every file has exactly one spelling, so that no changed byte goes unnoticed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from cabinet.journal import b64, checkpoint, note, tree
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import ExportRefused, NoteRefused, ProofRefused
from cabinet.journal.note import Note, Verifier
from cabinet.journal.reader import Stored
from cabinet.journal.tree import HASH_BYTES, Frontier, check_consistency, check_inclusion, leaf_hash

CHECKPOINT: Final = "checkpoint"
VKEY: Final = "vkey"
LEAVES: Final = "leaves.jsonl"
INCLUSION: Final = "inclusion.json"
CONSISTENCY: Final = "consistency.json"

_LINE_MAX: Final = 16_384


class Source(Protocol):
    """What an export is made from: a JournalReader, or whoever else holds the leaves of an origin."""

    def checkpoint(self) -> bytes:
        """The newest signed note."""
        ...

    def newest_ack(self) -> bytes | None:
        """The newest cosigned note."""
        ...

    def leaves(self, first: int = 0, end: int | None = None) -> Iterator[Stored]:
        """The leaves from `first` up to `end`, streamed."""
        ...

    def node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree."""
        ...


@dataclass(frozen=True, slots=True)
class Exported:
    """What a checked export holds. Whether `vkey` is the right key is for the reader to compare."""

    checkpoint: Checkpoint
    vkey: str
    pruned: int


def export(
    reader: Source,
    folder: Path,
    vkeys: Sequence[str],
    *,
    prove: Sequence[int] = (),
    since: Sequence[bytes] = (),
) -> Checkpoint:
    """Write the sealed leaves to an empty or new folder; the log's key comes first in `vkeys`.

    `prove` are leaf indexes, `since` earlier signed checkpoints of this journal. Signatures of keys that are not
    among `vkeys` are left out. Raises FileExistsError for a folder with something in it, NoteRefused for a
    checkpoint that the log's key did not sign, ValueError for an index or checkpoint beyond the newest one.
    """
    verifiers = [Verifier.from_vkey(vkey) for vkey in vkeys]
    signed, sealed = newest_note(reader, verifiers)
    inclusion = [_inclusion(reader, n, sealed.size) for n in prove]
    consistency = [_consistency(reader, old, verifiers, sealed.size) for old in since]
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; name a new folder")
    with (folder / LEAVES).open("xb") as file:
        file.writelines(_line(leaf) for leaf in reader.leaves(0, sealed.size))
    if inclusion:
        (folder / INCLUSION).write_bytes(_document(inclusion))
    if consistency:
        (folder / CONSISTENCY).write_bytes(_document(consistency))
    (folder / VKEY).write_text("".join(f"{vkey}\n" for vkey in vkeys))
    (folder / CHECKPOINT).write_bytes(signed.encode())
    return sealed


def verify_export(folder: Path) -> Exported:
    """Check every file of an export against its checkpoint, streaming. Raises ExportRefused."""
    verifiers = _vkeys(_read(folder, VKEY))
    signed = _note(CHECKPOINT, _read(folder, CHECKPOINT), verifiers)
    proven = _entries(folder, INCLUSION, {"index", "size", "leaf_hash", "proof"})
    wanted = {entry["index"] for entry in proven if type(entry["index"]) is int}
    hashes, pruned = _check_leaves(folder, signed, wanted)
    for entry in proven:
        _check_inclusion(entry, hashes, signed)
    for entry in _entries(folder, CONSISTENCY, {"old_checkpoint", "proof"}):
        _check_consistency(entry, signed, verifiers)
    return Exported(signed, _log_key(signed, verifiers).vkey, pruned)


def newest_note(reader: Source, verifiers: Sequence[Verifier]) -> tuple[Note, Checkpoint]:
    """The newest note, with the cosignatures of these keys if upstream acknowledged it. Raises NoteRefused."""
    data, acknowledged = reader.checkpoint(), reader.newest_ack()
    newest = checkpoint.read(data, verifiers[0])
    if acknowledged is not None and checkpoint.read(acknowledged, verifiers[0]) == newest:
        data = acknowledged
    return note.known_only(note.parse(data), verifiers), newest


def _line(leaf: Stored) -> bytes:
    content = {"leaf_hash": b64.encode(leaf.hash)} if leaf.data is None else {"leaf": b64.encode(leaf.data)}
    return _document({"index": leaf.n, **content})


def _document(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"


def _inclusion(reader: Source, n: int, size: int) -> dict[str, object]:
    proof = [b64.encode(one) for one in tree.inclusion(n, size, reader.node)]
    return {"index": n, "size": size, "leaf_hash": b64.encode(reader.node(0, n)), "proof": proof}


def _consistency(reader: Source, old: bytes, verifiers: Sequence[Verifier], size: int) -> dict[str, object]:
    earlier = checkpoint.read(old, verifiers[0])
    proof = [b64.encode(one) for one in tree.consistency(earlier.size, size, reader.node)]
    return {"old_checkpoint": note.known_only(note.parse(old), verifiers).encode().decode(), "proof": proof}


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise ExportRefused(name, f"cannot be read: {error.strerror}") from error


def _vkeys(data: bytes) -> list[Verifier]:
    try:
        verifiers = note.read_vkeys(data.decode())
        if len({one.vkey for one in verifiers}) < len(verifiers):
            raise NoteRefused("a key stands there twice")
    except ValueError as error:
        raise ExportRefused(VKEY, str(error)) from None
    return verifiers


def _note(file: str, data: bytes, verifiers: Sequence[Verifier]) -> Checkpoint:
    """The checkpoint in a note, every signature of which is by a key of the export, and right."""
    try:
        signed = note.parse(data)
        found = checkpoint.parse(signed.text)
        if note.known_only(signed, verifiers) != signed:
            raise NoteRefused("a signature is by none of the keys in vkey")
        signers = {(one.name, one.key_id) for one in signed.signatures}
        if len(signers) < len(signed.signatures):
            raise NoteRefused("a key signed twice")
        log_key = _log_key(found, verifiers)
        if (log_key.name, log_key.key_id) not in signers:
            raise NoteRefused(f"{found.origin} did not sign it")
    except NoteRefused as error:
        raise ExportRefused(file, str(error)) from None
    return found


def _log_key(signed: Checkpoint, verifiers: Sequence[Verifier]) -> Verifier:
    for verifier in verifiers:
        if verifier.name == signed.origin and verifier.kind == note.ED25519:
            return verifier
    raise NoteRefused(f"vkey holds no key of {signed.origin}")


def _check_leaves(folder: Path, signed: Checkpoint, wanted: set[int]) -> tuple[dict[int, bytes], int]:
    """The hashes of the wanted leaves, and how many were pruned."""
    frontier, pruned = Frontier(), 0
    hashes: dict[int, bytes] = {}
    for line in _lines(folder):
        leaf = _leaf(line, frontier.size)
        if frontier.size in wanted:
            hashes[frontier.size] = leaf.hash
        pruned += leaf.data is None
        frontier.push(leaf.hash)
    if frontier.size != signed.size:
        raise ExportRefused(LEAVES, f"{frontier.size} leaves, the checkpoint is of {signed.size}")
    if frontier.root() != signed.root:
        raise ExportRefused(LEAVES, "the leaves do not add up to the root hash of the checkpoint")
    return hashes, pruned


def _lines(folder: Path) -> Iterator[bytes]:
    try:
        with (folder / LEAVES).open("rb") as file:
            while line := file.readline(_LINE_MAX):
                yield line
    except OSError as error:
        raise ExportRefused(LEAVES, f"cannot be read: {error.strerror}") from error


def _leaf(line: bytes, n: int) -> Stored:
    """The leaf in a line, exactly if the line is what `_line` writes for it."""
    try:
        found = json.loads(line)
        if "leaf" in found:
            data = b64.decode(found["leaf"])
            leaf = Stored(n, leaf_hash(data), data)
        else:
            leaf = Stored(n, b64.decode(found["leaf_hash"]), None)
        if len(leaf.hash) == HASH_BYTES and _line(leaf) == line:
            return leaf
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise ExportRefused(LEAVES, f"line {n + 1} is not leaf {n}")


def _entries(folder: Path, name: str, keys: set[str]) -> list[dict[str, Any]]:
    """The objects of an optional file, exactly if it is one list of them in the one spelling."""
    if not (folder / name).exists():
        return []
    data = _read(folder, name)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise ExportRefused(name, "is not JSON") from None
    if not isinstance(found, list) or any(not isinstance(one, dict) or one.keys() != keys for one in found):
        raise ExportRefused(name, f"is not a list of objects with {', '.join(sorted(keys))}")
    if _document(found) != data:
        raise ExportRefused(name, "is not spelled as it was exported")
    return found


def _check_inclusion(entry: dict[str, Any], hashes: dict[int, bytes], signed: Checkpoint) -> None:
    n = entry["index"]
    known = type(n) is int and n in hashes and entry["leaf_hash"] == b64.encode(hashes[n])
    if not known or entry["size"] != signed.size:
        raise ExportRefused(INCLUSION, f"leaf {n!r} of {entry['size']!r} is not in this export")
    try:
        check_inclusion(hashes[n], n, signed.size, _hashes(entry["proof"]), signed.root)
    except ValueError as error:
        raise ExportRefused(INCLUSION, str(error)) from None


def _check_consistency(entry: dict[str, Any], signed: Checkpoint, verifiers: Sequence[Verifier]) -> None:
    if not isinstance(entry["old_checkpoint"], str):
        raise ExportRefused(CONSISTENCY, "old_checkpoint is the text of a signed note")
    old = _note(CONSISTENCY, entry["old_checkpoint"].encode(errors="replace"), verifiers)
    if old.origin != signed.origin:
        raise ExportRefused(CONSISTENCY, f"a checkpoint of {old.origin} in an export of {signed.origin}")
    try:
        check_consistency(old.size, signed.size, _hashes(entry["proof"]), old.root, signed.root)
    except ValueError as error:
        raise ExportRefused(CONSISTENCY, str(error)) from None


def _hashes(proof: object) -> list[bytes]:
    if not isinstance(proof, list) or not all(isinstance(one, str) for one in proof):
        raise ProofRefused("a proof is a list of hashes in base64")
    return [b64.decode(one) for one in proof]
