"""The decision: may this person take this item now, with the factors presented? Always with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from cabinet.policy.allowance import Held, refusal
from cabinet.policy.booking import Booking, in_the_way, window
from cabinet.policy.curfew import passed
from cabinet.policy.quorum import missing
from cabinet.policy.rights import ActKind, Factor, Finger, Item, Person, Right, Rights
from cabinet.policy.schedule import describe, is_open

Rule = Literal[
    "person_suspended",
    "person_not_yet_active",
    "person_expired",
    "host_inactive",
    "no_right",
    "outside_schedule",
    "clock_untrusted",
    "curfew_passed",
    "qualification_missing",
    "factor_missing",
    "strong_card_missing",
    "finger_silent",
    "finger_locked",
    "verifier_silent",
    "not_verified",
    "allowance_used",
    "overdue_first",
    "booked",
    "item_out",
    "no_item",
    "prompt_unanswered",
    "slot_taken",
]

Verifier = Literal["asks", "silent", "refused"]
"""What is to be had of the verifier: it can be asked, there is no answer of it, or it has said no."""


@dataclass(frozen=True, slots=True)
class Grant:
    """`monitor`: the rule that would have refused, where the cabinet only monitors."""

    right: Right
    monitor: str | None = None


@dataclass(frozen=True, slots=True)
class NeedsFactor:
    """Everything else holds; these factors would complete the right. `missing` is the cheapest way."""

    right: Right
    missing: frozenset[Factor]


@dataclass(frozen=True, slots=True)
class NeedsApproval:
    """Everything else holds; so many others have to approve."""

    right: Right
    count: int


@dataclass(frozen=True, slots=True)
class Denial:
    """`rule` names what refused; `window` the schedule in words where one was missed; `right` the closest right;
    `missing` the qualification that is not there, or not any more, the date that has passed, or the prompt without an
    answer."""

    rule: Rule
    window: str | None = None
    right: str | None = None
    missing: str | None = None


Decision: TypeAlias = Grant | NeedsFactor | NeedsApproval | Denial


def person_denial(rights: Rights, person: Person, wall_ms: int, *, wall_time_trusted: bool) -> Denial | None:
    """Why this person may not even begin a visit; None: they may. A visitor may as long as their host might."""
    if denial := _inactive(person, wall_ms, wall_time_trusted=wall_time_trusted):
        return denial
    if person.host is None:
        return None
    host = rights.people.get(person.host)
    if host is None or _inactive(host, wall_ms, wall_time_trusted=wall_time_trusted):
        return Denial("host_inactive")
    return None


def _inactive(person: Person, wall_ms: int, *, wall_time_trusted: bool) -> Denial | None:
    """A person with dates needs a trusted clock, or a dead battery would bring the expired back."""
    if person.suspended:
        return Denial("person_suspended")
    dated = person.active_from_ms is not None or person.active_until_ms is not None
    if dated and not wall_time_trusted:
        return Denial("clock_untrusted")
    if person.active_from_ms is not None and wall_ms < person.active_from_ms:
        return Denial("person_not_yet_active")
    if person.active_until_ms is not None and wall_ms >= person.active_until_ms:
        return Denial("person_expired")
    return None


def decide(
    rights: Rights,
    person: Person,
    item: Item,
    factors: frozenset[Factor],
    wall_ms: int,
    *,
    wall_time_trusted: bool,
    approvers: Sequence[Person] = (),
    held: Sequence[Held] = (),
    bookings: Iterable[Booking] = (),
    over: Iterable[Right] | None = None,
    act: ActKind = "take",
    verifier: Verifier = "silent",
) -> Decision:
    """The best of all rights that reach the item: a grant, else one missing only others' approval or a factor, else
    why not. `approvers` have approved in this visit; `held` is everything that is out or about to be,
    `bookings` whatever is booked; `over` the person's rights that cover the item, where they are known already. `act`
    is what is to be done; what limits taking does not limit a return."""
    if denial := person_denial(rights, person, wall_ms, wall_time_trusted=wall_time_trusted):
        return denial
    best: Decision = Denial("no_right")
    windows: dict[str, None] = {}
    for right in rights_over(rights, person, item, act) if over is None else over:
        decision = decide_by(
            rights,
            right,
            person,
            item,
            factors,
            wall_ms,
            approvers,
            held,
            verifier,
            wall_time_trusted=wall_time_trusted,
            act=act,
        )
        if isinstance(decision, Grant):
            best = decision
            break
        if isinstance(decision, Denial) and decision.rule == "outside_schedule":
            windows[decision.window or ""] = None
        if _rank(decision) > _rank(best):
            best = decision
    if isinstance(best, Denial) and best.rule == "outside_schedule":
        return replace(best, window="; ".join(windows))  # whichever comes first will do
    return (
        best
        if isinstance(best, Denial) or act != "take"
        else unless_booked(best, rights, person, item, wall_ms, bookings, wall_time_trusted=wall_time_trusted)
    )


def unless_booked(
    decision: Grant | NeedsFactor | NeedsApproval,
    rights: Rights,
    person: Person,
    item: Item,
    wall_ms: int,
    bookings: Iterable[Booking],
    *,
    wall_time_trusted: bool,
) -> Decision:
    """The decision, where nobody else has booked the item."""
    other = in_the_way(bookings, item.id, person.pseudonym, wall_ms, wall_time_trusted=wall_time_trusted)
    if other is None:
        return decision
    rule: Rule = "booked" if wall_time_trusted else "clock_untrusted"
    return Denial(rule, window(other, rights.zone), decision.right.id)


def rights_over(rights: Rights, person: Person, item: Item, act: ActKind = "take") -> Iterator[Right]:
    """The person's rights that name the item, one of its groups, or everything."""
    for right in rights.rights_of(person, act):
        if right.covers(item):
            yield right


