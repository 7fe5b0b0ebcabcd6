from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage

from cabinet.settings.uplink import UplinkSettings
from hal.system_clock import SystemClock
from sync import broker as broker_module
from sync.uplink import Uplink
from tests.sync import certificates
from tests.sync.cabinet import FakeCabinet
from tests.sync.mosquitto import PATIENCE_S, Mosquitto, Onlooker
from tests.sync.upstream import MemoryUpstream


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "RETRY_FIRST_S", 0.05)
    monkeypatch.setattr(broker_module, "RETRY_LAST_S", 0.2)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def cabinet(tmp_path: Path) -> Iterator[FakeCabinet]:
    with FakeCabinet(tmp_path / "uplink.sock") as running:
        yield running


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates as the documentation makes them."""
    folder = tmp_path_factory.mktemp("keys")
    certificates.make(folder)
    return folder


@pytest.fixture
def guarded(keys: Path) -> Iterator[Mosquitto]:
    """A broker with the configuration and the access rules that are shipped."""
    with Mosquitto(keys, certificates.configuration(keys)) as running:
        yield running


class Running:
    """An uplink that runs whenever the test waits for something."""

    def __init__(self, path: Path, port: int, **settings: Any) -> None:
        wanted = {"host": "127.0.0.1", "port": port, "jitter_s_max": 0, "keepalive_s": 5} | settings
        self.uplink = Uplink(UplinkSettings.model_validate(wanted), path, SystemClock(), lambda: 0.5)

    def until(self, holds: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
        end = time.monotonic() + patience_s
        while not holds():
            assert time.monotonic() < end, "it did not happen"
            self.uplink.turn(0.02)


@pytest.fixture
def start(cabinet: FakeCabinet, mosquitto: Mosquitto) -> Iterator[Callable[..., Running]]:
    """Starts an uplink between the two; other settings are those of [uplink]."""
    started: list[Running] = []

    def begin(port: int | None = None, **settings: Any) -> Running:
        started.append(Running(cabinet.path, port or mosquitto.port, **settings))
        return started[-1]

    yield begin
    for running in started:
        running.uplink.close()


class Collecting:
    """Upstream at the broker: takes batches, answers with retained acknowledgements."""

    def __init__(self, port: int) -> None:
        self.upstream = MemoryUpstream()
        self.is_answering = True
        self.faults: list[Exception] = []
        self.onlooker = Onlooker(port, on_message=self._take)

    def _take(self, onlooker: Onlooker, message: MQTTMessage) -> None:
        if not message.topic.endswith("/journal"):
            return
        try:
            note = self.upstream.take(bytes(message.payload))
        except Exception as fault:  # noqa: BLE001 - told to the test, not to paho's thread
            self.faults.append(fault)
            return
        if note is not None and self.is_answering:
            onlooker.publish(message.topic + "/ack", note, retain=True)


@pytest.fixture
def collecting(mosquitto: Mosquitto) -> Iterator[Collecting]:
    upstream = Collecting(mosquitto.port)
    with upstream.onlooker:
        yield upstream
    assert upstream.faults == []
