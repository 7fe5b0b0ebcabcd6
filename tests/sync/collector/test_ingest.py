"""Whatever happens to batches on the way, every leaf ends in the database once, in order, under the same root."""

from __future__ import annotations

import json
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cabinet.journal.errors import JournalBusy, JournalDamaged
from sync.collector.intake import STAGED_MAX
from sync.collector.names import Cabinet
from tests.sync.collector.making import (
    CABINET,
    PIN,
    SIGNER,
    Collector,
    Log,
    acked_size,
    journal_log,
    made_log,
    root_of,
)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return journal_log(tmp_path_factory.mktemp("journal"), [1, 1, 5, 12, 3, 1, 30, 7, 1, 1, 20, 2, 9])


def check_whole(collector: Collector, log: Log) -> None:
    stored = collector.leaves()
    assert stored == log.leaves
    assert root_of(log.leaves) == log.root(log.size)
    (ack,) = collector.ingest.acks()
    assert acked_size([ack]) == log.size
    assert ack.note.startswith(log.note(log.size))
    assert collector.ask("SELECT count(*) FROM staged") == [(0,)]
    assert collector.alarms() == []
    assert collector.dropped() == {}


def test_batch_by_batch(collector: Collector, journal: Log) -> None:
    sizes = [0, *journal.sizes]
    for first, end in pairwise(sizes):
        assert acked_size(collector.take(journal.batch(first, end))) == end
    check_whole(collector, journal)


def test_all_in_one_transaction_gives_one_acknowledgement(collector: Collector, journal: Log) -> None:
    sizes = [0, *journal.sizes]
    batches = [journal.batch(first, end) for first, end in pairwise(sizes)]
    assert acked_size(collector.take(*batches)) == journal.size
    check_whole(collector, journal)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_order_duplication_loss_and_rebatching(
    tmp_path_factory: pytest.TempPathFactory, journal: Log, data: st.DataObject
) -> None:
    sizes = [0, *journal.sizes]
    pieces = st.tuples(st.sampled_from(sizes), st.sampled_from(sizes)).map(sorted)
    sent = [(first, end) for first, end in data.draw(st.lists(pieces, max_size=30)) if 0 < end - first <= 60]
    groups = data.draw(st.lists(st.integers(1, 6), min_size=len(sent), max_size=len(sent)))
    collector = Collector(tmp_path_factory.mktemp("upstream"))
    acked = 0
    while sent:
        group, sent = sent[: groups[0]], sent[groups.pop(0) :]
        for ack in collector.take(*(journal.batch(first, end) for first, end in group)):
            size = acked_size([ack])
            assert size >= acked
            acked = size
        stored = collector.leaves()
        assert stored == journal.leaves[: len(stored)]
        assert acked == len(stored)
    # In the end the cabinet sends everything that is not acknowledged, with its own boundaries.
    rest = [size for size in sizes if size >= acked]
    for first, end in pairwise(rest):
        collector.take(journal.batch(first, end))
    check_whole(collector, journal)
    collector.close()


def test_a_gap_is_waited_for_and_then_asked_for(collector: Collector) -> None:
    log = made_log(40)
    collector.take(log.batch(0, 10))
    assert acked_size(collector.take(log.batch(20, 30), log.batch(30, 40))) == 10
    assert collector.ask("SELECT first FROM staged ORDER BY first") == [(20,), (30,)]
    collector.clock.now_s += 4.9
    assert collector.ingest.requests() == []
    collector.clock.now_s += 0.1
    (request,) = collector.ingest.requests()
    assert (request.cabinet, request.origin, request.first) == (CABINET, SIGNER.name, 10)
    assert collector.ingest.requests() == []
    assert acked_size(collector.take(log.batch(10, 20))) == 40
    collector.clock.now_s += 1000
    assert collector.ingest.requests() == []
    check_whole(collector, log)


def test_a_gap_is_known_after_a_restart(tmp_path: Path) -> None:
    log = made_log(40)
    before = Collector(tmp_path)
    before.take(log.batch(20, 30))
    before.close()
    again = Collector(tmp_path)
    again.clock.now_s += 5
    assert [request.first for request in again.ingest.requests()] == [0]
    assert acked_size(again.take(log.batch(0, 20))) == 30
    again.close()


