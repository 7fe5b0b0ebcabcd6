"""`python -m simulator cabinet` as a process, with real ptys and sockets."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from tests.simulator.processes import LineClient, refused, running

CONFIG = Path(__file__).parents[2] / "config" / "simulated.toml"
CAPTURE = b"\x02010063E9AE25\x03"
PULSE_SLOT_7 = bytes.fromhex("01 05 02 06 00 05 EC 70")
WAIT_S = 10


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    with running("cabinet", "--config", CONFIG, "--run-dir", tmp_path):
        yield tmp_path


def test_a_visit_seen_from_outside(run_dir: Path) -> None:
    rs485, uart0, uart1 = (run_dir / "links" / name for name in ("rs485", "uart0", "uart1"))
    with (
        LineClient(run_dir / "world.sock") as world,
        serial.Serial(str(uart0), 9600, timeout=2) as reader,
        serial.Serial(str(rs485), 9600, timeout=2) as line,
        serial.Serial(str(uart1), 9600, timeout=2) as screen,
    ):
        assert world.ask("present card 0006547886") == "ok"
        assert reader.read(14) == CAPTURE
        assert world.ask("lift 7") == "error: held by bolt"
        line.write(PULSE_SLOT_7)
        assert line.read(8) == PULSE_SLOT_7
        assert world.show()["slots"][6]["bolt"] == "unlocked"
        assert world.ask("lift 7") == "ok"
        screen.write("\x1b[2J\x1b[H谢谢".encode())
        began_s = time.monotonic()
        while world.show()["display"] != "谢谢":
            assert time.monotonic() - began_s < WAIT_S
        assert world.show()["hands"] == ["F-7"]


def test_links_are_there_and_go_away(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    places = [run_dir / "links" / name for name in ("rs485", "uart0", "uart1", "gpio0")] + [run_dir / "world.sock"]
    with running("cabinet", "--config", CONFIG, "--run-dir", run_dir):
        assert all(place.exists() for place in places)
    assert not any(place.exists() or place.is_symlink() for place in places)


def test_what_a_killed_one_left_behind_is_no_hindrance(tmp_path: Path) -> None:
    with pytest.raises(AssertionError), running("cabinet", "--config", CONFIG, "--run-dir", tmp_path) as process:
        process.kill()
    assert (tmp_path / "world.sock").exists()
    with running("cabinet", "--config", CONFIG, "--run-dir", tmp_path), LineClient(tmp_path / "world.sock") as world:
        assert world.ask("open door") == "ok"


def test_several_clients_and_bad_lines(run_dir: Path) -> None:
    with LineClient(run_dir / "world.sock") as one, LineClient(run_dir / "world.sock") as other:
        one.send(b"open do")
        assert other.ask("cut mains") == "ok"
        one.send(b"or\nshow\n")
        assert one.line() == "ok"
        assert json.loads(one.line())["mains"] == "off"
        one.send(b"x" * 70_000 + b"\nclose door\n")
        assert one.line() == "error: a line has at most 4096 bytes"
        assert one.line() == "ok"
        one.send(b"\xff\x00\xfe\n" + b"lift 9\n" * 300)
        assert one.line().startswith("error: no such command")
        assert [one.line() for _ in range(300)] == ["error: slot 9: no such slot"] * 300
        assert other.ask("open door") == "ok"
        other.send(b"press 123456789#\n")
    with LineClient(run_dir / "world.sock") as third:
        assert third.ask("press 1") == "ok"


def test_faults_from_outside(run_dir: Path) -> None:
    port = run_dir / "links" / "uart0"
    with LineClient(run_dir / "world.sock") as world:
        assert world.ask("present card 0006547886") == "ok"
        with serial.Serial(str(port), 9600, timeout=2) as reader:
            assert reader.read(14) == CAPTURE
            assert world.ask("fault reader unplug") == "ok"
            assert not port.is_symlink()
            with pytest.raises(serial.SerialException):
                reader.read(1 << 20)
        assert world.ask("clear reader") == "ok"
        with serial.Serial(str(port), 9600, timeout=2) as reader:
            assert CAPTURE in reader.read(28)
        assert world.ask("fault lamps unplug=100") == "ok"
        chip = run_dir / "links" / "gpio0"
        assert not chip.exists()
        began_s = time.monotonic()
        while not chip.exists():
            assert time.monotonic() - began_s < WAIT_S
        with LineClient(chip) as lamps:
            lamps.ask('{"id":1,"op":"claim","lines":[2],"direction":"out","high":true}')
            assert world.show()["slots"][0]["lamp"] == "on"


def test_a_bolt_latches_again_after_the_time_given(tmp_path: Path) -> None:
    arguments = ("cabinet", "--config", CONFIG, "--run-dir", tmp_path, "--relatch-s", "0.05")
    port = tmp_path / "links" / "rs485"
    with running(*arguments), LineClient(tmp_path / "world.sock") as world, serial.Serial(str(port), 9600) as line:
        line.write(PULSE_SLOT_7)
        seen = [world.show()["slots"][6]["bolt"]]
        began_s = time.monotonic()
        while seen[-1] == "locked" or "unlocked" not in seen:
            seen.append(world.show()["slots"][6]["bolt"])
            assert time.monotonic() - began_s < WAIT_S
        while seen[-1] == "unlocked":
            seen.append(world.show()["slots"][6]["bolt"])
            assert time.monotonic() - began_s < WAIT_S
        assert world.ask("lift 7") == "error: held by bolt"


def test_bad_configurations_and_arguments(tmp_path: Path) -> None:
    config = tmp_path / "cabinet.toml"
    config.write_text(CONFIG.read_text().replace('profile = "waveshare-8"', 'profile = "waveshare-9"'))
    code, said = refused("cabinet", "--config", config, "--run-dir", tmp_path)
    assert code == 78
    assert "waveshare-9" in said
    code, said = refused("cabinet", "--config", tmp_path / "none.toml", "--run-dir", tmp_path)
    assert code == 78
    assert "none.toml" in said
    code, said = refused("cabinet", "--config", CONFIG, "--run-dir", tmp_path, "--relatch-s", "0")
    assert code == 2
    assert "more than 0 to 3600 seconds" in said
    occupied = tmp_path / "occupied"
    occupied.write_text("precious")
    code, said = refused("cabinet", "--config", CONFIG, "--run-dir", occupied)
    assert code == 1
    assert "occupied" in said
