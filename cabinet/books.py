"""What a cabinet remembers, opened together: keys, journal, roster, and the state they add up to."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from datetime import time
from typing import cast

from cabinet.backup import swap
from cabinet.config import Config
from cabinet.core.ledger_rows import former_signers
from cabinet.core.state import Setup, SlotSetup, State
from cabinet.epochs import Opener, Order, ledger_of
from cabinet.journal.epoch import EpochFolder, FolderClaim
from cabinet.journal.errors import JournalDamaged
from cabinet.journal.known_keys import add_known, read_known
from cabinet.journal.leaf import glance
from cabinet.journal.note import Signer, Verifier
from cabinet.journal.outbox import Outbox
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.journal.store import Journal
from cabinet.policy.rights import Rights, Schedule, Window
from cabinet.roster.store import Roster
from cabinet.salvage import salvage
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
        keys = _keys(folder, config, signing)
        opener = Opener(folder, config.origin, config.cabinet.device, keys.signer, now, random)
        journal: Journal | None = None
        try:
            journal = _surely_opened(folder, config, signing, keys, claim)
            if keys.successor is not None and journal.verifier.public == keys.successor.verifier.public:
                opener = replace(opener, signer=keys.successor)
            if opener.contradicted(journal, order):
                journal = _opened(folder, config, signing, keys, claim)
        except JournalDamaged as cause:
            if journal is not None:
                journal.leave()
            salvage(opener, cause, keys.successor)
            journal = _opened(folder, config, signing, keys, claim)
    except BaseException:
        claim.release()
        raise
    return journal


def salvage_journal(
    folder: EpochFolder,
    config: Config,
    signing: SigningKeys,
    now: Now,
    cause: JournalDamaged,
    random: Random = os.urandom,
) -> None:
    """For what a running daemon has met, and the next start may not see. Blocks. Raises as `salvage`."""
    claim = folder.claim()
    try:
        keys = _keys(folder, config, signing)
        opener = Opener(folder, config.origin, config.cabinet.device, keys.signer, now, random)
        salvage(opener, cause, keys.successor)
    finally:
        claim.release()


@dataclass(frozen=True, slots=True)
class _Keys:
    seed: bytes
    signer: Signer
    following: bytes | None
    successor: Signer | None


def _keys(folder: EpochFolder, config: Config, signing: SigningKeys) -> _Keys:
    seed = signing.open(folder.newest_known() > 0)
    following = signing.next if signing.next != seed else None
    successor = None if following is None else Signer(config.origin, following)
    return _Keys(seed, Signer(config.origin, seed), following, successor)


def _surely_opened(
    folder: EpochFolder, config: Config, signing: SigningKeys, keys: _Keys, claim: FolderClaim
) -> Journal:
    """A read that failed once may look like damage; what is damaged is so when it is read again."""
    try:
        return _opened(folder, config, signing, keys, claim)
    except JournalDamaged as first:
        log.warning("%s; it is read once more", first.hint)
    return _opened(folder, config, signing, keys, claim)


def _opened(folder: EpochFolder, config: Config, signing: SigningKeys, keys: _Keys, claim: FolderClaim) -> Journal:
    """The newest epoch. The journal tells which of the keys signs; the other one is destroyed once that is durable."""
    device = config.cabinet.device
    journal = Journal.open_in(folder, config.origin, device, keys.signer, keys.successor, claim)
    try:
        journal.former += map(Verifier.from_vkey, former_signers(journal.state()))
        if keys.following is not None and keys.successor is not None:
            succeeded = journal.verifier.public == keys.successor.verifier.public
            _settle(journal, signing, keys.following if succeeded else keys.seed)
    except BaseException:
        journal.leave()
        raise
    return journal


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
        finger_readers=tuple(entry.spec.id for entry in config.table.devices if entry.type.takes_fingers),
        verifier=next((entry.spec.id for entry in config.table.devices if entry.type.verifies), None),
    )


def _every_day(span: str) -> Schedule:
    start, until = map(time.fromisoformat, span.split("-"))
    return Schedule("quiet", (Window(frozenset(range(7)), start, until),))
