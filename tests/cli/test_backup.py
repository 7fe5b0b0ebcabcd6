"""Backups on the command line, with the daemon down; tests/daemon has the same beside a running one."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.backup import outsider
from tests.cli.conftest import Ctl

SETTINGS = '[cabinet]\nsite = "demo"\ndevice = "lobby-01"\nstate_dir = "state"\nsocket_dir = "run"\n'


class Office:
    """A cabinet whose daemon does not run, and the key to its backups elsewhere."""

    def __init__(self, ctl: Ctl, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "cabinet.toml"
        self.config.write_text(SETTINGS)
        made = ctl("backup", "keygen", str(folder / "office"))
        self.identity = str(folder / "office" / "backup.identity")
        self.config.write_text(f"{SETTINGS}{made.out}")

    @property
    def secret(self) -> bytes:
        return bytes.fromhex(Path(self.identity).read_text())


@pytest.fixture
def office(ctl: Ctl, tmp_path: Path) -> Office:
    found = Office(ctl, tmp_path)
    assert ctl("person", "add", "1001", "--name", "Ada", "--config", str(found.config)).code == 0
    return found


def file_of(office: Office, ctl: Ctl, name: str, *options: str) -> str:
    file = office.folder / name
    ended = ctl("backup", "create", str(file), *options, "--config", str(office.config))
    assert ended.code == 0, ended.err
    return str(file)


def test_one_is_made_journaled_and_opened_by_an_outsider(ctl: Ctl, office: Office) -> None:
    file = office.folder / "full"
    made = ctl("backup", "create", str(file), "--config", str(office.config), "--json").json
    data = file.read_bytes()
    assert (made["size"], made["digest"]) == (len(data), sha256(data).hexdigest())
    assert (made["parts"], file.stat().st_mode & 0o777) == (["journal", "roster"], 0o600)
    [leaf] = [
        json.loads(line)["leaf"]
        for line in ctl("journal", "list", "--json", "--config", str(office.config)).out.splitlines()
        if '"backup.made"' in line
    ]
    assert {key: leaf[key] for key in ("n", "size", "digest", "checkpoint", "parts")} == {
        key: made[key] for key in ("n", "size", "digest", "checkpoint", "parts")
    }
    parts = {header["part"]: content for header, content in outsider.open_file(data, office.secret)}
    roster = dict(outsider.records(parts["roster"]))
    assert roster["K"].hex() == (office.folder / "state" / "device.key").read_text().strip()
    assert roster["D"].startswith(b"SQLite format 3\0")
    assert (office.folder / "state" / "signing.key").read_text().strip() not in str(parts)
    last = ctl("backup", "last", "--json", "--config", str(office.config)).json
    assert last["made"] is not None
    assert last["tested"] is None


def test_a_journal_alone_opens_nobody(ctl: Ctl, office: Office) -> None:
    file = Path(file_of(office, ctl, "journal", "--journal"))
    [(header, content)] = outsider.open_file(file.read_bytes(), office.secret)
    assert header["part"] == "journal"
    assert {kind for kind, _ in outsider.records(content)} <= set("ELCSZ")
    assert b"Ada" not in content
    [(header, _)] = outsider.open_file(Path(file_of(office, ctl, "r", "--roster")).read_bytes(), office.secret)
    assert header["part"] == "roster"


def test_verified_with_the_key_and_without(ctl: Ctl, office: Office) -> None:
    full = file_of(office, ctl, "full")
    assert ctl("person", "add", "1002", "--name", "Lin", "--config", str(office.config)).code == 0
    added = file_of(office, ctl, "added", "--since", full)
    whole = ctl("backup", "verify", full, added, "--identity", office.identity, "--json").json
    assert whole["opened"] is True
    assert [(one["origin"], one["pruned"]) for one in whole["epochs"]] == [("cabinet.demo/lobby-01", 0)]
    assert whole["roster"] == {"version": 2, "known": True}
    outside = ctl("backup", "verify", full, added, "--json").json
    assert [(one["first"], one["size"]) for one in outside["epochs"]] == [(0, 1), (1, 3)]
    alone = ctl("backup", "verify", added, "--identity", office.identity)
    assert alone.code == 13
    assert "name all of them" in alone.err
    data = bytearray(Path(full).read_bytes())
    data[-20] ^= 1
    Path(full).write_bytes(data)
    assert ctl("backup", "verify", full, "--identity", office.identity).code == 13
    Path(full).write_bytes(data[:-1])
    cut = ctl("backup", "verify", full)
    assert (cut.code, "cut off" in cut.err) == (13, True)


def test_what_cannot_be_done_is_said(ctl: Ctl, office: Office) -> None:
    full = file_of(office, ctl, "full")
    again = ctl("backup", "create", full, "--config", str(office.config))
    assert (again.code, "choose another name" in again.err) == (2, True)
    assert ctl("backup", "create", "x", "--roster", "--since", full, "--config", str(office.config)).code == 2
    assert ctl("backup", "verify", str(office.config)).code == 13
    assert ctl("backup", "verify", full, "--identity", str(office.folder / "none")).code == 13
    assert ctl("backup", "keygen", str(office.folder / "office")).code == 2
    office.config.write_text(SETTINGS)
    without = ctl("backup", "create", str(office.folder / "y"), "--config", str(office.config))
    assert (without.code, "backup keygen" in without.err) == (78, True)
    office.config.write_text(f'{SETTINGS}[backup]\nrecipient = "backup+00000000+AAAA"\n')
    assert ctl("config", "check", "--config", str(office.config)).code == 78
    assert not list(office.folder.glob("*.part"))


def test_nothing_of_it_is_left_when_it_fails(ctl: Ctl, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cabinet.backup.create.journal_part.write", full_disk)
    ended = ctl("backup", "create", str(office.folder / "full"), "--config", str(office.config))
    assert (ended.code, "No space left" in ended.err) == (1, True)
    assert not list(office.folder.glob("full*"))
