"""A site to measure: a broker on a free loopback port, a collector, and somebody who subscribes."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from bench.stand import BIN, Program, Until
from cabinet.journal.note import Verifier

BASE = "kc/v1/demo"
WINDOW = 20


@dataclass(frozen=True, slots=True)
class Site:
    """Where they run. `vkey` is the collector's cosigner."""

    port: int
    vkey: str


@contextmanager
def site(folder: Path, until: Until, pins: list[tuple[str, Verifier]]) -> Iterator[Site]:
    """`pins` are devices whose keys the collector is told; others it learns from their sessions."""
    folder.mkdir()
    port = _free_port()
    config = folder / "collector.toml"
    rows = [f'[[cabinet]]\nsite = "demo"\ndevice = "{device}"\nvkey = "{key.vkey}"\n' for device, key in pins]
    config.write_text(_COLLECTOR.format(port=port) + "\n".join(rows))
    (folder / "mosquitto.conf").write_text(_MOSQUITTO.format(port=port))
    collector = [str(BIN / "cabinet-collector"), "--config", str(config)]
    vkey = subprocess.run([*collector, "key"], capture_output=True, text=True, check=True).stdout.strip()
    with ExitStack() as stack:
        stack.enter_context(program([_mosquitto(), "-c", str(folder / "mosquitto.conf")], folder / "mosquitto.log"))
        until(lambda: _listens(port), "the broker")
        stack.enter_context(program(collector, folder / "collector.log"))
        yield Site(port, vkey)


def send_upstream(cabinet: Path, site: Site) -> None:
    """Adds to the configuration of a cabinet where its journal goes."""
    (cabinet / "conf.d").mkdir()
    (cabinet / "conf.d" / "upstream.toml").write_text(_UPLINK.format(port=site.port, vkey=site.vkey))


@contextmanager
def program(command: list[str], log: Path) -> Iterator[Program]:
    """A process that is ended with SIGTERM."""
    with log.open("ab") as stderr:
        process = subprocess.Popen(command, stderr=stderr)
    try:
        yield Program(process)
    finally:
        process.terminate()
        process.wait()


class Tool:
    """A context: subscribes to what one cabinet and its collector say, but not to the journal itself."""

    def __init__(self, site: Site, device: str) -> None:
        self.acked = 0
        """What the collector has cosigned."""
        self.acked_s = self.online_s = 0.0
        """When it last said so, and when the cabinet was there; monotonic."""
        self.event_s: dict[int, float] = {}
        """When the event of each index came, as CLOCK_BOOTTIME."""
        self.echo_s: float | None = None
        """When a message of our own came, monotonic."""
        self._topic = f"{BASE}/{device}"
        self._window = Semaphore(WINDOW)
        self._ready = False
        self._client = client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.max_inflight_messages = 0
        client.on_connect = lambda *_: self._subscribe()
        client.on_subscribe = lambda *_: self._begin()
        client.on_message = lambda _client, _data, message: self._take(message)
        client.on_publish = lambda *_: self._window.release()
        client.connect("127.0.0.1", site.port)

    def __enter__(self) -> Tool:
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def ready(self) -> bool:
        return self._ready

    def publish(self, plane: str, payload: bytes) -> None:
        """QoS 1. Waits while a window of them is on the way."""
        self._window.acquire()
        self._client.publish(f"{self._topic}/{plane}", payload, qos=1)

    def _subscribe(self) -> None:
        planes = ("status", "event", "journal/ack", "echo")
        self._client.subscribe([(f"{self._topic}/{plane}", 1) for plane in planes])

    def _begin(self) -> None:
        self._ready = True

    def _take(self, message: MQTTMessage) -> None:
        now_s = time.perf_counter()
        match message.topic.removeprefix(f"{self._topic}/"):
            case "journal/ack":
                self.acked, self.acked_s = int(message.payload.split(b"\n", 2)[1]), now_s
            case "status" if message.payload == b"online":
                self.online_s = now_s
            case "event":
                self.event_s[json.loads(message.payload)["n"]] = time.clock_gettime(time.CLOCK_BOOTTIME)
            case "echo":
                self.echo_s = now_s


def _mosquitto() -> str:
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise FileNotFoundError("mosquitto is not installed; the way upstream is measured through it")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


_MOSQUITTO = """user root
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
"""
_COLLECTOR = """[collector]
name = "collector.demo/one"
client_id = "collector-one"

[broker]
host = "127.0.0.1"
port = {port}

"""
_UPLINK = """[uplink]
host = "127.0.0.1"
port = {port}
jitter_s_max = 0

[upstream]
delivery_keys = ["{vkey}"]
"""
