"""Bugs planted in the check itself: each lets something through that test_verify.py finds, so each comparison counts.

The simulation cannot see these: its second tree reads the leaves, and not what is stored beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cabinet.journal import block, rows, tree
from cabinet.journal.check import Check
from cabinet.journal.errors import ProofRefused
from tests.journal.test_verify import tampered, verdict_of

Plant = Callable[[pytest.MonkeyPatch], None]


def _columns_unread(patch: pytest.MonkeyPatch) -> None:
    given = rows._COMPARED.replace("'$.ts'", "'$.n'").replace("json_array(ts,", "json_array(n,")
    patch.setattr(rows, "_COMPARED", given)


def _people_unread(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rows, "_COMPARED", rows._COMPARED.replace("'$.subs[0].p', '$.subs[1].p'", "'$.a', '$.a'"))
    patch.setattr(block, "_people", lambda subs: ",null,null,null]")


def _inner_hashes_unread(patch: pytest.MonkeyPatch) -> None:
    def as_stored(before: tree.Frontier, levels: list[list[bytes]]) -> list[bytes]:
        kept = completed(before, levels)
        return [*kept[:41], bytes(32), *kept[42:]]

    completed = block._completed
    patch.setattr(block, "_completed", as_stored)


def _pruned_anywhere(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Check, "_count_pruned", lambda self, n: None)


def _notes_of_any_root(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Check, "_check_note", lambda self, due, frontier: setattr(self, "_due", next(self._notes, None)))


def _schema_unread(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("cabinet.journal.reader.is_as_made", lambda connection: True)


@pytest.mark.parametrize(
    ("plant", "statement"),
    [
        (_columns_unread, "UPDATE payload SET ts = ts + 1 WHERE n = 41"),
        (_people_unread, "UPDATE payload SET subs = zeroblob(16) WHERE n = 41"),
        (_inner_hashes_unread, "UPDATE leaf SET subtrees = zeroblob(32) WHERE n = 41"),
        (_pruned_anywhere, "DELETE FROM payload WHERE n = 41"),
        (_notes_of_any_root, "UPDATE checkpoint SET note = x'00' WHERE size = 40"),
        (_schema_unread, "CREATE TABLE more (n INTEGER)"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_comparison_left_out_is_missed(
    seventy: Path, monkeypatch: pytest.MonkeyPatch, plant: Plant, statement: str
) -> None:
    tampered(seventy, statement)
    assert verdict_of(seventy).result == "failed"
    plant(monkeypatch)
    assert verdict_of(seventy).result == "verified"


def test_a_proof_the_wrong_way_round_is_refused() -> None:
    frontier, stored = tree.Frontier(), {}
    for n in range(7):
        levels = (leaf := tree.leaf_hash(bytes([n]))) + frontier.push(leaf)
        stored |= {(level, n >> level): levels[level * 32 : level * 32 + 32] for level in range(len(levels) // 32)}
    proof = tree.inclusion(2, 7, lambda level, index: stored[level, index])
    tree.check_inclusion(stored[0, 2], 2, 7, proof, frontier.root())
    for wrong in (proof[::-1], proof[:-1], [*proof, proof[0]], [proof[0], *proof]):
        with pytest.raises(ProofRefused):
            tree.check_inclusion(stored[0, 2], 2, 7, wrong, frontier.root())
