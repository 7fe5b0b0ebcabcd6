"""Keys of the journal on the command line, with no daemon: rotated, lost, revoked; and what verifies afterwards."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from cabinet.journal import b64, checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.key_walk import walked
from cabinet.journal.known_keys import read_known
from cabinet.journal.note import Signer
from cabinet.journal.reader import JournalReader
from cabinet.journal.revocation import Revocation
from cabinet.journal.store import Journal
from cabinet.vault import device_key
from cabinet.vault.signing_key import open_or_create
from tests.cli.conftest import Ctl
from tests.journal.making import entry

ORIGIN = "cabinet.demo/lobby-01"
FLEET = Signer("fleet.example", b"f" * 32)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Of a cabinet with nine events, whose daemon has ended."""
    file = tmp_path / "cabinet.toml"
    file.write_text(
        f'[cabinet]\nsite = "demo"\ndevice = "lobby-01"\nstate_dir = "state"\n[upstream]\nfleet_key = "{FLEET.vkey}"\n'
    )
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    device_key.open_or_create(state, journal_exists=False)
    with closing(Journal.open(state, ORIGIN, "lobby-01", key(state))) as journal:
        for n in range(0, 9, 3):
            journal.append([entry(n), entry(n + 1), entry(n + 2)])
    return file


def key(state: Path) -> Signer:
    return Signer(ORIGIN, open_or_create(state, journal_exists=(state / "journal-1.db").exists()))


def newest(state: Path, epoch: int = 1) -> Checkpoint:
    with JournalReader(state, epoch) as reader:
        return checkpoint.parse(note.parse(reader.checkpoint()).text)


def test_rotated_verified_exported_and_proven(ctl: Ctl, config: Path, tmp_path: Path) -> None:
    arguments, state = ("--config", str(config)), tmp_path / "state"
    old = key(state)
    (tmp_path / "old").write_text(f"{old.vkey}\n")
    assert ctl("journal", "rotate-key", *arguments, "--reason", "yearly", "--dry-run").code == 0
    assert key(state).vkey == old.vkey
    done = ctl("journal", "rotate-key", *arguments, "--reason", "once a year", "--json")
    assert (done.code, done.json["old"]) == (0, old.vkey)
    assert ctl("journal", "rotate-key", *arguments, "--reason", "and again").code == 0
    assert key(state).vkey not in (old.vkey, done.json["vkey"])
    assert [one.vkey for one in read_known(state)] == [old.vkey]
    assert ctl("journal", "verify", *arguments).code == 0
    assert ctl("journal", "verify", *arguments, "--key", str(tmp_path / "old")).code == 0
    assert ctl("journal", "export", str(tmp_path / "out"), *arguments).code == 0
    assert (tmp_path / "out" / "vkey").read_text().count(ORIGIN) == 3
    assert ctl("journal", "receipt", "1", "--out", str(tmp_path / "receipt"), *arguments).code == 0
    vkeys = ("--key", str(tmp_path / "out" / "vkey"))
    assert ctl("journal", "verify-receipt", str(tmp_path / "receipt"), *vkeys).code == 0


def test_a_key_that_is_there_is_not_replaced(ctl: Ctl, config: Path, tmp_path: Path) -> None:
    replaced = ctl("journal", "replace-key", "--config", str(config), "--reason", "lost", "--yes")
    assert replaced.code == 5
    assert "rotate-key" in replaced.err
    assert ctl("journal", "replace-key", "--config", str(config), "--reason", "lost").code == 2
    assert sorted(path.name for path in (tmp_path / "state").glob("signing*")) == ["signing.key"]


