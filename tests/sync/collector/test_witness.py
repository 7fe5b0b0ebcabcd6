"""A cosignature is only ever given for a size that grows, whatever happened to the database in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from cabinet.journal import b64, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.note import COSIGNATURE, Note, Signer
from tests.sync.collector.making import CABINET, COSIGNER, SIGNER, Collector, Log, acked_size, made_log

LOG = made_log(40)
EARLIER_LIFE_S = 1_700_000_000


def ack(log: Log, size: int, cosigner: Signer = COSIGNER) -> bytes:
    """What an earlier life of the collector has published."""
    signed = note.parse(log.note(size))
    return Note(signed.text, (*signed.signatures, cosigner.cosign(signed.text, EARLIER_LIFE_S))).encode()


def test_each_size_is_signed_once_with_the_time(collector: Collector) -> None:
    (first,) = collector.take(LOG.batch(0, 10))
    assert COSIGNER.verifier.check(note.parse(first.note)) == collector.clock.now().wall_ms // 1000
    collector.clock.now_s += 100
    (again,) = collector.take(LOG.batch(0, 10))
    assert again == first


def test_it_is_stored_before_it_is_given_out(collector: Collector) -> None:
    (given,) = collector.take(LOG.batch(0, 10))
    assert collector.ask("SELECT size, note FROM ack") == [(10, given.note)]


def test_nothing_is_signed_before_it_may_and_everything_after(tmp_path: Path) -> None:
    collector = Collector(tmp_path, may_sign=False)
    assert collector.take(LOG.batch(0, 10)) == []
    assert collector.take(LOG.batch(10, 20)) == []
    assert collector.leaves() == LOG.leaves[:20]
    collector.may_sign = True
    assert acked_size(collector.take()) == 20
    assert collector.take() == []
    collector.close()


def test_what_was_stored_and_not_signed_is_signed_after_a_restart(tmp_path: Path) -> None:
    before = Collector(tmp_path, may_sign=False)
    before.take(LOG.batch(0, 20))
    before.close()
    after = Collector(tmp_path)
    assert acked_size(after.take()) == 20
    after.close()


def test_after_a_restart_the_stored_note_is_published_unchanged(tmp_path: Path) -> None:
    before = Collector(tmp_path)
    given = before.take(LOG.batch(0, 20))
    before.close()
    after = Collector(tmp_path)
    assert after.ingest.acks() == given
    assert after.take(LOG.batch(10, 20)) == given
    assert acked_size(after.take(LOG.batch(20, 30))) == 30
    after.close()


def test_a_lost_database_never_signs_again_what_was_signed(collector: Collector) -> None:
    assert collector.hear_ack(ack(LOG, 20))[0].note == ack(LOG, 20)
    for first, end in ((0, 5), (5, 15), (15, 20)):
        assert [one.note for one in collector.take(LOG.batch(first, end))] == [ack(LOG, 20)]
    assert acked_size(collector.take(LOG.batch(20, 30))) == 30
    assert collector.alarms() == []


def test_a_lost_database_that_reaches_beyond_in_one_step(collector: Collector) -> None:
    collector.hear_ack(ack(LOG, 20))
    assert acked_size(collector.take(LOG.batch(0, 30))) == 30


def test_a_lost_database_that_finds_another_tree_signs_nothing(collector: Collector) -> None:
    collector.hear_ack(ack(LOG, 20))
    other = made_log(40, tag="second life")
    assert [one.note for one in collector.take(other.batch(0, 15), other.batch(15, 30))] == [ack(LOG, 20)]
    assert collector.alarms() == [(CABINET.origin, "fork", 20, 1)]
    assert collector.ask("SELECT kind, n, ours, theirs FROM evidence") == [
        ("fork", 20, other.note(30), ack(LOG, 20)),
    ]
    assert [one.note for one in collector.take(other.batch(30, 40))] == [ack(LOG, 20)]
    alarms = collector.alarms()
    assert collector.take() == []
    assert collector.alarms() == alarms, "it is looked at again when it grows"


def test_a_newer_note_of_another_tree_in_the_middle_of_a_run(collector: Collector) -> None:
    collector.take(LOG.batch(0, 10))
    other = made_log(40, tag="second life")
    collector.hear_ack(ack(other, 20))
    assert [one.note for one in collector.take(LOG.batch(10, 30))] == [ack(other, 20)]
    assert collector.alarms() == [(CABINET.origin, "fork", 20, 1)]


def test_a_restored_database_never_goes_below_what_was_published(tmp_path: Path) -> None:
    before = Collector(tmp_path)
    before.take(LOG.batch(0, 10))
    before.close()
    restored = Collector(tmp_path, may_sign=False)
    restored.hear_ack(ack(LOG, 30))
    restored.may_sign = True
    assert [one.note for one in restored.take(LOG.batch(10, 20))] == [ack(LOG, 30)]
    assert [one.note for one in restored.ingest.acks()] == [ack(LOG, 30)]
    assert acked_size(restored.take(LOG.batch(20, 40))) == 40
    restored.close()


def test_an_older_retained_note_changes_nothing(collector: Collector) -> None:
    given = collector.take(LOG.batch(0, 20))
    assert collector.hear_ack(ack(LOG, 10)) == given
    assert collector.ingest.acks() == given
    assert collector.alarms() == []


def test_an_own_note_of_another_tree_is_evidence(collector: Collector) -> None:
    collector.take(LOG.batch(0, 20))
    other = made_log(40, tag="second life")
    collector.hear_ack(ack(other, 10))
    assert collector.alarms() == [(CABINET.origin, "fork", 10, 1)]


@pytest.mark.parametrize(
    "forged",
    [
        LOG.note(20),
        ack(LOG, 20, Signer(COSIGNER.name, bytes(32), COSIGNATURE)),
        ack(LOG, 20, Signer("witness.example/one", bytes(range(1, 33)), COSIGNATURE)),
        ack(LOG, 20).replace(b"\n20\n", b"\n2000\n"),
        ack(LOG, 20)[:-20],
        b"",
        b"\xff" * 5000,
    ],
)
def test_a_note_that_is_not_ours_is_not_believed(collector: Collector, forged: bytes) -> None:
    assert collector.hear_ack(forged) == []
    assert collector.dropped() == {"foreign-ack": 1}
    assert acked_size(collector.take(LOG.batch(0, 10))) == 10


def test_our_note_on_another_cabinets_topic(collector: Collector) -> None:
    other = Log(LOG.leaves, [], SIGNER.named("cabinet.demo/lobby-02"))
    assert collector.hear_ack(ack(other, 20)) == []
    assert collector.dropped() == {"foreign-origin": 1}
    assert collector.ask("SELECT count(*) FROM origin") == [(0,)]


def test_lines_of_others_are_not_stored_with_it(collector: Collector) -> None:
    stranger = Signer("witness.example/one", bytes(32), COSIGNATURE)
    text = note.parse(LOG.note(20)).text
    (given,) = collector.hear_ack(ack(LOG, 20) + stranger.cosign(text, 1).line().encode())
    assert given.note == ack(LOG, 20)


def test_an_empty_tree_is_not_signed(collector: Collector) -> None:
    empty = Checkpoint(SIGNER.name, 0, b64.decode("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="))
    signed = note.parse(empty.signed(SIGNER))
    cosigned = Note(signed.text, (*signed.signatures, COSIGNER.cosign(signed.text, 1))).encode()
    assert collector.hear_ack(cosigned) == []
    assert collector.take() == []
