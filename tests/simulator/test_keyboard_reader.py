"""The simulated reader types as the makers' sheets say, and its socket tells so to any program."""

from __future__ import annotations

import asyncio
import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hal.buses import KeyEvent
from simulator.faults import parse_fault
from simulator.harness.virtual_loop import run
from simulator.harness.wire.memory_keyboards import MemoryHub
from simulator.keyboard_bus import keyboard_server
from simulator.keyboard_hub import HubRefused, Keyboard, KeyboardHub, Taker
from simulator.keyboard_reader import PORT, PRODUCT, VENDOR, KeyboardReader, typed
from simulator.options import OptionError, parse_options
from simulator.plugged_device import PluggedDevice

ADA = bytes.fromhex("01 0063E9AE")
DIGITS = [11, 11, 11, 7, 6, 5, 8, 9, 9, 7]
"""0006547886, as keys of linux/input-event-codes.h."""
ENTER, SHIFT = 28, 42


class Listener:
    """A program that has taken the reader."""

    def __init__(self, *options: str) -> None:
        self.events: list[KeyEvent] = []
        self.pulled: list[str] = []
        self.hub = KeyboardHub(asyncio.get_running_loop().time)
        self.reader = KeyboardReader.alone(parse_options(list(options), KeyboardReader.options), random.Random(1))
        self.reader.attach(self.hub)
        self.device = PluggedDevice(self.reader, MemoryHub("input", self.hub))
        self.device.start()
        self.taker = Taker(lambda port, event: self.events.append(event), self.pulled.append)
        self.hub.take(self.taker, VENDOR, PRODUCT, PORT)

    @property
    def keys(self) -> list[int]:
        return [event.code for event in self.events if event.value]

    def fault(self, text: str) -> None:
        self.device.fault(parse_fault(text, self.reader.faults))


def test_a_card_is_its_digits_and_enter_each_key_down_and_up() -> None:
    async def story() -> None:
        listener = Listener("card=0006547886")
        await asyncio.sleep(1)
        assert listener.keys == [*DIGITS, ENTER]
        assert [(event.code, event.value) for event in listener.events[:4]] == [(11, 1), (11, 0), (11, 1), (11, 0)]
        assert {later.at_ns - one.at_ns for one, later in pairwise(listener.events)} == {3_000_000}

    run(story())


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        (["numbers=uid"], [11, 5, SHIFT, 30, 2, SHIFT, 48, 3, SHIFT, 46, 4, ENTER]),
        (["numbers=uid-turned"], [SHIFT, 46, 4, SHIFT, 48, 3, SHIFT, 30, 2, 11, 5, ENTER]),
        (
            ["numbers=uid", "layout=fr"],
            [*(key for code in (11, 5, 16, 2, 48, 3, 46, 4) for key in (SHIFT, code)), ENTER],
        ),
    ],
)
def test_a_uid_in_hex(options: list[str], keys: list[int]) -> None:
    async def story() -> None:
        listener = Listener(*options)
        listener.reader.present(bytes.fromhex("04A1B2C3"))
        await asyncio.sleep(1)
        assert listener.keys == keys

    run(story())


@pytest.mark.parametrize(
    ("fault", "count"),
    [("truncate=3", 8), ("noise=2", 13), ("silent", 0), ("duplicate", 22), ("overflow", 10), ("pulled", 0)],
)
def test_faults(fault: str, count: int) -> None:
    async def story() -> None:
        listener = Listener()
        listener.fault(fault)
        listener.reader.present(ADA)
        await asyncio.sleep(1)
        assert len([key for key in listener.keys if key != SHIFT]) == count
        listener.device.clear()
        listener.events.clear()
        listener.hub.take(listener.taker, VENDOR, PRODUCT, PORT)
        await asyncio.sleep(1)
        listener.events.clear()
        listener.reader.present(ADA)
        await asyncio.sleep(1)
        assert listener.keys == [*DIGITS, ENTER]

    run(story())


def test_pulled_out_it_comes_back_and_has_to_be_taken_again() -> None:
    async def story() -> None:
        listener = Listener()
        listener.fault("pulled=200")
        assert listener.pulled == [PORT]
        with pytest.raises(HubRefused, match="no ffff:0035 is plugged in"):
            listener.hub.take(listener.taker, VENDOR, PRODUCT, PORT)
        await asyncio.sleep(0.3)
        listener.reader.present(ADA)
        await asyncio.sleep(1)
        assert listener.keys == [], "nobody has taken it"

    run(story())


def test_another_port_and_another_keyboard() -> None:
    async def story() -> None:
        listener = Listener()
        listener.fault("foreign-keyboard")
        assert [one.name for one in listener.hub.plugged()] == ["USB Reader", "Logitech USB Keyboard"]
        await asyncio.sleep(5)
        assert listener.keys == []
        listener.fault("other-port")
        assert {one.port for one in listener.hub.plugged() if one.name == "USB Reader"}.isdisjoint({PORT})
        listener.device.clear()
        assert [one.port for one in listener.hub.plugged()] == [PORT]

    run(story())


def test_what_it_cannot_type() -> None:
    with pytest.raises(ValueError, match="ten digits printed"):
        typed(bytes.fromhex("04A1B2C3"), "printed")
    for option, told in (("vendor=12345", "four hex"), ("card=1", "ten decimal"), ("layout=de", "allowed are us, fr")):
        with pytest.raises(OptionError, match=told):
            KeyboardReader.alone(parse_options([option], KeyboardReader.options), random.Random(1))


def test_the_socket_lists_gives_and_tells(tmp_path: Path) -> None:
    async def story() -> None:
        hub = KeyboardHub(asyncio.get_running_loop().time)
        hub.plug(Keyboard(VENDOR, PRODUCT, "usb-1", "Reader"))
        server = keyboard_server(tmp_path / "input", hub)
        await server.open()
        (first, first_out), (second, second_out) = [
            await asyncio.open_unix_connection(str(tmp_path / "input")) for _ in range(2)
        ]

        async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, **request: object) -> Any:
            writer.write(json.dumps({"id": 1, **request}).encode() + b"\n")
            return json.loads(await reader.readline())

        listed = await ask(first, first_out, op="list")
        assert listed == {
            "id": 1,
            "keyboards": [{"vendor": 65535, "product": 53, "port": "usb-1", "name": "Reader"}],
        }
        mine = {"vendor": 65535, "product": 53, "port": "usb-1"}
        assert await ask(first, first_out, op="take", **mine) == {"id": 1}
        assert "another program" in (await ask(second, second_out, op="take", **mine))["error"]
        assert "65535" in (await ask(second, second_out, op="take", **mine | {"vendor": "ffff"}))["error"]
        assert "is not known here" in (await ask(second, second_out, op="give", port="usb-1", now=True))["error"]
        assert "list, take, give" in (await ask(second, second_out, op="grab"))["error"]
        hub.strike("usb-1", 28, 1)
        assert json.loads(await first.readline())["key"]["code"] == 28
        first_out.close()
        await first.read()
        while (await ask(second, second_out, op="take", **mine)) != {"id": 1}:
            pass  # the server has not seen yet that it left
        hub.pull("usb-1")
        assert json.loads(await second.readline()) == {"pulled": "usb-1"}
        second_out.close()
        await server.close()

    asyncio.run(story())
