"""What sensors and readers saw: removed, returned, forced, found; and what is overdue."""

from __future__ import annotations

from cabinet.core import identity, leaving, places, prompts, release, returning, visit
from cabinet.core.effects import Sound
from cabinet.core.events import FobSeen, RosterChanged, SlotRead
from cabinet.core.leaves import Subject
from cabinet.core.ledger import Hung, Out
from cabinet.core.state import State
from cabinet.core.turn import Turn


def on_slot_read(turn: Turn, event: SlotRead) -> None:
    """Compares the sensor with the journal; a reading that agrees writes nothing."""
    slot, seated = event.slot, event.seated
    turn.update(presence={**turn.state.presence, slot: seated})
    if seated is None:
        turn.update(unproven=turn.state.unproven | {slot})
        if slot in turn.state.grant_ends:
            turn.update(blind=turn.state.blind | {slot})
        return
    turn.update(told_ms={**turn.state.told_ms, slot: turn.now.wall_ms})
    unproven = slot in turn.state.unproven
    turn.update(unproven=turn.state.unproven - {slot})
    if event.folded > 1:
        turn.journal("sensor.suspect", slot=slot, edges=event.folded)
    if not seated:
        identity.leave(turn, slot)
    mark = turn.ledger.slots.get(slot)
    interrupted = slot in turn.ledger.grants and slot not in turn.state.grant_ends
    if mark is not None and mark.seated == seated:
        if interrupted:
            release.close_interrupted(turn, slot)
    elif slot in turn.state.arrivals:
        pass  # its reader is about to name it
    elif not seated:
        leaving.gone(turn, slot, unseen=unproven or mark is None or interrupted)
    else:
        _back(turn, slot, unseen=unproven or mark is None or interrupted)


def on_fob_seen(turn: Turn, event: FobSeen) -> None:
    """A name is believed at once; that there is none only if it stays so, since the sensor may be about to say why. A
    reader that no longer tells takes nothing back."""
    slot = event.slot
    turn.update(fobs={**turn.state.fobs, slot: event}, stale=turn.state.stale - {slot})
    identity.forget_doubt(turn, slot)
    if slot in turn.state.arrivals:
        if event.state == "fob":
            identity.settle(turn, slot)
    elif event.state == "fob":
        _compare(turn, slot)
    elif event.state is not None and _is_seated(turn, slot):
        identity.doubt(turn, slot, identity.IDENTIFY_S)


def on_roster_changed(turn: Turn, _: RosterChanged) -> None:
    """What hangs there is the same; what it is called, and until when it holds, may not be."""
    turn.update(remind_ms=0)
    for slot in turn.state.fobs.keys() - turn.state.arrivals.keys():
        if _is_seated(turn, slot) and slot not in turn.state.doubts:
            identity.doubt(turn, slot, 0.0)


def on_time(turn: Turn) -> None:
    _settle(turn)
    _identify(turn)
    if not turn.now.wall_time_trusted:
        return
    for slot, out in turn.ledger.outs.items():
        if turn.full:
            return
        if (due_ms := _awaited(turn.state, slot, out)) is not None and due_ms <= turn.now.wall_ms:
            turn.journal("item.overdue", turn.holding(out.holder), slot=slot, item=out.item, due=out.due_ms)
            turn.raise_alarm("item.overdue", slot=slot, item=out.item)
            turn.act(Sound("alarm"))


def next_due_wall_ms(state: State) -> int | None:
    """When the next item falls overdue, Unix ms."""
    pending = (_awaited(state, slot, out) for slot, out in state.ledger.outs.items())
    return min((due_ms for due_ms in pending if due_ms is not None), default=None)


def next_due(state: State) -> float | None:
    return min((due for due in (state.settle_ends, identity.next_due(state)) if due is not None), default=None)


