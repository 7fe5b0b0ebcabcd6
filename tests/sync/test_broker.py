"""When a link to the broker is given up, and when the next one is made. By hand: the link and the clock."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import cast

import pytest

from hal.clock import Now
from sync import broker as broker_module
from sync.broker import Broker
from sync.mqtt_link import Down, LinkEvent, MqttLink, Taken, Up

KEEPALIVE_S = 30.0


class HandClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def mono_s(self) -> float:
        return self.now_s

    def now(self) -> Now:
        return Now(self.now_s, 0, "none")


class HandLink:
    """What MqttLink is to the broker's keeper."""

    def __init__(self) -> None:
        self.events: list[LinkEvent] = []
        self.alive = True
        self.in_flight = 0
        self.closed = 0

    def next(self) -> LinkEvent | None:
        return self.events.pop(0) if self.events else None

    def publish(self, topic: str, payload: bytes, token: int, *, retain: bool) -> None:
        self.in_flight += 1

    def subscribe(self, topics: Sequence[str]) -> None:
        raise AssertionError("nobody subscribes here")

    def end(self) -> None:
        self.events.append(Down("good-bye"))

    def close(self) -> None:
        self.closed += 1


class Rig:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(broker_module, "RETRY_FIRST_S", 1.0)
        monkeypatch.setattr(broker_module, "RETRY_LAST_S", 60.0)
        self.clock = HandClock()
        self.links: list[HandLink] = []
        self.faults: list[OSError] = []
        self.broker = Broker("b:1", self._make, KEEPALIVE_S, self.clock, lambda: 1.0)

    def _make(self) -> MqttLink:
        if self.faults:
            raise self.faults.pop()
        self.links.append(HandLink())
        return cast(MqttLink, self.links[-1])

    @property
    def link(self) -> HandLink:
        return self.links[-1]

    def tell(self, *events: LinkEvent) -> list[LinkEvent]:
        self.link.events += events
        return self.broker.poll()

    def next_try_s(self) -> float:
        """How long until the next link is made; it is made."""
        before_s, count = self.clock.now_s, len(self.links)
        wake_s = self.broker.wake_s
        assert wake_s is not None
        self.clock.now_s = wake_s - 0.001
        self.broker.poll()
        assert len(self.links) == count
        self.clock.now_s = wake_s
        self.broker.poll()
        assert len(self.links) == count + 1
        return wake_s - before_s


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = Rig(monkeypatch)
    rig.broker.poll()
    return rig


def test_tries_come_ever_more_seldom_and_are_logged_once(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    waits = []
    for _ in range(8):
        assert rig.tell(Down("no connection")) == [], "it was never up"
        waits.append(rig.next_try_s())
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert rig.tell(Up(False)) == [Up(False)]
    assert [record.getMessage() for record in caplog.records] == [
        "broker b:1 is out of reach: no connection; trying on",
        "broker b:1 is back",
    ]


def test_waits_are_spread_over_their_upper_half(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch)
    rig.broker = Broker("b:1", rig._make, KEEPALIVE_S, rig.clock, lambda: 0.0)
    rig.broker.poll()
    rig.tell(Down("no"))
    assert rig.next_try_s() == 0.5


def test_one_that_is_thrown_out_again_and_again_does_not_come_back_each_second(rig: Rig) -> None:
    for wait_s in (1, 2, 4):
        assert rig.tell(Up(True), Down("thrown out")) == [Up(True), Down("thrown out")]
        assert rig.next_try_s() == wait_s
    rig.tell(Up(True))
    rig.clock.now_s += 2 * KEEPALIVE_S
    rig.tell(Down("after a good while"))
    assert rig.next_try_s() == 1


def test_events_behind_the_end_of_a_link_are_not_heard(rig: Rig) -> None:
    assert rig.tell(Up(False), Down("a"), Down("b"), Taken(1)) == [Up(False), Down("a")]


def test_a_dead_thread_is_the_end_of_a_link(rig: Rig) -> None:
    rig.tell(Up(False))
    rig.link.alive = False
    assert rig.broker.poll() == [Down("its thread has died")]
    assert not rig.broker.is_up


def test_confirming_nothing_is_the_end_of_a_link(rig: Rig) -> None:
    rig.tell(Up(False))
    rig.clock.now_s += 1000
    assert rig.broker.poll() == [], "nothing was published"
    rig.broker.publish("t", b"", 1, retain=False)
    rig.clock.now_s += 59
    rig.broker.publish("t", b"", 2, retain=False)
    assert rig.tell(Taken(1)) == [Taken(1)]
    rig.link.in_flight = 1
    rig.clock.now_s += 59
    rig.broker.publish("t", b"", 3, retain=False)
    assert rig.broker.poll() == []
    rig.clock.now_s += 1
    assert rig.broker.poll() == [Down("nothing confirmed for 60 s")]
    assert rig.link.closed


def test_a_broker_that_never_accepts_is_given_up_after_a_minute(rig: Rig) -> None:
    rig.clock.now_s += 59.9
    rig.broker.poll()
    assert not rig.link.closed
    rig.clock.now_s += 0.2
    assert rig.broker.poll() == []
    assert rig.link.closed


def test_a_link_that_was_given_up_is_closed_until_it_is_dead(rig: Rig) -> None:
    rig.clock.now_s += 60
    rig.broker.poll()
    first = rig.link
    closed = first.closed
    rig.broker.poll()
    assert first.closed > closed, "it may have come up meanwhile"
    first.alive = False
    closed = first.closed
    rig.broker.poll()
    rig.broker.poll()
    assert first.closed == closed


def test_certificates_that_cannot_be_read_are_tried_again(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.faults.append(OSError("lobby-01.key: Permission denied"))
    rig.tell(Down("gone"))
    caplog.clear()
    rig.clock.now_s += 1
    rig.broker.poll()
    assert rig.next_try_s() == 2


def test_after_the_end_nothing_connects_again(rig: Rig) -> None:
    rig.tell(Up(False))
    rig.broker.end()
    assert rig.broker.poll() == [Down("good-bye")]
    assert rig.broker.wake_s is None
    rig.clock.now_s += 1000
    rig.broker.poll()
    assert len(rig.links) == 1
