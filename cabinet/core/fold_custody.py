"""What leaves change of items: who has them, where they hang, what is asked and owed about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cabinet.core.fold_people import code_spent, proved, roster
from cabinet.core.leaf_fields import number_of, person_of, slot_of, text_of, texts_of, without
from cabinet.core.leaves import Leaf
from cabinet.core.ledger import Hung, HungKind, Ledger, OpenGrant, Out, OwedReturn, Question, SlotMark, Use

_HUNG: dict[str, HungKind] = {
    "item.misplaced": "misplaced",
    "item.foreign": "foreign",
    "item.unreadable": "unreadable",
}


def granted(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    grant = OpenGrant(
        n,
        text_of(leaf, "item"),
        person_of(leaf, "holder"),
        text_of(leaf, "auth") or "",
        number_of(leaf, "due"),
    )
    return replace(code_spent(ledger, leaf), grants={**ledger.grants, slot_of(leaf): grant})


def grant_ended(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, grants=without(ledger.grants, slot_of(leaf)))


def left(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """A foreign fob is nothing that is out."""
    slot, item = slot_of(leaf), text_of(leaf, "item")
    hung = ledger.hangs.get(slot)
    outs = ledger.outs
    if hung is None or hung.kind != "foreign":
        outs = _plus_out(outs, leaf, Out(item, person_of(leaf, "holder"), ts, number_of(leaf, "due"), n=n))
    return replace(
        grant_ended(ledger, n, ts, leaf),
        slots={**ledger.slots, slot: SlotMark(False, n, ts)},
        hangs=without(ledger.hangs, slot),
        outs=outs,
        owed=without(ledger.owed, slot),
        uses=_used(ledger.uses, item, ts) if _by_grant(leaf) else ledger.uses,
    )


def came(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """Back in the cabinet. With a fob reader the leaf says how the fob stands to the slot."""
    slot, item = slot_of(leaf), text_of(leaf, "item")
    kind = _HUNG.get(leaf.ev) or ("right" if text_of(leaf, "fob") == "right" else None)
    # The same item in two places is one that has moved unseen.
    hangs = {s: one for s, one in ledger.hangs.items() if s != slot and (item is None or one.item != item)}
    if kind is not None:
        hangs = {**hangs, slot: Hung(kind, item)}
    return replace(
        grant_ended(ledger, n, ts, leaf),
        slots={**ledger.slots, slot: SlotMark(True, n, ts)},
        hangs=hangs,
        outs={s: out for s, out in ledger.outs.items() if not _is_back(s, out, slot, item, kind)},
        uses={**ledger.uses, item: Use(used.count, ts)} if item and (used := ledger.uses.get(item)) else ledger.uses,
        questions=_with_question(ledger.questions, n, leaf),
        owed=ledger.owed if (wanted := _owed(n, leaf)) is None else {**ledger.owed, slot: wanted},
    )


def _is_back(key: int, out: Out, slot: int, item: str | None, kind: str | None) -> bool:
    if out.item is None:
        return key == slot and kind not in ("foreign", "unreadable")
    return out.item == item


def _plus_out(outs: Mapping[int, Out], leaf: Leaf, out: Out) -> Mapping[int, Out]:
    """Each item once; what nobody can name does not take the place of what somebody has."""
    home = number_of(leaf, "home")
    key = slot_of(leaf) if home is None else home
    others = {k: one for k, one in outs.items() if out.item is None or one.item != out.item}
    if out.item is None and key in others:
        return others
    return {**others, key: out}


def _by_grant(leaf: Leaf) -> bool:
    return number_of(leaf, "grant") is not None


def _used(uses: Mapping[str, Use], item: str | None, ts: int) -> Mapping[str, Use]:
    if item is None:
        return uses
    before = uses.get(item)
    return {**uses, item: Use(before.count + 1 if before else 1, ts)}


def changed(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """An item with another fob: what hangs where it was seen has no name now, and nobody has seen it go."""
    item, changed = text_of(leaf, "item"), leaf.fields.get("changed")
    if item is None or not isinstance(changed, list) or "fob" not in changed:
        return roster(ledger, n, ts, leaf)
    hangs = {slot: Hung("unreadable") if one.item == item else one for slot, one in ledger.hangs.items()}
    return roster(replace(ledger, hangs=hangs), n, ts, leaf)


def retired(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return roster(replace(ledger, uses=without(ledger.uses, text_of(leaf, "item"))), n, ts, leaf)


def _with_question(questions: Mapping[int, Question], n: int, leaf: Leaf) -> Mapping[int, Question]:
    prompts, item = texts_of(leaf, "prompts"), text_of(leaf, "item")
    if prompts is None or item is None:
        return questions
    return {**questions, n: Question(item, slot_of(leaf), person_of(leaf, "returner"), prompts)}


def settled(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """One of a return's questions has its answer, or gets none."""
    returned = number_of(leaf, "returned")
    question = ledger.questions.get(returned) if returned is not None else None
    if returned is None or question is None:
        return ledger
    rest = tuple(prompt for prompt in question.prompts if prompt != leaf.fields.get("prompt"))
    if not rest:
        return replace(ledger, questions=without(ledger.questions, returned))
    return replace(ledger, questions={**ledger.questions, returned: replace(question, prompts=rest)})


def _owed(n: int, leaf: Leaf) -> OwedReturn | None:
    item, wanted, right = (text_of(leaf, key) for key in ("item", "owed", "right"))
    if item is None or wanted is None or right is None:
        return None
    return OwedReturn(n, item, person_of(leaf, "holder"), wanted, right, text_of(leaf, "missing"))


def return_settled(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, owed=without(ledger.owed, slot_of(leaf)))


def handed_over(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """As if it had just left the slot, with somebody else."""
    out = Out(text_of(leaf, "item"), person_of(leaf, "receiver"), ts, number_of(leaf, "due"), n=n)
    return replace(proved(ledger, leaf, "receiver"), outs=_plus_out(ledger.outs, leaf, out))


def overdue(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    slot = slot_of(leaf)
    return replace(ledger, outs={**ledger.outs, slot: replace(ledger.outs[slot], overdue=True)})
