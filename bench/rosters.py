"""A large roster through the daemon: how long it takes to apply it, and what it takes up."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Final, NamedTuple

from bench.daemon import until
from bench.figure import Figure
from bench.stand import cabinetctl, cabinetd, make_folder
from drivers.wire.card_number import format_card
from simulator.fobs import number_of

PEOPLE: Final = 8
"""Who take turns, each with a card and a right to one slot: a reader tells a card anew only after it was away."""
GROUPS, ITEM_GROUPS = 200, 400


class Size(NamedTuple):
    """Of what is in a roster beside those eight."""

    people: int
    items: int
    rights: int


NOBODY: Final = Size(0, 0, 0)
LARGE: Final = Size(10_000, 2_000, 50_000)


def run(size: Size = LARGE) -> list[Figure]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        folder = make_folder(Path(name), "large")
        write_roster(folder / "roster", size)
        with cabinetd(folder, _patient) as running:
            empty_mib = running.memory_mib("VmRSS")
            began = perf_counter()
            cabinetctl(folder, "roster", "apply", str(folder / "roster"), "--yes")
            took_s, used_s = perf_counter() - began, running.cpu_s()
            applied_mib, most_mib = running.memory_mib("VmRSS") - empty_mib, running.memory_mib("VmHWM") - empty_mib
        with cabinetd(folder, _patient) as running:
            started_mib, ready_s = running.memory_mib("VmRSS") - empty_mib, running.ready_s
    what = f"{size.people:,} people, {size.items:,} items, {size.rights:,} rights"
    memory = f"above empty; {applied_mib:.0f} MiB right after the apply, {most_mib:.0f} MiB at its height"
    return [
        Figure("roster apply, large", took_s, 10.0, "s", f"{what}; the daemon's processor time {used_s:.1f} s"),
        Figure("cabinetd, memory with it", started_mib, 60.0, "MiB", memory),
        Figure("cabinetd, start to READY=1 with it", ready_s, 10.0, "s", what),
    ]


def _patient(holds: Callable[[], bool], what: str) -> None:
    until(holds, what, 120)


def write_roster(folder: Path, others: Size = NOBODY) -> None:
    """Most rights of the others are one person's to one item; one in 25 is a group's to a group of items."""
    random = Random(1)
    groups, kinds = [f"g{n}" for n in range(GROUPS)], [f"i{n}" for n in range(ITEM_GROUPS)]
    people = [f"{1000 + n},Person {n},,{format_card(card(n))}" for n in range(1, PEOPLE + 1)]
    people += [
        f"{100_000 + n},Person {n},{groups[n % GROUPS]};{random.choice(groups)},{format_card(card(1000 + n))}"
        for n in range(others.people)
    ]
    items = [f"K-{n:04},key,Door {n},{n},,{format_card(number_of(f'F-{n}'))}" for n in range(1, PEOPLE + 1)]
    items += [f"X-{n:05},key,Door {n},,{kinds[n % ITEM_GROUPS]};{random.choice(kinds)}," for n in range(others.items)]
    rights = [
        f'[[right]]\nid = "right-{n}"\npersons = ["{1000 + n}"]\nitems = ["K-{n:04}"]\nfactors = ["card"]\n'
        for n in range(1, PEOPLE + 1)
    ]
    rights += [_right(random, n, others, groups, kinds) for n in range(others.rights)]
    folder.mkdir()
    (folder / "people.csv").write_text("\n".join(["id,name,groups,cards", *people]) + "\n")
    (folder / "items.csv").write_text("\n".join(["id,kind,name,slot,groups,fob", *items]) + "\n")
    (folder / "rights.toml").write_text("\n".join(rights))


def card(number: int) -> bytes:
    return bytes((1, *number.to_bytes(4)))


def _right(random: Random, n: int, others: Size, groups: list[str], kinds: list[str]) -> str:
    if n % 25:
        person, item = 100_000 + random.randrange(others.people), random.randrange(others.items)
        return f'[[right]]\nid = "r{n}"\npersons = ["{person}"]\nitems = ["X-{item:05}"]\n'
    who, what = random.choice(groups[: others.people]), random.choice(kinds[: others.items])
    return f'[[right]]\nid = "r{n}"\ngroups = ["{who}"]\nitem_groups = ["{what}"]\n'
