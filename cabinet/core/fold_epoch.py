"""How an epoch begins: its first leaf, and the set of state behind it, at whose last part the ledger is what it says.

The same set may stand later in an epoch, so that what is older can go. Its parts stand side by side: a leaf between
them, a start among others, means that the set was not finished and is written anew."""

from __future__ import annotations

from dataclasses import replace

from cabinet.core.leaf_fields import number_of, pairs_of, text_of
from cabinet.core.leaves import Leaf
from cabinet.core.ledger import Arriving, EpochMark, Ledger
from cabinet.core.ledger_rows import from_rows


def opened(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """Nothing is known yet but its number."""
    return Ledger(epoch={"epoch": EpochMark(number_of(leaf, "epoch") or 1, ts, text_of(leaf, "reason"))})


def part(ledger: Ledger, n: int, leaf: Leaf) -> Ledger:
    """Raises ValueError for a row that this version does not know."""
    number, parts, rows = number_of(leaf, "part"), number_of(leaf, "of"), pairs_of(leaf, "rows")
    before = ledger.arriving or Arriving(0, ())
    if number is None or parts is None or rows is None or number not in (1, before.parts + 1):
        return replace(ledger, arriving=None)
    come = (*(before.rows if number > 1 else ()), *rows)
    if number < parts:
        return replace(ledger, arriving=Arriving(number, come))
    told = from_rows({key: value.encode() for key, value in come})
    mark = told.epoch.get("epoch") or EpochMark(1)
    return replace(told, epoch={"epoch": replace(mark, set_n=n + 1 - parts)})
