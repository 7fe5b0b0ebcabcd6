"""A new signing key that the old one does not vouch for, because it is lost or was revoked: the journal goes on in its
next epoch. No daemon runs meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cabinet.backup import swap
from cabinet.config import Config
from cabinet.epochs import Old, Reason, ledger_of, open_next
from cabinet.journal import checkpoint, note, revocation
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.epoch import EpochFolder
from cabinet.journal.errors import JournalBusy, JournalDamaged, JournalError, NoteRefused
from cabinet.journal.key_walk import KeyWalk, walked
from cabinet.journal.known_keys import add_known, first_key, read_known
from cabinet.journal.note import Signer, Verifier
from cabinet.journal.opening import epoch_origin, next_number
from cabinet.journal.reader import JournalReader, Moment
from cabinet.journal.revocation import Revocation
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.journal.tree import Frontier
from cabinet.vault.device_key import Random
from cabinet.vault.signing_key import KeyFolder, SigningKeys
from hal.clock import Now


class NothingToReplace(JournalError):
    """The key that signs is there and good."""

    HINT: Final = (
        "the key that signs the journal is there; let it be followed by a new one: cabinetctl journal rotate-key"
    )


@dataclass(frozen=True, slots=True)
class Replaced:
    """The epoch that was opened, from which size of the one before it, and the key that signs it."""

    epoch: int
    old: Old
    vkey: str


@dataclass(frozen=True, slots=True)
class _Past:
    """The newest epoch as it was left: its end, and the keys that signed it as far as they are known."""

    moment: Moment
    sealed: Checkpoint
    walk: KeyWalk | None


def replace_lost(config: Config, now: Now, *, operator: str, why: str, random: Random = os.urandom) -> Replaced:
    """Blocks. Raises NothingToReplace, JournalBusy while a daemon runs, JournalMissing, JournalDamaged,
    JournalUnwritable, KeyFileError, OSError."""
    swap.finish(config.state_dir)
    past = _past(config)
    signing = SigningKeys(KeyFolder(config.state_dir), random=random)
    signed = note.parse(past.moment.checkpoint)
    for seed in (signing.current, signing.next):
        if seed is not None and Signer(past.sealed.origin, seed).verifier.signed(signed):
            raise NothingToReplace(NothingToReplace.HINT)
    old = Old(past.sealed.origin, past.sealed.size, past.sealed.root)
    return _replace(config, signing, past, old, "key-lost", now, random, operator, why)


def replace_revoked(
    config: Config, data: bytes, fleet: Verifier, now: Now, *, operator: str, random: Random = os.urandom
) -> Replaced:
    """With a revocation that the fleet key signed. Blocks. Raises NoteRefused for one that is not, or is of another
    journal or tree, and as `replace_lost`."""
    revoked = revocation.read(data, fleet)
    swap.finish(config.state_dir)
    past = _past(config)
    _check(config, past, revoked)
    signing = SigningKeys(KeyFolder(config.state_dir), random=random)
    old = Old(past.sealed.origin, revoked.size, revoked.checkpoint.root)
    why = f"revoked by {fleet.name}: {revoked.vkey}"
    return _replace(config, signing, past, old, "key-revoked", now, random, operator, why)


def _check(config: Config, past: _Past, revoked: Revocation) -> None:
    sealed = past.sealed
    if revoked.origin != sealed.origin:
        raise NoteRefused(f"it revokes a key of {revoked.origin}, and the journal here is {sealed.origin}")
    if revoked.size > sealed.size:
        raise NoteRefused(f"it knows {revoked.size} events, and the journal has {sealed.size}: was it put back?")
    with JournalReader(config.state_dir) as reader:
        if Frontier.read(revoked.size, reader.node).root() != revoked.checkpoint.root:
            raise NoteRefused(f"its tree of {revoked.size} events is not that of this journal")
    keys = past.walk.keys if past.walk is not None else []
    ends = [*(past.walk.rotations if past.walk is not None else []), sealed.size + 1]
    for key, end in zip(keys, ends, strict=True):
        if key.public == revoked.public and revoked.size < end:
            return
    raise NothingToReplace("the revoked key signs nothing here beyond the size up to which it is trusted")


def _replace(
    config: Config,
    signing: SigningKeys,
    past: _Past,
    old: Old,
    reason: Reason,
    now: Now,
    random: Random,
    operator: str,
    why: str,
) -> Replaced:
    folder = SqliteFolder(config.state_dir)
    said = {"operator": operator, "why": why} | ({} if past.walk is None else {"old_vkey": past.walk.key.vkey})
    claim = folder.claim()
    try:
        # The key is told before the epoch is there: nobody vouches for it but whoever knows it.
        key = go_on(
            *(folder, config, signing, past.moment.state, old, reason, now, random),
            tell=lambda key: add_known(config.state_dir, key),
            said=said,
        )
    finally:
        claim.release()
    return Replaced(max(folder.epochs()), old, key.vkey)


def go_on(
    folder: EpochFolder,
    config: Config,
    signing: SigningKeys,
    rows: Mapping[str, bytes],
    old: Old,
    reason: Reason,
    now: Now,
    random: Random,
    tell: Callable[[Verifier], None],
    said: Mapping[str, str],
) -> Verifier:
    """Opens the next epoch with a new key and this state; `tell` hears of the key before, `said` stands in its first
    leaf. The folder's claim is held.

    Whatever ends it half-way: it can be done again, and the key that is made already is taken."""
    number = next_number(folder)
    seed = signing.prepare()
    key = Signer(epoch_origin(config.origin, number), seed)
    tell(key.verifier)
    open_next(
        folder,
        origin=config.origin,
        device=config.cabinet.device,
        signer=key,
        old=old,
        reason=reason,
        ledger=ledger_of(rows, folder.name(number - 1)),
        now=now,
        random=random,
        **_fields(said, key),
    )
    signing.settle(seed)
    return key.verifier


def _fields(said: Mapping[str, str], key: Signer) -> dict[str, Any]:
    return {**said, "vkey": key.vkey}


def _past(config: Config) -> _Past:
    folder = config.state_dir
    with JournalReader(folder) as reader:
        if reader.live:
            raise JournalBusy(f"cabinetd runs on {folder}; stop it first: systemctl stop cabinetd")
        moment, epoch = reader.moment(), reader.epoch
        sealed = checkpoint.parse(note.parse(moment.checkpoint).text)
        if Frontier.read(moment.size, reader.node).root() != sealed.root:
            raise JournalDamaged(f"{reader.path}: its leaves are not those of its newest checkpoint")
        rotations = list(reader.rotations())
    return _Past(moment, sealed, _walked(folder, epoch, config.origin, rotations, moment.checkpoint))


def _walked(
    folder: Path, epoch: int, origin: str, rotations: list[tuple[int, bytes, bytes]], newest: bytes
) -> KeyWalk | None:
    """None where no key is known. Raises JournalDamaged for a journal that a known one did not sign."""
    known = read_known(folder)
    if not known:
        return None
    try:
        walk = walked(first_key(folder, epoch, known, origin), rotations)
        walk.check(newest)
    except NoteRefused as error:
        raise JournalDamaged(f"{folder}: {error}; see cabinetctl journal verify") from None
    return walk
