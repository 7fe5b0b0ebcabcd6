"""The simulated chip and what is soldered to it, on virtual time."""

from __future__ import annotations

import asyncio
import random

import pytest

from hal.buses import Edge
from simulator.buzzer import Buzzer
from simulator.faults import Fault, FaultError, parse_fault
from simulator.gpio_chip import GpioChip, GpioRefused, Holder, Input, Output
from simulator.harness.virtual_loop import run
from simulator.led import Led
from simulator.matrix_keypad import MatrixKeypad
from simulator.options import OptionError, parse_options
from simulator.plugged_device import PluggedDevice
from tests.simulator.lines import MemoryLine

ROWS, COLUMNS = (5, 6, 13, 19), (16, 20, 21)


class Program:
    """Holds lines of a chip and remembers their edges."""

    def __init__(self, chip: GpioChip) -> None:
        self.edges: list[Edge] = []
        self.holder = Holder(self.edges.append)
        self.chip = chip

    def claim_rows(self) -> None:
        self.chip.claim(self.holder, ROWS, Output("open-drain", high=True))
        self.chip.claim(self.holder, COLUMNS, Input("up", edges=True))

    def scan(self) -> set[tuple[int, int]]:
        """Rows and columns (lines) of the keys that are down."""
        down = set()
        for row in ROWS:
            self.chip.write(self.holder, {line: line != row for line in ROWS})
            levels = self.chip.read(self.holder, COLUMNS)
            down |= {(row, column) for column, high in zip(COLUMNS, levels, strict=True) if not high}
        return down


def a_chip() -> GpioChip:
    return GpioChip(lambda: asyncio.get_running_loop().time())


def test_levels_come_from_drive_and_pull() -> None:
    async def story() -> None:
        chip = a_chip()
        program = Program(chip)
        chip.claim(program.holder, [1], Input("up", edges=False))
        chip.claim(program.holder, [2], Input("down", edges=False))
        chip.claim(program.holder, [3], Input("none", edges=False))
        chip.claim(program.holder, [4], Output("push-pull", high=True))
        chip.claim(program.holder, [5], Output("open-drain", high=True))
        assert chip.read(program.holder, [1, 2, 3, 4, 5]) == [True, False, False, True, False]
        chip.join(1, 5)
        chip.join(2, 4)
        assert chip.read(program.holder, [1, 2, 4, 5]) == [True, True, True, True]
        chip.write(program.holder, {5: False, 4: False})
        assert chip.read(program.holder, [1, 2, 4, 5]) == [False] * 4
        chip.part(1, 5)
        assert chip.read(program.holder, [1, 5]) == [True, False]

    run(story())


def test_edges_are_numbered_per_line_and_stamped() -> None:
    async def story() -> None:
        chip = a_chip()
        program = Program(chip)
        program.claim_rows()
        chip.write(program.holder, dict.fromkeys(ROWS, False))
        await asyncio.sleep(0.25)
        chip.join(5, 16)
        chip.join(6, 16)
        chip.part(5, 16)
        chip.part(6, 16)
        chip.join(19, 21)
        quarter = 250_000_000
        assert program.edges == [
            Edge(16, False, quarter, 1),
            Edge(16, True, quarter, 2),
            Edge(21, False, quarter, 1),
        ]

    run(story())


def test_lines_belong_to_one_program_until_given_back() -> None:
    async def story() -> None:
        chip = a_chip()
        one, other = Program(chip), Program(chip)
        chip.claim(one.holder, [7], Output("push-pull", high=True))
        with pytest.raises(GpioRefused, match=r"^line 7 is taken$"):
            chip.claim(other.holder, [8, 7], Input("none", edges=False))
        with pytest.raises(GpioRefused, match="line 8 is not claimed by you"):
            chip.read(other.holder, [8])
        with pytest.raises(GpioRefused, match="line 7 is not an output of yours"):
            chip.write(other.holder, {7: False})
        with pytest.raises(GpioRefused, match="line 512: this chip has lines 0 to 511"):
            chip.claim(other.holder, [512], Input("none", edges=False))
        chip.release(other.holder, [7, 300])
        assert chip.read(one.holder, [7]) == [True]
        chip.release_all(one.holder)
        chip.claim(other.holder, [7], Input("down", edges=False))
        assert chip.read(other.holder, [7]) == [False]

    run(story())


