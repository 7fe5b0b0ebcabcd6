"""An export: plain files that anyone can check without this program.

    checkpoint        newest signed note, cosignatures behind the log's own
    vkey              verifier keys, one a line; where the log's key was rotated, each with a comment before it
    leaves.jsonl      {"index":0,"leaf":"<base64>"}, where pruned {"index":0,"leaf_hash":"<base64>"}
    inclusion.json    [{"index","size","leaf_hash","proof":[...]}], on request
    consistency.json  [{"old_checkpoint":"<signed note>","proof":[...]}], of each rotation and on request

Every file has exactly one spelling, so that no changed byte goes unnoticed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from cabinet.journal import b64, checkpoint, note, tree
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import ExportRefused, NoteRefused, ProofRefused
from cabinet.journal.key_walk import MARK, KeyWalk, Rotation, walked
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

    def rotations(self) -> Iterator[Rotation]:
        """Each leaf that rotates the key, with its transaction's note."""
        ...


@dataclass(frozen=True, slots=True)
class Exported:
    """What a checked export holds. `vkeys` are those of the log, each vouched for by the one before it: whether one of
    them is the right key is for the reader to compare."""

    checkpoint: Checkpoint
    vkeys: tuple[str, ...]
    pruned: int


def export(
    reader: Source,
    folder: Path,
    vkeys: Sequence[str],
    *,
    prove: Sequence[int] = (),
    since: Sequence[bytes] = (),
) -> Checkpoint:
    """Write the sealed leaves to an empty or new folder. The key that the log began with comes first in `vkeys`; those
    that it rotated to follow from it.

    `prove` are leaf indexes, `since` earlier signed checkpoints of this journal. Signatures of keys that are not
    among `vkeys` are left out. Raises FileExistsError for a folder with something in it, NoteRefused for a
    checkpoint that the log's key did not sign, ValueError for an index or checkpoint beyond the newest one.
    """
    first, *others = (Verifier.from_vkey(vkey) for vkey in vkeys)
    rotations = list(reader.rotations())
    walk = walked(first, rotations)
    signed, sealed = newest_note(reader, walk, others)
    inclusion = [_inclusion(reader, n, sealed.size) for n in prove]
    olds = dict.fromkeys((*(data for _, _, data in rotations), *since))
    consistency = [_consistency(reader, old, walk, others, sealed.size) for old in olds]
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; name a new folder")
    with (folder / LEAVES).open("xb") as file:
        file.writelines(_line(leaf) for leaf in reader.leaves(0, sealed.size))
    if inclusion:
        (folder / INCLUSION).write_bytes(_document(inclusion))
    if consistency:
        (folder / CONSISTENCY).write_bytes(_document(consistency))
    (folder / VKEY).write_text(_vkey_text(walk, others))
    (folder / CHECKPOINT).write_bytes(signed.encode())
    return sealed


def verify_export(folder: Path) -> Exported:
    """Check every file of an export against its checkpoint, streaming. Raises ExportRefused."""
    verifiers = _vkeys(_read(folder, VKEY))
    signed = _note(CHECKPOINT, _read(folder, CHECKPOINT), verifiers)
    proven = _entries(folder, INCLUSION, {"index", "size", "leaf_hash", "proof"})
    wanted = {entry["index"] for entry in proven if type(entry["index"]) is int}
    leaves = _check_leaves(folder, signed, wanted)
    for entry in proven:
        _check_inclusion(entry, leaves.hashes, signed)
    earlier = _entries(folder, CONSISTENCY, {"old_checkpoint", "proof"})
    for entry in earlier:
        _check_consistency(entry, signed, verifiers)
    walk = _walk(folder, signed, verifiers, leaves.rotations, [entry["old_checkpoint"].encode() for entry in earlier])
    return Exported(signed, tuple(key.vkey for key in walk.keys), leaves.pruned)


def newest_note(reader: Source, walk: KeyWalk, others: Sequence[Verifier] = ()) -> tuple[Note, Checkpoint]:
    """The newest note, with the cosignatures of these others if upstream acknowledged it. Raises NoteRefused."""
    data, acknowledged = reader.checkpoint(), reader.newest_ack()
    newest = walk.check(data)
    if acknowledged is not None and walk.check(acknowledged) == newest:
        data = acknowledged
    return note.known_only(note.parse(data), [*walk.keys, *others]), newest


