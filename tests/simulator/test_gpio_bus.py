"""The socket of the simulated chip: what it answers, and that no client can upset it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from simulator.gpio_bus import GpioSession, gpio_server
from simulator.gpio_chip import GpioChip
from simulator.harness.virtual_loop import run


class Socketless:
    """One client of a chip, without the socket."""

    def __init__(self, chip: GpioChip) -> None:
        self.said: list[str] = []
        self.session = GpioSession(chip, self.said.append)

    async def ask(self, line: str) -> dict[str, object]:
        answer = json.loads(await self.session.answer(line))
        assert isinstance(answer, dict)
        return answer


def a_chip() -> GpioChip:
    return GpioChip(lambda: asyncio.get_running_loop().time())


CLAIM_OUT = '{"id":1,"op":"claim","lines":[5,6],"direction":"out","high":true,"drive":"open-drain"}'
CLAIM_IN = '{"id":2,"op":"claim","lines":[16],"direction":"in","pull":"up","edges":true}'


def test_a_conversation() -> None:
    async def story() -> None:
        chip = a_chip()
        client = Socketless(chip)
        assert await client.ask(CLAIM_OUT) == {"id": 1}
        assert await client.ask(CLAIM_IN) == {"id": 2}
        assert await client.ask(CLAIM_IN) == {"id": 2, "error": "line 16 is taken"}
        chip.join(5, 16)
        assert await client.ask('{"id":3,"op":"write","values":{"5":0,"6":1}}') == {"id": 3}
        assert await client.ask('{"id":4,"op":"read","lines":[16,5,6]}') == {"id": 4, "values": [0, 0, 0]}
        assert await client.ask('{"id":5,"op":"release","lines":[5, 99]}') == {"id": 5}
        assert await client.ask('{"id":6,"op":"read","lines":[16]}') == {"id": 6, "values": [1]}
        assert await client.ask('{"id":7,"op":"read","lines":[5]}') == {
            "id": 7,
            "error": "line 5 is not claimed by you",
        }
        assert [json.loads(line) for line in client.said] == [
            {"edge": {"line": 16, "high": False, "at_ns": 0, "seqno": 1}},
            {"edge": {"line": 16, "high": True, "at_ns": 0, "seqno": 2}},
        ]

    run(story())


def test_a_client_that_leaves_gives_its_lines_back() -> None:
    async def story() -> None:
        chip = a_chip()
        one, other = Socketless(chip), Socketless(chip)
        await one.ask(CLAIM_IN)
        one.session.close()
        assert await other.ask(CLAIM_IN) == {"id": 2}

    run(story())


@pytest.mark.parametrize(
    ("line", "number", "why"),
    [
        ("", None, "not JSON"),
        ("[" * 4000, None, "not JSON"),
        ("[1]", None, "not a JSON object"),
        ('{"op":"read","lines":[1]}', None, '"id" must be a whole number'),
        ('{"id":true,"op":"read","lines":[1]}', None, '"id" must be a whole number'),
        ('{"id":1}', 1, '"op" must be one of claim, write, read, release'),
        ('{"id":1,"op":["read"]}', 1, '"op" must be one of claim, write, read, release'),
        ('{"id":1,"op":"claim","lines":[1]}', 1, '"direction" must be "in" or "out"'),
        ('{"id":1,"op":"claim","lines":[],"direction":"in"}', 1, '"lines" must be a list of 1 to 64 line numbers'),
        ('{"id":1,"op":"claim","lines":[1.5],"direction":"in"}', 1, '"lines" must hold whole numbers'),
        ('{"id":1,"op":"claim","lines":[-1],"direction":"in"}', 1, "line -1: this chip has lines 0 to 511"),
        ('{"id":1,"op":"claim","lines":[1],"direction":"in","pull":"left"}', 1, '"pull" must be one of none, up, down'),
        ('{"id":1,"op":"claim","lines":[1],"direction":"in","high":true}', 1, '"high" is not known here'),
        ('{"id":1,"op":"claim","lines":[1],"direction":"out","drive":1}', 1, '"drive" must be one of push-pull, open'),
        ('{"id":1,"op":"claim","lines":[1],"direction":"out","high":2}', 1, "a level is 0, 1, false or true"),
        ('{"id":1,"op":"write","values":{}}', 1, '"values" must be an object'),
        ('{"id":1,"op":"write","values":{"x":1}}', 1, 'the names in "values" must be line numbers'),
        ('{"id":1,"op":"write","values":{"1":1}}', 1, "line 1 is not an output of yours"),
        ('{"id":1,"op":"read"}', 1, '"lines" must be a list of 1 to 64 line numbers'),
    ],
)
def test_bad_requests_are_answered_and_change_nothing(line: str, number: int | None, why: str) -> None:
    async def story() -> None:
        client = Socketless(a_chip())
        answer = await client.ask(line)
        assert answer["id"] == number
        assert str(answer["error"]).startswith(why)
        assert await client.ask(CLAIM_IN) == {"id": 2}

    run(story())


def on_a_socket(path: Path, story: Callable[[GpioChip, Path], Awaitable[None]]) -> None:
    async def play() -> None:
        chip = a_chip()
        server = gpio_server(path, chip)
        await server.open()
        try:
            async with asyncio.timeout(10):
                await story(chip, path)
        finally:
            await server.close()

    asyncio.run(play())
    assert not path.exists()


def test_lines_go_back_when_the_connection_closes(tmp_path: Path) -> None:
    async def story(chip: GpioChip, path: Path) -> None:
        given_back = asyncio.Event()
        chip.watch(16, lambda level: given_back.set() if level is None else None)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(CLAIM_IN.encode() + b"\n")
        assert json.loads(await reader.readline()) == {"id": 2}
        writer.close()
        await writer.wait_closed()
        await given_back.wait()
        assert not chip.claimed([16])

    on_a_socket(tmp_path / "gpio0", story)


def test_too_long_a_line_is_answered_and_the_connection_goes_on(tmp_path: Path) -> None:
    async def story(chip: GpioChip, path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"x" * 100_000 + b"\n" + CLAIM_IN.encode() + b"\n")
        assert json.loads(await reader.readline()) == {"id": None, "error": "a line has at most 4096 bytes"}
        assert json.loads(await reader.readline()) == {"id": 2}
        writer.close()
        await writer.wait_closed()

    on_a_socket(tmp_path / "gpio0", story)


def test_a_client_that_does_not_read_is_thrown_out(tmp_path: Path) -> None:
    async def story(chip: GpioChip, path: Path) -> None:
        gone = asyncio.Event()
        reader, writer = await asyncio.open_unix_connection(path, limit=64)
        writer.write(CLAIM_IN.encode() + b"\n" + CLAIM_OUT.replace("true", "false").encode() + b"\n")
        assert json.loads(await reader.readline()) == {"id": 2}
        assert json.loads(await reader.readline()) == {"id": 1}
        chip.watch(16, lambda level: gone.set() if level is None else None)
        while not gone.is_set():
            for _ in range(200):
                chip.join(5, 16)
                chip.part(5, 16)
            await asyncio.sleep(0)
        assert not chip.claimed([16])
        writer.close()

    on_a_socket(tmp_path / "gpio0", story)


def test_unplugged_and_plugged_in_again(tmp_path: Path) -> None:
    async def play() -> None:
        path = tmp_path / "gpio0"
        server = gpio_server(path, a_chip())
        await server.open()
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(CLAIM_IN.encode() + b"\n")
        await reader.readline()
        server.unplug()
        server.unplug()
        assert not path.exists()
        assert await reader.read() == b""
        writer.close()
        server.replug()
        server.unplug()
        server.replug()
        server.replug()
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(CLAIM_IN.encode() + b"\n")
        assert json.loads(await reader.readline()) == {"id": 2}
        writer.close()
        await server.close()

    asyncio.run(play())
