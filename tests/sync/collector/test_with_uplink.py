"""Uplink and collector at one broker: what the one says, the other understands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync.collector import replay, service
from tests.sync.cabinet import FakeCabinet
from tests.sync.collector.test_broker import Running
from tests.sync.conftest import Running as RunningUplink
from tests.sync.mosquitto import PATIENCE_S, Mosquitto, needs_mosquitto

pytestmark = needs_mosquitto


@pytest.fixture(autouse=True)
def _impatient_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SETTLE_S", 0.1)
    monkeypatch.setattr(replay, "PATIENCE_S", 0.3)


@pytest.fixture
def collect(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Callable[[str, str], Running]]:
    """Starts a collector that knows no key, over a database in this folder."""
    started: list[Running] = []

    def begin(folder: str, protocol: str = "5") -> Running:
        (tmp_path / folder).mkdir()
        started.append(Running(tmp_path / folder, mosquitto.port, protocol, pins=()))
        return started[-1]

    yield begin
    started[-1].vanish()


def until(holds: Callable[[], object], uplink: RunningUplink, collector: Running) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        uplink.uplink.turn(0.005)
        collector.service.turn()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_backlog_drains(
    protocol: str,
    cabinet: FakeCabinet,
    start: Callable[..., RunningUplink],
    collect: Callable[[str, str], Running],
) -> None:
    for _ in range(60):
        cabinet.write(50, tell=False)
    collector, uplink = collect("upstream", protocol), start(protocol=protocol)
    until(lambda: cabinet.journal.acked == 3000, uplink, collector)
    assert collector.leaves() == cabinet.journal.leaves
    cabinet.write(3)
    until(lambda: cabinet.journal.acked == 3003, uplink, collector)
    assert collector.leaves() == cabinet.journal.leaves
    assert {one["cause"] for one in cabinet.judged} <= {None, "stale"}
    assert cabinet.rejected == []
    assert collector.dropped() == {}


def test_a_lost_database_is_filled_again(
    cabinet: FakeCabinet, start: Callable[..., RunningUplink], collect: Callable[..., Running]
) -> None:
    for _ in range(10):
        cabinet.write(50, tell=False)
    collector, uplink = collect("upstream"), start()
    until(lambda: cabinet.journal.acked == 500, uplink, collector)
    collector.vanish()
    anew = collect("anew")
    until(lambda: anew.leaves() == cabinet.journal.leaves, uplink, anew)
    cabinet.write(2)
    until(lambda: cabinet.journal.acked == 502, uplink, anew)
    assert {one["cause"] for one in cabinet.judged} <= {None, "stale"}
    assert anew.dropped() == {}
