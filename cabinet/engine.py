"""The books with the loop over them, and the desk where requests are handed in: a cabinet without its devices."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence

from cabinet.acts import Acts, Hardware
from cabinet.books import Books
from cabinet.core.effects import Effect
from cabinet.core.leaves import Leaf
from cabinet.journal.leaf import Entry, write
from cabinet.policy.rights import Pseudonym
from cabinet.roster.store import RosterDiskError
from cabinet.runner import Runner
from cabinet.service.backup import BackupService
from cabinet.service.booking import BookingService
from cabinet.service.clock import ClockService
from cabinet.service.codes import Codes
from cabinet.service.desk import Desk
from cabinet.service.disclosure import Disclosure
from cabinet.service.enrolment import Enrolment
from cabinet.service.erased_before import ErasedBefore
from cabinet.service.erasure import Erasure
from cabinet.service.fingers import Fingers
from cabinet.service.incidents import Incidents
from cabinet.service.keys import Keys
from cabinet.service.leavers import Leavers
from cabinet.service.new_epoch import NewEpoch
from cabinet.service.retention import Retention
from cabinet.service.roster import RosterService
from cabinet.service.upstream import Upstream
from cabinet.service.watchers import Watchers
from cabinet.vault.device_key import Random
from cabinet.vault.sealing import no_key, seal
from hal.clock import Clock, Now
from hal.secret import Secret
from hal.worker import Worker

log = logging.getLogger(__name__)

_BOOT_BYTES = 4
"""Of the number that tells one run of the daemon from the next."""


class Engine:
    """Runner, desk and acts over open books. Three workers: the journal never waits for the roster, nor either for
    a PIN check."""

    def __init__(
        self,
        books: Books,
        hardware: Hardware,
        clock: Clock,
        workers: Callable[[str], Worker],
        random: Random = os.urandom,
    ) -> None:
        self.books = books
        self.over = asyncio.Event()
        """Set when this epoch gets no more leaves: a fresh start opens the next one."""
        self._random = random
        self._boot = random(_BOOT_BYTES).hex()
        self._journal_worker = workers("journal")
        self._roster_worker = workers("roster")
        self._pin_worker = workers("pin")
        self.runner = Runner(
            books.state(),
            books.rights(),
            store=books.journal,
            worker=self._journal_worker,
            seal=self._seal,
            clock=clock,
            dispatch=self._dispatch,
        )
        self.desk = Desk(self.runner.inbox)
        self.roster = RosterService(books.roster, self.runner, self.desk, self._roster_worker, books.rights, clock)
        self.erasure = Erasure(
            books.roster,
            self.runner,
            self.desk,
            self._roster_worker,
            books.rights,
            self.roster.one_change,
            books.config.state_dir,
        )
        self.disclosure = Disclosure(
            books.roster,
            self._roster_worker,
            books.journal,
            self._journal_worker,
            self.runner,
            self.desk,
            books.config.origin,
        )
        codes = Codes(books.roster, self.runner, random)
        self.bookings = BookingService(books.roster, self.runner, self.desk, self._roster_worker, clock, codes)
        self.incidents = Incidents(
            self.runner, self.desk, books.journal, self._journal_worker, books.roster, self._roster_worker
        )
        self.backups = BackupService(books, self.runner, self.desk, self._roster_worker, random)
        self.clock = ClockService(self.runner, self.desk, clock)
        self.keys = Keys(books.signing, books.journal, self._journal_worker, self.desk)
        self.new_epoch = NewEpoch(self.runner, self.over)
        self.enrolment = Enrolment(books.roster, self.desk, self._roster_worker, codes)
        self.fingers = Fingers(books.roster, self.roster, self.runner, self.desk, self._roster_worker)
        retention = books.config.retention
        self.leavers = Leavers(
            self.runner,
            self.desk,
            books.roster,
            self._roster_worker,
            retention.left(),
            erases=retention.erase_left,
        )
        self.retention = Retention(
            self.runner,
            self.desk,
            books.journal,
            self._journal_worker,
            clock,
            retention.periods(),
            self.leavers,
        )
        self.acts = Acts(
            hardware,
            post=self.runner.inbox.post,
            check_pin=self._check_pin,
            enrol=self.roster.enrol,
            commit_roster=self.roster.commit,
            erase=self.erasure.erase,
            answer=self.desk.answer,
            open_epoch=self.over.set,
            name_of=self.roster.name_of,
        )

    def upstream(self, watchers: Watchers) -> Upstream:
        """The methods of the uplink's socket. Blocks."""
        books = self.books
        return Upstream(self.runner, books.journal, books.outbox, self._journal_worker, watchers, self._boot)

    def erased_before(self) -> ErasedBefore:
        books = self.books
        return ErasedBefore(books.outbox, self._journal_worker, books.roster, self._roster_worker, self.runner)

    async def read_leaves(self, first: int, limit: int) -> Sequence[tuple[int, bytes | None]]:
        """Behind whatever commit is running."""
        return await self._journal_worker.run(self.books.journal.leaves, first, limit)

    async def close(self) -> None:
        """Ends lanes and workers, then the books. Nothing may be posted any more."""
        await self.acts.stop()
        for worker in (self._pin_worker, self._roster_worker, self._journal_worker):
            worker.close()
        self.books.close()

    def _dispatch(self, effect: Effect) -> None:
        self.acts.dispatch(effect)

    def _seal(self, leaf: Leaf, now: Now) -> Entry:
        """Raises LeafRefused for what the journal would not take: one leaf here, not the batch it would be in."""
        journal = self.books.journal
        entry = seal(
            leaf,
            origin=journal.origin,
            now=now,
            boot=self._boot,
            key_of=no_key if leaf.ev == "epoch.state" else self.roster.key_of,
            name_of=self.roster.name_of,
            random=self._random,
        )
        return write(entry, self.books.config.cabinet.device)

    async def _check_pin(self, person: Pseudonym | None, secret: Secret) -> bool | None:
        """None: there is no telling, for the disk does not give the record."""
        try:
            return await self._pin_worker.run(self._compare_pin, person, secret)
        except RosterDiskError as error:
            log.error("PIN not checked: %s", error)
            return None

    def _compare_pin(self, person: Pseudonym | None, secret: Secret) -> bool:
        """Reads a record for nobody too, so that both ways take the same time."""
        record = self.books.roster.pin_record(person or "")
        return self.books.roster.pins.check(record, secret)
