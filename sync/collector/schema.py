"""The tables of the collector's database, and the steps that lead to them.

Every origin is a tree of its own. As in the journal, a leaf row also carries the hashes of the subtrees that its
leaf completes, level 1 first. Of checkpoints and acknowledgements the newest is kept: it covers those before it.
"""

from __future__ import annotations

from typing import Final

PAGE_BYTES: Final = 4096
"""A leaf row of some 500 bytes stays in one page of the tree without rowid."""

_FIRST: Final = (
    """CREATE TABLE pin (
        id INTEGER PRIMARY KEY,
        site TEXT NOT NULL,
        device TEXT NOT NULL,
        public BLOB NOT NULL,
        source TEXT NOT NULL,
        since_ms INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE origin (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        site TEXT NOT NULL,
        device TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        seen_ms INTEGER
    ) STRICT""",
    # No reference to origin: it would be looked up once a leaf.
    """CREATE TABLE leaf (
        origin INTEGER NOT NULL,
        n INTEGER NOT NULL,
        hash BLOB NOT NULL,
        subtrees BLOB NOT NULL,
        bytes BLOB,
        PRIMARY KEY (origin, n)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE checkpoint (
        origin INTEGER PRIMARY KEY REFERENCES origin (id), size INTEGER NOT NULL, note BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE ack (
        origin INTEGER PRIMARY KEY REFERENCES origin (id), size INTEGER NOT NULL, note BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE staged (
        origin INTEGER NOT NULL REFERENCES origin (id),
        first INTEGER NOT NULL,
        digest BLOB NOT NULL,
        payload BLOB NOT NULL,
        PRIMARY KEY (origin, first, digest)
    ) STRICT""",
    """CREATE TABLE evidence (
        id INTEGER PRIMARY KEY,
        origin INTEGER NOT NULL REFERENCES origin (id),
        kind TEXT NOT NULL,
        n INTEGER NOT NULL,
        digest BLOB NOT NULL,
        ours BLOB,
        theirs BLOB NOT NULL,
        payload BLOB NOT NULL,
        seen_ms INTEGER NOT NULL,
        UNIQUE (origin, kind, n, digest)
    ) STRICT""",
    """CREATE TABLE alarm (
        origin TEXT NOT NULL,
        kind TEXT NOT NULL,
        n INTEGER NOT NULL,
        detail TEXT NOT NULL,
        evidence INTEGER REFERENCES evidence (id),
        count INTEGER NOT NULL,
        raised_ms INTEGER NOT NULL,
        seen_ms INTEGER NOT NULL,
        PRIMARY KEY (origin, kind)
    ) STRICT""",
    # What the first leaf of a later epoch says of the one before it; who has accepted it, when and why.
    """CREATE TABLE epoch (
        origin INTEGER PRIMARY KEY REFERENCES origin (id),
        reason TEXT NOT NULL,
        old_origin TEXT,
        old_size INTEGER,
        old_root BLOB,
        opened_ms INTEGER NOT NULL,
        accepted_ms INTEGER,
        accepted_by TEXT,
        accepted_reason TEXT
    ) STRICT""",
    # Leaves that their cabinet has given up, and what it signed over them; never a part of the tree.
    """CREATE TABLE orphan (
        origin INTEGER NOT NULL REFERENCES origin (id),
        n INTEGER NOT NULL,
        hash BLOB NOT NULL,
        bytes BLOB,
        seen_ms INTEGER NOT NULL,
        PRIMARY KEY (origin, n, hash)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE orphan_note (
        origin INTEGER NOT NULL REFERENCES origin (id),
        size INTEGER NOT NULL,
        root BLOB NOT NULL,
        note BLOB NOT NULL,
        seen_ms INTEGER NOT NULL,
        PRIMARY KEY (origin, size, root)
    ) STRICT""",
    # The leaves that rotate a cabinet's key, and what both keys signed.
    """CREATE TABLE rotation (
        origin INTEGER NOT NULL REFERENCES origin (id),
        n INTEGER NOT NULL,
        note BLOB NOT NULL,
        PRIMARY KEY (origin, n)
    ) STRICT""",
    # Keys that are trusted up to a size of their origin, by the word of the fleet key.
    """CREATE TABLE revocation (
        origin TEXT NOT NULL,
        public BLOB NOT NULL,
        size INTEGER NOT NULL,
        note BLOB NOT NULL,
        seen_ms INTEGER NOT NULL,
        PRIMARY KEY (origin, public)
    ) STRICT""",
    # Whose payloads are not kept, by the leaf that says so.
    """CREATE TABLE erased (
        origin INTEGER NOT NULL REFERENCES origin (id),
        p TEXT NOT NULL,
        n INTEGER NOT NULL,
        seen_ms INTEGER NOT NULL,
        PRIMARY KEY (origin, p)
    ) STRICT""",
    "CREATE TABLE refused (cause TEXT PRIMARY KEY, count INTEGER NOT NULL, seen_ms INTEGER NOT NULL) STRICT",
    # Erasing somebody's payload is the one change of a leaf, and of evidence.
    """CREATE TRIGGER leaf_unchanged BEFORE UPDATE ON leaf
        WHEN NEW.bytes IS NOT NULL OR (NEW.origin, NEW.n, NEW.hash, NEW.subtrees)
            IS NOT (OLD.origin, OLD.n, OLD.hash, OLD.subtrees)
        BEGIN SELECT raise(ABORT, 'leaves are immutable'); END""",
    """CREATE TRIGGER leaf_kept BEFORE DELETE ON leaf
        BEGIN SELECT raise(ABORT, 'leaves are immutable'); END""",
    """CREATE TRIGGER checkpoint_grows BEFORE UPDATE ON checkpoint WHEN NEW.size <= OLD.size
        BEGIN SELECT raise(ABORT, 'a checkpoint only moves forward'); END""",
    """CREATE TRIGGER ack_grows BEFORE UPDATE ON ack WHEN NEW.size <= OLD.size
        BEGIN SELECT raise(ABORT, 'a cosignature is never given for an older size'); END""",
    """CREATE TRIGGER ack_kept BEFORE DELETE ON ack
        BEGIN SELECT raise(ABORT, 'acknowledgements are kept'); END""",
    """CREATE TRIGGER evidence_unchanged BEFORE UPDATE ON evidence
        WHEN (NEW.id, NEW.origin, NEW.kind, NEW.n, NEW.digest, NEW.ours, NEW.theirs, NEW.seen_ms)
            IS NOT (OLD.id, OLD.origin, OLD.kind, OLD.n, OLD.digest, OLD.ours, OLD.theirs, OLD.seen_ms)
            OR length(NEW.payload) >= length(OLD.payload)
        BEGIN SELECT raise(ABORT, 'evidence is immutable'); END""",
    """CREATE TRIGGER orphan_unchanged BEFORE UPDATE ON orphan
        WHEN NEW.bytes IS NOT NULL OR (NEW.origin, NEW.n, NEW.hash, NEW.seen_ms)
            IS NOT (OLD.origin, OLD.n, OLD.hash, OLD.seen_ms)
        BEGIN SELECT raise(ABORT, 'orphans are immutable'); END""",
    """CREATE TRIGGER acceptance_kept BEFORE UPDATE ON epoch WHEN OLD.accepted_ms IS NOT NULL
        BEGIN SELECT raise(ABORT, 'an epoch is accepted once'); END""",
    """CREATE TRIGGER revocation_kept BEFORE DELETE ON revocation
        BEGIN SELECT raise(ABORT, 'revocations are kept'); END""",
    """CREATE TRIGGER revocation_shrinks BEFORE UPDATE ON revocation WHEN NEW.size >= OLD.size
        BEGIN SELECT raise(ABORT, 'a revocation is never taken back'); END""",
    """CREATE TRIGGER erasure_kept BEFORE DELETE ON erased
        BEGIN SELECT raise(ABORT, 'erasures are kept'); END""",
)

MIGRATIONS: Final = (_FIRST,)
"""Step k leads from user_version k to k + 1. A step that was released is never changed."""
