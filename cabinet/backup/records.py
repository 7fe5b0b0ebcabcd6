"""Records: what the sealed stream of a part is made of. One letter, the length in 4 bytes, the content.

    E  an epoch begins, or goes on: JSON {"epoch", "origin", "first", "size", "vkey"}
    L  the next leaf's bytes                    H  its hash of 32 bytes alone, where the payload was pruned
    C  a signed checkpoint as it is stored      A  an acknowledgement: one with upstream's cosignature
    S  a row of the state table: JSON [key, value]
    R  a roster: JSON {"version", "digest", "site"}
    K  the device key, 32 bytes                 D  the next piece of roster.db
    Z  the end: JSON, how many of each letter came before

Checkpoints and acknowledgements of a size stand behind the leaf with which it is reached.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from cabinet.backup.errors import BackupRefused

EPOCH: Final = b"E"
LEAF: Final = b"L"
HASH: Final = b"H"
CHECKPOINT: Final = b"C"
ACK: Final = b"A"
STATE: Final = b"S"
ROSTER: Final = b"R"
DEVICE_KEY: Final = b"K"
DATA: Final = b"D"
END: Final = b"Z"

RECORD_BYTES_MAX: Final = 1 << 24

Record: TypeAlias = tuple[bytes, bytes]


class RecordWriter:
    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._counts: Counter[str] = Counter()

    def put(self, records: Iterable[Record]) -> None:
        """Many at once: each write below costs more than a record."""
        out = bytearray()
        for kind, body in records:
            self._counts[kind.decode()] += 1
            out += kind + len(body).to_bytes(4, "big") + body
        self._write(bytes(out))

    def end(self) -> None:
        self.put([(END, as_json(dict(self._counts)))])


def records(chunks: Iterable[bytes], name: str) -> Iterator[Record]:
    """The records before the end, whose counts are compared. Raises BackupRefused."""
    counts: Counter[str] = Counter()
    for kind, body in _framed(chunks, name):
        if kind == END:
            if from_json(body, name) != dict(counts):
                raise BackupRefused(f"{name}: not everything that was written is in it")
            return
        counts[kind.decode("latin-1")] += 1
        yield kind, body
    raise BackupRefused(f"{name}: its content ends too early")


def as_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def from_json(data: bytes, name: str) -> Any:
    """Raises BackupRefused."""
    try:
        return json.loads(data)
    except ValueError:
        raise BackupRefused(f"{name}: holds something that is no JSON; it was made by another program") from None


def _framed(chunks: Iterable[bytes], name: str) -> Iterator[Record]:
    buffer, at = b"", 0
    for chunk in chunks:
        buffer, at = buffer[at:] + chunk, 0
        while len(buffer) - at >= 5:
            size = int.from_bytes(buffer[at + 1 : at + 5], "big")
            if size > RECORD_BYTES_MAX:
                raise BackupRefused(f"{name}: holds a record that is too long; it was made by another program")
            if len(buffer) - at - 5 < size:
                break
            yield buffer[at : at + 1], buffer[at + 5 : at + 5 + size]
            at += 5 + size
    if at < len(buffer):
        raise BackupRefused(f"{name}: its content ends in the middle of a record")
