"""What is left to send of epochs that have ended: what upstream may join, and orphans."""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest

from cabinet.journal import b64, checkpoint, note
from cabinet.journal.leaf import Entry, Value
from cabinet.journal.note import COSIGNATURE, Note, Signer
from cabinet.journal.opening import open_epoch
from cabinet.journal.outbox import Outbox
from cabinet.journal.receipt import compose
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.journal.store import Journal
from cabinet.journal.tails import Tail, tails
from cabinet.journal.tree import Frontier, inclusion, leaf_hash
from tests.journal.making import DEVICE, filled
from tests.journal.making import entry as made

ORIGIN = "cabinet.demo/lobby-01"
SIGNER = Signer(ORIGIN, bytes(range(32)))
DELIVERY = Signer("collector.demo/one", bytes(range(1, 33)), COSIGNATURE)
SIZES = [1, 20, 50, 51, 130]
"""Of the first epoch, after each of its transactions."""


def entry(ev: str = "item.removed", **fields: Value) -> Entry:
    return Entry(ev, 1_767_225_600_000, "ntp", 1, "1f0c9a2e", "A" * 22 + "==", fields)


def opened(folder: Path) -> Journal:
    return Journal.open(folder, ORIGIN, "lobby-01", SIGNER)


def ended(folder: Path, *, acked: int, common: int) -> None:
    """A first epoch of 130 leaves, of which upstream has confirmed some, and a second that goes on from `common`."""
    journal = opened(folder)
    for start, end in pairwise([0, *SIZES]):
        while journal.size < end:
            journal.append([entry() for _ in range(min(64, end - start, end - journal.size))])
    if acked:
        confirm(journal, acked)
    journal.close()
    go_on(folder, 2, ORIGIN, common)


def confirm(journal: Journal, size: int) -> None:
    (found,) = [one for end, one in journal.ask(lambda file: file.checkpoints_above(0, 99)) if end == size]
    signed = note.parse(found)
    cosigned = Note(signed.text, (*signed.signatures, DELIVERY.cosign(signed.text, 1)))
    assert Outbox(journal, [DELIVERY.verifier]).acknowledge(cosigned.encode()).cause is None


def go_on(folder: Path, number: int, old: str, size: int) -> None:
    claim = SqliteFolder(folder).claim()
    fields: dict[str, Value] = {
        "old_origin": old,
        "old_size": size,
        "old_root": b64.encode(bytes(32)),
        "reason": "fork",
    }
    first = entry("epoch.opened", **fields)
    open_epoch(SqliteFolder(folder), number, "lobby-01", SIGNER.named(f"{ORIGIN}/e{number}"), [first, entry()], {})
    claim.release()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def tails_of(folder: Path) -> tuple[Journal, Outbox, list[Tail]]:
    journal = opened(folder)
    outbox = Outbox(journal, [DELIVERY.verifier])
    return journal, outbox, outbox.tails()


@pytest.mark.parametrize(
    ("acked", "common", "first"),
    [(50, 50, 50), (51, 20, 20), (20, 130, 20), (0, 0, 0)],
    ids=["fork", "fork below what was confirmed", "salvaged", "nothing ever confirmed"],
)
def test_from_what_both_hold_to_the_end(folder: Path, acked: int, common: int, first: int) -> None:
    ended(folder, acked=acked, common=common)
    journal, outbox, found = tails_of(folder)
    assert found == [Tail(ORIGIN, 1, first, common, 130)]
    sizes, leaves = [first], 0
    while (batch := outbox.tail_batch(found[0], sizes[-1])) is not None:
        sealed = checkpoint.read(batch.checkpoint, SIGNER.verifier)
        assert sealed.size == sizes[-1] + len(batch.leaves)
        sizes.append(sealed.size)
        leaves += len(batch.leaves)
    assert (sizes[-1], leaves) == (130, 130 - first)
    assert not any(start < common < end for start, end in pairwise(sizes)), "no batch is both"
    journal.close()


def test_nothing_is_left_of_an_epoch_that_upstream_holds(folder: Path) -> None:
    ended(folder, acked=130, common=130)
    journal, _, found = tails_of(folder)
    assert found == []
    journal.close()


def test_the_first_epoch_has_none_before_it(folder: Path) -> None:
    journal = opened(folder)
    journal.append([entry()])
    assert Outbox(journal, []).tails() == []
    journal.close()


