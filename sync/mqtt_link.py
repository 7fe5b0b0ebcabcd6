"""One connection to an MQTT broker, from its making to its end. Only here is paho known.

paho 2.2 runs a thread of its own for each connection; all that is called back there is appended to a queue, and the
reader is woken. Known of paho, and answered here:

- On a reconnect it sends all it holds at once, whatever its limits: so a link connects once. Who wants another
  connection makes another link, which holds nothing.
- An exception in a callback ends its thread while it still calls itself connected: exceptions are suppressed, and
  `alive` tells.

A session that the broker kept holds our subscriptions and what was on the way to us. What was on the way to the
broker is for the caller to send again, under new packet numbers: with QoS 1 the broker sees no difference.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cabinet.settings.uplink import BrokerSettings
from sync.tls import tls_context

log = logging.getLogger(__name__)

MESSAGES_MAX: Final = 64
"""How many of the longest messages wait to be taken, or more short ones in the same room; with QoS 1 twice as many.
What comes beyond is dropped. A broker of MQTT 5 is told; Mosquitto 2.0.11 does not keep to it: of 1004 messages it
had sent the last when 321 were acknowledged."""
IN_FLIGHT_MAX: Final = 20
"""Publishes on the way at once, unless the broker wants fewer; the others wait here."""
CONNECT_S: Final = 10.0
"""For the TCP connection, and again for each step of the TLS handshake."""
SESSION_S: Final = 3600
_HEADER_BYTES_MAX: Final = 1024
"""Of a packet: topic and properties beside the payload."""


@dataclass(frozen=True, slots=True)
class Up:
    """The broker accepted us; `session_present` when it kept the session of the connection before."""

    session_present: bool


@dataclass(frozen=True, slots=True)
class Down:
    """The connection is gone, and with it each publish that was neither Taken nor Refused. The last event."""

    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """The broker has taken a publish. On 3.1.1 also one that it threw away because of its access rules."""

    token: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker has not taken a publish (MQTT 5 only)."""

    token: int
    topic: str
    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    """`mid` is for `acknowledge`, where messages are acknowledged by hand."""

    topic: str
    payload: bytes
    retained: bool
    mid: int


@dataclass(frozen=True, slots=True)
class Oversized:
    """A message was longer than is accepted, and was dropped. To be acknowledged like any other."""

    topic: str
    mid: int


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker has answered a subscription, and refuses none of it."""


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The broker refuses a subscription. That it accepts one proves nothing."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Accepted:
    """CONNACK. More than the broker's receive maximum on the way would be an error to it (MQTT 5.0, section 3.3.4)."""

    session_present: bool
    receive_max: int


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """PUBACK, before the caller's token is known."""

    mid: int
    failure: str | None


class _Publish(NamedTuple):
    topic: str
    payload: bytes
    token: int
    retain: bool


