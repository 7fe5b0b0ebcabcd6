"""Each epoch by itself, and that each goes on from the one it names."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from cabinet.journal import b64
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import JournalMissing, NoteRefused
from cabinet.journal.leaf import Value
from cabinet.journal.note import Signer, Verifier
from cabinet.journal.opening import open_epoch
from cabinet.journal.reader import JournalReader
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.journal.tree import Frontier
from cabinet.journal.verify_epochs import JournalVerdict, verify_epochs
from tests.journal.making import DEVICE, ORIGIN, OTHER_SIGNER, SIGNER, entry, filled, opened, tampering
from tests.journal.test_rotation import rotate

KNOWN = [SIGNER.verifier]


def root_of(folder: Path, epoch: int, size: int) -> bytes:
    with JournalReader(folder, epoch) as reader:
        return Frontier.read(size, reader.node).root()


def begun(folder: Path, epoch: int, since: int, *, signer: Signer = SIGNER, **fields: Value) -> None:
    """The next epoch, which goes on from `since` leaves of the one before."""
    before = ORIGIN if epoch == 2 else f"{ORIGIN}/e{epoch - 1}"
    said: dict[str, Value] = {
        "reason": "restored",
        "old_origin": before,
        "old_size": since,
        "old_root": b64.encode(root_of(folder, epoch - 1, since)),
    }
    entries = [entry(0, ev="epoch.opened", person=None, **said | fields), entry(1), entry(2)]
    open_epoch(SqliteFolder(folder), epoch, DEVICE, signer.named(f"{ORIGIN}/e{epoch}"), entries, {})


@pytest.fixture
def three(seventy: Path) -> Path:
    """Seventy leaves, of which the second epoch knows sixty; the third goes on from all of the second."""
    begun(seventy, 2, 60)
    begun(seventy, 3, 3)
    return seventy


def results(verdict: JournalVerdict) -> list[tuple[int, str, int | None, str | None]]:
    return [(one.epoch, one.verdict.result, one.verdict.failed_at, one.verdict.rule) for one in verdict.epochs]


GOOD = [(1, "verified", None, None), (2, "verified", None, None), (3, "verified", None, None)]


def test_all_epochs_with_the_key_of_any(three: Path) -> None:
    for name in (ORIGIN, f"{ORIGIN}/e2", f"{ORIGIN}/e3"):
        verdict = verify_epochs(three, [SIGNER.named(name).verifier])
        assert results(verdict) == GOOD
        assert [one.verdict.size for one in verdict.epochs] == [70, 3, 3]
        assert verdict.deciding.epoch == 3
    opened = verdict.epochs[1].opened
    assert opened is not None
    assert (opened.reason, opened.old) == ("restored", Checkpoint(ORIGIN, 60, root_of(three, 1, 60)))


def test_progress_tells_which_epoch(three: Path) -> None:
    told: list[tuple[int, int, int]] = []
    verify_epochs(three, KNOWN, progress=lambda *said: told.append(said))
    assert told == [(1, 70, 70), (2, 3, 3), (3, 3, 3)]


def test_one_epoch(three: Path) -> None:
    assert results(verify_epochs(three, KNOWN, epoch=2)) == GOOD[1:2]
    for missing in (0, 4):
        with pytest.raises(JournalMissing, match="newest one is 3"):
            verify_epochs(three, KNOWN, epoch=missing)


def test_another_key(three: Path) -> None:
    failed = [(number, "failed", 0, "checkpoint") for number in (1, 2, 3)]
    assert results(verify_epochs(three, [OTHER_SIGNER.verifier])) == failed


@pytest.mark.parametrize(("leaves", "result"), [(50, "rolled-back"), (60, "forked"), (80, "forked")])
def test_an_older_file_of_another_life(three: Path, leaves: int, result: str) -> None:
    """Signed with the very key: only the next epoch tells."""
    (three / "journal-1.db").unlink()
    filled(three / "other", leaves)
    (three / "other" / "journal-1.db").rename(three / "journal-1.db")
    verdict = verify_epochs(three, KNOWN)
    assert results(verdict) == [(1, result, None, None), *GOOD[1:]]
    assert verdict.deciding.epoch == 1


def test_an_older_file_that_was_cut(three: Path) -> None:
    connection = tampering(three)
    for statement in ("DELETE FROM payload WHERE n >= 50", "DELETE FROM leaf WHERE n >= 50"):
        connection.execute(statement)
    connection.execute("DELETE FROM checkpoint WHERE size > 50")
    connection.close()
    assert results(verify_epochs(three, KNOWN))[0] == (1, "rolled-back", None, None)


@pytest.mark.parametrize("fields", [{"old_root": b64.encode(bytes(32))}, {"old_size": 59}])
def test_an_epoch_that_names_another_tree(seventy: Path, fields: dict[str, Value]) -> None:
    begun(seventy, 2, 60, **fields)
    verdict = verify_epochs(seventy, KNOWN)
    assert results(verdict) == [(1, "forked", None, None), (2, "verified", None, None)]


@pytest.mark.parametrize("fields", [{"old_root": "?"}, {"old_size": "60"}, {"old_origin": 1}, {"old_root": "AAAA"}])
def test_an_epoch_that_does_not_say_what_it_goes_on_from(seventy: Path, fields: dict[str, Value]) -> None:
    begun(seventy, 2, 60, **fields)
    assert results(verify_epochs(seventy, KNOWN))[1] == (2, "failed", 0, "epoch")


def test_a_file_that_is_gone(three: Path) -> None:
    (three / "journal-2.db").unlink()
    assert results(verify_epochs(three, KNOWN)) == [GOOD[0], (2, "failed", 0, "leaf-missing"), GOOD[2]]


def test_the_newest_file_is_missed_as_well(three: Path) -> None:
    (three / "journal-3.db").unlink()
    assert results(verify_epochs(three, KNOWN)) == [*GOOD[:2], (3, "failed", 0, "leaf-missing")]


@pytest.mark.parametrize(("at", "accounted"), [(65, True), (60, True), (59, False), (3, False)])
def test_damage_that_the_next_epoch_was_opened_for(seventy: Path, at: int, accounted: bool) -> None:
    begun(seventy, 2, 60, reason="salvaged")
    connection = tampering(seventy)
    connection.execute("UPDATE payload SET bytes = x'7b7d' WHERE n = ?", (at,))
    connection.close()
    verdict = verify_epochs(seventy, KNOWN)
    assert results(verdict)[0] == (1, "failed", at, "leaf-hash")
    assert verdict.epochs[0].accounted is accounted
    assert verdict.deciding.verdict.result == ("verified" if accounted else "failed")


def test_damage_is_not_accounted_for_by_another_reason(three: Path) -> None:
    connection = tampering(three)
    connection.execute("UPDATE payload SET bytes = x'7b7d' WHERE n = 65")
    connection.close()
    assert verify_epochs(three, KNOWN).deciding.epoch == 1


def test_a_file_that_cannot_be_opened(three: Path) -> None:
    (three / "journal-1.db").write_bytes(b"no database" * 1000)
    assert results(verify_epochs(three, KNOWN)) == [(1, "failed", 0, "unreadable"), *GOOD[1:]]


def test_a_trusted_checkpoint_of_an_older_epoch(three: Path) -> None:
    good = Checkpoint(ORIGIN, 65, root_of(three, 1, 65)).signed(SIGNER)
    wrong = Checkpoint(ORIGIN, 65, bytes(32)).signed(SIGNER)
    assert results(verify_epochs(three, KNOWN, trusted=good)) == GOOD
    verdict = verify_epochs(three, KNOWN, trusted=wrong)
    assert (verdict.deciding.epoch, verdict.deciding.verdict.result) == (1, "forked")
    foreign = Checkpoint("cabinet.demo/cellar-02", 3, bytes(32)).signed(SIGNER.named("cabinet.demo/cellar-02"))
    for trusted, epoch in ((foreign, None), (good, 2), (b"nonsense", None)):
        with pytest.raises(NoteRefused):
            verify_epochs(three, KNOWN, epoch=epoch, trusted=trusted)


def test_after_a_lost_key_each_epoch_needs_its_own(seventy: Path) -> None:
    begun(seventy, 2, 70, reason="key-lost", signer=OTHER_SIGNER)
    second = OTHER_SIGNER.named(f"{ORIGIN}/e2").verifier
    both = [(1, "verified", None, None), (2, "verified", None, None)]
    assert results(verify_epochs(seventy, [SIGNER.verifier, second])) == both
    assert results(verify_epochs(seventy, KNOWN))[1] == (2, "failed", 0, "checkpoint")
    assert results(verify_epochs(seventy, [second]))[0] == (1, "failed", 0, "checkpoint")


@pytest.mark.parametrize("reason", ["key-lost", "restored"])
def test_the_lost_key_as_the_new_one_names_it(seventy: Path, reason: str) -> None:
    """A restored cabinet may be another board, with a key of its own."""
    begun(seventy, 2, 70, reason=reason, signer=OTHER_SIGNER, old_vkey=SIGNER.vkey)
    second = OTHER_SIGNER.named(f"{ORIGIN}/e2").verifier
    assert results(verify_epochs(seventy, [second])) == GOOD[:2]
    stranger = Signer(ORIGIN, bytes(range(3, 35))).verifier
    assert [result for _, result, _, _ in results(verify_epochs(seventy, [stranger]))] == ["failed", "failed"]


def test_a_new_key_must_be_vouched_for(seventy: Path) -> None:
    begun(seventy, 2, 70, signer=OTHER_SIGNER)
    assert results(verify_epochs(seventy, KNOWN))[1] == (2, "failed", 0, "checkpoint")
    newest: list[Verifier] = [OTHER_SIGNER.named(f"{ORIGIN}/e2").verifier]
    assert results(verify_epochs(seventy, newest))[0] == (1, "failed", 0, "checkpoint")


THIRD = Signer(ORIGIN, bytes(range(2, 34)))


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    """The first epoch ends with the second key, which begins the second epoch and ends it with the third."""
    with closing(opened(tmp_path)) as journal:
        journal.append([entry(0), entry(1)])
        rotate(journal, SIGNER, OTHER_SIGNER)
        size = journal.size
    begun(tmp_path, 2, size, signer=OTHER_SIGNER)
    second = [one.named(f"{ORIGIN}/e2") for one in (OTHER_SIGNER, THIRD)]
    with closing(opened(tmp_path, OTHER_SIGNER)) as journal:
        rotate(journal, *second)
    return tmp_path


@pytest.mark.parametrize("known", [SIGNER, OTHER_SIGNER, THIRD], ids=["first", "second", "third"])
def test_one_key_leads_through_all_epochs(rotated: Path, known: Signer) -> None:
    """What comes behind a known key is named by the journal; what comes before it is signed by it again."""
    assert results(verify_epochs(rotated, [known.verifier])) == GOOD[:2]


def test_keys_that_only_the_files_claim(rotated: Path) -> None:
    stranger = Signer(ORIGIN, bytes(range(3, 35))).verifier
    failed = [(number, "failed", 0, "checkpoint") for number in (1, 2)]
    assert results(verify_epochs(rotated, [stranger])) == failed
    (rotated / "journal-2.db").unlink()
    assert results(verify_epochs(rotated, [THIRD.verifier]))[0] == failed[0], "it signed nothing of that file"
