"""The running collector: what the broker delivers is taken in, answered, and only then acknowledged to the broker.

One loop, no threads of its own. After a start nothing is cosigned or published until the retained acknowledgements
have come: with a database that was lost or restored, a size must not be signed a second time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Final

from cabinet.journal.errors import JournalUnwritable
from hal.clock import Clock
from sync.broker import Broker
from sync.collector.ingest import Accepted, Ack, Arrived, Ingest, Receipt, Request
from sync.collector.names import ACK, JOURNAL, SESSION, read_topic
from sync.mqtt_link import Down, LinkEvent, Message, Oversized, Refused, Subscribed, Unsubscribed, Up
from sync.topics import Topics

log = logging.getLogger(__name__)

SETTLE_S: Final = 1.0
"""Retained acknowledgements have come when the subscription was answered and none came for so long."""
RETRY_S: Final = 1.0
"""After a refusing disk."""
PENDING_BYTES_MAX: Final = 64_000_000
"""Of messages that wait for the disk; of those with QoS 0 half of it. What comes beyond is left unacknowledged."""
GROUP_MAX: Final = 64
"""Messages in one transaction: acknowledgements should go out while a backlog still comes in."""
LOOK_S: Final = 5.0


class Service:
    """Used by one thread. `turn` blocks for the disk only."""

    def __init__(self, ingest: Ingest, broker: Broker, base: str, clock: Clock) -> None:
        self._ingest = ingest
        self._broker = broker
        self._base = base
        self._clock = clock
        self._pending: list[tuple[Arrived, int]] = []
        self._pending_bytes = 0
        self._quiet_since_s: float | None = None
        self._settled = False
        self._retry_s = 0.0
        self._disk_refuses = False
        self._last_token = 0
        self._look_s = 0.0
        self._told: set[Accepted] = set()
        """On this connection."""

    def turn(self) -> None:
        """Do whatever can be done now. Raises JournalDamaged."""
        if len(self._pending) < GROUP_MAX or self._disk_refuses:
            for event in self._broker.poll():
                self._hear(event)
        now_s = self._clock.mono_s()
        settles, looks = self._settles(now_s), now_s >= self._look_s
        if now_s < self._retry_s or not (self._pending or settles or looks or self._disk_refuses):
            self._ask()
            return
        try:
            self._take(settles)
            self._ingest.wipe()
            self._ingest.count()
            if looks:
                self._look_s = now_s + LOOK_S
                self._tell_accepted()
            if self._may_ask:
                self._publish_receipts(self._ingest.receipts())
        except JournalUnwritable as error:
            if not self._disk_refuses:
                log.error("nothing can be stored: %s; trying on", error.hint)
            self._disk_refuses = True
            self._retry_s = now_s + RETRY_S
            return
        if self._disk_refuses:
            log.info("the database takes data again")
        self._disk_refuses = False
        self._ask()

    def wait_s(self) -> float:
        """How long nothing has to be done unless the broker says something."""
        now_s = self._clock.mono_s()
        if self._pending and not self._disk_refuses:
            return 0.0
        times = [now_s + LOOK_S, self._broker.wake_s]
        if self._may_ask:
            times.append(self._ingest.next_s())
        if self._quiet_since_s is not None and not self._settled:
            times.append(self._quiet_since_s + SETTLE_S)
        if self._disk_refuses:
            times.append(self._retry_s)
        return max(0.0, min(at for at in times if at is not None) - now_s)

    def end(self) -> None:
        """Say good-bye to the broker, and store what was counted."""
        self._broker.end()
        try:
            self._ingest.count(at_once=True)
        except JournalUnwritable as error:
            log.error("counts are lost: %s", error.hint)

    def _hear(self, event: LinkEvent) -> None:
        match event:
            case Up():
                if not self._broker.is_up:
                    return  # it is gone again: Down is the next event
                self._broker.subscribe([f"{self._base}/+/+/{plane}" for plane in (ACK, SESSION, JOURNAL)])
                self._ingest.connected()
                self._told.clear()
                self._look_s = 0.0
                if self._settled:
                    self._publish_acks(self._ingest.acks())
            case Down():
                # What was not acknowledged comes again, under other numbers.
                self._forget(len(self._pending))
                self._quiet_since_s = None
            case Subscribed():
                self._quiet_since_s = self._clock.mono_s()
            case Unsubscribed(reason):
                log.error("the broker refuses a subscription: %s; check its access rules", reason)
            case Refused(_, topic, reason):
                log.warning("the broker refuses %s: %s; check its access rules", topic, reason)
            case Oversized(_, mid):
                self._ingest.refuse("oversized")
                self._broker.acknowledge(mid)
            case Message():
                self._hear_message(event)

    def _hear_message(self, message: Message) -> None:
        found = read_topic(self._base, message.topic)
        # Our own acknowledgements come back, not retained then.
        if found is None or found[1] not in (ACK, SESSION, JOURNAL) or (found[1] == ACK and not message.retained):
            self._broker.acknowledge(message.mid)
            return
        cabinet, plane = found
        if plane == ACK and self._quiet_since_s is not None:
            self._quiet_since_s = self._clock.mono_s()
        weight = _weight(message.payload)
        # Those with QoS 0 may not take the room of the others.
        if self._pending_bytes + weight <= PENDING_BYTES_MAX / (1 if message.mid else 2):
            self._pending.append((Arrived(cabinet, plane, message.payload), message.mid))
            self._pending_bytes += weight

    def _forget(self, count: int) -> None:
        """The first ones that wait."""
        self._pending_bytes -= sum(_weight(arrived.payload) for arrived, _ in self._pending[:count])
        del self._pending[:count]

    def _settles(self, now_s: float) -> bool:
        """Whether cosigning may begin."""
        quiet = self._quiet_since_s is not None and now_s - self._quiet_since_s >= SETTLE_S
        return quiet and not self._settled

    def _take(self, settles: bool) -> None:
        group = self._pending[:GROUP_MAX]
        acks = self._ingest.take([arrived for arrived, _ in group], may_sign=self._settled or settles)
        if settles:
            self._settled = True
            acks = self._ingest.acks()
        if not self._broker.is_up:
            return
        if self._settled:
            self._publish_acks(acks)
        for _, mid in group:
            self._broker.acknowledge(mid)
        self._forget(len(group))

    @property
    def _may_ask(self) -> bool:
        return self._settled and self._broker.is_up

    def _ask(self) -> None:
        if self._may_ask:
            for request in self._ingest.requests():
                self._publish_request(request)

    def _publish_acks(self, acks: Sequence[Ack]) -> None:
        for ack in acks:
            topics = Topics(self._base, ack.cabinet.site, ack.cabinet.device)
            self._broker.publish(topics.ack, ack.note, self._token(), retain=True)

    def _publish_request(self, request: Request) -> None:
        topics = Topics(self._base, request.cabinet.site, request.cabinet.device)
        payload = json.dumps({"origin": request.origin, "from": request.first}).encode()
        log.info("%s: asking for its leaves from %d on", request.origin, request.first)
        self._broker.publish(topics.request, payload, self._token(), retain=False)

    def _tell_accepted(self) -> None:
        """Operators say it to the database."""
        for accepted in set(self._ingest.accepted()) - self._told if self._broker.is_up else ():
            topics = Topics(self._base, accepted.cabinet.site, accepted.cabinet.device)
            payload = json.dumps({"origin": accepted.origin}).encode()
            self._broker.publish(topics.epoch, payload, self._token(), retain=True)
            self._told.add(accepted)

    def _publish_receipts(self, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            topics = Topics(self._base, receipt.cabinet.site, receipt.cabinet.device)
            self._broker.publish(topics.erased, receipt.text, self._token(), retain=False)

    def _token(self) -> int:
        self._last_token += 1
        return self._last_token


def _weight(payload: bytes) -> int:
    """What a message takes in memory, about."""
    return 1024 + len(payload)
