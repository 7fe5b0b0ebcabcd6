"""Complaints and incidents from the command line to the journal and back, nothing in between pretended."""

from __future__ import annotations

from pathlib import Path

import pytest

from cabinet.journal.reader import JournalReader
from cabinet.roster.store import Roster
from tests.cli.conftest import Ctl

FLAT = "the flat was left open by Max"


@pytest.fixture
def there(ctl: Ctl, tmp_path: Path) -> tuple[str, str]:
    """K-0007 belongs to a customer, K-0008 to nobody."""
    config = tmp_path / "cabinet.toml"
    config.write_text(
        '[cabinet]\nsite = "demo"\ndevice = "lobby-01"\nstate_dir = "state"\nsocket_dir = "run"\n'
        '[[link]]\nid = "rs485"\ntype = "modbus"\nport = "links/rs485"\n'
        '[[device]]\nid = "relays"\ntype = "modbus-relay-board"\nlink = "rs485"\nunit = 1\nprofile = "waveshare-8"\n'
        '[[slot]]\nnumber = 7\nlock = "relays:1"\n'
    )
    folder = tmp_path / "roster"
    folder.mkdir()
    (folder / "people.csv").write_text("id,name\n1001,Ada\n")
    (folder / "items.csv").write_text("id,slot,customer\nK-0007,7,C-100\nK-0008,,\n")
    (folder / "rights.toml").write_text('[[customer]]\nid = "C-100"\nname = "Example Estates"\n')
    assert ctl("roster", "import", str(folder), "--config", str(config)).code == 0
    return "--config", str(config)


def record(ctl: Ctl, there: tuple[str, str], *about: str, text: str = FLAT) -> int:
    ended = ctl("incident", "record", "--kind", "complaint", *about, "--text", text, "--json", *there)
    assert ended.code == 0, ended.err
    return int(ended.json["n"])


def test_one_is_recorded_shown_with_its_item_and_closed(ctl: Ctl, there: tuple[str, str], tmp_path: Path) -> None:
    n = record(ctl, there, "--item", "K-0007")
    [one] = ctl("incident", "list", "--customer", "C-100", "--open", "--json", *there).json["incidents"]
    assert (one["n"], one["item"], one["customer"], one["text"], one["closed"]) == (n, "K-0007", "C-100", FLAT, None)
    found = ctl("item", "find", "K-0007", *there)
    assert found.out.splitlines()[-1].startswith(f"K-0007: complaint {n} since ")
    assert found.out.endswith(f": {FLAT}\n")
    assert "incident.recorded" in ctl("journal", "list", *there).out
    with JournalReader(tmp_path / "state") as journal:
        assert all(FLAT.encode() not in (leaf.data or b"") for leaf in journal.leaves())
    assert ctl("incident", "close", str(n), "--text", "locked again", *there).out.startswith(
        f"incident {n} closed with"
    )
    again = ctl("incident", "close", str(n), "--text", "once more", *there)
    assert (again.code, again.err.splitlines()[-1]) == (
        10,
        f"cabinetctl: incident {n} is not open; see `cabinetctl incident list`",
    )
    [one] = ctl("incident", "list", "--item", "K-0007", "--json", *there).json["incidents"]
    assert one["closing"] == "locked again"
    assert ctl("incident", "list", "--open", "--json", *there).json["incidents"] == []


def test_whom_it_concerns_has_the_key(ctl: Ctl, there: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    record(ctl, there, "--item", "K-0008", text="nobody's")
    record(ctl, there, "--item", "K-0008", "--person", "1001", text="Ada's")
    record(ctl, there, "--customer", "C-100", text="the customer's")
    record(ctl, there, "--leaf", "0", text="of a leaf without people")
    keys = Roster.key_of

    def without_people(roster: Roster, person: str) -> bytes | None:
        return None if roster.id_of(person) else keys(roster, person)

    monkeypatch.setattr(Roster, "key_of", without_people)
    listed = ctl("incident", "list", "--json", *there).json["incidents"]
    assert [(one["person"], one["customer"], one["text"]) for one in listed] == [
        (None, None, "nobody's"),
        ("1001", None, None),
        (None, "C-100", "the customer's"),
        (None, None, "of a leaf without people"),
    ]
    assert "(cannot be read any more)" in ctl("incident", "list", *there).out


def test_more_than_a_page_is_listed(ctl: Ctl, there: tuple[str, str]) -> None:
    numbers = [record(ctl, there, "--item", "K-0007", text=f"number {n}") for n in range(11)]
    assert [one["n"] for one in ctl("incident", "list", "--json", *there).json["incidents"]] == numbers


@pytest.mark.parametrize(
    ("about", "code", "complaint"),
    [
        (["--item", "K-9"], 10, "there is no item K-9; see `cabinetctl item list`"),
        (["--customer", "C-9"], 10, "there is no customer C-9 in the roster"),
        (["--leaf", "999"], 10, "there is no leaf 999 to be read; see `cabinetctl journal list`"),
        (["--item", "K-0007", "--person", "9"], 10, "there is no person 9; see `cabinetctl person list`"),
        ([], 2, "one of the arguments --item --customer --leaf is required"),
    ],
)
def test_what_is_not_there_is_named(
    ctl: Ctl, there: tuple[str, str], about: list[str], code: int, complaint: str
) -> None:
    ended = ctl("incident", "record", "--kind", "incident", *about, "--text", "x", *there)
    assert ended.code == code
    assert complaint in ended.err
    assert ctl("incident", "list", "--json", *there).json["incidents"] == []


def test_a_dry_run_records_nothing(ctl: Ctl, there: tuple[str, str]) -> None:
    ended = ctl("incident", "record", "--kind", "incident", "--item", "K-0007", "--text", "x", "--dry-run", *there)
    assert (ended.code, ended.out) == (0, "dry run: nothing was changed\n")
    assert ctl("incident", "list", "--json", *there).json["incidents"] == []
