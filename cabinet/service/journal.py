"""journal.head and journal.leaves: what the uplink reads."""

from __future__ import annotations

from base64 import b64encode

from cabinet.control.protocol import Params
from cabinet.control.session import Peer
from cabinet.journal.store import Journal
from cabinet.service.parameters import integer
from cabinet.service.see import ReadLeaves
from cabinet.service.views import View

_LIMIT_MAX = 100
_BYTES_MAX = 32_768


class Head:
    """Reads between two commits, so a head and its checkpoint always belong together."""

    def __init__(self, journal: Journal, read_leaves: ReadLeaves) -> None:
        self._journal = journal
        self._read_leaves = read_leaves

    async def head(self, params: Params, peer: Peer) -> View:
        note = self._journal.checkpoint()
        return {"origin": self._journal.origin, "size": self._journal.size, "checkpoint": note.decode()}

    async def leaves(self, params: Params, peer: Peer) -> View:
        """At most `limit` leaves from `from` on, and at most 32 kB of them."""
        first, limit = integer(params, "from", 0, 2**53), integer(params, "limit", 1, _LIMIT_MAX)
        found: list[View] = []
        total = 0
        for n, leaf in await self._read_leaves(first, limit):
            total += len(leaf or b"")
            if found and total > _BYTES_MAX:
                break
            found.append({"n": n, "leaf": None if leaf is None else b64encode(leaf).decode()})
        return {"leaves": found}
