"""The simulated reader speaks as the makers' sheets say, whoever listens."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest

from drivers.wire.card_number import parse_card
from hal.buses import Edge
from simulator.faults import FaultError, parse_fault
from simulator.gpio_chip import GpioChip, Holder, Input
from simulator.harness.virtual_loop import run
from simulator.harness.wire.memory_lines import MemoryChip
from simulator.options import OptionError, parse_options
from simulator.plugged_device import PluggedDevice
from simulator.wiegand_reader import WiegandReader, encode, key_bits

ADA = parse_card("0006547886")


class Listener:
    """A program that holds the lines, and the reader on them."""

    def __init__(self, *options: str) -> None:
        self.edges: list[Edge] = []
        chip = GpioChip(asyncio.get_running_loop().time)
        self.reader = WiegandReader.alone(parse_options(list(options), WiegandReader.options), random.Random(1))
        self.reader.attach(chip)
        self.device = PluggedDevice(self.reader, MemoryChip("gpio0", chip))
        self.device.start()
        chip.claim(Holder(self.edges.append), [14, 15], Input("up", edges=True))

    @property
    def bits(self) -> str:
        return "".join("01"[edge.line == 15] for edge in self.edges if not edge.high)

    def fault(self, text: str) -> None:
        self.device.fault(parse_fault(text, self.reader.faults))


def test_a_card_is_pulses_of_100_us_each_millisecond() -> None:
    async def story() -> None:
        listener = Listener("card=0006547886")
        await asyncio.sleep(1)
        assert listener.bits == encode(ADA, 26)
        falls, rises = listener.edges[::2], listener.edges[1::2]
        assert {rise.at_ns - fall.at_ns for fall, rise in zip(falls, rises, strict=True)} == {100_000}
        assert {b.at_ns - a.at_ns for a, b in pairwise(falls)} == {1_000_000}

    run(story())


@pytest.mark.parametrize(
    ("card", "bits", "frame"),
    [
        ("0006547886", 26, "10110001111101001101011100"),
        ("0000065537", 26, "10000000100000000000000010"),
        ("04A1B2C3", 34, "0000001001010000110110010110000111"),
        ("04A1B2C3", 32, f"{0x04A1B2C3:032b}"),
        ("25:00:07:5B:CD:15", 37, "1000000001110101101111001101000101011"),
    ],
)
def test_frames_of_the_sheets(card: str, bits: int, frame: str) -> None:
    assert encode(parse_card(card), bits) == frame


def test_keys_of_the_sheets() -> None:
    assert [f"{int(key_bits(key, 8), 2):02X}" for key in "1230*#"] == ["E1", "D2", "C3", "F0", "5A", "4B"]
    assert [int(key_bits(key, 4), 2) for key in "109*#"] == [1, 0, 9, 10, 11]


@pytest.mark.parametrize(
    ("fault", "bits"),
    [
        ("truncate=3", 23),
        ("noise=2", 28),
        ("silent", 0),
        ("duplicate", 52),
        ("overflow", 25),
        ("open-line=0", encode(ADA, 26).count("1")),
        ("open-line", encode(ADA, 26).count("0")),
    ],
)
def test_faults(fault: str, bits: int) -> None:
    async def story() -> None:
        listener = Listener()
        listener.fault(fault)
        listener.reader.present(ADA)
        await asyncio.sleep(1)
        assert len(listener.bits) == bits
        listener.device.clear()
        listener.edges.clear()
        listener.reader.present(ADA)
        await asyncio.sleep(1)
        assert listener.bits == encode(ADA, 26)

    run(story())


def test_power_comes_with_a_click() -> None:
    async def story() -> None:
        listener = Listener()
        listener.fault("power-cycle=100")
        await asyncio.sleep(1)
        assert 1 <= len(listener.bits) <= 3
        with pytest.raises(FaultError, match="0 for D0"):
            listener.fault("open-line=2")

    run(story())


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("card=4294967295", "has no room"),
        ("card=1", "ten decimal digits"),
        ("card=25:08:00:00:00:00", "has no room"),
        ("d1=14", "two lines"),
        ("bits=27", "allowed are 26, 32, 34, 37"),
    ],
)
def test_what_it_cannot_be(option: str, told: str) -> None:
    with pytest.raises(OptionError, match=told):
        WiegandReader.alone(parse_options([option], WiegandReader.options), random.Random(1))
