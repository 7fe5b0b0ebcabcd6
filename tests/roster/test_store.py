"""roster.db: what stands in it, what is read back, and that nobody else's hand goes unnoticed."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tracemalloc
from contextlib import closing
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cabinet.policy.rights import Curfew, Window
from cabinet.roster.changes import Import
from cabinet.roster.store import Roster
from cabinet.roster.tables import MIGRATIONS, RosterUnusable
from cabinet.vault.device_key import derive
from drivers.wire.card_number import parse_card
from hal.secret import Secret
from tests.roster.conftest import CHEAP, KEYS, Open, apply, person

ZURICH = ZoneInfo("Europe/Zurich")
OTHER_DEVICE = derive(b"e" * 32)


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=ZURICH).timestamp() * 1000)  # type: ignore[misc, arg-type]


def test_snapshot_is_what_the_files_say(roster: Roster, example: dict[str, bytes]) -> None:
    apply(roster, example)
    rights = roster.snapshot(ZURICH)
    ada, lin = rights.numbers["1001"], rights.numbers["1002"]
    assert rights.version == 1
    assert rights.zone is ZURICH
    assert rights.cards == {
        roster.card_digest(parse_card("0006547886")): ada,
        roster.card_digest(parse_card("01:00:86:F4:44")): lin,
    }
    assert (rights.people[ada].groups, rights.people[ada].roles) == ({"facility", "drivers"}, {"custodian"})
    assert rights.people[lin].language == "zh"
    assert (rights.people[lin].active_from_ms, rights.people[lin].active_until_ms) == (
        ms(2026, 1, 1),
        ms(2028, 1, 1),
    )
    assert rights.item_at == {1: "K-0001", 2: "K-0002", 3: "V-0001", 4: "D-0001"}
    assert rights.items["K-0002"].groups == {"building", "technical"}
    weekdays, saturday = rights.schedules["office-hours"].windows
    assert weekdays == Window(frozenset(range(5)), time(7), time(18))
    assert saturday.days == {5}
    (entrance,) = rights.by_person[lin]
    assert entrance.curfew == Curfew(after_s=36_000, at=time(18))
    assert entrance.factors == ({"card", "pin"}, {"number", "pin"})
    assert [right.id for right in rights.rights_of(rights.people[ada])] == ["drivers-vehicles", "facility-building"]


def test_everyone_is_a_group_of_all(roster: Roster) -> None:
    apply(roster, person())
    apply(roster, {"kind": "right.put", "right": {"id": "r", "persons": ["*"], "items": ["*"], "curfew": "90m"}})
    rights = roster.snapshot(ZURICH)
    (right,) = rights.rights_of(rights.people[rights.numbers["1001"]])
    assert (right.id, right.curfew) == ("r", Curfew(after_s=5400))


def test_curfews_are_kept_as_they_were_written(roster: Roster) -> None:
    written = ["2d", "18:00", "mon 09:00", "fri 18:00", "2026-03-31 18:00", "schedule"]
    apply(roster, person())
    hours = b'[[schedule]]\nid = "s"\ndays = ["mon"]\nfrom = "08:00"\nuntil = "18:00"\n'
    right = f"[[right]]\nid = 'r'\npersons = ['1001']\nitems = ['*']\nschedule = 's'\ncurfew = {written}\n"
    apply(roster, {"rights.toml": hours + right.encode()})
    rights = roster.snapshot(ZURICH)
    (one,) = rights.rights_of(rights.people[rights.numbers["1001"]])
    assert one.curfew == Curfew(
        172_800,
        time(18),
        ((0, time(9)), (4, time(18))),
        (datetime.fromisoformat("2026-03-31 18:00"),),
        with_window=True,
    )


def test_rights_keep_the_order_they_came_in(roster: Roster) -> None:
    apply(roster, person())
    for id_ in ("z", "a"):
        apply(roster, {"kind": "right.put", "right": {"id": id_, "persons": ["1001"], "items": ["*"]}})
    apply(roster, {"kind": "right.put", "right": {"id": "z", "persons": ["1001"], "items": ["*"], "curfew": "1h"}})
    rights = roster.snapshot(ZURICH)
    assert [right.id for right in rights.by_person[rights.numbers["1001"]]] == ["z", "a"]


def test_only_ids_that_can_be_typed_are_numbers(roster: Roster) -> None:
    for id_ in ("1", "123456789012", "1234567890123", "ada"):
        apply(roster, person(id_))
    rights = roster.snapshot(ZURICH)
    assert set(rights.numbers) == {"1", "123456789012"}
    assert len(rights.people) == 4


def test_all_is_there_after_opening_again(open_roster: Open, example: dict[str, bytes]) -> None:
    roster = open_roster()
    apply(roster, example)
    apply(roster, {"kind": "pin.set", "person": "1001", "pin": "4711"})
    before = roster.version, roster.digest, roster.snapshot(ZURICH)
    roster.close()
    again = open_roster()
    assert (again.version, again.digest, again.snapshot(ZURICH)) == before
    ada = again.snapshot(ZURICH).numbers["1001"]
    assert again.pins.check(again.pin_record(ada), Secret("4711"))
    assert not again.pins.check(again.pin_record(ada), Secret("4712"))
    assert again.snapshot(ZURICH).people[ada].pin_set


def test_the_pin_cost_is_found_once_and_stored(tmp_path: Path) -> None:
    asked: list[int] = []

    def cost() -> Any:
        asked.append(1)
        return CHEAP

    for _ in range(2):
        roster = Roster.open(tmp_path / "roster.db", KEYS, "demo", first_pin_cost=cost)
        roster.commit(roster.plan(Import({"people.csv": b"id,name\n1001,Ada\n"})))
        apply(roster, {"kind": "pin.set", "person": "1001", "pin": "4711"})
        roster.close()
    assert len(asked) == 1


def test_nothing_personal_stands_in_the_files(open_roster: Open, tmp_path: Path) -> None:
    roster = open_roster()
    secrets = {"id": "98761234", "name": "Ada Example", "department": "Facility", "card": "0006547886", "pin": "47114"}
    sheet = f"id,name,department,cards\n{secrets['id']},{secrets['name']},{secrets['department']},{secrets['card']}\n"
    rights = (
        b'[[right]]\npersons = ["98761234"]\ngroups = ["*"]\nitems = ["*"]\n'
        b'[[customer]]\nid = "C"\nname = "Ada Example"\n'
    )
    apply(roster, {"people.csv": sheet.encode(), "rights.toml": rights})
    apply(roster, {"kind": "pin.set", "person": secrets["id"], "pin": secrets["pin"]})
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    roster.close()
    stored += (tmp_path / "roster.db").read_bytes()
    card = parse_card(secrets["card"])
    plain = [text.encode() for text in secrets.values()] + [card, card[1:], b"6547886", b"63E9AE"]
    for text in plain:
        assert text.lower() not in stored.lower()
    for text in plain:
        for name in ("md5", "sha1", "sha256", "sha512"):
            digest = hashlib.new(name, text)
            assert digest.digest() not in stored
            assert digest.hexdigest().encode() not in stored


def test_an_erased_row_leaves_no_trace(open_roster: Open, tmp_path: Path) -> None:
    roster = open_roster()
    apply(roster, person(cards=["0006547886"]))
    with closing(sqlite3.connect(tmp_path / "roster.db")) as other:
        row = other.execute("SELECT sealed FROM credential").fetchone()[0]
    apply(roster, {"kind": "card.revoke", "person": "1001", "card": "0006547886"})
    roster.close()
    assert row not in (tmp_path / "roster.db").read_bytes()


def test_pragmas_hold_on_every_connection(roster: Roster) -> None:
    with roster._engine.connect() as one, roster._engine.connect() as two:
        for connection in (one, two):
            found = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "trusted_schema")
            }
            assert found == {
                "journal_mode": "wal",
                "synchronous": 2,
                "secure_delete": 1,
                "foreign_keys": 1,
                "trusted_schema": 0,
            }


def test_tables_are_strict_and_the_form_has_a_number(roster: Roster, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "roster.db")
    strict = dict(
        other.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%'")
    )
    assert len(strict) == 13
    assert set(strict.values()) == {1}
    assert other.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert (tmp_path / "roster.db").stat().st_mode & 0o777 == 0o600
    other.close()


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE person SET suspended = 0",
        "DELETE FROM pin",
        "UPDATE meta SET value = '7' WHERE key = 'version'",
        "UPDATE entitlement SET items = '*'",
    ],
)
def test_another_hand_is_noticed(open_roster: Open, example: dict[str, bytes], tmp_path: Path, tamper: str) -> None:
    roster = open_roster()
    apply(roster, example)
    apply(roster, {"kind": "pin.set", "person": "1001", "pin": "4711"})
    apply(roster, {"kind": "person.suspend", "person": "1001"})
    roster.close()
    with sqlite3.connect(tmp_path / "roster.db") as other:
        other.execute(tamper)
    other.close()
    with pytest.raises(RosterUnusable, match="changed by another hand"):
        open_roster()


def test_another_device_site_or_program_is_refused(open_roster: Open, tmp_path: Path) -> None:
    open_roster().close()
    with pytest.raises(RosterUnusable, match=r"does not fit device\.key"):
        open_roster(keys=OTHER_DEVICE)
    with pytest.raises(RosterUnusable, match="made for site"):
        open_roster(site="other")
    with sqlite3.connect(tmp_path / "roster.db") as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(RosterUnusable, match="newer program"):
        open_roster()


def test_a_file_that_is_no_database_is_refused(open_roster: Open, tmp_path: Path) -> None:
    (tmp_path / "roster.db").write_bytes(os.urandom(4096))
    with pytest.raises(OSError, match="not a database"):
        open_roster()


def test_pages_follow_one_another(roster: Roster) -> None:
    rows = "".join(f"{n:03d},P,{n:010d}\n" for n in range(250))
    apply(
        roster,
        {"people.csv": b"id,name,cards\n" + rows.encode(), "items.csv": b"id\n" + rows.replace(",P,", "X").encode()},
    )
    for list_page, name, key in (
        (roster.people, "people", "id"),
        (roster.items, "items", "id"),
        (roster.credentials, "credentials", "ref"),
    ):
        seen: list[str] = []
        after: Any = None
        for _ in range(3):
            page: Any = list_page(after, 1000)
            assert len(page[name]) <= 200
            seen += [row[key] for row in page[name]]
            after = page["next"]
            if after is None:
                break
        assert after is None
        assert len(seen) == len(set(seen)) == 250
        assert seen == sorted(seen)
    page = roster.credentials(None, 1)
    assert page["credentials"][0]["card"] == f"{int(page['credentials'][0]['person']):010d}"  # type: ignore[index]


def test_a_page_shows_the_last_change(roster: Roster) -> None:
    for id_ in ("2", "1"):
        apply(roster, person(id_))
        assert id_ in [row["id"] for row in roster.people(None, 10)["people"]]  # type: ignore[attr-defined]


def test_a_page_stays_below_a_control_line(roster: Roster) -> None:
    groups = ";".join(f"{n:032d}" for n in range(24))
    rows = "".join(f"{n},P,{groups}\n" for n in range(120))
    apply(roster, {"people.csv": b"id,name,groups\n" + rows.encode()})
    page = roster.people(None, 200)
    assert page["next"] is not None
    assert len(json.dumps(page)) < 60 * 1024


def test_rights_are_listed_in_their_order(roster: Roster, example: dict[str, bytes]) -> None:
    apply(roster, example)
    first: Any = roster.rights(None, 2)
    assert [right["id"] for right in first["rights"]] == ["facility-building", "reception-entrance"]
    assert first["rights"][1]["persons"] == ["1002"]
    rest: Any = roster.rights(first["next"], 2)
    assert ([right["id"] for right in rest["rights"]], rest["next"]) == (["drivers-vehicles"], None)


def test_ten_thousand_people_load_in_little_memory(roster: Roster) -> None:
    rows = "".join(f"{n},Person {n},g{n % 20};all,{n:010d}\n" for n in range(10_000, 20_000))
    roster.commit(roster.plan(Import({"people.csv": b"id,name,groups,cards\n" + rows.encode()})))
    tracemalloc.start()
    rights = roster.snapshot(ZURICH)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(rights.people) == len(rights.cards) == len(rights.numbers) == 10_000
    assert kept < 10 * 1024 * 1024
    assert peak < 14 * 1024 * 1024
