"""The shipped broker configuration and access rules, against a real broker: who may say and hear what."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.sync import certificates
from tests.sync.cabinet import FakeCabinet
from tests.sync.conftest import Running
from tests.sync.mosquitto import PATIENCE_S, Mosquitto, needs_mosquitto
from tests.sync.upstream import MemoryUpstream

pytestmark = needs_mosquitto

MINE, OTHERS = "kc/v1/demo/lobby-02/", "kc/v1/demo/lobby-01/"
PROTOCOLS = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


def tls(keys: Path, name: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
    if name is not None:
        context.load_cert_chain(keys / f"{name}.crt", keys / f"{name}.key")
    return context


class Party:
    """A client with this certificate and any client id."""

    def __init__(
        self, keys: Path, port: int, name: str, protocol: str = "5", client_id: str = "", hears: str = ""
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.disconnects = 0
        self._changed = threading.Condition()
        self._codes: dict[int, str] = {}
        is_5 = protocol == "5"
        version = MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=version)
        self._client.tls_set_context(tls(keys, name))
        self._client.on_connect = lambda *_: self._listen([(topic, 1) for topic in (hears or "none").split()])
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = lambda _client, _data, message: self._hear(message.topic, bytes(message.payload))
        self._client.on_disconnect = self._on_disconnect
        self._ready = False
        self._client.connect("localhost", port)
        self._client.loop_start()
        self.wait(lambda: self._ready)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> str:
        """What the broker answers."""
        mid = self._client.publish(topic, payload, qos=1, retain=retain).mid
        self.wait(lambda: mid in self._codes)
        return self._codes[mid]

    def wait(self, holds: Callable[[], object]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: bool(holds()), PATIENCE_S)

    def _listen(self, topics: list[tuple[str, int]]) -> None:
        self._client.subscribe(topics)

    def _on_subscribe(self, *_: Any) -> None:
        with self._changed:
            self._ready = True
            self._changed.notify_all()

    def _on_publish(self, _client: Any, _data: Any, mid: int, code: Any, _properties: Any) -> None:
        with self._changed:
            self._codes[mid] = str(code)
            self._changed.notify_all()

    def _hear(self, topic: str, payload: bytes) -> None:
        with self._changed:
            self.heard.append((topic, payload))
            self._changed.notify_all()

    def _on_disconnect(self, *_: Any) -> None:
        self.disconnects += 1


Meet = Callable[..., Party]


@pytest.fixture
def meet(keys: Path, guarded: Mosquitto) -> Iterator[Meet]:
    parties: list[Party] = []

    def enter(name: str, protocol: str = "5", client_id: str = "", hears: str = "") -> Party:
        parties.append(Party(keys, guarded.port, name, protocol, client_id, hears))
        return parties[-1]

    yield enter
    for party in parties:
        party.__exit__(None, None, None)


def uplink(cabinet: FakeCabinet, guarded: Mosquitto, keys: Path, name: str, **settings: Any) -> Running:
    files = {"ca": str(keys / "ca.crt"), "certificate": str(keys / f"{name}.crt"), "key": str(keys / f"{name}.key")}
    return Running(cabinet.path, guarded.port, **({"host": "localhost"} | files | settings))


@PROTOCOLS
def test_cabinet_and_collector_work_with_certificates(
    protocol: str, cabinet: FakeCabinet, guarded: Mosquitto, keys: Path, meet: Meet
) -> None:
    for _ in range(5):
        cabinet.write(50, tell=False)
    upstream = MemoryUpstream()
    collector = meet("collector-one", protocol, hears="kc/v1/+/+/journal kc/v1/+/+/session kc/v1/+/+/status")
    running = uplink(cabinet, guarded, keys, "lobby-01", protocol=protocol)
    try:
        running.until(lambda: (OTHERS + "status", b"online") in collector.heard)
        running.until(lambda: (OTHERS + "journal") in [topic for topic, _ in collector.heard])
        for topic, payload in list(collector.heard):
            if topic.endswith("/journal") and (note := upstream.take(payload)):
                collector.say(topic + "/ack", note, retain=True)
        running.until(lambda: cabinet.journal.acked == upstream.size >= 100)
        assert cabinet.rejected == []
    finally:
        running.uplink.close()


@PROTOCOLS
@pytest.mark.parametrize("client_id", ["lobby-02", "lobby-01", "collector-one"])
def test_a_cabinet_cannot_speak_for_another_one(protocol: str, client_id: str, meet: Meet) -> None:
    collector = meet("collector-one", hears="kc/v1/#")
    mallory = meet("lobby-02", protocol, client_id)
    before = len(collector.heard)
    for plane in (
        "status",
        "session",
        "state",
        "slot/1",
        "event",
        "journal",
        "alert/a",
        "cmd/res",
        "journal/ack",
        "cmd",
    ):
        answer = mallory.say(OTHERS + plane)
        assert answer == ("Not authorized" if protocol == "5" else "Success")
    assert mallory.say("homeassistant/device/demo/lobby-01/config") != "Success" or protocol != "5"
    assert mallory.say("kc/v1/lobby-02/lobby-01/status") != "Success" or protocol != "5"
    assert mallory.say(MINE + "journal/ack") != "Success" or protocol != "5"
    assert mallory.say(MINE + "status") == "Success"
    collector.wait(lambda: (MINE + "status", b"x") in collector.heard)
    assert [topic for topic, _ in collector.heard[before:]] == [MINE + "status"]


@PROTOCOLS
@pytest.mark.parametrize("client_id", ["lobby-02", "lobby-01"])
def test_a_cabinet_hears_only_what_is_for_itself(protocol: str, client_id: str, meet: Meet) -> None:
    mallory = meet("lobby-02", protocol, client_id, hears="kc/# homeassistant/#")
    collector = meet("collector-one")
    collector.say(OTHERS + "journal/ack", b"theirs")
    collector.say(OTHERS + "journal/req", b"theirs")
    cabinet = meet("lobby-01")
    cabinet.say(OTHERS + "state", b"theirs")
    collector.say(MINE + "journal/ack", b"ours")
    mallory.wait(lambda: mallory.heard)
    assert mallory.heard == [(MINE + "journal/ack", b"ours")]


@PROTOCOLS
def test_a_client_id_pushes_nobody_out(protocol: str, meet: Meet) -> None:
    victim = meet("lobby-01", protocol, "lobby-01", hears=OTHERS + "journal/req")
    meet("lobby-02", protocol, "lobby-01")
    collector = meet("collector-one", protocol, "lobby-01")
    collector.say(OTHERS + "journal/req", b"still there?")
    victim.wait(lambda: victim.heard)
    assert victim.disconnects == 0


def test_tools_see_state_and_no_journal_and_a_collector_orders_nothing(meet: Meet) -> None:
    tool = meet("homeassistant", hears="kc/#")
    cabinet = meet("lobby-01")
    for plane in ("journal", "session", "event", "slot/1", "state"):
        assert cabinet.say(OTHERS + plane) == "Success"
    tool.wait(lambda: (OTHERS + "state", b"x") in tool.heard)
    assert [topic.removeprefix(OTHERS) for topic, _ in tool.heard] == ["event", "slot/1", "state"]
    for plane in ("state", "cmd", "journal/ack", "journal/req", "journal/epoch", "journal/erased"):
        assert tool.say(OTHERS + plane) == "Not authorized"
    collector = meet("collector-one")
    for plane in ("state", "cmd", "journal", "roster"):
        assert collector.say(OTHERS + plane) == "Not authorized"


@pytest.mark.parametrize("name", [None, "stranger"])
def test_nobody_enters_without_a_certificate_of_the_site(
    name: str | None, keys: Path, guarded: Mosquitto, tmp_path: Path
) -> None:
    if name is not None:
        certificates.make(tmp_path)
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        context.load_cert_chain(tmp_path / "lobby-01.crt", tmp_path / "lobby-01.key")
    else:
        context = tls(keys, None)
    client = Client(CallbackAPIVersion.VERSION2, "lobby-01")
    client.tls_set_context(context)
    refused = threading.Event()
    accepted = threading.Event()
    client.on_connect = lambda _client, _data, _flags, code, _properties: None if code.is_failure else accepted.set()
    client.on_disconnect = lambda *_: refused.set()
    # TLS 1.3 lets the client believe in the connection until it reads from it.
    client.connect("localhost", guarded.port)
    client.loop_start()
    assert refused.wait(PATIENCE_S)
    client.disconnect()
    client.loop_stop()
    assert not accepted.is_set()


def test_the_uplink_says_once_that_the_broker_refuses_it(
    cabinet: FakeCabinet, guarded: Mosquitto, keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    running = uplink(cabinet, guarded, keys, "lobby-02")
    try:
        cabinet.write(1, tell=False)
        running.until(lambda: "journal: Not authorized" in caplog.text)
        cabinet.change("state", items_out=1)
        cabinet.change("state", items_out=2)
        running.until(lambda: "lobby-01/status: Not authorized" in caplog.text)
        assert caplog.text.count("lobby-01/state: Not authorized") == 1
        assert cabinet.journal.acked == 0
    finally:
        running.uplink.close()
