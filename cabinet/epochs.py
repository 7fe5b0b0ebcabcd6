"""Opening the next epoch of the journal: what the old one came to, why, and the state that goes on."""

from __future__ import annotations

import logging
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from cabinet.core.epoch_set import carried, digest, set_leaves
from cabinet.core.fold import fold
from cabinet.core.leaves import Field, Leaf
from cabinet.core.ledger import Contradiction, Ledger
from cabinet.core.ledger_rows import changed_rows, from_rows
from cabinet.core.upstream import WAITS
from cabinet.journal.epoch import EpochFolder
from cabinet.journal.errors import JournalDamaged, JournalError, JournalTooNew
from cabinet.journal.note import Signer
from cabinet.journal.opening import epoch_origin, next_number, open_epoch
from cabinet.journal.store import Journal
from cabinet.journal.tree import Frontier
from cabinet.vault.device_key import Random
from cabinet.vault.sealing import SALT_BYTES, no_key, seal
from hal.clock import Now

log = logging.getLogger(__name__)

Reason = Literal["restored", "salvaged", "fork", "rollback", "key-lost", "key-revoked"]

BOOT_BYTES: Final = 4
"""Of the number that tells one run of a program from the next."""


@dataclass(frozen=True, slots=True)
class Old:
    """The epoch that ends: its origin, the last size that is good (to both sides, where upstream has another tree) and
    the root there. `upstream`: size and root of the tree that upstream holds."""

    origin: str
    size: int
    root: bytes
    upstream: tuple[int, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A technician wants the next epoch opened, and why."""

    operator: str
    why: str


class NotDue(JournalError):
    """Nothing asks for another epoch."""

    HINT: Final = "upstream contradicts nothing in this journal: it goes on as it is"


@dataclass(frozen=True, slots=True)
class Opener:
    """What every opening needs. The folder's claim is held; `origin` is that of the first epoch, `signer` has the key
    for the next one."""

    folder: EpochFolder
    origin: str
    device: str
    signer: Signer
    now: Now
    random: Random

    def contradicted(self, journal: Journal, order: Order | None = None) -> bool:
        """Opens the next epoch, if upstream contradicts this one and it is time, or a technician has ordered it. Then
        the journal is closed. Raises NotDue for an order, JournalUnwritable, JournalDamaged."""
        ledger = ledger_of(journal.state(), self.folder.name(journal.epoch))
        contradicted = ledger.contradicted
        if contradicted is None and order is not None:
            raise NotDue(NotDue.HINT)
        if contradicted is None or (contradicted.waits and order is None):
            return False
        old = _common(journal, contradicted)
        journal.leave()
        log.warning("%s: upstream has another tree: the next epoch is opened", journal.origin)
        by = {} if order is None else {"operator": order.operator, "why": order.why}
        reason: Reason = "fork" if contradicted.kind == "fork" else "rollback"
        self.open(old, reason, ledger, by_itself=order is None, cleared=WAITS, **by)
        return True

    def open(
        self,
        old: Old,
        reason: Reason,
        ledger: Ledger,
        *,
        by_itself: bool = False,
        alarm: str | None = None,
        cleared: str | None = None,
        **more: Field,
    ) -> int:
        """See `open_next`."""
        return open_next(
            self.folder,
            origin=self.origin,
            device=self.device,
            signer=self.signer,
            old=old,
            reason=reason,
            ledger=ledger,
            now=self.now,
            random=self.random,
            by_itself=by_itself,
            alarm=alarm,
            cleared=cleared,
            **more,
        )


def ledger_of(rows: Mapping[str, bytes], name: str) -> Ledger:
    """What the state table of the epoch file `name` says. Raises JournalTooNew, JournalDamaged."""
    try:
        return from_rows(rows)
    except ValueError as error:
        if isinstance(error.__cause__, ValueError):  # no JSON, so no version of the program has written it
            raise JournalDamaged(f"{name}: {error}") from None
        raise JournalTooNew(f"{name}: {error}; was a newer version running here?") from None


def _common(journal: Journal, contradicted: Contradiction) -> Old:
    """What upstream has once confirmed and does not contradict."""
    size = journal.ask(lambda file: file.acknowledged_below(contradicted.size))
    root = journal.ask(lambda file: Frontier.read(size, file.node)).root()
    return Old(journal.origin, size, root, (contradicted.size, b64decode(contradicted.root)))


def open_next(
    folder: EpochFolder,
    *,
    origin: str,
    device: str,
    signer: Signer,
    old: Old,
    reason: Reason,
    ledger: Ledger,
    now: Now,
    random: Random,
    by_itself: bool = False,
    alarm: str | None = None,
    cleared: str | None = None,
    **more: Field,
) -> int:
    """Opens the next epoch with this ledger as its state; returns its number.

    The caller holds the folder's claim, and no journal is open in it. `origin` is that of the first epoch, `signer`
    has the key for the new one. The alarm `alarm` is raised in it and `cleared` is cleared; `more` stands in its
    first leaf. Whatever ends it half-way: the old epoch is as it was, and nothing of a new one is there.
    Blocks. Raises JournalUnwritable."""
    number = next_number(folder)
    if now.quality != "ntp":
        now = replace(now, quality="none")  # whether it may be believed is the core's to judge, and that has not begun
    named = signer.named(epoch_origin(origin, number))
    leaves = _leaves(
        number, old, reason, carried(ledger, number, now.wall_ms, reason, by_itself=by_itself), random, more
    )
    if alarm is not None and alarm not in ledger.alarms:
        leaves.append(Leaf("alarm.raised", {"code": alarm}))
    if cleared is not None and (standing := ledger.alarms.get(cleared)) is not None:
        leaves.append(Leaf("alarm.cleared", {"code": cleared, "raised_n": standing.n}))
    boot = random(BOOT_BYTES).hex()
    entries = [seal(leaf, origin=named.name, now=now, boot=boot, key_of=no_key, random=random) for leaf in leaves]
    begun = Ledger()
    for n, leaf in enumerate(leaves):
        begun = fold(begun, n, now.wall_ms, leaf)
    open_epoch(folder, number, device, named, entries, changed_rows(Ledger(), begun))
    return number


def _leaves(
    number: int, old: Old, reason: Reason, ledger: Ledger, random: Random, more: dict[str, Field]
) -> list[Leaf]:
    parts = set_leaves(ledger)
    salt = random(SALT_BYTES)
    fields: dict[str, Field] = {
        "epoch": number,
        "reason": reason,
        "old_origin": old.origin,
        "old_size": old.size,
        "old_root": _text(old.root),
        "parts": len(parts),
        "digest": digest(parts, salt),
        "digest_salt": _text(salt),
        **{key: value for key, value in more.items() if value is not None},
    }
    if old.upstream is not None:
        fields |= {"upstream_size": old.upstream[0], "upstream_root": _text(old.upstream[1])}
    return [Leaf("epoch.opened", fields), *parts]


def _text(data: bytes) -> str:
    return b64encode(data).decode()
