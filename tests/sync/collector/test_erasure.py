"""Whom a cabinet has erased is erased here too, and the trees still verify."""

from __future__ import annotations

import json
import sqlite3
from itertools import chain
from pathlib import Path

import pytest

from cabinet.journal import b64
from cabinet.journal.leaf import canonical
from cabinet.journal.receipt import verify_receipt
from cabinet.journal.tree import leaf_hash
from sync.collector.reading import reading
from sync.collector.verify import verify
from tests.sync.collector.making import CABINET, COSIGNER, SIGNER, Collector, Log, made_log
from tests.sync.collector.test_epochs import LATER, opened

ADA, LIN = b64.encode(b"pseudonym of ada"), b64.encode(b"pseudonym of lin")


def event(n: int, *people: str, ev: str = "item.removed", seal: bool = True) -> bytes:
    subs = [{"r": "holder", "p": p} | ({"e": b64.encode(secret(n, p))} if seal else {}) for p in people]
    return canonical({"v": 1, "dev": "lobby-01", "n": n, "ev": ev, "item": f"K-{n:04}", "subs": subs})


def secret(n: int, p: str) -> bytes:
    """What is sealed for somebody in leaf n: easy to find again."""
    return f"<sealed in {n} for {p}>".encode() * 3


def gone(n: int, stage: str = "done") -> bytes:
    """Ada is erased."""
    said = {
        "v": 1,
        "dev": "lobby-01",
        "n": n,
        "ev": "person.erased",
        "stage": stage,
        "subs": [{"r": "holder", "p": ADA}],
    }
    return canonical(said)


WHOSE = [(ADA,), (LIN,), (LIN, ADA), (), (ADA,), (LIN,)]
FIRST = [event(n, *people) for n, people in enumerate(WHOSE * 3)]
LOG = Log([*FIRST, gone(18, "intent"), gone(19), event(20, LIN)], [])
ADAS = {n for n, people in enumerate(WHOSE * 3) if ADA in people}
EXPECTED = [None if n in ADAS else leaf for n, leaf in enumerate(LOG.leaves)]


def check_nothing_is_left(folder: Path) -> None:
    """Of what was sealed for Ada, in the bytes of every file; in leaves and in batches, which have it in base64."""
    found = b"".join(path.read_bytes() for path in folder.iterdir())
    for n in ADAS:
        sealed = b64.encode(secret(n, ADA)).encode()
        # A batch holds leaves in base64, whose text depends on where in the leaf it begins.
        wanted = {sealed, *(b64.encode(sealed[k : k + 60]).encode() for k in range(3))}
        assert not any(one in found for one in wanted), f"leaf {n}"
    assert b64.encode(secret(1, LIN)).encode() in found, "the search finds what is there"


def test_every_leaf_that_names_them_is_kept_by_its_hash(collector: Collector) -> None:
    collector.take(*LOG.batches(6))
    assert collector.leaves() == EXPECTED
    assert collector.dropped() == {}


@pytest.mark.parametrize("step", [1, 5, 21])
def test_nothing_sealed_is_left_in_the_file(tmp_path: Path, step: int) -> None:
    collector = Collector(tmp_path)
    collector.take(*LOG.batches(step))
    collector.ingest.wipe()
    check_nothing_is_left(tmp_path)
    collector.close()
    check_nothing_is_left(tmp_path)
    with reading(collector.path) as reader:
        (origin,) = reader.origins()
        verdict = verify(origin, COSIGNER.verifier)
    assert (verdict.result, verdict.size, verdict.pruned) == ("verified", LOG.size, len(ADAS))


def test_a_reader_holds_the_log_up_and_it_is_emptied_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cabinet.journal.connection.BUSY_S", 0.01)
    collector = Collector(tmp_path)
    collector.take(*LOG.batches(10)[:1])
    collector.ingest.wipe()
    other = sqlite3.connect(collector.path)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM leaf").fetchone()
    collector.take(*LOG.batches(10)[1:])
    collector.ingest.wipe()
    with pytest.raises(AssertionError, match="leaf"):
        check_nothing_is_left(tmp_path)
    other.close()
    collector.ingest.wipe()
    check_nothing_is_left(tmp_path)
    collector.close()


