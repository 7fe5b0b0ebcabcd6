"""A cabinet that lives twice: its state folder was copied, and both copies go on under the same key."""

from __future__ import annotations

import json
import shutil

import pytest

from cabinet.journal.reader import JournalReader
from sync.collector.app import main as collector_main
from sync.collector.reading import reading
from tests.sync.mosquitto import needs_mosquitto
from tests.upstream.journals import DEVICE, ORIGIN
from tests.upstream.site import PATIENCE_S, Site
from tests.upstream.verdict import judge

pytestmark = needs_mosquitto
COMMON = 200


@pytest.mark.parametrize(
    ("first", "second", "kind"), [(3, 6, "upstream.fork"), (9, 1, "upstream.rollback")], ids=("fork", "rollback")
)
def test_a_second_life_is_found_out_and_changes_nothing(first: int, second: int, kind: str) -> None:
    """`first` and `second`: what the two lives journal beyond what they have in common."""
    with Site(COMMON) as site:
        site.configure()
        site.start()
        site.until_held()
        site.cabinetd.kill()
        shutil.copytree(site.state, site.folder / "copy")
        live(site, first)
        site.until_held()
        held = leaves_held(site)
        site.cabinetd.kill()
        site.uplink.kill()

        site.state.rename(site.folder / "original")
        (site.folder / "copy").rename(site.state)
        live(site, second)
        site.uplink.start()
        assert site.cabinetd.ends() == 0, "in order"
        assert kind in kinds(site)
        size = site.sizes()[2]
        site.cabinetd.start()
        site.until(site.is_ready, "cabinetd")
        site.change(99)
        site.until(lambda: alarms(site), "the collector's alarm")
        assert site.sizes()[2] == size, "nothing was added to a journal that upstream contradicts"
        with JournalReader(site.state) as journal:
            assert (journal.epoch, journal.size > 3) == (2, True), "it goes on in the next epoch"
        assert leaves_held(site) == held
        assert count(site, "evidence") > 0
        print(f"{kind}: evidence={count(site, 'evidence')} alarms={alarms(site)} held={len(held)} overwritten=0")

        check_the_next_epoch(site, size)
        site.cabinetd.kill()
        site.state.rename(site.folder / "copy")
        (site.folder / "original").rename(site.state)
        live(site, 1)
        site.until(lambda: "ended" in alarms(site), "the first life, which goes on with what was given up")
        assert leaves_held(site) == held, "whose leaf is not joined, nor confirmed"
        verdict = judge(site)
        print(f"the first life goes on: {verdict}")
        assert (verdict.lost, verdict.conflicting, verdict.doubled, verdict.sound) == (0, 0, 0, True)


def check_the_next_epoch(site: Site, size: int) -> None:
    """Confirmed at once; the old one's leaves behind what both have are kept aside; an operator accepts it."""
    site.until(lambda: "epoch.opened" in alarms(site), "the alarm of the epoch")
    [(epoch, common)] = rows(site, "SELECT name, old_size FROM epoch JOIN origin ON origin.id = epoch.origin")
    assert epoch == f"{ORIGIN}/e2"
    site.call("wait", **{"for": "synced", "timeout_s": PATIENCE_S})
    orphans = list(range(int(str(common)), size))
    site.until(lambda: [n for (n,) in rows(site, "SELECT n FROM orphan ORDER BY n")] == orphans, "the orphans")
    code = collector_main(
        ["--config", str(site.folder / "collector.toml"), "accept-epoch", DEVICE, "2", "--reason", "a copy was run"]
    )
    assert (code, alarms(site)) == (0, [])
    assert count(site, "evidence") > 0, "it stays"


def live(site: Site, changes: int) -> None:
    """Goes on, and has so many leaves more."""
    if not site.is_ready():
        site.cabinetd.restart()
    site.until(site.is_ready, "cabinetd")
    for number in range(changes):
        site.change(number)


def kinds(site: Site) -> set[str]:
    with JournalReader(site.state) as journal:
        leaves = journal.leaves(COMMON, journal.size)
        return {json.loads(leaf.data)["ev"] for leaf in leaves if leaf.data is not None}


def leaves_held(site: Site) -> list[bytes | None]:
    with reading(site.database) as upstream:
        origin = next(one for one in upstream.origins() if one.name == ORIGIN)
        return [leaf.data for leaf in origin.leaves()]


def alarms(site: Site) -> list[str]:
    with reading(site.database) as upstream:
        return [str(row[0]) for row in upstream.connection.exec_driver_sql("SELECT kind FROM alarm")]


def rows(site: Site, question: str) -> list[tuple[object, ...]]:
    with reading(site.database) as upstream:
        return [tuple(row) for row in upstream.connection.exec_driver_sql(question)]


def count(site: Site, table: str) -> int:
    with reading(site.database) as upstream:
        found: int = upstream.connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
        return found
