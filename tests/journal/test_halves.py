"""Two processes come to the verdict of one, whatever is wrong and wherever."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cabinet.journal import block
from cabinet.journal import verify as module
from cabinet.journal.check import Outcome
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.reader import JournalReader
from cabinet.journal.verdict import Verdict
from cabinet.journal.verify import Half, verify
from hal.aside import Aside
from tests.journal.making import ORIGIN, OTHER_SIGNER, SIGNER, entry, filled, opened
from tests.journal.test_rotation import rotate
from tests.journal.test_verify import CHANGES, tampered


class Other:
    """The other process, in this one; what goes there and back is pickled all the same."""

    begun: list[int]

    def __init__(self, function: Callable[[Half], Outcome], half: Half) -> None:
        self.begun.append(half.start.frontier.size)
        given: Half = pickle.loads(pickle.dumps(half))
        self._found = pickle.dumps(function(given))

    def result(self) -> Outcome | None:
        found: Outcome = pickle.loads(self._found)
        return found

    def stop(self) -> None:
        """It has ended."""


class Lost(Other):
    def result(self) -> None:
        return None


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where the other process began. Journals of seventy leaves are halved at 16."""
    found: list[int] = []
    monkeypatch.setattr(Other, "begun", found, raising=False)
    monkeypatch.setattr(module, "HALVED_FROM", 1)
    monkeypatch.setattr(block, "LEAVES", 16)
    return found


def both(folder: Path, other: type[Other] = Other, trusted: bytes | None = None) -> tuple[Verdict, Verdict]:
    with JournalReader(folder) as reader:
        alone = verify(reader, SIGNER.vkey, trusted=trusted)
        return alone, verify(reader, SIGNER.vkey, trusted=trusted, aside=other)


def test_a_good_one(seventy: Path, begun: list[int]) -> None:
    for other in (Other, Lost):
        assert both(seventy, other) == (Verdict("verified", 70, 70, None, None, 0),) * 2
    assert begun == [16, 16]


@pytest.mark.parametrize(("statements", "at", "rule"), CHANGES)
def test_what_is_wrong_in_the_second_half(
    seventy: Path, begun: list[int], statements: list[str], at: int, rule: str
) -> None:
    alone, halved = both(tampered(seventy, *statements))
    assert (halved.failed_at, halved.rule) == (at, rule)
    assert halved == alone


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payload SET ts = ts + 1 WHERE n = {n}",
        "UPDATE leaf SET hash = zeroblob(32) WHERE n = {n}",
        "UPDATE leaf SET subtrees = zeroblob(length(subtrees)) WHERE n = {n}",
        "DELETE FROM leaf WHERE n = {n}",
        "UPDATE payload SET bytes = x'7b7d' WHERE n = {n}",
        "UPDATE checkpoint SET note = x'00' WHERE size = {n} / 10 * 10 + 10",
        "UPDATE payload SET subs = zeroblob(32) WHERE n = {n}",
    ],
)
def test_where_the_halves_meet(seventy: Path, begun: list[int], statement: str) -> None:
    """The other one begins with what is stored at leaf 15: that this is wrong is found on the way there."""
    for n in (15, 16, 17, 3):
        alone, halved = both(tampered(seventy, statement.format(n=n)))
        assert halved == alone
        assert alone.result == "failed"


def test_trees_that_somebody_vouches_for_in_either_half(seventy: Path, begun: list[int]) -> None:
    for size in (0, 7, 16, 17, 70, 71):
        trusted = Checkpoint(ORIGIN, size, bytes(32)).signed(SIGNER)
        alone, halved = both(seventy, trusted=trusted)
        assert halved == alone
        assert halved.result == ("rolled-back" if size > 70 else "forked")


@pytest.mark.parametrize("before", [0, 3, 4, 5, 6, 20])
def test_a_rotation_before_behind_and_at_the_middle(
    tmp_path: Path, begun: list[int], monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    """Of thirteen leaves the other one begins with the sixth; in between lies the note that both keys sign."""
    monkeypatch.setattr(block, "LEAVES", 1)
    with closing(opened(tmp_path)) as journal:
        if before:
            journal.append([entry(n) for n in range(before)])
        rotate(journal, SIGNER, OTHER_SIGNER)
        journal.append([entry(n) for n in range(13 - 3 - min(before, 9))])
    alone, halved = both(tmp_path)
    assert halved == alone
    assert halved.result == "verified"
    assert halved.keys == alone.keys == (SIGNER.vkey, OTHER_SIGNER.vkey)
    assert begun


def test_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HALVED_FROM", 1)
    filled(tmp_path, 2600, per_transaction=64)
    told: list[int] = []
    for statement, failed_at in (("", None), ("UPDATE payload SET ts = ts + 1 WHERE n = 2500", 2500)):
        if statement:
            tampered(tmp_path, statement)
        with JournalReader(tmp_path) as reader:
            verdict = verify(reader, SIGNER.vkey, aside=Aside, progress=lambda done, size: told.append(done))
        assert verdict.failed_at == failed_at
        assert told == [2600], "it did the rest"
        told.clear()
