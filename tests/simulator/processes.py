"""The simulator as its users run it: a process that says `ready`, and a socket to talk to."""

from __future__ import annotations

import contextlib
import json
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE_S = 20


def simulator(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "simulator", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@contextlib.contextmanager
def running(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """From its `ready` line on; ends it and checks that it ends well."""
    process = simulator(*arguments)
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], PATIENCE_S)[0], "says nothing"
        line = process.stdout.readline()
        assert line.startswith("ready "), process.communicate()[1]
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert process.communicate()[1] == ""
    finally:
        process.kill()
        process.communicate()


def refused(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and what it says when it does not start."""
    process = simulator(*arguments)
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert output == ""
    assert "Traceback" not in errors
    return process.returncode, errors


class LineClient:
    """A plain socket that speaks lines."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> LineClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def line(self) -> str:
        """The next line; empty at the end."""
        return self._lines.readline().decode().rstrip("\n")

    def ask(self, line: str) -> str:
        self.send(line.encode() + b"\n")
        return self.line()

    def show(self) -> dict[str, Any]:
        shown = json.loads(self.ask("show"))
        assert isinstance(shown, dict)
        return shown