def keypad_on(chip: GpioChip, seed: int = 1) -> tuple[MatrixKeypad, PluggedDevice]:
    keypad = MatrixKeypad(ROWS, COLUMNS, random.Random(seed))
    keypad.attach(chip)
    return keypad, PluggedDevice(keypad, MemoryLine())


async def scanned_keys(program: Program, seconds: float) -> list[set[tuple[int, int]]]:
    """What a driver that scans every 8 ms and wants three equal scans sees, changes only."""
    settled: list[set[tuple[int, int]]] = [set()]
    recent: list[set[tuple[int, int]]] = []
    for _ in range(round(seconds / 0.008)):
        recent = [*recent[-2:], program.scan()]
        if len(recent) == 3 and recent[0] == recent[1] == recent[2] != settled[-1]:
            settled.append(recent[0])
        await asyncio.sleep(0.008)
    return settled


@pytest.mark.parametrize("seed", range(5))
def test_keys_are_pressed_in_order_and_long_enough(seed: int) -> None:
    async def story() -> None:
        chip = a_chip()
        program = Program(chip)
        program.claim_rows()
        keypad, _ = keypad_on(chip, seed)
        pressing = asyncio.ensure_future(keypad.press("150#*9"))
        seen = await scanned_keys(program, 1.5)
        assert pressing.done()
        key_1, key_5, key_0, key_hash, key_star, key_9 = (5, 16), (6, 20), (19, 20), (19, 21), (19, 16), (13, 21)
        expected: list[set[tuple[int, int]]] = [set()]
        for key in (key_1, key_5, key_0, key_hash, key_star, key_9):
            expected += [{key}, set()]
        assert seen == expected

    run(story())


def test_contacts_bounce() -> None:
    async def story() -> None:
        chip = a_chip()
        program = Program(chip)
        program.claim_rows()
        chip.write(program.holder, dict.fromkeys(ROWS, False))
        keypad, device = keypad_on(chip)
        await keypad.press("1111111111")
        plain = len(program.edges)
        assert plain > 20
        device.fault(parse_fault("noise=5", keypad.faults))
        await keypad.press("1111111111")
        assert len(program.edges) - plain == pytest.approx(plain + 200, abs=60)

    run(story())


def test_three_corners_show_a_ghost() -> None:
    async def story() -> None:
        chip = a_chip()
        program = Program(chip)
        program.claim_rows()
        for contact in ((5, 16), (5, 20), (6, 16)):
            chip.join(*contact)
        assert program.scan() == {(5, 16), (5, 20), (6, 16), (6, 20)}

    run(story())


def test_keypad_faults() -> None:
    async def story() -> None:
        chip = a_chip()
        program = Program(chip)
        program.claim_rows()
        keypad, device = keypad_on(chip)
        device.fault(parse_fault("stuck-on=#", keypad.faults))
        assert program.scan() == {(19, 21)}
        with pytest.raises(FaultError, match="a key of 123 456 789"):
            device.fault(parse_fault("stuck-on=A", keypad.faults))
        device.clear()
        assert program.scan() == set()

        device.fault(parse_fault("silent=1", keypad.faults))
        pressing = asyncio.ensure_future(keypad.press("15"))
        assert await scanned_keys(program, 0.5) == [set(), {(6, 20)}, set()]
        assert pressing.done()

        device.fault(parse_fault("duplicate=1", keypad.faults))
        pressing = asyncio.ensure_future(keypad.press("1"))
        assert await scanned_keys(program, 0.5) == [set(), {(5, 16)}, set(), {(5, 16)}, set()]
        assert pressing.done()

    run(story())


def test_a_slow_scanner_gets_longer_presses() -> None:
    async def story() -> None:
        chip = a_chip()
        keypad = MatrixKeypad(ROWS, COLUMNS, random.Random(1), settle_s=0.5)
        keypad.attach(chip)
        await keypad.press("1")
        assert asyncio.get_running_loop().time() > 2

    run(story())


