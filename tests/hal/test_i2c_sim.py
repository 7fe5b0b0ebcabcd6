"""The simulated bus's client against a small server that speaks docs/reference/sim-bus.md."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from hal.errors import DeviceMisconfigured, DeviceTimeout, LinkLost
from hal.i2c_sim import SimI2c


def with_bus(folder: Path, answers: list[dict[str, Any]], use: Callable[[SimI2c], Awaitable[Any]]) -> tuple[Any, Any]:
    """What `use` returns, and the requests without their ids. Hangs up after the last of `answers`."""
    requests: list[dict[str, Any]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            request = json.loads(await reader.readline())
            writer.write(json.dumps({"id": request.pop("id")} | answer).encode() + b"\n")
            requests.append(request)
        writer.close()

    async def story() -> Any:
        server = await asyncio.start_unix_server(serve, folder / "i2c0")
        bus = SimI2c("i2c0", str(folder / "i2c0"))
        try:
            async with asyncio.timeout(5):
                await bus.open()
                return await use(bus)
        finally:
            await bus.close()
            server.close()
            await server.wait_closed()

    return asyncio.run(story()), requests


def test_a_transfer_as_it_goes_over_the_socket(tmp_path: Path) -> None:
    answer = {"read": ["b8", "0a0b"]}
    read, requests = with_bus(tmp_path, [answer], lambda bus: bus.transfer(0x18, b"\xc3\xf0", 1, b"\xb4", 2))
    assert read == (b"\xb8", b"\x0a\x0b")
    assert requests == [{"op": "transfer", "address": 24, "messages": ["c3f0", 1, "b4", 2]}]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ({"error": "no", "failed": "nack"}, DeviceTimeout, "no acknowledgement from address 0x18"),
        ({"error": "no", "failed": "stuck-low"}, LinkLost, "SDA or SCL is held low"),
        ({"error": "a message is ..."}, DeviceMisconfigured, "a message is"),
        ({"read": []}, LinkLost, "something else than was to be read"),
        ({"read": ["b8b8"]}, LinkLost, "something else than was to be read"),
        ({"read": ["x"]}, LinkLost, "something else than was to be read"),
        ({"read": [7]}, LinkLost, "something else than was to be read"),
        ({}, LinkLost, "something else than was to be read"),
    ],
)
def test_what_may_be_answered_instead(
    tmp_path: Path, answer: dict[str, Any], error: type[Exception], words: str
) -> None:
    async def use(bus: SimI2c) -> None:
        with pytest.raises(error, match=words):
            await bus.transfer(0x18, b"\xc3\xf0", 1)

    assert len(with_bus(tmp_path, [answer], use)[1]) == 1


def test_a_bus_that_hangs_up_is_a_lost_link(tmp_path: Path) -> None:
    async def use(bus: SimI2c) -> None:
        await bus.transfer(0x18, 1)
        with pytest.raises(LinkLost):
            await bus.transfer(0x18, 1)

    assert len(with_bus(tmp_path, [{"read": ["00"]}], use)[1]) == 1


def test_no_simulator(tmp_path: Path) -> None:
    with pytest.raises(LinkLost, match=r"no simulated bus.*No such file or directory.*start the simulator"):
        asyncio.run(SimI2c("i2c0", str(tmp_path / "nowhere")).open())
