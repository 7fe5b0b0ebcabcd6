"""Back to an older state: the journal goes on in its next epoch, who was erased stays erased, and a cut leaves one of
both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cabinet.backup import swap
from cabinet.backup.errors import BackupRefused
from cabinet.backup.trial import try_out
from cabinet.books import Books
from cabinet.core.ledger_rows import from_rows
from cabinet.journal.errors import JournalBusy
from cabinet.journal.known_keys import read_known
from cabinet.journal.lock import FolderLock
from cabinet.journal.note import Signer, Verifier
from cabinet.journal.reader import JournalReader
from cabinet.journal.schema import epochs
from cabinet.journal.verify import verify
from cabinet.journal.verify_epochs import verify_epochs
from cabinet.vault.key_source import read_key
from hal.system_clock import SystemClock
from tests.backup.cuts import Cut, cut_after
from tests.backup.office import Office

YESTERDAY, ROSTER, JOURNAL, LATER = "yesterday", "roster", "journal", "later"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Ada and Lin are backed up, then Ada is erased and Kim comes."""
    office = Office(tmp_path_factory.mktemp("made") / "cabinet")
    office.add("1001", "Ada")
    office.add("1002", "Lin")
    office.backup(YESTERDAY)
    office.backup(ROSTER, journal=False)
    office.erase("1001")
    office.add("1003", "Kim")
    office.backup(JOURNAL, roster=False)
    office.backup(LATER, since=office.folder / YESTERDAY)
    return office


@pytest.fixture
def office(made: Office, tmp_path: Path) -> Office:
    return made.copied(tmp_path / "cabinet")


def test_yesterdays_backup_goes_on_in_the_next_epoch(office: Office) -> None:
    before, keys = snapshot(office.state), key_files(office)
    old = office.leaves(1)
    done = office.restore(office.folder / YESTERDAY)
    assert (done.epoch, done.parts, done.erased, done.unread) == (2, ("journal", "roster"), 1, ())
    assert office.leaves(1) == old[:2]
    assert office.kinds(2) == ["epoch.opened", "epoch.state", "backup.restored"]
    first, _, told = office.leaves(2)
    assert (first["reason"], first["old_origin"], first["old_size"]) == ("restored", "cabinet.demo/lobby-01", 2)
    assert (first["cause"], first["operator"], first["backup"]) == ("disk swapped", "Uma", done.digest)
    assert (told["digest"], told["size"], told["parts"]) == (done.digest, done.size, ["journal", "roster"])
    assert done.aside is not None
    aside = snapshot(office.state / done.aside)
    assert aside == {name: before[name] for name in aside}
    assert {"journal-1.db", "roster.db"} <= aside.keys()
    assert key_files(office) == keys
    assert verified(office) == ["verified", "verified"]


def test_who_was_erased_since_stays_erased(office: Office) -> None:
    """At once; that it is done again is journaled by the next start, which finds it in the state."""
    ada = office.leaves(1)[2]["subs"][0]["p"]
    office.restore(office.folder / YESTERDAY)
    assert office.people() == ["Lin"]
    with JournalReader(office.state) as reader:
        assert from_rows(reader.state()).erasures == {ada: 0}


def test_who_the_backups_own_journal_says_is_erased_is(office: Office) -> None:
    """The roster is older than the journal beside it."""
    done = office.restore(office.folder / ROSTER, office.folder / JOURNAL)
    assert (done.erased, office.people()) == (1, ["Lin"])


def test_who_upstream_says_is_erased_is(office: Office) -> None:
    lin = office.leaves(1)[1]["subs"][0]["p"]
    done = office.restore(office.folder / YESTERDAY, erasures=[lin])
    assert (done.erased, office.people()) == (2, [])


def test_the_whole_chain_brings_back_the_newest(office: Office) -> None:
    old = office.leaves(1)
    done = office.restore(office.folder / YESTERDAY, office.folder / LATER)
    assert (done.erased, office.people(), office.leaves(1)) == (0, ["Lin", "Kim"], old)