def test_a_lone_keypad_presses_once_it_is_scanned() -> None:
    async def story() -> None:
        chip = a_chip()
        keypad = MatrixKeypad.alone(parse_options(["press=1"], MatrixKeypad.options), random.Random(1))
        keypad.attach(chip)
        keypad.power(on=True)
        await asyncio.sleep(1)
        program = Program(chip)
        program.claim_rows()
        assert await scanned_keys(program, 0.5) == [set(), {(5, 16)}, set()]

    run(story())


def test_two_who_press_at_once_take_turns() -> None:
    async def story() -> None:
        chip = a_chip()
        program = Program(chip)
        program.claim_rows()
        keypad, _ = keypad_on(chip)
        pressing = [asyncio.ensure_future(keypad.press(keys)) for keys in ("1", "5")]
        assert await scanned_keys(program, 0.5) == [set(), {(5, 16)}, set(), {(6, 20)}, set()]
        assert all(press.done() for press in pressing)

    run(story())


@pytest.mark.parametrize("option", ["rows=1,2,3", "columns=16,20,5", "press=A", "rows=1,1,2,3", "columns=1,2,900"])
def test_bad_keypad_options_are_refused(option: str) -> None:
    with pytest.raises(OptionError):
        MatrixKeypad.alone(parse_options([option], MatrixKeypad.options), random.Random(1))


def test_keys_that_are_not_there() -> None:
    async def story() -> None:
        keypad, _ = keypad_on(a_chip())
        with pytest.raises(ValueError, match="no key 'A' here; there are 123 456 789"):
            await keypad.press("12A")
        with pytest.raises(ValueError, match="at most 64 keys"):
            await keypad.press("1" * 65)

    run(story())


@pytest.mark.parametrize("active_high", [True, False])
def test_lamps_follow_their_lines(active_high: bool) -> None:
    async def story() -> None:
        chip = a_chip()
        lit: dict[int, bool] = {}
        lamps = Led((2, 3), active_high, lit.__setitem__)
        lamps.attach(chip)
        program = Program(chip)
        chip.claim(program.holder, [2, 3], Output("push-pull", high=not active_high))
        assert not any(lit.values())
        chip.write(program.holder, {3: active_high})
        assert lit == {1: False, 2: True}
        lamps.afflict(Fault("stuck-on", place="1"))
        assert lit == {1: True, 2: True}
        chip.release_all(program.holder)
        assert lit == {1: True, 2: False}
        lamps.heal()
        assert lit == {1: False, 2: False}
        with pytest.raises(FaultError, match="a channel, 1 to 2"):
            lamps.afflict(Fault("stuck-on", place="3"))

    run(story())


@pytest.mark.parametrize("active_high", [True, False])
def test_a_buzzer_follows_its_line(active_high: bool) -> None:
    async def story() -> None:
        chip = a_chip()
        heard: list[bool] = []
        buzzer = Buzzer(11, active_high, heard.append)
        buzzer.attach(chip)
        program = Program(chip)
        chip.claim(program.holder, [11], Output("push-pull", high=active_high))
        chip.write(program.holder, {11: not active_high})
        buzzer.afflict(Fault("stuck-on"))
        buzzer.heal()
        chip.write(program.holder, {11: active_high})
        buzzer.afflict(Fault("stuck-on", place="1"))
        chip.write(program.holder, {11: not active_high})
        chip.write(program.holder, {11: active_high})
        buzzer.heal()
        assert heard == [True, False, True, False, True, True, True, True, True]

    run(story())


def test_the_chip_as_a_whole_is_unplugged() -> None:
    async def story() -> None:
        line = MemoryLine()
        keypad = MatrixKeypad(ROWS, COLUMNS, random.Random(1))
        keypad.attach(a_chip())
        device = PluggedDevice(keypad, line)
        device.fault(parse_fault("unplug=200", keypad.faults))
        assert not line.plugged
        await asyncio.sleep(0.21)
        assert line.plugged
        device.fault(parse_fault("unplug", keypad.faults))
        device.clear()
        assert line.plugged

    run(story())
