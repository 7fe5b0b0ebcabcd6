"""Grant and denial: what is journaled, what moves, what the person sees."""

from __future__ import annotations

from datetime import UTC, datetime

from cabinet.core import booking, door, places, reminders
from cabinet.core.effects import Answer, Light, Pulse, Sound
from cabinet.core.events import BoltPulsed
from cabinet.core.leaves import Subject
from cabinet.core.ledger import OpenGrant, out_of
from cabinet.core.messages import text
from cabinet.core.requests import ReleaseAsked
from cabinet.core.state import State, Visit
from cabinet.core.turn import Turn
from cabinet.policy.decide import Denial, Grant
from cabinet.policy.quorum import may_approve
from cabinet.policy.rights import Item, Pseudonym, Right, auth


def grant(turn: Turn, visit: Visit, item: Item, by: Grant) -> int:
    """Opens the item's slot for the visitor, until `take_s` after the pulse; the index of the leaf."""
    assert visit.person is not None, "nobody is granted nothing"
    slot = places.place(turn.ledger, item)
    assert slot is not None, "items without a slot are never offered"
    right = by.right
    due, cause = booking.due(turn, visit.person, item, by)
    factors = booking.factors_for(turn, visit, item)
    close_interrupted(turn, slot)
    n = turn.journal(
        "item.granted",
        [*turn.holding(visit.person), *(Subject("authoriser", one) for one in _counted(turn, visit, right))],
        visit=visit.number,
        slot=slot,
        item=item.id,
        auth=auth(factors),
        right=right.id or None,
        due=due,
        expired=reminders.has_expired(turn, item) or None,
        monitor=by.monitor,
        booking=visit.booking if "code" in factors else booking.own(turn, visit.person, item),
    )
    _open(turn, slot, n)
    note = reminders.note(turn, item)
    if due is None:
        turn.say("take", slot=slot, item=item.id, note=note)
    else:
        key = "take_booked" if cause else "take_due"
        turn.say(key, slot=slot, item=item.id, due=local_time(turn, due), note=note)
    return n


def _counted(turn: Turn, visit: Visit, right: Right) -> list[Pseudonym]:
    """Those of the visit's approvers whose word this right asks for."""
    people = turn.rights.people
    taker = people.get(visit.person or "")
    return [one for one in visit.approvers if taker and one in people and may_approve(right.quorum, taker, people[one])]


def deny(turn: Turn, visit: Visit, item: Item, denial: Denial) -> None:
    """Says which rule, which window, who can help, and journals it."""
    subs = [Subject("holder", visit.person)] if visit.person else []
    slot = places.place(turn.ledger, item)
    turn.journal(
        "item.denied",
        subs,
        visit=visit.number,
        slot=slot,
        item=item.id,
        rule=denial.rule,
        window=denial.window,
        right=denial.right,
        missing=denial.missing,
    )
    if (holder := _who_has(turn, visit, item, denial)) is not None:
        turn.say("item_out_with", "refused", named=holder, item=item.id)
    else:
        turn.say(denial.rule, "refused", window=denial.window, missing=denial.missing, item=item.id, slot=slot)


def _who_has(turn: Turn, visit: Visit, item: Item, denial: Denial) -> Pseudonym | None:
    """Told to those who have a right to the item, and to nobody else. Who was erased has no name."""
    out, person = out_of(turn.ledger, item.id), turn.rights.people.get(visit.person or "")
    if denial.rule != "item_out" or out is None or person is None or out.holder not in turn.rights.people:
        return None
    return out.holder if any(right.covers(item) for right in turn.rights.rights_of(person)) else None


def on_release_asked(turn: Turn, event: ReleaseAsked) -> None:
    """A technician's release: the slot opens, the reason stands in the journal, nobody holds the item by it."""
    if event.slot not in turn.state.setup.slots:
        turn.act(Answer(event.request, f"slot {event.slot} is not in the configuration; see `cabinetctl slots`"))
        return
    item = places.item_in(turn.ledger, turn.rights, event.slot)
    if event.dry_run:
        turn.act(Answer(event.request, item=item))
        return
    close_interrupted(turn, event.slot)
    n = turn.journal(
        "item.granted",
        slot=event.slot,
        item=item,
        auth="service",
        operator=event.operator,
        reason=event.reason,
    )
    _open(turn, event.slot, n)
    turn.act(Answer(event.request, item=item))


