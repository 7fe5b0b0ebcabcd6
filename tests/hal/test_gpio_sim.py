"""The simulated chip's client against a small server that speaks docs/reference/sim-bus.md."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from hal.buses import Edge
from hal.errors import DeviceMisconfigured, LinkLost
from hal.gpio_sim import SimLines


class Chip:
    """One line of answers for each request; `requests` has what was asked, without the ids."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.levels: dict[int, int] = {}
        self.before_answer = b""
        self.garbage = b""
        self.mute = False
        self.left = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        while line := await read_line(reader):
            request = json.loads(line)
            number = request.pop("id")
            self.requests.append(request)
            if not self.mute:
                writer.write(self.before_answer + json.dumps({"id": number, **self.answer(request)}).encode() + b"\n")
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        self.left.set()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if 99 in request.get("lines", []):
            return {"error": "line 99 is taken"}
        if request["op"] == "write":
            self.levels |= {int(line): level for line, level in request["values"].items()}
        if request["op"] == "read":
            return {"values": [self.levels.get(line, 1) for line in request["lines"]]}
        return {}

    def say(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    def hang_up(self) -> None:
        assert self._writer is not None
        self._writer.close()


def test_requests_as_they_go_over_the_socket(tmp_path: Path) -> None:
    async def story(lines: SimLines, _: Chip) -> tuple[bool, ...]:
        await lines.claim_outputs([5, 6], high=True, drive="open-drain")
        await lines.claim_inputs([16], pull="up", edges=True)
        await lines.write({5: False, 6: True})
        levels = await lines.read([16, 5, 6])
        await lines.release([5])
        return levels

    levels, chip = with_lines(tmp_path, story)
    assert levels == (True, False, True)
    assert chip.requests == [
        {"op": "claim", "lines": [5, 6], "direction": "out", "high": True, "drive": "open-drain"},
        {"op": "claim", "lines": [16], "direction": "in", "pull": "up", "edges": True},
        {"op": "write", "values": {"5": 0, "6": 1}},
        {"op": "read", "lines": [16, 5, 6]},
        {"op": "release", "lines": [5]},
    ]


def test_edges_reach_those_who_wait_for_their_line(tmp_path: Path) -> None:
    async def story(lines: SimLines, chip: Chip) -> tuple[list[Edge], list[Edge]]:
        await lines.claim_inputs([16], edges=True)
        chip.before_answer = edge(20, True, 3, 1)  # an edge that overtakes the answer to its claim
        await lines.claim_inputs([20], edges=True)
        chip.say(edge(17, True, 4, 1) + edge(16, False, 5, 1)[:30])
        waiting = asyncio.ensure_future(lines.next_edges([16]))
        await asyncio.sleep(0)
        chip.say(edge(16, False, 5, 1)[30:])
        return await waiting, await lines.next_edges([20])

    answers, _ = with_lines(tmp_path, story)
    assert answers == ([Edge(16, False, 5, 1)], [Edge(20, True, 3, 1)])


def test_unread_edges_are_bounded_and_the_gap_shows(tmp_path: Path) -> None:
    async def story(lines: SimLines, chip: Chip) -> list[Edge]:
        await lines.claim_inputs([16], edges=True)
        chip.say(b"".join(edge(16, bool(k % 2), k, k) for k in range(1, 1001)))
        await lines.read([16])
        return await lines.next_edges([16])

    edges, _ = with_lines(tmp_path, story)
    assert [edge.seqno for edge in edges] == list(range(1000 - 255, 1001))


def test_a_refusal_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    async def story(lines: SimLines, _: Chip) -> None:
        with pytest.raises(DeviceMisconfigured, match="line 99 is taken"):
            await lines.claim_inputs([99])
        await lines.claim_inputs([16])

    with_lines(tmp_path, story)


@pytest.mark.parametrize("say", [b"hello\n", b"[1]\n", b'{"edge":{"line":16}}\n', b"{}\n", b"x" * 70_000, None])
def test_a_chip_that_hangs_up_or_talks_nonsense_is_a_lost_link(tmp_path: Path, say: bytes | None) -> None:
    async def story(lines: SimLines, chip: Chip) -> None:
        await lines.claim_inputs([16], edges=True)
        chip.mute = True
        waiting = [asyncio.ensure_future(lines.next_edges([16])), asyncio.ensure_future(lines.read([16]))]
        await asyncio.sleep(0)
        if say is None:
            chip.hang_up()
        else:
            chip.say(say)
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [LinkLost, LinkLost]
        with pytest.raises(LinkLost):
            await lines.write({5: True})

    with_lines(tmp_path, story)


def test_a_cancelled_request_does_not_disturb_the_next(tmp_path: Path) -> None:
    async def story(lines: SimLines, chip: Chip) -> tuple[bool, ...]:
        chip.levels[16] = 0
        first = asyncio.ensure_future(lines.read([16]))
        await asyncio.sleep(0)
        first.cancel()
        return await lines.read([17])

    assert with_lines(tmp_path, story)[0] == (True,)


def test_no_simulator(tmp_path: Path) -> None:
    with pytest.raises(LinkLost, match=r"No such file or directory.*start the simulator"):
        asyncio.run(SimLines("gpio0", str(tmp_path / "nowhere")).open())


async def read_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ConnectionError:
        return b""


def edge(line: int, high: bool, at_ns: int, seqno: int) -> bytes:
    event = {"edge": {"line": line, "high": high, "at_ns": at_ns, "seqno": seqno}}
    return json.dumps(event).encode() + b"\n"


def with_lines(folder: Path, use: Callable[[SimLines, Chip], Awaitable[Any]]) -> tuple[Any, Chip]:
    async def story() -> tuple[Any, Chip]:
        chip = Chip()
        server = await asyncio.start_unix_server(chip.serve, folder / "gpio0")
        lines = SimLines("gpio0", str(folder / "gpio0"))
        try:
            async with asyncio.timeout(5):
                await lines.open()
                return await use(lines, chip), chip
        finally:
            await lines.close()
            await lines.close()
            await asyncio.wait_for(chip.left.wait(), 5)
            server.close()
            await server.wait_closed()

    return asyncio.run(story())
