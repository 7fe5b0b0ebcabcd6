"""One round of each benchmark, over the real daemon. How fast it went is not looked at."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench import append, badge, collector, daemon, journal, latency, outages, rosters, upstream
from bench.devices import ACTS
from bench.figure import Figure, p99, table
from bench.floor import Floor
from hal.registry import DEVICE_TYPES
from tests.sync.mosquitto import needs_mosquitto


def test_badge_to_bolt_with_new_and_old_journal_and_large_roster() -> None:
    figures = badge.run(rounds=1, warm_rounds=0, old_leaves=70, others=rosters.Size(20, 10, 40))
    assert [figure.name for figure in figures] == [
        "badge to bolt",
        "badge to bolt, p99",
        "badge to bolt, long journal",
        "badge to bolt, large roster",
    ]
    assert all(figure.value > 0 for figure in figures)


def test_from_a_device_to_its_event() -> None:
    """One that talks, one that ends a frame by silence, one that is asked, and one that answers nothing."""
    names = ["rdm6300-reader", "wiegand-reader", "led", "terminal-display"]
    figures = latency.run(names, rounds=1, warm_rounds=0)
    assert [figure.name for figure in figures] == [f"event, {name}" for name in names]
    assert all(figure.value > 0 for figure in figures)


def test_every_type_has_its_act() -> None:
    assert ACTS.keys() == DEVICE_TYPES.keys()


def test_unplugged_and_replugged_and_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "GONE_S", (0.0, 0.1))
    monkeypatch.setattr(outages, "LONG_SHARE", 0.0)
    monkeypatch.setattr(outages, "HELD_S", (0.0, 0.0))
    names = ["rdm6300-reader", "modbus-input-board"]
    assert all(figure.value > 0 for figure in outages.replugged(names, times=3, held_s=(0.0, 0.1)))
    [figure] = outages.silent(names, times=1)
    assert figure.name == "silence noticed, modbus-input-board"
    assert figure.value > 0


def test_a_large_roster_is_applied() -> None:
    figures = {figure.name: figure.value for figure in rosters.run(rosters.Size(200, 20, 400))}
    assert len(figures) == 3
    assert figures["roster apply, large"] > 0
    assert figures["cabinetd, start to READY=1 with it"] > 0


def test_what_the_daemon_takes() -> None:
    figures = {figure.name: figure.value for figure in daemon.run(starts=0, idle_s=0.1, command_runs=1)}
    assert len(figures) == 6
    assert all(math.isfinite(value) for value in figures.values())
    assert 10 < figures["cabinetd, memory while idle"] < 1000
    assert figures["cabinetctl status"] > 1


@needs_mosquitto
def test_the_way_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "LEAVES", 100)
    monkeypatch.setattr(upstream, "WARM_ROUNDS", 0)
    figures = {figure.name: figure.value for figure in upstream.run(400, single_leaves=70, rounds=1, warm_commits=0)}
    assert len(figures) == 6
    assert all(math.isfinite(value) for value in figures.values())
    assert figures["event to subscriber"] > 0
    assert figures["drain, over the collector alone"] > 0


def test_append(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROUNDS", "WARM_COMMITS", "WARM_APPENDS", "COUNTED_BATCHES"):
        monkeypatch.setattr(append, name, 2)
    figures = append.run()
    assert {*append.TARGETS, "bare_commit_ms"} - figures.keys() <= {"syncs_per_batch"}, "counted where strace can"
    assert figures["bytes_per_leaf"] > 300


def test_a_long_journal(tmp_path: Path) -> None:
    figures = {figure.name: figure.value for figure in journal.run(tmp_path, leaves=70, rounds=1, fast_rounds=1)}
    assert len(figures) == 8
    assert all(math.isfinite(value) for value in figures.values())
    assert figures["verify, over hashing the leaves"] > 1
    assert figures["export, a million leaves"] > 0


def test_floor_is_a_commit_and_an_echo(tmp_path: Path) -> None:
    with Floor(tmp_path, warm_commits=1) as floor:
        assert floor.round() > 0
    assert (tmp_path / "bare.db").stat().st_size > 0


def test_p99_is_exceeded_by_one_in_a_hundred() -> None:
    assert p99([float(n) for n in range(200, 0, -1)]) == 198.0
    assert p99([float(n) for n in range(100, 0, -1)]) == 99.0
    assert p99([float(n) for n in range(99, 0, -1)]) == 99.0
    assert p99([3.0, 1.0]) == 3.0


def test_table_tells_what_is_missed() -> None:
    lines = table([Figure("one", 1.2345, 1.0, "x", "so"), Figure("two", 0.5, 1.0, "ms")]).splitlines()
    assert lines[1].split() == ["one", "1.23", "x", "1", "x", "NO", "so"]
    assert lines[2].split() == ["two", "0.5", "ms", "1", "ms", "yes"]
