"""Fingers in the roster: only of who has agreed, gone with the consent, the person or the module."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC
from pathlib import Path

import pytest

from cabinet.roster.changes import RosterRefused, parse_change
from cabinet.roster.store import Roster
from tests.roster.conftest import Open, apply, person

MARK, OTHER = "aa" * 16, "bb" * 16
CONSENT = {"kind": "person.consent", "person": "1001", "purpose": "fingerprint", "day": "2026-03-31"}


def finger(template: int = 3, module: str = MARK, person_id: str = "1001", **more: object) -> dict[str, object]:
    return {"kind": "finger.enrol", "person": person_id, "module": module, "template": template, **more}


@pytest.fixture
def agreed(roster: Roster) -> Roster:
    apply(roster, person())
    apply(roster, CONSENT)
    return roster


def fingers(roster: Roster) -> dict[str, dict[int, str]]:
    found = roster.snapshot(UTC).fingers
    return {mark: {n: roster.called(p) for n, p in of.items()} for mark, of in found.items()}


def refused(roster: Roster, change: object) -> str:
    before = roster.version, roster.digest
    with pytest.raises(RosterRefused) as caught:
        roster.plan(parse_change(change))
    assert (roster.version, roster.digest) == before
    return "\n".join(caught.value.problems)


def test_none_without_consent(roster: Roster) -> None:
    apply(roster, person())
    assert "has not consented to fingerprint" in refused(roster, finger())
    apply(roster, CONSENT | {"purpose": "photo"})
    assert "has not consented to fingerprint" in refused(roster, finger())
    [ada] = roster.snapshot(UTC).people.values()
    assert not ada.fingers_agreed


def test_it_is_enrolled_and_the_leaf_names_nothing_in_clear(agreed: Roster) -> None:
    plan = apply(agreed, finger())
    [leaf] = plan.leaves
    assert (leaf.ev, leaf.fields["credential"]) == ("credential.enrolled", "finger")
    assert set(leaf.fields) == {"credential", "roster", "digest"}
    assert leaf.subs[0].private == {"id": "1001", "name": "Ada", "module": MARK, "finger": 3}
    assert fingers(agreed) == {MARK: {3: "1001"}}
    [ada] = agreed.snapshot(UTC).people.values()
    assert ada.fingers_agreed


def test_a_number_has_one_owner(agreed: Roster) -> None:
    apply(agreed, finger())
    apply(agreed, person("1002", "Lin"))
    apply(agreed, CONSENT | {"person": "1002"})
    assert "somebody's already" in refused(agreed, finger(person_id="1002"))
    apply(agreed, finger(module=OTHER, person_id="1002"))
    assert fingers(agreed) == {MARK: {3: "1001"}, OTHER: {3: "1002"}}


def test_one_that_the_module_has_lost_is_replaced(agreed: Roster) -> None:
    apply(agreed, finger(3))
    plan = apply(agreed, finger(5, replaces=[3]))
    assert [leaf.ev for leaf in plan.leaves] == ["credential.revoked", "credential.enrolled"]
    assert fingers(agreed) == {MARK: {5: "1001"}}


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"kind": "finger.revoke", "person": "1001"}, {}),
        ({"kind": "finger.revoke", "person": "1001", "template": 3}, {MARK: {4: "1001"}}),
        ({"kind": "module.forget", "module": MARK}, {}),
        (CONSENT | {"withdrawn": True}, {}),
    ],
)
def test_they_go_with_consent_module_or_by_revoking(agreed: Roster, change: dict[str, object], left: object) -> None:
    apply(agreed, finger(3))
    apply(agreed, finger(4))
    plan = apply(agreed, change)
    assert {leaf.fields["credential"] for leaf in plan.leaves if leaf.ev == "credential.revoked"} == {"finger"}
    assert fingers(agreed) == left


def test_they_go_with_a_consent_that_a_file_no_longer_lists(agreed: Roster) -> None:
    apply(agreed, finger())
    apply(agreed, {"people.csv": b"id,name,consents\n1001,Ada,photo:2026-03-31\n"})
    assert fingers(agreed) == {}


def test_a_file_that_does_not_speak_of_consents_leaves_them(agreed: Roster) -> None:
    apply(agreed, finger())
    apply(agreed, {"people.csv": b"id,name\n1001,Ada L.\n"})
    assert fingers(agreed) == {MARK: {3: "1001"}}


def test_none_to_revoke_is_said(agreed: Roster) -> None:
    assert "no such finger" in refused(agreed, {"kind": "finger.revoke", "person": "1001"})


def test_they_go_with_their_person_and_no_byte_stays(agreed: Roster, tmp_path: Path) -> None:
    apply(agreed, finger())
    [ada] = agreed.snapshot(UTC).people
    agreed.erase([ada])
    assert fingers(agreed) == {}
    assert bytes.fromhex(MARK) not in (tmp_path / "roster.db").read_bytes()


def test_whoever_asks_is_told_of_them(agreed: Roster) -> None:
    apply(agreed, finger())
    [ada] = agreed.snapshot(UTC).people
    held = agreed.held_on(ada) or {}
    assert held["fingers"] == [{"module": MARK, "finger": 3, "since_ms": 0}]
    page = agreed.credentials(None, 200)
    [row] = page["credentials"]  # type: ignore[misc]
    assert (row["person"], row["kind"], row["finger"]) == ("1001", "finger", 3)
    [listed] = agreed.people(None, 10)["people"]  # type: ignore[misc]
    assert listed["fingers"] == 1


def test_pages_go_from_cards_to_fingers(agreed: Roster) -> None:
    apply(agreed, {"kind": "card.enrol", "person": "1001", "card": "0006547886"})
    for template in (3, 4):
        apply(agreed, finger(template))
    after: str | None = None
    kinds: list[tuple[str, int | None]] = []
    for _ in range(9):
        page = agreed.credentials(after, 1)
        kinds += [(row["kind"], row.get("finger")) for row in page["credentials"]]  # type: ignore[attr-defined]
        after = page["next"]  # type: ignore[assignment]
        if after is None:
            break
    assert kinds == [("card", None), ("finger", 3), ("finger", 4)]


def test_a_roster_from_before_there_were_fingers_opens(open_roster: Open, tmp_path: Path) -> None:
    roster = open_roster()
    apply(roster, person())
    digest = roster.digest
    roster.close()
    other = sqlite3.connect(tmp_path / "roster.db")
    other.executescript("DROP TABLE finger; PRAGMA user_version = 1;")
    other.close()
    again = open_roster()
    assert again.digest == digest
    apply(again, CONSENT)
    apply(again, finger())
    assert json.dumps(fingers(again)) == json.dumps({MARK: {"3": "1001"}})