def test_what_waits_behind_a_gap_is_bounded_and_the_nearest_stays(collector: Collector) -> None:
    log = made_log(100)
    far = [log.batch(n, n + 1) for n in range(99, 9, -1)]
    collector.take(*far)
    waiting = [first for (first,) in collector.ask("SELECT first FROM staged ORDER BY first")]
    assert waiting == list(range(10, 10 + STAGED_MAX))
    collector.take(*far[:5])
    assert collector.dropped() == {"crowded": 5}
    assert acked_size(collector.take(log.batch(0, 10))) == 10 + STAGED_MAX
    assert acked_size(collector.take(log.batch(10 + STAGED_MAX, 100))) == 100


def test_the_bytes_that_wait_are_bounded_too(collector: Collector) -> None:
    log = made_log(40)
    for n in range(20, 40):
        collector.take(log.batch(n, n + 1) + b" " * 900_000)
    (size,) = collector.ask("SELECT sum(length(payload)) FROM staged")[0]
    assert isinstance(size, int)
    assert size <= 4_000_000
    assert collector.dropped() == {"crowded": 16}


def test_a_staged_batch_that_lied_falls_when_the_gap_closes(collector: Collector) -> None:
    log, other = made_log(40), made_log(40, tag="other")
    collector.take(other.batch(20, 30), log.batch(20, 30))
    assert acked_size(collector.take(log.batch(0, 20))) == 30
    assert collector.leaves() == log.leaves[:30]
    assert [alarm[1] for alarm in collector.alarms()] in (["wrong-root"], ["fork"])


def test_pruned_leaves_are_held_by_their_hash(collector: Collector) -> None:
    log = made_log(20)
    assert acked_size(collector.take(log.batch(0, 20, pruned=range(5)))) == 20
    assert collector.leaves() == [None] * 5 + log.leaves[5:]
    collector.take(log.batch(0, 20), log.batch(3, 15, pruned=range(3, 15)))
    assert collector.leaves() == [None] * 5 + log.leaves[5:], "what is held is never changed"
    assert collector.alarms() == []


def test_an_erased_payload_does_not_come_back(collector: Collector) -> None:
    log = made_log(20)
    collector.take(log.batch(0, 20))
    collector.ask("UPDATE leaf SET bytes = NULL WHERE n = 7 RETURNING n")
    assert acked_size(collector.take(log.batch(5, 20))) == 20
    assert collector.leaves()[7] is None
    assert collector.alarms() == []


def test_a_resend_of_what_is_held_is_answered_with_the_same_note(collector: Collector) -> None:
    log = made_log(30)
    first = collector.take(log.batch(0, 30))
    assert collector.take(log.batch(0, 10)) == first
    assert collector.take(log.batch(5, 30), log.batch(29, 30)) == first


def test_cabinets_do_not_disturb_each_other(tmp_path: Path) -> None:
    others = [Cabinet("demo", f"gate-{number}") for number in range(3)]
    signers = {cabinet: SIGNER.named(cabinet.origin) for cabinet in (CABINET, *others)}
    collector = Collector(tmp_path / "upstream", pins=())
    logs = {cabinet: made_log(30, signer, tag=cabinet.device) for cabinet, signer in signers.items()}
    for cabinet, log in logs.items():
        collector.hear_session(log.session(), cabinet)
    for first in range(0, 30, 10):
        for cabinet, log in logs.items():
            acks = collector.take(log.batch(first, first + 10), cabinet=cabinet)
            assert [ack.cabinet for ack in acks] == [cabinet]
    for cabinet, log in logs.items():
        assert collector.leaves(cabinet.origin) == log.leaves
    assert {ack.cabinet for ack in collector.ingest.acks()} == set(logs)
    stranger = collector.take(logs[CABINET].batch(0, 10), cabinet=others[0])
    assert stranger == []
    assert collector.dropped() == {"foreign-origin": 1}
    collector.close()


