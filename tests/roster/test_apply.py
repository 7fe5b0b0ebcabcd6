"""Apply makes the roster equal to the files; rollback goes back to an earlier policy. Lines, leaves, and what stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from cabinet.policy.rights import Rights
from cabinet.roster.changes import Apply, Change, Import, Rollback, RosterRefused, parse_change
from cabinet.roster.draft import LEAVES_MAX, Author, Plan
from cabinet.roster.store import Roster
from tests.roster.conftest import Open

PEOPLE = """id,name,department,groups,cards
1001,Ada,Facility,staff;night,0006547886
1002,Lin,,staff,0008844356
1003,Max,,night,
"""
ITEMS = "id,name,slot,groups\nK-1,Door,1,doors\nK-2,Gate,2,doors\nK-3,Shed,3,\n"
RIGHTS = """[[right]]
id = "doors"
groups = ["staff"]
item_groups = ["doors"]
schedule = "day"

[[right]]
id = "shed"
persons = ["1003"]
items = ["K-3"]

[[schedule]]
id = "day"
days = ["mon", "tue"]
from = "08:00"
until = "18:00"

[[customer]]
id = "C-1"
name = "Example Estates"
"""
ME = Author("kim", 1_000)


def texts(people: str = PEOPLE, items: str = ITEMS, rights: str = RIGHTS) -> dict[str, bytes]:
    return {"people.csv": people.encode(), "items.csv": items.encode(), "rights.toml": rights.encode()}


def do(roster: Roster, change: Change) -> Plan:
    plan = roster.plan(change, ME)
    roster.commit(plan)
    return plan


def leaves(plan: Plan) -> list[str]:
    return [leaf.ev for leaf in plan.leaves]


def refused(roster: Roster, change: Change) -> list[str]:
    with pytest.raises(RosterRefused) as caught:
        roster.plan(change, ME)
    return caught.value.problems


def rows(page: Any, key: str) -> list[str]:
    return [row["id"] for row in page[key]]


@pytest.fixture
def full(roster: Roster) -> Roster:
    """With everything of the files above, as version 1."""
    do(roster, Apply(texts()))
    return roster


def test_an_empty_roster_becomes_the_files_leaf_by_leaf(roster: Roster) -> None:
    plan = do(roster, Apply(texts()))
    assert leaves(plan) == [
        *("person.added", "credential.enrolled", "person.added", "credential.enrolled", "person.added"),
        *("item.added", "item.added", "item.added", "right.granted", "right.granted", "roster.applied"),
    ]
    assert plan.leaves[-1].fields["people_added"] == 3
    assert all(leaf.fields["digest"] == plan.digest for leaf in plan.leaves)
    assert len(plan.lines) == 12
    assert "people.csv:4: person 1003 added: name Max, groups night, language en" in plan.lines
    assert any(line.startswith("rights.toml:7: right shed added: items K-3, ") for line in plan.lines)


def test_equal_is_equal_and_no_version(full: Roster) -> None:
    plan = do(full, Apply(texts()))
    assert (plan.version, plan.leaves, plan.lines, plan.writes.version) == (1, (), (), [])


def test_each_difference_has_its_line_with_file_and_number(full: Roster) -> None:
    changed = texts(
        people=PEOPLE.replace("Facility,staff;night", "Lab,staff").replace("1003,Max,,night,\n", ""),
        items=ITEMS.replace("Gate,2", "Gate,4").replace("K-3,Shed,3,\n", ""),
        rights=RIGHTS.replace('"08:00"', '"07:00"')
        .replace('persons = ["1003"]', 'persons = ["1002"]')
        .replace("K-3", "K-2"),
    )
    plan = do(full, Apply(changed))
    assert plan.lines == (
        "people.csv:2: person 1001 changed: department Facility -> Lab; groups staff;night -> staff",
        "items.csv:3: item K-2 changed: slot 2 -> 4",
        "rights.toml:12: schedule day changed: windows mon;tue 08:00 18:00 -> mon;tue 07:00 18:00",
        "rights.toml:7: right shed changed: items K-3 -> K-2; persons 1003 -> 1002",
        "people.csv: person 1003 suspended",
        "items.csv: item K-3 retired: slot 3 -> -; retired no -> yes",
    )
    assert leaves(plan) == [
        *("person.changed", "item.changed", "right.granted", "right.revoked", "person.suspended", "item.retired"),
        "roster.applied",
    ]
    assert do(full, Apply(changed)).lines == ()


def test_what_the_files_do_not_list_goes(full: Roster) -> None:
    plan = do(full, Apply(texts("id,name,cards\n1001,Ada,\n", "id\nK-1\n", "")))
    assert leaves(plan) == [
        *("credential.revoked", "credential.revoked", "person.suspended", "person.suspended"),
        *("item.retired", "item.retired", "right.revoked", "right.revoked", "roster.applied"),
    ]
    rights = full.snapshot(UTC)
    assert (rights.cards, rights.by_group, rights.by_person, rights.schedules, set(rights.items)) == (
        {},
        {},
        {},
        {},
        {"K-1"},
    )
    assert {rights.people[rights.numbers[n]].suspended for n in ("1002", "1003")} == {True}
    assert rows(full.customers(None, 9), "customers") == []
    assert len(rows(full.people(None, 9), "people")) == 3
    assert "1003" not in {
        sub.private.get("id") for leaf in plan.leaves if leaf.ev == "credential.revoked" for sub in leaf.subs
    }


def test_cards_stay_when_the_files_have_no_column_for_them(full: Roster) -> None:
    plan = do(full, Apply(texts(people="id,name\n1001,Ada\n1002,Lin\n1003,Max\n", rights="")))
    assert len(full.snapshot(UTC).cards) == 2
    assert not any("card" in line for line in plan.lines)


STRONG = "id,name,groups,strong_cards\n1001,Ada,night,04782E21801D80\n1002,Lin,,\n1003,Max,,\n"


def test_strong_cards_have_a_column_of_their_own(full: Roster) -> None:
    """Each column says what of its kind there is, and nothing of the other."""
    plan = do(full, Apply(texts(people=STRONG, rights="")))
    assert "credential.revoked" not in leaves(plan)
    rights = full.snapshot(UTC)
    assert (len(rights.cards), len(rights.strong)) == (3, 1)
    do(full, Apply(texts(people="id,name,cards\n1001,Ada,\n1002,Lin,\n1003,Max,\n", rights="")))
    assert full.snapshot(UTC).strong == rights.strong
    weakened = texts(people="id,name,cards\n1001,Ada,04782E21801D80\n1002,Lin,\n1003,Max,\n", rights="")
    assert "enrolled as strong" in refused(full, Apply(weakened))[0]
    files = {name: text.encode() for name, text in full.export().items()}
    assert b"04:78:2E:21:80:1D:80" in files["people.csv"]
    assert full.plan(Apply(files)).lines == ()
    do(full, Apply(texts(people="id,name,strong_cards\n1001,Ada,\n1002,Lin,\n1003,Max,\n", rights="")))
    assert full.snapshot(UTC).strong == frozenset()


def test_a_card_goes_from_one_to_another_in_one_step(full: Roster) -> None:
    moved = PEOPLE.replace("night,0006547886", "night,").replace("0008844356", "0008844356;0006547886")
    plan = do(full, Apply(texts(people=moved)))
    assert leaves(plan) == ["credential.revoked", "credential.enrolled", "roster.applied"]
    rights = full.snapshot(UTC)
    assert set(rights.cards.values()) == {rights.numbers["1002"]}
    assert do(full, Apply(texts(people=moved))).lines == ()


def test_all_three_files_are_needed(full: Roster) -> None:
    assert [line.split(":")[0] for line in refused(full, Apply({"people.csv": PEOPLE.encode()}))] == [
        "items.csv",
        "rights.toml",
    ]


def test_a_suspended_person_stays_so_until_the_files_say_otherwise(full: Roster) -> None:
    do(full, parse_change({"kind": "person.suspend", "person": "1003"}))
    assert do(full, Apply(texts())).lines == ()
    back = (
        PEOPLE.replace("cards\n", "cards,suspended\n")
        .replace("0006547886", "0006547886,")
        .replace("0008844356", "0008844356,yes")
    )
    plan = do(full, Apply(texts(people=back.replace("1003,Max,,night,\n", "1003,Max,,night,,no\n"))))
    assert plan.lines == ("people.csv:3: person 1002 suspended", "people.csv:4: person 1003 not suspended any more")


def test_a_large_change_is_counted_but_each_loss_is_told(roster: Roster) -> None:
    people = "id,name,groups\n" + "".join(f"{n},P,g\n" for n in range(1, LEAVES_MAX + 50))
    rights = '[[right]]\nid = "r"\ngroups = ["g"]\nitems = ["*"]\n'
    assert leaves(do(roster, Apply(texts(people, "id\n", rights)))) == ["roster.applied"]
    gone = leaves(do(roster, Apply(texts("id,name,groups\n1,P,g\n", "id\n", rights))))
    assert gone == ["person.suspended"] * (LEAVES_MAX + 48) + ["roster.applied"]


def test_versions_tell_who_when_and_what(full: Roster) -> None:
    do(full, Apply(texts(rights=RIGHTS.replace('"18:00"', '"17:00"'))))
    do(full, parse_change({"kind": "card.revoke", "person": "1001", "card": "0006547886"}))
    newest, first = full.versions()
    assert (newest["version"], newest["operator"], newest["at_ms"]) == (2, "kim", 1_000)
    assert (newest["lines"], newest["counts"]) == (["schedule day changed"], {"schedules_changed": 1})
    assert first["lines"][:2] == ["person 1001 added", "person 1002 added"]  # type: ignore[index]


def test_fifty_are_kept(full: Roster) -> None:
    for n in range(60):
        do(full, parse_change({"kind": "item.put", "item": {"id": "K-1", "name": f"Door {n}"}}))
    kept = [one["version"] for one in full.versions()]
    assert kept == list(range(61, 11, -1))
    assert "kept are 12 to 61" in refused(full, Rollback(11))[0]
    assert do(full, Rollback(12)).lines == ("version 12: item K-1 changed: name Door 59 -> Door 10",)


def policy(rights: Rights) -> object:
    people = {p.pseudonym: (p.groups, p.department, p.roles, p.qualifications) for p in rights.people.values()}
    return people, rights.items, rights.schedules, rights.by_group, rights.by_person


def test_a_rollback_is_a_new_version_with_the_old_policy(full: Roster) -> None:
    before = policy(full.snapshot(UTC))
    do(full, Import({"rights.toml": RIGHTS.replace('"shed"', '"other"').replace('["mon", "tue"]', '["sun"]').encode()}))
    do(full, parse_change({"kind": "item.put", "item": {"id": "K-1", "slot": 9, "tags": ["x"]}}))
    do(
        full,
        parse_change(
            {"kind": "person.put", "person": {"id": "1001", "name": "Ada", "groups": [], "department": "Lab"}}
        ),
    )
    do(full, parse_change({"kind": "item.retire", "item": "K-2"}))
    do(full, parse_change({"kind": "right.revoke", "right": "doors"}))
    assert policy(full.snapshot(UTC)) != before
    plan = do(full, Rollback(1, "as it was"))
    assert policy(full.snapshot(UTC)) == before
    assert plan.version == 7
    assert plan.leaves[-1].fields.items() >= {"cause": "rollback", "back_to": 1, "reason": "as it was"}.items()
    assert "version 1: right other revoked" in plan.lines
    assert "version 1: item K-2 changed: slot - -> 2; retired yes -> no" in plan.lines
    assert do(full, Rollback(1)).lines == ()


def test_a_rollback_brings_back_no_card_no_pin_no_suspended_person(full: Roster) -> None:
    do(full, Apply(texts("id,name,cards\n1001,Ada,\n1004,Kim,\n", "id\nK-1\n", "")))
    do(full, Rollback(1))
    rights = full.snapshot(UTC)
    assert rights.cards == {}
    assert [rights.people[rights.numbers[n]].suspended for n in ("1001", "1002", "1003", "1004")] == [
        False,
        True,
        True,
        True,
    ]
    assert set(rights.items) == {"K-1", "K-2", "K-3"}
    assert rows(full.customers(None, 9), "customers") == ["C-1"]


def test_who_is_erased_stays_away_and_nothing_of_them_can_be_read(
    full: Roster, open_roster: Open, tmp_path: Path
) -> None:
    max_ = full.snapshot(UTC).numbers["1003"]
    do(
        full,
        parse_change(
            {"kind": "person.put", "person": {"id": "1003", "name": "Max", "groups": [], "department": "Vault"}}
        ),
    )
    do(
        full,
        Apply(
            texts(
                people=PEOPLE.replace("1003,Max,,night,\n", ""),
                rights=RIGHTS.split('[[right]]\nid = "shed"')[0] + RIGHTS[RIGHTS.index("[[schedule]]") :],
            )
        ),
    )
    with closing(sqlite3.connect(tmp_path / "roster.db")) as other, other:
        other.execute("DELETE FROM person WHERE pseudonym = ?", (max_,))
    stored = (tmp_path / "roster.db").read_bytes() + (tmp_path / "roster.db-wal").read_bytes()
    assert b"Vault" not in stored
    assert "person who was erased suspended" in str(full.versions())
    do(full, parse_change({"kind": "item.put", "item": {"id": "K-1", "name": "Front"}}))
    plan = full.plan(Rollback(1))
    assert "right shed stays away: everybody whom it named has been erased" in plan.lines
    assert not any("1003" in line for line in plan.lines)


@pytest.mark.parametrize("version", [0, 2, 99])
def test_only_a_version_that_is_kept(full: Roster, version: int) -> None:
    assert f"there is no version {version}; kept are 1 to 1" in refused(full, Rollback(version))[0]


def test_retired_items_are_gone_for_the_core_and_named_by_no_right(full: Roster) -> None:
    assert 'right "shed" names it' in refused(full, parse_change({"kind": "item.retire", "item": "K-3"}))[0]
    assert "there is no item" in refused(full, parse_change({"kind": "item.retire", "item": "K-9"}))[0]
    plan = do(full, parse_change({"kind": "item.retire", "item": "K-2"}))
    assert leaves(plan) == ["item.retired"]
    rights = full.snapshot(UTC)
    assert ("K-2" in rights.items, rights.item_at) == (False, {1: "K-1", 3: "K-3"})
    put = {"kind": "right.put", "right": {"id": "r", "groups": ["staff"], "items": ["K-2"]}}
    assert refused(full, parse_change(put)) == ['right.items: item "K-2" is retired']
    again = refused(full, parse_change({"kind": "item.put", "item": {"id": "K-2", "slot": 2}}))
    assert again[0].startswith('item.slot: item "K-2" is retired and hangs nowhere')
    back = ITEMS.replace("groups\n", "groups,retired\n").replace("doors\n", "doors,no\n").replace("3,\n", "3,,no\n")
    assert do(full, Apply(texts(items=back))).lines == (
        "items.csv:3: item K-2 changed: slot - -> 2; retired yes -> no",
    )


def test_columns_that_are_left_out_stay_and_count(full: Roster) -> None:
    people, items = "id,name\n1001,Ada\n1002,Lin\n1003,Max\n", "id,name\nK-1,Door\nK-2,Gate\nK-3,Shed\n"
    assert do(full, Apply(texts(people, items))).lines == ()
    taken = refused(
        full,
        Apply(
            texts(
                people,
                items.replace("id,name\n", "id,name,slot\n")
                .replace("Door\n", "Door,2\n")
                .replace("Gate\n", "Gate,2\n")
                .replace("Shed\n", "Shed,3\n"),
            )
        ),
    )
    assert taken == ['items.csv:3:10: slot 2 is taken by "K-1"']


@pytest.mark.parametrize("folder", ["roster.example", "roster.demo"])
def test_what_is_exported_is_equal(roster: Roster, folder: str) -> None:
    directory = Path(__file__).parents[2] / "config" / folder
    do(
        roster,
        Import({path.name: path.read_bytes() for path in directory.iterdir() if path.suffix in (".csv", ".toml")}),
    )
    groups = b'[[group]]\nid = "all"\nincludes = ["building"]\n'
    do(roster, Import({"rights.toml": groups}))
    items = [row["id"] for row in roster.items(None, 50)["items"]]  # type: ignore[attr-defined]
    do(roster, parse_change({"kind": "item.put", "item": {"id": "R-1", "name": 'a "b", c\\d', "retired": True}}))
    do(roster, parse_change({"kind": "person.suspend", "person": "1002"}))
    files = {name: text.encode() for name, text in roster.export().items()}
    assert roster.plan(Apply(files)).lines == ()
    assert all(item.encode() in files["items.csv"] for item in items)