def test_several_epochs_newest_first_also_where_a_number_was_left_out(folder: Path) -> None:
    ended(folder, acked=50, common=50)
    go_on(folder, 4, f"{ORIGIN}/e2", 2)
    journal, outbox, found = tails_of(folder)
    assert found == [Tail(f"{ORIGIN}/e2", 2, 0, 2, 2), Tail(ORIGIN, 1, 50, 50, 130)]
    batch = outbox.tail_batch(found[0], 0)
    assert batch is not None
    assert len(batch.leaves) == 2
    journal.close()


def test_an_old_file_that_is_gone_or_broken_holds_nothing_up(folder: Path) -> None:
    ended(folder, acked=50, common=50)
    old = folder / "journal-1.db"
    whole = old.read_bytes()
    old.write_bytes(b"no database" * 1000)
    journal, _, found = tails_of(folder)
    assert found == []
    journal.close()
    old.unlink()
    journal, _, found = tails_of(folder)
    assert found == []
    assert not old.exists()
    journal.close()
    old.write_bytes(whole)
    journal, _, found = tails_of(folder)
    assert len(found) == 1
    journal.close()


def test_reading_it_changes_nothing(folder: Path) -> None:
    ended(folder, acked=50, common=50)
    journal, outbox, found = tails_of(folder)
    before = _rows(folder)
    outbox.tail_batch(found[0], 50)
    assert _rows(folder) == before
    journal.close()


# -- what was in an epoch whose end is lost -------------------------------------------------------------------------


def receipt(signer: Signer = SIGNER, cosigner: Signer | None = DELIVERY, leaves: int = 5, n: int = 3) -> bytes:
    """For a leaf of another life of the first epoch."""
    data = [b'{"ev":"person.erased","n":%d}' % k for k in range(leaves)]
    hashes = [leaf_hash(one) for one in data]

    def node(level: int, index: int) -> bytes:
        return _frontier(hashes[index << level : (index + 1) << level]).root()

    text = checkpoint.Checkpoint(ORIGIN, leaves, _frontier(hashes).root()).text()
    lines = [signer.sign(text), *([] if cosigner is None else [cosigner.cosign(text, 1)])]
    return compose(n, data[n], inclusion(n, leaves, node), Note(text, tuple(lines)).encode())


def test_a_leaf_that_we_signed_and_upstream_cosigned_is_ours(folder: Path) -> None:
    ended(folder, acked=50, common=50)
    journal, outbox, _ = tails_of(folder)
    assert outbox.proven(receipt()) == b'{"ev":"person.erased","n":3}'
    journal.close()


def test_anything_else_is_not(folder: Path) -> None:
    ended(folder, acked=50, common=50)
    journal, outbox, _ = tails_of(folder)
    stranger = Signer(ORIGIN, bytes(range(5, 37)))
    other = Signer("collector.demo/two", bytes(range(6, 38)), COSIGNATURE)
    good = receipt()
    for bad in (receipt(stranger), receipt(cosigner=None), receipt(cosigner=other), good[:-3], good[9:], b"", b"\xff"):
        assert outbox.proven(bad) is None
    assert outbox.proven(good.replace(b"index 3", b"index 2")) is None
    journal.close()


def test_of_the_present_epoch_nobody_has_to_tell_us(folder: Path) -> None:
    journal = opened(folder)
    assert Outbox(journal, [DELIVERY.verifier]).proven(receipt()) is None
    journal.close()


def _frontier(hashes: list[bytes]) -> Frontier:
    frontier = Frontier()
    for one in hashes:
        frontier.push(one)
    return frontier


def _rows(folder: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / "journal-1.db")
    found = [
        row for table in ("leaf", "checkpoint", "ack", "state") for row in connection.execute(f"SELECT * FROM {table}")
    ]
    connection.close()
    return found


def test_what_does_not_verify_is_not_sent(tmp_path: Path) -> None:
    """Of a salvaged epoch only what its successor calls good."""
    filled(tmp_path, 6)
    named = SIGNER.named(f"{ORIGIN}/e2")
    fields: dict[str, Value] = {"epoch": 2, "old_origin": ORIGIN, "old_size": 4, "old_root": "", "parts": 0}
    for reason, sizes in (("salvaged", [4]), ("fork", [6])):
        first = made(0, ev="epoch.opened", person=None, reason=reason, **fields)
        open_epoch(SqliteFolder(tmp_path), 2, DEVICE, named, [first], {})
        journal = opened(tmp_path)
        assert [tail.size for tail in tails(journal)] == sizes
        journal.close()
        (tmp_path / "journal-2.db").unlink()
