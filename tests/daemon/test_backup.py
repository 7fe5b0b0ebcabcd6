"""A backup made while people come and go, and the cabinet that goes back to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cabinet.backup.keys import make_identity
from cabinet.journal.note import Signer
from cabinet.journal.reader import JournalReader
from cabinet.journal.verify import verify
from tests.backup import outsider
from tests.daemon.harness import Cabinet, configured
from tests.daemon.people import ADA, LIN
from tests.daemon.records import ORIGIN


@pytest.fixture
def cabinet(template: Path, tmp_path: Path) -> Iterator[Cabinet]:
    recipient = make_identity(tmp_path / "office")
    config = f'{configured()}\n[backup]\nrecipient = "{recipient}"\n'
    with Cabinet(config, template, forked=True) as cabinet:
        yield cabinet


def test_yesterdays_backup_is_restored_and_started(cabinet: Cabinet, tmp_path: Path) -> None:
    identity, file = tmp_path / "office" / "backup.identity", tmp_path / "yesterday.kcb"
    cabinet.mark()
    made = cabinet.cabinetctl("backup", "create", str(file), "--json")
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    leaf = cabinet.until_kind("backup.made")
    assert (leaf["digest"], leaf["size"], leaf["n"]) == (told["digest"], file.stat().st_size, told["n"])
    secret = bytes.fromhex(identity.read_text())
    content = {header["part"]: body for header, body in outsider.open_file(file.read_bytes(), secret)}
    leaves = [json.loads(body) for kind, body in outsider.records(content["journal"]) if kind == "L"]
    assert leaves == cabinet.all_leaves()[: len(leaves)]
    assert ADA.name.encode() not in file.read_bytes() + b"".join(content.values())

    cabinet.badge(cabinet.other_card(LIN))
    cabinet.unlocked(1)
    later = cabinet.cabinetctl("backup", "create", str(tmp_path / "later.kcb"), "--since", str(file))
    assert later.returncode == 0, later.stderr
    cabinet.take(1)
    cabinet.close_door()
    cabinet.world("press *")
    cabinet.take_card_away()

    cabinet.end()
    restored = cabinet.cabinetctl(
        "backup", "restore", str(file), "--identity", str(identity), "--reason", "board swapped", "--yes", "--json"
    )
    assert restored.returncode == 0, restored.stderr
    done = json.loads(restored.stdout)
    assert (done["epoch"], done["erased"], done["unread"]) == (2, 0, [])
    cabinet.forget()
    cabinet.start()
    kinds = cabinet.kinds()
    assert kinds[:2] == ["epoch.opened", "epoch.state"]
    assert kinds[kinds.index("backup.restored") :][:2] == ["backup.restored", "cabinet.started"]
    cabinet.until_kind("item.found_absent", slot=1)
    seed = bytes.fromhex((cabinet.state / "signing.key").read_text())
    for epoch, origin in ((1, ORIGIN), (2, f"{ORIGIN}/e2")):
        with JournalReader(cabinet.state, epoch) as reader:
            assert verify(reader, Signer(origin, seed).vkey).result == "verified"

    cabinet.world("seat 1")
    cabinet.until_kind("item.returned", slot=1)
    cabinet.until_kind("door.opened")
    cabinet.world("close door")
    cabinet.until_kind("door.closed")
    cabinet.mark()
    cabinet.badge(cabinet.other_card(LIN))
    cabinet.take(1)
    cabinet.until_kind("item.removed", slot=1)
    cabinet.put_back(1)
    cabinet.close_door()
    cabinet.world("press *")
    assert cabinet.call("backup.last")["restored"] is not None
