"""A roster of one test: a device key of its own and PINs that cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cabinet.roster.changes import Import, parse_change
from cabinet.roster.draft import Plan
from cabinet.roster.store import Roster
from cabinet.vault.device_key import DeviceKeys, derive
from cabinet.vault.pin import PinCost

KEYS = derive(b"d" * 32)
CHEAP = PinCost(iterations=1, memory_kib=8)

Open = Callable[..., Roster]


@pytest.fixture
def open_roster(tmp_path: Path) -> Iterator[Open]:
    """Opens the same roster.db again with each call."""
    opened: list[Roster] = []

    def open_(keys: DeviceKeys = KEYS, site: str = "demo", slots: frozenset[int] | None = None) -> Roster:
        opened.append(Roster.open(tmp_path / "roster.db", keys, site, first_pin_cost=lambda: CHEAP, slots=slots))
        return opened[-1]

    yield open_
    for roster in opened:
        roster.close()


@pytest.fixture
def roster(open_roster: Open) -> Roster:
    return open_roster()


def apply(roster: Roster, change: dict[str, object] | dict[str, bytes]) -> Plan:
    """Plans and commits; a change without a kind is a set of files."""
    files = {name: data for name, data in change.items() if isinstance(data, bytes)}
    plan = roster.plan(Import(files) if files else parse_change(change))
    roster.commit(plan)
    return plan


def person(id_: str = "1001", name: str = "Ada", **more: object) -> dict[str, object]:
    return {"kind": "person.put", "person": {"id": id_, "name": name, **more}}


@pytest.fixture
def example() -> dict[str, bytes]:
    """The roster of config/roster.example."""
    folder = Path(__file__).parents[2] / "config" / "roster.example"
    return {path.name: path.read_bytes() for path in folder.iterdir()}