def reach(rights: Rights, person: Person) -> list[tuple[Item, list[Right]]]:
    """Every item with a slot that some right of the person covers, by slot, and the rights that do."""
    found: dict[str, tuple[Item, list[Right]]] = {}
    for right in rights.rights_of(person):
        groups = right.item_groups | ({"*"} if "*" in right.items else set())
        named = {name: item for name in right.items if (item := rights.items.get(name)) and item.slot is not None}
        named |= {item.id: item for group in groups for item in rights.items_in.get(group, ())}
        for item in named.values():
            found.setdefault(item.id, (item, []))[1].append(right)
    return sorted(found.values(), key=lambda pair: pair[0].slot or 0)


def decide_by(
    rights: Rights,
    right: Right,
    person: Person,
    item: Item,
    factors: frozenset[Factor],
    wall_ms: int,
    approvers: Sequence[Person],
    held: Sequence[Held],
    verifier: Verifier,
    *,
    wall_time_trusted: bool,
    act: ActKind = "take",
) -> Decision:
    """By one right that reaches the item; the person is active."""
    if right.schedule is not None:
        schedule = rights.schedules[right.schedule]
        if not wall_time_trusted:
            return Denial("clock_untrusted", describe(schedule), right.id)
        if not is_open(schedule, wall_ms, rights.zone):
            return Denial("outside_schedule", describe(schedule), right.id)
    if act == "take" and right.curfew.dates and not wall_time_trusted:
        return Denial("clock_untrusted", None, right.id)
    if act == "take" and (date := passed(right.curfew, wall_ms, rights.zone)) is not None:
        return Denial("curfew_passed", None, right.id, date)
    if denial := _unqualified(right, person, wall_ms, wall_time_trusted=wall_time_trusted):
        return denial
    if act == "take" and (rule := refusal(rights, right, person, item, held)) is not None:
        return Denial(rule, None, right.id)
    # A code says who it is, as a number does.
    factors = factors | {"number"} if "code" in factors else factors
    if any(alternative <= factors for alternative in right.factors):
        more = missing(right.quorum, person, approvers)
        return NeedsApproval(right, more) if more else Grant(right)
    lacking = lacking_of(right.factors, factors, person, rights.finger_of(person), verifier)
    return NeedsFactor(right, lacking) if isinstance(lacking, frozenset) else Denial(lacking, None, right.id)


def _unqualified(right: Right, person: Person, wall_ms: int, *, wall_time_trusted: bool) -> Denial | None:
    """What expires needs a clock that somebody vouches for."""
    for name in sorted(right.requires):
        if name not in person.qualifications:
            return Denial("qualification_missing", None, right.id, name)
        until_ms = person.qualifications[name]
        if until_ms is not None and not wall_time_trusted:
            return Denial("clock_untrusted", None, right.id)
        if until_ms is not None and until_ms <= wall_ms:
            return Denial("qualification_missing", None, right.id, name)
    return None


def lacking_of(
    alternatives: Sequence[frozenset[Factor]],
    factors: frozenset[Factor],
    person: Person,
    finger: Finger,
    verifier: Verifier,
) -> frozenset[Factor] | Rule:
    """What is still missing of the cheapest alternative this visit can complete, or why it can complete none: a PIN,
    if the person has one, their finger, if a reader can tell it, and the word of the verifier, if it can be asked. Of
    two, the one without typing.

    A card or number is what a visit begins with, so an alternative that lacks one is another visit; but a code is for
    one item only, and a card is held to the reader beside it, as it is beside a finger."""
    wants_strong = "strong-card" not in factors and any("strong-card" in alternative for alternative in alternatives)
    rule: Rule = "strong_card_missing" if wants_strong else "factor_missing"
    for alternative in sorted(alternatives, key=lambda a: (len(a - factors), "pin" in a - factors, sorted(a))):
        lacking = alternative - factors
        beside = "finger" in alternative & factors and "card" not in factors
        askable = {"pin", "finger", "verified"} | ({"card", "strong-card"} if beside else set())
        if not lacking <= askable or ("pin" in lacking and not person.pin_set):
            continue
        if "finger" in lacking and finger != "asks":
            rule = _NO_FINGER.get(finger, rule)
            continue
        if "verified" not in lacking or verifier == "asks":
            return lacking
        rule = "verifier_silent" if verifier == "silent" else "not_verified"
    if {"code"} == factors & {"code", "card"} and any(
        not alternative.isdisjoint({"card", "strong-card"}) and ("pin" not in alternative - factors or person.pin_set)
        for alternative in alternatives
    ):
        return frozenset({"card"})
    return rule


_NO_FINGER: Final[Mapping[Finger, Rule]] = {"silent": "finger_silent", "locked": "finger_locked"}


def _rank(decision: Decision) -> int:
    """Which reason helps most when several rights fail: the one that is closest to a grant."""
    if isinstance(decision, Denial):
        return _CLOSER.index(decision.rule)
    return len(_CLOSER) + (NeedsFactor, NeedsApproval, Grant).index(type(decision))


_CLOSER: Final = (
    *("no_right", "outside_schedule", "clock_untrusted", "curfew_passed", "qualification_missing"),
    *("factor_missing", "strong_card_missing", "allowance_used", "overdue_first"),
    *("finger_silent", "finger_locked", "verifier_silent", "not_verified"),
)
"""Further down the more of a right holds: a right of the day says nothing where one of the night is open."""
