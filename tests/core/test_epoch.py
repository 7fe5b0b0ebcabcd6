"""The set of state that an epoch begins with, and the fold that starts at it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cabinet.core.epoch_set import PART_BYTES, carried, digest, set_leaves
from cabinet.core.fold import fold
from cabinet.core.leaves import Leaf, Subject
from cabinet.core.ledger import (
    Alarm,
    Contradiction,
    EpochMark,
    Failures,
    Hung,
    Incident,
    Ledger,
    Offer,
    OpenGrant,
    Out,
    OwedReturn,
    Question,
    RosterMark,
    SlotMark,
    Use,
)
from cabinet.core.ledger_rows import changed_rows, from_rows
from cabinet.policy.booking import Booking

ADA = "QWRhQWRhQWRhQWRhQWRhQQ=="
LIN = "TGluTGluTGluTGluTGluTA=="
MAX = "TWF4TWF4TWF4TWF4TWF4TQ=="
T = 1_767_600_000_000

FULL = Ledger(
    slots={1: SlotMark(False, 40, T), 2: SlotMark(True, 3, T)},
    hangs={2: Hung("misplaced", "K-0009")},
    outs={1: Out("K-0001", ADA, T, T + 5, overdue=True)},
    uses={"K-0001": Use(3, T)},
    grants={3: OpenGrant(44, "K-0003", LIN, "card+pin", T + 9)},
    owed={2: OwedReturn(41, "K-0002", MAX, "approval", "r-1", "approver")},
    failures={ADA: Failures(4, T), "keypad:keypad": Failures(1, 0), f"verified:{LIN}": Failures(2, T)},
    alarms={"item.overdue/1": Alarm("item.overdue", 42, T, 1, "K-0001")},
    door={"door": "open"},
    roster={"roster": RosterMark(7, "ZGlnZXN0")},
    running={"cabinet": True},
    monitored={"no_right": 2},
    upstream={"link": True},
    questions={41: Question("K-0002", 2, MAX, ("fuel", "keys"))},
    incidents={39: Incident("complaint", "K-0001", 12, "customer", MAX, T)},
    bookings={30: Booking("K-0002", LIN, T, T + 60_000, "Y29kZQ==")},
    offers={31: Offer(MAX, T + 60_000, "b2ZmZXI=")},
)


def folded(leaves: list[Leaf], ledger: Ledger | None = None, first: int = 0) -> Ledger:
    ledger = ledger or Ledger()
    for n, leaf in enumerate(leaves, first):
        ledger = fold(ledger, n, T, leaf)
    return ledger


def opened(ledger: Ledger, number: int = 2) -> list[Leaf]:
    return [
        Leaf("epoch.opened", {"epoch": number, "reason": "restored"}),
        *set_leaves(carried(ledger, number, T, "restored")),
    ]


def large(rows: int) -> Ledger:
    return Ledger(slots={n: SlotMark(n % 2 == 0, n, T) for n in range(1, rows + 1)})


def test_every_table_goes_on() -> None:
    after = folded(opened(FULL))
    assert after == replace(FULL, epoch={"epoch": EpochMark(2, T, "restored", set_n=1)})
    assert from_rows({k: v for k, v in changed_rows(Ledger(), after).items() if v is not None}) == after


def test_nothing_is_known_before_the_last_part() -> None:
    leaves = opened(large(300))
    parts = len(leaves) - 1
    assert parts >= 3
    assert [leaf.fields["part"] for leaf in leaves[1:]] == list(range(1, parts + 1))
    assert {leaf.fields["of"] for leaf in leaves[1:]} == {parts}
    assert folded(leaves[:-1]).slots == {}
    assert len(folded(leaves).slots) == 300


def test_a_part_fits_into_a_leaf() -> None:
    """8 kB hold the rows, everybody in them, and what stands in every leaf."""
    many = Ledger(outs={n: Out(f"K-{n:04}", f"{n:022}==", T) for n in range(400)})
    for leaf in set_leaves(many):
        people = sum(len(json.dumps({"p": one.person, "r": one.role})) for one in leaf.subs)
        assert len(json.dumps(leaf.fields["rows"])) + people <= PART_BYTES + 200


def test_whoever_stands_in_it_is_named() -> None:
    [leaf] = set_leaves(FULL)
    assert sorted((one.role, one.person) for one in leaf.subs) == [("concerned", one) for one in (ADA, LIN, MAX)]


def test_a_set_in_the_same_epoch_is_where_the_fold_may_begin() -> None:
    parts = set_leaves(FULL)
    after = folded(parts, FULL, first=100)
    assert after == replace(FULL, epoch={"epoch": EpochMark(1, set_n=100)})
    assert folded(parts, Ledger(), first=100) == after, "whatever was before it may be gone"


@pytest.mark.parametrize("cut", range(1, 4))
def test_a_set_that_was_cut_short_counts_for_nothing(cut: int) -> None:
    """Behind some of its parts the cabinet has started again, and wrote the set anew."""
    before = large(300)
    parts = set_leaves(before)
    started = Leaf("cabinet.started", {"clean": False})
    told = Leaf("door.opened")
    leaves = [*parts[:cut], started, told]
    after = folded(leaves, before)
    assert (after.slots, after.epoch, after.door) == (before.slots, {}, {"door": "open"})
    again = set_leaves(after)
    assert folded([*leaves, *again]).slots == before.slots
    assert folded([*leaves, *parts[cut:]], before).slots == before.slots, "its rest alone is no set"
    assert folded([*leaves, *parts[cut:]], before).epoch == {}


def test_a_part_left_out_makes_no_set() -> None:
    parts = set_leaves(large(300))
    assert folded([parts[0], *parts[2:]]) == Ledger()


def test_leaves_keep_their_names_from_epoch_to_epoch() -> None:
    """Leaf 30 of the first epoch and leaf 30 of the second are two bookings."""
    second = folded(opened(FULL))
    made = Leaf("booking.made", {"item": "K-0007", "starts": T, "until": T + 60_000}, (Subject("holder", ADA),))
    second = fold(second, 30, T, made)
    assert {key: one.item for key, one in second.bookings.items()} == {30: "K-0002", 2_000_000_030: "K-0007"}
    second = fold(second, 31, T, Leaf("booking.cancelled", {"booking": 30}))
    assert set(second.bookings) == {2_000_000_030}
    third = folded(opened(second, 3))
    assert set(third.bookings) == {2_000_000_030}
    assert third.reference(4) == 3_000_000_004
    assert Ledger().reference(4) == 4


def test_what_upstream_contradicted_is_behind_us() -> None:
    contradicted = replace(FULL, contradiction={"upstream": Contradiction("fork", 3, "cm9vdA==")})
    assert contradicted.contradicted
    goes_on = carried(contradicted, 2, T, "fork", by_itself=True)
    assert not goes_on.contradicted
    assert goes_on.upstream == {"link": True}
    assert goes_on.epoch["epoch"].by_itself_ms == T
    later = carried(goes_on, 3, T + 1, "restored")
    assert later.epoch["epoch"] == EpochMark(3, T + 1, "restored", T), "when it did so by itself is not forgotten"


def test_the_digest_is_of_all_rows_and_salted() -> None:
    parts = set_leaves(large(300))
    assert digest(parts, b"a") != digest(parts, b"b")
    assert digest(parts, b"a") != digest(parts[:-1], b"a")
    assert digest(parts, b"a") == digest(set_leaves(large(300)), b"a")
