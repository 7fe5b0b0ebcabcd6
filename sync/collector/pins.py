"""The one key that each cabinet signs with, named by the configuration, or as the cabinet first announced it.

The key name follows the origin, so that a new epoch has a new verifier key with the same raw key.
"""

from __future__ import annotations

import logging
import math
from typing import Final

from sqlalchemy import Connection

from cabinet.journal.errors import NoteRefused
from cabinet.journal.key_walk import renamed, rotation_in
from cabinet.journal.note import ED25519, Note, Verifier, known_only
from sync.collector import rows
from sync.collector.batch import Batch, Cause, Refused
from sync.collector.held import Held
from sync.collector.names import Cabinet

log = logging.getLogger(__name__)

CABINETS_MAX: Final = 1000
"""On first use; a site that has more is configured."""
OTHER_KEY: Final[Cause] = "other-key"
ROTATION: Final = "rotation"
"""The alarm of a rotation that is not signed by both keys."""


class Pins:
    """In step with the table; changed only inside a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._keys: dict[Cabinet, list[bytes]] = {}
        self._revoked: list[tuple[str, bytes, int]] = []
        self.look(connection)

    def signed(self, batch: Batch, *, open_end: bool) -> Note:
        """The note with nothing but the line of a pinned key. With `open_end`, where the tree may grow, it has to be
        the present one; those before it count for what the origin has, or had when it ended. Raises Refused."""
        keys = self._keys.get(batch.cabinet, [])
        if not keys:
            raise Refused("unknown-key")
        for public in keys[-1:] if open_end else reversed(keys):
            verifier = Verifier(batch.origin, ED25519, public)
            if verifier.signed(batch.note):
                if batch.end > self._trusted_to(batch, public):
                    raise Refused("revoked")
                return batch.signed_by(verifier)
        raise Refused("unsigned")

    def _trusted_to(self, batch: Batch, public: bytes) -> float:
        """Up to which size of its origin; in an epoch behind one for which it was revoked a key signs nothing."""
        sizes = [math.inf]
        for origin, key, size in self._revoked:
            epoch = batch.cabinet.epoch(origin)
            if key == public and epoch is not None and epoch <= batch.epoch:
                sizes.append(size if epoch == batch.epoch else 0)
        return min(sizes)

    def look(self, connection: Connection) -> None:
        """An operator accepts keys by a program of their own."""
        self._revoked = rows.revocations(connection)
        self._keys = {}
        for site, device, public in rows.pins(connection):
            self._keys.setdefault(Cabinet(site, device), []).append(public)

    def configure(self, connection: Connection, cabinet: Cabinet, public: bytes, now_ms: int) -> None:
        """A key of the configuration. One that was rotated since stays behind."""
        if public not in self._keys.get(cabinet, []):
            self._put(connection, cabinet, public, "configuration", now_ms)

    def announce(self, connection: Connection, cabinet: Cabinet, public: bytes, now_ms: int, *, behind: bool) -> None:
        """What a cabinet says its key is: pinned on first use. Raises Refused unless it is the pinned one; `behind`,
        while leaves are missing that may tell of a rotation, without an alarm."""
        if cabinet not in self._keys:
            if len(self._keys) >= CABINETS_MAX:
                raise Refused("crowded")
            self._put(connection, cabinet, public, "first-use", now_ms)
        elif self._keys[cabinet][-1] != public:
            if not behind and rows.raise_alarm(connection, cabinet.origin, OTHER_KEY, 0, now_ms):
                log.error("%s announces another key than the pinned one", cabinet.origin)
            raise Refused(OTHER_KEY)

    def follow(self, connection: Connection, held: Held, n: int, leaf: bytes, signed: Note, now_ms: int) -> Note | None:
        """A leaf that rotates the key, in a batch that the present key signed: the next one is pinned if it signed too.
        Gives the note with the lines of both."""
        try:
            keys = rotation_in(leaf)
            if keys is None:
                return None
            old, new = (renamed(key, held.origin) for key in keys)
            if old.public != self._keys[held.cabinet][-1] or new.public in self._keys[held.cabinet]:
                raise NoteRefused("it goes on from another key, or to one that signed before")
            old.check(signed)
            new.check(signed)
        except NoteRefused as error:
            if rows.raise_alarm(connection, held.origin, ROTATION, n, now_ms):
                log.error("%s: leaf %d rotates the key, which does not change: %s", held.origin, n, error)
            return None
        self._put(connection, held.cabinet, new.public, "rotated", now_ms)
        both = known_only(signed, [old, new])
        rows.add_rotation(connection, held.id, n, both.encode())
        return both

    def _put(self, connection: Connection, cabinet: Cabinet, public: bytes, source: str, now_ms: int) -> None:
        rows.add_pin(connection, cabinet.site, cabinet.device, public, source, now_ms)
        rows.clear_alarm(connection, cabinet.origin, OTHER_KEY)
        self._keys.setdefault(cabinet, []).append(public)
        log.info("%s: key pinned (%s)", cabinet.origin, source)
