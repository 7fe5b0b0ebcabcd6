"""A cabinet to measure: its folder, what stands in its books, and one cabinetd over them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

BIN = Path(sys.executable).parent
CONFIG = Path(__file__).parents[1] / "config"
WAIT_S = 60.0

Until = Callable[[Callable[[], bool], str], None]
"""Waits until the first is true; the second says what that is, should it never be."""


class Program:
    """A process, as proc(5) shows it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def memory_mib(self, key: str) -> float:
        """VmRSS: now. VmHWM: the most since the start or since `forget_peak`."""
        lines = self._proc("status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:")) / 1024

    def forget_peak(self) -> None:
        """See proc(5), clear_refs."""
        self._proc("clear_refs").write_text("5")

    def cpu_s(self) -> float:
        """Processor time of all its threads so far; see proc(5), stat."""
        fields = self._proc("stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wakeups(self) -> int:
        """How often a thread of it had nothing to do and waited; see proc(5), status."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        lines = [line for task in tasks for line in (task / "status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))

    def _proc(self, name: str) -> Path:
        return Path("/proc", str(self.process.pid), name)


class Running(Program):
    """One cabinetd. `ready_s` is from its start to READY=1."""

    def __init__(self, folder: Path) -> None:
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        path = folder / "notify"
        path.unlink(missing_ok=True)
        self._notify.bind(str(path))
        self._started_s = perf_counter()
        self.ready_s = 0.0
        with (folder / "cabinetd.log").open("ab") as log:
            command = [str(BIN / "cabinetd"), "--config", str(folder / "cabinet.toml")]
            super().__init__(subprocess.Popen(command, stderr=log, env={**os.environ, "NOTIFY_SOCKET": str(path)}))

    def ready(self) -> bool:
        try:
            if self._notify.recv(100) == b"READY=1":
                self.ready_s = perf_counter() - self._started_s
        except BlockingIOError:
            if self.process.poll() is not None:
                raise RuntimeError("cabinetd has ended; see cabinetd.log beside its configuration") from None
        return bool(self.ready_s)

    def ended(self) -> bool:
        return self.process.poll() is not None

    def close(self) -> None:
        self._notify.close()


@contextmanager
def cabinetd(folder: Path, until: Until) -> Iterator[Running]:
    """Started and ready; `until` also keeps its devices answering where they live in this process."""
    running = Running(folder)
    try:
        until(running.ready, "READY=1")
        yield running
    finally:
        running.process.send_signal(signal.SIGTERM)
        until(running.ended, "the daemon's end")
        running.close()


def make_folder(parent: Path, name: str, hold_s: float = 0.5) -> Path:
    """A run directory with the demo's configuration."""
    folder = parent / name
    folder.mkdir()
    demo = (CONFIG / "simulated.toml").read_text()
    assert "hold_s = 0.5" in demo
    (folder / "cabinet.toml").write_text(demo.replace("hold_s = 0.5", f"hold_s = {hold_s}"))
    return folder


def cabinetctl(folder: Path, *arguments: str, stdin: str = "") -> str:
    """What it prints. Raises CalledProcessError."""
    command = [str(BIN / "cabinetctl"), "--config", str(folder / "cabinet.toml"), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout
