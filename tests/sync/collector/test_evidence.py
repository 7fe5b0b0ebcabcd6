"""What contradicts a tree is kept aside with both notes, raises an alarm, and moves nothing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from cabinet.journal import b64
from cabinet.journal.note import Signer
from sync.collector import aside
from tests.sync.collector.making import CABINET, SIGNER, Collector, Log, acked_size, made_log

LOG = made_log(40)


def grafted(common: int, count: int) -> Log:
    """A second life of the cabinet: it has `common` leaves with the first one, and others from there on."""
    other = made_log(count, tag="second life")
    return Log(LOG.leaves[:common] + other.leaves[common:], other.sizes)


def evidence(collector: Collector) -> list[tuple[object, ...]]:
    """Kind, index, our note, theirs, and what came."""
    return collector.ask("SELECT kind, n, ours, theirs, payload FROM evidence ORDER BY id")


@pytest.fixture
def holding(tmp_path: Path) -> Collector:
    """A collector that holds 20 leaves."""
    collector = Collector(tmp_path / "upstream")
    assert acked_size(collector.take(LOG.batch(0, 20))) == 20
    return collector


def check_unmoved(collector: Collector) -> None:
    assert collector.leaves() == LOG.leaves[:20]
    assert acked_size(collector.ingest.acks()) == 20
    assert acked_size(collector.take(LOG.batch(20, 30))) == 30, "the true tree goes on"
    collector.close()


def test_a_leaf_that_was_changed_on_the_way(holding: Collector) -> None:
    payload = json.loads(LOG.batch(10, 20))
    payload["leaves"][3] = b64.encode(b"changed")
    sent = json.dumps(payload).encode()
    assert acked_size(holding.take(sent)) == 20
    assert evidence(holding) == [("tamper", 13, LOG.note(20), LOG.note(20), sent)]
    assert holding.alarms() == [(CABINET.origin, "tamper", 13, 1)]
    check_unmoved(holding)


def test_a_changed_leaf_in_a_batch_that_goes_on(holding: Collector) -> None:
    payload = json.loads(LOG.batch(15, 30))
    payload["leaves"][0] = b64.encode(b"changed")
    sent = json.dumps(payload).encode()
    holding.take(sent)
    assert evidence(holding) == [("tamper", 15, LOG.note(20), LOG.note(30), sent)]
    check_unmoved(holding)


def test_a_second_tree_of_the_same_size(holding: Collector) -> None:
    other = grafted(10, 20)
    holding.take(other.batch(5, 20))
    assert evidence(holding) == [("fork", 10, LOG.note(20), other.note(20), other.batch(5, 20))]
    assert holding.alarms() == [(CABINET.origin, "fork", 10, 1)]
    check_unmoved(holding)


def test_a_second_tree_that_is_longer(holding: Collector) -> None:
    other = grafted(10, 30)
    holding.take(other.batch(5, 30))
    assert evidence(holding) == [("fork", 10, LOG.note(20), other.note(30), other.batch(5, 30))]
    check_unmoved(holding)


def test_a_cabinet_that_was_set_back_and_went_on(holding: Collector) -> None:
    other = grafted(10, 15)
    holding.take(other.batch(8, 15))
    assert evidence(holding) == [("rollback", 10, LOG.note(20), other.note(15), other.batch(8, 15))]
    assert holding.alarms() == [(CABINET.origin, "rollback", 10, 1)]
    check_unmoved(holding)


def test_a_checkpoint_alone_betrays_a_second_tree(holding: Collector) -> None:
    """The leaves that are sent are the same; what was signed over them is not."""
    other = grafted(10, 15)
    sent = LOG.batch(12, 15, checkpoint=other.note(15).decode())
    holding.take(sent)
    assert evidence(holding) == [("rollback", 15, LOG.note(20), other.note(15), sent)]
    check_unmoved(holding)


def test_leaves_that_do_not_lead_to_the_signed_root(holding: Collector) -> None:
    other = grafted(25, 30)
    sent = LOG.batch(20, 30, checkpoint=other.note(30).decode())
    holding.take(sent)
    assert evidence(holding) == [("wrong-root", 20, LOG.note(20), other.note(30), sent)]
    assert holding.alarms() == [(CABINET.origin, "wrong-root", 20, 1)]
    assert holding.dropped() == {"wrong-root": 1}
    check_unmoved(holding)


def test_without_the_cabinets_signature_nothing_is_evidence(holding: Collector) -> None:
    forger = Signer(CABINET.origin, bytes(range(2, 34)))
    other = Log(grafted(10, 30).leaves, [], forger)
    holding.take(other.batch(5, 20), other.batch(5, 30), other.batch(20, 30))
    assert evidence(holding) == []
    assert holding.alarms() == []
    assert holding.dropped() == {"unsigned": 3}
    check_unmoved(holding)


def test_the_same_again_is_counted_and_kept_once(holding: Collector) -> None:
    other = grafted(10, 20)
    for _ in range(5):
        holding.take(other.batch(5, 20))
    assert len(evidence(holding)) == 1
    assert holding.alarms() == [(CABINET.origin, "fork", 10, 5)]
    check_unmoved(holding)


def test_evidence_is_bounded(holding: Collector, mocker: MockerFixture) -> None:
    mocker.patch.object(aside, "BYTES_MAX", 5000)
    for count in range(11, 20):
        holding.take(grafted(10, count).batch(5, count))
    kept = sum(len(str(theirs)) for _, _, _, theirs, _ in evidence(holding))
    assert 0 < len(evidence(holding)) < 9
    assert kept < 5000
    assert holding.dropped() == {"full": 9 - len(evidence(holding))}
    assert holding.alarms() == [(CABINET.origin, "rollback", 10, 9)]
    check_unmoved(holding)


def test_evidence_is_immutable(holding: Collector) -> None:
    holding.take(grafted(10, 20).batch(5, 20))
    holding.close()
    connection = sqlite3.connect(holding.path)
    for statement in (
        "UPDATE evidence SET n = 0",
        "UPDATE evidence SET payload = payload || x'00'",
        "UPDATE leaf SET bytes = x'00'",
        "UPDATE leaf SET hash = zeroblob(32)",
        "DELETE FROM leaf",
        "UPDATE ack SET size = size",
        "DELETE FROM ack",
        "UPDATE checkpoint SET size = size - 1",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    connection.close()


def test_a_second_cabinet_is_not_touched_by_it(holding: Collector) -> None:
    holding.take(grafted(10, 20).batch(5, 20))
    later = SIGNER.named(f"{CABINET.origin}/e2")
    (ack,) = holding.take(made_log(5, later).batch(0, 5))
    assert ack.note.startswith(made_log(5, later).note(5))
    holding.close()
