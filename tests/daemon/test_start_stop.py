"""How the daemon starts, why it does not, and how it ends: exit codes, sentences, and what systemd is told."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import struct
import subprocess
from pathlib import Path

import pytest

from tests.daemon.harness import BIN, Cabinet, configured
from tests.daemon.lines import PATIENCE_S
from tests.daemon.records import in_turn

FLASH_SLOT_3_FOR_AN_HOUR = bytes.fromhex("01 05 02 02 7F FF")


BAD = {
    'type = "led"': 'type = "leds"',
    "take_s = 15": 'take_s = "15"',
    "line = 11": "line = 16",
    "unit = 3": "unit = 2",
    'language = "en"': 'language = "en"\ncolour = "red"',
    'lock = "relays:8"\n': "",
}
PROBLEMS = [
    'unknown key "colour", allowed: site, device, timezone, language, quiet, mode, state_dir, socket_dir',
    "take_s: should be a number, 5 to 3600",
    'unit: "inputs-a" has the address 2 on "rs485" already',
    'unknown type "leds", allowed: ',
    'line: line 16 of "gpio0" belongs to "keypad" already',
    'the key "lock" is missing',
]


def crc(frame: bytes) -> bytes:
    """CRC-16 of Modbus, low byte first: MODBUS over Serial Line V1.02, 6.2.2."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


def leave_a_coil_on(cabinet: Cabinet) -> None:
    """As another program on the line might."""
    port = os.open(cabinet.folder / "links" / "rs485", os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(port, FLASH_SLOT_3_FOR_AN_HOUR + crc(FLASH_SLOT_3_FOR_AN_HOUR))
        while cabinet.coils_on() != [3]:
            pass
    finally:
        os.close(port)


def test_locks_off_alone_and_again_at_each_start(template: Path) -> None:
    with Cabinet(state=template, daemon=False) as cabinet:
        leave_a_coil_on(cabinet)
        done = cabinet.run("--locks-off")
        assert (done.returncode, done.stderr, cabinet.coils_on()) == (0, "", [])
        leave_a_coil_on(cabinet)
        cabinet.start()
        assert cabinet.coils_on() == []
        cabinet.at_rest()


def test_locks_off_says_which_board_does_not_answer(template: Path) -> None:
    with Cabinet(state=template, daemon=False) as cabinet:
        cabinet.world("fault relays power-cycle=600000")
        done = cabinet.run("--locks-off")
        assert done.returncode == 14
        assert "rs485: unit 1: no answer" in done.stderr
        assert "Traceback" not in done.stderr


def test_sigterm_ends_it_in_order_with_every_coil_off(fresh: Cabinet) -> None:
    fresh.mark()
    fresh.call("slot.release", {"slot": 3, "reason": "the last pulse"})
    fresh.until(lambda: fresh.coils_on() == [3], "the coil on")
    assert fresh.end(signal.SIGTERM) == 0
    assert fresh.coils_on() == []
    leaves = fresh.records.check()
    assert [leaf["ev"] for leaf in leaves[-2:]] == ["item.granted", "cabinet.stopped"]
    assert list((fresh.folder / "sockets").iterdir()) == []
    fresh.start()
    fresh.until_kind("item.outcome_unknown", slot=3)
    assert fresh.until_kind("cabinet.started")["clean"] is True
    assert fresh.end(signal.SIGINT) == 0


def test_a_second_one_leaves_the_first_alone(fresh: Cabinet) -> None:
    second = fresh.run()
    assert (second.returncode, second.stderr.count("\n")) == (11, 1)
    assert f"in use by process {fresh.process.pid if fresh.process else 0}" in second.stderr
    assert fresh.call("status")["ready"] is True
    elsewhere = fresh.run(environ={"CABINET_CABINET__STATE_DIR": "elsewhere"})
    assert elsewhere.returncode == 11
    assert "another daemon listens here" in elsewhere.stderr
    assert fresh.call("status")["ready"] is True
    fresh.at_rest()


def test_keys_that_are_lost_are_not_made_anew(template: Path) -> None:
    with Cabinet(state=template, daemon=False) as cabinet:
        for name in ("signing.key", "device.key"):
            (cabinet.state / name).rename(cabinet.folder / name)
            done = cabinet.run()
            assert done.returncode == 78
            assert f"{name}: missing beside an existing journal" in done.stderr
            assert "Restore it from a backup" in done.stderr
            assert not (cabinet.state / name).exists()
            (cabinet.folder / name).rename(cabinet.state / name)


def test_a_state_row_of_another_version_is_named(template: Path) -> None:
    with Cabinet(state=template, daemon=False) as cabinet:
        with sqlite3.connect(cabinet.state / "journal-1.db") as database:
            database.execute("INSERT INTO state (key, value) VALUES ('bookings/1', CAST('{}' AS BLOB))")
        database.close()
        done = cabinet.run()
        assert (done.returncode, "Traceback" in done.stderr) == (13, False)
        assert "bookings/1" in done.stderr


def test_a_bad_configuration_is_told_as_a_whole(tmp_path: Path) -> None:
    text = configured()
    for good, bad in BAD.items():
        assert good in text
        text = text.replace(good, bad)
    done = cabinetd(tmp_path, text)
    assert done.returncode == 78
    told = done.stderr.splitlines()
    assert len(told) == len(PROBLEMS)
    for line, problem in zip(told, PROBLEMS, strict=True):
        assert re.match(rf"{tmp_path}/cabinet.toml:\d+:\d+: {re.escape(problem)}", line), line
    assert list(tmp_path.iterdir()) == [tmp_path / "cabinet.toml"], "nothing was made"


@pytest.mark.parametrize("text", ["[cabinet\n", "", "\x00"])
def test_what_is_no_configuration_is_told_too(tmp_path: Path, text: str) -> None:
    done = cabinetd(tmp_path, text)
    assert (done.returncode, "Traceback" in done.stderr) == (78, False)
    assert all(line.startswith(str(tmp_path)) for line in done.stderr.splitlines())


def cabinetd(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    config = folder / "cabinet.toml"
    config.write_text(text)
    return subprocess.run(
        [BIN / "cabinetd", "--config", config], capture_output=True, text=True, timeout=30, check=False
    )


def test_systemd_is_told_when_it_is_ready_alive_and_leaving(template: Path) -> None:
    with Cabinet(state=template, daemon=False) as cabinet, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(cabinet.folder / "notify"))
        notify.settimeout(PATIENCE_S)
        environ = {"NOTIFY_SOCKET": str(cabinet.folder / "notify"), "WATCHDOG_USEC": "200000"}
        cabinet.start(environ=environ)
        told = [notify.recv(100) for _ in range(6)]
        assert told == [b"READY=1", *[b"WATCHDOG=1"] * 5]
        assert cabinet.end() == 0
        while (last := notify.recv(100)) == b"WATCHDOG=1":
            pass
        assert last == b"STOPPING=1"
        in_turn(cabinet.records.check())
