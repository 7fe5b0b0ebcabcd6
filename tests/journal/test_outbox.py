"""Batches going up, acknowledgements coming down."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cabinet.journal import checkpoint
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.note import COSIGNATURE, Note, Signer, parse
from cabinet.journal.outbox import BATCH_BYTES, BATCH_LEAVES, Outbox
from cabinet.journal.store import Journal
from cabinet.journal.tree import Frontier, leaf_hash
from tests.journal.making import ORIGIN, OTHER_SIGNER, SIGNER, entry
from tests.journal.making import opened as opened_journal

COLLECTOR = Signer("collector.demo/one", b"\7" * 32, COSIGNATURE)
STRANGER = Signer("stranger.example/x", b"\6" * 32, COSIGNATURE)


def opened(folder: Path, transactions: list[int]) -> tuple[Journal, Outbox]:
    """A journal of so many leaves in each transaction."""
    journal = opened_journal(folder)
    for count in transactions:
        journal.append([entry() for _ in range(count)])
    return journal, Outbox(journal, [COLLECTOR.verifier])


def cosigned(note: bytes, *signers: Signer) -> bytes:
    signed = parse(note)
    return Note(
        signed.text, (*signed.signatures, *(one.cosign(signed.text, 1_767_226_320) for one in signers))
    ).encode()


def note_of(journal: Journal, size: int) -> bytes:
    """Our own signed note of an older size."""
    frontier = Frontier()
    for _, data in journal.leaves(0, size):
        assert data is not None
        frontier.push(leaf_hash(data))
    return Checkpoint(ORIGIN, size, frontier.root()).signed(SIGNER)


@settings(max_examples=25, deadline=None)
@given(transactions=st.lists(st.integers(1, 64), min_size=1, max_size=6), data=st.data())
def test_batches_are_whole_transactions_within_the_limits(
    tmp_path_factory: pytest.TempPathFactory, transactions: list[int], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, sum(transactions)))
    journal, outbox = opened(tmp_path_factory.mktemp("outbox"), transactions)
    ends = {sum(transactions[: k + 1]) for k in range(len(transactions))}
    sent = first
    while (batch := outbox.batch(sent)) is not None:
        assert batch.first == sent
        assert 0 < len(batch.leaves) <= BATCH_LEAVES
        assert sum(len(leaf or b"") for _, leaf in batch.leaves) <= BATCH_BYTES
        sent += len(batch.leaves)
        assert sent in ends
        assert checkpoint.read(batch.checkpoint, journal.verifier).size == sent
    assert sent == journal.size
    journal.close()


def test_an_acknowledgement_moves_the_position_and_outlives_the_process(tmp_path: Path) -> None:
    journal, outbox = opened(tmp_path, [3, 2])
    assert outbox.acknowledge(cosigned(journal.checkpoint(), COLLECTOR)).cause is None
    assert outbox.acknowledged == 5
    journal.close()
    again, later = opened(tmp_path, [1])
    assert later.acknowledged == 5
    again.close()


@pytest.mark.parametrize("size", [3, 5])
def test_an_old_one_is_stale(tmp_path: Path, size: int) -> None:
    journal, outbox = opened(tmp_path, [3, 2])
    outbox.acknowledge(cosigned(journal.checkpoint(), COLLECTOR))
    assert outbox.acknowledge(cosigned(note_of(journal, size), COLLECTOR)).cause == "stale"
    assert outbox.acknowledged == 5
    journal.close()


def test_what_does_not_count_moves_nothing(tmp_path: Path) -> None:
    journal, outbox = opened(tmp_path, [3, 2])
    mine = journal.checkpoint()
    foreign = SIGNER.named("cabinet.demo/lobby-02")
    elsewhere = Checkpoint("cabinet.demo/lobby-02", 5, journal.root).signed(foreign)
    forged = Checkpoint(ORIGIN, 5, journal.root).signed(OTHER_SIGNER)
    tampered = cosigned(mine, COLLECTOR).replace(b"\n5\n", b"\n4\n")
    causes = [
        outbox.acknowledge(data).cause
        for data in (
            b"",
            b"{}",
            b"\xff" * 100,
            b"x" * 5000,
            mine + b"x",
            cosigned(elsewhere, COLLECTOR),
            cosigned(forged, COLLECTOR),
            tampered,
            mine,
            cosigned(mine, STRANGER),
        )
    ]
    assert causes == [*["malformed"] * 5, "unknown-origin", "unsigned", "unsigned", "not-cosigned", "not-cosigned"]
    assert outbox.acknowledged == 0
    journal.close()


def test_our_own_key_under_another_tree_is_a_fork(tmp_path: Path) -> None:
    journal, outbox = opened(tmp_path, [3, 2])
    other = cosigned(Checkpoint(ORIGIN, 4, b"\5" * 32).signed(SIGNER), COLLECTOR)
    ruling = outbox.acknowledge(other)
    assert (ruling.cause, ruling.checkpoint and ruling.checkpoint.size) == ("fork", 4)
    assert outbox.acknowledged == 0
    journal.close()


def test_our_own_key_under_a_longer_tree_is_a_rollback(tmp_path: Path) -> None:
    journal, outbox = opened(tmp_path, [3])
    longer = cosigned(Checkpoint(ORIGIN, 9, b"\5" * 32).signed(SIGNER), COLLECTOR)
    assert outbox.acknowledge(longer).cause == "rollback"
    journal.close()


def test_neither_counts_without_the_delivery_key(tmp_path: Path) -> None:
    """Somebody who once got hold of a note of ours must not be able to stop the cabinet with it."""
    journal, outbox = opened(tmp_path, [3])
    longer = Checkpoint(ORIGIN, 9, b"\5" * 32).signed(SIGNER)
    assert outbox.acknowledge(cosigned(longer, STRANGER)).cause == "not-cosigned"
    journal.close()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_changed_byte_counts(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    place, change = data.draw(st.integers(0, 10_000)), data.draw(st.integers(1, 255))
    journal, outbox = opened(tmp_path_factory.mktemp("outbox"), [2])
    ack = bytearray(cosigned(journal.checkpoint(), COLLECTOR))
    ack[place % len(ack)] ^= change
    assert outbox.acknowledge(bytes(ack)).cause is not None
    assert outbox.acknowledged == 0
    journal.close()
