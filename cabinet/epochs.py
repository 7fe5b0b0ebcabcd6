"""Opening the next epoch of the journal: what the old one came to, why, and the state that goes on."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Final, Literal

from cabinet.core.epoch_set import carried, digest, set_leaves
from cabinet.core.fold import fold
from cabinet.core.leaves import Field, Leaf
from cabinet.core.ledger import Ledger
from cabinet.core.ledger_rows import changed_rows
from cabinet.journal.epoch import EpochFolder
from cabinet.journal.note import Signer
from cabinet.journal.opening import epoch_origin, next_number, open_epoch
from cabinet.vault.device_key import Random
from cabinet.vault.sealing import SALT_BYTES, no_key, seal
from hal.clock import Now

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
    **more: Field,
) -> int:
    """Opens the next epoch with this ledger as its state; returns its number.

    The caller holds the folder's claim, and no journal is open in it. `origin` is that of the first epoch, `signer`
    has the key for the new one, `alarm` is raised in it, `more` stands in its first leaf. Whatever ends it half-way:
    the old epoch is as it was, and nothing of a new one is there. Blocks. Raises JournalUnwritable."""
    number = next_number(folder)
    named = signer.named(epoch_origin(origin, number))
    leaves = _leaves(
        number, old, reason, carried(ledger, number, now.wall_ms, reason, by_itself=by_itself), random, more
    )
    if alarm is not None and alarm not in ledger.alarms:
        leaves.append(Leaf("alarm.raised", {"code": alarm}))
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
