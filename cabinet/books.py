"""What a cabinet remembers, opened together: keys, journal, roster, and the state they add up to."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from datetime import time
from typing import cast

from cabinet.backup import swap
from cabinet.config import Config
from cabinet.core.ledger_rows import former_signers
from cabinet.core.state import Setup, SlotSetup, State
from cabinet.epochs import Opener, Order, ledger_of
from cabinet.journal.epoch import EpochFolder, FolderClaim
from cabinet.journal.known_keys import add_known, read_known
from cabinet.journal.leaf import glance
from cabinet.journal.note import Signer, Verifier
from cabinet.journal.outbox import Outbox
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.journal.store import Journal
from cabinet.policy.rights import Rights, Schedule, Window
from cabinet.roster.store import Roster
from cabinet.vault import device_key
from cabinet.vault.device_key import DeviceKeys, Random
from cabinet.vault.pin import calibrate
from cabinet.vault.signing_key import KeyFolder, SigningKeys
from hal.clock import Clock, Now

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Books:
    """Open for writing, with the lock of the state folder held: one process a cabinet."""

    config: Config
    keys: DeviceKeys
    signing: SigningKeys
    journal: Journal
    roster: Roster
    outbox: Outbox

    @classmethod
    def open(cls, config: Config, clock: Clock, order: Order | None = None) -> Books:
        """In the next epoch of the journal, where it has to go on there. Blocks. Raises JournalBusy, JournalDamaged,
        KeyFileError, RosterUnusable, OSError, and NotDue for an order: each says what to do."""
        folder = config.state_dir
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        swap.finish(folder)
        journal_exists = SqliteFolder(folder).newest_known() > 0
        keys = device_key.open_or_create(folder, journal_exists, command=config.vault.device_key_command)
        signing = SigningKeys(KeyFolder(folder))
        journal = open_journal(SqliteFolder(folder), config, signing, clock.now(), order=order)
        try:
            if not read_known(folder):
                add_known(folder, (journal.former or [journal.verifier])[0])
            roster = Roster.open(
                folder / "roster.db",
                keys,
                config.cabinet.site,
                first_pin_cost=lambda: calibrate(clock),
                slots=[slot.number for slot in config.table.slots],
            )
            outbox = Outbox(journal, config.upstream.verifiers())
        except BaseException:
            journal.close()
            raise
        return cls(config, keys, signing, journal, roster, outbox)

    def rights(self) -> Rights:
        """The roster as it stands now. Blocks."""
        return self.roster.snapshot(self.config.zone)

    def state(self) -> State:
        """The state the journal's table holds, before anything of this boot. Blocks. Raises JournalDamaged."""
        ledger = ledger_of(self.journal.state(), str(self.config.state_dir))
        return State(_setup(self.config), ledger, self.journal.size, newest_ms=self._newest_ms())

    def _newest_ms(self) -> int | None:
        """Wall time of the newest leaf."""
        for _, data in self.journal.leaves(max(0, self.journal.size - 1), 1):
            return None if data is None else cast("int", glance(data)["ts"])
        return None

    def close(self) -> None:
        self.roster.close()
        self.journal.close()


def open_journal(
    folder: EpochFolder,
    config: Config,
    signing: SigningKeys,
    now: Now,
    random: Random = os.urandom,
    order: Order | None = None,
) -> Journal:
    """In its next epoch, where it cannot be gone on with. Blocks.

    Raises as `Journal.open` and `SigningKeys.open`, and NotDue for an order."""
    claim = folder.claim()
    try:
        journal, signer = _opened(folder, config, signing, claim)
        opener = Opener(folder, config.origin, config.cabinet.device, signer, now, random)
        if opener.contradicted(journal, order):
            journal, _ = _opened(folder, config, signing, claim)
    except BaseException:
        claim.release()
        raise
    return journal


def _opened(folder: EpochFolder, config: Config, signing: SigningKeys, claim: FolderClaim) -> tuple[Journal, Signer]:
    """The newest epoch and the key that signs it. The journal tells which that is; the other one is destroyed once that
    is durable."""
    seed = signing.open(folder.newest_known() > 0)
    following = signing.next if signing.next != seed else None
    signer = Signer(config.origin, seed)
    successor = None if following is None else Signer(config.origin, following)
    journal = Journal.open_in(folder, config.origin, config.cabinet.device, signer, successor, claim)
    try:
        journal.former += map(Verifier.from_vkey, former_signers(journal.state()))
        if following is not None and successor is not None:
            if journal.verifier.public == successor.verifier.public:
                seed, signer = following, successor
            _settle(journal, signing, seed)
    except BaseException:
        journal.leave()
        raise
    return journal, signer


def _settle(journal: Journal, signing: SigningKeys, signs: bytes) -> None:
    """A disk that takes nothing is no reason not to start: both keys stay."""
    try:
        journal.settle()
        signing.settle(signs)
    except OSError as error:
        log.warning("the signing key that is no more is not destroyed yet: %s", error)


def _setup(config: Config) -> Setup:
    slots = {
        slot.number: SlotSetup(slot.lock.device, slot.hold_s or config.visit.hold_s, slot.fob_reader is not None)
        for slot in config.table.slots
    }
    door = config.table.door
    return Setup(
        slots,
        language=config.cabinet.language,
        quiet=_every_day(config.cabinet.quiet) if config.cabinet.quiet else None,
        monitors=config.cabinet.mode == "monitor",
        pin_days=config.visit.pin_days,
        door_lock=SlotSetup(door.lock.device, door.hold_s or config.visit.hold_s) if door.lock else None,
        idle_s=config.visit.idle_s,
        take_s=config.visit.take_s,
        door_open_s=config.table.door.open_s,
        verifier=next((entry.spec.id for entry in config.table.devices if entry.type.verifies), None),
    )


def _every_day(span: str) -> Schedule:
    start, until = map(time.fromisoformat, span.split("-"))
    return Schedule("quiet", (Window(frozenset(range(7)), start, until),))
