"""What an operator says of keys: one is accepted, one is revoked; both beside a collector that runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cabinet.journal import revocation
from cabinet.journal.note import Signer, Verifier
from sync.collector.app import main
from sync.collector.ingest import Ack
from tests.sync.collector.making import CABINET, COSIGNER, SIGNER, Collector, made_log

NEW = Signer(f"{CABINET.origin}/e2", bytes(range(3, 35)))
LOG = made_log(40)


class Site:
    """A collector that runs, and the program of its operator."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.collector = Collector(folder)
        self.configure()
        (folder / "collector.key").write_text(bytes(range(1, 33)).hex())
        (folder / "collector.key").chmod(0o600)

    def configure(self, more: str = "") -> None:
        (self.folder / "collector.toml").write_text(
            f'[collector]\nname = "{COSIGNER.name}"\nclient_id = "one"\n{more}'
            '[broker]\nhost = "localhost"\nport = 1883\n'
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        code = main(["--config", str(self.folder / "collector.toml"), *arguments])
        said = self._capsys.readouterr()
        return code, said.out + said.err

    def take(self, *payloads: bytes) -> list[Ack]:
        self.collector.ingest.accepted()  # as the service does it now and then
        return self.collector.take(*payloads)


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    return Site(tmp_path, capsys)


def test_a_key_that_nothing_vouches_for_waits_for_an_operator(site: Site) -> None:
    log = made_log(10, NEW)
    site.take(LOG.batch(0, 10))
    site.collector.hear_session(log.session())
    assert site.take(log.batch(0, 10)) == []
    assert (CABINET.origin, "other-key", 0, 1) in site.collector.alarms()
    code, said = site.run("accept-key", NEW.vkey, "--reason", "read out by the technician")
    assert (code, CABINET.origin in said) == (0, True)
    (ack,) = site.take(log.batch(0, 10))
    assert ack.note.startswith(log.note(10))
    assert [kind for _, kind, _, _ in site.collector.alarms()] == ["epoch.opened"]
    assert site.run("accept-key", NEW.vkey, "--reason", "again")[0] == 5
    assert site.run("accept-key", SIGNER.vkey, "--reason", "back")[0] == 5
    for wrong in ("nonsense", COSIGNER.vkey, Signer("elsewhere", bytes(32)).vkey):
        assert site.run("accept-key", wrong, "--reason", "no")[0] == 2


def fleet(site: Site) -> str:
    code, said = site.run("fleet-key", str(site.folder / "fleet.key"), "fleet.example", "--json")
    assert (code, (site.folder / "fleet.key").stat().st_mode & 0o777) == (0, 0o600)
    vkey: str = json.loads(said)["vkey"]
    site.configure(f'fleet_key = "{vkey}"\n')
    return vkey


def revoked(site: Site, *more: str) -> Path:
    arguments = ("--fleet", str(site.folder / "fleet.key"), "--name", "fleet.example", *more)
    code, said = site.run("revocation", CABINET.origin, *arguments, "--json")
    assert code == 0, said
    file = site.folder / "revocation"
    file.write_text(json.loads(said)["revocation"])
    return file


def test_behind_the_size_of_a_revocation_its_key_counts_for_nothing(site: Site) -> None:
    vkey = fleet(site)
    site.take(LOG.batch(0, 10), LOG.batch(10, 20))
    file = revoked(site)
    found = revocation.read(file.read_bytes(), Verifier.from_vkey(vkey))
    assert (found.vkey, found.size, found.checkpoint.root) == (SIGNER.vkey, 20, LOG.root(20))
    assert site.run("revoke", str(file)) == (
        0,
        f"key {SIGNER.verifier.key_id.hex()} of {CABINET.origin} is trusted up to 20 events\n",
    )
    assert site.take(LOG.batch(20, 30)) == []
    assert site.take(made_log(5, SIGNER.named(f"{CABINET.origin}/e2")).batch(0, 5)) == []
    assert site.collector.dropped() == {"revoked": 2}
    assert (CABINET.origin, "key-revoked", 20, 1) in site.collector.alarms()
    site.take(LOG.batch(0, 10))
    assert site.collector.leaves() == LOG.leaves[:20]


def test_what_is_held_behind_it_does_not_verify(site: Site) -> None:
    fleet(site)
    site.take(LOG.batch(0, 20))
    code, said = site.run("revoke", str(revoked(site, "--size", "10")))
    assert (code, "10 events behind it are held all the same" in said) == (0, True)
    site.collector.close()
    code, said = site.run("verify", "--json")
    assert (code, json.loads(said)["failed_at"], json.loads(said)["rule"]) == (13, 10, "key-revoked")


def test_a_word_that_is_not_the_fleets_counts_for_nothing(site: Site) -> None:
    site.take(LOG.batch(0, 20))
    fleet(site)
    file = revoked(site)
    (site.folder / "fleet.key").unlink()
    fleet(site)
    code, said = site.run("revoke", str(file))
    assert (code, "counts for nothing" in said) == (5, True)
    site.configure()
    assert site.run("revoke", str(file))[0] == 78
    site.take(LOG.batch(20, 30))
    assert site.collector.leaves() == LOG.leaves[:30]
