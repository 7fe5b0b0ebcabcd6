"""Where items hang: in their own slot, or where a fob reader saw them last. Nothing here changes anything."""

from __future__ import annotations

from cabinet.core.ledger import Hung, Ledger, out_of
from cabinet.core.state import Setup, State
from cabinet.policy.rights import Item, Rights


def place(ledger: Ledger, item: Item) -> int | None:
    """The slot to open for the item; its own one as long as it was not seen in another. None: it has none here."""
    return next((slot for slot, hung in ledger.hangs.items() if hung.item == item.id), item.slot)


def item_in(ledger: Ledger, rights: Rights, slot: int) -> str | None:
    """What hangs in the slot, or did when its sensor last told; None: nothing that has a name."""
    hung = ledger.hangs.get(slot)
    if hung is not None and (hung.kind != "unreadable" or hung.item is not None):
        return hung.item
    item = rights.items.get(rights.item_at.get(slot, ""))
    if item is None or place(ledger, item) != slot or (hung is not None and out_of(ledger, item.id) is not None):
        return None
    return item.id


def is_blocked(ledger: Ledger, item: Item) -> bool:
    """Something that is surely not the item hangs where it belongs, and it was not seen elsewhere."""
    slot = place(ledger, item)
    hung = ledger.hangs.get(slot) if slot is not None else None
    return hung is not None and (hung.kind == "foreign" or hung.item not in (None, item.id))


def named(setup: Setup, rights: Rights, slot: int, fob: str) -> Hung:
    """What the fob says of the slot it hangs in. An item without a fob of its own is whatever hangs in its slot, as
    long as that is no other item."""
    item = rights.by_fob.get(fob)
    if item is not None:
        return Hung("right" if slot in slots_of(setup, rights, item) else "misplaced", item.id)
    own = rights.items.get(rights.item_at.get(slot, ""))
    return Hung("right", own.id) if own is not None and own.fob is None else Hung("foreign")


def slots_of(setup: Setup, rights: Rights, item: Item) -> list[int]:
    """Where the item belongs: its own slot; one that may hang anywhere belongs into each slot whose reader names it
    and that is not the own one of an item with a fixed place."""
    if not item.anywhere:
        return [] if item.slot is None else [item.slot]
    return [slot for slot, wired in sorted(setup.slots.items()) if wired.reads_fobs and _is_shared(rights, slot)]


def free_slots_of(ledger: Ledger, setup: Setup, rights: Rights, item: Item) -> list[int]:
    """Where to put it now. Its own slot is named also while something else hangs there."""
    slots = slots_of(setup, rights, item)
    taken = {slot for slot, mark in ledger.slots.items() if mark.seated}
    return [slot for slot in slots if slot not in taken or not item.anywhere]


def _is_shared(rights: Rights, slot: int) -> bool:
    own = rights.items.get(rights.item_at.get(slot, ""))
    return own is None or own.anywhere


def sees_nothing(state: State, slot: int) -> bool:
    """The reader finds the slot empty, whatever its sensor says."""
    reading = state.fobs.get(slot)
    return reading is not None and reading.state == "empty" and slot not in state.stale
