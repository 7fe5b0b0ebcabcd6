"""The key of the journal: each note is signed by the one that is due, and the journal alone tells which that is.

Worked out from the leaves by a reading of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from simulator.harness import happenings as seen
from simulator.harness.second_tree import ReadNote, parse_note
from simulator.harness.witness import Hear, Violated

SIGNATURES_EVERY = 50


class OneSigner:
    number = 40
    title = "one key signs at a time, and a rotation is signed by both"

    def __init__(self, key: bytes, kept: Callable[[], Sequence[bytes]]) -> None:
        """`key`: the cabinet's first public one. `kept`: the private keys that are on the disk now."""
        self._key = key
        self._kept = kept
        self._coming: bytes | None = None
        self._former: list[bytes] = []
        self._notes = 0
        self._rotated: list[tuple[str, int]] = []
        """Origin and size of each transaction that two keys signed."""

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf, seen.Sealed: self._sealed, seen.Published: self._published}

    def at_rest(self) -> None:
        """The one that signs is there, and none that did."""
        kept = [_public(seed) for seed in self._kept()]
        if self._key not in kept:
            raise Violated(self, "the key that signs is not on the disk")
        if any(key in self._former for key in kept):
            raise Violated(self, "a key that was rotated away is still on the disk")

    def _leaf(self, leaf: seen.Leaf) -> None:
        if leaf.content["ev"] == "signer.rotated":
            old, new = (_raw(leaf.content[name]) for name in ("old", "vkey"))
            if old != self._key or self._coming is not None:
                raise Violated(self, f"leaf {leaf.n} rotates a key that does not sign")
            self._coming = new
        if leaf.content["ev"] == "epoch.opened" and leaf.content["reason"] in ("key-lost", "key-revoked"):
            self._former.append(self._key)
            self._key = _raw(leaf.content["vkey"])

    def _sealed(self, sealed: seen.Sealed) -> None:
        note = parse_note(sealed.note)
        due = [self._key] if self._coming is None else [self._key, self._coming]
        ids = [_key_id(note.origin, key) for key in due]
        if [key_id for name, key_id, _ in note.signatures if name == note.origin] != ids:
            raise Violated(self, f"the checkpoint of {note.size} is not signed by the key that is due, and by no other")
        self._notes += 1
        if self._notes % SIGNATURES_EVERY == 1 or len(due) > 1:
            self._check(note, due)
        if self._coming is not None:
            self._rotated.append((note.origin, note.size))
            self._former.append(self._key)
            self._key, self._coming = self._coming, None

    def _published(self, published: seen.Published) -> None:
        """Upstream knows the next key only once it holds the rotation to it."""
        if not published.topic.endswith("/journal"):
            return
        batch = json.loads(published.payload)
        first, end = batch["first"], batch["first"] + len(batch["leaves"])
        for origin, size in self._rotated:
            if origin == batch["origin"] and first < size < end:
                raise Violated(self, f"leaves {first} to {end} go up at once, and the key was rotated at {size}")

    def _check(self, note: ReadNote, due: Sequence[bytes]) -> None:
        for key, (_, _, signature) in zip(due, note.signatures, strict=False):
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(signature, note.text.encode())
            except InvalidSignature:
                raise Violated(self, f"the checkpoint of {note.size} is not signed by the cabinet") from None


def _public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _raw(vkey: str) -> bytes:
    return base64.b64decode(vkey.split("+", 2)[2])[1:]


def _key_id(origin: str, public: bytes) -> bytes:
    return sha256(origin.encode() + b"\n\x01" + public).digest()[:4]
