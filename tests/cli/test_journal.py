"""The journal commands over real files, with a daemon's lock held and without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cabinet.journal.leaf import Entry, Value
from cabinet.journal.note import Signer
from cabinet.journal.store import Journal
from cabinet.vault.signing_key import open_or_create
from tests.cli.conftest import Ctl

ORIGIN = "cabinet.demo/lobby-01"
TS = 1_767_225_600_000  # 2026-01-01T00:00:00Z, eight hours later on the wall here
SALT = "AAAAAAAAAAAAAAAAAAAAAA=="
HOLDER = {"r": "holder", "p": "c2l4dGVlbmJ5dGVzISEhIQ==", "e": "A" * 40}


def entry(n: int) -> Entry:
    kind = "item.removed" if n % 2 == 0 else "item.returned"
    fields: dict[str, Value] = {"slot": 1 + n % 3, "item": f"K-000{1 + n % 3}"}
    return Entry(kind, TS + n * 60_000, "ntp", 1000 + n, "1f0c9a2e", SALT, fields, (HOLDER,))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "cabinet.toml"
    file.write_text('[cabinet]\nsite = "demo"\ndevice = "lobby-01"\nstate_dir = "state"\n')
    return file


def filled(config: Path) -> Journal:
    """Open for writing, nine events in it."""
    folder = config.parent / "state"
    folder.mkdir(mode=0o700)
    seed = open_or_create(folder, journal_exists=False)
    journal = Journal.open(folder, ORIGIN, "lobby-01", Signer(ORIGIN, seed))
    for n in range(0, 9, 3):
        journal.append([entry(n), entry(n + 1), entry(n + 2)])
    return journal


@pytest.fixture
def journal(config: Path) -> Iterator[Journal]:
    """As a running daemon has it."""
    with closing(filled(config)) as opened:
        yield opened


@pytest.fixture
def files(config: Path) -> str:
    """The configuration of a cabinet whose daemon has ended."""
    filled(config).close()
    return str(config)


def listed(ctl: Ctl, *arguments: str) -> list[int]:
    ended = ctl("journal", "list", "--json", *arguments)
    assert ended.code == 0
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert all(line["schema"] == 1 and line["leaf"]["n"] == line["n"] for line in lines)
    return [line["n"] for line in lines]


@pytest.mark.usefixtures("journal")
def test_beside_a_running_daemon(ctl: Ctl, config: Path) -> None:
    assert listed(ctl, "--config", str(config)) == list(range(9))
    assert ctl("journal", "verify", "--config", str(config)).out == "verified: 9 events\n"


def test_with_the_daemon_down(ctl: Ctl, files: str) -> None:
    assert listed(ctl, "--config", files) == list(range(9))
    assert ctl("journal", "verify", "--config", files).code == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--kind", "item.returned"], [1, 3, 5, 7]),
        (["--slot", "2"], [1, 4, 7]),
        (["--item", "K-0003"], [2, 5, 8]),
        (["--kind", "item.removed", "--slot", "1"], [0, 6]),
        (["--since", "2026-01-01T08:05"], [5, 6, 7, 8]),
        (["--since", "2026-01-01T00:05+00:00"], [5, 6, 7, 8]),
        (["--since", "2027-01-01"], []),
        (["--limit", "2"], [7, 8]),
        (["--limit", "100"], list(range(9))),
        (["--limit", "0"], []),
        (["--slot", "2", "--limit", "1"], [7]),
        (["--kind", "no.such"], []),
    ],
)
def test_choosing_events(ctl: Ctl, files: str, options: list[str], expected: list[int]) -> None:
    assert listed(ctl, "--config", files, *options) == expected


def test_choosing_goes_on_from_page_to_page(ctl: Ctl, files: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cabinet.cli.journal.PAGE", 2)
    assert listed(ctl, "--config", files, "--kind", "item.removed") == [0, 2, 4, 6, 8]


def test_a_line_a_leaf(ctl: Ctl, files: str) -> None:
    ended = ctl("journal", "list", "--config", files, "--limit", "1")
    assert ended.out == "      8  2026-01-01 08:08:00  item.removed          slot 3     K-0003    holder c2l4dGVl\n"


@pytest.mark.parametrize("since", ["yesterday", "", "2026-13-01", "99999999999999999999"])
def test_no_time(ctl: Ctl, files: str, since: str) -> None:
    assert ctl("journal", "list", "--config", files, f"--since={since}").code == 2


def test_a_verdict_as_json(ctl: Ctl, files: str) -> None:
    expected = {"result": "verified", "size": 9, "sealed": 9, "failed_at": None, "rule": None, "pruned": 0}
    found = ctl("journal", "verify", "--config", files, "--json").json
    (epoch,) = found.pop("epochs")
    assert found == {"schema": 1, "epoch": 1, **expected}
    assert {name: epoch[name] for name in expected} == expected
    assert (epoch["epoch"], epoch["origin"], epoch["reason"], epoch["accounted"]) == (1, ORIGIN, None, False)
    assert [key.partition("+")[0] for key in epoch["keys"]] == [ORIGIN]


def test_another_key_does_not_verify(ctl: Ctl, files: str, tmp_path: Path) -> None:
    key = tmp_path / "vkey"
    key.write_text(Signer(ORIGIN, b"\1" * 32).vkey + "\n")
    ended = ctl("journal", "verify", "--config", files, "--key", str(key), "--json")
    assert ended.code == 13
    assert (ended.json["result"], ended.json["failed_at"]) == ("failed", 0)
    assert ended.json["error"]["exit"] == 13


def test_a_missing_key_does_not_verify(ctl: Ctl, files: str, tmp_path: Path) -> None:
    seed = (tmp_path / "state" / "signing.key").read_text()
    (tmp_path / "state" / "signing.key").unlink()
    ended = ctl("journal", "verify", "--config", files)
    assert (ended.code, ended.out) == (13, "")
    assert "--key FILE" in ended.err
    key = tmp_path / "vkey"
    key.write_text(Signer(ORIGIN, bytes.fromhex(seed)).vkey + "\n")
    assert ctl("journal", "verify", "--config", files, "--key", str(key)).code == 0


@pytest.mark.parametrize(("text", "code"), [("nonsense\n", 13), ("", 2)])
def test_a_file_that_holds_no_key(ctl: Ctl, files: str, tmp_path: Path, text: str, code: int) -> None:
    (tmp_path / "vkey").write_text(text)
    assert ctl("journal", "verify", "--config", files, "--key", str(tmp_path / "vkey")).code == code
    assert ctl("journal", "verify", "--config", files, "--key", str(tmp_path / "none")).code == 2


def test_a_trusted_checkpoint_shows_a_journal_cut_off(ctl: Ctl, config: Path, tmp_path: Path) -> None:
    trusted = tmp_path / "trusted"
    arguments = ["journal", "verify", "--config", str(config), "--trusted", str(trusted)]
    with closing(filled(config)) as journal:
        trusted.write_bytes(journal.checkpoint())
        assert ctl(*arguments).code == 0
    for file in (tmp_path / "state").glob("journal[-.]*"):
        file.unlink()
    seed = open_or_create(tmp_path / "state", journal_exists=True)
    with closing(Journal.open(tmp_path / "state", ORIGIN, "lobby-01", Signer(ORIGIN, seed))) as again:
        again.append([entry(0)])
        assert ctl("journal", "verify", "--config", str(config)).code == 0
        ended = ctl(*arguments, "--json")
        assert (ended.code, ended.json["result"]) == (13, "rolled-back")
        again.append([entry(n) for n in range(10, 20)])
        ended = ctl(*arguments)
        assert (ended.code, ended.out) == (13, "")
        assert "forked" in ended.err


def test_a_trusted_file_that_is_no_checkpoint(ctl: Ctl, files: str, tmp_path: Path) -> None:
    (tmp_path / "trusted").write_bytes(b"\xff nonsense")
    ended = ctl("journal", "verify", "--config", files, "--trusted", str(tmp_path / "trusted"))
    assert ended.code == 13
    assert ctl("journal", "verify", "--config", files, "--trusted", str(tmp_path / "none")).code == 2


def test_an_export_can_be_checked_by_others(ctl: Ctl, journal: Journal, config: Path, tmp_path: Path) -> None:
    from cabinet.journal.export import verify_export

    (tmp_path / "old").write_bytes(journal.checkpoint())
    journal.append([entry(9)])
    folder = tmp_path / "out"
    arguments = ["--prove", "3", "--prove", "9", "--since", str(tmp_path / "old")]
    ended = ctl("journal", "export", str(folder), "--config", str(config), *arguments)
    assert ended.out == f"10 events of {ORIGIN} are in {folder}\n"
    assert verify_export(folder).checkpoint.size == 10
    assert [proof["index"] for proof in json.loads((folder / "inclusion.json").read_text())] == [3, 9]
    assert len(json.loads((folder / "consistency.json").read_text())) == 1
    again = ctl("journal", "export", str(folder), "--config", str(config))
    assert again.code == 2
    assert "empty" in again.err


def test_an_export_as_json(ctl: Ctl, files: str, tmp_path: Path) -> None:
    folder = str(tmp_path / "out")
    found = ctl("journal", "export", folder, "--config", files, "--json").json
    assert found == {"schema": 1, "directory": folder, "origin": ORIGIN, "size": 9}


def test_an_export_of_what_is_not_there(ctl: Ctl, files: str, tmp_path: Path) -> None:
    ended = ctl("journal", "export", str(tmp_path / "out"), "--config", files, "--prove", "9")
    assert ended.code == 2
    assert not (tmp_path / "out").exists()


def test_no_journal(ctl: Ctl, config: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    for command in (["list"], ["verify"], ["export", str(tmp_path / "out")]):
        ended = ctl("journal", *command, "--config", str(config), "--json")
        assert (ended.code, ended.json["error"]["exit"]) == (10, 10)


def test_a_damaged_journal(ctl: Ctl, files: str, tmp_path: Path) -> None:
    (file,) = (tmp_path / "state").glob("journal-*.db")
    data = file.read_bytes()
    file.write_bytes(data[:1024] + b"\x55" * (len(data) - 1024))
    for command in (["list"], ["verify"]):
        ended = ctl("journal", *command, "--config", files)
        assert ended.code == 13
        assert ended.err.count("\n") == 1


def test_a_bad_configuration(ctl: Ctl, files: str) -> None:
    Path(files).write_text('[cabinet]\nstate_dir = "state"\n')
    assert listed(ctl, "--config", files) == list(range(9)), "enough to find the files"
    ended = ctl("journal", "verify", "--config", files)
    assert ended.code == 78
    Path(files).write_text("[cabinet")
    assert ctl("journal", "list", "--config", files).code == 78
