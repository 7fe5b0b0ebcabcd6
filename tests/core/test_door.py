"""The door's lock: released with what opens, for who has something to bring back, and for nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

from cabinet.core.effects import Pulse
from cabinet.core.events import BoltPulsed
from cabinet.core.state import Setup, SlotSetup
from cabinet.policy.rights import Right, Schedule, Window
from tests.core.cabinet import ADA, ADA_CARD, CARD_PIN, EVE_CARD, LIN, LIN_CARD, PIN, Cabinet, right, rights

SETUP = Setup({n: SlotSetup("relays", 0.5) for n in range(1, 5)}, door_lock=SlotSetup("strike", 0.3))
MINE = right(ADA, "K-0001")


def door_right(person: str, **changes: object) -> Right:
    one = replace(right(person, "K-0001"), id="door", items=frozenset(), acts=frozenset({"door"}))
    return replace(one, **changes)  # type: ignore[arg-type]


def locked(*lines: Right, schedules: tuple[Schedule, ...] = ()) -> Cabinet:
    cabinet = Cabinet(rights(MINE, *lines, schedules=schedules), setup=SETUP)
    cabinet.door(closed=True)
    cabinet.effects.clear()
    return cabinet


def with_ada(*lines: Right, schedules: tuple[Schedule, ...] = ()) -> Cabinet:
    """She has K-0001, and the door is closed behind her."""
    cabinet = locked(*lines, schedules=schedules)
    cabinet.badge(ADA_CARD)
    cabinet.door(closed=False)
    cabinet.lift(1)
    cabinet.door(closed=True)
    cabinet.cancel()
    cabinet.pass_time(600)
    cabinet.effects.clear()
    return cabinet


def releases(cabinet: Cabinet) -> int:
    return sum(leaf.ev == "door.released" for _, leaf in cabinet.journal)


def test_a_grant_opens_the_door_before_its_slot() -> None:
    cabinet = locked()
    cabinet.badge(ADA_CARD)
    n = next(n for n, (_, leaf) in enumerate(cabinet.journal) if leaf.ev == "door.released")
    granted = next(n for n, (_, leaf) in enumerate(cabinet.journal) if leaf.ev == "item.granted")
    pulses = [effect for effect in cabinet.effects if isinstance(effect, Pulse)]
    assert pulses == [Pulse(0, n, 0.3), Pulse(1, granted, 0.5)]
    cabinet.door(closed=False)
    assert "door.forced" not in cabinet.kinds()


def test_a_door_that_stands_open_is_not_released_again() -> None:
    cabinet = locked()
    cabinet.door(closed=False)
    cabinet.badge(ADA_CARD)
    assert cabinet.pulses() == [1]


def test_who_opens_it_otherwise_has_forced_it() -> None:
    cabinet = locked()
    cabinet.door(closed=False)
    assert cabinet.kinds()[-3:] == ["door.opened", "door.forced", "alarm.raised"]
    assert cabinet.tones() == ["alarm"]
    cabinet.door(closed=True)
    assert cabinet.state.ledger.alarms == {}


def test_too_late_is_by_force_too() -> None:
    cabinet = locked()
    cabinet.badge(ADA_CARD)
    cabinet.send(
        BoltPulsed(0, cabinet.journal.index(next(x for x in cabinet.journal if x[1].ev == "door.released")), "done")
    )
    cabinet.pass_time(SETUP.take_s + 1)
    cabinet.door(closed=False)
    assert "door.forced" in cabinet.kinds()


def test_a_door_found_open_at_the_start_is_not_said_to_be_forced() -> None:
    cabinet = locked()
    cabinet.boot()
    cabinet.door(closed=False)
    assert "door.forced" not in cabinet.kinds(after="cabinet.started")


def test_who_has_something_to_bring_back_gets_it_opened_and_nobody_else() -> None:
    cabinet = with_ada()
    cabinet.badge(EVE_CARD)
    assert cabinet.pulses() == []
    cabinet.pass_time(60)
    cabinet.badge(ADA_CARD)
    assert cabinet.pulses() == [0]
    cabinet.door(closed=False)
    cabinet.seat(1)
    assert "door.forced" not in cabinet.kinds()


def test_where_there_are_rights_for_the_door_they_decide() -> None:
    cabinet = with_ada(door_right(LIN))
    cabinet.badge(LIN_CARD)
    assert cabinet.pulses() == [0]
    assert cabinet.last("door.released").fields["right"] == "door"
    cabinet.pass_time(60)
    cabinet.effects.clear()
    cabinet.badge(ADA_CARD)
    assert cabinet.pulses() == []
    assert cabinet.last("door.denied").fields["rule"] == "no_right"
    assert cabinet.screen().startswith("The door stays closed:\nYou have no right to this")


def test_a_right_for_the_door_has_hours_and_factors() -> None:
    sunday = Schedule("sunday", (Window(frozenset({6}), time(8), time(18)),))
    cabinet = with_ada(door_right(ADA, schedule="sunday"), schedules=(sunday,))
    cabinet.badge(ADA_CARD)
    assert cabinet.last("door.denied").fields["window"] == "sun 08:00-18:00"
    cabinet = with_ada(door_right(LIN, factors=(CARD_PIN,)))
    before = releases(cabinet)
    cabinet.enter("1002")
    cabinet.enter(PIN)
    assert releases(cabinet) == before  # the number is not the card
    cabinet.badge(LIN_CARD)
    assert releases(cabinet) == before + 1


def test_a_stranger_and_a_suspended_person_open_nothing() -> None:
    cabinet = with_ada()
    cabinet.rights = replace(
        cabinet.rights, people={**cabinet.rights.people, ADA: replace(cabinet.rights.people[ADA], suspended=True)}
    )
    cabinet.badge(ADA_CARD)
    cabinet.badge(b"nobody's")
    assert cabinet.pulses() == []


def test_a_strike_that_does_not_answer_is_said() -> None:
    cabinet = with_ada()
    cabinet.badge(ADA_CARD)
    cabinet.send(BoltPulsed(0, len(cabinet.journal) - 1, "not_done", "strike does not answer"))
    assert cabinet.screen().startswith("The door could not be opened")
    cabinet.door(closed=False)
    assert "door.forced" in cabinet.kinds()
    assert cabinet.refolded() == cabinet.state.ledger
