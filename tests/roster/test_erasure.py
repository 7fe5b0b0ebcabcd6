"""Erased people and customers: no row names them, and no byte of what they had is left in the files."""

from __future__ import annotations

import random
import re
from base64 import b64encode
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from cabinet.policy.rights import Pseudonym
from cabinet.roster.erasure import scrub
from cabinet.roster.store import Roster, RosterDiskError
from cabinet.roster.tables import PERSON, open_engine, writing
from cabinet.vault import person_key
from tests.roster.conftest import KEYS, Open, apply, person

ZURICH = ZoneInfo("Europe/Zurich")
CARD = "0006547886"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> dict[Pseudonym, set[bytes]]:
    """What was ever written of each person's key, as it is and wrapped."""
    found: dict[Pseudonym, set[bytes]] = {}
    wrap = person_key.wrap

    def watched(wrap_key: bytes, key: bytes, who: Pseudonym, random: person_key.Random) -> bytes:
        wrapped = wrap(wrap_key, key, who, random)
        found.setdefault(who, set()).update((key, wrapped[12:28], wrapped[28:44], wrapped[44:]))
        return wrapped

    monkeypatch.setattr(person_key, "wrap", watched)
    return found


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("roster.db*")))


def test_nothing_of_an_erased_person_is_left(
    roster: Roster, secrets: dict[Pseudonym, set[bytes]], tmp_path: Path
) -> None:
    apply(roster, person(cards=[CARD], groups=["a"]))
    apply(roster, person("1002", "Lin"))
    apply(roster, {"kind": "pin.set", "person": "1001", "pin": "4711"})
    for name in ("Ada L", "Ada Lo"):
        apply(roster, person(name=name, groups=["b"]))
    rights = roster.snapshot(ZURICH)
    ada, lin = rights.numbers["1001"], rights.numbers["1002"]
    record = roster.pin_record(ada)
    assert record is not None
    traces = {*secrets[ada], ada.encode(), record, record[:16], roster.card_digest(b"\x01" + int(CARD).to_bytes(4))}
    assert all(trace in files(tmp_path) for trace in (ada.encode(), record))

    roster.erase([ada])

    assert [trace.hex() for trace in traces if trace in files(tmp_path)] == []
    assert (tmp_path / "roster.db-wal").read_bytes() == b""
    after = roster.snapshot(ZURICH)
    assert (set(after.people), after.cards, after.numbers) == ({lin}, {}, {"1002": lin})
    assert (roster.key_of(ada), roster.name_of(ada), roster.pin_record(ada)) == (None, None, None)
    assert roster.key_of(lin) is not None


def test_what_the_database_has_moved_about_leaves_no_copy_behind(tmp_path: Path) -> None:
    """SQLite overwrites what is deleted, and not the copy that stays where it was before its page was split: with this
    seed there is one."""
    choose, engine = random.Random(2), open_engine(tmp_path / "roster.db")
    columns = ", ".join(column.name for column in PERSON.columns)
    insert = f"INSERT INTO person ({columns}) VALUES (?, ?, ?, ?, '', '', '', null, null, 0, '', '', null)"
    digests = [choose.randbytes(32) for _ in range(300)]
    with writing(engine).connect() as connection:
        for digest in digests:
            with connection.begin():
                who = f"{choose.getrandbits(96):024x}"
                row = (who, digest, choose.randbytes(60), choose.randbytes(choose.choice((92, 156))))
                connection.exec_driver_sql(insert, row)
        gone = choose.sample(digests, 100)
        for digest in gone:
            with connection.begin():
                connection.exec_driver_sql("DELETE FROM person WHERE id_digest = ?", (digest,))
    scrub(engine)
    engine.dispose()
    found = files(tmp_path)
    assert [digest.hex() for digest in gone if any(digest[at : at + 16] in found for at in (0, 16))] == []
    assert all(digest in found for digest in set(digests) - set(gone))