@pytest.mark.parametrize("lost", ["gone", "another"])
def test_a_lost_key_is_replaced_in_the_next_epoch(ctl: Ctl, config: Path, tmp_path: Path, lost: str) -> None:
    state, arguments = tmp_path / "state", ("--config", str(config))
    assert ctl("journal", "rotate-key", *arguments, "--reason", "writes down the first key").code == 0
    (tmp_path / "old").write_text(f"{read_known(state)[0].vkey}\n")
    end = newest(state)
    (state / "signing.key").unlink()
    if lost == "another":
        (state / "signing.key").write_text("0b" * 32)
        (state / "signing.key").chmod(0o600)
    done = ctl("journal", "replace-key", *arguments, "--reason", "the board burnt", "--yes", "--json")
    assert (done.code, done.json["epoch"], done.json["old_size"]) == (0, 2, end.size)
    assert key(state).named(f"{ORIGIN}/e2").vkey == done.json["vkey"]
    assert [one.vkey for one in read_known(state)][1:] == [done.json["vkey"]]
    opened = ctl("journal", "list", *arguments, "--kind", "epoch.opened", "--json").json["leaf"]
    assert (opened["reason"], opened["why"], opened["old_origin"]) == ("key-lost", "the board burnt", ORIGIN)
    assert (opened["old_root"], opened["vkey"]) == (b64.encode(end.root), done.json["vkey"])
    assert ctl("journal", "verify", *arguments).code == 0
    assert ctl("journal", "verify", *arguments, "--key", str(tmp_path / "old")).code == 13
    (tmp_path / "old").write_text("".join(f"{one.vkey}\n" for one in read_known(state)))
    assert ctl("journal", "verify", *arguments, "--key", str(tmp_path / "old")).code == 0
    assert ctl("journal", "rotate-key", *arguments, "--reason", "goes on").code == 0
    assert ctl("journal", "verify", *arguments).code == 0
    assert ctl("journal", "export", str(tmp_path / "out"), *arguments).code == 0


def test_a_revoked_key_is_given_up_behind_what_is_known(ctl: Ctl, config: Path, tmp_path: Path) -> None:
    state, arguments, file = tmp_path / "state", ("--config", str(config)), tmp_path / "revocation"
    assert ctl("journal", "rotate-key", *arguments, "--reason", "writes down the first key").code == 0
    with JournalReader(state) as reader:
        rotations = list(reader.rotations())
        walk = walked(read_known(state)[0], rotations)
        size = walk.rotations[0]
        root = walk.check(rotations[0][2]).root
    assert ctl("journal", "rotate-key", *arguments, "--reason", "and once more").code == 0
    stolen = walk.key
    for signer, known, says in (
        (Signer("fleet.example", b"g" * 32), Checkpoint(ORIGIN, size, root), "not signed by fleet.example"),
        (FLEET, Checkpoint(ORIGIN, size, b"\0" * 32), "is not that of this journal"),
        (FLEET, Checkpoint(ORIGIN, 1000, root), "was it put back"),
    ):
        file.write_bytes(Revocation(stolen.vkey, known).signed(signer))
        refused = ctl("journal", "revoke-key", str(file), *arguments, "--yes")
        assert (refused.code, says in refused.err) == (5, True), refused.err
    assert not (state / "journal-2.db").exists()
    file.write_bytes(Revocation(stolen.vkey, Checkpoint(ORIGIN, size, root)).signed(FLEET))
    failed = ctl("journal", "verify", *arguments, "--revocation", str(file), "--json")
    assert (failed.code, failed.json["failed_at"], failed.json["rule"]) == (13, size, "key-revoked")
    done = ctl("journal", "revoke-key", str(file), *arguments, "--yes", "--json")
    assert (done.code, done.json["epoch"], done.json["old_size"]) == (0, 2, size)
    opened = ctl("journal", "list", *arguments, "--kind", "epoch.opened", "--json").json["leaf"]
    assert (opened["reason"], opened["old_size"]) == ("key-revoked", size)
    assert key(state).named(f"{ORIGIN}/e2").vkey == done.json["vkey"]
    for more in ((), ("--revocation", str(file))):
        ended = ctl("journal", "verify", *arguments, *more)
        assert ended.code == 0, ended.err + ended.out


def test_a_key_that_was_rotated_away_before_is_not_given_up(ctl: Ctl, config: Path, tmp_path: Path) -> None:
    state, arguments, file = tmp_path / "state", ("--config", str(config)), tmp_path / "revocation"
    first = key(state).vkey
    assert ctl("journal", "rotate-key", *arguments, "--reason", "once a year").code == 0
    end = newest(state)
    file.write_bytes(Revocation(first, end).signed(FLEET))
    refused = ctl("journal", "revoke-key", str(file), *arguments, "--yes")
    assert (refused.code, "signs nothing here beyond" in refused.err) == (5, True)
