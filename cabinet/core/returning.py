"""Items that want an identified return: whoever may return them identifies before or soon after the fob is seated.

Putting a fob back is never prevented and always journaled. What a rule for returning still asks stands in that leaf as
`owed`. Whoever identifies within the time completes it; else it is journaled and told as one against its rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cabinet.core import visit
from cabinet.core.effects import Sound
from cabinet.core.leaves import Subject
from cabinet.core.ledger import OwedReturn
from cabinet.core.messages import text
from cabinet.core.state import State, Visit
from cabinet.core.turn import Turn
from cabinet.policy.decide import Denial, Grant, NeedsApproval, NeedsFactor
from cabinet.policy.quorum import may_approve
from cabinet.policy.rights import Item, Person, Right, auth

RETURN_S: Final = 60.0
ALARM: Final = "item.returned_against_rule"


@dataclass(frozen=True, slots=True)
class Owed:
    """What a return lacks, by the rule of this right."""

    rule: str
    right: str
    window: str | None = None
    missing: str | None = None

    noted: bool = False
    """The cabinet only monitors: it says so, and nothing is owed."""

    def fields(self) -> dict[str, str | None]:
        """Of the leaf that tells of the return."""
        if self.noted:
            return {"monitor": self.rule}
        return {"owed": self.rule, "right": self.right, "window": self.window, "missing": self.missing}


def owed(turn: Turn, name: str | None, *, unseen: bool) -> Owed | None:
    """Of a fob that is seated now, or while nobody watched; None: the item wants nothing, or whoever stands here has
    shown it all."""
    item = turn.rights.items.get(name or "")
    rule = next((right for right in turn.rights.return_rules if item and right.covers(item)), None)
    if item is None or rule is None:
        return None
    person = visit.visitor(turn)
    if person is None or unseen:
        return Owed("not_identified", rule.id, noted=turn.state.setup.monitors)
    match visit.decision_on(turn, person, item, act="return"):
        case Grant(_, None):
            return None
        case Grant(right, monitored):
            return Owed(str(monitored), right.id, noted=True)
        case NeedsFactor(right):
            return Owed("factor_missing", right.id)
        case NeedsApproval(right):
            return Owed("approvers_missing", right.id)
        case Denial(denied, window, right_id, missing):
            return Owed(denied, right_id or rule.id, window, missing)


def seated(turn: Turn, slot: int, item: str, lacks: Owed) -> None:
    """Such a return was just journaled: asks for what it lacks, as far as whoever stands here can give it."""
    turn.update(return_ends={**turn.state.return_ends, slot: turn.now.mono_s + RETURN_S})
    person, running = visit.visitor(turn), turn.state.visit
    if person is not None and running is not None and running.stage == "choose" and ask(turn, person):
        return
    if person is None or lacks.rule in ("not_identified", "factor_missing", "approvers_missing"):
        turn.say("return_identify", "refused", item=item)
    else:
        reason = text(lacks.rule, turn.language, item=item, window=lacks.window, missing=lacks.missing, slot=slot)
        turn.say("return_refused", "refused", item=item, reason=reason)
    if turn.state.visit is None:
        turn.linger(RETURN_S)


def ask(turn: Turn, person: Person) -> bool:
    """Whoever identified completes what they may; True: they were asked for more, or it is done."""
    for slot, wanted in turn.ledger.owed.items():
        item = turn.rights.items.get(wanted.item)
        if slot not in turn.state.return_ends or item is None:
            continue
        if not isinstance(visit.decision_on(turn, person, item, act="return"), Denial):
            visit.request(turn, person, item, "return")
            return True
    return False


def complete(turn: Turn, person: Person, item: Item, right: Right) -> None:
    """All that the rule asks is there. A return that has been completed, or told, meanwhile is left as it is."""
    running = turn.stay(stage="choose", chosen=None, second=None, act="take")
    slot, wanted = next(((s, w) for s, w in turn.ledger.owed.items() if w.item == item.id), (None, None))
    if slot is None or wanted is None:
        visit.offer(turn, person)
        return
    subs = [Subject("holder", wanted.holder)] if wanted.holder else []
    turn.journal(
        "item.return_completed",
        [*subs, Subject("returner", person.pseudonym), *_counted(turn, running, person, right)],
        visit=running.number,
        slot=slot,
        item=item.id,
        right=right.id,
        auth=auth(running.factors),
        returned_n=wanted.n,
    )
    forget(turn, slot)
    turn.say("returned", "accepted", item=item.id)
    visit.after_return(turn)


def approvers(turn: Turn, name: str | None) -> list[Subject]:
    """On whose word a return by the visitor rests that lacks nothing: they have approved in this visit already."""
    item, person, running = turn.rights.items.get(name or ""), visit.visitor(turn), turn.state.visit
    if item is None or person is None or running is None or not running.approvers:
        return []
    decision = visit.decision_on(turn, person, item, act="return")
    return _counted(turn, running, person, decision.right) if isinstance(decision, Grant) else []


def _counted(turn: Turn, running: Visit, person: Person, right: Right) -> list[Subject]:
    people = turn.rights.people
    counted = [one for one in running.approvers if one in people and may_approve(right.quorum, person, people[one])]
    return [Subject("authoriser", one) for one in counted]


def forget(turn: Turn, slot: int) -> None:
    """Nothing is awaited there any more."""
    turn.clear_alarm(ALARM, slot=slot)
    if slot in turn.state.return_ends:
        turn.update(return_ends={s: ends for s, ends in turn.state.return_ends.items() if s != slot})


def on_started(turn: Turn) -> None:
    """What was awaited when the last boot ended is awaited anew."""
    turn.update(return_ends=dict.fromkeys(turn.ledger.owed, turn.now.mono_s + RETURN_S))


def on_time(turn: Turn) -> None:
    for slot, ends in tuple(turn.state.return_ends.items()):
        wanted = turn.ledger.owed.get(slot)
        if ends > turn.now.mono_s or turn.full:
            continue
        forget(turn, slot)
        if wanted is not None:
            _tell(turn, slot, wanted)


def next_due(state: State) -> float | None:
    return min(state.return_ends.values(), default=None)


def _tell(turn: Turn, slot: int, wanted: OwedReturn) -> None:
    turn.journal(
        ALARM,
        [Subject("holder", wanted.holder)] if wanted.holder else [],
        slot=slot,
        item=wanted.item,
        rule=wanted.owed,
        right=wanted.right,
        missing=wanted.missing,
        returned_n=wanted.n,
    )
    turn.raise_alarm(ALARM, slot=slot, item=wanted.item)
    turn.act(Sound("alarm"))
