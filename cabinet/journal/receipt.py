"""A receipt for one leaf (c2sp.org/tlog-proof): its holder can check it and sees nobody else's events.

c2sp.org/tlog-proof@v1
extra <base64 of the leaf>
index <n>
<base64 hash>            the proof, the leaf's sibling first
...
<empty line>
<signed checkpoint>
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cabinet.journal import b64, checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import ExportRefused, NoteRefused
from cabinet.journal.export import newest_note
from cabinet.journal.key_walk import KeyWalk, walked
from cabinet.journal.leaf import glance
from cabinet.journal.note import Verifier
from cabinet.journal.reader import JournalReader
from cabinet.journal.revocation import Revocation
from cabinet.journal.tree import check_inclusion, leaf_hash

_FILE: Final = "receipt"
_MAX: Final = 32_768
_TEXT: Final = re.compile(
    r"c2sp\.org/tlog-proof@v1\n"
    r"extra ([A-Za-z0-9+/=]+)\n"
    r"index (0|[1-9][0-9]{0,15})\n"
    r"((?:[A-Za-z0-9+/]{43}=\n){0,63})\n"
    r"(.+)",
    re.DOTALL,
)


class NoReceipt(ValueError):
    """There is no receipt for this leaf, or not yet; the text says why."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A leaf that was proven to be in the journal, and the checkpoint it was proven against."""

    n: int
    leaf: bytes
    checkpoint: Checkpoint


def receipt(reader: JournalReader, n: int, vkeys: Sequence[str]) -> bytes:
    """The receipt for leaf `n` against the newest checkpoint; the key that the log began with comes first in `vkeys`.

    Raises NoReceipt for a leaf that is not there, not sealed yet or pruned, NoteRefused.
    """
    first, *others = (Verifier.from_vkey(vkey) for vkey in vkeys)
    try:
        signed, sealed = newest_note(reader, KeyWalk(first), others)
    except NoteRefused:
        # Other keys have followed; to find them takes reading the index from end to end.
        signed, sealed = newest_note(reader, walked(first, reader.rotations()), others)
    stored = next(reader.leaves(n, n + 1), None)
    if stored is None:
        raise NoReceipt(f"there is no event {n}; the journal ends with {reader.size - 1}")
    if n >= sealed.size:
        raise NoReceipt(f"event {n} is not sealed yet")
    if stored.data is None:
        raise NoReceipt(f"event {n} was pruned; only its hash is left")
    proof = reader.inclusion(n, sealed.size)
    return compose(n, stored.data, proof, signed.encode())


def compose(n: int, leaf: bytes, proof: Sequence[bytes], signed: bytes) -> bytes:
    """The receipt of these parts, which are not checked."""
    lines = ["c2sp.org/tlog-proof@v1", f"extra {b64.encode(leaf)}", f"index {n}", *map(b64.encode, proof)]
    return "\n".join([*lines, "", ""]).encode() + signed


def verify_receipt(data: bytes, vkeys: Sequence[str], revoked: Sequence[Revocation] = ()) -> Receipt:
    """The leaf of a receipt that one of these logs' keys vouches for: one named as the receipt's origin.

    Of a revoked key only the very tree counts that its revocation names: with a stolen key any other can be signed, a
    smaller one as well, and a receipt does not show whether it leads to that one. Raises ExportRefused; NoteRefused for
    the keys."""
    verifiers = [Verifier.from_vkey(vkey) for vkey in vkeys]
    try:
        match = _TEXT.fullmatch(data.decode()) if len(data) <= _MAX else None
        if match is None:
            raise ExportRefused(_FILE, "it is no receipt (a tlog-proof with its leaf)")
        leaf, n = b64.decode(match[1]), int(match[2])
        proof = [b64.decode(line) for line in match[3].splitlines()]
        signed = _checkpoint(match[4].encode(), verifiers, revoked)
        check_inclusion(leaf_hash(leaf), n, signed.size, proof, signed.root)
        if glance(leaf).get("n") != n:
            raise ExportRefused(_FILE, f"its leaf is not that of index {n}")
    except ExportRefused:
        raise
    except ValueError as error:
        raise ExportRefused(_FILE, str(error)) from None
    return Receipt(n, leaf, signed)


def _checkpoint(data: bytes, verifiers: Sequence[Verifier], revoked: Sequence[Revocation]) -> Checkpoint:
    """Signed by any of these keys that has its name: one of them may have followed the other."""
    signed = note.parse(data)
    found = checkpoint.parse(signed.text)
    origin = found.origin
    named = [verifier for verifier in verifiers if verifier.name == origin]
    if not named:
        names = ", ".join(verifier.name for verifier in verifiers)
        raise ExportRefused(_FILE, f"it is of {origin}, the key is of {names}")
    signers = [one for one in named if one.signed(signed)] or named[:1]
    if not (good := [key for key in signers if not _is_revoked(key, found, revoked)]):
        raise ExportRefused(
            _FILE,
            f"key {signers[0].key_id.hex()} was revoked, and a checkpoint of {found.size} events by it proves nothing; "
            "whoever has the journal can tell whether it is of it: cabinetctl journal verify --trusted",
        )
    return checkpoint.read(data, good[0])


def _is_revoked(key: Verifier, found: Checkpoint, revoked: Sequence[Revocation]) -> bool:
    of_key = [one for one in revoked if one.public == key.public]
    return any(one.before(found.origin) or (one.origin == found.origin and one.checkpoint != found) for one in of_key)
