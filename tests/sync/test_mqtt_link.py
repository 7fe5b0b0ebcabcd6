"""One connection to a real broker, and what paho does to it."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from cabinet.settings.uplink import BrokerSettings
from sync import mqtt_link
from sync.mqtt_link import Down, LinkEvent, Message, MqttLink, Oversized, Subscribed, Taken, Up
from sync.tls import tls_context
from tests.sync.mosquitto import PLAIN, Mosquitto, Onlooker, free_port, needs_mosquitto

PATIENCE_S = 15.0


class Heard:
    """Events of a link, taken whenever it rings."""

    def __init__(self, port: int, *, wake: Callable[[], None] = lambda: None, **settings: Any) -> None:
        self.events: list[LinkEvent] = []
        self.bell = threading.Event()

        def ring() -> None:
            self.bell.set()
            wake()

        broker = BrokerSettings.model_validate({"host": "127.0.0.1", "port": port, "keepalive_s": 5} | settings)
        self.link = MqttLink(broker, "lobby-01", ring, payload_max=100)

    def until(self, holds: Callable[[], object]) -> None:
        end = monotonic() + PATIENCE_S
        while not holds():
            assert monotonic() < end, self.events
            self.bell.wait(0.02)
            self.bell.clear()
            while (event := self.link.next()) is not None:
                self.events.append(event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@contextmanager
def heard(port: int, **settings: Any) -> Iterator[Heard]:
    hearing = Heard(port, **settings)
    yield hearing
    hearing.link.close()
    hearing.until(lambda: not hearing.link.alive)


@needs_mosquitto
def test_a_broker_that_wants_less_on_the_way_gets_less(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, PLAIN + "max_inflight_messages 2\n") as broker, heard(broker.port) as hearing:
        hearing.until(lambda: hearing.of(Up))
        for token in range(50):
            hearing.link.publish("kc/x", b"", token, retain=False)
        assert hearing.link.in_flight == 50
        assert len(hearing.link._tokens) == 2
        hearing.until(lambda: hearing.link.in_flight == 0)
        assert [event.token for event in hearing.of(Taken)] == list(range(50))
        assert hearing.of(Down) == []


@needs_mosquitto
def test_a_mistake_in_a_callback_is_logged_and_ends_nothing(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("a mistake of ours")

    with heard(mosquitto.port, wake=fail) as hearing:
        hearing.until(lambda: hearing.of(Up))
        hearing.link.publish("kc/x", b"", 1, retain=False)
        hearing.until(lambda: hearing.of(Taken))
        assert hearing.link.alive
        assert "Caught exception in on_connect: a mistake of ours" in caplog.text


@needs_mosquitto
def test_messages_are_bounded_in_length_and_in_number(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_link, "MESSAGES_MAX", 1)  # with QoS 1, twice as many
    with heard(mosquitto.port, protocol="3.1.1") as hearing, Onlooker(mosquitto.port) as other:
        hearing.until(lambda: hearing.of(Up))
        hearing.link.subscribe(["kc/me"])
        hearing.until(lambda: hearing.of(Subscribed))
        other.publish("kc/me", b"x" * 100)
        other.publish("kc/me", b"x" * 101)
        other.publish("kc/me", b"one too many")
        end = monotonic() + PATIENCE_S
        while hearing.link.dropped < 1:
            assert monotonic() < end
            hearing.bell.wait(0.02)
        hearing.until(lambda: hearing.of(Oversized))
        other.publish("kc/me", b"room again")
        hearing.until(lambda: len(hearing.of(Message)) == 2)
        assert [event.payload for event in hearing.of(Message)] == [b"x" * 100, b"room again"]


def test_nobody_there_is_told_with_the_reason() -> None:
    with heard(free_port()) as hearing:
        hearing.until(lambda: hearing.of(Down))
        assert "Connection refused" in hearing.events[0].reason  # type: ignore[union-attr]


def test_closing_ends_the_thread_whatever_it_waits_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, heard(silent.getsockname()[1]) as hearing:
        silent.settimeout(PATIENCE_S)
        connection, _ = silent.accept()
        assert hearing.link.alive
    assert not hearing.link.alive
    connection.close()


def test_a_key_with_a_password_is_refused_without_asking(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = keys / "locked.key"
    key.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n-----END ENCRYPTED PRIVATE KEY-----\n")
    certificate = str(keys / "lobby-01.crt")
    broker = BrokerSettings(host="localhost", ca=str(keys / "ca.crt"), certificate=certificate, key=str(key))
    with pytest.raises(OSError, match=r"locked\.key: .*no password"):
        tls_context(broker)
