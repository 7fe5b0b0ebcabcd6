"""journal verify --state, and what is said of several epochs and of a terminal."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from cabinet.core.epoch_set import set_leaves
from cabinet.core.fold import fold
from cabinet.core.leaves import Leaf, Subject
from cabinet.core.ledger import Ledger
from cabinet.core.ledger_rows import changed_rows
from cabinet.journal.leaf import Entry
from cabinet.journal.note import Signer
from cabinet.journal.store import Journal
from cabinet.vault.signing_key import open_or_create
from tests.cli.conftest import Ctl
from tests.journal.making import tampering

ORIGIN = "cabinet.demo/lobby-01"
SALT = "AAAAAAAAAAAAAAAAAAAAAA=="
HOLDER = Subject("holder", "c2l4dGVlbmJ5dGVzISEhIQ==")
TS = 1_767_225_600_000

STORY = (
    Leaf("cabinet.started", {"clean": True}),
    Leaf("door.opened"),
    Leaf("item.granted", {"slot": 7, "item": "K-0007", "visit": "v1"}, (HOLDER,)),
    Leaf("item.removed", {"slot": 7, "item": "K-0007", "grant": 2}, (HOLDER,)),
    Leaf("door.closed"),
    Leaf("alarm.raised", {"code": "door-left-open"}),
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "cabinet.toml"
    file.write_text('[cabinet]\nsite = "demo"\ndevice = "lobby-01"\nstate_dir = "state"\n')
    return file


def written(config: Path, *parts: Sequence[Leaf]) -> None:
    """As the daemon writes them: the rows that change with each transaction."""
    folder = config.parent / "state"
    folder.mkdir(mode=0o700)
    signer = Signer(ORIGIN, open_or_create(folder, journal_exists=False))
    with closing(Journal.open(folder, ORIGIN, "lobby-01", signer)) as journal:
        ledger = Ledger()
        for leaves in parts:
            before, first = ledger, journal.size
            for n, leaf in enumerate(leaves, first):
                ledger = fold(ledger, n, TS + n, leaf)
            entries = [_entry(n, leaf) for n, leaf in enumerate(leaves, first)]
            journal.append(entries, changed_rows(before, ledger))


def _entry(n: int, leaf: Leaf) -> Entry:
    subs = tuple({"r": str(one.role), "p": one.person} for one in leaf.subs)
    return Entry(leaf.ev, TS + n, "ntp", n, "1f0c9a2e", SALT, leaf.fields, subs)  # type: ignore[arg-type]


def changed(config: Path, *statements: str) -> None:
    with closing(tampering(config.parent / "state")) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement


def test_the_table_is_what_the_events_add_up_to(ctl: Ctl, config: Path) -> None:
    written(config, STORY[:2], STORY[2:])
    ended = ctl("journal", "verify", "--state", "--config", str(config))
    assert (ended.code, ended.err) == (0, "")
    rows = sqlite3.connect(config.parent / "state" / "journal-1.db").execute("SELECT count(*) FROM state").fetchone()
    assert ended.out == f"verified: 6 events; they add up to the {rows[0]} rows of state\n"
    state = ctl("journal", "verify", "--state", "--config", str(config), "--json").json["state"]
    assert (state["good"], state["first"], state["size"], state["differences"]) == (True, 0, 6, [])


@pytest.mark.parametrize(
    ("statement", "row", "index"),
    [
        ("""UPDATE state SET value = CAST('{"value":"open"}' AS BLOB) WHERE key = 'door/door'""", "door/door", 4),
        ("DELETE FROM state WHERE key = 'outs/7'", "outs/7", 3),
        ("DELETE FROM state WHERE key = 'alarms/door-left-open'", "alarms/door-left-open", 5),
        ("INSERT INTO state VALUES ('grants/9', x'7b7d')", "grants/9", None),
        ("""INSERT INTO state SELECT 'grants/7', value FROM state WHERE key = 'outs/7'""", "grants/7", 3),
    ],
)
def test_a_row_that_says_something_else(ctl: Ctl, config: Path, statement: str, row: str, index: int | None) -> None:
    written(config, STORY)
    changed(config, statement)
    assert ctl("journal", "verify", "--config", str(config)).code == 0, "the leaves are as they were"
    found = ctl("journal", "verify", "--state", "--config", str(config), "--json")
    assert (found.code, found.json["result"], found.json["rule"], found.json["failed_at"]) == (
        13,
        "failed",
        "state",
        index,
    )
    ((difference,)) = found.json["state"]["differences"]
    assert (difference["row"], difference["index"]) == (row, index)
    ended = ctl("journal", "verify", "--state", "--config", str(config))
    assert (ended.code, ended.out) == (13, "")
    first, last = ended.err.splitlines()
    assert first.startswith(f"{row}: stored is ")
    assert last == "cabinetctl: failed: 1 rows of state are not what the events say; keep the files as they are"


def test_from_the_newest_complete_set(ctl: Ctl, config: Path) -> None:
    """What is older may be pruned; without a set behind it nothing can be said."""
    ledger = Ledger()
    for n, leaf in enumerate(STORY):
        ledger = fold(ledger, n, TS + n, leaf)
    whole = set_leaves(ledger)
    cut = Leaf("epoch.state", {**whole[0].fields, "of": 2})
    written(config, STORY, whole, [Leaf("door.opened")], [cut])
    ack = "INSERT INTO ack SELECT size, note FROM checkpoint WHERE size = 8"
    changed(config, ack, "DELETE FROM payload WHERE n < 6")
    state = ctl("journal", "verify", "--state", "--config", str(config), "--json").json["state"]
    assert (state["good"], state["first"], state["size"]) == (True, 6, 9)
    changed(config, "DELETE FROM payload WHERE n = 7")
    ended = ctl("journal", "verify", "--state", "--config", str(config), "--json")
    assert (ended.code, ended.json["failed_at"], ended.json["state"]["gap"]) == (13, 7, 7)


def test_an_event_of_a_newer_version(ctl: Ctl, config: Path) -> None:
    written(config, STORY)
    foreign = Leaf("epoch.state", {"part": 1, "of": 1, "rows": [["novelties/1", "{}"]]})
    folder = config.parent / "state"
    signer = Signer(ORIGIN, open_or_create(folder, journal_exists=True))
    with closing(Journal.open(folder, ORIGIN, "lobby-01", signer)) as journal:
        journal.append([_entry(6, foreign)])
    ended = ctl("journal", "verify", "--state", "--config", str(config))
    assert ended.code == 13
    assert "event 6 means nothing to this version" in ended.err


def test_beside_a_running_daemon(ctl: Ctl, config: Path) -> None:
    written(config, STORY)
    folder = config.parent / "state"
    signer = Signer(ORIGIN, open_or_create(folder, journal_exists=True))
    with closing(Journal.open(folder, ORIGIN, "lobby-01", signer)):
        assert ctl("journal", "verify", "--state", "--config", str(config)).code == 0
