"""The processes of a demo: started in order, each with its log, ended in reverse order whatever happens."""

from __future__ import annotations

import os
import select
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import IO

BIN = Path(sys.executable).parent
_END_S = 10.0


class DemoFailed(RuntimeError):
    """A part did not do what the story needs; the text says which, and where its log is."""


class Processes:
    """A context: leaving it ends all that was started."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._started: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, command: Sequence[str], *, ready: str | None = None, within_s: float = 15.0) -> None:
        """Starts `command`; with `ready`, waits until it prints a line that begins so. Its log is NAME.log."""
        log = self._logs / f"{name}.log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(  # noqa: S603 -- our own programs
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if ready else stderr,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C is for the demo; it ends the others in order
            )
        self._started.append((name, process))
        if ready is not None:
            assert process.stdout is not None
            lines = Lines(process.stdout)
            while (line := lines.next(within_s)) is not None:
                if line.startswith(ready):
                    return
            raise DemoFailed(f"{name} did not get ready within {within_s:.0f} s; see {log}")

    def listen(self, name: str, command: Sequence[str]) -> Lines:
        """Starts `command` and gives what it prints, line by line."""
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # noqa: S603
        self._started.append((name, process))
        assert process.stdout is not None
        return Lines(process.stdout)

    def pause(self, seconds: float) -> None:
        """Waits, unless a process ends meanwhile."""
        self.check()
        select.select([], [], [], seconds)

    def check(self) -> None:
        """Raises DemoFailed when one has ended by itself."""
        for name, process in self._started:
            if process.poll() is not None:
                raise DemoFailed(f"{name} ended with {process.returncode}; see {self._logs / name}.log")

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for _, process in reversed(self._started):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def run(command: Sequence[str], stdin: str = "") -> str:
    """Runs to the end and gives what it printed. Raises DemoFailed with what it said on the way."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise DemoFailed(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Lines:
    """Lines of a pipe, as they come."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._whole: deque[str] = deque()
        self._rest = b""

    def next(self, within_s: float) -> str | None:
        """The next line; None at the end of the pipe or of the time."""
        end_s = monotonic() + within_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            while not self._whole:
                if not selector.select(max(0.0, end_s - monotonic())):
                    return None
                chunk = os.read(self._pipe.fileno(), 65536)
                if not chunk:
                    return None
                *whole, self._rest = (self._rest + chunk).split(b"\n")
                self._whole.extend(line.decode(errors="replace") for line in whole)
        return self._whole.popleft()
