"""Visitors: a host who answers for them and a last day, in files and in changes."""

from __future__ import annotations

from datetime import UTC

import pytest

from cabinet.roster.changes import RosterRefused, parse_change
from cabinet.roster.files import read
from cabinet.roster.store import Roster
from tests.roster.conftest import apply, person

PEOPLE = "id,name,roles,active_until,host\n"


def problems(text: str) -> list[str]:
    return read({"people.csv": text.encode()})[1]


def test_a_visitor_has_a_host_and_a_last_day() -> None:
    assert problems(PEOPLE + "v1,Ivo,visitor,2026-03-31,1001\n1001,Ada,,,\n") == []
    assert problems(PEOPLE + "v1,Ivo,visitor,,\n") == [
        "people.csv:2:16: a visitor needs a last day, such as 2026-03-31",
        "people.csv:2:17: a visitor needs a host: the id of the person who answers for them",
    ]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("v1,Ivo,visitor,2026-03-31,1003", '2:27: there is no person "1003"'),
        ("v1,Ivo,visitor,2026-03-31,v1", '2:27: "v1" is a visitor too, and answers for nobody'),
        ("v1,Ivo,,2026-03-31,1001", '2:20: a host is for visitors; give the role "visitor" too, or leave the host out'),
    ],
)
def test_what_a_host_cannot_be(row: str, fault: str) -> None:
    [found] = problems(PEOPLE + row + "\n1001,Ada,,,\n")
    assert found.startswith(f"people.csv:{fault}")


def refused(roster: Roster, **changes: object) -> list[str]:
    with pytest.raises(RosterRefused) as caught:
        roster.plan(parse_change(person("v1", "Ivo", **changes)))
    return caught.value.problems


def test_a_change_is_judged_with_what_the_roster_has(roster: Roster) -> None:
    visitor = {"roles": ["visitor"], "active_until": "2026-03-31", "host": "1001"}
    assert refused(roster, **visitor) == ['person.host: there is no person "1001"']
    apply(roster, person())
    apply(roster, person("v1", "Ivo", **visitor))
    apply(roster, person("v1", "Ivo", active_until="2026-04-30"))
    assert refused(roster, active_until=None) == ["person.active_until: a visitor needs a last day, such as 2026-03-31"]
    assert refused(roster, roles=[])[0].startswith("person.host: a host is for visitors")
    apply(roster, person("v1", "Ivo", roles=[], host=None))


def test_the_cabinet_knows_the_host_and_lists_show_them_by_id(roster: Roster) -> None:
    apply(roster, person())
    apply(roster, person("v1", "Ivo", roles=["visitor"], active_until="2026-03-31", host="1001"))
    people = roster.snapshot(UTC).people
    assert [one.host for one in people.values() if one.host] == [roster.pseudonym_of("1001")]
    page = roster.people(None, 10)["people"]
    assert [(row["id"], row["host"]) for row in page] == [("1001", None), ("v1", "1001")]  # type: ignore[union-attr]
