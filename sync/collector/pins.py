"""The one key that each cabinet signs with, named by the configuration, or as the cabinet first announced it.

The key name follows the origin, so that a new epoch has a new verifier key with the same raw key.
"""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy import Connection

from cabinet.journal.errors import LeafRefused, NoteRefused
from cabinet.journal.leaf import glance
from cabinet.journal.note import ED25519, Note, Verifier
from sync.collector import rows
from sync.collector.batch import Cause, Refused
from sync.collector.names import Cabinet

log = logging.getLogger(__name__)

CABINETS_MAX: Final = 1000
"""On first use; a site that has more is configured."""
OTHER_KEY: Final[Cause] = "other-key"
_ROTATED: Final = b'"ev":"signer.rotated"'


class Pins:
    """In step with the table; changed only inside a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._keys: dict[Cabinet, list[bytes]] = {}
        self._verifiers: dict[str, Verifier] = {}
        for site, device, public in rows.pins(connection):
            self._keys.setdefault(Cabinet(site, device), []).append(public)

    def verifier(self, cabinet: Cabinet, origin: str) -> Verifier | None:
        """The cabinet's present key under the name of this origin; None where none is pinned."""
        found = self._verifiers.get(origin)
        if found is None and cabinet in self._keys:
            found = self._verifiers[origin] = Verifier(origin, ED25519, self._keys[cabinet][-1])
        return found

    def configure(self, connection: Connection, cabinet: Cabinet, public: bytes, now_ms: int) -> None:
        """A key of the configuration. One that was rotated since stays behind."""
        if public not in self._keys.get(cabinet, []):
            self._put(connection, cabinet, public, "configuration", now_ms)

    def announce(self, connection: Connection, cabinet: Cabinet, public: bytes, now_ms: int) -> None:
        """What a cabinet says its key is: pinned on first use. Raises Refused unless it is the pinned one."""
        if cabinet not in self._keys:
            if len(self._keys) >= CABINETS_MAX:
                raise Refused("crowded")
            self._put(connection, cabinet, public, "first-use", now_ms)
        elif self._keys[cabinet][-1] != public:
            if rows.raise_alarm(connection, cabinet.origin, OTHER_KEY, 0, now_ms):
                log.error("%s announces another key than the pinned one", cabinet.origin)
            raise Refused(OTHER_KEY)

    def follow(self, connection: Connection, cabinet: Cabinet, leaf: bytes, signed: Note, now_ms: int) -> None:
        """A leaf `signer.rotated` in a batch that the old key signed; its checkpoint is signed by the new key too."""
        if _ROTATED not in leaf:
            return
        try:
            new = Verifier.from_vkey(str(glance(leaf).get("vkey")))
            new.check(signed)
        except (LeafRefused, NoteRefused) as error:
            log.error("%s: its key was not changed: %s", cabinet.origin, error)
            return
        if new.kind == ED25519 and cabinet.epoch(new.name) is not None:
            self._put(connection, cabinet, new.public, "rotated", now_ms)

    def _put(self, connection: Connection, cabinet: Cabinet, public: bytes, source: str, now_ms: int) -> None:
        rows.add_pin(connection, cabinet.site, cabinet.device, public, source, now_ms)
        rows.clear_alarm(connection, cabinet.origin, OTHER_KEY)
        self._keys.setdefault(cabinet, []).append(public)
        self._verifiers = {name: one for name, one in self._verifiers.items() if cabinet.epoch(name) is None}
        log.info("%s: key pinned (%s)", cabinet.origin, source)
