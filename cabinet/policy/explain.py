"""Why somebody may take something, or may not: the daemon's own decision, right by right, in words.

It supposes that the person shows all they have and that all who may approve do: what is then still in the way cannot
be helped by anybody who stands at the cabinet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cabinet.policy.allowance import Held
from cabinet.policy.booking import Booking
from cabinet.policy.curfew import due_by
from cabinet.policy.decide import (
    Decision,
    Denial,
    Grant,
    NeedsApproval,
    NeedsFactor,
    Verifier,
    decide,
    decide_by,
    person_denial,
    rights_over,
)
from cabinet.policy.prompts import asked
from cabinet.policy.quorum import may_approve
from cabinet.policy.rights import ActKind, Factor, Item, Person, Prompt, PromptAt, Right, Rights, auth
from cabinet.policy.schedule import describe

CUSTODIAN: Final = "custodian"
"""The role of those who look after rights and people."""
_CUSTODIANS_HELP: Final = "a custodian can change the roster"
_HELP: Final[Mapping[str, str]] = {
    "person_suspended": "a custodian can end the suspension",
    "person_not_yet_active": _CUSTODIANS_HELP,
    "person_expired": "a custodian can extend the access",
    "host_inactive": "a custodian can name another host, or give the host access again",
    "no_right": "a custodian can grant a right",
    "outside_schedule": "come within the window; a custodian can widen it",
    "curfew_passed": "a custodian can set another date",
    "clock_untrusted": "a technician can set the clock; a custodian can confirm it",
    "factor_missing": "a custodian can enrol what is missing",
    "strong_card_missing": "a custodian can enrol a card that proves its key, see `cabinetctl credential enrol --at`",
    "finger_silent": "a technician can look at the reader, see `cabinetctl devices`; a custodian can enrol anew",
    "finger_locked": "wait a little; a custodian can enrol the finger anew",
    "verifier_silent": "a technician can look at it, see `cabinetctl devices`",
    "qualification_missing": "a custodian can record it once it is there again",
    "approvers_missing": "a custodian can name more people who may approve",
    "allowance_used": "bring one of them back first; a custodian can allow more",
    "overdue_first": "bring back first what is overdue",
    "slot_taken": "a technician can release the slot and take out what does not belong there",
    "booked": "come outside the booking; `cabinetctl booking cancel` ends it",
    "item_out": "whoever has it can bring it back",
    "prompt_unanswered": "answer what the cabinet asks",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One right that reaches the item. `verdict` is `grants`, or the rule that is in the way."""

    right: str
    verdict: str
    schedule: str | None
    """Its windows in words; None: at any time."""
    factors: tuple[str, ...]
    """Alternatives, as `card+pin`."""
    lacking: tuple[str, ...]
    """Those of them that this person cannot show."""
    approvals: int
    approvers: tuple[str, ...]
    """Pseudonyms of those who may approve now."""
    due_ms: int | None
    """When the item would be due."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`rule` None: yes, by `right`. `helpers` are pseudonyms of custodians who are active."""

    rule: str | None
    right: str | None
    window: str | None
    missing: str | None
    """The qualification, or the date that has passed."""
    help: str | None
    helpers: tuple[str, ...]
    steps: tuple[Step, ...]
    asks: tuple[Prompt, ...]
    """What the cabinet asks before it releases the item."""


