"""A cabinet with a past prunes what is too old while people take keys; of it nothing is left in any file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cabinet.journal.leaf import glance
from cabinet.journal.note import Signer
from cabinet.journal.reader import JournalReader
from cabinet.journal.store import Journal
from tests.daemon.harness import Cabinet, configured
from tests.daemon.people import LIN
from tests.daemon.records import ORIGIN
from tests.journal.making import entry
from tests.journal.test_outbox import COLLECTOR, cosigned

OLD = 900
PAST = '[retention]\npersonal_days = 30\nkinds = { "visit.*" = "keep" }\n'


@pytest.fixture
def with_a_past(template: Path, tmp_path: Path) -> Path:
    """A state folder whose journal has old leaves about somebody, all of them acknowledged."""
    state = tmp_path / "state"
    shutil.copytree(template, state)
    signer = Signer(ORIGIN, bytes.fromhex((state / "signing.key").read_text()))
    journal = Journal.open(state, ORIGIN, "lobby-01", signer)
    for first in range(0, OLD, 50):
        journal.append([entry(n, ev="visit.ended", wait=n) for n in range(first, first + 50)])
    journal.store_ack(journal.size, cosigned(journal.checkpoint(), COLLECTOR))
    journal.close()
    return state


def test_the_past_goes_while_somebody_takes_a_key(with_a_past: Path) -> None:
    with JournalReader(with_a_past) as reader:
        old = {n: glance(data)["salt"].encode() for n, data in reader.find(kind="visit.ended")}
    assert len(old) == OLD
    with Cabinet(configured() + PAST, state=with_a_past, forked=True) as cabinet:
        cabinet.mark()
        dry = cabinet.call("journal.prune", {"dry_run": True})
        assert (dry["pruned"], dry["rules"]) == (OLD, {"personal 30": OLD})
        assert cabinet.leaves() == []
        cabinet.badge(LIN.cards[0])
        done = cabinet.cabinetctl("journal", "prune", "--reason", "before the audit")
        assert done.stdout.splitlines()[0] == f"{OLD} events pruned to their hash", done.stderr
        cabinet.take(1)
        cabinet.put_back(1)
        told = [leaf for leaf in cabinet.leaves() if leaf["ev"] == "payload.destroyed"]
        assert sum(leaf["count"] for leaf in told[:-1]) == told[-1]["count"] == OLD
        assert {leaf.get("reason") for leaf in told[:-1]} == {"before the audit"}
        assert {leaf["stage"] for leaf in told[:-1]} == {"pruned"}
        assert told[-1]["stage"] == "wiped"
        gone = {n for leaf in told[:-1] for first, end in leaf["ranges"] for n in range(first, end)}
        assert gone == set(old)
        raw = b"".join(path.read_bytes() for path in cabinet.state.glob("journal-1.db*"))
        assert [n for n, salt in old.items() if salt in raw] == []
        verdict = cabinet.cabinetctl("journal", "verify")
        assert (verdict.returncode, f"{OLD} are pruned" in verdict.stdout) == (0, True), verdict.stderr
