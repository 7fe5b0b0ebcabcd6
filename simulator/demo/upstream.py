"""The way upstream in a demo: a broker on a free port, the uplink, a collector for one site, and a tap on the wire."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from time import monotonic
from typing import Any

from simulator.demo.processes import BIN, DemoFailed, Lines, Processes, run

_SBIN = "/usr/sbin:/usr/local/sbin"
_BROKER_S = 10.0
_USUAL_PORT = 1883


class Upstream:
    """`prepare` before the daemon starts, `start` after."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self._folder = folder
        self._processes = processes
        self._config = folder / "collector.toml"
        self._wire: Lines | None = None
        self.broker = ""
        """Which broker plays."""
        self.port = 0

    def prepare(self) -> None:
        """Starts the broker, and tells cabinet and collector of each other."""
        port = self.port = _free_port()
        self._start_broker(port)
        self._config.write_text(_COLLECTOR.format(port=port, protocol=self._protocol))
        vkey = run([str(BIN / "cabinet-collector"), "--config", str(self._config), "key"]).strip()
        more = self._folder / "conf.d"
        more.mkdir()
        (more / "upstream.toml").write_text(_UPLINK.format(port=port, protocol=self._protocol, vkey=vkey))

    def start(self, cabinet: Path) -> None:
        """Collector, tap and uplink; messages are kept from the first one on."""
        self._processes.start("collector", [str(BIN / "cabinet-collector"), "--config", str(self._config)])
        tap = [str(BIN / "python"), "-m", "sync.tap", "--config", str(cabinet)]
        self._wire = self._processes.listen("tap", tap)
        self._processes.start("uplink", [str(BIN / "cabinet-uplink"), "--config", str(cabinet)])

    def passed(self, within_s: float = 0.0) -> list[dict[str, Any]]:
        """Messages that have passed since the last call; waits for the first one at most `within_s`."""
        assert self._wire is not None
        found: list[dict[str, Any]] = []
        while (line := self._wire.next(within_s if not found else 0.0)) is not None:
            found.append(json.loads(line))
        return found

    def size(self) -> int:
        """How many leaves the collector holds of this cabinet."""
        listed = json.loads(run([str(BIN / "cabinet-collector"), "--config", str(self._config), "--json", "list"]))
        return sum(int(origin["size"]) for origin in listed["origins"])

    @property
    def _protocol(self) -> str:
        return "5" if self.broker == "mosquitto" else "3.1.1"

    def _start_broker(self, port: int) -> None:
        mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path=_SBIN)
        if mosquitto is not None:
            self.broker = "mosquitto"
            config = self._folder / "mosquitto.conf"
            config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
            self._processes.start("broker", [mosquitto, "-c", str(config)])
        else:
            self.broker = "the embedded broker"
            self._processes.start("broker", [str(BIN / "python"), "-m", "simulator", "broker", "--port", str(port)])
        end_s = monotonic() + _BROKER_S
        while not _answers(port):
            if monotonic() > end_s:
                raise DemoFailed(f"the broker does not listen; see {self._folder / 'broker.log'}")
            self._processes.pause(0.05)


def _free_port() -> int:
    """The usual one, so that other tools find the broker without being told; any other where it is taken."""
    for wanted in (_USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            port: int = probe.getsockname()[1]
            return port
    raise DemoFailed("no port is free on the loopback address")


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


_COLLECTOR = """[collector]
name = "collector.demo/one"
key_file = "collector.key"
database = "collector.db"
client_id = "collector-one"

[broker]
host = "127.0.0.1"
port = {port}
protocol = "{protocol}"
"""
_UPLINK = """[uplink]
host = "127.0.0.1"
port = {port}
protocol = "{protocol}"
jitter_s_max = 0
resend_s = 5

[upstream]
delivery_keys = ["{vkey}"]
"""
