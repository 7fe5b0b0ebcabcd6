"""A broker as the uplink may meet it: it is away, forgets, delivers twice, late or never, and says it has taken
everything. Nothing that it says may matter."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, Literal, NamedTuple

from simulator.harness.process import outside
from sync.mqtt_link import Down, LinkEvent, Message, Taken, Up

LATENCY_S: Final = (0.002, 0.030)
LATE_S: Final = 4.0
Lie = Literal["away", "deaf", "swallows", "doubles", "late"]
"""away: nobody can connect. deaf: it takes nothing and answers nothing. swallows: it confirms and delivers nothing.
doubles: it delivers each twice. late: it delivers after seconds."""
Deliver = Callable[[str, bytes, bool], None]
"""Topic, payload, whether it was retained."""


class Sent(NamedTuple):
    topic: str
    payload: bytes
    token: int
    retain: bool


class ModelBroker:
    def __init__(self, random: Random) -> None:
        self.retained: dict[str, bytes] = {}
        self.lies: set[Lie] = set()
        self.published: list[Callable[[str, bytes], None]] = []
        """Hear of each message of the uplink, as it hands it over."""
        self._random = random
        self._links: list[ModelLink] = []
        self._known: set[str] = set()
        self._upstream: tuple[frozenset[str], Deliver] | None = None

    # -- for the uplink ------------------------------------------------------------------------------------------

    def connect(self, client: str, wake: Callable[[], None], will: tuple[str, bytes]) -> ModelLink:
        """Raises OSError, as a link does that cannot be made."""
        link = ModelLink(self, client, wake, will)
        outside(self._later, self._accept, link)
        return link

    def _accept(self, link: ModelLink) -> None:
        if not link.alive:
            return
        if "away" in self.lies:
            link.tell(Down("connection refused"))
            link.alive = False
            return
        for old in [one for one in self._links if one.client == link.client]:
            self.drop(old, "another connection with this name")
        self._links.append(link)
        link.tell(Up(link.client in self._known))
        self._known.add(link.client)

    def take(self, link: ModelLink, message: Sent) -> None:
        """What one link sends at one time comes together."""
        for hear in self.published:
            hear(message.topic, message.payload)
        link.under_way.append(message)
        if len(link.under_way) == 1:
            outside(self._later, self._taken, link)

    def _taken(self, link: ModelLink) -> None:
        messages, link.under_way = link.under_way, []
        if link not in self._links or "deaf" in self.lies:
            return
        for message in messages:
            if message.retain:
                self.retained[message.topic] = message.payload
            link.tell(Taken(message.token))
            if "swallows" not in self.lies:
                for _ in range(2 if "doubles" in self.lies else 1):
                    self._to_upstream(message.topic, message.payload)

    def subscribe(self, link: ModelLink, topics: Sequence[str]) -> None:
        outside(self._later, self._subscribed, link, tuple(topics))

    def _subscribed(self, link: ModelLink, topics: Sequence[str]) -> None:
        if link not in self._links or "deaf" in self.lies:
            return
        link.topics |= set(topics)
        for topic in topics:
            if topic in self.retained:
                link.tell(Message(topic, self.retained[topic], True, 1))

    def drop(self, link: ModelLink, reason: str, *, will: bool = True) -> None:
        if link in self._links:
            self._links.remove(link)
            if will:
                topic, payload = link.will
                self.retained[topic] = payload
            link.tell(Down(reason))
        link.alive = False

    # -- for upstream --------------------------------------------------------------------------------------------

    def serve(self, planes: frozenset[str], deliver: Deliver | None) -> None:
        """Upstream subscribes to the last levels of topics, or is gone."""
        self._upstream = None if deliver is None else (planes, deliver)
        if deliver is not None:
            for topic, payload in list(self.retained.items()):
                if _plane(topic) in planes:
                    self._later(deliver, topic, payload, True)

    def send(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """From upstream, or from whoever got hold of its password."""
        if retain:
            self.retained[topic] = payload
        self._later(self._to_links, topic, payload)

    # -- faults --------------------------------------------------------------------------------------------------

    def lie(self, lie: Lie) -> None:
        self.lies.add(lie)
        if lie == "away":
            self.cut()

    def cut(self) -> None:
        """All connections end, without a word of good-bye."""
        for link in list(self._links):
            self.drop(link, "connection reset")

    def forget(self) -> None:
        """Killed, with an empty store."""
        self.cut()
        self.retained.clear()
        self._known.clear()

    # -- helpers -------------------------------------------------------------------------------------------------

    def _to_upstream(self, topic: str, payload: bytes) -> None:
        if self._upstream is not None and _plane(topic) in self._upstream[0]:
            self._later(self._upstream[1], topic, payload, False)

    def _to_links(self, topic: str, payload: bytes) -> None:
        if "deaf" in self.lies:
            return
        for link in self._links:
            if topic in link.topics or topic.endswith("/cmd"):  # it also delivers what nobody asked for
                link.tell(Message(topic, payload, False, 1))

    def _later(self, function: Callable[..., None], *args: object) -> None:
        delay_s = self._random.uniform(*LATENCY_S)
        if "late" in self.lies:
            delay_s += self._random.uniform(0, LATE_S)
        asyncio.get_running_loop().call_later(delay_s, lambda: function(*args))


class ModelLink:
    """A sync.broker.Link."""

    def __init__(self, broker: ModelBroker, client: str, wake: Callable[[], None], will: tuple[str, bytes]) -> None:
        self.client = client
        self.alive = True
        self.look_s = 3600.0  # it has no thread that could die
        self.topics: set[str] = set()
        self.will = will
        self.under_way: list[Sent] = []
        self._broker = broker
        self._wake = wake
        self._events: deque[LinkEvent] = deque()
        self._in_flight: set[int] = set()

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    def tell(self, event: LinkEvent) -> None:
        if self.alive:
            self._events.append(event)
            self._wake()

    def next(self) -> LinkEvent | None:
        if not self._events:
            return None
        event = self._events.popleft()
        if isinstance(event, Taken):
            self._in_flight.discard(event.token)
        return event

    def publish(self, topic: str, payload: bytes, token: int, *, retain: bool) -> None:
        self._in_flight.add(token)
        self._broker.take(self, Sent(topic, payload, token, retain))

    def subscribe(self, topics: Sequence[str]) -> None:
        self._broker.subscribe(self, topics)

    def acknowledge(self, mid: int) -> None:
        """The uplink acknowledges nothing by hand."""

    def end(self) -> None:
        self._broker.drop(self, "good-bye", will=False)

    def close(self) -> None:
        self._broker.drop(self, "closed")


def _plane(topic: str) -> str:
    return topic.split("/", 4)[-1]
