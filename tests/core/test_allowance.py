"""How much somebody may have, whatever they do in whatever order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cabinet.policy.rights import Allowance, Curfew, Rights
from tests.core.cabinet import ADA, ADA_CARD, LIN, LIN_CARD, Cabinet, right, rights


def limited(each: int | None = None, together: int | None = None) -> Rights:
    items = ("K-0001", "K-0002", "K-0003")
    one = replace(right(ADA, *items), allowance=Allowance(each, together))
    return rights(replace(one, persons=frozenset({ADA, LIN})), right(LIN, "K-0004"))


def test_what_was_just_released_counts() -> None:
    cabinet = Cabinet(limited(each=1))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.enter("2")
    denied = cabinet.last("item.denied").fields
    assert (denied["rule"], denied["item"], cabinet.pulses()) == ("allowance_used", "K-0002", [1])
    assert cabinet.screen() == "You have as many as you may.\nBring one back first."
    cabinet.enter("1")
    assert cabinet.pulses() == [1, 1], "the same one again is not one more"


def test_what_comes_back_makes_room() -> None:
    cabinet = Cabinet(limited(each=1))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.lift(1)
    cabinet.seat(1)
    cabinet.badge(ADA_CARD)
    cabinet.enter("2")
    assert cabinet.pulses() == [1, 2]


def test_nothing_new_while_something_is_overdue() -> None:
    one = replace(right(ADA, "K-0001", "K-0002", curfew=Curfew(after_s=60)), blocked_while_overdue=True)
    cabinet = Cabinet(rights(one))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.lift(1)
    cabinet.pass_time(61)
    cabinet.badge(ADA_CARD)
    assert cabinet.screen() == "First bring back what is overdue."
    assert cabinet.last("item.denied").fields["rule"] == "overdue_first"
    cabinet.seat(1)
    cabinet.badge(ADA_CARD)
    cabinet.enter("2")
    assert cabinet.pulses() == [1, 2]


ACTS = st.lists(
    st.one_of(
        st.sampled_from([("badge", ADA_CARD), ("badge", LIN_CARD)]),
        st.tuples(st.sampled_from(["enter", "lift", "seat"]), st.integers(1, 4)),
        st.tuples(st.just("pass"), st.integers(1, 20)),
    ),
    max_size=40,
)


@given(st.sampled_from([(1, None), (2, None), (None, 1), (None, 2), (1, 2)]), ACTS)
def test_no_order_of_acts_gets_anybody_more(
    limits: tuple[int | None, int | None], acts: list[tuple[str, object]]
) -> None:
    each, together = limits
    cabinet = Cabinet(limited(each, together))
    for act, what in acts:
        match act, what:
            case "badge", bytes(card):
                cabinet.badge(card)
            case "enter", slot:
                cabinet.enter(str(slot))
            case "lift", int(slot) if slot in cabinet.state.grant_ends:  # the bolt holds the others
                cabinet.lift(slot)
            case "seat", int(slot):
                cabinet.seat(slot)
            case "pass", int(seconds):
                cabinet.pass_time(seconds)
        ledger = cabinet.state.ledger
        having = [out.holder for slot, out in ledger.outs.items() if slot < 4 and out.holder]
        having += [grant.person for slot, grant in ledger.grants.items() if slot < 4 and slot not in ledger.outs]
        assert all(having.count(person) <= each for person in having if each is not None)
        assert together is None or len(having) <= together