def _vkey_text(walk: KeyWalk, others: Sequence[Verifier]) -> str:
    """The keys, with a comment about each of the log's where there is more than one."""
    lines = [f"{key.vkey}\n" for key in walk.keys]
    for k, size in enumerate(walk.rotations, 1):
        lines[k] = f"# From size {size} on, which both sign:\n{lines[k]}"
    if walk.rotations:
        lines[0] = f"# The key that the log began with; up to size {walk.rotations[0]}:\n{lines[0]}"
    return "".join([*lines, *(f"{key.vkey}\n" for key in others)])


def _walk(
    folder: Path,
    signed: Checkpoint,
    verifiers: Sequence[Verifier],
    rotations: Sequence[tuple[int, bytes]],
    earlier: Sequence[bytes],
) -> KeyWalk:
    """From the first key of the log through all rotations; every note is signed by the keys of its size."""
    notes = sorted(((checkpoint.parse(note.parse(data).text).size, data) for data in earlier), key=lambda one: one[0])
    try:
        walk = KeyWalk(_log_key(signed, verifiers))
        for n, data in rotations:
            walk.leaf(n, data)
            walk.check(next((old for size, old in notes if size > n), b""))
        for old in (*(old for _, old in notes), _read(folder, CHECKPOINT)):
            walk.check(old)
    except NoteRefused as error:
        raise ExportRefused(VKEY, f"the keys do not follow one another: {error}") from None
    others = [one for one in verifiers if one.name != signed.origin]
    if _vkey_text(walk, others).encode() != _read(folder, VKEY):
        raise ExportRefused(VKEY, "is not spelled as it was exported")
    return walk


def _line(leaf: Stored) -> bytes:
    content = {"leaf_hash": b64.encode(leaf.hash)} if leaf.data is None else {"leaf": b64.encode(leaf.data)}
    return _document({"index": leaf.n, **content})


def _document(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"


def _inclusion(reader: Source, n: int, size: int) -> dict[str, object]:
    proof = [b64.encode(one) for one in tree.inclusion(n, size, reader.node)]
    return {"index": n, "size": size, "leaf_hash": b64.encode(reader.node(0, n)), "proof": proof}


def _consistency(reader: Source, old: bytes, walk: KeyWalk, others: Sequence[Verifier], size: int) -> dict[str, object]:
    earlier = walk.check(old)
    proof = [b64.encode(one) for one in tree.consistency(earlier.size, size, reader.node)]
    known = note.known_only(note.parse(old), [*walk.keys, *others])
    return {"old_checkpoint": known.encode().decode(), "proof": proof}


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
        if not any((key.name, key.key_id) in signers for key in verifiers if key.name == found.origin):
            raise NoteRefused(f"{found.origin} did not sign it")
    except NoteRefused as error:
        raise ExportRefused(file, str(error)) from None
    return found


def _log_key(signed: Checkpoint, verifiers: Sequence[Verifier]) -> Verifier:
    for verifier in verifiers:
        if verifier.name == signed.origin and verifier.kind == note.ED25519:
            return verifier
    raise NoteRefused(f"vkey holds no key of {signed.origin}")


@dataclass(slots=True)
class _Leaves:
    """The hashes of the wanted leaves, how many were pruned, and the leaves that rotate the key."""

    hashes: dict[int, bytes] = field(default_factory=dict)
    pruned: int = 0
    rotations: list[tuple[int, bytes]] = field(default_factory=list)


def _check_leaves(folder: Path, signed: Checkpoint, wanted: set[int]) -> _Leaves:
    frontier, found = Frontier(), _Leaves()
    for line in _lines(folder):
        leaf = _leaf(line, frontier.size)
        if frontier.size in wanted:
            found.hashes[frontier.size] = leaf.hash
        found.pruned += leaf.data is None
        if leaf.data is not None and MARK in leaf.data:
            found.rotations.append((leaf.n, leaf.data))
        frontier.push(leaf.hash)
    if frontier.size != signed.size:
        raise ExportRefused(LEAVES, f"{frontier.size} leaves, the checkpoint is of {signed.size}")
    if frontier.root() != signed.root:
        raise ExportRefused(LEAVES, "the leaves do not add up to the root hash of the checkpoint")
    return found


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
