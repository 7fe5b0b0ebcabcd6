"""A cabinet and its upstream as processes: cabinetd, cabinet-uplink, a broker, cabinet-collector.

Nothing sleeps: each wait looks until it is so, and ends after PATIENCE_S."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self, cast

from cabinet.control.client import Client
from cabinet.control.protocol import ControlError
from tests.sync.mosquitto import Mosquitto
from tests.upstream import journals
from tests.upstream.journals import DEVICE, SITE

PATIENCE_S = 40.0
_LOOK_AGAIN_S = 0.005
_ROOT = Path(__file__).parents[2]
_BIN = Path(sys.executable).parent
# The programs themselves, that do not wait as long as in the field before they try again.
_UPLINK = """import sys; from sync import broker, cabinet_link as link
broker.RETRY_FIRST_S, broker.RETRY_LAST_S = 0.05, 0.2; link.RETRY_FIRST_S, link.RETRY_LAST_S = 0.05, 0.2
from sync.uplink import main; sys.exit(main())"""
_COLLECTOR = """import sys; from sync import broker; from sync.collector import service
broker.RETRY_FIRST_S, broker.RETRY_LAST_S, service.SETTLE_S, service.RETRY_S = 0.05, 0.2, 0.3, 0.2
from sync.collector import main; sys.exit(main())"""


class Program:
    """One of ours, started and killed at will; what it says goes to NAME.log."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.log = log
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=_ROOT)

    def kill(self) -> None:
        """kill -9. Nothing to do for one that does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ends(self) -> int:
        """Waits until it has ended by itself; its exit code."""
        assert self._process is not None
        code = self._process.wait(PATIENCE_S)
        self._process = None
        return code

    def restart(self) -> None:
        self.kill()
        self.start()

    def check(self) -> None:
        """Fails when it has ended by itself."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise AssertionError(f"ended with {code}: {self.log.read_text()[-2000:]}")

    def said(self, words: str) -> bool:
        return words in self.log.read_text()

    def status_kb(self, field: str) -> int:
        """A figure of proc(5)."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


class Site:
    """A context: everything of one run lies in `folder`. The broker runs from the beginning, the programs from
    `start` on."""

    def __init__(self, leaves: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kcu-", dir="/tmp"))  # Unix sockets have short paths
        self.state = self.folder / "state"
        self.database = self.folder / "collector.db"
        self.broker = Mosquitto(self.folder)
        python, config = sys.executable, str(self.folder / "cabinet.toml")
        self.cabinetd = Program([str(_BIN / "cabinetd"), "--config", config], self.folder / "cabinetd.log")
        self.uplink = Program([python, "-c", _UPLINK, "--config", config], self.folder / "uplink.log")
        upstream = [python, "-c", _COLLECTOR, "--config", str(self.folder / "collector.toml")]
        self.collector = Program(upstream, self.folder / "collector.log")
        self.programs = (self.cabinetd, self.uplink, self.collector)
        self.vkey = ""
        """The collector's; known once it is configured."""
        self.struck = 0
        """Faults that found something left to send."""
        self.early = 0
        """How often an acknowledged leaf was not in the collector's database."""
        journals.put(leaves, self.state)

    def __enter__(self) -> Self:
        self.broker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for program in self.programs:
            program.kill()
        self.broker.kill()
        if error is None:
            shutil.rmtree(self.folder)
        else:
            error.add_note(f"its files are in {self.folder}")

    def configure(self, *, uplink_port: int = 0, collector_port: int = 0, keepalive_s: int = 5) -> None:
        """Ports: those of lines to the broker, or the broker's own."""
        port = collector_port or self.broker.port
        (self.folder / "collector.toml").write_text(_COLLECTOR_TOML.format(port=port, keepalive_s=keepalive_s))
        command = [str(_BIN / "cabinet-collector"), "--config", str(self.folder / "collector.toml"), "key"]
        self.vkey = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
        port = uplink_port or self.broker.port
        (self.folder / "cabinet.toml").write_text(
            _CABINET_TOML.format(site=SITE, device=DEVICE, port=port, keepalive_s=keepalive_s, vkey=self.vkey)
        )

    def start(self) -> None:
        for program in self.programs:
            program.start()

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """One question to cabinetd. Raises ControlError."""
        with Client(self.folder / "service.sock") as client:
            return cast(dict[str, Any], client.call(method, params, PATIENCE_S + 5))

    def change(self, number: int) -> None:
        """One leaf more, made by a technician. Raises ControlError."""
        person = {"id": str(1000 + number), "name": f"Person {number}"}
        self.call("roster.change", change={"kind": "person.put", "person": person}, dry_run=False)

    def is_ready(self) -> bool:
        try:
            return bool(self.call("status")["ready"])
        except ControlError:
            return False

    def until(self, holds: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
        end_s = monotonic() + patience_s
        pause = threading.Event()
        while not holds():
            for program in self.programs:
                program.check()
            assert monotonic() < end_s, f"{what}: not within {patience_s:g} s; {self.sizes()}"
            pause.wait(_LOOK_AGAIN_S)

    def until_held(self) -> None:
        """All leaves are upstream, and the cabinet knows."""
        self.until(self.is_ready, "cabinetd")
        self.call("wait", **{"for": "synced", "timeout_s": PATIENCE_S})
        self.until(lambda: len(set(self.sizes())) == 1, "the end of the drain")

    def sizes(self) -> tuple[int, int, int]:
        """Acknowledged, held upstream, journaled; asked in this order: they never descend."""
        journal = self.state / "journal-1.db"
        acked = _number(journal, "SELECT max(size) FROM ack")
        return acked, self.held(), _number(journal, "SELECT max(size) FROM checkpoint")

    def held(self) -> int:
        """Leaves in the collector's database."""
        return _number(self.database, "SELECT count(*) FROM leaf")

    def until_growth(self, leaves: int) -> None:
        """Upstream holds so many more than now, or all but a few."""
        wanted = min(self.held() + leaves, self.sizes()[2] - 100)
        self.until(lambda: self.held() >= wanted, f"{wanted} leaves upstream")

    def strike(self) -> None:
        """To be called at each fault: what is acknowledged is held then, too."""
        acked, held, size = self.sizes()
        self.early += held < acked
        self.struck += held < size


def _number(database: Path, question: str) -> int:
    """0 while there is nothing. Takes no lock that would keep a program from starting, as its own readers do."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
            return connection.execute(question).fetchone()[0] or 0
    except sqlite3.OperationalError:
        return 0


_COLLECTOR_TOML = """[collector]
name = "collector.demo/one"
key_file = "collector.key"
database = "collector.db"
client_id = "collector-one"

[broker]
host = "127.0.0.1"
port = {port}
keepalive_s = {keepalive_s}
"""
_CABINET_TOML = """[cabinet]
site = "{site}"
device = "{device}"
state_dir = "state"
socket_dir = "."

[uplink]
host = "127.0.0.1"
port = {port}
jitter_s_max = 0
resend_s = 0.5
keepalive_s = {keepalive_s}

[upstream]
delivery_keys = ["{vkey}"]
"""
