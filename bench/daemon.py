"""What cabinetd takes: memory, the time to its start, and the processor while nobody is there.

The cabinet is the demo's, with the simulator playing its devices in another process and the demo's roster."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench import commands
from bench.figure import Figure
from bench.stand import CONFIG, WAIT_S, Running, cabinetctl, cabinetd, make_folder

STARTS, IDLE_S, PIN_CHECKS = 5, 10.0, 3
CARD, NUMBER, PIN = "0006547886", "1001", "4711"


def run(starts: int = STARTS, idle_s: float = IDLE_S, command_runs: int = commands.RUNS) -> list[Figure]:
    """The figures of one daemon, and those of the commands that ask it."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        folder = make_folder(Path(name), "demo")
        with _simulator(folder):
            with cabinetd(folder, until):
                cabinetctl(folder, "roster", "import", str(CONFIG / "roster.demo"))
                cabinetctl(folder, "credential", "enrol", NUMBER, "--pin", stdin=PIN + "\n")
            times_s = [_start(folder) for _ in range(starts)]
            with cabinetd(folder, until) as running:
                figures = [_started([*times_s, running.ready_s]), *_idle(running, idle_s)]
                figures.append(_pin_check(running, folder))
                return figures + commands.run(folder, command_runs)


def _start(folder: Path) -> float:
    with cabinetd(folder, until) as running:
        return running.ready_s


def _started(times_s: list[float]) -> Figure:
    remark = f"median of {len(times_s)}, {min(times_s):.2f} to {max(times_s):.2f} s"
    return Figure("cabinetd, start to READY=1", median(times_s), 1.0, "s", remark)


def _idle(running: Running, idle_s: float) -> list[Figure]:
    """Memory and processor time of a cabinet that only polls its boards."""
    time.sleep(idle_s / 10)
    used_s, woken = running.cpu_s(), running.wakeups()
    time.sleep(idle_s)
    percent = (running.cpu_s() - used_s) / idle_s * 100
    remark = f"of one core over {idle_s:g} s, {(running.wakeups() - woken) / idle_s:.0f} wake-ups a second"
    return [
        Figure("cabinetd, processor while idle", percent, 1.0, "%", remark),
        Figure("cabinetd, memory while idle", running.memory_mib("VmRSS"), 64.0, "MiB", "VmRSS"),
    ]


def _pin_check(running: Running, folder: Path) -> Figure:
    before = running.memory_mib("VmRSS")
    running.forget_peak()
    with socket.socket(socket.AF_UNIX) as world:
        world.connect(str(folder / "world.sock"))
        for command in (f"present card {CARD}", "remove card"):
            _tell(world, command)
        until(lambda: "PIN" in _tell(world, "show"), "the question for the PIN")
        _tell(world, f"press {PIN}#")
        until(lambda: "Slot 7 is open" in _tell(world, "show"), "the grant")
    return Figure("cabinetd, more during a PIN check", running.memory_mib("VmHWM") - before, 24.0, "MiB", "VmHWM")


def _tell(world: socket.socket, command: str) -> str:
    world.sendall(command.encode() + b"\n")
    answer = b""
    while not answer.endswith(b"\n"):
        answer += world.recv(65536)
    return answer.decode()


@contextmanager
def _simulator(folder: Path) -> Iterator[None]:
    config = str(folder / "cabinet.toml")
    command = [sys.executable, "-m", "simulator", "cabinet", "--config", config, "--run-dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        process.stdout.readline()  # "ready"
        yield
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def until(holds: Callable[[], bool], what: str, within_s: float = WAIT_S) -> None:
    end_s = time.perf_counter() + within_s
    while not holds():
        if time.perf_counter() > end_s:
            raise TimeoutError(f"{what}: not within {within_s:g} s")
        time.sleep(0.002)
