"""Which fob hangs in a slot, where a reader tells: the right one, a misplaced one, a foreign one, or nobody knows.

A sensor sees a fob up to a second before the reader names it. Until then nothing is journaled; after `IDENTIFY_S` what
is known then is. A slot without a reader has nothing to do with any of this."""

from __future__ import annotations

from typing import Final

from cabinet.core import leaving, places, prompts, release, returning, visit
from cabinet.core.leaves import Field, Subject
from cabinet.core.ledger import Hung, alarm_id, out_of
from cabinet.core.state import Arrival, State
from cabinet.core.turn import Turn
from cabinet.policy.rights import Item

IDENTIFY_S: Final = 1.5
FOUND: Final = Arrival(0.0, unseen=True)
"""Nobody saw how it came there."""


def arrive(turn: Turn, slot: int, *, unseen: bool) -> None:
    """The sensor sees a fob. Whoever stands there now has put it in, also if the reader takes a moment."""
    running = turn.state.visit
    ends = turn.now.mono_s + IDENTIFY_S
    if turn.state.settle_ends is not None:  # readers, too, have just been started
        ends = max(ends, turn.state.settle_ends)
    arrival = Arrival(ends, unseen)
    if running is not None and running.person is not None and visit.identified(running):
        arrival = Arrival(ends, unseen, running.person, running.number)
    turn.update(arrivals={**turn.state.arrivals, slot: arrival})
    reading = turn.state.fobs.get(slot)
    if reading is not None and reading.state == "fob" and slot not in turn.state.stale:
        settle(turn, slot)


def leave(turn: Turn, slot: int) -> None:
    """The sensor sees none any more: what was not named by now is journaled as it is known."""
    if slot in turn.state.arrivals:
        settle(turn, slot)
    forget_doubt(turn, slot)
    turn.update(stale=turn.state.stale | {slot})


def settle(turn: Turn, slot: int) -> None:
    """The fob that came is named, or will not be. A reader that kept silent until the end sees what it saw before."""
    arrival = turn.state.arrivals[slot]
    turn.update(arrivals={s: one for s, one in turn.state.arrivals.items() if s != slot})
    if slot in turn.state.stale and turn.now.mono_s < arrival.ends_mono_s:
        came(turn, slot, Hung("unreadable"), arrival)
    else:
        came(turn, slot, read(turn, slot), arrival)
        turn.update(stale=turn.state.stale - {slot})


def read(turn: Turn, slot: int) -> Hung:
    """What the reader says now."""
    reading = turn.state.fobs.get(slot)
    if reading is None or reading.fob is None:
        return Hung("unreadable")
    return places.named(turn.state.setup, turn.rights, slot, reading.fob)


def came(turn: Turn, slot: int, hung: Hung, arrival: Arrival) -> None:
    """Journals what hangs there, and says what to do."""
    if not arrival.unseen:
        leaving.gone_elsewhere(turn, slot, hung.item)
    item = turn.rights.items.get(hung.item or "")
    out = out_of(turn.ledger, item.id) if item else None
    subs = [Subject("holder", out.holder)] if out and out.holder else []
    if arrival.person:
        subs.append(Subject("returner", arrival.person))
    fields: dict[str, Field] = {"slot": slot, "item": hung.item, "visit": arrival.visit}
    if item is not None and item.slot != slot:
        fields["home"] = item.slot
    if out and out.holder and arrival.person not in (None, out.holder):
        fields["by_another"] = True
    if not arrival.unseen and arrival.person is None:
        fields["unattended"] = True
    back = out if hung.kind == "right" else None
    stays = turn.state.visit is not None and turn.state.visit.number == arrival.visit
    questions = prompts.of_return(turn, hung.item) if back and back.holder else None
    owed = returning.owed(turn, hung.item, unseen=not stays) if back else None
    if back and stays and not owed:
        subs += returning.approvers(turn, hung.item)
    fields |= {"prompts": questions, **(owed.fields() if owed else {})}
    n = turn.journal(_kind(hung, arrival), subs, **fields, **_about(turn, slot, hung, arrival))
    if questions and stays and turn.state.visit is not None and not arrival.unseen:
        turn.stay(returns=(*turn.state.visit.returns, n))
    release.forget(turn, slot)
    _alarms(turn, slot, hung)
    if owed and item and not owed.noted:
        returning.seated(turn, slot, item.id, owed)
    elif not arrival.unseen:
        _tell(turn, slot, hung, item)


def doubt(turn: Turn, slot: int, for_s: float) -> None:
    """What the reader says is believed if it is still so after a while."""
    turn.update(doubts={**turn.state.doubts, slot: turn.now.mono_s + for_s})


def forget_doubt(turn: Turn, slot: int) -> None:
    if slot in turn.state.doubts:
        turn.update(doubts={s: ends for s, ends in turn.state.doubts.items() if s != slot})


def next_due(state: State) -> float | None:
    return min((*(one.ends_mono_s for one in state.arrivals.values()), *state.doubts.values()), default=None)


def _kind(hung: Hung, arrival: Arrival) -> str:
    if hung.kind != "right":
        return f"item.{hung.kind}"
    return "item.found_present" if arrival.unseen else "item.returned"


def _about(turn: Turn, slot: int, hung: Hung, arrival: Arrival) -> dict[str, Field]:
    """`fob`: a reader has named it. `cause`: why nobody knows what hangs there."""
    if hung.kind == "right":
        return {"fob": "right"}
    about: dict[str, Field] = {"found": True} if arrival.unseen else {}
    if hung.kind == "unreadable":
        reading = turn.state.fobs.get(slot)
        silent = reading is None or reading.state in (None, "fob")
        about["cause"] = "silent" if silent or reading is None else reading.state
    return about


def _alarms(turn: Turn, slot: int, hung: Hung) -> None:
    if hung.item is not None and hung.kind != "unreadable":
        turn.clear_alarms_of(hung.item, ("item.overdue", "item.forced"))
    forced = turn.ledger.alarms.get(alarm_id("item.forced", slot))
    if forced is not None and forced.item is None:
        turn.clear_alarm("item.forced", slot=slot)
    leaving.clear(turn, slot)
    code = f"item.{hung.kind}"
    if code in leaving.WRONG:
        turn.raise_alarm(code, slot=slot, item=hung.item)
    if hung.kind == "misplaced":
        leaving.light(turn, turn.rights.items.get(hung.item or ""))


def _tell(turn: Turn, slot: int, hung: Hung, item: Item | None) -> None:
    if hung.kind == "right":
        turn.say("returned", "accepted", item=release.item_name(turn, hung.item))
        visit.after_return(turn)
        return
    if turn.state.visit is not None:
        turn.stay()
    if hung.kind != "misplaced" or item is None:
        turn.say(hung.kind, "refused", slot=slot)
        return
    right = places.free_slots_of(turn.ledger, turn.state.setup, turn.rights, item)
    slots = " / ".join(map(str, right))
    turn.say("misplaced" if right else "homeless", "refused", item=item.id, slot=slot, slots=slots)
