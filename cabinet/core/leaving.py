"""What hung in a slot is not there any more: taken, torn out, found gone, or seen elsewhere."""

from __future__ import annotations

from typing import Final

from cabinet.core import places, release, returning, visit
from cabinet.core.effects import Sound
from cabinet.core.leaves import Subject
from cabinet.core.ledger import OpenGrant, alarm_id
from cabinet.core.turn import Turn
from cabinet.policy.rights import Item

WRONG: Final = ("item.misplaced", "item.foreign", "item.unreadable")
"""Alarms of what hangs in a slot, and does not belong there."""


def gone(turn: Turn, slot: int, *, unseen: bool) -> None:
    """`unseen`: it happened while nobody watched, so it is found, not seen; unless a grant of now explains it."""
    grant = turn.ledger.grants.get(slot)
    current = slot in turn.state.grant_ends
    returning.forget(turn, slot)
    item = _leaving(turn, slot, grant)
    home = _home(turn, item, slot)
    subs = [Subject("holder", grant.person)] if grant and grant.person else []
    if grant is not None and current:
        number = turn.state.visit.number if turn.state.visit else None
        turn.journal(
            "item.removed",
            subs,
            visit=number,
            slot=slot,
            item=item,
            home=home,
            auth=grant.auth,
            due=grant.due_ms,
            grant=grant.n,
        )
        release.forget(turn, slot)
        clear(turn, slot)
        _tell_taken(turn, item, grant.due_ms)
        visit.after_removal(turn)
        return
    if unseen:
        due, n = (grant.due_ms, grant.n) if grant else (None, None)
        turn.journal("item.found_absent", subs, slot=slot, item=item, home=home, grant=n, due=due)
    else:
        turn.journal("item.forced", slot=slot, item=item, home=home)
        turn.raise_alarm("item.forced", slot=slot, item=item)
        turn.act(Sound("alarm"))
    clear(turn, slot)


def gone_elsewhere(turn: Turn, slot: int, item: str | None) -> None:
    """Before it is told what came into `slot`: an item that the journal has in another one has left that, whose sensor
    will say so in a moment."""
    for other, hung in tuple(turn.ledger.hangs.items()):
        mark = turn.ledger.slots.get(other)
        moved = item is not None and hung.item == item and other != slot
        if moved and mark is not None and mark.seated and other not in turn.state.unproven:
            gone(turn, other, unseen=False)


def _leaving(turn: Turn, slot: int, grant: OpenGrant | None) -> str | None:
    """What a reader has named, else what was granted, else what belongs there."""
    hung = turn.ledger.hangs.get(slot)
    if hung is not None and (hung.kind == "foreign" or hung.item is not None):
        return hung.item
    return grant.item if grant else places.item_in(turn.ledger, turn.rights, slot)


def _home(turn: Turn, item: str | None, slot: int) -> int | None:
    """Where it belongs, unless that is here."""
    known = turn.rights.items.get(item or "")
    return known.slot if known is not None and known.slot != slot else None


def _tell_taken(turn: Turn, item: str | None, due_ms: int | None) -> None:
    name = release.item_name(turn, item)
    if due_ms is None:
        turn.say("taken", "accepted", item=name)
    else:
        turn.say("taken_due", "accepted", item=name, due=release.local_time(turn, due_ms))


def clear(turn: Turn, slot: int) -> None:
    """What was wrong in the slot is not there any more."""
    for code in WRONG:
        alarm = turn.ledger.alarms.get(alarm_id(code, slot))
        if alarm is not None:
            turn.clear_alarm(code, slot=slot)
            light(turn, turn.rights.items.get(alarm.item or ""))


def light(turn: Turn, item: Item | None) -> None:
    for slot in places.slots_of(turn.state.setup, turn.rights, item) if item else ():
        release.light(turn, slot)
