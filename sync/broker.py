"""Keeps a connection to the MQTT broker up: tries again, and gives up what is dead."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol, Self

from cabinet.settings.uplink import BrokerSettings
from hal.clock import Clock
from sync.backoff import Backoff
from sync.mqtt_link import Down, LinkEvent, MqttLink, Refused, Taken, Up, Will

log = logging.getLogger(__name__)

RETRY_FIRST_S: Final = 1.0
RETRY_LAST_S: Final = 60.0
CONNECT_S_MAX: Final = 60.0
"""Until the broker has accepted us: resolving a name has no limit of its own."""


class Link(Protocol):
    """One connection, from its making to its end; see MqttLink for each method."""

    look_s: float
    """How often to look whether it is alive while it says nothing."""

    @property
    def alive(self) -> bool: ...
    @property
    def in_flight(self) -> int: ...
    def next(self) -> LinkEvent | None: ...
    def publish(self, topic: str, payload: bytes, token: int, *, retain: bool) -> None: ...
    def subscribe(self, topics: Sequence[str]) -> None: ...
    def acknowledge(self, mid: int) -> None: ...
    def end(self) -> None: ...
    def close(self) -> None: ...


class Broker:
    """One link at a time, made by `make`. Used by one thread; no method blocks.

    A link is given up when its thread has died, and when for twice the keepalive nothing that was published was
    confirmed; that the broker does not answer to pings, paho sees itself.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Link],
        keepalive_s: float,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        """`name` is for the log. `make` may raise OSError; it is tried again like a connection that fails."""
        self._name = name
        self._make = make
        self._silence_s = 2 * keepalive_s
        self._clock = clock
        self._backoff = Backoff(RETRY_FIRST_S, RETRY_LAST_S, random)
        self._link: Link | None = None
        self._left: list[Link] = []
        self._retry_at: float | None = clock.mono_s()
        self._made_s = self._heard_s = 0.0
        self._reachable = True
        self.is_up = False
        """Between Up and Down; then, and only then, publish and subscribe."""

    @classmethod
    def at(
        cls,
        settings: BrokerSettings,
        client_id: str,
        *,
        wake: Callable[[], None],
        clock: Clock,
        random: Callable[[], float],
        payload_max: int,
        will: Will | None = None,
        manual_ack: bool = False,
    ) -> Self:
        """The broker of the settings; for the rest see MqttLink. The first `poll` connects."""

        def make() -> MqttLink:
            return MqttLink(settings, client_id, wake, payload_max, will, manual_ack=manual_ack)

        return cls(f"{settings.host}:{settings.port}", make, settings.keepalive_s, clock, random)

    @property
    def wake_s(self) -> float | None:
        """The monotonic time at which `poll` is due even if nothing woke the caller."""
        if self._link is None:
            return self._retry_at
        return self._clock.mono_s() + min(self._link.look_s, self._silence_s / 4)

    def poll(self) -> list[LinkEvent]:
        """What happened since the last call; of a connection that never came up, nothing. Makes and gives up
        connections when it is time."""
        now_s = self._clock.mono_s()
        found: list[LinkEvent] = []
        link = self._link
        while link is not None and link is self._link and (event := link.next()) is not None:
            self._take(event, now_s, found)
        if self._link is not None and (reason := self._death(self._link, now_s)):
            self._lose(reason, now_s, found)
        if self._link is None and self._retry_at is not None and now_s >= self._retry_at:
            self._connect(now_s)
        self._bury()
        return found

    def publish(self, topic: str, payload: bytes, token: int, *, retain: bool) -> None:
        """See MqttLink.publish."""
        assert self._link is not None, "publish only between Up and Down"
        if not self._link.in_flight:
            self._heard_s = self._clock.mono_s()
        self._link.publish(topic, payload, token, retain=retain)

    def subscribe(self, topics: Sequence[str]) -> None:
        """See MqttLink.subscribe."""
        assert self._link is not None, "subscribe only between Up and Down"
        self._link.subscribe(topics)

    def acknowledge(self, mid: int) -> None:
        """See MqttLink.acknowledge. A message of a connection that is gone comes again by itself."""
        if self._link is not None:
            self._link.acknowledge(mid)

    def end(self) -> None:
        """An orderly good-bye without the will; Down follows, and no other connection."""
        self._retry_at = None
        if self._link is not None:
            self._link.end()

    def close(self) -> None:
        """At once. paho's thread ends soon after."""
        self._retry_at = None
        if self._link is not None:
            self._leave(self._link)

    def _take(self, event: LinkEvent, now_s: float, found: list[LinkEvent]) -> None:
        match event:
            case Up():
                self._heard_s = now_s
                self.is_up = True
                log.info("broker %s %s", self._name, "accepted us" if self._reachable else "is back")
                self._reachable = True
            case Down(reason):
                self._lose(reason, now_s, found)
                return
            case Taken() | Refused():
                self._heard_s = now_s
        found.append(event)

    def _death(self, link: Link, now_s: float) -> str:
        if not link.alive:
            return "its thread has died"
        if not self.is_up:
            return "no answer" if now_s - self._made_s >= CONNECT_S_MAX else ""
        silent = link.in_flight and now_s - self._heard_s >= self._silence_s
        return f"nothing confirmed for {self._silence_s:g} s" if silent else ""

    def _lose(self, reason: str, now_s: float, found: list[LinkEvent]) -> None:
        assert self._link is not None
        if self.is_up:
            found.append(Down(reason))
            # One that is thrown out again and again must not come back each second.
            if now_s - self._made_s >= self._silence_s:
                self._backoff.reset()
        self._leave(self._link)
        self._wait(reason, now_s)

    def _leave(self, link: Link) -> None:
        link.close()
        self._left.append(link)
        self._link = None
        self.is_up = False

    def _connect(self, now_s: float) -> None:
        self._made_s = now_s
        try:
            self._link = self._make()
        except OSError as error:
            self._wait(str(error), now_s)

    def _wait(self, reason: str, now_s: float) -> None:
        if self._retry_at is None:
            return
        self._retry_at = now_s + self._backoff.wait_s()
        if self._reachable:
            log.warning("broker %s is out of reach: %s; trying on", self._name, reason)
            self._reachable = False

    def _bury(self) -> None:
        """A link that was given up while it connected may come up after all, and would push out the present one."""
        self._left = [link for link in self._left if link.alive]
        for link in self._left:
            link.close()
