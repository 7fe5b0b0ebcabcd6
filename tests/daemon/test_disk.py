"""The journal's disk is full while people come: nothing is released, nothing forgotten, and it recovers by itself."""

from __future__ import annotations

import resource

from tests.daemon.harness import Cabinet
from tests.daemon.people import LIN


def limit_files(cabinet: Cabinet, size: int) -> None:
    """No file of the daemon may grow beyond this: SQLite finds the disk full."""
    assert cabinet.process is not None
    resource.prlimit(cabinet.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_full_disk_opens_nothing_and_loses_nothing(fresh: Cabinet) -> None:
    fresh.mark()
    limit_files(fresh, 16_384)
    fresh.world("force 8")
    fresh.until(lambda: fresh.call("status")["alarms"] == 1, "the alarm")
    fresh.badge(LIN.cards[0])
    fresh.screen("The cabinet cannot record just now.\nNothing is released.")
    refused = fresh.refusal("slot.release", {"slot": 2, "reason": "locksmith"})
    assert (refused.exit, "cannot be written" in refused.message) == (5, True)
    assert (fresh.kinds(), fresh.open_slots(), fresh.coils_on()) == ([], [], [])
    limit_files(fresh, resource.RLIM_INFINITY)
    fresh.until_kind("alarm.raised", code="item.forced", slot=8)
    assert fresh.kinds() == ["alarm.raised", "alarm.cleared", "item.forced", "alarm.raised"]
    assert [leaf.get("code") for leaf in fresh.leaves()[:2]] == ["journal.failed"] * 2
    fresh.badge(LIN.cards[1])
    fresh.take(1)
    fresh.put_back(1)
    fresh.put_back(8)
    fresh.at_rest()
    assert fresh.log.read_text().count("ERROR") == 1, "told once"


def test_a_disk_that_is_full_at_the_cut_hides_nothing(fresh: Cabinet) -> None:
    fresh.mark()
    limit_files(fresh, 16_384)
    fresh.world("force 8")
    fresh.until(lambda: fresh.call("status")["alarms"] == 1, "the alarm")
    fresh.restart()
    fresh.until_kind("item.found_absent", slot=8)
    fresh.put_back(8)
    assert fresh.kinds() == ["cabinet.started", "item.found_absent", "item.returned"]
    fresh.at_rest()
