"""Each fault once: nothing is lost, doubled or changed, and all of it is acknowledged at the end."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from tests.sync.mosquitto import needs_mosquitto
from tests.upstream import faults
from tests.upstream.site import Site
from tests.upstream.verdict import Verdict

pytestmark = needs_mosquitto

MEMORY_KB_MAX = 5 * 1024


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.__name__)
def test_everything_arrives_once(fault: Callable[[Random], Verdict]) -> None:
    verdict = fault(Random(1))
    print(f"{fault.__name__}: {verdict}")
    assert verdict.struck, "the fault came too late to hurt"
    assert verdict.good, str(verdict)
    if verdict.redelivered is not None:
        assert verdict.redelivered <= 0.5, str(verdict)


def test_a_long_drain_takes_less_than_5_mb() -> None:
    """Of cabinet-uplink, beyond what it has while it waits for the broker."""
    with Site(20_000) as site:
        site.configure()
        site.broker.kill()
        site.start()
        site.until(site.is_ready, "cabinetd")
        site.until(lambda: site.uplink.said("out of reach"), "the idle uplink")
        idle_kb = site.uplink.status_kb("VmRSS")
        site.broker.start()
        site.until_held()
        more_kb = site.uplink.status_kb("VmHWM") - idle_kb
        print(f"uplink: idle {idle_kb} kB, draining 20000 leaves {more_kb} kB more")
        assert more_kb < MEMORY_KB_MAX
