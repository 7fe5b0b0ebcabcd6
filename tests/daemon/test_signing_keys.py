"""The signing key is rotated while people take keys, and after a kill the right one signs on."""

from __future__ import annotations

import json
from pathlib import Path

from cabinet.journal import note
from cabinet.journal.known_keys import read_known
from cabinet.journal.note import Signer
from cabinet.journal.reader import JournalReader
from tests.daemon.harness import Cabinet
from tests.daemon.people import LIN
from tests.daemon.records import ORIGIN


def test_rotated_between_two_visits_and_signed_on_after_a_kill(template: Path) -> None:
    with Cabinet(state=template, forked=True) as cabinet:
        old = Signer(ORIGIN, bytes.fromhex((cabinet.state / "signing.key").read_text()))
        cabinet.badge(LIN.cards[0])
        cabinet.take(1)
        done = cabinet.cabinetctl("journal", "rotate-key", "--reason", "once a year", "--json")
        assert done.returncode == 0, done.stderr
        answered = json.loads(done.stdout)
        new = Signer(ORIGIN, bytes.fromhex((cabinet.state / "signing.key").read_text()))
        assert (answered["old"], answered["vkey"]) == (old.vkey, new.vkey)
        assert not (cabinet.state / "signing.key.next").exists()
        cabinet.put_back(1)
        cabinet.restart()
        verified = cabinet.cabinetctl("journal", "verify")
        assert verified.returncode == 0, verified.stderr
        with JournalReader(cabinet.state) as reader:
            newest = note.parse(reader.checkpoint())
            [(n, _, both)] = list(reader.rotations())
        assert [line.key_id for line in newest.signatures] == [new.verifier.key_id]
        assert [line.key_id for line in note.parse(both).signatures] == [old.verifier.key_id, new.verifier.key_id]
        assert (n, [key.vkey for key in read_known(cabinet.state)]) == (answered["n"], [old.vkey])
