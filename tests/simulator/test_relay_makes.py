"""The relay boards of other makes against published frames, on virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from simulator.harness.virtual_loop import run
from simulator.modbus_relay_board import ModbusRelayBoard
from simulator.options import parse_options
from simulator.relay_makes import LcRelayBoard
from simulator.serial_device import SerialDevice
from tests.contract.rows import Seen
from tests.simulator.lines import MemoryLine
from tests.simulator.test_modbus_boards import Host, with_crc


def on_a_board(story: Callable[[Host], Awaitable[None]], *options: str) -> None:
    async def played() -> None:
        line = MemoryLine()
        board = ModbusRelayBoard.alone(parse_options(list(options), ModbusRelayBoard.options), random.Random(1))
        device = SerialDevice(board, line, random.Random(1))
        device.start()
        await story(Host(line))
        device.stop()

    run(played())


def test_lc_flash_on_of_three_sources() -> None:
    async def story() -> None:
        line, seen = MemoryLine(), Seen()
        device = SerialDevice(LcRelayBoard(0xFE, 8, seen, seen, 8), line, random.Random(1))
        device.start()
        host = Host(line)
        assert await host.ask("FE 10 00 03 00 02 04 00 04 00 0A 41 6B") == "FE 10 00 03 00 02 A5 C7"
        assert seen.coils_on == {1}
        await asyncio.sleep(1)
        assert seen.coils_on == set()
        assert await host.ask("FE 10 00 03 00 02 04 00 02 00 14 21 62") == "FE 10 00 03 00 02 A5 C7"
        assert seen.coils_on == set()
        await asyncio.sleep(2)
        assert seen.coils_on == {1}, "this mode begins with off and ends with on"
        await host.ask("00 10 00 00 00 01 02 00 01 6A 00")
        assert await host.ask("01 01 00 00 00 08 3D CC") == "01 01 01 01 90 48"
        device.stop()

    run(story())


def test_eletechsup() -> None:
    state = "01 03 00 01 00 01 D5 CA"

    async def story(host: Host) -> None:
        assert await host.ask("01 06 00 01 01 00 D9 9A") == "01 06 00 01 01 00 D9 9A"
        assert await host.ask(state) == "01 03 02 00 01 79 84"
        await host.ask("01 06 00 01 02 00 D9 6A")
        assert await host.ask(state) == with_crc("01 03 02 00 00")
        await host.ask("01 06 00 01 05 00 DB 5A")
        assert await host.ask(state) == "01 03 02 00 01 79 84"
        await asyncio.sleep(1)
        assert await host.ask(state) == with_crc("01 03 02 00 00")
        await host.ask("01 06 00 01 06 05 1B A9")
        await asyncio.sleep(4.8)
        assert await host.ask(state) == "01 03 02 00 01 79 84"
        await asyncio.sleep(0.2)
        assert await host.ask(state) == with_crc("01 03 02 00 00")
        assert await host.ask("01 01 00 00 00 08 3D CC") == "01 81 01 81 90"
        assert await host.ask(with_crc("01 06 00 05 05 00")) == with_crc("01 86 02")

    on_a_board(story, "profile=eletechsup-4")