def test_a_new_board_reads_the_roster_and_signs_with_a_new_key(made: Office, tmp_path: Path) -> None:
    office = made.copied(tmp_path / "cabinet")
    for path in office.state.iterdir():
        path.unlink()
    done = office.restore(office.folder / YESTERDAY, office.folder / LATER)
    assert (done.epoch, done.aside) == (2, None)
    assert office.people() == ["Lin", "Kim"]
    assert read_key(office.state / "device.key") == read_key(made.state / "device.key")
    assert read_key(office.state / "signing.key") != read_key(made.state / "signing.key")
    assert (office.state / "signing.key").stat().st_mode & 0o777 == 0o600
    assert judged(office) == {1: "verified", 2: "verified"}, "the new key vouches for what it says of the old one"


def test_the_keys_that_the_journal_began_with_stay_known(made: Office, office: Office) -> None:
    office.call("journal.rotate_key", reason="a year is over")
    office.restore(office.backup("rotated"))
    assert [one.vkey for one in read_known(office.state)] == [vkey(made, 1)]
    for path in office.state.iterdir():
        if path.is_file():
            path.unlink()
    office.restore(office.folder / YESTERDAY, above=7)
    assert [one.vkey for one in read_known(office.state)] == [vkey(made, 1), vkey(office, 8)]


def test_a_backup_of_a_new_board_still_tells_the_old_key(made: Office, tmp_path: Path) -> None:
    office = made.copied(tmp_path / "cabinet")
    for path in office.state.iterdir():
        path.unlink()
    office.restore(office.folder / YESTERDAY)
    assert office.leaves(2)[0]["old_vkey"] == vkey(made, 1)
    full = office.backup("of the new board")
    tried = try_out([full], office.identity, tmp_path / "scratch", lambda done, total: None)
    assert [(one.origin, one.vkey) for one in tried.epochs] == [
        ("cabinet.demo/lobby-01", vkey(made, 1)),
        ("cabinet.demo/lobby-01/e2", vkey(office, 2)),
    ]


def test_a_rotated_key_is_followed(office: Office, tmp_path: Path) -> None:
    first = vkey(office, 1)
    office.call("journal.rotate_key", reason="a year is over")
    full = office.backup("rotated")
    assert vkey(office, 1) != first
    tried = try_out([full], office.identity, tmp_path / "scratch", lambda done, total: None)
    assert [one.vkey for one in tried.epochs] == [first]
    assert (tried.people, tried.known, tried.erased) == (2, True, 0)
    assert not (tmp_path / "scratch").exists()
    assert office.restore(full).epoch == 2
    assert "old_vkey" not in office.leaves(2)[0]


def test_a_device_key_that_is_given_has_to_be_the_rosters(office: Office, tmp_path: Path) -> None:
    key = office.state / "device.key"
    given = tmp_path / "given"
    given.write_bytes(key.read_bytes())
    office.file.write_text(f'{office.file.read_text()}[vault]\ndevice_key_command = ["/bin/cat", "{given}"]\n')
    key.unlink()
    assert office.restore(office.folder / YESTERDAY).epoch == 2
    assert (office.people(), key.exists()) == (["Lin"], False)
    given.write_text("ab" * 32)
    before = snapshot(office.state)
    with pytest.raises(BackupRefused, match="the roster in the backup has another"):
        office.restore(office.folder / YESTERDAY)
    assert snapshot(office.state) == before


def test_a_roster_alone_leaves_the_journal_in_its_epoch(office: Office) -> None:
    old = office.leaves(1)
    done = office.restore(office.folder / ROSTER)
    assert (done.epoch, done.parts, office.people()) == (None, ("roster",), ["Lin"])
    assert office.leaves(1)[: len(old)] == old
    assert [leaf["ev"] for leaf in office.leaves(1)[len(old) :]][:2] == ["roster.applied", "backup.restored"]


