"""Complaints and incidents: open until they are closed, through any cut, and never without bound."""

from __future__ import annotations

from cabinet.core.effects import Answer
from cabinet.core.events import JournalFailed
from cabinet.core.incidents import OPEN_MAX
from cabinet.core.leaves import Subject
from cabinet.core.ledger import CLOSED_KEPT
from cabinet.core.requests import IncidentClosed, IncidentReported
from tests.core.cabinet import ADA, Cabinet, rights

TEXT = Subject("concerned", ADA, {"text": "left open"})


def report(cabinet: Cabinet) -> Answer:
    [answer] = cabinet.send(IncidentReported(1, "complaint", "K-0001", None, TEXT, "tess"))
    assert isinstance(answer, Answer)
    return answer


def close(cabinet: Cabinet, n: int) -> Answer:
    [answer] = cabinet.send(IncidentClosed(2, n, TEXT, "tess"))
    assert isinstance(answer, Answer)
    return answer


def test_one_is_closed_once_also_after_a_cut() -> None:
    cabinet = Cabinet(rights())
    n = report(cabinet).n
    assert n is not None
    cabinet.boot()
    assert cabinet.state.ledger.incidents[n].closed_n is None
    closed = close(cabinet, n)
    assert (closed.refusal, cabinet.state.ledger.incidents[n].closed_n) == (None, closed.n)
    assert close(cabinet, n).refusal == f"incident {n} is not open; see `cabinetctl incident list`"
    assert [leaf.ev for _, leaf in cabinet.journal].count("incident.closed") == 1
    assert cabinet.refolded() == cabinet.state.ledger
    assert all("text" not in leaf.fields for _, leaf in cabinet.journal)


def test_there_is_a_bound_to_what_is_open_and_to_what_is_kept() -> None:
    cabinet = Cabinet(rights())
    first = [report(cabinet).n for _ in range(OPEN_MAX)]
    assert report(cabinet).refusal == "200 incidents are open; close some first: cabinetctl incident list"
    for n in first:
        close(cabinet, n or 0)
    for _ in range(3):
        close(cabinet, report(cabinet).n or 0)
    kept = cabinet.state.ledger.incidents
    assert len(kept) == CLOSED_KEPT
    assert min(kept) == first[3]


def test_nothing_is_recorded_that_cannot_be_stored() -> None:
    cabinet = Cabinet(rights())
    cabinet.send(JournalFailed())
    effects = cabinet.send(IncidentReported(1, "complaint", "K-0001", None, TEXT, "tess"))
    assert any(isinstance(one, Answer) and "nothing is done" in (one.refusal or "") for one in effects)
    assert cabinet.state.ledger.incidents == {}
