"""Bookings: made and cancelled through the service socket, and kept at the cabinet."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal

from cabinet.core import pins
from cabinet.core.effects import Answer
from cabinet.core.leaves import Subject
from cabinet.core.requests import BookingAsked, BookingCancelled
from cabinet.core.state import Visit
from cabinet.core.turn import Turn
from cabinet.policy.booking import Booking, due_ms, window
from cabinet.policy.curfew import due_by
from cabinet.policy.decide import Denial, Grant, person_denial
from cabinet.policy.explain import decide_at_best, said
from cabinet.policy.rights import Factor, Item, Person, Pseudonym
from cabinet.policy.words import RULES

BOOKINGS_MAX: Final = 200
_OVERRIDDEN_MAX: Final = 12
"""By one booking: each is a leaf, and a step has room for 16."""


def of_item(turn: Turn, item: Item) -> Collection[Booking]:
    """Whatever is booked of it."""
    return [one for one in turn.ledger.bookings.values() if one.item == item.id]


def factors_for(turn: Turn, visit: Visit, item: Item) -> frozenset[Factor]:
    """What the visitor has shown, as far as it counts for the item: a code does for what it was given for, and until
    that was released."""
    booking = turn.ledger.bookings.get(visit.booking) if visit.booking is not None else None
    counts = booking is not None and booking.item == item.id and booking.code is not None
    person = turn.rights.people.get(visit.person or "")
    factors = pins.counting(turn, person, visit.factors) if person else visit.factors
    return factors if counts else factors - {"code"}


def own(turn: Turn, person: Pseudonym, item: Item) -> int | None:
    """The number of the person's own booking of the item that holds now, or whose code would be taken."""
    for n, one in turn.ledger.bookings.items():
        if (one.holder, one.item) == (person, item.id) and one.takes_code(turn.now.wall_ms):
            return n
    return None


def due(turn: Turn, person: Pseudonym, item: Item, grant: Grant) -> tuple[int | None, Literal["booked"] | None]:
    """When the item is due that the person gets now; `booked` where somebody else's booking says it."""
    wall_ms = turn.now.wall_ms
    curfew = due_by(turn.rights, grant.right, wall_ms) if grant.monitor != "curfew_passed" else None
    return due_ms(of_item(turn, item), item.id, person, curfew, wall_ms)


def on_asked(turn: Turn, event: BookingAsked) -> None:
    """Refused, with the reason, or journaled."""
    refusal = _refusal(turn, event)
    clashes = [
        n
        for n, one in turn.ledger.bookings.items()
        if one.item == event.item and one.overlaps(event.starts_ms, event.until_ms)
    ]
    if refusal is None and clashes and not event.overrides:
        n = clashes[0]
        when = window(turn.ledger.bookings[n], turn.rights.zone)
        refusal = f"{event.item} is booked {when} (booking {n}); choose another time, or --override with a --reason"
    if refusal is None and len(clashes) > _OVERRIDDEN_MAX:
        refusal = f"{len(clashes)} bookings are in the way; cancel some of them first"
    if refusal is not None or event.dry_run:
        turn.act(Answer(event.request, refusal))
        return
    for n in clashes:
        _cancel(turn, n, event.reason or "", event.operator, cause="override")
    made = turn.journal(
        "booking.made",
        [Subject("holder", event.person)],
        item=event.item,
        starts=event.starts_ms,
        until=event.until_ms,
        operator=event.operator,
        reason=event.reason,
        code=event.code,
    )
    turn.act(Answer(event.request, n=made))


def on_cancelled(turn: Turn, event: BookingCancelled) -> None:
    if event.booking not in turn.ledger.bookings:
        turn.act(Answer(event.request, f"there is no booking {event.booking} any more; see `cabinetctl booking list`"))
        return
    if not event.dry_run:
        _cancel(turn, event.booking, event.reason, event.operator)
    turn.act(Answer(event.request))


def _cancel(turn: Turn, n: int, reason: str, operator: str, cause: str | None = None) -> None:
    booking = turn.ledger.bookings[n]
    turn.journal(
        "booking.cancelled",
        [Subject("holder", booking.holder)],
        booking=n,
        item=booking.item,
        operator=operator,
        reason=reason,
        cause=cause,
    )


def _refusal(turn: Turn, event: BookingAsked) -> str | None:
    """Why not, but for other bookings."""
    person, item = turn.rights.people.get(event.person), turn.rights.items.get(event.item)
    now_ms = turn.now.wall_ms
    if person is None or item is None:
        return "the roster has changed meanwhile; try again"
    if not turn.now.wall_time_trusted:
        return "the cabinet's clock is not trusted, so no time can be booked; see `cabinetctl status`"
    if event.until_ms <= max(event.starts_ms, now_ms):
        return "the booking ends before it begins, or has ended already; give a later --until"
    if item.slot is None:
        return f"{item.id} has no slot, so nobody can take it; give it one with `cabinetctl item add`"
    if len([one for one in turn.ledger.bookings.values() if now_ms < one.until_ms]) >= BOOKINGS_MAX:
        return f"there are {BOOKINGS_MAX} bookings, and no more are kept; cancel some"
    begins_ms = max(event.starts_ms, now_ms)
    return _no_right(turn, person, item, begins_ms, event.until_ms, with_code=event.code is not None)


def _no_right(turn: Turn, person: Person, item: Item, starts_ms: int, until_ms: int, *, with_code: bool) -> str | None:
    """As if the person showed all they have when it begins, and whoever may approve were there; what they or others
    have now does not matter."""
    decision = decide_at_best(
        turn.rights,
        person,
        item,
        starts_ms,
        with_code=with_code,
        verifier="asks" if turn.state.setup.verifier else "silent",
    )
    rule, _, hours = said(decision)
    if rule is None and (denial := person_denial(turn.rights, person, until_ms - 1, wall_time_trusted=True)):
        rule = denial.rule
    if rule is None:
        return None
    missing = decision.missing if isinstance(decision, Denial) else None
    what = ", ".join(word for word in (hours, missing) if word)
    return f"{RULES[rule]}{f' ({what})' if what else ''}; `cabinetctl right explain` says more"
