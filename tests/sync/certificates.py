"""Certificates as docs/how-to/connect-upstream.md makes them: its own commands are run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to" / "connect-upstream.md"
BROKER = ROOT / "config" / "mosquitto"


def make(folder: Path) -> None:
    """A CA, a broker named localhost, cabinets lobby-01 and lobby-02, collector-one, homeassistant."""
    authority, broker, cabinet, collector = commands()
    for script in (
        authority,
        broker.replace("broker.example", "localhost"),
        cabinet,
        cabinet.replace("lobby-01", "lobby-02"),
        collector,
        collector.replace("collector-one", "homeassistant"),
    ):
        subprocess.run(["sh", "-eu", "-c", script], cwd=folder, check=True, capture_output=True)


def commands() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", HOW_TO.read_text(), re.DOTALL | re.MULTILINE)


def configuration(folder: Path) -> str:
    """The configuration that is shipped, for a broker on this machine with its files in `folder`."""
    (folder / "keycabinet.acl").write_bytes((BROKER / "keycabinet.acl").read_bytes())
    text = (BROKER / "mosquitto.conf").read_text()
    for there, here in {
        "listener 8883": "listener {port} 127.0.0.1",
        "/etc/mosquitto/certs/": f"{folder}/",
        "/etc/mosquitto/keycabinet.acl": f"{folder}/keycabinet.acl",
        "/var/lib/mosquitto/": f"{folder}/",
    }.items():
        assert there in text
        text = text.replace(there, here)
    return text
