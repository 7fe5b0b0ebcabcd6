"""One cabinet's machine between its two links: events are put in, what comes out is done."""

from __future__ import annotations

import logging
from collections import deque
from typing import Protocol

from hal.clock import Clock
from sync.broker import Broker
from sync.events import (
    AcceptedArrived,
    AckArrived,
    Action,
    Confirmed,
    Connected,
    Disconnected,
    ErasedArrived,
    Event,
    JunkArrived,
    NotTaken,
    Publish,
    Question,
    RequestArrived,
    Stopping,
    Subscribe,
    Tick,
)
from sync.machine import Machine
from sync.mqtt_link import Down, LinkEvent, Message, Oversized, Refused, Taken, Unsubscribed, Up
from sync.topics import Topics

log = logging.getLogger(__name__)


class Cabinet(Protocol):
    """cabinetd, as far as it is asked."""

    def ask(self, question: Question) -> list[Event]:
        """The answer, now or with a later poll; nothing while there is no cabinetd."""
        ...


class Route:
    """Used by one thread."""

    def __init__(self, topics: Topics, machine: Machine, broker: Broker, cabinet: Cabinet, clock: Clock) -> None:
        self._topics = topics
        self._machine = machine
        self._broker = broker
        self._cabinet = cabinet
        self._clock = clock
        self._todo: deque[Action] = deque()
        self._refused: set[str] = set()

    @property
    def wake_s(self) -> float | None:
        """The monotonic time at which `turn` is due even if nothing woke the caller."""
        if self._todo:
            return self._clock.mono_s()
        times = (self._broker.wake_s, self._machine.wake_s(self._clock.now()))
        return min((at for at in times if at is not None), default=None)

    @property
    def has_left(self) -> bool:
        """After `stop`: the broker has taken `offline`, or there is none."""
        return self._machine.has_left

    @property
    def is_connected(self) -> bool:
        """To the broker."""
        return self._broker.is_up

    def feed(self, event: Event) -> None:
        self._todo += self._machine.step(event, self._clock.now())

    def turn(self) -> None:
        """Blocks only for the answers of cabinetd. Of what this leads to, the rest is left to the next turn, so
        that a long backlog keeps nobody waiting."""
        for event in self._broker.poll():
            self._from_broker(event)
        self.feed(Tick())
        for _ in range(len(self._todo)):
            self._do(self._todo.popleft())

    def stop(self) -> None:
        """Says `offline`; from now on nothing else."""
        self._todo.clear()
        self.feed(Stopping())

    def leave(self) -> None:
        """After `has_left`: ends the connection without the will; soon it is not connected any more."""
        self._broker.end()

    def close(self) -> None:
        """At once; the will says `offline` unless good-bye was said."""
        self._broker.close()

    def _from_broker(self, event: LinkEvent) -> None:
        match event:
            case Up(session_present):
                self._refused.clear()
                self.feed(Connected(session_present))
            case Down():
                self._todo = deque(action for action in self._todo if not isinstance(action, Publish | Subscribe))
                self.feed(Disconnected())
            case Taken(token):
                self.feed(Confirmed(token))
            case Refused(token, topic, reason):
                self._log_refusal(topic, reason)
                self.feed(NotTaken(token))
            case Unsubscribed(reason):
                self._log_refusal("a subscription", reason)
            case Oversized():
                self.feed(JunkArrived("oversized"))
            case Message():
                self.feed(self._message(event))

    def _message(self, message: Message) -> Event:
        if message.topic == self._topics.ack:
            return AckArrived(message.payload)
        if message.topic == self._topics.request:
            return RequestArrived(message.payload, message.retained)
        if message.topic == self._topics.epoch:
            return AcceptedArrived(message.payload)
        if message.topic == self._topics.erased:
            return ErasedArrived(message.payload, message.retained)
        return JunkArrived("unexpected-topic")

    def _log_refusal(self, what: str, reason: str) -> None:
        if what not in self._refused:
            self._refused.add(what)
            log.error("the broker refuses %s: %s; look at its access rules for this certificate", what, reason)

    def _do(self, action: Action) -> None:
        match action:
            case Publish(topic, payload, token, retain):
                self._broker.publish(topic, payload, token, retain=retain)
            case Subscribe():
                topics = self._topics
                self._broker.subscribe((topics.ack, topics.request, topics.epoch, topics.erased))
            case _:
                for event in self._cabinet.ask(action):
                    self.feed(event)
