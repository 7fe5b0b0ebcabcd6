"""The units hold what the documentation promises: no network, a watchdog, locks off at the end, a tight sandbox."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
EXPOSURE_MAX = {"cabinetd.service": 0.7, "cabinet-uplink.service": 1.0, "cabinet-collector.service": 1.0}


def unit(name: str) -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name)
    return parser["Service"]


@pytest.mark.parametrize("name", sorted(EXPOSURE_MAX))
def test_exposure(name: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    verdict = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d)", verdict.stdout)
    assert found, verdict.stderr
    assert float(found[1]) <= EXPOSURE_MAX[name]


def test_every_unit_is_measured() -> None:
    assert {path.name for path in UNITS.glob("*.service")} == set(EXPOSURE_MAX)


def test_the_hardware_core_has_no_network_and_leaves_its_locks_off() -> None:
    service = unit("cabinetd.service")
    assert service["PrivateNetwork"] == "yes"
    assert service["RestrictAddressFamilies"] == "AF_UNIX"
    assert service["ExecStopPost"].endswith("--locks-off")
    assert int(service["WatchdogSec"]) > 0


def test_the_uplink_has_its_socket_and_the_network_and_nothing_else() -> None:
    service = unit("cabinet-uplink.service")
    assert service["RestrictAddressFamilies"] == "AF_INET AF_INET6 AF_UNIX"
    assert service["User"] == "cabinet-uplink"
    assert "SupplementaryGroups" not in service, "another group would open service.sock or the configuration's keys"
    assert service["DevicePolicy"] == "closed"
    assert "/var/lib/cabinet" in service["InaccessiblePaths"]
    assert int(service["WatchdogSec"]) > 0


def test_the_collector_listens_nowhere_and_is_watched() -> None:
    service = unit("cabinet-collector.service")
    assert service["SocketBindDeny"] == "any"
    assert service["PrivateDevices"] == "yes"
    assert service["User"] == "cabinet-collector"
    assert int(service["WatchdogSec"]) > 0
