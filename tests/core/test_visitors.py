"""A visitor and the host who answers for them: who is named, and who is let in."""

from __future__ import annotations

from cabinet.policy.rights import Curfew, Rights
from tests.core.cabinet import ADA, EVE, EVE_CARD, Cabinet, people, right, rights


def visited(**host: object) -> Rights:
    """Eve visits Ada, and may have K-0001 for an hour."""
    who = people(**{EVE: {"host": ADA}, ADA: host})
    return rights(right(EVE, "K-0001", curfew=Curfew(after_s=3600)), who=who)


def subjects(cabinet: Cabinet, ev: str) -> list[tuple[str, str]]:
    return [(subject.role, subject.person) for subject in cabinet.last(ev).subs]


def test_the_host_is_named_where_the_visitor_is_let_in_and_where_they_are_late() -> None:
    cabinet = Cabinet(visited())
    cabinet.badge(EVE_CARD)
    cabinet.lift(1)
    cabinet.pass_time(3601)
    both = [("holder", EVE), ("host", ADA)]
    assert [subjects(cabinet, ev) for ev in ("visit.identified", "item.granted", "item.overdue")] == [both, both, both]
    assert subjects(cabinet, "item.removed") == [("holder", EVE)]
    assert cabinet.refolded() == cabinet.state.ledger


def test_without_an_active_host_nobody_visits() -> None:
    cabinet = Cabinet(visited(suspended=True))
    cabinet.badge(EVE_CARD)
    assert cabinet.last("visit.refused").fields["rule"] == "host_inactive"
    assert subjects(cabinet, "visit.refused") == [("holder", EVE), ("host", ADA)]
    assert cabinet.screen().startswith("Your host has no access just now.")
    assert cabinet.pulses() == []


def test_a_host_who_is_gone_is_not_named() -> None:
    who = people(**{EVE: {"host": "gone"}})
    cabinet = Cabinet(rights(right(EVE, "K-0001"), who=who))
    cabinet.badge(EVE_CARD)
    assert subjects(cabinet, "visit.refused") == [("holder", EVE)]
