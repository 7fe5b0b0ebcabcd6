from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cabinet.cli import main
from cabinet.control import address
from tests.cli.fake_daemon import FakeDaemon


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        (line,) = self.out.splitlines()
        found: dict[str, Any] = json.loads(line)
        assert found["schema"] == 1
        return found


Ctl = Callable[..., Ended]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may find the cabinet of the machine it runs on, or depend on its time zone."""
    monkeypatch.setattr(address, "DEFAULT_CONFIG", tmp_path / "etc" / "cabinet.toml")
    monkeypatch.setattr(address, "DEFAULT_SOCKET_DIR", tmp_path / "run")
    monkeypatch.setattr(address, "DEFAULT_STATE_DIR", tmp_path / "state")
    monkeypatch.setattr("cabinet.cli.daemon.DEFAULT_CONFIG", tmp_path / "etc" / "cabinet.toml")
    for name in [name for name in os.environ if name.startswith("CABINET_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def eight_hours_east() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "XST-8")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    (tmp_path / "run").mkdir()
    with FakeDaemon(tmp_path / "run" / "service.sock").running() as running:
        yield running


@pytest.fixture
def ctl(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ctl:
    """Runs cabinetctl in this process: no terminal, `typed` is its standard input."""

    def run(*arguments: str, typed: str = "") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        code = main(arguments)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run
