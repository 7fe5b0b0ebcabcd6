"""Somebody is erased after a thousand events: no file knows them any more, and the journal is what it was."""

from __future__ import annotations

import asyncio
import base64
import logging
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cabinet.acts import Hardware
from cabinet.books import Books
from cabinet.config import load
from cabinet.control.protocol import Code, ControlError
from cabinet.control.session import Peer
from cabinet.core.events import RosterFound
from cabinet.core.leaves import Subject
from cabinet.core.requests import IncidentClosed, IncidentReported
from cabinet.engine import Engine
from cabinet.journal.leaf import glance
from cabinet.journal.note import Signer
from cabinet.journal.reader import JournalReader
from cabinet.journal.verify import verify
from cabinet.roster.store import Roster, RosterDiskError
from hal.system_clock import SystemClock
from hal.worker import InlineWorker
from tests.daemon.harness import Cabinet, configured
from tests.daemon.people import ADA, MAX, SEVERIN
from tests.daemon.records import ORIGIN

TECHNICIAN = Peer(1000, 1, "technician")
HOUR_MS = 3_600_000
EVENTS = 1_000
KEYS = ("device.key", "signing.key")


class Offline:
    """The daemon's engine on a copy of the state folder, without devices; a context."""

    def __init__(self, template: Path, folder: Path) -> None:
        self.folder = folder
        if not (folder / "state").exists():
            shutil.copytree(template, folder / "state")
            (folder / "cabinet.toml").write_text(configured())

    async def __aenter__(self) -> Engine:
        clock = SystemClock()
        self.books = Books.open(load(self.folder / "cabinet.toml", {}), clock)
        self.engine = Engine(self.books, Hardware({}, {}, (), (), None, {}, _never), clock, lambda _: InlineWorker())
        self.loop = asyncio.create_task(self.engine.runner.run())
        self.engine.runner.inbox.post(RosterFound(self.books.roster.version, self.books.roster.digest))
        return self.engine

    async def __aexit__(self, *_: object) -> None:
        self.loop.cancel()
        await self.engine.close()


async def _never(device: str, within_s: float) -> bool:
    return False


def secrets_of(roster: Roster, person: str) -> dict[str, bytes]:
    """What must not be found when they are gone, in each spelling a file could have."""
    severin = roster.pseudonym_of(person) or ""
    key, record = roster.key_of(severin), roster.pin_record(severin)
    assert key is not None
    assert record is not None
    card = b"\x01" + int(SEVERIN.cards[0]).to_bytes(4, "big")
    raw = {"key": key, "PIN record": record, "card": card, "card digest": roster.card_digest(card)}
    texts = {"name": SEVERIN.name, "first name": SEVERIN.name.split()[0], "id": SEVERIN.id, "number": SEVERIN.cards[0]}
    found = {name: text.encode() for name, text in texts.items()}
    for name, value in raw.items():
        found |= {name: value, f"{name} in hex": value.hex().encode()}
        found[f"{name} in base64"] = base64.b64encode(value).rstrip(b"=")
    return found


def left_in(folder: Path, secrets: dict[str, bytes]) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in KEYS]
    assert {"journal-1.db", "roster.db"} <= {path.name for path in files}
    contents = {path.name: path.read_bytes() for path in files}
    return [
        f"{what} in {name}" for name, data in contents.items() for what, secret in secrets.items() if secret in data
    ]


async def thousand_events(engine: Engine, person: str) -> None:
    inbox, subject = engine.runner.inbox, Subject("concerned", person, {"text": f"{SEVERIN.name} lost it again"})
    while engine.runner.state.size < EVENTS:
        for _ in range(50):
            inbox.post(IncidentReported(0, "incident", "D-0006", None, subject, "technician"))
        await until(engine, lambda: not inbox.waiting)
        for n, incident in engine.runner.state.ledger.incidents.items():
            if incident.closed_n is None:
                inbox.post(IncidentClosed(0, n, subject, "technician"))
        await until(engine, lambda: not inbox.waiting)


