"""Whether the state table says what the journal's leaves add up to: the core's fold, from the newest complete set of
state or from the first leaf, against what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from cabinet.core.fold import fold
from cabinet.core.leaves import Leaf, Subject
from cabinet.core.ledger import Ledger
from cabinet.core.ledger_rows import changed_rows
from cabinet.journal.leaf import ENVELOPE, glance
from cabinet.journal.reader import PAGE, JournalReader

SET: Final = "epoch.state"

Rows = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Difference:
    """A row `table/key` that is not what the leaves say; None: it is not there. `n` is the leaf that changed it last,
    None where no leaf ever did."""

    row: str
    stored: bytes | None
    folded: bytes | None
    n: int | None


@dataclass(frozen=True, slots=True)
class StateVerdict:
    """Of the leaves from `first` up to `size`. `gap`: a leaf behind `first` whose payload is gone, so that nothing can
    be said; `unknown`: a leaf that this version cannot fold."""

    first: int
    size: int
    rows: int
    differences: tuple[Difference, ...] = ()
    gap: int | None = None
    unknown: int | None = None

    @property
    def good(self) -> bool:
        return not self.differences and self.gap is None and self.unknown is None


class _CannotFold(Exception):
    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.n = n


class _Gap(_CannotFold):
    """Its payload was pruned."""


def check_state(reader: JournalReader, progress: Callable[[int, int], None] | None = None) -> StateVerdict:
    """Of a journal that verifies: this looks at what the leaves say, not at whether they are genuine. Blocks for
    half a minute per million leaves behind the newest set. A daemon may go on writing meanwhile."""
    stored, size = reader.state_at_size()
    first = _newest_set(reader, size)
    ledger = Ledger()
    try:
        for n, ts, leaf in _leaves(reader, first, size, progress):
            ledger = _folded(ledger, n, ts, leaf)
    except _Gap as gap:
        return StateVerdict(first, size, len(stored), gap=gap.n)
    except _CannotFold as error:
        return StateVerdict(first, size, len(stored), unknown=error.n)
    folded = _rows(ledger)
    wrong = sorted(row for row in stored.keys() | folded.keys() if stored.get(row) != folded.get(row))
    last = _last_changes(reader, first, size, frozenset(wrong)) if wrong else {}
    differences = (Difference(row, stored.get(row), folded.get(row), last.get(row)) for row in wrong)
    return StateVerdict(first, size, len(stored), tuple(differences))


def _newest_set(reader: JournalReader, size: int) -> int:
    """Index of the first leaf of the newest complete set of state below `size`; 0 without one."""
    found, begun, parts = 0, 0, 0
    for n, leaf in _set_leaves(reader, size):
        if leaf.get("part") == 1:
            begun, parts = n, 1
        elif n == begun + parts and leaf.get("part") == parts + 1:
            parts += 1
        else:
            parts = 0
        if parts and leaf.get("of") == parts:
            found = begun
    return found


def _set_leaves(reader: JournalReader, size: int) -> Iterator[tuple[int, dict[str, Any]]]:
    first = 0
    while page := reader.find(kind=SET, first=first, limit=PAGE):
        for n, data in page:
            if n < size:
                yield n, glance(data)
        first = page[-1][0] + 1


def _leaves(
    reader: JournalReader, first: int, size: int, progress: Callable[[int, int], None] | None = None
) -> Iterator[tuple[int, int, Leaf]]:
    for stored in reader.leaves(first, size):
        if stored.data is None:
            raise _Gap(stored.n)
        content = glance(stored.data)
        subjects = tuple(Subject(sub["r"], sub["p"]) for sub in content.get("subs", ()))
        fields = {key: value for key, value in content.items() if key not in ENVELOPE}
        yield stored.n, cast("int", content["ts"]), Leaf(content["ev"], fields, subjects)
        if progress is not None and (stored.n - first) % PAGE == 0:
            progress(stored.n - first, size - first)


def _folded(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    try:
        return fold(ledger, n, ts, leaf)
    except (ValueError, LookupError, TypeError):
        raise _CannotFold(n) from None


def _rows(ledger: Ledger) -> dict[str, bytes]:
    return {key: value for key, value in changed_rows(Ledger(), ledger).items() if value is not None}


def _last_changes(reader: JournalReader, first: int, size: int, wanted: frozenset[str]) -> dict[str, int]:
    """A second fold, for the few rows that differ: it costs what looking at every row each time would."""
    last: dict[str, int] = {}
    ledger = Ledger()
    for n, ts, leaf in _leaves(reader, first, size):
        after = _folded(ledger, n, ts, leaf)
        if after is not ledger:
            last |= dict.fromkeys(wanted & changed_rows(ledger, after).keys(), n)
        ledger = after
    return last
