"""What upstream holds is not what the cabinet has: it ends, and goes on in its next epoch with all it knows."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cabinet.control.client import Client
from cabinet.journal import checkpoint
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.leaf import glance
from cabinet.journal.note import COSIGNATURE, Signer
from cabinet.journal.reader import JournalReader
from cabinet.journal.verify import verify
from tests.daemon.harness import Cabinet, Ended, configured
from tests.daemon.people import LIN
from tests.daemon.records import ORIGIN

COLLECTOR = Signer("collector.demo/one", bytes(range(32)), COSIGNATURE)
CONFIG = configured() + f'\n[upstream]\ndelivery_keys = ["{COLLECTOR.vkey}"]\n'


@pytest.fixture
def cabinet(template: Path) -> Iterator[Cabinet]:
    with Cabinet(config=CONFIG, state=template, forked=True) as standing:
        yield standing


def origin(epoch: int) -> str:
    return ORIGIN if epoch == 1 else f"{ORIGIN}/e{epoch}"


def signer(cabinet: Cabinet, epoch: int) -> Signer:
    return Signer(origin(epoch), bytes.fromhex((cabinet.state / "signing.key").read_text()))


def confirm(cabinet: Cabinet, note: bytes) -> dict[str, Any]:
    text = note.decode().partition("\n\n")[0] + "\n"
    with Client(cabinet.uplink) as uplink:
        answer: dict[str, Any] = uplink.call(
            "upstream.ack", {"note": (note + COLLECTOR.cosign(text, 1).line().encode()).decode()}
        )
        return answer


def contradict(cabinet: Cabinet, epoch: int, size: int, root: bytes = bytes(32)) -> None:
    own = signer(cabinet, epoch)
    assert confirm(cabinet, Checkpoint(own.name, size, root).signed(own))["counted"] is False


def until_ended(cabinet: Cabinet) -> None:
    assert cabinet.process is not None
    assert cabinet.process.wait(20) == 0, "in order"
    cabinet.end()


def opening(cabinet: Cabinet, epoch: int) -> dict[str, Any]:
    """The first leaf."""
    with JournalReader(cabinet.state, epoch) as reader:
        assert verify(reader, signer(cabinet, epoch).vkey).result == "verified"
        leaves = [glance(leaf.data or b"") for leaf in reader.leaves(0, 40)]
    parts = leaves[0]["parts"]
    assert [leaf["ev"] for leaf in leaves[: parts + 1]] == ["epoch.opened"] + ["epoch.state"] * parts
    return leaves[0]


def newest_note(cabinet: Cabinet) -> bytes:
    with JournalReader(cabinet.state) as reader:
        return reader.checkpoint()


def test_a_fork_and_a_second_one(cabinet: Cabinet) -> None:
    cabinet.mark()
    cabinet.badge(LIN.cards[0])
    cabinet.world("press 1#")
    taken = cabinet.take(1)
    cabinet.until_kind("door.opened")
    cabinet.close_door()
    note = newest_note(cabinet)
    assert confirm(cabinet, note)["counted"] is True
    common = checkpoint.read(note, signer(cabinet, 1).verifier)
    cabinet.mark()
    cabinet.world("open door")
    cabinet.until_kind("door.opened")
    size = cabinet.call("status")["journal_size"]
    before = cabinet.call("slots")

    contradict(cabinet, 1, common.size + 1)
    until_ended(cabinet)
    assert not (cabinet.state / "journal-2.db").exists(), "the start opens it"
    cabinet.forget()
    cabinet.start()
    assert cabinet.call("status") | {} == cabinet.call("status") | {"journal_epoch": 2, "journal": "good"}
    first = opening(cabinet, 2)
    assert {key: first[key] for key in ("epoch", "reason", "old_origin", "old_size", "old_root")} == {
        "epoch": 2,
        "reason": "fork",
        "old_origin": ORIGIN,
        "old_size": common.size,
        "old_root": base64.b64encode(common.root).decode(),
    }
    assert (first["upstream_size"], first["upstream_root"]) == (common.size + 1, base64.b64encode(bytes(32)).decode())
    with JournalReader(cabinet.state, 1) as reader:
        kinds = [glance(leaf.data or b"")["ev"] for leaf in reader.leaves(size)]
    assert [kind for kind in kinds if kind != "door.closed"] == ["upstream.fork", "alarm.raised"]
    after = cabinet.call("slots")
    for old, new in zip(before["slots"], after["slots"], strict=True):
        assert {k: v for k, v in old.items() if k != "proof_at"} == {k: v for k, v in new.items() if k != "proof_at"}
    cabinet.mark()
    cabinet.badge(LIN.cards[0])
    back = cabinet.put_back(1)
    assert [(sub["r"], sub["p"]) for sub in back["subs"]][:1] == [("holder", taken["subs"][0]["p"])]
    cabinet.world("close door")
    cabinet.until_kind("door.closed")
    cabinet.at_rest()

    contradict(cabinet, 2, 10_000)
    cabinet.until_new("alarm.raised", code="epoch.waits")
    shown = cabinet.call("status")
    assert (shown["journal_epoch"], "cabinetctl journal new-epoch" in shown["journal"]) == (2, True)
    assert "the journal cannot be written" in str(cabinet.refusal("slot.release", {"slot": 1, "reason": "service"}))
    cabinet.end()
    cabinet.launch()
    cabinet.until(lambda: cabinet.cabinetctl("status").returncode == 3, "the daemon, not ready")
    told = cabinet.cabinetctl("status")
    assert "journal new-epoch --reason TEXT" in told.stdout, "not by itself, whoever starts it"
    told = cabinet.cabinetctl("journal", "new-epoch", "--reason", "the copy is out of service")
    assert (told.returncode, told.stderr) == (0, "")
    until_ended(cabinet)
    cabinet.forget()
    cabinet.start()
    third = opening(cabinet, 3)
    assert (third["reason"], third["old_origin"], third["old_size"]) == ("rollback", origin(2), 0)
    assert third["why"] == "the copy is out of service"
    assert third["operator"]
    cabinet.mark()
    cabinet.badge(LIN.cards[0])
    cabinet.world("press 1#")
    cabinet.take(1)
    cabinet.put_back(1)
    cabinet.close_door()
    told = cabinet.cabinetctl("journal", "new-epoch", "--reason", "again")
    assert (told.returncode, "contradicts nothing" in told.stderr) == (5, True)
    cabinet.at_rest()


def test_a_cut_before_the_next_epoch(cabinet: Cabinet) -> None:
    """What upstream said is on the disk: whoever starts next opens it, and no other comes by itself on that day."""
    contradict(cabinet, 1, 10_000)
    with pytest.raises(Ended):
        cabinet.until_new("no.such")
    cabinet.end()
    command = cabinet.cabinetctl("person", "list", "--json")
    assert command.returncode == 0
    assert opening(cabinet, 2)["reason"] == "rollback"


def test_with_the_daemon_down(cabinet: Cabinet) -> None:
    for epoch in (1, 2):
        contradict(cabinet, epoch, 10_000)
        if epoch == 1:
            until_ended(cabinet)
            cabinet.start()
    cabinet.until(lambda: cabinet.call("status")["journal"] != "good", "the contradiction")
    cabinet.end()
    told = cabinet.cabinetctl("journal", "new-epoch", "--reason", "found out")
    assert told.returncode == 0, told.stderr
    assert opening(cabinet, 3)["why"] == "found out"
    again = cabinet.cabinetctl("journal", "new-epoch", "--reason", "found out")
    assert (again.returncode, "contradicts nothing" in again.stderr) == (5, True)


def test_an_incident_is_read_in_the_next_epoch(cabinet: Cabinet) -> None:
    """Its text stands in the epoch before; a number names a leaf in every epoch."""
    first = cabinet.call("incident.record", {"kind": "incident", "item": "K-0001", "text": "it jams"})["n"]
    contradict(cabinet, 1, 10_000)
    until_ended(cabinet)
    cabinet.forget()
    cabinet.start()
    second = cabinet.call("incident.record", {"kind": "incident", "leaf": 0, "text": "why that?"})["n"]
    assert second > 2_000_000_000 > first
    told = cabinet.call("incident.list")["incidents"]
    assert [(one["n"], one["text"], one["leaf"]) for one in told] == [
        (first, "it jams", None),
        (second, "why that?", 2_000_000_000),
    ]
    cabinet.call("incident.close", {"n": first, "text": "oiled"})
    (closed, _) = cabinet.call("incident.list")["incidents"]
    assert (closed["closing"], closed["text"]) == ("oiled", "it jams")
