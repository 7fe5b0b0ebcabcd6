"""Out of a damaged epoch into the next one: what verifies is named, and of the state what can be known goes on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, cast

from cabinet.core.fold import fold
from cabinet.core.leaves import Field, Leaf, Role, Subject
from cabinet.core.ledger import Ledger
from cabinet.core.ledger_rows import former_signers
from cabinet.epochs import Old, Opener, ledger_of
from cabinet.journal.epoch import EpochFile
from cabinet.journal.errors import JournalCut, JournalDamaged, JournalError, JournalForeign, JournalTooNew
from cabinet.journal.key_walk import renamed
from cabinet.journal.leaf import ENVELOPE, glance
from cabinet.journal.note import Signer, Verifier
from cabinet.journal.opening import epoch_origin
from cabinet.journal.soundness import NOTHING, Sound, sound_part

log = logging.getLogger(__name__)

ALARM: Final = "journal.salvaged"
_HINT_MAX: Final = 200
_PAGE: Final = 500

Source = Literal["leaves", "table", "older-leaves", "nothing"]
"""Where the state comes from. `leaves`: all of them verify. `table`: not all do, but the state that was stored beside
them can be read. `older-leaves`: of those that verify; what hung where is unknown. `nothing`: it is unknown."""


def salvage(opener: Opener, cause: JournalDamaged, successor: Signer | None = None) -> None:
    """Opens the epoch behind the newest one, which stays as it is, and raises an alarm in it. `successor` is a key that
    may have signed in the place of the opener's.

    Reads all of the file. Blocks. Raises JournalTooNew, JournalUnwritable, and JournalForeign where none of the keys
    has signed anything."""
    folder = opener.folder
    number = max(folder.newest_known(), *folder.epochs(), 1)
    origin = epoch_origin(opener.origin, number)
    signers = [opener.signer] if successor is None else [successor, opener.signer]
    sound, ledger, source = _examined(opener, number, [one.named(origin).verifier for one in signers], cause)
    if isinstance(cause, JournalForeign) and sound.by is None:
        raise cause
    if successor is not None and sound.by is not None and sound.by.public == successor.verifier.public:
        opener = replace(opener, signer=successor)
    log.error("%s; %d leaves of %s verify, and the next epoch is opened", cause.hint, sound.size, origin)
    old, why = Old(origin, sound.size, sound.root), cause.hint[:_HINT_MAX]
    opener.open(old, "salvaged", ledger, alarm=ALARM, state_from=source, cause=why)


def _examined(
    opener: Opener, number: int, verifiers: Sequence[Verifier], cause: JournalDamaged
) -> tuple[Sound, Ledger, Source]:
    try:
        file = opener.folder.inspect(number)
    except JournalTooNew:
        raise
    except JournalError:
        return NOTHING, Ledger(), "nothing"
    try:
        sound = sound_part(file, [*verifiers, *_former(file, verifiers[0].name)])
        cut = isinstance(cause, JournalCut)
        ledger, source = _state(file, opener.folder.name(number), sound, lost=cut)
    finally:
        file.close()
    return sound, ledger, source


def _former(file: EpochFile, name: str) -> list[Verifier]:
    try:
        return [renamed(Verifier.from_vkey(vkey), name) for vkey in former_signers(file.state())]
    except (JournalError, ValueError):
        return []


def _state(file: EpochFile, name: str, sound: Sound, *, lost: bool) -> tuple[Ledger, Source]:
    """The best that can be known."""
    table = None if lost else _table(file, name)
    folded = None if table is not None and not sound.whole else _folded(file, sound.size)
    if sound.whole and not lost and folded is not None:
        return folded, "leaves"
    if table is not None:
        return table, "table"
    if folded is not None and sound.size > 0:
        return _without_places(folded), "older-leaves"
    return Ledger(), "nothing"


def _table(file: EpochFile, name: str) -> Ledger | None:
    """Raises JournalTooNew."""
    try:
        rows = file.state()
        return ledger_of(rows, name) if rows else None
    except JournalTooNew:
        raise
    except JournalError:
        return None


def _folded(file: EpochFile, size: int) -> Ledger | None:
    """What the first `size` leaves add up to, from the newest set of state on where older ones are gone. None: that
    cannot be said."""
    ledger: Ledger | None = Ledger()
    first = 0
    try:
        while first < size:
            page = file.leaves(first, min(_PAGE, size - first))
            if not page:
                return None
            for n, data in page:
                leaf = None if data is None else glance(data)
                if leaf is None:
                    ledger = None
                    continue
                if ledger is None and leaf["ev"] == "epoch.state" and leaf.get("part") == 1:
                    ledger = Ledger()
                if ledger is not None:
                    ledger = fold(ledger, n, cast("int", leaf["ts"]), core_leaf(leaf))
            first = page[-1][0] + 1
    except (JournalError, ValueError, KeyError, TypeError):
        return None
    return ledger


def core_leaf(leaf: Mapping[str, object]) -> Leaf:
    """As the core folds it: what is sealed in it stays so."""
    fields = {key: cast("Field", value) for key, value in leaf.items() if key not in ENVELOPE}
    subs = cast("list[dict[str, str]]", leaf.get("subs", []))
    return Leaf(str(leaf["ev"]), fields, tuple(Subject(cast("Role", sub["r"]), sub["p"]) for sub in subs))


def _without_places(ledger: Ledger) -> Ledger:
    """What may have changed in leaves that nobody can read: the sensors say what hangs there."""
    return replace(ledger, slots={}, hangs={}, grants={}, owed={}, questions={}, door={})