def test_a_journal_alone_keeps_the_roster(office: Office) -> None:
    done = office.restore(office.folder / JOURNAL)
    assert (done.epoch, done.parts, done.erased, office.people()) == (2, ("journal",), 0, ["Lin", "Kim"])


def test_every_epoch_has_a_number_of_its_own(office: Office) -> None:
    assert office.restore(office.folder / YESTERDAY).epoch == 2
    assert office.restore(office.folder / YESTERDAY).epoch == 3
    assert epochs(office.state) == [1, 3]
    assert office.restore(office.folder / YESTERDAY, above=7).epoch == 8
    assert judged(office) == {1: "verified", 8: "verified"}, "those between were set aside"
    full = office.backup("of both")
    assert office.restore(full).epoch == 9
    assert epochs(office.state) == [1, 8, 9]


def test_a_damaged_journal_is_said_to_be_unread(office: Office) -> None:
    (office.state / "journal-1.db").write_bytes(b"no database" * 1000)
    done = office.restore(office.folder / YESTERDAY)
    assert done.unread == (str(office.state / "journal-1.db"),)
    assert office.people() == ["Ada", "Lin"]


def test_what_cannot_be_restored_changes_nothing(office: Office, made: Office) -> None:
    before = snapshot(office.state)
    with pytest.raises(BackupRefused, match="name all of them"):
        office.restore(office.folder / LATER)
    office.file.write_text(office.file.read_text().replace("lobby-01", "lobby-02"))
    with pytest.raises(BackupRefused, match=r"this cabinet is .*lobby-02"):
        office.restore(office.folder / YESTERDAY)
    office.file.write_text(office.file.read_text().replace("lobby-02", "lobby-01"))
    lock = FolderLock(office.state)
    with pytest.raises(JournalBusy):
        office.restore(office.folder / YESTERDAY)
    lock.release()
    assert snapshot(office.state) == before
    for path in office.state.iterdir():
        path.unlink()
    with pytest.raises(BackupRefused, match="a roster alone"):
        office.restore(office.folder / ROSTER)


@pytest.mark.parametrize(("step", "state"), [(0, "old"), (1, "old"), (3, "new"), (6, "new")])
def test_a_cut_leaves_the_old_or_the_new(office: Office, step: int, state: str, monkeypatch: Any) -> None:
    """tests/backup/test_swap.py has every step; here a start finds what is left."""
    before = {path.name for path in office.state.iterdir()}
    with monkeypatch.context() as patch:
        cut_after(patch, step)
        with pytest.raises(Cut):
            office.restore(office.folder / YESTERDAY)
    Books.open(office.config, SystemClock()).close()
    found = {path.name for path in office.state.iterdir()}
    if state == "old":
        assert (found, office.people()) == (before, ["Lin", "Kim"])
    else:
        assert (verified(office), office.people()) == (["verified", "verified"], ["Lin"])
        assert not {swap.TODO, swap.STAGE} & found


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def key_files(office: Office) -> list[bytes]:
    return [(office.state / name).read_bytes() for name in ("device.key", "signing.key")]


def vkey(office: Office, epoch: int) -> str:
    seed = read_key(office.state / "signing.key")
    assert seed is not None
    return Signer("cabinet.demo/lobby-01" if epoch == 1 else f"cabinet.demo/lobby-01/e{epoch}", seed).vkey


def judged(office: Office) -> dict[int, str]:
    """With the newest key alone."""
    newest = Verifier.from_vkey(vkey(office, max(epochs(office.state))))
    return {one.epoch: one.verdict.result for one in verify_epochs(office.state, [newest]).epochs}


def verified(office: Office) -> list[str]:
    found = []
    for epoch in epochs(office.state):
        with JournalReader(office.state, epoch) as reader:
            found.append(verify(reader, vkey(office, epoch)).result)
    return found
