"""What may happen on the way upstream, each as one run that ends in a verdict.

python -m tests.upstream.faults --rounds 5 --seed 1
"""

from __future__ import annotations

import argparse
import resource
import sys
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from random import Random
from time import monotonic
from typing import Final

from cabinet.control.protocol import ControlError
from tests.sync.proxy import Proxy
from tests.upstream.line import CutLine
from tests.upstream.site import Program, Site
from tests.upstream.tap import Tap
from tests.upstream.verdict import Verdict, judge

LEAVES: Final = 2000
CUT_LEAVES: Final = 6000
"""A window is 20 batches: of fewer leaves, most would be on the way at a cut, and come again."""


def broker_killed(random: Random) -> Verdict:
    """kill -9 of the broker during a drain, twice; it comes back with an empty store."""
    with Site(LEAVES) as site:
        site.configure()
        site.start()
        for _ in range(2):
            site.until_growth(random.randint(1, 300))
            site.broker.kill()
            site.strike()
            site.broker.start()
        site.until_held()
        return judge(site)


def uplink_killed(random: Random) -> Verdict:
    """kill -9 of cabinet-uplink during a drain, three times."""
    with Site(LEAVES) as site:
        site.configure()
        return _killed(site, [site.uplink] * 3, random)


def collector_killed(random: Random) -> Verdict:
    """kill -9 of cabinet-collector during a drain, three times."""
    with Site(LEAVES) as site:
        site.configure()
        return _killed(site, [site.collector] * 3, random)


def cabinetd_killed(random: Random) -> Verdict:
    """kill -9 of cabinetd while events come, twice; what is journaled arrives."""
    with Site(LEAVES) as site:
        site.configure()
        return _killed(site, [site.cabinetd] * 2, random, events=True)


def any_killed(random: Random) -> Verdict:
    """kill -9 of each of the three during a drain while events come, and of two of them again, in random order."""
    with Site(LEAVES) as site:
        site.configure()
        victims = [*site.programs, *random.sample(site.programs, 2)]
        random.shuffle(victims)
        return _killed(site, victims, random, events=True)


def line_cut(random: Random) -> Verdict:
    """Both lines to the broker are cut after random numbers of bytes, in the middle of a packet mostly."""
    with Site(CUT_LEAVES) as site, Tap(site.broker.port) as tap:
        ups = [random.randint(1, 600_000) for _ in range(4)]
        downs = [random.randint(1, 600_000) for _ in range(4)]
        with CutLine(site.broker.port, ups) as up, CutLine(site.broker.port, downs) as down:
            site.configure(uplink_port=up.port, collector_port=down.port)
            site.start()
            site.until(lambda: up.cuts_left + down.cuts_left == 0 or site.held() >= CUT_LEAVES, "the cuts")
            site.struck = len(ups) + len(downs) - up.cuts_left - down.cuts_left
            site.until_held()
        return judge(site, tap)


def line_half_open(random: Random) -> Verdict:
    """The line of the uplink goes dead without a word, during a drain; only keepalive notices."""
    with Site(CUT_LEAVES) as site, Tap(site.broker.port) as tap, Proxy(site.broker.port) as proxy:
        site.configure(uplink_port=proxy.port, keepalive_s=1)
        site.start()
        site.until_growth(random.randint(1, 300))
        proxy.silent = True
        site.strike()
        proxy.wait_for(proxy.connections + 1)
        proxy.silent = False
        site.until_held()
        return judge(site, tap)


def pubacks_swallowed(random: Random) -> Verdict:
    """The broker's confirmations to the uplink are lost during a drain, until the uplink gives the line up."""
    with Site(CUT_LEAVES) as site, Tap(site.broker.port) as tap, Proxy(site.broker.port) as proxy:
        site.configure(uplink_port=proxy.port, keepalive_s=1)
        site.start()
        site.until_growth(random.randint(1, 300))
        proxy.swallow_pubacks = True
        site.strike()
        proxy.wait_for(proxy.connections + 1)
        proxy.swallow_pubacks = False
        site.until_held()
        return judge(site, tap)


def disk_full(random: Random) -> Verdict:
    """The collector may not write any more, during a drain; then it may, and recovers by itself."""
    with Site(LEAVES) as site, Tap(site.broker.port) as tap:
        site.configure()
        site.start()
        site.until_growth(random.randint(1, 300))
        resource.prlimit(site.collector.pid, resource.RLIMIT_FSIZE, (random.randint(100, 400) << 10, -1))
        site.until(lambda: site.collector.said("nothing can be stored"), "the full disk")
        site.strike()
        site.change(1)
        resource.prlimit(site.collector.pid, resource.RLIMIT_FSIZE, (-1, -1))
        site.until_held()
        return judge(site, tap)


def broker_absent(random: Random) -> Verdict:
    """No broker while 10,000 leaves are journaled, at last with everybody running; then there is one."""
    with Site(10_000) as site:
        site.configure()
        site.broker.kill()
        site.start()
        site.until(site.is_ready, "cabinetd")
        site.until(lambda: site.uplink.said("out of reach") and site.collector.said("out of reach"), "the tries")
        for number in range(random.randint(1, 20)):
            site.change(number)
        site.strike()
        idle_kb = site.uplink.status_kb("VmRSS")
        site.broker.start()
        site.until_held()
        return judge(site, more_kb=site.uplink.status_kb("VmHWM") - idle_kb)


def _killed(site: Site, victims: Sequence[Program], random: Random, *, events: bool = False) -> Verdict:
    """Each during the drain, and started again at once."""
    site.start()
    with _Technician(site) if events else nullcontext():
        for victim in victims:
            site.until_growth(random.randint(1, 200))
            victim.kill()
            site.strike()
            victim.start()
    site.until_held()
    return judge(site)


class _Technician:
    """A context: changes the roster again and again, whatever happens to cabinetd."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        number = 0
        while not self._over.wait(0.01):
            try:
                self._site.change(number)
                number += 1
            except ControlError:
                continue


FAULTS: Final = (
    broker_killed,
    uplink_killed,
    collector_killed,
    cabinetd_killed,
    any_killed,
    line_cut,
    line_half_open,
    pubacks_swallowed,
    disk_full,
    broker_absent,
)


def main() -> int:
    """Prints a table, a line for each run. Exit code 1 when one did not end well."""
    parser = argparse.ArgumentParser(prog="python -m tests.upstream.faults")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each fault is tried")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the first round; the next one has N + 1")
    parser.add_argument("--only", metavar="NAME", choices=[fault.__name__ for fault in FAULTS])
    chosen = parser.parse_args()
    bad = 0
    for seed in range(chosen.seed, chosen.seed + chosen.rounds):
        for fault in FAULTS:
            if chosen.only in (None, fault.__name__):
                began_s = monotonic()
                verdict = fault(Random(seed))
                bad += not verdict.good
                took = f"{monotonic() - began_s:5.1f} s"
                print(f"{fault.__name__:18} seed={seed} {took} {verdict}{'' if verdict.good else ' BAD'}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
