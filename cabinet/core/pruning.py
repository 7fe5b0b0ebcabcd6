"""Leaves whose period has passed lose their content, but those that something open still refers to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from cabinet.core.effects import Answer
from cabinet.core.epoch_set import set_leaves
from cabinet.core.ledger import Ledger
from cabinet.core.requests import LogWiped, PruningAsked, StateSetAsked
from cabinet.core.turn import Turn

DESTROYED: Final = "payload.destroyed"
EXPIRED_MAX: Final = 100
"""At a time, so that the leaf that names them has room, and nobody waits."""
PARTS_AT_ONCE: Final = 2
"""Each has up to 8 kB."""
PRUNED: Final = "pruned to the leaf hash"
WIPED: Final = "overwritten, log emptied"


def on_asked(turn: Turn, event: PruningAsked) -> None:
    """The journal prunes what the leaf names in the transaction that writes it."""
    if not turn.now.wall_time_trusted:
        turn.act(Answer(event.request, "the clock is not trusted, so nobody knows how old anything is"))
        return
    referred = referred_to(turn.ledger, turn.now.wall_ms)
    foldable = foldable_from(turn.ledger)
    expired = [one for one in event.expired[:EXPIRED_MAX] if one.n < foldable]
    going = [one for one in expired if turn.ledger.reference(one.n) not in referred]
    if not going:
        turn.act(Answer(event.request))
        return
    numbers = [one.n for one in going]
    n = turn.journal(
        DESTROYED,
        stage="pruned",
        first=numbers[0],
        size=numbers[-1] + 1,
        count=len(numbers),
        ranges=ranges_of(numbers),
        kinds=dict(Counter(one.kind for one in going)),
        rules=dict(Counter(one.rule for one in going)),
        method=PRUNED,
        by=event.by,
        reason=event.reason,
    )
    turn.act(Answer(event.request, n=n))


def on_wiped(turn: Turn, event: LogWiped) -> None:
    open_ = turn.ledger.unwiped.get("payloads")
    n = None
    if open_ is not None:
        n = turn.journal(DESTROYED, stage="wiped", since=open_.n, count=open_.count, method=WIPED)
    turn.act(Answer(event.request, n=n))


def on_state_set(turn: Turn, event: StateSetAsked) -> None:
    """Its parts stand side by side. Where a leaf came between them it is begun anew."""
    arrived = turn.ledger.arriving.parts if turn.ledger.arriving else 0
    parts = set_leaves(turn.ledger)
    if event.part > 1 and (event.part != arrived + 1 or event.part > len(parts)):
        turn.act(Answer(event.request, "something else was journaled in between; begin with the first part"))
        return
    n = None
    for leaf in parts[event.part - 1 :][:PARTS_AT_ONCE]:
        n = turn.add(leaf)
    turn.act(Answer(event.request, n=n))


def referred_to(ledger: Ledger, wall_ms: int) -> frozenset[int]:
    """References to leaves that something open is about, and somebody may still read for it."""
    return frozenset(_referred_to(ledger, wall_ms))


def _referred_to(ledger: Ledger, wall_ms: int) -> Iterator[int]:
    for n, incident in ledger.incidents.items():
        if incident.closed_n is None:
            yield n
            if incident.about is not None:
                yield incident.about
    yield from (out.n for out in ledger.outs.values() if out.n is not None)
    yield from (grant.n for grant in ledger.grants.values())
    yield from (owed.n for owed in ledger.owed.values())
    yield from (alarm.n for alarm in ledger.alarms.values())
    yield from ledger.questions
    yield from (n for n, booking in ledger.bookings.items() if wall_ms < booking.until_ms)
    yield from (n for n, offer in ledger.offers.items() if wall_ms < offer.until_ms)


def ranges_of(numbers: Iterable[int]) -> list[list[int]]:
    """Indexes as first and end (not itself in it) of each run of them, ascending."""
    ascending = sorted(set(numbers))
    firsts = ascending[:1] + [n for before, n in pairwise(ascending) if n != before + 1]
    ends = [before + 1 for before, n in pairwise(ascending) if n != before + 1] + [n + 1 for n in ascending[-1:]]
    return [[first, end] for first, end in zip(firsts, ends, strict=True)]


def foldable_from(ledger: Ledger) -> int:
    """Leaves below this index are not needed to fold the state again: a complete set of it stands there."""
    mark = ledger.epoch.get("epoch")
    return 0 if mark is None or mark.set_n is None else mark.set_n
