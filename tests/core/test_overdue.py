"""Items that are not back in time: told once each, however many fall due at once, and not before it is known."""

from __future__ import annotations

from dataclasses import replace

from cabinet.core.events import SlotRead, TimePassed
from cabinet.core.state import Setup, SlotSetup, State
from cabinet.core.step import next_wake_s
from cabinet.policy.rights import Curfew, Item
from tests.core.cabinet import ADA, ADA_CARD, Cabinet, right, rights

SLOTS = 40
HOUR_S = 3600


def all_out() -> Cabinet:
    """Everything taken, due back at the same hour."""
    items = {f"K-{n}": Item(f"K-{n}", slot=n) for n in range(1, SLOTS + 1)}
    roster = rights(right(ADA, *items, curfew=Curfew(after_s=HOUR_S)))
    roster = replace(roster, items=items, item_at={n: f"K-{n}" for n in range(1, SLOTS + 1)})
    cabinet = Cabinet(roster, setup=Setup({n: SlotSetup("relays", 0.5) for n in range(1, SLOTS + 1)}))
    cabinet.badge(ADA_CARD)
    for slot in range(1, SLOTS + 1):
        if slot not in cabinet.state.grant_ends:
            cabinet.enter(str(slot))
        cabinet.pulse_done(slot)
        cabinet.lift(slot)
    return cabinet


def test_a_whole_cabinet_that_is_due_at_once_takes_several_steps() -> None:
    cabinet = all_out()
    cabinet.now = replace(cabinet.now, mono_s=cabinet.now.mono_s + HOUR_S, wall_ms=cabinet.now.wall_ms + HOUR_S * 1000)
    steps = []
    while next_wake_s(cabinet.state, cabinet.now) <= 0:
        size = len(cabinet.journal)
        cabinet.send(TimePassed())
        steps.append(len(cabinet.journal) - size)
    assert max(steps) <= 20
    assert [kind for kind in cabinet.kinds() if kind == "item.overdue"] == ["item.overdue"] * SLOTS


def test_nothing_is_due_before_the_start_is_journaled() -> None:
    cabinet = all_out()
    cabinet.now = replace(cabinet.now, wall_ms=cabinet.now.wall_ms + HOUR_S * 1000)
    cold = State(cabinet.setup, cabinet.state.ledger, len(cabinet.journal))
    assert next_wake_s(cold, cabinet.now) > HOUR_S


def test_what_came_back_in_the_dark_is_not_overdue() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001", curfew=Curfew(after_s=HOUR_S))))
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    cabinet.now = replace(cabinet.now, wall_ms=cabinet.now.wall_ms + HOUR_S * 1000)
    cabinet.boot({2: True, 3: True, 4: True})
    cabinet.send(TimePassed())
    cabinet.send(SlotRead(1, True))
    cabinet.pass_time(60)
    assert cabinet.kinds(after="cabinet.started") == ["item.found_present"]


def test_a_sensor_that_stays_silent_does_not_hide_it() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001", curfew=Curfew(after_s=HOUR_S))))
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    cabinet.now = replace(cabinet.now, wall_ms=cabinet.now.wall_ms + HOUR_S * 1000)
    cabinet.boot({2: True, 3: True, 4: True})
    cabinet.pass_time(cabinet.setup.settle_s + 1)
    assert cabinet.kinds(after="cabinet.started") == ["item.overdue", "alarm.raised"]
