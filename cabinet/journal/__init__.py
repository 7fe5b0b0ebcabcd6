"""The signed journal: a Merkle log (RFC 6962) of canonical JSON leaves, with C2SP checkpoints, in SQLite.

Knows no items and no people, and imports nothing else of this product.
Start reading at store.py; the bytes are described in docs/reference/journal.md."""