def test_versions_do_not_name_them_and_rights_of_theirs_alone_go(roster: Roster, tmp_path: Path) -> None:
    for who in ("1001", "1002"):
        apply(roster, person(who, "Ada"))
    apply(roster, {"kind": "item.put", "item": {"id": "K-1", "kind": "key", "name": "Van", "slot": 1}})
    for name, persons in (("mine", ["1001"]), ("ours", ["1001", "1002"])):
        apply(roster, {"kind": "right.put", "right": {"id": name, "persons": persons, "items": ["K-1"]}})
    ada = roster.pseudonym_of("1001") or ""
    version, digest = roster.version, roster.digest
    roster.erase([ada])
    assert (roster.version, roster.digest == digest) == (version + 1, False)
    assert [one["id"] for one in roster.rights(None, 10)["rights"]] == ["ours"]  # type: ignore[attr-defined]
    told = [line for one in roster.versions() for line in one["lines"]]  # type: ignore[attr-defined]
    assert "person who was erased added" not in told
    assert not any(line.startswith("person 1001") for line in told)


def test_a_customer_goes_with_name_and_id_and_the_items_stay(
    roster: Roster, secrets: dict[str, set[bytes]], tmp_path: Path
) -> None:
    toml = b'[[customer]]\nid = "C-017"\nname = "Kim"\n[[customer]]\nid = "C-018"\nname = "Noa"\n'
    apply(roster, {"rights.toml": toml})
    item = {"id": "K-1", "kind": "key", "name": "Flat 3", "slot": 1}
    apply(roster, {"kind": "item.put", "item": item | {"customer": "C-017"}})
    apply(roster, {"kind": "item.put", "item": item | {"customer": "C-017", "slot": 2}})
    kim = roster.customer_pseudonym("C-017") or ""
    roster.erase([kim])
    assert [t for t in (*secrets["C-017"], b"C-017") if t in files(tmp_path)] == []
    assert roster.customer_pseudonym("C-017") is None
    assert roster.key_of(kim) is None
    assert roster.customer_of("K-1") is None
    assert roster.customer_pseudonym("C-018") is not None
    export = roster.export()
    assert not any("C-017" in text or "Kim" in text for text in export.values())


def test_erasing_again_or_nobody_is_no_new_version(roster: Roster) -> None:
    apply(roster, person())
    ada = roster.pseudonym_of("1001") or ""
    roster.erase([ada])
    version, digest = roster.version, roster.digest
    roster.erase([ada, b64encode(bytes(16)).decode()])
    assert (roster.version, roster.digest) == (version, digest)


def test_a_reader_holds_up_the_end_and_the_next_try_makes_it(
    open_roster: Open, tmp_path: Path, secrets: dict[Pseudonym, set[bytes]]
) -> None:
    roster = open_roster()
    apply(roster, person())
    ada = roster.pseudonym_of("1001") or ""
    event.listen(roster._engine, "checkout", lambda raw, *_: raw.execute("PRAGMA busy_timeout = 0"))
    with roster._engine.connect() as reading:
        reading.exec_driver_sql("SELECT count(*) FROM person").all()
        with pytest.raises(RosterDiskError, match="being read"):
            roster.erase([ada])
        assert roster.pseudonym_of("1001") is None
    roster.erase([ada])
    assert [trace for trace in secrets[ada] if trace in files(tmp_path)] == []
    assert open_roster(KEYS).version == roster.version


def test_a_right_without_an_id_is_named_after_everything_but_people(roster: Roster) -> None:
    """Granting twice makes one; others have other names; whoever is named stands only in a keyed mark."""
    for who in ("1001", "1002"):
        apply(roster, person(who, "Ada"))
    apply(roster, {"kind": "item.put", "item": {"id": "K-1", "kind": "key", "name": "Van", "slot": 1}})
    for who in ("1001", "1001", "1002"):
        apply(roster, {"kind": "right.put", "right": {"persons": [who], "items": ["K-1"]}})
    ids = [one["id"] for one in roster.rights(None, 10)["rights"]]  # type: ignore[attr-defined]
    assert len(ids) == 2
    assert all(re.fullmatch(r"K-1-[0-9a-f]{8}", name) for name in ids)