def explain(
    rights: Rights,
    person: Person,
    item: Item,
    wall_ms: int,
    *,
    wall_time_trusted: bool,
    held: Sequence[Held] = (),
    bookings: Sequence[Booking] = (),
    act: PromptAt = "take",
    blocked: bool = False,
    verifier: Verifier = "silent",
) -> Explanation:
    """`held` is everything that is out, `bookings` whatever is booked; `blocked`: something else hangs where the item
    belongs. An item that no right for returning covers is returned by just seating it. A verifier that can be asked
    would say yes."""
    if act == "return" and not any(right.covers(item) for right in rights.return_rules):
        return Explanation(None, None, None, None, None, (), (), tuple(asked(rights, item, act)))
    with_code = any(one.code is not None and one.holder == person.pseudonym for one in bookings)
    shown = could_show(rights, person, with_code=with_code, verifier=verifier)
    others = _active(rights, wall_ms, trusted=wall_time_trusted)
    decision = decide_at_best(
        rights,
        person,
        item,
        wall_ms,
        wall_time_trusted=wall_time_trusted,
        held=held,
        bookings=bookings,
        with_code=with_code,
        verifier=verifier,
        act=act,
    )
    steps = tuple(
        _step(rights, right, person, item, shown, wall_ms, others, held, verifier, act, trusted=wall_time_trusted)
        for right in rights_over(rights, person, item, act)
    )
    rule, right, window = said(decision)
    missing = decision.missing if isinstance(decision, Denial) else None
    if rule is None and act == "take" and any(one.item == item.id for one in held):
        rule = "item_out"
    elif rule is None and act == "take" and blocked:
        rule = "slot_taken"
    helpers = () if rule is None else tuple(one.pseudonym for one in others if CUSTODIAN in one.roles)
    return Explanation(
        rule, right, window, missing, _HELP.get(rule or ""), helpers, steps, tuple(asked(rights, item, act))
    )


def decide_at_best(
    rights: Rights,
    person: Person,
    item: Item,
    wall_ms: int,
    *,
    wall_time_trusted: bool = True,
    held: Sequence[Held] = (),
    bookings: Sequence[Booking] = (),
    with_code: bool = False,
    verifier: Verifier = "silent",
    act: PromptAt = "take",
) -> Decision:
    """The decision if the person shows all they have, and all who may approve do."""
    return decide(
        rights,
        person,
        item,
        could_show(rights, person, with_code=with_code, verifier=verifier),
        wall_ms,
        wall_time_trusted=wall_time_trusted,
        approvers=_active(rights, wall_ms, trusted=wall_time_trusted),
        held=held,
        bookings=bookings,
        verifier=verifier,
        act=act,
    )


def could_show(
    rights: Rights, person: Person, *, with_code: bool = False, verifier: Verifier = "silent"
) -> frozenset[Factor]:
    """Everything this person has been given to identify with."""
    shown: set[Factor] = {"pin"} if person.pin_set else set()
    if person.pseudonym in rights.cards.values():
        shown.add("card")
    if any(rights.cards.get(card) == person.pseudonym for card in rights.strong):
        shown.add("strong-card")
    if person.pseudonym in rights.numbers.values():
        shown.add("number")
    if rights.finger_of(person) == "asks":
        shown.add("finger")
    if with_code:
        shown.add("code")
    if verifier == "asks":
        shown.add("verified")
    return frozenset(shown)


def said(decision: Decision) -> tuple[str | None, str | None, str | None]:
    """Rule (None: yes), right, window."""
    match decision:
        case Grant(right):
            return None, right.id, None
        case Denial(rule, window, right_id):
            return rule, right_id, window
        case NeedsApproval(right):
            return "approvers_missing", right.id, None
        case NeedsFactor(right):
            return "factor_missing", right.id, None


def _step(
    rights: Rights,
    right: Right,
    person: Person,
    item: Item,
    shown: frozenset[Factor],
    wall_ms: int,
    others: list[Person],
    held: Sequence[Held],
    verifier: Verifier,
    act: ActKind,
    *,
    trusted: bool,
) -> Step:
    decision = person_denial(rights, person, wall_ms, wall_time_trusted=trusted) or decide_by(
        rights, right, person, item, shown, wall_ms, others, held, verifier, wall_time_trusted=trusted, act=act
    )
    rule, _, _ = said(decision)
    alternatives = [auth(one) for one in right.factors]
    return Step(
        right.id,
        rule or "grants",
        describe(rights.schedules[right.schedule]) if right.schedule else None,
        tuple(alternatives),
        tuple(text for text, one in zip(alternatives, right.factors, strict=True) if not one <= shown),
        right.quorum.count,
        tuple(one.pseudonym for one in others if right.quorum.count and may_approve(right.quorum, person, one)),
        due_by(rights, right, wall_ms),
    )


def _active(rights: Rights, wall_ms: int, *, trusted: bool) -> list[Person]:
    """Everybody who may come now."""
    everybody = rights.people.values()
    return [one for one in everybody if person_denial(rights, one, wall_ms, wall_time_trusted=trusted) is None]