def on_bolt_pulsed(turn: Turn, event: BoltPulsed) -> None:
    """The board's word on a pulse. A grant that has ended meanwhile (taken already) needs none."""
    if event.slot == door.DOOR:
        door.on_bolt_pulsed(turn, event)
        return
    open_grant = turn.ledger.grants.get(event.slot)
    if open_grant is None or open_grant.n != event.grant or event.slot not in turn.state.grant_ends:
        return
    if event.outcome in ("not_done", "too_late"):
        close(turn, event.slot, open_grant, "bolt", event.hint)
        turn.say("bolt_failed" if event.outcome == "not_done" else "too_slow", "refused", slot=event.slot)
        return
    ends = {**turn.state.grant_ends, event.slot: turn.now.mono_s + turn.state.setup.take_s}
    turn.update(grant_ends=ends, pulsed={**turn.state.pulsed, event.slot: event.outcome})


def on_time(turn: Turn) -> None:
    """Grants lapse: not taken, or unknown where the sensor or the bolt cannot tell."""
    for slot, ends in tuple(turn.state.grant_ends.items()):
        if ends <= turn.now.mono_s and not turn.full:
            open_grant = turn.ledger.grants.get(slot)
            if open_grant is not None:
                close(turn, slot, open_grant, "time")
                turn.say("not_taken", slot=slot)
            forget(turn, slot)


def next_due(state: State) -> float | None:
    return min(state.grant_ends.values(), default=None)


def close(turn: Turn, slot: int, open_grant: OpenGrant, cause: str, hint: str | None = None) -> None:
    """Ends a grant nobody was seen to use."""
    seen = slot not in turn.state.blind and not places.sees_nothing(turn.state, slot)
    subs = [Subject("holder", open_grant.person)] if open_grant.person else []
    ev = "item.not_taken" if seen or cause == "bolt" else "item.outcome_unknown"
    turn.journal(ev, subs, slot=slot, item=open_grant.item, grant=open_grant.n, cause=cause, hint=hint or None)
    forget(turn, slot)


def close_interrupted(turn: Turn, slot: int) -> None:
    """A grant of an earlier boot that no sensor has settled: what became of it is not known."""
    open_grant = turn.ledger.grants.get(slot)
    if open_grant is not None and slot not in turn.state.grant_ends:
        subs = [Subject("holder", open_grant.person)] if open_grant.person else []
        turn.journal(
            "item.outcome_unknown",
            subs,
            slot=slot,
            item=open_grant.item,
            grant=open_grant.n,
            cause="interrupted",
        )


def forget(turn: Turn, slot: int) -> None:
    """The slot is no longer open."""
    if slot not in turn.state.grant_ends:
        return
    turn.update(
        grant_ends={s: ends for s, ends in turn.state.grant_ends.items() if s != slot},
        pulsed={s: known for s, known in turn.state.pulsed.items() if s != slot},
        blind=turn.state.blind - {slot},
    )
    light(turn, slot)


def light(turn: Turn, slot: int) -> None:
    """Its lamp blinks while the slot is open, and while something that belongs there hangs in another."""
    strays = [turn.rights.items.get(one.item or "") for one in turn.ledger.hangs.values() if one.kind == "misplaced"]
    wanted = any(slot in places.free_slots_of(turn.ledger, turn.state.setup, turn.rights, one) for one in strays if one)
    turn.act(Light(slot, "blink" if wanted or slot in turn.state.grant_ends else "off"))


def item_name(turn: Turn, item: str | None) -> str:
    return item if item is not None else text("the_item", turn.language)


def local_time(turn: Turn, wall_ms: int) -> str:
    return f"{datetime.fromtimestamp(wall_ms / 1000, tz=UTC).astimezone(turn.rights.zone):%Y-%m-%d %H:%M}"


def _open(turn: Turn, slot: int, n: int) -> None:
    """The pulse first: its latency is what a person feels. Until the board answers the grant lasts `take_s` too."""
    setup, blind = turn.state.setup, turn.state.blind - {slot}
    turn.update(
        grant_ends={**turn.state.grant_ends, slot: turn.now.mono_s + setup.take_s},
        pulsed={s: known for s, known in turn.state.pulsed.items() if s != slot},
        blind=blind if turn.state.presence.get(slot) is not None else blind | {slot},
    )
    door.release(turn, turn.ledger.grants[slot].person)
    turn.act(Pulse(slot, n, setup.slots[slot].hold_s))
    turn.act(Light(slot, "blink"))
    turn.act(Sound("accepted"))
