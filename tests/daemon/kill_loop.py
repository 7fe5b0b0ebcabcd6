"""kill -9 at any moment of a visit, and what the next start makes of it.

    python -m tests.daemon.kill_loop --rounds 200 --seed 1

Each round plays a visit, pulls the plug somewhere in it, perhaps lets a hand act in the dark, starts again, and
compares what the journal says with what the world did."""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.daemon.harness import Cabinet, Ended, configured
from tests.daemon.people import ADA, LIN
from tests.daemon.records import CAME, WENT, folded, in_turn
from tests.daemon.template import make_state

HOLD_S = 1.0
"""Pulses as long as they may be, so that a kill finds one."""
CONFIG = configured(hold_s=str(HOLD_S))
PULSE_LATEST_S = 3.0


@dataclass(frozen=True, slots=True)
class Visit:
    """Who comes, with what, for which slot; the whole of it takes about `takes_s`."""

    slot: int
    takes_s: float
    begin: Callable[[Cabinet], None]


def card_only(cabinet: Cabinet) -> None:
    cabinet.badge(cabinet.other_card(LIN))


def card_and_pin(cabinet: Cabinet) -> None:
    cabinet.badge(cabinet.other_card(ADA))
    cabinet.screen("PIN, then #")
    cabinet.world(f"press {ADA.pin}#")


LINS, ADAS = Visit(1, 0.6, card_only), Visit(7, 1.6, card_and_pin)


class Round:
    """One visit with its cut. `lifts` and `seats` count what hands did, whoever saw it."""

    def __init__(self, cabinet: Cabinet, visit: Visit) -> None:
        self.cabinet = cabinet
        self.visit = visit
        self.slot = visit.slot
        self.lifts = self.seats = 0

    def play(self) -> None:
        """Until the end of the visit, or of the daemon. Raises Ended."""
        self.begin()
        self.cabinet.unlocked(self.slot)
        self.lift()
        self.cabinet.until_kind("item.removed")
        self.seat()
        self.cabinet.until_kind("item.returned")
        self.cabinet.close_door()

    def begin(self) -> None:
        self.cabinet.mark()
        self.visit.begin(self.cabinet)

    def lift(self) -> None:
        self.cabinet.world(f"lift {self.slot}")
        self.lifts += 1

    def seat(self) -> None:
        self.cabinet.world(f"seat {self.slot}")
        self.seats += 1

    def in_the_dark(self, rng: random.Random) -> None:
        """While the daemon is down: a hand uses what it finds, or not. Never there and back: nobody could know."""
        found = self.cabinet.slot(self.slot)
        if rng.random() < 0.5:
            return
        if found["fob"] is None:
            self.seat()
        elif found["bolt"] == "unlocked" and not self.seats:
            self.lift()

    def nothing_moved_without_a_grant(self) -> None:
        """Called while the daemon is down: a coil that is on has its grant on the disk."""
        coils_on, now_s = self.cabinet.coils_on(), time.clock_gettime(time.CLOCK_BOOTTIME)
        grants = [leaf for leaf in self.cabinet.records.check() if leaf["ev"] == "item.granted"]
        recent = {leaf["slot"] for leaf in grants if now_s - leaf["mono_ms"] / 1000 < HOLD_S + PULSE_LATEST_S}
        assert set(coils_on) <= recent, f"coils {coils_on} are on, granted were {recent}"

    def reconcile(self) -> Counter[str]:
        """Brings the fob home, and gives the kinds of the round, which must tell all that happened, once."""
        cabinet = self.cabinet
        assert cabinet.coils_on() == [], "a coil is on after the start"
        cabinet.until(self._told_the_truth, "a journal that says what is so")
        if cabinet.slot(self.slot)["fob"] is None:
            self.seat()
            cabinet.until(self._told_the_truth, "the fob back")
        cabinet.world("close door")
        cabinet.until(lambda: cabinet.call("status")["door"] == "closed", "the door closed")
        kinds = Counter(leaf["ev"] for leaf in cabinet.leaves() if leaf.get("slot") == self.slot)
        went, came = sum(kinds[kind] for kind in WENT), sum(kinds[kind] for kind in CAME)
        unseen = self.lifts - went
        assert unseen == self.seats - came, f"{self.lifts} lifts, {self.seats} seats: {kinds}"
        assert 0 <= unseen <= kinds["item.outcome_unknown"], f"nobody told of {unseen}: {kinds}"
        return kinds

    def _told_the_truth(self) -> bool:
        leaves = self.cabinet.all_leaves()
        in_turn(leaves)
        ledger = folded(leaves)
        shown = {slot["slot"]: slot["fob"] is not None for slot in self.cabinet.show()["slots"]}
        return not ledger.grants and {slot: mark.seated for slot, mark in ledger.slots.items()} == shown


def round_at_random(cabinet: Cabinet, rng: random.Random) -> Counter[str]:
    """The plug is pulled after a random time."""
    this = Round(cabinet, rng.choice((LINS, LINS, ADAS)))
    assert cabinet.process is not None
    plug = threading.Timer(rng.uniform(0.0, this.visit.takes_s), cabinet.process.kill)
    plug.start()
    try:
        this.play()
    except Ended:
        pass
    finally:
        plug.join()
    return after_the_cut(this, rng)


def after_the_cut(this: Round, rng: random.Random) -> Counter[str]:
    this.cabinet.kill()
    this.nothing_moved_without_a_grant()
    this.in_the_dark(rng)
    this.cabinet.start()
    return this.reconcile()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Cabinet(CONFIG, make_state(Path(folder)), forked=True) as cabinet:
        told = cuts(cabinet, chosen.rounds, random.Random(chosen.seed))
    print(f"{chosen.rounds} cuts, seed {chosen.seed}: {dict(sorted(told.items()))}")
    return 0


def cuts(cabinet: Cabinet, rounds: int, rng: random.Random) -> Counter[str]:
    told: Counter[str] = Counter()
    for number in range(1, rounds + 1):
        told += round_at_random(cabinet, rng)
        print(f"round {number}: {len(cabinet.all_leaves())} leaves, verified", flush=True)
    cabinet.at_rest()
    return told


if __name__ == "__main__":
    raise SystemExit(main())
