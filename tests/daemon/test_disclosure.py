"""What is kept on somebody is given to them whole: record, events with what is sealed in them, proofs; and no more."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from base64 import b64decode
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cabinet.cli.disclose import told_of
from cabinet.control.protocol import ControlError
from cabinet.core.leaves import Subject
from cabinet.core.requests import IncidentReported
from cabinet.engine import Engine
from cabinet.journal import b64, checkpoint, note
from cabinet.journal.leaf import glance
from cabinet.journal.note import Verifier
from cabinet.journal.tree import check_inclusion, leaf_hash
from tests.daemon.harness import Cabinet
from tests.daemon.people import ADA, SEVERIN
from tests.daemon.test_erasure import TECHNICIAN, Offline, until

INCIDENTS = 60


async def lived(engine: Engine) -> None:
    roster = engine.books.roster
    change = {"kind": "person.consent", "person": SEVERIN.id, "purpose": "fingerprint", "day": "2026-03-02"}
    await engine.roster.change({"change": change}, TECHNICIAN)
    await engine.roster.change({"change": change | {"withdrawn": True, "day": "2026-03-09"}}, TECHNICIAN)
    for who, text in ((SEVERIN, "a dent"), (ADA, "Adalbertine's own")):
        subject = Subject("concerned", roster.pseudonym_of(who.id) or "", {"text": text})
        for _ in range(INCIDENTS):
            engine.runner.inbox.post(IncidentReported(0, "incident", "D-0006", None, subject, "technician"))
    await until(engine, lambda: not engine.runner.inbox.waiting)


async def exported(engine: Engine) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Page by page, as over the socket."""
    found: dict[str, Any] = dict(await engine.disclosure.begin({"person": SEVERIN.id}, TECHNICIAN))
    events: list[dict[str, Any]] = []
    at: Any = [1, 0]
    while at is not None:
        where = {"export": found["export"], "epoch": at[0], "first": at[1]}
        page = await engine.disclosure.events(where, TECHNICIAN)
        assert len(json.dumps(page)) < 60_000
        events += page["events"]  # type: ignore[arg-type]
        at = page["next"]
    return found, events


def test_everything_and_the_proof_of_it(template: Path, tmp_path: Path) -> None:
    async def asked() -> tuple[dict[str, Any], list[dict[str, Any]]]:
        async with Offline(template, tmp_path) as engine:
            await lived(engine)
            found, events = await exported(engine)
            at_once = await engine.disclosure.begin({"person": SEVERIN.id, "at_once": True}, TECHNICIAN)
            assert (
                at_once["events"][: len(events) - 1]
                == [  # type: ignore[index]
                    event | {"proof": again["proof"]}
                    for event, again in zip(events[:-1], at_once["events"], strict=False)  # type: ignore[call-overload]
                ]
            )
            return found, events

    found, events = asyncio.run(asked())
    person = found["person"]
    assert {key: person[key] for key in ("id", "name", "department", "consents", "rights", "named_in_rights")} == {
        "id": SEVERIN.id,
        "name": SEVERIN.name,
        "department": "Archive",
        "consents": [],
        "rights": ["severin-deed"],
        "named_in_rights": ["severin-deed"],
    }
    assert person["cards"] == [{"card": SEVERIN.cards[0], "strength": "weak"}]
    assert person["pin"]["since_ms"] > 0
    assert "key" not in person
    kinds = [glance(b64decode(event["leaf"]))["ev"] for event in events]
    assert kinds == [
        "credential.enrolled",
        "consent.recorded",
        "consent.recorded",
        *["incident.recorded"] * INCIDENTS,
        "person.exported",
    ]
    said = [event["opened"][0]["said"] for event in events]
    assert [one["day"] for one in said[1:3]] == ["2026-03-02", "2026-03-09"]
    assert {one["text"] for one in said[3:-1]} == {"a dent"}
    assert '"own"' not in json.dumps(events, ensure_ascii=False)
    [epoch] = found["epochs"]
    signed = note.parse(epoch["checkpoint"].encode())
    Verifier.from_vkey(found["vkeys"][-1]).check(signed)
    sealed = checkpoint.parse(signed.text)
    assert sealed.size == found["export"] + 1
    for event in events:
        proof = [b64.decode(one) for one in event["proof"]]
        check_inclusion(leaf_hash(b64decode(event["leaf"])), event["index"], sealed.size, proof, sealed.root)


def test_a_later_export_ends_an_earlier_one(template: Path, tmp_path: Path) -> None:
    async def asked() -> None:
        async with Offline(template, tmp_path) as engine:
            first = await engine.disclosure.begin({"person": SEVERIN.id}, TECHNICIAN)
            await engine.disclosure.begin({"person": ADA.id}, TECHNICIAN)
            with pytest.raises(ControlError, match="another export has begun"):
                await engine.disclosure.events({"export": first["export"], "epoch": 1, "first": 0}, TECHNICIAN)
            with pytest.raises(ControlError, match="there is no person"):
                await engine.disclosure.begin({"person": "4711"}, TECHNICIAN)

    asyncio.run(asked())


def test_what_the_disk_has_changed_is_named_and_not_read(template: Path, tmp_path: Path) -> None:
    async def asked() -> list[dict[str, Any]]:
        async with Offline(template, tmp_path) as engine:
            spoil_the_first(tmp_path, engine.books.roster.pseudonym_of(SEVERIN.id) or "")
            return (await exported(engine))[1]

    events = asyncio.run(asked())
    assert [event["damaged"] for event in events] == [True, False]
    assert events[0]["opened"] == []
    assert told_of(events[0]).endswith("its bytes are damaged on this device; upstream and backups may have it whole\n")


def test_on_the_command_line(template: Path) -> None:
    """Live, and the same with the daemon down; erased people are not there any more."""
    with Cabinet(state=template, forked=True) as cabinet:
        live, down = cabinet.folder / "live", cabinet.folder / "down"
        told = cabinet.cabinetctl("person", "export", SEVERIN.id, str(live))
        assert told.returncode == 0, told.stderr
        assert told.stdout.startswith("2 events and the record of person 70615243 are in ")
        assert sorted(path.name for path in live.iterdir()) == [
            "checkpoint-1",
            "events.jsonl",
            "person.json",
            "read-me.txt",
            "vkey",
        ]
        assert all(path.stat().st_mode & 0o077 == 0 for path in live.iterdir())
        text = (live / "read-me.txt").read_text()
        assert f"name: {SEVERIN.name}" in text
        assert "as concerned: name Severin Sealedaway" in text
        assert cabinet.cabinetctl("person", "export", SEVERIN.id, str(live)).returncode == 2
        assert cabinet.end() == 0
        assert cabinet.cabinetctl("person", "export", SEVERIN.id, str(down)).returncode == 0
        lines = (down / "events.jsonl").read_text().splitlines()
        assert [glance(b64decode(json.loads(line)["leaf"]))["ev"] for line in lines] == [
            "credential.enrolled",
            "person.exported",
            "person.exported",
        ]


def spoil_the_first(folder: Path, person: str) -> None:
    """Of the events that concern them: no byte of it is JSON."""
    with closing(sqlite3.connect(next(folder.rglob("journal-1.db")))) as connection, connection:
        connection.execute("DROP TRIGGER payload_unchanged")
        mine = "SELECT min(n) FROM payload WHERE instr(bytes, ?)"
        connection.execute(f"UPDATE payload SET bytes = zeroblob(length(bytes)) WHERE n = ({mine})", (person.encode(),))
