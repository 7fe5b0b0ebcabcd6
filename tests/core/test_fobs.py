"""Where a reader tells which fob hangs in a slot: custody follows the item, wherever it hangs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cabinet.core.events import FobSeen, RosterChanged, SlotRead
from cabinet.core.leaves import Leaf
from cabinet.core.ledger import Hung
from cabinet.core.requests import RosterPlanned
from cabinet.core.state import Setup, SlotSetup
from cabinet.policy.rights import Right, Rights
from tests.core.cabinet import ADA, ADA_CARD, LIN, LIN_CARD, Cabinet, right, rights

FOBS = {n: f"01:0{n}:00:00:00:00:00:0{n}" for n in range(1, 6)}
STRANGE = "01:99:00:00:00:00:00:99"
READERS = Setup({n: SlotSetup("relays", 0.5, reads_fobs=True) for n in range(1, 5)})


def roster(*lines: Right, anywhere: tuple[int, ...] = (), fobs: dict[int, str | None] | None = None) -> Rights:
    """Items K-0001 to K-0004 in slots 1 to 4, each with its fob."""
    plain = rights(*(lines or (right(ADA, "K-0001", "K-0002"), right(LIN, "K-0003", "K-0004"))))
    numbers = FOBS | (fobs or {})
    items = {
        f"K-000{n}": replace(plain.items[f"K-000{n}"], fob=numbers[n], anywhere=n in anywhere) for n in range(1, 5)
    }
    return replace(plain, items=items)


class Fobs(Cabinet):
    """`hang` and `pull` move what the sensor sees, and then what the reader does."""

    def __init__(self, known: Rights | None = None, hanging: dict[int, str] | None = None) -> None:
        super().__init__(known or roster(), start=False, setup=READERS)
        self.start(hanging if hanging is not None else {n: FOBS[n] for n in range(1, 5)})
        self.pass_time(10)

    def start(self, hanging: dict[int, str]) -> None:
        self.boot({n: n in hanging for n in range(1, 5)})
        for slot in range(1, 5):
            self.read_fob(slot, hanging.get(slot), "empty")

    def pull(self, slot: int) -> None:
        self.lift(slot)
        self.read_fob(slot, None, "empty")

    def hang(self, slot: int, fob: str) -> None:
        self.seat(slot)
        self.read_fob(slot, fob)

    def take(self, card: bytes, slot: int) -> None:
        self.badge(card)
        if slot not in self.state.grant_ends:
            self.enter(str(slot))
        self.pull(slot)

    def subjects(self, ev: str) -> list[tuple[str, str]]:
        return [(one.role, one.person) for one in self.last(ev).subs]


def test_each_at_its_place_at_the_first_start() -> None:
    cabinet = Fobs()
    assert cabinet.state.ledger.hangs == {n: Hung("right", f"K-000{n}") for n in range(1, 5)}
    assert [leaf.ev for _, leaf in cabinet.journal] == ["cabinet.started", *["item.found_present"] * 4]
    assert cabinet.state.ledger.alarms == {}


def test_back_in_its_own_slot() -> None:
    cabinet = Fobs()
    cabinet.take(ADA_CARD, 1)
    cabinet.seat(1)
    assert cabinet.journal[-1][1].ev == "item.removed", "the reader has not named it yet"
    cabinet.read_fob(1, FOBS[1])
    assert cabinet.last("item.returned").fields["item"] == "K-0001"
    assert cabinet.subjects("item.returned") == [("holder", ADA), ("returner", ADA)]
    assert cabinet.state.ledger.outs == {}
    assert cabinet.refolded() == cabinet.state.ledger


def test_in_the_wrong_slot() -> None:
    """It is in the cabinet, and no longer with its holder; what belongs there is still out."""
    cabinet = Fobs()
    cabinet.take(ADA_CARD, 1)
    cabinet.take(ADA_CARD, 2)
    cabinet.badge(LIN_CARD)
    cabinet.hang(2, FOBS[1])
    leaf = cabinet.last("item.misplaced")
    assert {key: leaf.fields[key] for key in ("slot", "item", "home", "by_another")} == {
        "slot": 2,
        "item": "K-0001",
        "home": 1,
        "by_another": True,
    }
    assert cabinet.subjects("item.misplaced") == [("holder", ADA), ("returner", LIN)]
    assert [out.item for out in cabinet.state.ledger.outs.values()] == ["K-0002"]
    assert "item.misplaced/2" in cabinet.state.ledger.alarms
    assert cabinet.lamps()[1] == "blink"
    assert cabinet.screen() == "K-0001 应放入 1 号槽位，\n请重新放置。"
    assert cabinet.refolded() == cabinet.state.ledger


def test_it_is_taken_from_where_it_hangs_and_brought_home() -> None:
    cabinet = Fobs()
    cabinet.take(ADA_CARD, 1)
    cabinet.take(ADA_CARD, 2)
    cabinet.hang(2, FOBS[1])
    cabinet.cancel()
    cabinet.take(ADA_CARD, 2)
    assert cabinet.pulses()[-1] == 2
    leaf = cabinet.last("item.removed")
    assert (leaf.fields["slot"], leaf.fields["item"], leaf.fields["home"]) == (2, "K-0001", 1)
    assert cabinet.state.ledger.outs[1].item == "K-0001"
    assert cabinet.state.ledger.outs[2].item == "K-0002"
    assert cabinet.state.ledger.alarms == {}
    assert cabinet.lamps()[1] == "off"
    cabinet.hang(1, FOBS[1])
    assert cabinet.last("item.returned").fields["slot"] == 1
    assert [out.item for out in cabinet.state.ledger.outs.values()] == ["K-0002"]
    assert cabinet.refolded() == cabinet.state.ledger


def test_who_may_not_take_it_does_not_get_it_from_a_slot_that_is_theirs() -> None:
    """Lin may take K-0003; K-0001 hangs in its slot."""
    cabinet = Fobs(hanging={3: FOBS[1], 4: FOBS[4]})
    cabinet.badge(LIN_CARD)
    cabinet.enter("3")
    denied = {"visit": 1, "slot": 3, "item": "K-0001", "rule": "no_right"}
    assert cabinet.last("item.denied").fields == denied
    assert cabinet.pulses() == [4]


def test_what_somebody_has_is_not_released_from_where_something_else_hangs() -> None:
    """K-0001 was torn out, so nobody has it; K-0003 hangs in its slot, and Ada has no right to that."""
    cabinet = Fobs()
    cabinet.pull(1)
    assert cabinet.last("item.forced").fields == {"slot": 1, "item": "K-0001"}
    cabinet.pull(3)
    cabinet.hang(1, FOBS[3])
    cabinet.badge(ADA_CARD)
    cabinet.cancel()
    assert cabinet.pulses() == [2], "K-0002 is all there is for her"
    assert set(cabinet.state.ledger.alarms) == {"item.forced/1", "item.misplaced/1"}


@pytest.mark.parametrize(
    ("reading", "state", "kind", "cause"),
    [
        (STRANGE, "fob", "item.foreign", None),
        (None, "unreadable", "item.unreadable", "unreadable"),
        (None, "empty", "item.unreadable", "empty"),
        (None, None, "item.unreadable", "silent"),
    ],
)
def test_what_is_not_the_item(reading: str | None, state: str | None, kind: str, cause: str | None) -> None:
    """Its holder has it still, as far as anybody can tell; the alarm stands until that is right again."""
    cabinet = Fobs()
    cabinet.take(ADA_CARD, 1)
    cabinet.seat(1)
    cabinet.send(FobSeen(1, state, reading))  # type: ignore[arg-type]
    cabinet.pass_time(1.6)
    leaf = cabinet.last(kind)
    assert (leaf.fields.get("cause"), leaf.fields.get("item")) == (cause, None)
    assert cabinet.state.ledger.outs[1].holder == ADA
    assert f"{kind}/1" in cabinet.state.ledger.alarms
    cabinet.pass_time(20)
    if kind == "item.foreign":
        cabinet.pull(1)
        assert cabinet.last("item.forced").fields == {"slot": 1}
        cabinet.seat(1)
    cabinet.read_fob(1, FOBS[1])
    assert cabinet.state.ledger.outs == {}
    assert [code for code in cabinet.state.ledger.alarms if code.startswith(kind)] == []
    assert cabinet.refolded() == cabinet.state.ledger


def test_a_fob_nobody_names_in_time_is_told_when_it_goes() -> None:
    cabinet = Fobs()
    cabinet.take(ADA_CARD, 1)
    cabinet.seat(1)
    cabinet.lift(1)
    after = cabinet.kinds(after="item.removed")
    assert after == ["item.unreadable", "alarm.raised", "item.forced", "alarm.raised", "alarm.cleared"]
    assert cabinet.state.ledger.outs[1].holder == ADA


def test_a_reader_that_was_faster_than_the_sensor() -> None:
    cabinet = Fobs()
    cabinet.take(ADA_CARD, 1)
    cabinet.read_fob(1, FOBS[1])
    cabinet.seat(1)
    assert cabinet.journal[-2][1].ev == "item.returned"


def test_a_fob_back_before_the_reader_has_looked_again() -> None:
    """It never saw it go, so it says nothing new."""
    cabinet = Fobs()
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.lift(1)
    cabinet.seat(1)
    assert cabinet.journal[-1][1].ev == "item.removed", "what the reader said before is not about this fob"
    cabinet.pass_time(1.6)
    assert cabinet.last("item.returned").fields["item"] == "K-0001"


def test_a_swap_that_no_sensor_saw() -> None:
    cabinet = Fobs(hanging={1: FOBS[1], 3: FOBS[3], 4: FOBS[4]})
    cabinet.read_fob(1, FOBS[2])
    assert cabinet.kinds()[-3:] == ["item.found_absent", "item.misplaced", "alarm.raised"]
    assert cabinet.state.ledger.hangs[1] == Hung("misplaced", "K-0002")
    assert cabinet.state.ledger.outs[1].item == "K-0001"
    assert cabinet.refolded() == cabinet.state.ledger


def test_a_reader_that_sees_nothing_where_the_sensor_does() -> None:
    """For a moment that is the sensor being slower; then nobody knows."""
    cabinet = Fobs()
    cabinet.read_fob(1, None, "empty")
    cabinet.pass_time(1.0)
    cabinet.read_fob(1, FOBS[1])
    cabinet.pass_time(5)
    assert "item.unreadable" not in cabinet.kinds()
    cabinet.read_fob(1, None, "empty")
    cabinet.pass_time(1.6)
    assert cabinet.last("item.unreadable").fields == {
        "slot": 1,
        "item": "K-0001",
        "cause": "empty",
        "found": True,
    }
    cabinet.read_fob(1, FOBS[1])
    assert cabinet.state.ledger.alarms == {}


def test_a_reader_that_dies_takes_nothing_back() -> None:
    cabinet = Fobs()
    before = cabinet.state.ledger
    cabinet.read_fob(1, None, None)  # type: ignore[arg-type]
    cabinet.pass_time(10)
    assert cabinet.state.ledger == before


def test_a_stuck_sensor_does_not_say_that_nothing_was_taken() -> None:
    cabinet = Fobs()
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.read_fob(1, None, "empty")
    cabinet.pass_time(16)
    assert "item.not_taken" not in cabinet.kinds()
    assert cabinet.last("item.outcome_unknown").fields["item"] == "K-0001"


# -- restarts ----------------------------------------------------------------------------------------------------


def test_a_cut_forgets_nothing_of_where_items_hang() -> None:
    cabinet = Fobs()
    cabinet.take(ADA_CARD, 1)
    cabinet.take(ADA_CARD, 2)
    cabinet.hang(2, FOBS[1])
    before = len(cabinet.journal)
    cabinet.start({2: FOBS[1], 3: FOBS[3], 4: FOBS[4]})
    assert [leaf.ev for _, leaf in cabinet.journal[before:]] == ["cabinet.started"]
    assert cabinet.lamps()[1] == "blink", "it is still to be put there"


def test_a_cut_while_the_reader_was_about_to_name_it() -> None:
    """Nothing of the return is durable; it is found afterwards."""
    cabinet = Fobs()
    cabinet.take(ADA_CARD, 1)
    cabinet.seat(1)
    cabinet.start({n: FOBS[n] for n in range(1, 5)})
    leaf = cabinet.last("item.found_present")
    assert (leaf.fields["item"], cabinet.subjects("item.found_present")) == ("K-0001", [("holder", ADA)])


def test_moved_in_the_dark() -> None:
    cabinet = Fobs()
    cabinet.start({1: FOBS[2], 2: FOBS[1], 4: FOBS[4]})
    hangs = cabinet.state.ledger.hangs
    assert hangs == {1: Hung("misplaced", "K-0002"), 2: Hung("misplaced", "K-0001"), 4: Hung("right", "K-0004")}
    assert [out.item for out in cabinet.state.ledger.outs.values()] == ["K-0003"]
    assert cabinet.refolded() == cabinet.state.ledger


# -- any slot ----------------------------------------------------------------------------------------------------


def test_an_item_for_any_slot_is_back_in_any_of_them() -> None:
    cabinet = Fobs(roster(anywhere=(1, 2)))
    cabinet.take(ADA_CARD, 1)
    cabinet.take(ADA_CARD, 2)
    cabinet.hang(2, FOBS[1])
    leaf = cabinet.last("item.returned")
    assert (leaf.fields["slot"], leaf.fields["item"], leaf.fields["home"]) == (2, "K-0001", 1)
    assert cabinet.state.ledger.alarms == {}
    cabinet.cancel()
    cabinet.take(ADA_CARD, 2)
    assert cabinet.last("item.removed").fields["item"] == "K-0001"
    cabinet.hang(1, FOBS[1])
    assert cabinet.refolded() == cabinet.state.ledger


def test_the_slot_of_an_item_with_a_fixed_place_is_kept_for_it() -> None:
    cabinet = Fobs(roster(anywhere=(1, 2)), hanging={2: FOBS[2], 4: FOBS[4]})
    cabinet.hang(3, FOBS[1])
    assert cabinet.last("item.misplaced").fields["slot"] == 3
    assert cabinet.screen() == "K-0001 belongs into slot 1.\nPlease put it there."
    assert (cabinet.lamps()[1], cabinet.lamps()[2]) == ("blink", "off")


def test_the_choice_says_where_each_hangs() -> None:
    cabinet = Fobs(roster(anywhere=(1, 2)), hanging={1: FOBS[2], 2: FOBS[1], 3: FOBS[3]})
    cabinet.badge(ADA_CARD)
    assert cabinet.screen() == "Slot number, then #\n1: K-0002, 2: K-0001"
    cabinet.enter("1")
    assert cabinet.last("item.granted").fields["item"] == "K-0002"
    assert cabinet.pulses() == [1]


# -- equal items -------------------------------------------------------------------------------------------------


def equal(*items: str) -> Right:
    return replace(right(ADA, *items), any_of=True)


def test_of_equal_items_the_least_used_is_given() -> None:
    cabinet = Fobs(roster(equal("K-0001", "K-0002"), right(LIN, "K-0001")))
    given = []
    for _ in range(4):
        cabinet.pass_time(60)
        cabinet.badge(ADA_CARD)
        slot = cabinet.pulses()[-1]
        given.append(slot)
        cabinet.pull(slot)
        cabinet.hang(slot, FOBS[slot])
    assert given == [1, 2, 1, 2]
    cabinet.pass_time(60)
    cabinet.take(LIN_CARD, 1)
    cabinet.hang(1, FOBS[1])
    assert {item: use.count for item, use in cabinet.state.ledger.uses.items()} == {"K-0001": 3, "K-0002": 2}
    cabinet.pass_time(60)
    cabinet.badge(ADA_CARD)
    assert cabinet.pulses()[-1] == 2
    assert cabinet.refolded() == cabinet.state.ledger


def test_asking_for_another_of_them_gives_the_least_used() -> None:
    cabinet = Fobs(roster(equal("K-0001", "K-0002"), right(ADA, "K-0004")))
    cabinet.badge(ADA_CARD)
    assert cabinet.screen() == "Slot number, then #\n1: K-0001, 4: K-0004"
    cabinet.enter("2")
    assert cabinet.pulses() == [1]


# -- another fob -------------------------------------------------------------------------------------------------


def test_another_fob_for_an_item_that_is_out() -> None:
    cabinet = Fobs()
    cabinet.take(ADA_CARD, 1)
    cabinet.rights = roster(fobs={1: FOBS[5]})
    cabinet.send(RosterChanged())
    cabinet.hang(1, FOBS[1])
    assert cabinet.last("item.foreign").fields["slot"] == 1
    assert cabinet.state.ledger.outs[1].holder == ADA
    cabinet.pull(1)
    cabinet.hang(1, FOBS[5])
    assert cabinet.subjects("item.returned") == [("holder", ADA), ("returner", ADA)]
    assert [code for code in cabinet.state.ledger.alarms if code.startswith("item.foreign")] == []


@pytest.mark.parametrize("cut", [False, True])
def test_another_fob_for_an_item_that_hangs_there(cut: bool) -> None:
    """The old one is foreign from then on, told at once or after a cut."""
    cabinet = Fobs()
    change = Leaf("item.changed", {"item": "K-0001", "changed": ["fob"], "roster": 2, "digest": "d"})
    cabinet.send(RosterPlanned(1, 2, (change,), "technician"))
    cabinet.rights = roster(fobs={1: FOBS[5]})
    if cut:
        cabinet.start({n: FOBS[n] for n in range(1, 5)})
    else:
        cabinet.send(RosterChanged())
    cabinet.pass_time(1)
    assert cabinet.state.ledger.hangs[1] == Hung("foreign")
    assert "item.foreign/1" in cabinet.state.ledger.alarms
    assert "item.found_absent" not in cabinet.kinds(after="item.changed"), "it has not moved"
    cabinet.pull(1)
    cabinet.hang(1, FOBS[5])
    assert cabinet.last("item.returned").fields["item"] == "K-0001"
    assert cabinet.state.ledger.outs == {}
    assert cabinet.refolded() == cabinet.state.ledger


def test_a_fob_that_becomes_known_where_it_hangs() -> None:
    cabinet = Fobs(roster(fobs={1: FOBS[5]}))
    assert cabinet.state.ledger.hangs[1] == Hung("foreign")
    cabinet.rights = roster()
    cabinet.send(RosterChanged())
    cabinet.pass_time(1)
    assert cabinet.state.ledger.hangs[1] == Hung("right", "K-0001")
    assert cabinet.state.ledger.alarms == {}


def test_an_item_without_a_fob_is_whatever_hangs_in_its_slot() -> None:
    cabinet = Fobs(roster(fobs={1: None}))
    assert cabinet.state.ledger.hangs[1] == Hung("right", "K-0001")


# -- by another --------------------------------------------------------------------------------------------------


def test_returned_by_another() -> None:
    cabinet = Fobs()
    cabinet.take(ADA_CARD, 1)
    cabinet.cancel()
    cabinet.badge(LIN_CARD)
    cabinet.hang(1, FOBS[1])
    assert cabinet.last("item.returned").fields["by_another"] is True
    plain = Cabinet(rights(right(ADA, "K-0001"), right(LIN, "K-0003", "K-0004")))
    plain.badge(ADA_CARD)
    plain.lift(1)
    plain.badge(LIN_CARD)
    plain.send(SlotRead(1, True))
    assert plain.last("item.returned").fields["by_another"] is True


def test_who_brings_back_their_own_and_who_nobody_sees_is_no_other() -> None:
    cabinet = Fobs()
    cabinet.take(ADA_CARD, 1)
    cabinet.hang(1, FOBS[1])
    assert "by_another" not in cabinet.last("item.returned").fields
    cabinet.cancel()
    cabinet.take(ADA_CARD, 1)
    cabinet.cancel()
    cabinet.hang(1, FOBS[1])
    returned = cabinet.last("item.returned").fields
    assert (returned.get("unattended"), returned.get("by_another")) == (True, None)


def test_what_is_seen_elsewhere_first_has_left_where_it_hung() -> None:
    """The reader of slot 2 is quicker than the sensor of slot 1."""
    cabinet = Fobs(hanging={1: FOBS[1], 3: FOBS[3], 4: FOBS[4]})
    before = len(cabinet.journal)
    cabinet.hang(2, FOBS[1])
    cabinet.pull(1)
    told = [(leaf.ev, leaf.fields["slot"], leaf.fields["item"]) for _, leaf in cabinet.journal[before:]]
    moves = [one for one in told if one[0].startswith("item.")]
    assert moves == [("item.forced", 1, "K-0001"), ("item.misplaced", 2, "K-0001")]
    assert cabinet.refolded() == cabinet.state.ledger
