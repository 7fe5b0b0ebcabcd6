"""Whose signature counts: the configured key, or the first one that was announced, and what follows from them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cabinet.journal.note import ED25519, Note, Signer
from sync.collector.ingest import Arrived, Pin
from sync.collector.key import KeyFileError, open_or_create
from sync.collector.names import Cabinet
from tests.sync.collector.making import CABINET, COSIGNER, SIGNER, Collector, Log, acked_size, made_log

LOG = made_log(30)
OTHER = Signer(CABINET.origin, bytes(range(5, 37)))


def pins(collector: Collector) -> list[tuple[object, ...]]:
    return collector.ask("SELECT public, source FROM pin ORDER BY id")


@pytest.fixture
def open_minded(tmp_path: Path) -> Collector:
    """A collector without configured keys."""
    return Collector(tmp_path / "upstream", pins=())


def test_the_first_announced_key_is_recorded_and_kept(open_minded: Collector) -> None:
    assert open_minded.take(LOG.batch(0, 10)) == []
    open_minded.hear_session(LOG.session())
    assert pins(open_minded) == [(SIGNER.verifier.public, "first-use")]
    assert acked_size(open_minded.take(LOG.batch(0, 10))) == 10
    open_minded.hear_session(LOG.session(vkey=OTHER.vkey))
    for epoch in range(2, 5):
        later = OTHER.named(f"{CABINET.origin}/e{epoch}")
        open_minded.hear_session(made_log(0, later).session())
    assert pins(open_minded) == [(SIGNER.verifier.public, "first-use")]
    # The first of them may be behind a rotation that has not come yet.
    assert open_minded.alarms() == [(CABINET.origin, "other-key", 0, 3)]
    assert open_minded.dropped() == {"unknown-key": 1, "other-key": 4}
    open_minded.close()


def test_session_and_batch_in_one_transaction(open_minded: Collector) -> None:
    arrived = [Arrived(CABINET, "session", LOG.session()), Arrived(CABINET, "journal", LOG.batch(0, 10))]
    assert acked_size(open_minded.ingest.take(arrived, may_sign=True)) == 10
    open_minded.close()


def test_a_configured_key_comes_before_any_announcement(collector: Collector) -> None:
    collector.hear_session(LOG.session(vkey=OTHER.vkey))
    assert pins(collector) == [(SIGNER.verifier.public, "configuration")]
    assert collector.take(Log(LOG.leaves, [], OTHER).batch(0, 10)) == []
    assert acked_size(collector.take(LOG.batch(0, 10))) == 10
    assert collector.dropped() == {"other-key": 1, "unsigned": 1}


def test_the_configuration_overrules_the_first_use(tmp_path: Path) -> None:
    before = Collector(tmp_path, pins=())
    before.hear_session(LOG.session())
    before.hear_session(LOG.session(vkey=OTHER.vkey))
    before.close()
    for _ in range(2):
        after = Collector(tmp_path, pins=[Pin(CABINET, OTHER.verifier.public)])
        assert pins(after) == [(SIGNER.verifier.public, "first-use"), (OTHER.verifier.public, "configuration")]
        assert after.alarms() == []
        after.close()


def test_a_later_epoch_has_the_same_key_under_its_own_name(collector: Collector) -> None:
    later = SIGNER.named(f"{CABINET.origin}/e2")
    log = made_log(10, later)
    collector.hear_session(log.session())
    assert collector.alarms() == []
    (ack,) = collector.take(log.batch(0, 10))
    assert ack.note.startswith(log.note(10))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"vkey": "x"}, "malformed"),
        ({"vkey": None}, "malformed"),
        ({"vkey": COSIGNER.vkey}, "malformed"),
        ({"vkey": SIGNER.named("cabinet.demo/lobby-02").vkey}, "malformed"),
        ({"origin": "cabinet.demo/lobby-02"}, "foreign-origin"),
        ({"head": -1}, "malformed"),
        ({"head": "1"}, "malformed"),
    ],
)
def test_a_session_that_is_none(open_minded: Collector, changes: dict[str, object], cause: str) -> None:
    open_minded.hear_session(LOG.session(**changes))
    assert pins(open_minded) == []
    assert open_minded.dropped() == {cause: 1}
    open_minded.close()


def rotated(old: Log, new: Signer, **leaf: object) -> tuple[bytes, Log]:
    """The batch of a rotation, signed by both keys, and the log as the new key goes on with it."""
    rotation = {"ev": "signer.rotated", "old": old.signer.vkey, "vkey": new.vkey} | leaf
    last = json.dumps(rotation, separators=(",", ":")).encode()
    log = Log([*old.leaves[:10], last, *old.leaves[11:]], [], old.signer)
    text = log.note(11).decode().rpartition("\n\n")[0] + "\n"
    both = Note(text, (old.signer.sign(text), new.sign(text))).encode().decode()
    return log.batch(10, 11, checkpoint=both), replace(log, signer=new)


def test_a_rotated_key_takes_over(collector: Collector) -> None:
    batch, log = rotated(LOG, OTHER)
    collector.take(LOG.batch(0, 10))
    (ack,) = collector.take(batch)
    assert ack.note.startswith(json.loads(batch)["checkpoint"].encode())
    assert pins(collector) == [(SIGNER.verifier.public, "configuration"), (OTHER.verifier.public, "rotated")]
    (ack,) = collector.take(log.batch(11, 20))
    assert ack.note.startswith(log.note(20))
    assert collector.take(replace(log, signer=SIGNER).batch(20, 30)) == []
    assert collector.dropped() == {"unsigned": 1}


def test_what_was_signed_before_a_rotation_may_come_again(collector: Collector) -> None:
    batch, log = rotated(LOG, OTHER)
    collector.take(LOG.batch(0, 10), batch)
    for again in (LOG.batch(0, 10), LOG.batch(5, 10), batch):
        collector.take(again)
    assert (collector.dropped(), collector.alarms()) == ({}, [])
    (ack,) = collector.take(log.batch(11, 20))
    assert ack.note.startswith(log.note(20))


def test_a_session_tells_of_the_new_key_before_its_leaves_do(collector: Collector) -> None:
    batch, log = rotated(LOG, OTHER)
    collector.take(LOG.batch(0, 10))
    collector.hear_session(log.session())
    assert collector.alarms() == []
    collector.take(batch, log.batch(11, 20))
    (ack,) = collector.take(log.batch(20, 30))
    assert ack.note.startswith(log.note(30))


def test_the_rotation_is_kept_with_both_signatures(collector: Collector) -> None:
    batch, log = rotated(LOG, OTHER)
    collector.take(LOG.batch(0, 10))
    (ack,) = collector.take(batch)
    both = json.loads(batch)["checkpoint"].encode()
    assert ack.note.startswith(both)
    assert collector.ask("SELECT n, note FROM rotation") == [(10, both)]
    (ack,) = collector.take(log.batch(11, 20))
    assert ack.note.startswith(log.note(20))


def test_nobody_rotates_back_to_a_key_that_signed_before(collector: Collector) -> None:
    batch, log = rotated(LOG, OTHER)
    collector.take(LOG.batch(0, 10), batch, log.batch(11, 20))
    leaf = json.dumps({"ev": "signer.rotated", "old": OTHER.vkey, "vkey": SIGNER.vkey}, separators=(",", ":")).encode()
    back = Log([*log.leaves[:20], leaf], [], OTHER)
    text = back.note(21).decode().rpartition("\n\n")[0] + "\n"
    both = Note(text, (OTHER.sign(text), SIGNER.sign(text))).encode().decode()
    collector.take(back.batch(20, 21, checkpoint=both))
    assert [public for public, _ in pins(collector)] == [SIGNER.verifier.public, OTHER.verifier.public]
    assert collector.alarms() == [(CABINET.origin, "rotation", 20, 1)]


def test_a_rotated_key_survives_a_restart_with_the_old_configuration(tmp_path: Path) -> None:
    before = Collector(tmp_path)
    batch, log = rotated(LOG, OTHER)
    before.take(LOG.batch(0, 10), batch)
    before.close()
    after = Collector(tmp_path)
    (ack,) = after.take(log.batch(11, 20))
    assert ack.note.startswith(log.note(20))
    after.close()


def test_a_rotation_that_the_new_key_did_not_sign(collector: Collector) -> None:
    _, log = rotated(LOG, OTHER)
    collector.take(LOG.batch(0, 10), replace(log, signer=SIGNER).batch(10, 11))
    assert pins(collector) == [(SIGNER.verifier.public, "configuration")]
    assert collector.leaves() == log.leaves[:11]


def test_a_rotation_to_the_key_of_another_cabinet(collector: Collector) -> None:
    batch, _ = rotated(LOG, OTHER.named("cabinet.demo/lobby-02"))
    collector.take(LOG.batch(0, 10), batch)
    assert pins(collector) == [(SIGNER.verifier.public, "configuration")]


def test_first_uses_are_bounded(open_minded: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.collector.pins.CABINETS_MAX", 2)
    for number in range(4):
        cabinet = Cabinet("demo", f"gate-{number}")
        open_minded.hear_session(made_log(0, SIGNER.named(cabinet.origin)).session(), cabinet)
    assert open_minded.ask("SELECT device FROM pin") == [("gate-0",), ("gate-1",)]
    assert open_minded.dropped() == {"crowded": 2}
    assert open_minded.alarms() == []
    open_minded.close()


def test_a_leaf_that_only_looks_like_a_rotation(collector: Collector) -> None:
    batch, _ = rotated(LOG, OTHER, vkey="nonsense")
    collector.take(LOG.batch(0, 10), batch)
    assert pins(collector) == [(SIGNER.verifier.public, "configuration")]


def test_the_own_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "collector.key"
    made = open_or_create(path, "collector.demo/one", database_exists=False)
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_or_create(path, "collector.demo/one", database_exists=True).vkey == made.vkey
    assert made.verifier.kind != ED25519


def test_a_lost_key_beside_a_database_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="restore it"):
        open_or_create(tmp_path / "collector.key", "collector.demo/one", database_exists=True)
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_others_can_read(tmp_path: Path) -> None:
    path = tmp_path / "collector.key"
    open_or_create(path, "collector.demo/one", database_exists=False)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        open_or_create(path, "collector.demo/one", database_exists=True)
    path.chmod(0o600)
    path.write_text("short")
    with pytest.raises(KeyFileError, match="64 hex digits"):
        open_or_create(path, "collector.demo/one", database_exists=True)
