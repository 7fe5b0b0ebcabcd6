"""Changes: what they journal, what they refuse, and that a plan is written whole or not at all."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from cabinet.journal.leaf import encode
from cabinet.roster.changes import Import, PinSet, RosterRefused, parse_change
from cabinet.roster.store import Roster, RosterDiskError
from cabinet.vault.sealing import open_sealed, seal
from hal.clock import Now
from tests.roster.conftest import Open, apply, person

ITEM = {"kind": "item.put", "item": {"id": "K-0001", "slot": 1, "groups": ["building"]}}
RIGHT = {"kind": "right.put", "right": {"id": "r", "persons": ["1001"], "items": ["K-0001"]}}


def card(kind: str, person_id: str = "1001", number: str = "0006547886") -> dict[str, object]:
    return {"kind": kind, "person": person_id, "card": number}


def refused(roster: Roster, change: object) -> list[str]:
    before = roster.version, roster.digest
    with pytest.raises(RosterRefused) as caught:
        roster.plan(parse_change(change))
    assert (roster.version, roster.digest) == before
    return caught.value.problems


def test_a_person_is_added_and_their_leaf_can_be_sealed_before_the_commit(roster: Roster) -> None:
    plan = roster.plan(parse_change(person(groups=["staff"], cards=["0006547886"])))
    assert [leaf.ev for leaf in plan.leaves] == ["person.added", "credential.enrolled"]
    assert all(leaf.fields["roster"] == 1 and leaf.fields["digest"] == plan.digest for leaf in plan.leaves)
    (pseudonym,) = plan.new_keys
    assert roster.key_of(pseudonym) is None
    entry = seal(
        plan.leaves[0],
        origin="cabinet.demo/x",
        now=Now(1.0, 1, "ntp"),
        boot="00000000",
        key_of=plan.new_keys.get,
        random=os.urandom,
    )
    assert b"Ada" not in encode(entry, "x", 0)
    private = open_sealed(entry.subs[0], origin="cabinet.demo/x", salt=entry.salt, key=plan.new_keys[pseudonym])
    assert (private["id"], private["name"], private["groups"]) == ("1001", "Ada", ["staff"])
    roster.commit(plan)
    assert roster.key_of(pseudonym) == plan.new_keys[pseudonym]
    assert (roster.name_of(pseudonym), roster.id_of(pseudonym)) == ("Ada", "1001")


def test_a_change_keeps_what_it_does_not_give(roster: Roster) -> None:
    apply(roster, person(groups=["staff"], language="zh", cards=["0006547886"]))
    plan = apply(roster, person(name="Ada L.", department="Lab"))
    (leaf,) = plan.leaves
    assert (leaf.ev, leaf.fields["changed"]) == ("person.changed", ["name", "department"])
    assert leaf.subs[0].private == {"id": "1001", "name": "Ada L.", "department": "Lab"}
    (row,) = roster.people(None, 10)["people"]  # type: ignore[misc]
    assert (row["name"], row["groups"], row["language"], row["cards"]) == ("Ada L.", ["staff"], "zh", 1)


def test_what_changes_nothing_is_no_version(roster: Roster) -> None:
    apply(roster, person())
    plan = apply(roster, person())
    assert (plan.version, plan.leaves, plan.summary) == (1, (), ("nothing changes",))
    assert roster.version == 1


def test_cards_are_enrolled_once_and_revoked(roster: Roster) -> None:
    apply(roster, person())
    apply(roster, person("1002", "Lin"))
    plan = apply(roster, card("card.enrol"))
    (leaf,) = plan.leaves
    assert leaf.ev == "credential.enrolled"
    assert (leaf.fields["credential"], leaf.fields["strength"]) == ("card", "weak")
    assert apply(roster, card("card.enrol")).leaves == ()
    assert "belongs to" in refused(roster, card("card.enrol", "1002"))[0]
    assert "belongs to" in refused(roster, person("1002", "Lin", cards=["01:00:63:E9:AE"]))[0]
    assert "does not hold" in refused(roster, card("card.revoke", "1002"))[0]
    assert [leaf.ev for leaf in apply(roster, card("card.revoke")).leaves] == ["credential.revoked"]
    assert apply(roster, card("card.enrol", "1002")).leaves


def test_a_weak_card_becomes_strong_and_never_weak_again_by_itself(roster: Roster) -> None:
    """Else an old file, or a reader that cannot ask it, would make a card that can be copied of one that cannot."""
    apply(roster, person(cards=["04782E21801D80"]))
    assert roster.snapshot(UTC).strong == frozenset()
    strong = card("card.enrol", number="04:78:2E:21:80:1D:80") | {"strength": "strong"}
    (leaf,) = apply(roster, strong).leaves
    assert (leaf.ev, leaf.fields["strength"]) == ("credential.enrolled", "strong")
    rights = roster.snapshot(UTC)
    assert rights.strong == frozenset(rights.cards)
    assert apply(roster, strong).leaves == ()
    for weak in (card("card.enrol", number="04782E21801D80"), person(cards=["04782E21801D80"])):
        assert "enrolled as strong" in refused(roster, weak)[0]
    assert roster.snapshot(UTC).strong
    apply(roster, card("card.revoke", number="04782E21801D80"))
    apply(roster, card("card.enrol", number="04782E21801D80"))
    assert roster.snapshot(UTC).strong == frozenset()


def test_a_card_is_of_one_strength(roster: Roster) -> None:
    both = person(cards=["0006547886"], strong_cards=["0006547886"])
    assert "under cards and under strong_cards" in refused(roster, both)[0]


def test_a_suspended_person_is_journaled_so(roster: Roster) -> None:
    apply(roster, person())
    suspend = {"kind": "person.suspend", "person": "1001"}
    assert [leaf.ev for leaf in apply(roster, suspend).leaves] == ["person.suspended"]
    assert apply(roster, suspend).leaves == ()
    assert [leaf.ev for leaf in apply(roster, suspend | {"suspended": False}).leaves] == ["person.changed"]


def test_a_right_names_whom_it_is_given_and_taken_from(roster: Roster) -> None:
    for number, name in (("1001", "Ada"), ("1002", "Lin")):
        apply(roster, person(number, name))
    apply(roster, ITEM)
    (granted,) = apply(roster, RIGHT).leaves
    assert (granted.ev, granted.fields["right"], granted.fields["items"]) == ("right.granted", "r", ["K-0001"])
    ada = granted.subs[0].person
    assert apply(roster, RIGHT).leaves == ()
    plan = apply(roster, {"kind": "right.put", "right": {"id": "r", "persons": ["1002"], "items": ["K-0001"]}})
    assert [(leaf.ev, len(leaf.subs)) for leaf in plan.leaves] == [("right.granted", 1), ("right.revoked", 1)]
    assert plan.leaves[1].subs[0].person == ada


def test_items_are_added_and_changed(roster: Roster) -> None:
    (added,) = apply(roster, ITEM).leaves
    assert (added.ev, added.fields["item"], added.fields["slot"]) == ("item.added", "K-0001", 1)
    (changed,) = apply(roster, {"kind": "item.put", "item": {"id": "K-0001", "slot": None}}).leaves
    assert (changed.ev, changed.fields["changed"]) == ("item.changed", ["slot"])
    assert "slot" not in changed.fields
    assert roster.items(None, 10)["items"][0]["groups"] == ["building"]  # type: ignore[index]


def test_another_fob_changes_nothing_else(roster: Roster) -> None:
    apply(roster, {"kind": "item.put", "item": {"id": "K-0001", "slot": 1, "fob": "01:07:00:00:00:00:00:19"}})
    apply(roster, {"kind": "item.put", "item": {"id": "K-0002", "slot": 2, "fob": "01:08:00:00:00:00:00:20"}})
    (before,) = roster.items(None, 1)["items"]  # type: ignore[misc]
    (leaf,) = apply(roster, {"kind": "fob.replace", "item": "K-0001", "fob": "01:09:00:00:00:00:00:21"}).leaves
    assert (leaf.ev, leaf.fields["item"], leaf.fields["changed"]) == ("item.changed", "K-0001", ["fob"])
    assert "01:09" not in str(leaf.fields)
    (after,) = roster.items(None, 1)["items"]  # type: ignore[misc]
    assert after == before | {"fob": "01:09:00:00:00:00:00:21"}
    taken = refused(roster, {"kind": "fob.replace", "item": "K-0001", "fob": "01:08:00:00:00:00:00:20"})
    assert taken == ['item.fob: this fob hangs on "K-0002" already']
    assert "no item" in refused(roster, {"kind": "fob.replace", "item": "K-9", "fob": "01:09:00:00:00:00:00:21"})[0]


def test_an_item_for_any_slot_says_where_it_hangs_at_first(roster: Roster) -> None:
    apply(roster, {"kind": "item.put", "item": {"id": "V-0005", "slot": 5}})
    (leaf,) = apply(roster, {"kind": "item.put", "item": {"id": "V-0005", "return": "any"}}).leaves
    assert leaf.fields["changed"] == ["return"]
    assert roster.snapshot(UTC).items["V-0005"].anywhere
    assert roster.items(None, 1)["items"][0]["return"] == "any"  # type: ignore[index]
    assert "needs a slot" in refused(roster, {"kind": "item.put", "item": {"id": "V-6", "return": "any"}})[0]
    assert "allowed" in refused(roster, {"kind": "item.put", "item": {"id": "V-6", "slot": 6, "return": "no"}})[0]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (None, "a change is an object"),
        ({"kind": "person.putt"}, 'did you mean "person.put"?'),
        ({"kind": ["x"]}, "is no kind of change"),
        ({"kind": "person.put"}, 'the key "person" is missing'),
        (person(cards=["12"]), "person.cards[0]: a card is ten decimal digits"),
        (person(name="\ud800"), "control characters"),
        ({"kind": "pin.set", "person": "1001", "pin": "1234"}, "straight run"),
        ({"kind": "pin.set", "person": "1009", "pin": "4711"}, 'there is no person "1009"'),
        (RIGHT, 'there is no item "K-0001"'),
        (
            {"kind": "right.put", "right": {"id": "r", "persons": [f"p{n}" for n in range(33)], "items": ["*"]}},
            "at most 32 persons",
        ),
        ({"kind": "item.put", "item": {"id": "K-9", "slot": 9}}, "slot 9 is not in the configuration"),
    ],
)
def test_refused(open_roster: Open, change: object, problem: str) -> None:
    roster = open_roster(slots=frozenset({1, 2}))
    apply(roster, person())
    problems = refused(roster, change)
    assert any(problem in line for line in problems), problems


def test_dates_cross_with_what_is_there(roster: Roster) -> None:
    apply(roster, person(active_from="2026-06-01"))
    assert refused(roster, person(active_until="2026-05-01")) == ['person "1001": active_until is before active_from']


def test_a_pin_never_shows(roster: Roster) -> None:
    apply(roster, person())
    change = parse_change({"kind": "pin.set", "person": "1001", "pin": "4711"})
    assert isinstance(change, PinSet)
    plan = roster.plan(change)
    assert "4711" not in repr(change) + repr(plan)
    assert plan.leaves[0].fields["credential"] == "pin"


def test_an_import_is_one_leaf_with_counts(roster: Roster, example: dict[str, bytes]) -> None:
    apply(roster, person("1003", "Mo"))
    plan = apply(roster, example)
    (leaf,) = plan.leaves
    assert leaf.ev == "roster.applied"
    assert {key: leaf.fields[key] for key in ("people_added", "items_added", "rights_added", "cards_added")} == {
        "people_added": 2,
        "items_added": 4,
        "rights_added": 3,
        "cards_added": 2,
    }
    assert leaf.fields["roster"] == roster.version == 2
    assert "people kept though not in these files: 1" in plan.summary
    assert apply(roster, example).leaves == ()
    changed = example | {"people.csv": example["people.csv"].replace(b"Reception", b"Front desk")}
    assert apply(roster, changed).leaves[0].fields["people_changed"] == 1


def test_an_import_with_a_problem_changes_nothing(roster: Roster, example: dict[str, bytes]) -> None:
    broken = example | {"items.csv": example["items.csv"].replace(b"K-0002", b"K-0001")}
    with pytest.raises(RosterRefused) as caught:
        roster.plan(Import(broken))
    assert caught.value.problems[0].startswith("items.csv:3:1: ")
    assert roster.people(None, 10) == {"people": [], "next": None}


def test_items_may_change_slots_with_each_other(roster: Roster) -> None:
    apply(roster, {"items.csv": b"id,slot\nA,1\nB,2\n"})
    apply(roster, {"items.csv": b"id,slot\nA,2\nB,1\n"})
    rows: Any = roster.items(None, 10)["items"]
    assert [(row["id"], row["slot"]) for row in rows] == [("A", 2), ("B", 1)]


def test_a_plan_of_an_older_roster_is_refused(roster: Roster) -> None:
    first, second = (roster.plan(parse_change(person(number, "X"))) for number in ("1", "2"))
    roster.commit(first)
    with pytest.raises(RosterRefused, match="changed meanwhile"):
        roster.commit(second)
    assert [row["id"] for row in roster.people(None, 10)["people"]] == ["1"]  # type: ignore[attr-defined]


def test_a_write_that_fails_half_way_is_no_write(roster: Roster, tmp_path: Path) -> None:
    plan = roster.plan(parse_change(person()))
    other = sqlite3.connect(tmp_path / "roster.db")
    other.execute("ALTER TABLE meta RENAME TO away")  # people are written before it
    with pytest.raises(RosterDiskError, match="no such table"):
        roster.commit(plan)
    assert other.execute("SELECT count(*) FROM person").fetchone() == (0,)
    other.close()
    assert roster.version == 0


def qualify(text: str) -> dict[str, object]:
    return {"kind": "person.qualify", "person": "1001", "qualification": text}


def consent(day: str, *, withdrawn: bool = False, purpose: str = "fingerprint") -> dict[str, object]:
    return {"kind": "person.consent", "person": "1001", "purpose": purpose, "day": day, "withdrawn": withdrawn}


def row_of(roster: Roster) -> dict[str, Any]:
    (row,) = roster.people(None, 10)["people"]  # type: ignore[misc]
    return row


def test_training_is_recorded_renewed_and_taken_away(roster: Roster) -> None:
    apply(roster, person(qualifications=["first-aid"]))
    (leaf,) = apply(roster, qualify("forklift:2026-12-31")).leaves
    assert (leaf.ev, leaf.fields["changed"]) == ("person.changed", ["qualifications"])
    assert leaf.subs[0].private["qualifications"] == ["first-aid", "forklift:2026-12-31"]
    apply(roster, qualify("forklift:2027-12-31"))
    assert row_of(roster)["qualifications"] == ["first-aid", "forklift:2027-12-31"]
    assert apply(roster, qualify("forklift:2027-12-31")).leaves == ()
    apply(roster, {"kind": "person.unqualify", "person": "1001", "name": "forklift"})
    assert row_of(roster)["qualifications"] == ["first-aid"]
    assert refused(roster, {"kind": "person.unqualify", "person": "1001", "name": "forklift"}) == [
        'name: person "1001" has no qualification "forklift"; they have: first-aid'
    ]
    assert refused(roster, qualify("forklift:soon")) == ["qualification: should be a day such as 2026-03-31"]


def test_consent_is_recorded_each_time_and_kept_until_it_is_withdrawn(roster: Roster) -> None:
    apply(roster, person())
    (leaf,) = apply(roster, consent("2026-03-10")).leaves
    assert (leaf.ev, leaf.fields["purpose"], leaf.fields["given"]) == ("consent.recorded", "fingerprint", True)
    assert leaf.subs[0].private == {"id": "1001", "day": "2026-03-10"}
    assert [leaf.ev for leaf in apply(roster, consent("2026-03-10")).leaves] == ["consent.recorded"]
    assert row_of(roster)["consents"] == ["fingerprint:2026-03-10"]
    (leaf,) = apply(roster, consent("2026-04-01", withdrawn=True)).leaves
    assert leaf.fields["given"] is False
    assert row_of(roster)["consents"] == []
    assert refused(roster, consent("2026-04-01", withdrawn=True)) == [
        'purpose: person "1001" has not consented to "fingerprint"'
    ]


def test_consents_come_from_files_too(roster: Roster) -> None:
    apply(roster, {"people.csv": b"id,name,consents\n1001,Ada,fingerprint:2026-03-10;photo:2026-03-11\n"})
    assert row_of(roster)["consents"] == ["fingerprint:2026-03-10", "photo:2026-03-11"]
    with pytest.raises(RosterRefused) as caught:
        roster.plan(Import({"people.csv": b"id,name,consents\n1001,Ada,fingerprint\n"}))
    assert "people.csv:2:10: consents[0]: should be what it is for and the day" in caught.value.problems[0]
