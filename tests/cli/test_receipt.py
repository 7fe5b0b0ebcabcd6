"""A receipt for one event, made beside the daemon and checked on a computer that has nothing but the receipt and a
verifier key."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from cabinet.journal import b64
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.connection import close, open_writer
from cabinet.journal.key_walk import renamed
from cabinet.journal.note import Signer, read_vkeys
from cabinet.journal.revocation import Revocation
from tests.cli.conftest import Ctl
from tests.cli.test_journal import ORIGIN, filled

SEED = bytes(range(32))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "cabinet.toml"
    file.write_text('[cabinet]\nsite = "demo"\ndevice = "lobby-01"\nstate_dir = "state"\n')
    return file


@pytest.fixture
def vkey(config: Path, ctl: Ctl, tmp_path: Path) -> Path:
    """What the operator published, and a journal that has ended."""
    filled(config).close()
    assert ctl("journal", "export", str(tmp_path / "out"), "--config", str(config)).code == 0
    return tmp_path / "out" / "vkey"


@pytest.fixture
def receipt(vkey: Path, config: Path, ctl: Ctl, tmp_path: Path) -> Path:
    file = tmp_path / "receipt.tlog-proof"
    ended = ctl("journal", "receipt", "4", "--out", str(file), "--config", str(config))
    assert ended.out == f"a receipt for event 4 (item K-0002 was removed from slot 2) is in {file}\n"
    return file


def test_beside_a_running_daemon_it_is_printed(ctl: Ctl, config: Path) -> None:
    with closing(filled(config)):
        ended = ctl("journal", "receipt", "4", "--config", str(config))
        as_json = ctl("journal", "receipt", "4", "--config", str(config), "--json").json
    assert ended.code == 0
    assert ended.out.startswith("c2sp.org/tlog-proof@v1\nextra ")
    assert as_json == {"schema": 1, "n": 4, "origin": ORIGIN, "size": 9, "receipt": ended.out}


def test_its_holder_reads_what_it_proves(ctl: Ctl, receipt: Path, vkey: Path) -> None:
    """No configuration and no journal: `nowhere` of conftest sees to that."""
    ended = ctl("journal", "verify-receipt", str(receipt), "--key", str(vkey))
    assert ended.code == 0
    assert ended.out.splitlines() == [
        f"genuine: event 4 of the 9 that {ORIGIN} signed",
        "what     item K-0002 was removed from slot 2",
        "cabinet  lobby-01",
        "when     2026-01-01 08:04:00 +0800 (clock set by a time service)",
        "who      holder c2l4dGVl (pseudonyms; names are sealed)",
    ]


def test_as_json(ctl: Ctl, receipt: Path, vkey: Path) -> None:
    found = ctl("journal", "verify-receipt", str(receipt), "--key", str(vkey), "--json").json
    assert (found["result"], found["n"], found["origin"], found["size"]) == ("genuine", 4, ORIGIN, 9)
    assert found["leaf"]["ev"] == "item.removed"


@pytest.mark.parametrize(
    ("origin", "size", "same_root", "genuine"),
    [
        (ORIGIN, 9, True, True),  # the very tree that the revocation names
        (ORIGIN, 9, False, False),
        (ORIGIN, 8, True, False),  # beyond what the key is good for
        (ORIGIN, 10, True, False),  # smaller, and whoever has the key can sign that too
        (f"{ORIGIN}/e2", 9, False, True),  # of a later epoch: this one had ended
    ],
)
def test_of_a_revoked_key_only_the_tree_counts_that_the_revocation_names(
    ctl: Ctl, receipt: Path, vkey: Path, tmp_path: Path, origin: str, size: int, same_root: bool, genuine: bool
) -> None:
    root = b64.decode(receipt.read_text().rpartition("\n\n")[0].rpartition("\n")[2])
    known = Checkpoint(origin, size, root if same_root else bytes(32))
    fleet, key = Signer("fleet.example", bytes(32)), renamed(read_vkeys(vkey.read_text())[0], origin)
    (tmp_path / "revocation").write_bytes(Revocation(key.vkey, known).signed(fleet))
    (tmp_path / "fleet").write_text(f"{fleet.vkey}\n")
    arguments = ("journal", "verify-receipt", str(receipt), "--key", str(vkey))
    assert ctl(*arguments).code == 0
    ended = ctl(*arguments, "--revocation", str(tmp_path / "revocation"), "--fleet-key", str(tmp_path / "fleet"))
    assert ended.code == (0 if genuine else 13)
    assert ("was revoked" in ended.err) == (not genuine)


def test_a_revocation_that_is_not_the_fleets(ctl: Ctl, receipt: Path, vkey: Path) -> None:
    arguments = ("--key", str(vkey), "--revocation", str(receipt), "--fleet-key", str(vkey))
    ended = ctl("journal", "verify-receipt", str(receipt), *arguments)
    assert (ended.code, ended.out) == (13, "")
    assert ended.err.startswith("cabinetctl: not verified: ")


def test_a_changed_receipt_proves_nothing(ctl: Ctl, receipt: Path, vkey: Path) -> None:
    whole = receipt.read_bytes()
    for changed in (whole.replace(b"index 4", b"index 5"), whole[:-2], b"", b"\xff" * 9, b"x" * 70_000):
        receipt.write_bytes(changed)
        ended = ctl("journal", "verify-receipt", str(receipt), "--key", str(vkey))
        assert (ended.code, ended.out) == (13, "")
        assert ended.err.startswith(f"cabinetctl: {receipt} proves nothing: ")


@pytest.mark.parametrize(
    ("signer", "said"),
    [
        (Signer(ORIGIN, SEED), f"note is not signed by {ORIGIN} with key"),
        (Signer("cabinet.demo/cellar-02", SEED), f"it is of {ORIGIN}, the key is of cabinet.demo/cellar-02"),
    ],
)
def test_another_key(ctl: Ctl, receipt: Path, tmp_path: Path, signer: Signer, said: str) -> None:
    (tmp_path / "other").write_text(f"{signer.vkey}\n")
    ended = ctl("journal", "verify-receipt", str(receipt), "--key", str(tmp_path / "other"))
    assert (ended.code, ended.out) == (13, "")
    assert said in ended.err


def test_the_right_one_of_several_keys_is_taken(ctl: Ctl, receipt: Path, vkey: Path) -> None:
    vkey.write_text(f"# ours\n{Signer(f'{ORIGIN}/e2', SEED).vkey}\n{vkey.read_text()}")
    assert ctl("journal", "verify-receipt", str(receipt), "--key", str(vkey)).code == 0


@pytest.mark.parametrize(("text", "code"), [("", 2), ("nonsense\n", 13)])
def test_no_key(ctl: Ctl, receipt: Path, tmp_path: Path, text: str, code: int) -> None:
    (tmp_path / "other").write_text(text)
    assert ctl("journal", "verify-receipt", str(receipt), "--key", str(tmp_path / "other")).code == code
    assert ctl("journal", "verify-receipt", str(receipt), "--key", str(tmp_path / "none")).code == 2
    assert ctl("journal", "verify-receipt", str(receipt)).code == 2
    assert ctl("journal", "verify-receipt", str(tmp_path / "none"), "--key", str(tmp_path / "other")).code == 2


@pytest.mark.usefixtures("vkey")
def test_no_such_event(ctl: Ctl, config: Path) -> None:
    ended = ctl("journal", "receipt", "9", "--config", str(config))
    assert (ended.code, ended.err) == (10, "cabinetctl: no receipt: there is no event 9; the journal ends with 8\n")
    assert ctl("journal", "receipt", "0", "--epoch", "2", "--config", str(config)).code == 10
    assert ctl("journal", "receipt", "no", "--config", str(config)).code == 2


@pytest.mark.usefixtures("vkey")
def test_a_pruned_event(ctl: Ctl, config: Path, tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "state" / "journal-1.db")
    for statement in (
        "INSERT INTO ack SELECT size, note FROM checkpoint WHERE size = 9",
        "DELETE FROM payload WHERE n = 4",
    ):
        with connection.begin():
            connection.exec_driver_sql(statement)
    close(connection)
    ended = ctl("journal", "receipt", "4", "--config", str(config))
    assert (ended.code, ended.err) == (10, "cabinetctl: no receipt: event 4 was pruned; only its hash is left\n")


def test_no_file_is_overwritten(ctl: Ctl, receipt: Path, config: Path, tmp_path: Path) -> None:
    before = receipt.read_bytes()
    ended = ctl("journal", "receipt", "5", "--out", str(receipt), "--config", str(config))
    assert (ended.code, receipt.read_bytes()) == (2, before)
    assert ctl("journal", "receipt", "5", "--out", str(tmp_path / "no" / "r"), "--config", str(config)).code == 2


def test_a_journal_of_another_key_gives_no_receipt(ctl: Ctl, vkey: Path, config: Path) -> None:
    vkey.write_text(f"{Signer(ORIGIN, SEED).vkey}\n")
    ended = ctl("journal", "receipt", "4", "--config", str(config), "--key", str(vkey))
    assert (ended.code, ended.out) == (13, "")
