"""Programs that are not ours against single simulated devices: minimalmodbus, pyserial, a plain socket."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import minimalmodbus
import pytest
import serial

from tests.simulator.processes import LineClient, running

CAPTURE = b"\x02010063E9AE25\x03"


@contextmanager
def master(path: Path, unit: int) -> Iterator[minimalmodbus.Instrument]:
    instrument = minimalmodbus.Instrument(str(path), unit)
    instrument.serial.baudrate = 9600
    instrument.serial.timeout = 0.5
    try:
        yield instrument
    finally:
        instrument.serial.close()


def test_minimalmodbus_drives_a_relay_board(tmp_path: Path) -> None:
    link = tmp_path / "rs485"
    options = ("--option", "unit=5", "--option", "coils=8", "--option", "inputs=10100001")
    with running("device", "modbus-relay-board", "--link", link, *options), master(link, 5) as board:
        board.write_bit(2, 1)
        assert board.read_bits(0, 8, functioncode=1) == [0, 0, 1, 0, 0, 0, 0, 0]
        board.write_bits(0, [1, 1, 0, 0, 0, 0, 0, 1])
        assert board.read_bits(0, 8, functioncode=1) == [1, 1, 0, 0, 0, 0, 0, 1]
        assert board.read_bits(0, 8, functioncode=2) == [1, 0, 1, 0, 0, 0, 0, 1]
        assert board.read_register(0x8000) == 0x00C8
        assert board.read_registers(0x1000, 8) == [0] * 8
        with pytest.raises(minimalmodbus.IllegalRequestError):
            board.read_bits(8, 1, functioncode=1)
        with pytest.raises(minimalmodbus.IllegalRequestError):
            board.read_register(0, functioncode=4)


def test_a_timed_pulse_ends_by_itself(tmp_path: Path) -> None:
    link = tmp_path / "rs485"
    with running("device", "modbus-relay-board", "--link", link), master(link, 1) as board:
        began_s = time.monotonic()
        # flash on of relay 0 for 300 ms, with the raw value that write_bit() cannot send
        board._perform_command(5, b"\x02\x00\x00\x03")
        assert board.read_bit(0, functioncode=1) == 1
        while board.read_bit(0, functioncode=1):
            assert time.monotonic() - began_s < 5
        assert time.monotonic() - began_s >= 0.29


def test_minimalmodbus_reads_an_input_board(tmp_path: Path) -> None:
    link = tmp_path / "rs485"
    options = ("--option", "inputs=110000000001", "--fault", "silent=1")
    with running("device", "modbus-input-board", "--link", link, *options), master(link, 1) as board:
        board.serial.timeout = 0.2
        with pytest.raises(minimalmodbus.NoResponseError):
            board.read_bits(0, 12, functioncode=2)
        assert board.read_bits(0, 12, functioncode=2) == [1, 1] + [0] * 9 + [1]
        with pytest.raises(minimalmodbus.IllegalRequestError):
            board.write_bit(0, 1)


def test_pyserial_reads_a_card(tmp_path: Path) -> None:
    link = tmp_path / "uart0"
    arguments = ("device", "rdm6300-reader", "--link", link, "--option", "card=0006547886")
    with running(*arguments), serial.Serial(str(link), 9600, timeout=2) as port:
        frames = [port.read_until(b"\x03") for _ in range(4)]
        assert frames[1:] == [CAPTURE] * 3


def test_a_plain_socket_scans_the_keypad(tmp_path: Path) -> None:
    link = tmp_path / "gpio0"
    rows, columns = [5, 6, 13, 19], [16, 20, 21]
    arguments = ("device", "matrix-keypad", "--link", link, "--option", "press=5")
    with running(*arguments), LineClient(link) as chip:
        edges = []

        def ask(**request: object) -> dict[str, object]:
            chip.send(json.dumps({"id": 7, **request}).encode() + b"\n")
            while "edge" in (message := json.loads(chip.line())):
                edges.append(message["edge"])
            return dict(message)

        assert ask(op="claim", lines=rows, direction="out", high=False, drive="open-drain") == {"id": 7}
        assert ask(op="claim", lines=columns, direction="in", pull="up", edges=True) == {"id": 7}
        down: set[tuple[int, int]] = set()
        for _ in range(10_000):
            for row in rows:
                ask(op="write", values={str(line): int(line != row) for line in rows})
                levels = ask(op="read", lines=columns)["values"]
                assert isinstance(levels, list)
                down |= {(row, column) for column, level in zip(columns, levels, strict=True) if level == 0}
            if down:
                break
        assert down == {(6, 20)}
        assert edges[0]["line"] == 20
        assert edges[0]["high"] is False
        assert [edge["seqno"] for edge in edges] == list(range(1, len(edges) + 1))
        assert [edge["at_ns"] for edge in edges] == sorted(edge["at_ns"] for edge in edges)


def test_minimalmodbus_sees_timed_pulses_of_other_makes_end_by_themselves(tmp_path: Path) -> None:
    link = tmp_path / "lc"
    with running("device", "modbus-relay-board", "--link", link, "--option", "profile=lc-8"), master(link, 1) as board:
        board.write_registers(8, [4, 2])
        assert board.read_bit(1, functioncode=1) == 1
        while board.read_bit(1, functioncode=1):
            pass
    link = tmp_path / "eletechsup"
    options = ("--option", "profile=eletechsup-4")
    with running("device", "modbus-relay-board", "--link", link, *options), master(link, 1) as board:
        board.write_register(2, 0x0500, functioncode=6)
        assert board.read_registers(1, 4) == [0, 1, 0, 0]
        while board.read_register(2):
            pass
