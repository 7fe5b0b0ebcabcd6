"""Yesterday's backup is restored and started: upstream takes the new epoch, and alarms until somebody accepts it."""

from __future__ import annotations

from pathlib import Path

from cabinet.journal.note import Signer
from cabinet.journal.reader import JournalReader
from cabinet.vault.key_source import read_key
from sync.collector.ingest import Pin
from tests.backup.office import Office
from tests.sync.collector.making import CABINET, Collector, Log


def log_of(office: Office, epoch: int) -> Log:
    seed = read_key(office.state / "signing.key")
    assert seed is not None
    signer = Signer(CABINET.origin if epoch == 1 else f"{CABINET.origin}/e{epoch}", seed)
    with JournalReader(office.state, epoch) as reader:
        leaves = [one.data for one in reader.leaves() if one.data is not None]
        return Log(leaves, [size for size, _ in reader.checkpoints()], signer)


def test_the_new_epoch_is_taken_and_alarmed_and_the_old_one_kept(tmp_path: Path) -> None:
    office = Office(tmp_path / "cabinet")
    office.add("1001", "Ada")
    yesterday = office.backup("yesterday")
    office.add("1002", "Lin")
    before = log_of(office, 1)
    collector = Collector(tmp_path / "upstream", pins=[Pin(CABINET, before.signer.verifier.public)])
    try:
        [ack] = collector.take(before.batch(0, 2))
        assert ack.note.startswith(before.note(2))
        assert office.restore(yesterday).epoch == 2
        after = log_of(office, 2)
        [ack] = collector.take(after.batch(0, after.size))
        assert ack.note.startswith(after.note(after.size))
        assert collector.ask("SELECT origin, kind, detail FROM alarm") == [
            (f"{CABINET.origin}/e2", "epoch.opened", "restored")
        ]
        assert collector.leaves() == before.leaves, "what the backup did not have is upstream"
        assert collector.take(before.batch(0, 2)) == [], "and the old epoch is acknowledged no more"
    finally:
        collector.close()
