"""A cabinet whose daemon does not run, and the key to its backups: what a technician does, without the command line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cabinet.backup.create import new_file, since_of, write_journal
from cabinet.backup.journal_part import extents
from cabinet.backup.keys import make_identity, parse_recipient, read_identity
from cabinet.backup.restore import Restore, Restored
from cabinet.config import Config, load
from cabinet.journal.note import Signer
from cabinet.journal.reader import JournalReader
from cabinet.journal.schema import epochs
from cabinet.offline import offline_call
from cabinet.vault.key_source import read_key
from hal.system_clock import SystemClock

SETTINGS = '[cabinet]\nsite = "demo"\ndevice = "lobby-01"\nstate_dir = "state"\nsocket_dir = "run"\n[backup]\n'


class Office:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.file = folder / "cabinet.toml"
        recipient = make_identity(folder / "office")
        self.file.write_text(f'{SETTINGS}recipient = "{recipient}"\n')
        self.identity = read_identity(folder / "office" / "backup.identity")

    @property
    def config(self) -> Config:
        return load(self.file, os.environ)

    def copied(self, folder: Path) -> Office:
        """The same cabinet once more."""
        shutil.copytree(self.folder, folder)
        other = object.__new__(Office)
        other.folder, other.state, other.file = folder, folder / "state", folder / "cabinet.toml"
        other.identity = self.identity
        return other

    def call(self, method: str, **params: object) -> Any:
        return offline_call(self.file, method, params)

    def add(self, person: str, name: str) -> None:
        self.call("roster.change", change={"kind": "person.put", "person": {"id": person, "name": name}})

    def people(self) -> list[str]:
        return [one["name"] for one in self.call("roster.people", limit=200)["people"]]

    def erase(self, person: str) -> str:
        found: str = self.call("person.erase", person=person, reason="left")["pseudonym"]
        return found

    def backup(self, name: str, *, journal: bool = True, roster: bool = True, since: Path | None = None) -> Path:
        config, path = self.config, self.folder / name
        assert config.backup.recipient is not None
        recipient = parse_recipient(config.backup.recipient)
        with new_file(path) as file:
            if roster:
                file.write(self.call("backup.roster", at_once=True)["data"])
            if journal:
                seed = read_key(self.state / "signing.key")
                assert seed is not None
                signer, old = Signer(config.origin, seed), since_of(since) if since is not None else None
                readers = [JournalReader(self.state, number) for number in epochs(self.state)]
                taken = extents(readers, config.origin, signer.verifier, old)
                write_journal(taken, config.origin, old, recipient, file.write, lambda done, total: None)
                for reader in readers:
                    reader.close()
        return path

    def restore(self, *files: Path, erasures: Iterable[str] = (), above: int = 0) -> Restored:
        restore = Restore(self.config, SystemClock(), self.identity)
        try:
            restore.open(files, lambda done, total: None)
            return restore.apply("disk swapped", "Uma", erasures, above)
        finally:
            restore.close()

    def leaves(self, epoch: int) -> list[dict[str, Any]]:
        from cabinet.journal.leaf import glance

        with JournalReader(self.state, epoch) as reader:
            return [glance(one.data) for one in reader.leaves() if one.data is not None]

    def kinds(self, epoch: int) -> list[str]:
        return [leaf["ev"] for leaf in self.leaves(epoch)]
