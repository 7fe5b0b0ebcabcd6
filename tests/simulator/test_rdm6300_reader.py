"""The simulated reader against captures and a reader's rules written by hand."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest

from simulator.harness.virtual_loop import run
from simulator.options import OptionError, parse_options
from simulator.rdm6300_reader import Rdm6300Reader
from simulator.serial_device import SerialDevice
from tests.simulator.lines import MemoryLine

CAPTURE = b"\x02010063E9AE25\x03"  # card 0006547886, version 01
OTHER_CAPTURE = b"\x02100086F44426\x03"  # card 0008844356, version 10


def alone(*options: str) -> tuple[SerialDevice, MemoryLine]:
    reader = Rdm6300Reader.alone(parse_options(list(options), Rdm6300Reader.options), random.Random(1))
    line = MemoryLine()
    return SerialDevice(reader, line, random.Random(1)), line


@pytest.mark.parametrize(
    ("options", "frame"),
    [
        (["card=0006547886"], CAPTURE),
        (["card=0008844356", "version=16"], OTHER_CAPTURE),
        (["card=10:00:86:F4:44"], OTHER_CAPTURE),
    ],
)
def test_the_frame_is_the_captured_one(options: list[str], frame: bytes) -> None:
    async def story() -> None:
        device, line = alone(*options)
        device.start()
        assert line.pieces == [frame]

    run(story())


def test_it_repeats_every_50_to_65_ms_while_the_card_stays() -> None:
    async def story() -> None:
        device, line = alone()
        reader = device.body
        assert isinstance(reader, Rdm6300Reader)
        device.start()
        await asyncio.sleep(1)
        assert line.came == []
        reader.present(bytes.fromhex("010063E9AE"))
        await asyncio.sleep(10)
        reader.remove()
        await asyncio.sleep(1)
        times = [at for at, _ in line.came]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps) >= 0.0499
        assert max(gaps) <= 0.0651
        assert max(gaps) - min(gaps) > 0.005
        assert set(line.pieces) == {CAPTURE}
        assert 10.9 < times[-1] <= 11

    run(story())


def test_another_card_takes_the_place_of_the_first() -> None:
    async def story() -> None:
        device, line = alone("card=0006547886")
        reader = device.body
        assert isinstance(reader, Rdm6300Reader)
        device.start()
        reader.present(bytes.fromhex("100086F444"))
        await asyncio.sleep(0.2)
        assert line.pieces[0] == CAPTURE
        assert set(line.pieces[1:]) == {OTHER_CAPTURE}
        with pytest.raises(ValueError, match="has 5 bytes, this one 4"):
            reader.present(b"1234")

    run(story())


def test_removing_nothing_is_said() -> None:
    async def story() -> None:
        device, _ = alone()
        assert isinstance(device.body, Rdm6300Reader)
        with pytest.raises(ValueError, match="no card in the field"):
            device.body.remove()

    run(story())


@pytest.mark.parametrize("option", ["card=12", "card=11223344", "version=256", "baud=19200", "colour=red", "card"])
def test_bad_options_are_named(option: str) -> None:
    with pytest.raises(OptionError, match=option.partition("=")[0]):
        alone(option)