LinkEvent: TypeAlias = Up | Down | Taken | Refused | Message | Oversized | Subscribed | Unsubscribed
_Told: TypeAlias = _Accepted | _Confirmed | Down | Message | Oversized | Subscribed | Unsubscribed


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when we vanish."""

    topic: str
    payload: bytes


class MqttLink:
    """Connects at once, in paho's thread. All methods are for one other thread; none blocks.

    `wake` is called from paho's thread when there is something to take. `payload_max` is the longest message
    accepted, in bytes. With `manual_ack` the broker keeps a message until it was acknowledged. Raises OSError when
    the certificates cannot be loaded.
    """

    def __init__(
        self,
        broker: BrokerSettings,
        client_id: str,
        wake: Callable[[], None],
        payload_max: int,
        will: Will | None = None,
        *,
        manual_ack: bool = False,
    ) -> None:
        self.look_s = 5.0
        self.dropped = 0
        """Messages that found too many others waiting."""
        self._events: deque[_Told] = deque()
        # Two sums of bytes, each written by one thread: what came, what was taken.
        self._came = self._went = 0
        self._tokens: dict[int, tuple[int, str]] = {}
        self._waiting: deque[_Publish] = deque()
        self._in_flight_max = IN_FLIGHT_MAX
        self._wake = wake
        self._payload_max = payload_max
        self._client = client = _client(broker, client_id)
        client.manual_ack_set(manual_ack)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_socket_open = _send_at_once
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_log = _on_log
        client.connect_async(broker.host, broker.port, broker.keepalive_s, **_on_connecting(broker, payload_max))
        client.loop_start()

    @property
    def alive(self) -> bool:
        """Whether paho's thread is."""
        # The only sign: paho clears this when its thread ends, for whatever reason, and tells nobody.
        return self._client._thread is not None

    @property
    def in_flight(self) -> int:
        """Publishes that are neither Taken nor Refused."""
        return len(self._tokens) + len(self._waiting)

    def next(self) -> LinkEvent | None:
        """What happened, in order; None when that was all."""
        if not self._events:
            return None
        match event := self._events.popleft():
            case _Accepted(session_present, receive_max):
                self._in_flight_max = min(self._in_flight_max, receive_max)
                return Up(session_present)
            case _Confirmed(mid, failure):
                token, topic = self._tokens.pop(mid)
                self._send()
                return Taken(token) if failure is None else Refused(token, topic, failure)
            case Message(_, payload):
                self._went += _HEADER_BYTES_MAX + len(payload)
            case Oversized():
                self._went += _HEADER_BYTES_MAX
        return event

    def publish(self, topic: str, payload: bytes, token: int, *, retain: bool) -> None:
        """QoS 1; Taken or Refused follows with this token, or Down. Only after Up."""
        self._waiting.append(_Publish(topic, payload, token, retain))
        self._send()

    def subscribe(self, topics: Sequence[str]) -> None:
        """QoS 1. Retained messages come again, also for what was subscribed before."""
        self._client.subscribe([(topic, 1) for topic in topics])

    def acknowledge(self, mid: int) -> None:
        """This message is done with; only with `manual_ack`."""
        # One that came with QoS 0 has no number.
        if mid:
            self._client.ack(mid, 1)

    def end(self) -> None:
        """An orderly good-bye, without the will, behind what was published. Down follows."""
        self._client.disconnect()

    def close(self) -> None:
        """Whatever paho is doing, its thread finds the connection gone or begins none. May be called again: a
        connection that was just being made can still come up."""
        connection = self._client.socket()
        if connection is None:
            self._client.disconnect()
            return
        with contextlib.suppress(OSError):
            # The plain socket's: a TLS socket's own would change it under the thread that reads it.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)  # type: ignore[arg-type]

    def _send(self) -> None:
        while self._waiting and len(self._tokens) < self._in_flight_max:
            topic, payload, token, retain = self._waiting.popleft()
            self._tokens[self._client.publish(topic, payload, qos=1, retain=retain).mid] = (token, topic)

    # -- in paho's thread --------------------------------------------------------------------------------------

    def _tell(self, event: _Told) -> None:
        self._events.append(event)
        self._wake()

    def _on_connect(
        self, _client: Client, _data: Any, flags: ConnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._tell(Down(f"it refuses us: {code}"))
            return
        self._tell(_Accepted(flags.session_present, getattr(properties, "ReceiveMaximum", IN_FLIGHT_MAX)))

    def _on_connect_fail(self, _client: Client, _data: Any) -> None:
        # paho would try on by itself; the error it is handling is not passed on.
        self._client.disconnect()
        self._tell(Down(str(sys.exception() or "no connection")))

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._tell(Down(str(code)))

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._tell(_Confirmed(mid, str(code) if code.is_failure else None))

    def _on_subscribe(
        self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        failures = [code for code in codes if code.is_failure]
        for code in failures:
            self._tell(Unsubscribed(str(code)))
        if not failures:
            self._tell(Subscribed())

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        # Those with QoS 0 may not take the room of the others: one that is dropped unacknowledged would hold a
        # place in the broker's window until the next connection.
        is_long = len(message.payload) > self._payload_max
        weight = _HEADER_BYTES_MAX + (0 if is_long else len(message.payload))
        room = MESSAGES_MAX * (_HEADER_BYTES_MAX + self._payload_max) * (1 if message.qos == 0 else 2)
        if self._came - self._went + weight > room:
            self.dropped += 1
            return
        self._came += weight
        if is_long:
            self._tell(Oversized(message.topic, message.mid))
        else:
            self._tell(Message(message.topic, bytes(message.payload), message.retain, message.mid))


def _send_at_once(_client: Client, _data: Any, connection: Any) -> None:
    # Else a short message waits up to 40 ms for the broker's system to confirm the one before it.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _on_log(_client: Client, _data: Any, _level: int, text: str) -> None:
    """What paho suppresses must not go unseen; the rest of its log is told by events."""
    if text.startswith("Caught exception"):
        log.error("%s", text)


def _client(broker: BrokerSettings, client_id: str) -> Client:
    is_5 = broker.protocol == "5"
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        clean_session=None if is_5 else False,
        protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
    )
    client.max_inflight_messages = 0  # no limit: MqttLink keeps the broker's, which paho does not look at
    client.suppress_exceptions = True
    client.connect_timeout = CONNECT_S
    context = tls_context(broker)
    if context is not None:
        client.tls_set_context(context)
    return client


def _on_connecting(broker: BrokerSettings, payload_max: int) -> dict[str, Any]:
    """What CONNECT says on MQTT 5."""
    if broker.protocol != "5":
        return {}
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION_S
    properties.ReceiveMaximum = MESSAGES_MAX
    properties.MaximumPacketSize = payload_max + _HEADER_BYTES_MAX
    return {"clean_start": False, "properties": properties}