def test_after_a_thousand_events(template: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def lived() -> dict[str, bytes]:
        async with Offline(template, tmp_path) as engine:
            severin = engine.books.roster.pseudonym_of(SEVERIN.id) or ""
            secrets = secrets_of(engine.books.roster, SEVERIN.id)
            await thousand_events(engine, severin)
            report = {"kind": "incident", "item": "D-0006", "person": SEVERIN.id, "text": f"{SEVERIN.name} lost it"}
            await engine.incidents.record(report, TECHNICIAN)
            before, size = engine.books.journal.checkpoint(), engine.runner.state.size
            about = [leaf for leaf in leaves(tmp_path) if concerns(leaf, severin)]
            assert len(about) > EVENTS * 0.9
            (tmp_path / "state" / "set-aside-20260302T080000Z").mkdir()
            (tmp_path / "state" / "set-aside-20260302T080000Z" / "roster.db").touch()
            asked = {"person": SEVERIN.id, "reason": "left the company"}
            left = await engine.erasure.person(asked | {"dry_run": True}, TECHNICIAN)
            assert (left["pseudonym"], left["incidents"]) == (severin, 1)
            assert left["aside"] == ["set-aside-20260302T080000Z"]
            done = await engine.erasure.person(asked, TECHNICIAN)
            assert done["n"] == size + 1
            (tmp_path / "state" / "log").write_text(caplog.text)
            assert left_in(tmp_path / "state", secrets) == []
            after = [leaf for leaf in leaves(tmp_path) if concerns(leaf, severin)]
            assert after[: len(about)] == about
            assert [leaf["stage"] for leaf in after[len(about) :]] == ["intent", "done"]
            assert not any("e" in sub for leaf in after[len(about) :] for sub in leaf["subs"])
            incident = await last_incident(engine)
            assert (incident["person"], incident["text"]) == (severin, None)
            closed = await engine.incidents.close({"n": incident["n"], "text": "settled"}, TECHNICIAN)
            incident = await last_incident(engine)
            assert (incident["closed_n"], incident["closing"]) == (closed["n"], "settled")
            (tmp_path / "before").write_bytes(before)
        return secrets

    secrets = asyncio.run(lived())
    assert left_in(tmp_path / "state", secrets) == []
    with JournalReader(tmp_path / "state") as reader:
        seed = bytes.fromhex((tmp_path / "state" / "signing.key").read_text())
        verdict = verify(reader, Signer(ORIGIN, seed).vkey, trusted=(tmp_path / "before").read_bytes())
    assert (verdict.result, verdict.pruned) == ("verified", 0)


@pytest.mark.parametrize("cut", ["before the roster", "before its files", "before the last leaf"])
def test_a_cut_is_made_good_at_the_next_start(
    cut: str, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut_short() -> dict[str, bytes]:
        async with Offline(template, tmp_path) as engine:
            roster = engine.books.roster
            secrets, whole = secrets_of(roster, SEVERIN.id), roster.erase

            def fails(people: list[str]) -> None:
                if cut == "before its files":
                    monkeypatch.setattr("cabinet.roster.erasure.scrub", _refuses)
                if cut != "before the roster":
                    whole(people)
                if cut != "before its files":
                    raise RosterDiskError("the disk is full")

            monkeypatch.setattr(roster, "erase", fails)
            with pytest.raises(ControlError, match="tried again") as refused:
                await engine.erasure.person({"person": SEVERIN.id, "reason": "left"}, TECHNICIAN)
            assert refused.value.code == Code.REFUSED
            severin = next(iter(engine.runner.state.ledger.erasures))
            assert engine.runner.state.ledger.erasures == {severin: engine.runner.state.size - 1}
        monkeypatch.undo()
        return secrets

    async def start_again() -> None:
        async with Offline(template, tmp_path) as engine:
            await until(engine, lambda: not engine.runner.state.ledger.erasures)
            stages = [leaf["stage"] for leaf in leaves(tmp_path) if leaf["ev"] == "person.erased"]
            assert stages == ["intent", "done"]
            assert not any(leaf.get("cause") == "found" for leaf in leaves(tmp_path)[1:])
            with pytest.raises(ControlError, match="there is no person"):
                await engine.erasure.person({"person": SEVERIN.id, "reason": "once more"}, TECHNICIAN)

    secrets = asyncio.run(cut_short())
    asyncio.run(start_again())
    assert left_in(tmp_path / "state", secrets) == []


def _refuses(engine: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


@pytest.mark.parametrize("reason", [f"{SEVERIN.name} has left", "severin left", f"number {SEVERIN.id} left"])
def test_a_reason_that_names_them_is_refused(reason: str, template: Path, tmp_path: Path) -> None:
    async def asked() -> None:
        async with Offline(template, tmp_path) as engine:
            with pytest.raises(ControlError, match="without id and name"):
                await engine.erasure.person({"person": SEVERIN.id, "reason": reason}, TECHNICIAN)
            assert not any(leaf["ev"] == "person.erased" for leaf in leaves(tmp_path))

    asyncio.run(asked())


def test_a_customer_goes_the_same_way(template: Path, tmp_path: Path) -> None:
    """Their items stay, what was sealed for them cannot be read any more, and the journal keeps a label."""
    customer = b'[[customer]]\nid = "C-017"\nname = "Kim Flatowner"\n'

    async def asked() -> None:
        async with Offline(template, tmp_path) as engine:
            files = {"rights.toml": customer.decode(), "items.csv": "id,kind,customer\nK-0007,key,C-017\n"}
            await engine.roster.import_whole({"files": files}, TECHNICIAN)
            label = engine.books.roster.customer_pseudonym("C-017") or ""
            key = engine.books.roster.key_of(label) or b""
            report = {"kind": "complaint", "item": "K-0007", "text": "left open"}
            await engine.incidents.record(report, TECHNICIAN)
            assert (await last_incident(engine))["text"] == "left open"
            await engine.erasure.customer({"customer": "C-017", "reason": "contract ended"}, TECHNICIAN)
            assert (await last_incident(engine))["text"] is None
            assert engine.books.roster.customer_of("K-0007") is None
            assert "K-0007" in engine.runner.rights.items
            said = [leaf for leaf in leaves(tmp_path) if leaf["ev"] == "person.erased"]
            assert [(leaf["stage"], leaf["subs"]) for leaf in said] == [
                (stage, [{"p": label, "r": "concerned"}]) for stage in ("intent", "done")
            ]
            secrets = {"name": b"Kim Flatowner", "id": b"C-017", "key": key}
            assert left_in(tmp_path / "state", secrets) == []

    asyncio.run(asked())


def test_while_it_runs_with_an_item_out(template: Path) -> None:
    """The program itself: told what is out, the label stays with it, and the next start knows nobody of that card."""
    with Cabinet(state=template) as cabinet:
        cabinet.mark()
        cabinet.badge(MAX.cards[0])
        cabinet.screen("Slot number")
        cabinet.world("press 3#")
        cabinet.take(3)
        label = next(sub["p"] for sub in cabinet.until_kind("item.removed")["subs"])
        told = cabinet.cabinetctl("person", "erase", MAX.id, "--reason", "left", "--yes")
        assert told.returncode == 0, told.stderr
        assert "still hold K-0003 (slot 3)" in told.stderr
        assert label in told.stdout
        explained = cabinet.call("roster.explain", {"person": ADA.id, "item": "K-0003"})
        assert explained["holder"] == label
        assert [one["holder"] for one in cabinet.call("roster.outs")["outs"]] == [label]
        assert MAX.name not in cabinet.cabinetctl("item", "find", "K-0003").stdout
        cabinet.badge(MAX.cards[1])
        assert cabinet.until_kind("visit.refused")["rule"] == "unknown_card"
        cabinet.put_back(3)
        returned = cabinet.until_kind("item.returned")
        assert returned["subs"] == [{"p": label, "r": "holder"}]
        cabinet.restart()
        cabinet.badge(MAX.cards[0])
        cabinet.until_new("visit.refused", rule="unknown_card")
        names = [MAX.name.encode(), MAX.id.encode() + b'"', MAX.cards[0].encode(), MAX.cards[1].encode()]
        everything = b"".join(path.read_bytes() for path in cabinet.state.iterdir()) + cabinet.log.read_bytes()
        assert [name for name in names if name in everything] == []


async def until(engine: Engine, holds: Callable[[], bool]) -> None:
    while not holds():
        await engine.runner.next_turn().wait()


async def last_incident(engine: Engine) -> dict[str, Any]:
    page = await engine.incidents.page({"after": max(engine.runner.state.ledger.incidents) - 1}, TECHNICIAN)
    [incident] = page["incidents"]  # type: ignore[misc]
    return dict(incident)


def leaves(folder: Path) -> list[dict[str, Any]]:
    with JournalReader(folder / "state") as reader:
        return [glance(stored.data) for stored in reader.leaves() if stored.data is not None]


def concerns(leaf: dict[str, Any], person: str) -> bool:
    return any(sub["p"] == person for sub in leaf.get("subs", ()))
