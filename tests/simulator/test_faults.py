"""Every fault is seen to act, and to end. Faults of lines on virtual time; `test_pty_link.py` unplugs real ones."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise

import pytest

from simulator.faults import FAULTS, FaultError, parse_fault
from simulator.harness.virtual_loop import run
from simulator.modbus_frames import crc16
from simulator.options import parse_options
from simulator.serial_device import SerialDevice
from simulator.types import SIMULATED, body_class, bus_of
from tests.simulator.lines import MemoryLine

CAPTURE = b"\x02010063E9AE25\x03"
READ_RELAYS = bytes.fromhex("01 01 00 00 00 08 3D CC")
READ_INPUTS = bytes.fromhex("01 02 00 00 00 08 79 CC")
ALL_OFF = bytes.fromhex("01 01 01 00 51 88")
FLASH_0_700_MS = bytes.fromhex("01 05 02 00 00 07 8D B0")
ON_0 = bytes.fromhex("01 05 00 00 FF 00 8C 3A")
OFF_0 = bytes.fromhex("01 05 00 00 00 00 CD CA")
RELAY_0_IS_ON = bytes.fromhex("01 01 01 01 90 48")
INPUTS_10100001 = bytes.fromhex("01 02 01 85 60 2B")


class Bench:
    """One serial device under test."""

    def __init__(self, type_name: str, options: Sequence[str]) -> None:
        body_type = body_class(type_name)
        body = body_type.alone(parse_options(list(options), body_type.options), random.Random(1))
        self.line = MemoryLine()
        self.device = SerialDevice(body, self.line, random.Random(1))
        self.device.start()

    def fault(self, text: str) -> None:
        self.device.fault(parse_fault(text, self.device.body.faults))

    async def ask(self, request: bytes, wait_s: float = 0.1) -> bytes:
        self.line.came.clear()
        self.line.say(request)
        await asyncio.sleep(wait_s)
        return self.line.stream


def play(story: Callable[[Bench], Awaitable[None]], type_name: str, *options: str) -> None:
    async def on_the_loop() -> None:
        await story(Bench(type_name, options))

    run(on_the_loop())


def on_relays(story: Callable[[Bench], Awaitable[None]]) -> None:
    play(story, "modbus-relay-board", "inputs=10100001")


def on_a_reader(story: Callable[[Bench], Awaitable[None]]) -> None:
    play(story, "rdm6300-reader", "card=0006547886")


def test_noise_is_around_or_inside_the_frame() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("noise=4")
        answers = [await bench.ask(READ_RELAYS) for _ in range(30)]
        assert {len(answer) for answer in answers} == {len(ALL_OFF) + 4}
        assert any(answer.startswith(ALL_OFF) for answer in answers)
        assert any(answer.endswith(ALL_OFF) for answer in answers)
        assert any(ALL_OFF not in answer and answer.startswith(ALL_OFF[:3]) for answer in answers)
        bench.device.clear()
        assert await bench.ask(READ_RELAYS) == ALL_OFF

    on_relays(story)


@pytest.mark.parametrize(("fault", "came"), [("truncate", ALL_OFF[:-3]), ("truncate=5", b"\x01"), ("truncate=9", b"")])
def test_truncate(fault: str, came: bytes) -> None:
    async def story(bench: Bench) -> None:
        bench.fault(fault)
        assert await bench.ask(READ_RELAYS) == came

    on_relays(story)


def test_bad_checksum() -> None:
    async def modbus(bench: Bench) -> None:
        bench.fault("bad-checksum=2")
        for _ in range(2):
            answer = await bench.ask(READ_RELAYS)
            assert answer[:-2] == ALL_OFF[:-2]
            assert crc16(answer[:-2]) != answer[-2:]
        assert await bench.ask(READ_RELAYS) == ALL_OFF

    async def reader(bench: Bench) -> None:
        bench.fault("bad-checksum")
        await asyncio.sleep(1)
        assert set(bench.line.pieces[1:]) == {b"\x02010063E9AEDA\x03"}

    on_relays(modbus)
    on_a_reader(reader)


def test_late_keeps_the_order() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("late=1200")
        assert await bench.ask(READ_RELAYS, 0.6) == b""
        bench.line.say(READ_INPUTS)
        await asyncio.sleep(2)
        assert bench.line.pieces == [ALL_OFF, INPUTS_10100001]
        assert [round(at, 3) for at, _ in bench.line.came] == [1.205, 1.805]

    on_relays(story)


def test_silent_for_a_number_of_frames_or_for_good() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("silent=2")
        answers = [await bench.ask(READ_RELAYS) for _ in range(3)]
        assert answers == [b"", b"", ALL_OFF]
        bench.fault("silent")
        assert [await bench.ask(READ_RELAYS) for _ in range(20)] == [b""] * 20
        bench.device.clear()
        assert await bench.ask(READ_RELAYS) == ALL_OFF

    on_relays(story)


def test_a_silent_board_still_acts() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("silent=1")
        assert await bench.ask(ON_0) == b""
        assert await bench.ask(READ_RELAYS) == RELAY_0_IS_ON

    on_relays(story)


def test_duplicate() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("duplicate=1")
        assert await bench.ask(READ_RELAYS) == ALL_OFF + ALL_OFF
        assert await bench.ask(READ_RELAYS) == ALL_OFF

    on_relays(story)


def test_wrong_address_has_a_good_check() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("wrong-address=1")
        answer = await bench.ask(READ_RELAYS)
        assert answer == b"\x02" + ALL_OFF[1:-2] + crc16(b"\x02" + ALL_OFF[1:-2])
        assert await bench.ask(READ_RELAYS) == ALL_OFF

    on_relays(story)


def test_stale_gives_the_answer_before() -> None:
    async def story(bench: Bench) -> None:
        await bench.ask(READ_RELAYS)
        bench.fault("stale=2")
        assert await bench.ask(READ_INPUTS) == ALL_OFF
        assert await bench.ask(READ_RELAYS) == INPUTS_10100001
        assert await bench.ask(READ_RELAYS) == ALL_OFF

    on_relays(story)


def test_stale_without_an_answer_before() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("stale")
        assert await bench.ask(READ_RELAYS) == ALL_OFF
        assert await bench.ask(READ_INPUTS) == ALL_OFF

    on_relays(story)


def test_echo_comes_before_the_answer() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("echo")
        assert await bench.ask(READ_RELAYS) == READ_RELAYS + ALL_OFF

    async def screen(bench: Bench) -> None:
        bench.fault("echo")
        assert await bench.ask(b"\x1b[2J\x1b[HHello") == b"\x1b[2J\x1b[HHello"

    on_relays(story)
    play(screen, "terminal-display")


def test_split_comes_byte_by_byte() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("split=7")
        assert await bench.ask(READ_RELAYS) == ALL_OFF
        assert [len(piece) for piece in bench.line.pieces] == [1] * len(ALL_OFF)
        times = [at for at, _ in bench.line.came]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert gaps == pytest.approx([0.007] * 5)

    on_relays(story)


def test_split_frames_never_mix_nor_fall_behind() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("split=10")
        await asyncio.sleep(20)
        bench.device.body.remove()  # type: ignore[attr-defined]
        times = [at for at, _ in bench.line.came]
        assert min(later - earlier for earlier, later in pairwise(times[1:])) == pytest.approx(0.01)
        removed_at = asyncio.get_running_loop().time()
        await asyncio.sleep(5)
        whole, rest = divmod(len(bench.line.stream), len(CAPTURE))
        assert bench.line.stream == CAPTURE * whole
        assert (whole > 100, rest) == (True, 0)
        assert bench.line.came[-1][0] < removed_at + 0.5

    on_a_reader(story)


def test_merge_holds_a_frame_back() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("merge=1")
        assert await bench.ask(READ_RELAYS) == b""
        assert await bench.ask(READ_INPUTS) == ALL_OFF + INPUTS_10100001
        assert len(bench.line.pieces) == 1
        assert await bench.ask(READ_RELAYS) == ALL_OFF

    on_relays(story)


def test_clear_forgets_what_was_held_up() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("late=500")
        bench.fault("merge")
        await bench.ask(READ_RELAYS)
        await bench.ask(READ_RELAYS)
        await bench.ask(READ_RELAYS)
        bench.device.clear()
        await asyncio.sleep(2)
        assert bench.line.stream == b""
        assert await bench.ask(READ_RELAYS) == ALL_OFF

    on_relays(story)


def test_unplug_with_and_without_an_end() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("unplug=300")
        assert not bench.line.plugged
        await asyncio.sleep(0.31)
        assert bench.line.plugged
        bench.fault("unplug")
        await asyncio.sleep(100)
        assert not bench.line.plugged
        bench.device.clear()
        assert bench.line.plugged

    on_relays(story)


def test_power_cycle_drops_relays_and_answers() -> None:
    async def story(bench: Bench) -> None:
        await bench.ask(ON_0)
        await bench.ask(FLASH_0_700_MS)
        await bench.ask(bytes.fromhex("01 06 40 00 00 01 5D CA"))
        bench.fault("power-cycle=200")
        assert await bench.ask(READ_RELAYS) == b""
        await asyncio.sleep(0.2)
        assert await bench.ask(READ_RELAYS) == ALL_OFF
        await asyncio.sleep(1)
        assert await bench.ask(READ_RELAYS) == ALL_OFF

    async def reader(bench: Bench) -> None:
        bench.fault("power-cycle")
        bench.line.came.clear()
        await asyncio.sleep(0.49)
        assert bench.line.came == []
        await asyncio.sleep(0.02)
        assert bench.line.pieces == [CAPTURE]

    async def screen(bench: Bench) -> None:
        await bench.ask(b"\x1b[2J\x1b[HHello")
        assert bench.device.body.text == "Hello"  # type: ignore[attr-defined]
        bench.fault("power-cycle")
        await bench.ask(b"more")
        assert bench.device.body.text == ""  # type: ignore[attr-defined]

    on_relays(story)
    on_a_reader(reader)
    play(screen, "terminal-display")


def test_what_is_under_way_is_lost_with_the_power() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("late=500")
        await bench.ask(READ_INPUTS)
        bench.fault("power-cycle=50")
        assert await bench.ask(READ_RELAYS, 2) == b""

    on_relays(story)


def test_busy_refuses_and_does_nothing() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("busy=1")
        assert await bench.ask(ON_0) == bytes.fromhex("01 85 06") + crc16(bytes.fromhex("01 85 06"))
        assert await bench.ask(READ_RELAYS) == ALL_OFF

    on_relays(story)


def test_stuck_on_outlasts_flash_and_off() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("stuck-on=1")
        assert await bench.ask(READ_RELAYS) == ALL_OFF
        await bench.ask(FLASH_0_700_MS)
        await asyncio.sleep(2)
        await bench.ask(OFF_0)
        assert await bench.ask(READ_RELAYS) == RELAY_0_IS_ON
        bench.device.clear()
        assert await bench.ask(READ_RELAYS) == ALL_OFF

    on_relays(story)


def test_without_power_nothing_sticks() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("stuck-on")
        await bench.ask(ON_0)
        bench.fault("power-cycle=50")
        await asyncio.sleep(0.1)
        assert await bench.ask(READ_RELAYS) == ALL_OFF

    on_relays(story)


def test_sensor_stuck_keeps_its_level_when_forced() -> None:
    async def story(bench: Bench) -> None:
        bench.fault("sensor-stuck=1")
        bench.fault("forced-open=1")
        bench.fault("forced-open=3")
        assert await bench.ask(READ_INPUTS) == bytes.fromhex("01 02 01 81") + crc16(bytes.fromhex("01 02 01 81"))
        bench.device.clear()
        assert await bench.ask(READ_INPUTS) == bytes.fromhex("01 02 01 80") + crc16(bytes.fromhex("01 02 01 80"))

    play(story, "modbus-input-board", "inputs=10100001")


@pytest.mark.parametrize("type_name", [name for name in SIMULATED if bus_of(name) in ("serial", "modbus")])
def test_each_fault_a_type_offers_can_be_set_and_cleared(type_name: str) -> None:
    async def story(bench: Bench) -> None:
        for fault in bench.device.body.faults:
            bench.fault(fault)
            await bench.ask(READ_RELAYS)
            bench.device.clear()
        healthy = await bench.ask(READ_RELAYS)
        assert healthy == (ALL_OFF if "relay" in type_name else healthy)

    play(story, type_name)


@pytest.mark.parametrize("type_name", SIMULATED)
def test_types_offer_known_faults_only(type_name: str) -> None:
    body = body_class(type_name)
    assert set(body.faults) <= set(FAULTS)
    assert len(set(body.faults)) == len(body.faults)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nois", "not offered here; there are: noise, late"),
        ("unplug", "not offered here; there are: noise, late"),
        ("noise=", "number of bytes, 1 to 64"),
        ("noise=65", "number of bytes, 1 to 64"),
        ("late=0", "number of ms, 1 to 600000"),
        ("late=1e3", "number of ms, 1 to 600000"),
        ("late=²", "number of ms, 1 to 600000"),
    ],
)
def test_a_wrong_fault_says_what_is_allowed(text: str, why: str) -> None:
    with pytest.raises(FaultError, match=why):
        parse_fault(text, ("noise", "late"))


@pytest.mark.parametrize("fault", ["stuck-on=9", "stuck-on=0", "stuck-locked=x", "sensor-stuck=9", "forced-open="])
def test_a_wrong_channel_says_what_is_allowed(fault: str) -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(FaultError, match="the argument is a channel, 1 to 8"):
            bench.fault(fault)

    on_relays(story)


def test_the_same_seed_gives_the_same_bytes() -> None:
    async def noisy() -> bytes:
        bench = Bench("rdm6300-reader", ["card=0006547886"])
        bench.fault("noise=8")
        await asyncio.sleep(3)
        return bench.line.stream

    assert run(noisy()) == run(noisy())
