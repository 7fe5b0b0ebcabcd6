"""What is pruned is gone: from the answers, from the file, from its log; and all that is left still adds up."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from cabinet.journal.errors import JournalUnwritable, LeafRefused
from cabinet.journal.export import export, verify_export
from cabinet.journal.leaf import Entry
from cabinet.journal.outbox import Outbox
from cabinet.journal.reader import JournalReader
from cabinet.journal.receipt import receipt
from cabinet.journal.store import Journal
from cabinet.journal.verify import verify
from tests.journal.making import HOLDER, SIGNER, entry, filled, opened
from tests.journal.test_outbox import COLLECTOR, cosigned

GONE = [3, 4, 5, 9, 40, 41, 60]
RANGES: list[list[int]] = [[3, 6], [9, 10], [40, 42], [60, 61]]


def destroyed(ranges: object, number: int = 0) -> Entry:
    return entry(number, ev="payload.destroyed", person=None, ranges=ranges)  # type: ignore[arg-type]


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """70 leaves, all of them acknowledged."""
    filled(tmp_path, 70, per_transaction=10)
    journal = opened(tmp_path)
    assert Outbox(journal, [COLLECTOR.verifier]).acknowledge(cosigned(journal.checkpoint(), COLLECTOR)).cause is None
    journal.close()
    return tmp_path


def pruned(folder: Path) -> Journal:
    journal = opened(folder)
    journal.append([destroyed(RANGES)])
    return journal


def test_what_the_leaf_names_goes_with_it(held: Path) -> None:
    journal = pruned(held)
    assert [n for n, data in journal.leaves(0, 71) if data is None] == GONE
    journal.close()
    with JournalReader(held) as reader:
        assert {n for n, _ in reader.find(subject=HOLDER)} == set(range(70)) - set(GONE)
        verdict = verify(reader, SIGNER.vkey)
        assert (verdict.result, verdict.size, verdict.pruned) == ("verified", 71, len(GONE))


def test_nothing_of_it_is_left_in_any_file(held: Path) -> None:
    with JournalReader(held) as reader:
        salts = {leaf.n: json.loads(leaf.data or b"")["salt"].encode() for leaf in reader.leaves()}
    journal = opened(held)
    journal.append([entry(n) for n in range(70, 80)])
    assert all(salts[n] in _files(held) for n in GONE)
    journal.append([destroyed(RANGES)])
    assert journal.wipe()
    assert (held / "journal-1.db-wal").stat().st_size == 0
    assert [n for n, salt in salts.items() if salt not in _files(held)] == GONE
    journal.close()


def _files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("journal-1.db*")))


def test_the_log_is_emptied_later_when_somebody_reads(held: Path) -> None:
    journal = opened(held)
    journal.append([entry(70)])
    reading = sqlite3.connect(held / "journal-1.db", isolation_level=None)
    reading.execute("BEGIN")
    assert reading.execute("SELECT count(*) FROM payload").fetchone() == (71,)
    journal.append([destroyed(RANGES)])
    assert not journal.wipe()
    reading.close()
    assert journal.wipe()
    journal.append([entry(71)])
    journal.close()


def test_what_upstream_does_not_hold_stays(held: Path) -> None:
    journal = opened(held)
    journal.append([entry(70)])
    with pytest.raises(JournalUnwritable, match="only acknowledged payloads"):
        journal.append([destroyed([[69, 71]])])
    assert [n for n, data in journal.leaves(0, 80) if data is None] == []
    assert journal.size == 71
    journal.close()


@pytest.mark.parametrize("ranges", [3, [3], [[3]], [[3, 3]], [[5, 4]], [[3, 6], [5, 7]], [["3", "4"]], [[-1, 2]]])
def test_ranges_that_are_none_are_refused(held: Path, ranges: object) -> None:
    journal = opened(held)
    with pytest.raises(LeafRefused):
        journal.append([destroyed(ranges)])
    assert journal.size == 70
    journal.close()


def test_other_kinds_prune_nothing(held: Path) -> None:
    journal = opened(held)
    journal.append([entry(70, ranges=[[0, 70]])])
    assert all(data is not None for _, data in journal.leaves(0, 80))
    journal.close()


def test_hashes_are_sent_and_exported_and_no_receipt_is_given(held: Path, tmp_path: Path) -> None:
    journal = pruned(held)
    batch = Outbox(journal, [COLLECTOR.verifier]).batch(0)
    assert batch is not None
    assert [n for n, (_, data) in enumerate(batch.leaves) if data is None] == GONE
    journal.close()
    with JournalReader(held) as reader:
        export(reader, tmp_path / "out", [SIGNER.vkey])
        with pytest.raises(ValueError, match="40 was pruned"):
            receipt(reader, 40, [SIGNER.vkey])
    assert verify_export(tmp_path / "out").pruned == len(GONE)
    lines = [json.loads(line) for line in (tmp_path / "out" / "leaves.jsonl").read_text().splitlines()]
    assert [one["index"] for one in lines if "leaf_hash" in one] == GONE


def test_pages_that_became_free_are_used_again(held: Path) -> None:
    journal = opened(held)
    journal.append([destroyed([[0, 70]])])
    journal.wipe()
    size = (held / "journal-1.db").stat().st_size
    for n in range(71, 101):
        journal.append([entry(n)])
    journal.wipe()
    assert (held / "journal-1.db").stat().st_size == size
    journal.close()
