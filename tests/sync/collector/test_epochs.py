"""A later epoch is taken in like any other, linked to the one it goes on from, and an alarm until it is accepted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cabinet.journal import b64
from cabinet.journal.note import Signer, parse
from sync.collector import orphans
from tests.sync.collector.making import CABINET, SIGNER, Collector, Log, acked_size, made_log

OLD = made_log(40)
LATER = f"{CABINET.origin}/e2"


def opened(common: int, reason: str = "restored", *, old: Log = OLD, count: int = 10, **changes: object) -> Log:
    """The second epoch: what its first leaf says, and some leaves behind it."""
    said = {
        "ev": "epoch.opened",
        "n": 0,
        "reason": reason,
        "old_origin": CABINET.origin,
        "old_size": common,
        "old_root": b64.encode(old.root(common)),
    }
    first = json.dumps(said | changes, sort_keys=True, separators=(",", ":")).encode()
    log = made_log(count, SIGNER.named(LATER), tag="second epoch")
    return Log([first, *log.leaves[1:]], log.sizes, log.signer)


@pytest.fixture
def holding(collector: Collector) -> Collector:
    """A collector that holds 20 leaves of the first epoch."""
    assert acked_size(collector.take(OLD.batch(0, 20))) == 20
    return collector


def epoch_alarm(detail: str, evidence: int | None) -> tuple[object, ...]:
    return (LATER, "epoch.opened", detail, evidence)


def alarms(collector: Collector) -> list[tuple[object, ...]]:
    return collector.ask("SELECT origin, kind, detail, evidence FROM alarm ORDER BY origin, kind")


def accept(collector: Collector) -> None:
    collector.ask("UPDATE epoch SET accepted_ms = 1, accepted_by = 'kim', accepted_reason = 'seen' RETURNING 1")


def test_it_goes_on_and_is_acknowledged_with_an_alarm(holding: Collector) -> None:
    later = opened(20)
    (ack,) = holding.take(later.batch(0, 4))
    assert ack.note.startswith(later.note(4))
    (ack,) = holding.take(later.batch(4, 10))
    assert ack.note.startswith(later.note(10)), "the alarm holds up nothing"
    assert alarms(holding) == [epoch_alarm("restored", None)]
    assert holding.leaves(LATER) == later.leaves


def test_the_old_origin_is_not_acknowledged_any_more(holding: Collector) -> None:
    later = opened(20)
    holding.take(later.batch(0, 4))
    (ack,) = holding.take(later.batch(4, 10), OLD.batch(10, 20))
    assert parse(ack.note).text.startswith(f"{LATER}\n10\n")
    assert holding.take(OLD.batch(0, 20)) == []
    assert [one.note[:40] for one in holding.ingest.acks()] == [ack.note[:40]]


def test_leaves_that_come_after_the_epoch_was_opened_still_belong_to_the_old_one(holding: Collector) -> None:
    """They were on the way when the journal was salvaged: the new epoch counts them."""
    holding.take(opened(30, "salvaged").batch(0, 10))
    assert holding.take(OLD.batch(20, 30)) == []
    assert holding.leaves() == OLD.leaves[:30]
    assert alarms(holding) == [epoch_alarm("salvaged", None)]


def test_late_leaves_that_are_not_those_it_counts(holding: Collector) -> None:
    grafted = Log(OLD.leaves[:20] + made_log(40, tag="other").leaves[20:], OLD.sizes)
    holding.take(opened(30, "salvaged", old=grafted).batch(0, 10))
    holding.take(OLD.batch(20, 30))
    assert alarms(holding) == [(LATER, "epoch.differs", "", 1), epoch_alarm("salvaged", None)]


def test_a_backup_older_than_what_is_held(holding: Collector) -> None:
    """What lies above stays, is evidence, and the new epoch goes on."""
    later = opened(15)
    (ack,) = holding.take(later.batch(0, 10))
    assert ack.note.startswith(later.note(10))
    assert holding.leaves() == OLD.leaves[:20]
    assert alarms(holding) == [epoch_alarm("restored", 1)]
    [(kind, n, ours, theirs)] = holding.ask("SELECT kind, n, ours, theirs FROM evidence")
    assert (kind, n, ours, theirs) == ("epoch", 15, OLD.note(20), later.note(10))


def test_another_tree_than_the_one_that_is_held(holding: Collector) -> None:
    later = opened(15, old=made_log(40, tag="other"))
    holding.take(later.batch(0, 10))
    assert alarms(holding) == [(LATER, "epoch.differs", "", 1), epoch_alarm("restored", 1)]
    assert holding.leaves(LATER) == later.leaves, "it is ingested all the same"


@pytest.mark.parametrize(
    "changes",
    [
        {"ev": "cabinet.started"},
        {"old_origin": "cabinet.demo/another"},
        {"old_origin": LATER},
        {"old_size": -1},
        {"old_size": True},
        {"old_root": "AAAA"},
        {"old_root": "no base64"},
        {"old_root": None},
    ],
)
def test_a_first_leaf_that_links_nothing(holding: Collector, changes: dict[str, object]) -> None:
    later = opened(20, **changes)
    (ack,) = holding.take(later.batch(0, 10))
    assert ack.note.startswith(later.note(10))
    assert alarms(holding) == [epoch_alarm("unlinked", None)]


def test_a_first_leaf_that_was_pruned_links_nothing(holding: Collector) -> None:
    holding.take(opened(20).batch(0, 10, pruned=[0]))
    assert alarms(holding) == [epoch_alarm("unlinked", None)]


def test_who_goes_on_with_what_the_cabinet_has_given_up(holding: Collector) -> None:
    """A copy of its key and journal, elsewhere."""
    holding.take(opened(20, "fork").batch(0, 10))
    assert holding.take(OLD.batch(15, 30)) == []
    assert holding.leaves() == OLD.leaves[:20]
    assert alarms(holding) == [(CABINET.origin, "ended", "", 1), epoch_alarm("fork", None)]


def test_the_same_while_it_waits_behind_a_gap(holding: Collector) -> None:
    holding.take(OLD.batch(25, 30))
    holding.take(opened(23, "fork").batch(0, 10), OLD.batch(20, 23))
    holding.take(OLD.batch(23, 25))
    assert holding.leaves() == OLD.leaves[:23]
    assert {kind for _, kind, *_ in alarms(holding)} == {"ended", "epoch.opened"}


def test_what_is_known_of_epochs_outlives_a_restart(tmp_path: Path) -> None:
    before = Collector(tmp_path)
    before.take(OLD.batch(0, 20), opened(20, "fork").batch(0, 10))
    before.close()
    again = Collector(tmp_path)
    assert again.take(OLD.batch(20, 30)) == []
    assert again.leaves() == OLD.leaves[:20]
    again.close()


# -- orphans ---------------------------------------------------------------------------------------------------------


def kept(collector: Collector) -> list[tuple[object, ...]]:
    return collector.ask("SELECT n, bytes FROM orphan ORDER BY n, hash")


def test_orphans_are_kept_by_index_and_hash_and_never_mixed_in(holding: Collector) -> None:
    other = Log(OLD.leaves[:15] + made_log(40, tag="other").leaves[15:], OLD.sizes)
    assert holding.take(other.batch(15, 30, orphan=True), other.batch(15, 30, orphan=True)) == []
    holding.take(other.batch(20, 32, orphan=True))
    third = Log(OLD.leaves[:15] + made_log(40, tag="third").leaves[15:], OLD.sizes)
    holding.take(third.batch(15, 16, orphan=True))
    both = sorted([(15, other.leaves[15]), (15, third.leaves[15])], key=str)
    found = kept(holding)
    assert sorted(found[:2], key=str) == both
    assert found[2:] == list(enumerate(other.leaves[16:32], 16))
    assert [n for (n,) in holding.ask("SELECT size FROM orphan_note ORDER BY size")] == [16, 30, 32]
    assert holding.leaves() == OLD.leaves[:20]
    assert alarms(holding) == []
    assert acked_size(holding.ingest.acks()) == 20


def test_orphans_that_would_continue_the_tree_do_not(holding: Collector) -> None:
    assert holding.take(OLD.batch(20, 30, orphan=True)) == []
    assert holding.leaves() == OLD.leaves[:20]
    assert acked_size(holding.take(OLD.batch(20, 30))) == 30


def test_orphans_without_the_cabinets_signature(holding: Collector) -> None:
    forger = Log(OLD.leaves, [], Signer(CABINET.origin, bytes(range(2, 34))))
    holding.take(forger.batch(20, 30, orphan=True))
    assert kept(holding) == []
    assert holding.dropped() == {"unsigned": 1}


def test_orphans_are_bounded(holding: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "BYTES_MAX", 150)
    holding.take(OLD.batch(20, 30, orphan=True), OLD.batch(30, 40, orphan=True))
    assert [n for n, _ in kept(holding)] == list(range(20, 30))
    assert holding.dropped() == {"full": 1}


# -- acceptance ------------------------------------------------------------------------------------------------------


def test_an_accepted_epoch_is_told(holding: Collector) -> None:
    holding.take(opened(20).batch(0, 10))
    assert holding.ingest.accepted() == []
    accept(holding)
    (found,) = holding.ingest.accepted()
    assert (found.cabinet, found.origin) == (CABINET, LATER)
