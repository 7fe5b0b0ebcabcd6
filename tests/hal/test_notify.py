"""sd_notify(3) against a real datagram socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hal.notify import Notifier


@pytest.mark.parametrize("abstract", [False, True])
def test_datagrams_arrive(abstract: bool, tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + path if abstract else path)
        systemd.settimeout(5)
        notifier = Notifier({"NOTIFY_SOCKET": "@" + path if abstract else path, "WATCHDOG_USEC": "20000000"})
        notifier.tell("READY=1")
        assert systemd.recv(100) == b"READY=1"
    assert notifier.interval_s == 10
    notifier.tell("STOPPING=1")


def test_silent_where_nobody_listens() -> None:
    notifier = Notifier({})
    notifier.tell("READY=1")
    assert notifier.interval_s == 0
