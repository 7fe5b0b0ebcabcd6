"""Taking in what cabinets send: verified, stored and cosigned in durable transactions; what is missing is asked for.

Start reading at intake.py, which says what happens to a message.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from cabinet.journal.errors import JournalError
from cabinet.journal.note import Signer
from hal.clock import Clock
from sync.collector import epoch_rows, receipts, rows
from sync.collector.batch import Cause, Refused
from sync.collector.held import Held
from sync.collector.intake import Intake
from sync.collector.memory import Memory
from sync.collector.names import ACK, JOURNAL, SESSION, Cabinet
from sync.collector.replay import Replay
from sync.collector.store import Store

log = logging.getLogger(__name__)

COUNTED_EVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message of one of the planes journal, journal/ack (retained) and session."""

    cabinet: Cabinet
    plane: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    """The newest acknowledgement of a cabinet, to be published retained."""

    cabinet: Cabinet
    note: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """To be sent to a cabinet: send again from there."""

    cabinet: Cabinet
    origin: str
    first: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The newest epoch of a cabinet that an operator has accepted, to be published retained."""

    cabinet: Cabinet
    origin: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """To be sent to a cabinet: somebody whom it erased, in an epoch before its present one."""

    cabinet: Cabinet
    text: bytes


@dataclass(frozen=True, slots=True)
class Pin:
    """A key that the configuration names: the 32 bytes of an Ed25519 public key."""

    cabinet: Cabinet
    public: bytes


class Ingest:
    """Blocks; one caller at a time. Memory holds one entry an origin."""

    def __init__(self, store: Store, cosigner: Signer, clock: Clock, pins: Sequence[Pin] = ()) -> None:
        """`cosigner` is of kind COSIGNATURE. Raises JournalDamaged, JournalUnwritable."""
        self._store = store
        self._cosigner = cosigner
        self._clock = clock
        self._configured = tuple(pins)
        self._replay = Replay()
        self._announced: dict[Cabinet, tuple[str, int]] = {}
        """Current origin and size of its tree, as the retained session says."""
        self._refused: Counter[Cause] = Counter()
        self._reborn: set[Cabinet] = set()
        """Cabinets that have spoken of a later epoch since they were last told of erasures."""
        self._to_wipe = True
        self._counted_s = clock.mono_s() - COUNTED_EVERY_S
        with store.transaction() as connection:
            self._memory: Memory | None = self._load(connection)
        self._observe(self._memory.origins.values())

    def take(self, arrived: Sequence[Arrived], *, may_sign: bool) -> list[Ack]:
        """Durable when it returns: publish what it gives, then acknowledge the messages to the broker.

        With `may_sign` false, as long as retained acknowledgements may still be on their way, nothing is cosigned;
        a later call catches up. Raises JournalUnwritable: nothing has happened, the same can be given again.
        """
        try:
            with self._store.transaction() as connection:
                self._memory = self._memory or self._load(connection)
                intake = Intake(connection, self._memory, self._cosigner, self._clock.now().wall_ms)
                for one in arrived:
                    self._take(intake, one)
                acked = intake.finish(may_sign)
        except JournalError:
            self._memory = None
            raise
        self._refused.update(intake.refused)
        self._to_wipe |= intake.has_erased
        self._hear(intake.announced)
        self._observe(intake.touched.values())
        return [Ack(held.cabinet, held.ack_note) for held in acked]

    def acks(self) -> list[Ack]:
        """The stored acknowledgement of every cabinet."""
        acked = [] if self._memory is None else self._memory.newest_acked()
        return [Ack(held.cabinet, held.ack_note) for held in acked]

    def connected(self) -> None:
        """The broker accepted us: what is missing gets some time to come by itself."""
        self._replay.restart(self._clock.mono_s())

    def requests(self) -> list[Request]:
        """What has to be asked for now."""
        cabinets = {origin: cabinet for cabinet, (origin, _) in self._announced.items()}
        if self._memory is not None:
            cabinets |= {held.origin: held.cabinet for held in self._memory.origins.values()}
        return [Request(cabinets[origin], origin, first) for origin, first in self._replay.due(self._clock.mono_s())]

    def next_s(self) -> float | None:
        """When `requests` will have something, in the clock's monotonic seconds."""
        return self._replay.next_s()

    def accepted(self) -> list[Accepted]:
        """As operators have it by now. Raises JournalUnwritable."""
        with self._store.transaction() as connection:
            self._memory = self._memory or self._load(connection)
            self._memory.lineage.look(connection)
            self._memory.pins.look(connection)
            found = epoch_rows.accepted(connection)
        return [Accepted(Cabinet(site, device), origin) for site, device, origin, _ in found]

    def receipts(self) -> list[Receipt]:
        """For the cabinets that have announced an epoch which nobody has accepted yet. Raises JournalUnwritable."""
        reborn = {cabinet: self._announced[cabinet][0] for cabinet in self._reborn}
        self._reborn.clear()
        if not reborn:
            return []
        found = []
        with self._store.transaction() as connection:
            self._memory = self._memory or self._load(connection)
            for cabinet, origin in reborn.items():
                for text in receipts.of_older_epochs(connection, self._memory, cabinet, cabinet.epoch(origin) or 1):
                    found.append(Receipt(cabinet, text))
        return found

    def wipe(self) -> None:
        """What was erased leaves the write-ahead log too, as soon as no reader needs it. Raises JournalUnwritable."""
        if self._to_wipe:
            self._to_wipe = not self._store.truncate()

    def refuse(self, cause: Cause) -> None:
        """Count something that was dropped before it came here."""
        self._refused[cause] += 1

    def count(self, *, at_once: bool = False) -> None:
        """Store and log what was dropped, at most once a minute. Raises JournalUnwritable."""
        now_s = self._clock.mono_s()
        if not self._refused or (now_s - self._counted_s < COUNTED_EVERY_S and not at_once):
            return
        counted = sorted(self._refused.items())
        with self._store.transaction() as connection:
            for cause, count in counted:
                rows.count_refused(connection, cause, count, self._clock.now().wall_ms)
        self._refused.clear()
        self._counted_s = now_s
        log.warning("dropped: %s", ", ".join(f"{count} {cause}" for cause, count in counted))

    def _load(self, connection: Connection) -> Memory:
        memory = Memory(connection)
        for pin in self._configured:
            memory.pins.configure(connection, pin.cabinet, pin.public, self._clock.now().wall_ms)
        return memory

    def _take(self, intake: Intake, one: Arrived) -> None:
        try:
            if one.plane == JOURNAL:
                intake.batch(one.cabinet, one.payload)
            elif one.plane == ACK:
                intake.ack(one.cabinet, one.payload)
            elif one.plane == SESSION:
                intake.session(one.cabinet, one.payload)
        except Refused as refused:
            intake.refused[refused.cause] += 1

    def _hear(self, announced: Mapping[Cabinet, tuple[str, int]]) -> None:
        """A session: how far the cabinet was when it came, and which origin is its present one."""
        assert self._memory is not None
        now_s = self._clock.mono_s()
        for cabinet, (origin, head) in announced.items():
            before, _ = self._announced.get(cabinet, (origin, 0))
            if before != origin:
                self._replay.observe(before, 0, whole=True, now_s=now_s)
            self._announced[cabinet] = (origin, head)
            if self._is_unaccepted(cabinet, origin):
                self._reborn.add(cabinet)
            held = self._memory.origins.get(origin)
            if held is None:
                self._replay.observe(origin, 0, whole=head == 0, now_s=now_s)
            else:
                self._observe([held])

    def _is_unaccepted(self, cabinet: Cabinet, origin: str) -> bool:
        """Also while nothing has come of the new epoch but its session."""
        assert self._memory is not None
        later = (cabinet.epoch(origin) or 1) > 1
        return later and (origin in self._memory.lineage.unaccepted or origin not in self._memory.origins)

    def _observe(self, touched: Iterable[Held]) -> None:
        """Tell how far each origin is."""
        now_s = self._clock.mono_s()
        for held in touched:
            current, head = self._announced.get(held.cabinet, (held.origin, 0))
            whole = current != held.origin or (held.staged == 0 and held.size >= head)
            self._replay.observe(held.origin, held.size, whole=whole, now_s=now_s)
