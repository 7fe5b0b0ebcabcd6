"""cabinetd in a fork of a process that has loaded its modules already: a start costs no half second of imports.

For tests that start it again and again; others run the program itself."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_LOADED = (
    *("cabinet.app", "cabinet.daemon", "hal.serial_link", "hal.modbus", "hal.gpio_sim"),
    *("drivers.modbus_relay_board", "drivers.modbus_input_board", "drivers.rdm6300_reader", "drivers.matrix_keypad"),
    *("drivers.terminal_display", "drivers.led", "drivers.buzzer"),
)


class Forked:
    """What the harness needs of a subprocess.Popen."""

    def __init__(self, config: Path, log: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*_LOADED])
        self._process: ForkServerProcess = context.Process(target=_cabinetd, args=(config, log))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has ended, and the fork server has taken note
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("cabinetd", timeout or 0.0)
        return self._process.exitcode


def _cabinetd(config: Path, log: Path) -> None:
    from cabinet.app import main

    with log.open("ab") as file, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    raise SystemExit(main(["--config", str(config)]))
