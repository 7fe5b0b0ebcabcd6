"""What the cabinet has on the disk, read from outside: leaves, the verdict on them, and whether they tell the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cabinet.core.fold import fold
from cabinet.core.leaves import Leaf, Subject
from cabinet.core.ledger import Ledger
from cabinet.core.ledger_rows import from_rows
from cabinet.journal.leaf import ENVELOPE, glance
from cabinet.journal.note import Signer
from cabinet.journal.reader import JournalReader
from cabinet.journal.verify import verify
from cabinet.state_check import check_state

ORIGIN = "cabinet.demo/lobby-01"
CAME = frozenset({"item.returned", "item.found_present"})
WENT = frozenset({"item.removed", "item.forced", "item.found_absent"})
GRANT_ENDS = CAME | WENT | {"item.not_taken", "item.outcome_unknown"}


class Records:
    """Of a run folder; the daemon may be running or not."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "state"

    def check(self) -> list[dict[str, Any]]:
        """All leaves. The signatures must hold, the state table be the fold of the leaves, and each slot go and
        come in turn."""
        seed = bytes.fromhex((self._state / "signing.key").read_text())
        with JournalReader(self._state) as reader:
            origin = ORIGIN if reader.epoch == 1 else f"{ORIGIN}/e{reader.epoch}"
            verdict = verify(reader, Signer(origin, seed).vkey)
            assert (verdict.result, verdict.failed_at) == ("verified", None), verdict
            leaves = [glance(stored.data) for stored in reader.leaves(0, verdict.size) if stored.data is not None]
            rows = reader.state()
            state = check_state(reader)
            assert state.good, state
            quiet = reader.size == verdict.size
        if quiet:  # else a running daemon has written since
            assert from_rows(rows) == folded(leaves)
        in_turn(leaves)
        return leaves

    def agree(self, shown: Mapping[str, Any]) -> list[dict[str, Any]]:
        """check(), and the journal says of each slot what the world shows."""
        leaves = self.check()
        marks = folded(leaves).slots
        seated = {slot["slot"]: slot["fob"] is not None for slot in shown["slots"]}
        assert {slot: mark.seated for slot, mark in marks.items()} == seated
        return leaves


def folded(leaves: list[dict[str, Any]]) -> Ledger:
    ledger = Ledger()
    for leaf in leaves:
        fields = {key: value for key, value in leaf.items() if key not in ENVELOPE}
        subjects = tuple(Subject(sub["r"], sub["p"]) for sub in leaf.get("subs", ()))
        ledger = fold(ledger, leaf["n"], leaf["ts"], Leaf(leaf["ev"], fields, subjects))
    return ledger


def in_turn(leaves: list[dict[str, Any]]) -> None:
    """No removal or return is told twice, each grant ends once, and what a leaf of removal names was granted."""
    seated: dict[int, bool] = {}
    granted: dict[int, int] = {}
    epoch = 1
    for leaf in leaves:
        if leaf["ev"] == "epoch.opened":
            seated, granted, epoch = {}, {}, leaf["epoch"]
        kind, slot = leaf["ev"], leaf.get("slot", 0)
        if kind in CAME | WENT:
            assert seated.get(slot) != (kind in CAME), f"told twice: {leaf}"
            seated[slot] = kind in CAME
        if kind == "item.removed":
            assert granted.get(slot) == leaf["grant"], f"not granted: {leaf}"
        if kind in ("item.not_taken", "item.outcome_unknown"):
            assert granted.get(slot) == leaf["grant"], f"no such grant is open: {leaf}"
        if kind in GRANT_ENDS:
            granted.pop(slot, None)
        if kind == "item.granted":
            granted[slot] = epoch * 1_000_000_000 + leaf["n"] if epoch > 1 else leaf["n"]
