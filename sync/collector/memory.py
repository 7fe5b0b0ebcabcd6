"""What the collector keeps in memory of its database: one entry an origin, and the pinned keys."""

from __future__ import annotations

from sqlalchemy import Connection

from cabinet.journal.tree import Frontier
from sync.collector import rows
from sync.collector.erasure import Erased
from sync.collector.held import Held, load
from sync.collector.lineage import Lineage
from sync.collector.names import Cabinet
from sync.collector.pins import Pins


class Memory:
    """True as long as every transaction succeeds; then it is read anew. Raises JournalDamaged."""

    def __init__(self, connection: Connection) -> None:
        self.pins = Pins(connection)
        self.lineage = Lineage(connection)
        self.erased = Erased(connection)
        self.origins = {row.name: load(connection, row) for row in rows.origins(connection)}
        self.uncosigned = {name for name, held in self.origins.items() if held.size > held.acked}
        """Origins that have grown since they were last looked at for a cosignature."""

    def held(self, connection: Connection, cabinet: Cabinet, origin: str, epoch: int) -> Held:
        """What is held of an origin, nothing of a new one."""
        found = self.origins.get(origin)
        if found is None:
            number = rows.add_origin(connection, origin, cabinet.site, cabinet.device, epoch)
            found = self.origins[origin] = Held(number, cabinet, origin, epoch, Frontier())
        return found

    def newest_acked(self) -> list[Held]:
        """Of every cabinet the present epoch, if it was acknowledged: all share one retained topic, and an origin
        that was given up is not spoken of again."""
        known = sorted((held for held in self.origins.values() if held.size or held.ack), key=lambda held: held.epoch)
        return [held for held in {held.cabinet: held for held in known}.values() if held.ack_note]

    def of(self, cabinet: Cabinet) -> list[Held]:
        """All origins of a cabinet."""
        return [held for held in self.origins.values() if held.cabinet == cabinet]
