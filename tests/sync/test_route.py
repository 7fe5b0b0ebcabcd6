"""Between machine and links: by hand, what a real broker does only now and then."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hal.system_clock import SystemClock
from sync.cabinet_link import CabinetLink
from sync.events import Batch, Event, Head, Planes, ReadBatch
from sync.machine import Machine
from sync.mqtt_link import Down, LinkEvent, Message, Refused, Up
from sync.route import Route
from sync.topics import Topics
from tests.sync.upstream import ORIGIN, SIGNER

TOPICS = Topics.of("kc/v1", ORIGIN)


class HandBroker:
    def __init__(self) -> None:
        self.events: list[LinkEvent] = []
        self.published: list[str] = []
        self.is_up = False

    def poll(self) -> list[LinkEvent]:
        found, self.events = self.events, []
        for event in found:
            self.is_up = isinstance(event, Up) or (self.is_up and not isinstance(event, Down))
        return found

    def publish(self, topic: str, payload: bytes, token: int, *, retain: bool) -> None:
        assert self.is_up
        self.published.append(topic)

    def subscribe(self, topics: Sequence[str]) -> None:
        assert self.is_up


class HandCabinet(CabinetLink):
    def __init__(self) -> None:
        self.asked: list[object] = []

    def ask(self, question: object) -> list[Event]:
        self.asked.append(question)
        return [Batch(0, ["AA=="], "note", 1)] if isinstance(question, ReadBatch) else []


@pytest.fixture
def hands() -> tuple[Route, HandBroker, HandCabinet]:
    cabinet, broker, clock = HandCabinet(), HandBroker(), SystemClock()
    machine = Machine(TOPICS, "9.9", lambda: 0.5, jitter_s_max=0, resend_s=30, started_s=clock.mono_s())
    route = Route(TOPICS, machine, broker, cabinet, clock)
    route.feed(Head(ORIGIN, SIGNER.vkey, 0, 0, 0, "1f0c9a2e", "1.0"))
    route.feed(Planes({}, {}))
    return route, broker, cabinet


def test_what_was_to_be_published_on_a_lost_connection_is_dropped(
    hands: tuple[Route, HandBroker, HandCabinet],
) -> None:
    route, broker, cabinet = hands
    broker.events = [Up(False)]
    route.turn()
    route.feed(Head(ORIGIN, SIGNER.vkey, 1, 0, 0, "1f0c9a2e", "1.0"))
    while ReadBatch(0) not in cabinet.asked:
        route.turn()
    assert TOPICS.journal not in broker.published, "it is for the next turn"
    broker.events = [Down("gone")]
    route.turn()
    assert TOPICS.journal not in broker.published


def test_a_refusal_is_logged_once_a_connection(
    hands: tuple[Route, HandBroker, HandCabinet], caplog: pytest.LogCaptureFixture
) -> None:
    route, broker, _ = hands
    for expected in (1, 2):
        broker.events = [Up(False), *(Refused(token, TOPICS.journal, "Not authorized") for token in (1, 2, 3))]
        route.turn()
        assert caplog.text.count("Not authorized") == expected


def test_a_message_on_another_topic_is_counted(hands: tuple[Route, HandBroker, HandCabinet]) -> None:
    route, broker, cabinet = hands
    broker.events = [Up(False), Message(TOPICS.plane("cmd"), b"{}", False, 1)]
    route.turn()
    assert "unexpected-topic" in str(cabinet.asked)
