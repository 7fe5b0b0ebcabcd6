"""kill -9 at chosen and at random moments: no coil on afterwards, a journal that verifies and tells the truth."""

from __future__ import annotations

import contextlib
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.harness import Cabinet
from tests.daemon.kill_loop import ADAS, CONFIG, LINS, Round, Visit, round_at_random
from tests.daemon.lines import Line
from tests.daemon.people import LIN, MAX
from tests.daemon.records import folded

ROUNDS, SEED = 3, 20
GRANTED = ["visit.identified", "item.granted"]
TAKEN = [*GRANTED, "item.removed", "visit.ended"]

Act = Callable[[Round], None]


@pytest.fixture(scope="module")
def standing(template: Path) -> Iterator[Cabinet]:
    with Cabinet(CONFIG, template, forked=True) as cabinet:
        yield cabinet


def granted(this: Round) -> None:
    this.begin()
    this.cabinet.until_kind("item.granted")


def pulsed(this: Round) -> None:
    this.begin()
    this.cabinet.until(lambda: this.cabinet.coils_on() == [this.slot], "the coil on")


def pin_typed(this: Round) -> None:
    this.begin()
    this.cabinet.screen("Checking")


def lifted(this: Round) -> None:
    pulsed(this)
    this.lift()


def removed(this: Round) -> None:
    lifted(this)
    this.cabinet.until_kind("visit.ended")


def seated(this: Round) -> None:
    removed(this)
    this.seat()


def returned(this: Round) -> None:
    seated(this)
    this.cabinet.until_kind("item.returned")


def nothing(_: Round) -> None:
    """No hand in the dark."""


MOMENTS: list[tuple[Visit, Act, Act, list[str], list[str]]] = [
    (LINS, granted, nothing, GRANTED, ["item.outcome_unknown"]),
    (LINS, pulsed, nothing, GRANTED, ["item.outcome_unknown"]),
    (LINS, pulsed, Round.lift, GRANTED, ["item.found_absent"]),
    (ADAS, pin_typed, nothing, ["visit.identified"], []),
    (LINS, lifted, nothing, GRANTED, ["item.found_absent"]),
    (LINS, removed, nothing, TAKEN, []),
    (LINS, removed, Round.seat, TAKEN, ["item.found_present"]),
    (LINS, seated, nothing, TAKEN, ["item.found_present"]),
    (LINS, returned, nothing, [*TAKEN, "item.returned"], []),
]


@pytest.mark.parametrize(
    ("visit", "until", "in_the_dark", "before", "after"),
    MOMENTS,
    ids=[f"{until.__name__}-{dark.__name__}" for _, until, dark, _, _ in MOMENTS],
)
def test_at_a_chosen_moment(
    standing: Cabinet, visit: Visit, until: Act, in_the_dark: Act, before: list[str], after: list[str]
) -> None:
    this = Round(standing, visit)
    until(this)
    standing.kill()
    this.nothing_moved_without_a_grant()
    in_the_dark(this)
    standing.start()
    kinds = standing.kinds()
    found = kinds.index("cabinet.started")
    assert (kinds[:found], kinds[found + 1 :]) == (before, after)
    assert standing.until_kind("cabinet.started")["clean"] is False
    this.reconcile()


@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
def test_at_a_random_moment(standing: Cabinet, seed: int) -> None:
    round_at_random(standing, random.Random(seed))


def test_in_the_middle_of_a_change_of_the_roster(standing: Cabinet) -> None:
    """Journaled and written, or neither, or journaled and taken back at the next start; never silently different."""
    standing.mark()
    for _ in range(2):
        with Line(standing.service) as line:
            change = {"kind": "card.enrol", "person": MAX.id, "card": "0007654321"}
            line.request(1, "roster.change", change=change)
            standing.until_kind("credential.enrolled")
            standing.kill()
        standing.start()
    suspend = {"kind": "person.suspend", "person": LIN.id}
    next_version = standing.call("roster.change", {"change": suspend, "dry_run": True})["version"]
    assert folded(standing.all_leaves()).roster["roster"].version == next_version - 1


def test_in_the_middle_of_a_start() -> None:
    """The first start of all too, when there are neither keys nor journal."""
    rng = random.Random(SEED)
    with Cabinet(CONFIG, daemon=False, forked=True) as cabinet:
        for _ in range(4):
            cabinet.launch()
            assert cabinet.process is not None
            with contextlib.suppress(subprocess.TimeoutExpired):
                cabinet.process.wait(rng.uniform(0.0, 0.3))
            cabinet.kill()
        cabinet.start()
        cabinet.at_rest()
