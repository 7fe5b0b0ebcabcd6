"""What is booked is kept: for its holder, from others, and from a curfew that would run into it."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from cabinet.core.effects import Answer
from cabinet.core.events import JournalFailed
from cabinet.core.ledger import Ledger
from cabinet.core.requests import BookingAsked, BookingCancelled
from cabinet.policy.booking import Booking
from cabinet.policy.rights import Curfew, Right, Rights, Schedule, Window
from tests.core.cabinet import (
    ADA,
    ADA_CARD,
    EVE,
    EVE_CARD,
    LIN,
    LIN_CARD,
    Cabinet,
    right,
    rights,
)

HOUR_MS = 3_600_000


def shared(**changes: object) -> Rights:
    """Ada and Lin may have K-0001, for eight hours; Eve may not."""
    one = replace(right(ADA, "K-0001"), persons=frozenset({ADA, LIN}), curfew=Curfew(after_s=8 * 3600))
    return rights(replace(one, **changes))  # type: ignore[arg-type]


def ask(cabinet: Cabinet, person: str, starts_h: float, until_h: float, **more: object) -> Answer:
    """In hours from now."""
    starts_ms, until_ms = (cabinet.now.wall_ms + int(h * HOUR_MS) for h in (starts_h, until_h))
    asked = BookingAsked(7, person, "K-0001", starts_ms, until_ms, "chief", **more)  # type: ignore[arg-type]
    [answer] = [effect for effect in cabinet.send(asked) if isinstance(effect, Answer)]
    return answer


def booked(*, by: str = LIN, starts_h: float = 1, until_h: float = 3, roster: Rights | None = None) -> Cabinet:
    cabinet = Cabinet(roster or shared())
    assert ask(cabinet, by, starts_h, until_h).refusal is None
    return cabinet


def test_it_is_journaled_and_found_again_after_a_cut() -> None:
    cabinet = Cabinet(shared())
    answer = ask(cabinet, LIN, 1, 3, reason="viewing")
    leaf = cabinet.last("booking.made")
    noon = cabinet.now.wall_ms
    assert leaf.fields == {
        "item": "K-0001",
        "starts": noon + HOUR_MS,
        "until": noon + 3 * HOUR_MS,
        "operator": "chief",
        "reason": "viewing",
    }
    assert [(sub.role, sub.person) for sub in leaf.subs] == [("holder", LIN)]
    assert answer.n is not None
    cabinet.boot()
    assert cabinet.state.ledger.bookings == {answer.n: Booking("K-0001", LIN, noon + HOUR_MS, noon + 3 * HOUR_MS)}
    assert cabinet.refolded() == cabinet.state.ledger


@pytest.mark.parametrize("later_s", [0, 2 * 3600 - 1])
def test_while_it_lasts_nobody_else_gets_it(later_s: int) -> None:
    cabinet = booked()
    cabinet.pass_time(3600 + later_s)
    cabinet.badge(ADA_CARD)
    denied = cabinet.last("item.denied").fields
    assert (denied["rule"], denied["window"]) == ("booked", "2026-01-05 13:00-15:00")
    assert cabinet.screen().startswith("Booked by somebody else:\n2026-01-05 13:00-15:00")
    assert cabinet.pulses() == []
    cabinet.cancel()
    cabinet.badge(LIN_CARD)
    assert cabinet.pulses() == [1]


def test_before_and_after_it_anybody_may() -> None:
    for later_s in (3599, 3 * 3600):
        cabinet = booked()
        cabinet.pass_time(later_s)
        cabinet.badge(ADA_CARD)
        assert cabinet.pulses() == [1]


def test_a_curfew_ends_where_a_booking_begins() -> None:
    cabinet = booked()
    cabinet.badge(ADA_CARD)
    assert cabinet.last("item.granted").fields["due"] == cabinet.now.wall_ms + HOUR_MS
    assert cabinet.screen() == "Slot 1 is open:\ntake K-0001.\nBooked after: due back 2026-01-05 13:00"
    cabinet.lift(1)
    cabinet.pass_time(3601)
    assert "item.overdue/1" in cabinet.state.ledger.alarms


@pytest.mark.parametrize(("curfew_h", "due_h"), [(2, 2), (6, 4)])
def test_a_curfew_that_comes_before_stands(curfew_h: int, due_h: int) -> None:
    cabinet = booked(starts_h=4, until_h=5, roster=shared(curfew=Curfew(after_s=curfew_h * 3600)))
    cabinet.badge(ADA_CARD)
    assert cabinet.last("item.granted").fields["due"] == cabinet.now.wall_ms + due_h * HOUR_MS


def test_who_has_booked_brings_it_back_at_its_end() -> None:
    cabinet = booked(starts_h=0, until_h=2)
    cabinet.badge(LIN_CARD)
    granted = cabinet.last("item.granted").fields
    assert granted["due"] == cabinet.now.wall_ms + 2 * HOUR_MS
    assert granted["booking"] == next(iter(cabinet.state.ledger.bookings))


def test_who_has_booked_still_needs_the_right() -> None:
    cabinet = booked(by=EVE, starts_h=0, roster=rights(right(EVE, "K-0001")))
    cabinet.rights = rights(right(ADA, "K-0001"))
    cabinet.badge(EVE_CARD)
    cabinet.enter("1")
    assert cabinet.last("item.denied").fields["rule"] == "no_right"


def test_nobody_is_handed_over_what_another_has_booked() -> None:
    cabinet = booked(roster=shared(persons=frozenset({ADA, LIN, EVE})))
    cabinet.badge(EVE_CARD)
    cabinet.lift(1)
    cabinet.pass_time(3600)
    cabinet.badge(EVE_CARD)
    cabinet.enter("1")
    cabinet.badge(ADA_CARD)
    assert cabinet.last("visit.refused").fields["rule"] == "booked"
    cabinet.badge(LIN_CARD)
    assert cabinet.state.ledger.outs[1].holder == LIN
    assert cabinet.last("item.handed_over").fields["due"] == cabinet.now.wall_ms + 2 * HOUR_MS


def test_by_a_clock_that_nobody_vouches_for_what_is_booked_stays() -> None:
    cabinet = booked()
    cabinet.now = replace(cabinet.now, quality="none")
    cabinet.badge(ADA_CARD)
    assert cabinet.last("item.denied").fields["rule"] == "clock_untrusted"
    assert ask(cabinet, LIN, 5, 6).refusal is not None
    cabinet.cancel()
    cabinet.badge(LIN_CARD)
    assert cabinet.pulses() == [1]


@pytest.mark.parametrize(
    ("person", "starts_h", "until_h", "why"),
    [
        (EVE, 1, 2, "no right of the person reaches the item"),
        (LIN, 6.5, 8, "closed at this time (mon-fri 08:00-18:00)"),
        (LIN, 2, 1, "ends before it begins"),
        (LIN, -3, -1, "has ended already"),
    ],
)
def test_what_cannot_be_booked_says_why(person: str, starts_h: float, until_h: float, why: str) -> None:
    """It is noon."""
    office = Schedule("office", (Window(frozenset(range(5)), time(8), time(18)),))
    roster = replace(shared(schedule="office"), schedules={"office": office})
    cabinet = Cabinet(roster)
    assert why in (ask(cabinet, person, starts_h, until_h).refusal or "")
    assert "booking.made" not in cabinet.kinds()


def test_somebody_whose_access_ends_before_it_does_is_refused() -> None:
    roster = shared()
    soon = replace(roster.people[LIN], active_until_ms=Cabinet(roster).now.wall_ms + 2 * HOUR_MS)
    cabinet = Cabinet(replace(roster, people={**roster.people, LIN: soon}))
    assert ask(cabinet, LIN, 0, 2).refusal is None
    assert "access has ended" in (ask(cabinet, LIN, 0, 2.1).refusal or "")


def test_a_clash_names_the_other_and_changes_nothing() -> None:
    cabinet = booked()
    refusal = ask(cabinet, ADA, 2, 4).refusal or ""
    [n] = cabinet.state.ledger.bookings
    assert f"K-0001 is booked 2026-01-05 13:00-15:00 (booking {n})" in refusal
    assert list(cabinet.state.ledger.bookings) == [n]
    assert ask(cabinet, ADA, 3, 4).refusal is None
    assert ask(cabinet, ADA, 0, 1).refusal is None


def test_an_override_cancels_what_is_in_the_way() -> None:
    cabinet = booked()
    [old] = cabinet.state.ledger.bookings
    answer = ask(cabinet, ADA, 2, 4, overrides=True, reason="burst pipe")
    cancelled = cabinet.last("booking.cancelled")
    assert cancelled.fields == {
        "booking": old,
        "item": "K-0001",
        "operator": "chief",
        "reason": "burst pipe",
        "cause": "override",
    }
    assert [(sub.role, sub.person) for sub in cancelled.subs] == [("holder", LIN)]
    assert [one.holder for one in cabinet.state.ledger.bookings.values()] == [ADA]
    assert list(cabinet.state.ledger.bookings) == [answer.n]
    assert cabinet.refolded() == cabinet.state.ledger


def test_a_dry_run_says_the_same_and_does_nothing() -> None:
    cabinet = booked()
    size = len(cabinet.journal)
    assert ask(cabinet, ADA, 2, 4, dry_run=True).refusal is not None
    assert ask(cabinet, ADA, 2, 4, dry_run=True, overrides=True, reason="x").refusal is None
    [n] = cabinet.state.ledger.bookings
    cabinet.send(BookingCancelled(8, n, "x", "chief", dry_run=True))
    assert len(cabinet.journal) == size


def test_a_cancelled_one_is_open_for_all() -> None:
    cabinet = booked(starts_h=0)
    [n] = cabinet.state.ledger.bookings
    cabinet.send(BookingCancelled(8, n, "not needed", "chief"))
    assert cabinet.last("booking.cancelled").fields["reason"] == "not needed"
    cabinet.badge(ADA_CARD)
    assert cabinet.pulses() == [1]
    [answer] = [e for e in cabinet.send(BookingCancelled(9, n, "again", "chief")) if isinstance(e, Answer)]
    assert "no booking" in (answer.refusal or "")


def test_what_has_ended_is_forgotten_with_the_next_and_there_are_not_too_many() -> None:
    cabinet = booked(starts_h=0, until_h=1)
    cabinet.pass_time(3600)
    for n in range(200):
        assert ask(cabinet, LIN, 1 + n, 2 + n).refusal is None
    assert len(cabinet.state.ledger.bookings) == 200
    assert "cancel some" in (ask(cabinet, LIN, 300, 301).refusal or "")
    assert cabinet.refolded() == cabinet.state.ledger


def test_what_cannot_be_recorded_is_not_booked() -> None:
    cabinet = Cabinet(shared())
    cabinet.send(JournalFailed())
    assert "journal cannot be written" in (ask(cabinet, LIN, 1, 2).refusal or "")
    assert cabinet.state.ledger.bookings == Ledger().bookings


def test_several_booked_items_are_told_once() -> None:
    one = replace(right(ADA, "K-0001", "K-0002"), persons=frozenset({ADA, LIN}))
    cabinet = Cabinet(rights(one))
    for item in ("K-0001", "K-0002"):
        noon = cabinet.now.wall_ms
        cabinet.send(BookingAsked(7, LIN, item, noon, noon + HOUR_MS, "chief"))
    cabinet.badge(ADA_CARD)
    assert cabinet.screen().startswith("Booked by somebody else:\n2026-01-05 12:00-13:00.")


def test_every_right_type_is_a_right() -> None:
    """A right that needs what nobody has given the person cannot be booked."""
    pin_only = Right("pin", frozenset({EVE}), items=frozenset({"K-0001"}), factors=(frozenset({"number", "pin"}),))
    cabinet = Cabinet(rights(pin_only))
    assert "the person cannot identify as it asks" in (ask(cabinet, EVE, 1, 2).refusal or "")