def _awaited(state: State, slot: int, out: Out) -> int | None:
    """When the item is due, if anybody still has to be told. After a start its sensor speaks first, and what came is
    named first: it may be back."""
    starting = state.settle_ends is not None and slot in state.unproven
    return None if out.overdue or starting or state.arrivals else out.due_ms


def _back(turn: Turn, slot: int, *, unseen: bool) -> None:
    """Inserting is returning, with or without a visit. A grant still open ends: its item hangs there again."""
    if turn.state.setup.slots[slot].reads_fobs:
        identity.arrive(turn, slot, unseen=unseen)
        return
    out = turn.ledger.outs.get(slot)
    item = out.item if out else places.item_in(turn.ledger, turn.rights, slot)
    subs = [Subject("holder", out.holder)] if out and out.holder else []
    running = turn.state.visit
    by_visit = running is not None and running.person is not None and visit.identified(running)
    questions = prompts.of_return(turn, item) if subs else None
    owed = returning.owed(turn, item, unseen=unseen) if out else None
    asked = owed.fields() if owed else {}
    if unseen:
        turn.journal("item.found_present", subs, slot=slot, item=item, prompts=questions, **asked)
    elif running is not None and running.person is not None and by_visit:
        subs.append(Subject("returner", running.person))
        subs += returning.approvers(turn, item) if out and not owed else []
        by_another = (out is not None and out.holder not in (None, running.person)) or None
        n = turn.journal(
            "item.returned",
            subs,
            slot=slot,
            item=item,
            visit=running.number,
            by_another=by_another,
            prompts=questions,
            **asked,
        )
        if questions:
            turn.stay(returns=(*running.returns, n))
    else:
        turn.journal("item.returned", subs, slot=slot, item=item, unattended=True, prompts=questions, **asked)
    release.forget(turn, slot)
    for code in ("item.overdue", "item.forced"):
        turn.clear_alarm(code, slot=slot)
    if owed and item and not owed.noted:
        returning.seated(turn, slot, item, owed)
    elif not unseen:
        turn.say("returned", "accepted", item=release.item_name(turn, item))
        visit.after_return(turn)


def _is_seated(turn: Turn, slot: int) -> bool:
    mark = turn.ledger.slots.get(slot)
    return bool(turn.state.presence.get(slot)) and mark is not None and mark.seated


def _identify(turn: Turn) -> None:
    """Readers that have had their time. One that sees nothing is not asked while the slot may be used."""
    for slot, arrival in tuple(turn.state.arrivals.items()):
        if arrival.ends_mono_s <= turn.now.mono_s and not turn.full:
            identity.settle(turn, slot)
    for slot, ends in tuple(turn.state.doubts.items()):
        if ends > turn.now.mono_s or turn.full:
            continue
        if slot in turn.state.grant_ends:
            identity.doubt(turn, slot, identity.IDENTIFY_S)
        else:
            identity.forget_doubt(turn, slot)
            _compare(turn, slot)


def _compare(turn: Turn, slot: int) -> None:
    """What a reader says with what the journal has. What has changed unseen is found."""
    reading = turn.state.fobs[slot]
    if not _is_seated(turn, slot) or reading.state is None or not turn.state.setup.slots[slot].reads_fobs:
        return
    said = turn.ledger.hangs.get(slot)
    before = said or Hung("right", places.item_in(turn.ledger, turn.rights, slot))
    now = identity.read(turn, slot)
    if now.kind == "unreadable":
        now = Hung("unreadable", before.item)  # nobody has seen it go
    if now == before:
        return
    if before.item is not None and now.item != before.item:
        leaving.gone(turn, slot, unseen=True)
    identity.came(turn, slot, now, identity.FOUND)


def _settle(turn: Turn) -> None:
    """Interrupted grants whose sensor stays silent after the start end as unknown."""
    if turn.state.settle_ends is None or turn.now.mono_s < turn.state.settle_ends:
        return
    turn.update(settle_ends=None)
    for slot in tuple(turn.ledger.grants):
        release.close_interrupted(turn, slot)