def test_a_new_epoch_begins_beside_the_old_one(collector: Collector) -> None:
    old, new = made_log(30), made_log(10, SIGNER.named(f"{CABINET.origin}/e2"), tag="e2")
    collector.take(old.batch(0, 20))
    (ack,) = collector.take(new.batch(0, 10))
    assert ack.note.startswith(new.note(10))
    assert collector.leaves() == old.leaves[:20]
    assert collector.leaves(f"{CABINET.origin}/e2") == new.leaves
    # They share one retained topic: the old epoch does not push out the new one's acknowledgement.
    assert collector.take(old.batch(20, 30)) == []
    assert [one.note for one in collector.ingest.acks()] == [ack.note]
    assert collector.leaves() == old.leaves


def test_a_gap_of_an_old_epoch_is_not_asked_for(collector: Collector) -> None:
    old, new = made_log(30), made_log(10, SIGNER.named(f"{CABINET.origin}/e2"))
    collector.take(old.batch(10, 20))
    collector.hear_session(new.session())
    collector.take(old.batch(20, 30))
    collector.clock.now_s += 5
    assert [(request.origin, request.first) for request in collector.ingest.requests()] == [(f"{CABINET.origin}/e2", 0)]


def test_junk_is_counted_and_changes_nothing(collector: Collector) -> None:
    log = made_log(30)
    collector.take(log.batch(0, 10))
    good = json.loads(log.batch(10, 20))
    junk = {
        "malformed": b"{}",
        "base64": json.dumps(good | {"leaves": ["?"]}).encode(),
        "limits": json.dumps(good | {"leaves": ["YQ=="] * 101}).encode(),
        "foreign-origin": json.dumps(good | {"origin": "cabinet.demo/lobby-02"}).encode(),
        "wrong-size": json.dumps(good | {"first": 11}).encode(),
        "unsigned": json.dumps(
            good | {"checkpoint": good["checkpoint"].replace("\n20\n", "\n19\n"), "first": 9}
        ).encode(),
        "oversized": b"x" * 1_000_001,
    }
    for payload in junk.values():
        assert collector.take(payload) == []
    collector.take(*junk.values())
    assert collector.dropped() == dict.fromkeys(junk, 2)
    assert collector.leaves() == log.leaves[:10]
    assert collector.alarms() == []
    assert acked_size(collector.take(log.batch(10, 30))) == 30


def test_junk_alone_makes_no_origin(tmp_path: Path) -> None:
    collector = Collector(tmp_path / "upstream", pins=())
    collector.take(made_log(5).batch(0, 5))
    assert collector.dropped() == {"unknown-key": 1}
    assert collector.ask("SELECT count(*) FROM origin") == [(0,)]
    collector.close()


def test_counts_are_written_at_once_and_then_once_a_minute(collector: Collector) -> None:
    collector.take(b"junk")
    collector.ingest.count()
    collector.take(b"junk", b"junk")
    collector.ingest.count()
    assert collector.ask("SELECT count FROM refused") == [(1,)]
    collector.clock.now_s += 60
    collector.ingest.count()
    assert collector.ask("SELECT count FROM refused") == [(3,)]


def test_only_one_collector_writes(collector: Collector) -> None:
    with pytest.raises(JournalBusy, match="collector"):
        Collector(collector.path.parent, pins=(PIN,))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE leaf SET subtrees = zeroblob(32) WHERE n = 29",
        "UPDATE leaf SET subtrees = zeroblob(3) WHERE n = 29",
        "DELETE FROM checkpoint",
        "DELETE FROM leaf",
        "UPDATE checkpoint SET note = x'00'",
    ],
)
def test_a_damaged_database_is_not_continued(tmp_path: Path, damage: str) -> None:
    collector = Collector(tmp_path / "upstream")
    collector.take(made_log(30).batch(0, 30))
    collector.close()
    connection = sqlite3.connect(collector.path)
    for trigger in ("leaf_unchanged", "leaf_kept", "checkpoint_grows"):
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute(damage)
    connection.commit()
    connection.close()
    with pytest.raises(JournalDamaged, match=r"lobby-01.*restore"):
        Collector(tmp_path / "upstream")
