"""What goes, what stays, and what the journal says of it."""

from __future__ import annotations

from dataclasses import replace

from cabinet.core.effects import Answer
from cabinet.core.events import LeavesMissed
from cabinet.core.fold import fold
from cabinet.core.leaves import Leaf, Subject
from cabinet.core.ledger import EpochMark, Incident, Ledger, Out, Unwiped
from cabinet.core.ledger_rows import changed_rows, from_rows
from cabinet.core.pruning import foldable_from, ranges_of, referred_to
from cabinet.core.requests import Expired, IncidentClosed, IncidentReported, LogWiped, PruningAsked, StateSetAsked
from cabinet.policy.booking import Booking
from tests.core.cabinet import ADA, LIN, MONDAY_NOON_MS, Cabinet, right, rights

NOW_MS = MONDAY_NOON_MS
SET_N = 100


def expired(*numbers: int, kind: str = "visit.ended", rule: str = "visit.* 90") -> tuple[Expired, ...]:
    return tuple(Expired(n, kind, rule) for n in numbers)


def cabinet(**ledger: object) -> Cabinet:
    """With a complete set of state from leaf 100 on."""
    made = Cabinet(rights(right(ADA, "K-0001")))
    mark = {"epoch": EpochMark(1, set_n=SET_N)}
    made.state = replace(made.state, ledger=replace(made.state.ledger, epoch=mark, **ledger))  # type: ignore[arg-type]
    return made


def leaves(made: Cabinet, event: object) -> tuple[list[Leaf], list[Answer]]:
    before = len(made.journal)
    effects = made.send(event)  # type: ignore[arg-type]
    return [leaf for _, leaf in made.journal[before:]], [one for one in effects if isinstance(one, Answer)]


def test_a_leaf_names_all_that_goes_and_by_which_rule() -> None:
    made = cabinet()
    gone = (*expired(3, 4, 7), *expired(9, kind="item.removed", rule="personal 365"))
    [leaf], [answer] = leaves(made, PruningAsked(1, gone, "schedule"))
    assert leaf.ev == "payload.destroyed"
    assert leaf.fields == {
        "stage": "pruned",
        "first": 3,
        "size": 10,
        "count": 4,
        "ranges": [[3, 5], [7, 8], [9, 10]],
        "kinds": {"visit.ended": 3, "item.removed": 1},
        "rules": {"visit.* 90": 3, "personal 365": 1},
        "method": "pruned to the leaf hash",
        "by": "schedule",
    }
    assert answer.refusal is None


def test_ranges_are_first_and_end() -> None:
    assert ranges_of([]) == []
    assert ranges_of([7]) == [[7, 8]]
    assert ranges_of([60, 5, 4, 3, 9, 41, 40]) == [[3, 6], [9, 10], [40, 42], [60, 61]]


def test_nothing_goes_from_the_set_of_state_on() -> None:
    made = cabinet()
    [leaf], _ = leaves(made, PruningAsked(1, expired(98, 99, 100, 101), "schedule"))
    assert leaf.fields["ranges"] == [[98, 100]]
    assert leaves(made, PruningAsked(2, expired(100, 101), "schedule")) == ([], [Answer(2)])
    bare = Cabinet(rights(right(ADA, "K-0001")))
    assert leaves(bare, PruningAsked(3, expired(0), "schedule")) == ([], [Answer(3)])


def test_what_something_open_refers_to_stays() -> None:
    out = Out("K-0002", LIN, NOW_MS - 1, n=21)
    open_, closed = Incident("complaint", None, 22, "concerned", ADA, 0), Incident("incident", None, 23, "host", ADA, 0)
    ledger = {
        "outs": {2: out},
        "incidents": {31: open_, 32: replace(closed, closed_n=40, closed_ms=1)},
        "bookings": {
            33: Booking("K-0001", ADA, NOW_MS, NOW_MS + 1),
            34: Booking("K-0001", ADA, NOW_MS - 2, NOW_MS),
        },
    }
    made = cabinet(**ledger)
    [leaf], _ = leaves(made, PruningAsked(1, expired(21, 22, 23, 31, 32, 33, 34), "schedule"))
    assert leaf.fields["ranges"] == [[23, 24], [32, 33], [34, 35]]


def test_an_incident_that_is_closed_lets_its_leaf_go() -> None:
    made = cabinet()
    subject = Subject("concerned", ADA, {"text": "it jams"})
    made.send(IncidentReported(1, "incident", "K-0001", None, subject, "eve"))
    [n] = made.state.ledger.incidents
    assert n in referred_to(made.state.ledger, NOW_MS)
    made.send(IncidentClosed(2, n, subject, "eve"))
    assert n not in referred_to(made.state.ledger, NOW_MS)


def test_in_a_later_epoch_references_are_not_indexes() -> None:
    mark = {"epoch": EpochMark(2, set_n=SET_N)}
    made = cabinet()
    outs = {2: Out("K-0002", LIN, NOW_MS, n=2_000_000_021), 3: Out("K-0003", LIN, NOW_MS, n=22)}
    made.state = replace(made.state, ledger=replace(made.state.ledger, epoch=mark, outs=outs))
    [leaf], _ = leaves(made, PruningAsked(1, expired(21, 22), "schedule"))
    assert leaf.fields["ranges"] == [[22, 23]]


def test_that_nothing_is_left_in_any_file_is_said_once() -> None:
    made = cabinet()
    assert leaves(made, LogWiped(1)) == ([], [Answer(1)])
    start = len(made.journal)
    for number in (2, 3):
        made.send(PruningAsked(number, expired(number), "eve", "an audit"))
    assert made.journal[-1][1].fields["reason"] == "an audit"
    assert made.state.ledger.unwiped == {"payloads": Unwiped(start, 2)}
    assert from_rows(dict(made.rows)).unwiped == made.state.ledger.unwiped
    [leaf], [answer] = leaves(made, LogWiped(4))
    assert leaf.fields == {"stage": "wiped", "since": start, "count": 2, "method": "overwritten, log emptied"}
    assert answer.n == start + 2
    assert made.state.ledger.unwiped == {}


def test_a_set_of_state_folds_to_what_it_was_written_from() -> None:
    made = cabinet()
    made.state = replace(made.state, ledger=replace(made.state.ledger, epoch={}))
    before = made.state.ledger
    written, [answer] = leaves(made, StateSetAsked(1, 1))
    assert {leaf.ev for leaf in written} == {"epoch.state"}
    assert answer.refusal is None
    folded = Ledger()
    for n, leaf in enumerate(written, 7):
        folded = fold(folded, n, NOW_MS, leaf)
    assert foldable_from(folded) == 7
    assert changed_rows(replace(folded, epoch={}), before) == {}
    assert foldable_from(made.state.ledger) == made.state.size - len(written)


def test_a_leaf_between_its_parts_begins_a_set_anew() -> None:
    incidents = {n: Incident("incident", "K-0001", n, "concerned", ADA, NOW_MS) for n in range(150)}
    made = cabinet(incidents=incidents)
    first, _ = leaves(made, StateSetAsked(1, 1))
    parts = first[0].fields["of"]
    assert (len(first), isinstance(parts, int) and parts > 2) == (2, True)
    made.send(LeavesMissed(3))
    assert made.journal[-1][1] == Leaf("sync.gap", {"first": 3})
    _, [answer] = leaves(made, StateSetAsked(2, 3))
    assert answer.refusal is not None
    for part in range(1, int(str(parts)) + 1, 2):
        _, [answer] = leaves(made, StateSetAsked(part + 10, part))
        assert answer.refusal is None
    assert foldable_from(made.state.ledger) == made.state.size - int(str(parts))
