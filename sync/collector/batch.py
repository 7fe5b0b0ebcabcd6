"""A batch of leaves as it comes from a cabinet: everything about it that can be said without knowing its tree.

    {"v":1,"origin":"cabinet.demo/lobby-01","first":4101,"leaves":["<base64>",{"hash":"<base64>"}],
     "checkpoint":"<signed note of size first + number of leaves>","hist":false}

A leaf whose payload the cabinet has pruned comes as its hash. `orphan` marks leaves of an origin that the cabinet
has given up; they are kept aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cabinet.journal import b64, checkpoint, note
from cabinet.journal.checkpoint import MAX_SIZE, Checkpoint
from cabinet.journal.errors import NoteRefused
from cabinet.journal.leaf import MAX_LEAF
from cabinet.journal.note import Note, Verifier
from cabinet.journal.tree import HASH_BYTES, leaf_hash
from sync.collector.names import Cabinet

PAYLOAD_BYTES_MAX: Final = 1_000_000
LEAVES_MAX: Final = 100
LEAF_BYTES_MAX: Final = 32_768

Cause: TypeAlias = Literal[
    "oversized",  # more than 1 MB; not looked into
    "malformed",  # not the JSON of a batch, or a note that is none
    "base64",  # a leaf or a hash is not padded standard base64
    "limits",  # more than 100 leaves or 32 kB of them, or a leaf above 8 kB
    "foreign-origin",  # not an origin of the cabinet whose topic it came by
    "wrong-size",  # the checkpoint is not of first + number of leaves
    "unknown-key",  # no key of this cabinet is pinned, and none was announced
    "unsigned",  # the checkpoint is not signed by the pinned key
    "revoked",  # signed by a key that is not trusted up to there any more
    "wrong-root",  # the leaves do not lead to the root that the cabinet signed
    "crowded",  # too much waits behind a gap, or too many cabinets announce themselves
    "full",  # too much is kept aside
    "foreign-ack",  # a retained acknowledgement that is not ours
    "other-key",  # a session announces another key than the pinned one
]
"""Why something was dropped."""


class Refused(ValueError):
    """It is dropped and counted by its cause."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause)
        self.cause: Cause = cause


@dataclass(frozen=True, slots=True)
class Batch:
    """Leaves `first` up to `end` of an origin, as hash and bytes (None: pruned), and what the cabinet signed."""

    cabinet: Cabinet
    origin: str
    epoch: int
    first: int
    hashes: list[bytes]
    leaves: list[bytes | None]
    note: Note
    checkpoint: Checkpoint
    orphan: bool
    payload: bytes

    @property
    def end(self) -> int:
        return self.first + len(self.leaves)

    def signed_by(self, verifier: Verifier) -> Note:
        """The note with nothing but this key's line. Raises Refused where it is not signed by it."""
        if not verifier.signed(self.note):
            raise Refused("unsigned")
        lines = self.note.signatures
        line = next(one for one in lines if (one.name, one.key_id) == (verifier.name, verifier.key_id))
        return Note(self.note.text, (line,))


def read(payload: bytes, cabinet: Cabinet) -> Batch:
    """A batch that came by this cabinet's topic; its signature is not checked yet. Raises Refused."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise Refused("oversized")
    try:
        found = _Payload.model_validate_json(payload)
    except ValidationError:
        raise Refused("malformed") from None
    epoch = cabinet.epoch(found.origin)
    if epoch is None:
        raise Refused("foreign-origin")
    if len(found.leaves) > LEAVES_MAX:
        raise Refused("limits")
    hashes, leaves = _leaves(found.leaves)
    signed, sealed = _checkpoint(found.checkpoint)
    if sealed.origin != found.origin:
        raise Refused("foreign-origin")
    if sealed.size != found.first + len(leaves):
        raise Refused("wrong-size")
    return Batch(cabinet, found.origin, epoch, found.first, hashes, leaves, signed, sealed, found.orphan, payload)


class _Pruned(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    hash: str


class _Payload(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    v: Literal[1]
    origin: str
    first: Annotated[int, Field(ge=0, le=MAX_SIZE)]
    leaves: Annotated[list[str | _Pruned], Field(min_length=1)]
    checkpoint: str
    hist: bool
    orphan: bool = False


def _leaves(given: list[str | _Pruned]) -> tuple[list[bytes], list[bytes | None]]:
    hashes: list[bytes] = []
    leaves: list[bytes | None] = []
    total = 0
    for one in given:
        if isinstance(one, str):
            leaf = _decoded(one)
            total += len(leaf)
            if len(leaf) > MAX_LEAF or total > LEAF_BYTES_MAX:
                raise Refused("limits")
            hashes.append(leaf_hash(leaf))
            leaves.append(leaf)
        else:
            hashed = _decoded(one.hash)
            if len(hashed) != HASH_BYTES:
                raise Refused("malformed")
            hashes.append(hashed)
            leaves.append(None)
    return hashes, leaves


def _decoded(text: str) -> bytes:
    try:
        return b64.decode(text)
    except ValueError:
        raise Refused("base64") from None


def _checkpoint(text: str) -> tuple[Note, Checkpoint]:
    try:
        signed = note.parse(text.encode())
        return signed, checkpoint.parse(signed.text)
    except NoteRefused:
        raise Refused("malformed") from None