def test_a_resend_brings_nothing_back(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    collector.take(*LOG.batches(7))
    collector.take(*LOG.batches(5), LOG.batch(0, 18, orphan=True))
    assert collector.leaves() == EXPECTED
    assert collector.alarms() == [], "a leaf is compared by its hash"
    collector.ingest.wipe()
    check_nothing_is_left(tmp_path)
    collector.close()


def test_what_comes_of_them_later_is_not_kept_either(tmp_path: Path) -> None:
    log = Log([gone(0), event(1, ADA), event(2, LIN)], [])
    collector = Collector(tmp_path)
    collector.take(log.batch(0, 1))
    collector.take(log.batch(2, 3), log.batch(1, 2))
    assert collector.leaves() == [log.leaves[0], None, log.leaves[2]]
    collector.close()


def test_evidence_staged_batches_and_orphans_forget_them_too(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    other = Log([event(n, *people) for n, people in enumerate(chain(WHOSE, [(ADA,), (LIN,), (ADA,)]))], [])
    other.leaves[5] = event(5, ADA, LIN)
    collector.take(LOG.batch(0, 8), other.batch(4, 8), other.batch(6, 9, orphan=True), LOG.batch(12, 18))
    notes = collector.ask("SELECT ours, theirs FROM evidence")
    assert len(notes) == 1
    collector.take(LOG.batch(8, 12), LOG.batch(18, 21))
    assert collector.leaves() == EXPECTED, "what waited behind the gap was joined, by its hash"
    assert collector.ask("SELECT n FROM orphan WHERE bytes IS NULL") == [(6,), (8,)]
    [(payload,)] = collector.ask("SELECT payload FROM evidence")
    hidden = [one for one in json.loads(str(payload, "utf-8"))["leaves"] if isinstance(one, dict)]  # type: ignore[call-overload]
    assert hidden == [{"hash": b64.encode(leaf_hash(other.leaves[n]))} for n in (4, 5, 6)]
    assert collector.ask("SELECT ours, theirs FROM evidence") == notes, "what was signed stays"
    collector.ingest.wipe()
    check_nothing_is_left(tmp_path)
    collector.close()


def test_only_a_verified_leaf_erases(collector: Collector) -> None:
    """A batch behind a gap, and one that its cabinet did not sign, say nothing yet."""
    collector.take(LOG.batch(0, 10), LOG.batch(18, 20))
    forged = json.loads(LOG.batch(10, 12))
    forged["leaves"] = [b64.encode(gone(10)), b64.encode(gone(11))]
    collector.take(json.dumps(forged).encode(), json.dumps(forged | {"orphan": True}).encode())
    assert collector.leaves() == LOG.leaves[:10]
    assert collector.ask("SELECT * FROM erased") == []


def test_orphans_that_the_cabinet_signed_erase(collector: Collector) -> None:
    """On that device the person's key is gone, whatever became of the epoch."""
    other = Log([*LOG.leaves[:8], gone(8), gone(9)], [])
    collector.take(LOG.batch(0, 10), other.batch(8, 9, orphan=True))
    assert collector.leaves() == EXPECTED[:10]


def test_another_cabinet_of_the_site_is_another_matter(collector: Collector) -> None:
    """There the person may go on having a key; whoever erases them there erases them here."""
    neighbour = SIGNER.named("cabinet.demo/lobby-02")
    theirs = Log(LOG.leaves[:6], [], neighbour)
    cabinet = type(CABINET)("demo", "lobby-02")
    collector.hear_session(theirs.session(), cabinet)
    collector.take(theirs.batch(0, 6), cabinet=cabinet)
    collector.take(*LOG.batches())
    assert collector.leaves(neighbour.name) == LOG.leaves[:6]


def test_it_is_known_after_a_restart(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    collector.take(LOG.batch(0, 20))
    collector.close()
    again = Collector(tmp_path)
    log = Log([*LOG.leaves, event(21, ADA)], [])
    again.take(log.batch(20, 22))
    assert again.leaves()[20:] == [LOG.leaves[20], None]
    again.close()


# -- a cabinet that was restored ------------------------------------------------------------------------------------


def test_a_cabinet_that_lost_its_erasures_is_told_of_them(collector: Collector) -> None:
    """By its own leaf and its own signature; as long as nobody has accepted the epoch, with each of its sessions."""
    collector.take(*LOG.batches())
    assert collector.ingest.receipts() == []
    later = opened(10, old=LOG)
    collector.hear_session(later.session())
    (receipt,) = collector.ingest.receipts()
    found = verify_receipt(receipt.text, [SIGNER.verifier.vkey])
    assert (receipt.cabinet, found.leaf, found.checkpoint.size) == (CABINET, LOG.leaves[found.n], LOG.size)
    assert json.loads(found.leaf)["subs"] == [{"r": "holder", "p": ADA}]
    assert b"collector.demo/one" in receipt.text
    assert collector.ingest.receipts() == [], "once a session"
    collector.take(later.batch(0, 10))
    collector.hear_session(later.session())
    assert len(collector.ingest.receipts()) == 1
    collector.ask(
        f"UPDATE epoch SET accepted_ms = 1 WHERE origin = (SELECT id FROM origin WHERE name = '{LATER}') RETURNING 1"
    )
    collector.ingest.accepted()
    collector.hear_session(later.session())
    assert collector.ingest.receipts() == []


def test_the_same_epoch_needs_no_telling(collector: Collector) -> None:
    collector.take(*LOG.batches())
    collector.hear_session(LOG.session())
    assert collector.ingest.receipts() == []
    assert made_log(1).size == 1
