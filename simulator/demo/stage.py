"""The stage of a demo: a run directory, the simulated cabinet, the daemon, and three ways to look at them."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from simulator.demo.processes import BIN, DemoFailed, Lines, Processes, run
from simulator.demo.upstream import Upstream

_CONFIG = Path(__file__).parents[2] / "config"
_LOOK_AGAIN_S = 0.03


class Stage:
    """Everything of one run lies in `folder`."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self.folder = folder
        self.config = folder / "cabinet.toml"
        self._processes = processes
        self.upstream = Upstream(folder, processes)
        self._world: socket.socket | None = None
        self._journal: Lines | None = None

    def build(self) -> None:
        """Starts broker, simulator, daemon and the way upstream."""
        shutil.copy(_CONFIG / "simulated.toml", self.config)
        self.upstream.prepare()
        python, config = str(BIN / "python"), str(self.config)
        simulator = [python, "-m", "simulator", "cabinet", "--config", config, "--run-dir", str(self.folder)]
        self._processes.start("simulator", simulator, ready="ready")
        self._processes.start("cabinetd", [str(BIN / "cabinetd"), "--config", config])
        self.cabinetctl("wait", "ready", "--timeout", "20")
        self.upstream.start(self.config)
        self._world = socket.socket(socket.AF_UNIX)
        self._world.connect(str(self.folder / "world.sock"))

    def cabinetctl(self, *arguments: str, stdin: str = "") -> str:
        """Runs one command of the service program; what it prints."""
        self._processes.check()
        return run([str(BIN / "cabinetctl"), "--config", str(self.config), *arguments], stdin)

    def world(self, command: str) -> str:
        """One act of a person. Raises DemoFailed when the world says that it is not possible."""
        assert self._world is not None
        self._world.sendall(command.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += self._world.recv(65536)
        text = answer.decode().strip()
        if text.startswith("error"):
            raise DemoFailed(f"{command}: {text}")
        return text

    def show(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.world("show"))
        return shown

    def watch(self) -> None:
        """next_leaf() tells what is journaled from now on, however long the program takes to start."""
        size = json.loads(self.cabinetctl("--json", "status"))["journal_size"]
        command = [str(BIN / "cabinetctl"), "--config", str(self.config), "--json", "watch", "--from", str(size)]
        self._journal = self._processes.listen("watch", command)

    def next_leaf(self, within_s: float = 10.0) -> dict[str, Any]:
        """The next journal line. Raises DemoFailed when none comes."""
        assert self._journal is not None
        line = self._journal.next(within_s)
        if line is None:
            self._processes.check()
            raise DemoFailed(f"no journal line within {within_s:.0f} s")
        found: dict[str, Any] = json.loads(line)
        return found

    def pause(self, seconds: float) -> None:
        """Raises DemoFailed when a process ends meanwhile."""
        self._processes.pause(seconds)

    def until(self, holds: Callable[[dict[str, Any]], bool], what: str, within_s: float = 10.0) -> dict[str, Any]:
        """Looks at the world until it is so. Raises DemoFailed after `within_s`."""
        end_s = monotonic() + within_s
        while not holds(shown := self.show()):
            if monotonic() > end_s:
                raise DemoFailed(f"{what}: not within {within_s:.0f} s")
            self._processes.pause(_LOOK_AGAIN_S)
        return shown
