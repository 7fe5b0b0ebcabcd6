"""When a cabinet is asked to send again, by the clock alone."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.collector.replay import Replay
from tests.sync.collector.making import CABINET, SIGNER, Collector, made_log


def asked_at(replay: Replay, until_s: float) -> list[float]:
    """Every time at which something is due, from 0 on."""
    times = []
    while (at := replay.next_s()) is not None and at <= until_s:
        assert replay.due(at - 0.001) == []
        assert replay.due(at)
        times.append(at)
    return times


def test_after_five_seconds_and_then_more_and_more_seldom() -> None:
    replay = Replay()
    replay.observe("a", 10, whole=False, now_s=0.0)
    assert asked_at(replay, 2000.0) == [5, 10, 20, 40, 80, 160, 320, 620, 920, 1220, 1520, 1820]


def test_progress_gives_patience_again() -> None:
    replay = Replay()
    replay.observe("a", 10, whole=False, now_s=0.0)
    assert asked_at(replay, 50.0) == [5, 10, 20, 40]
    replay.observe("a", 11, whole=False, now_s=60.0)
    assert replay.due(64.9) == []
    assert replay.due(65.0) == [("a", 11)]
    replay.observe("a", 11, whole=False, now_s=66.0)
    assert replay.next_s() == 70.0


def test_whole_is_never_asked_for() -> None:
    replay = Replay()
    replay.observe("a", 10, whole=False, now_s=0.0)
    replay.observe("b", 10, whole=True, now_s=0.0)
    replay.observe("a", 12, whole=True, now_s=1.0)
    assert replay.next_s() is None
    assert replay.due(1000.0) == []


def test_a_new_connection_begins_afresh() -> None:
    replay = Replay()
    replay.observe("a", 10, whole=False, now_s=0.0)
    asked_at(replay, 400.0)
    replay.restart(500.0)
    assert replay.next_s() == 505.0


@settings(max_examples=100)
@given(steps=st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(0, 3), st.booleans()), max_size=60))
def test_never_twice_within_five_seconds(steps: list[tuple[float, int, bool]]) -> None:
    replay, now_s, size, last_s = Replay(), 0.0, 0, None
    for pause_s, grown, whole in steps:
        now_s += pause_s
        size += grown
        replay.observe("a", size, whole=whole, now_s=now_s)
        for origin, first in replay.due(now_s):
            assert (origin, first, whole) == ("a", size, False)
            assert last_s is None or now_s - last_s >= 5.0
            last_s = now_s


def test_a_session_that_is_ahead_is_asked_for(collector: Collector) -> None:
    log = made_log(30)
    collector.hear_session(log.session())
    collector.clock.now_s += 4
    collector.take(log.batch(0, 10))
    collector.clock.now_s += 4
    assert collector.ingest.requests() == [], "something has arrived meanwhile"
    collector.clock.now_s += 1
    assert [(one.cabinet, one.origin, one.first) for one in collector.ingest.requests()] == [
        (CABINET, CABINET.origin, 10)
    ]
    collector.take(log.batch(10, 30))
    collector.clock.now_s += 1000
    assert collector.ingest.requests() == []


def test_a_session_of_another_origin_takes_its_place(collector: Collector) -> None:
    collector.hear_session(made_log(30).session())
    later = SIGNER.named(f"{CABINET.origin}/e2")
    collector.hear_session(made_log(30, later).session())
    collector.clock.now_s += 5
    assert [(one.origin, one.first) for one in collector.ingest.requests()] == [(later.name, 0)]
    collector.hear_session(made_log(0, SIGNER.named(f"{CABINET.origin}/e3")).session())
    collector.clock.now_s += 1000
    assert collector.ingest.requests() == []


def test_a_session_that_is_not_ahead_is_not(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    log = made_log(30)
    collector.take(log.batch(0, 30))
    collector.hear_session(log.session(head=29))
    collector.hear_session(made_log(0).session())
    collector.clock.now_s += 1000
    assert collector.ingest.requests() == []
    collector.close()
