"""The socket of a simulated GPIO chip: programs claim, write and read its lines as one JSON object a line.

What is said on it stands in docs/reference/sim-bus.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hal.buses import Edge
from simulator.gpio_chip import GpioChip, GpioRefused, Holder, Input, Output
from simulator.json_session import JsonSession, only
from simulator.line_server import LineServer, Say

LINES_PER_REQUEST = 64
OPERATIONS = "claim, write, read, release"


def gpio_server(path: Path, chip: GpioChip) -> LineServer:
    return LineServer(path, lambda say: GpioSession(chip, say))


class GpioSession(JsonSession):
    """One program; its lines go back when it leaves."""

    def __init__(self, chip: GpioChip, say: Say) -> None:
        self._chip = chip
        self._say = say
        self._holder = Holder(self._on_edge)

    def close(self) -> None:
        self._chip.release_all(self._holder)

    async def perform(self, request: dict[str, Any]) -> dict[str, object]:
        operations: dict[object, Callable[[dict[str, Any]], dict[str, object]]] = {
            "claim": self._claim,
            "write": self._write,
            "read": self._read,
            "release": self._release,
        }
        operation = request.get("op")
        if not isinstance(operation, str) or operation not in operations:
            raise GpioRefused(f'"op" must be one of {OPERATIONS}')
        return operations[operation](request)

    def _claim(self, request: dict[str, Any]) -> dict[str, object]:
        use: Output | Input
        match request.get("direction"):
            case "out":
                only(request, "lines", "direction", "high", "drive")
                drive = _choice(request, "drive", "push-pull", "open-drain")
                use = Output("open-drain" if drive == "open-drain" else "push-pull", _level(request.get("high", False)))
            case "in":
                only(request, "lines", "direction", "pull", "edges")
                pull = _choice(request, "pull", "none", "up", "down")
                edges = _level(request.get("edges", False))
                use = Input("up" if pull == "up" else "down" if pull == "down" else "none", edges)
            case _:
                raise GpioRefused('"direction" must be "in" or "out"')
        self._chip.claim(self._holder, _lines(request), use)
        return {}

    def _write(self, request: dict[str, Any]) -> dict[str, object]:
        only(request, "values")
        values = request.get("values")
        if not isinstance(values, dict) or not 1 <= len(values) <= LINES_PER_REQUEST:
            raise GpioRefused('"values" must be an object like {"5": 0, "6": 1}, with 1 to 64 lines')
        if not all(line.isascii() and line.isdigit() and len(line) <= 4 for line in values):
            raise GpioRefused('the names in "values" must be line numbers')
        self._chip.write(self._holder, {int(line): _level(level) for line, level in values.items()})
        return {}

    def _read(self, request: dict[str, Any]) -> dict[str, object]:
        only(request, "lines")
        return {"values": [int(high) for high in self._chip.read(self._holder, _lines(request))]}

    def _release(self, request: dict[str, Any]) -> dict[str, object]:
        only(request, "lines")
        self._chip.release(self._holder, _lines(request))
        return {}

    def _on_edge(self, edge: Edge) -> None:
        fields = {"line": edge.line, "high": edge.high, "at_ns": edge.at_ns, "seqno": edge.seqno}
        self._say(json.dumps({"edge": fields}))


def _lines(request: dict[str, Any]) -> list[int]:
    lines = request.get("lines")
    if not isinstance(lines, list) or not 1 <= len(lines) <= LINES_PER_REQUEST:
        raise GpioRefused('"lines" must be a list of 1 to 64 line numbers')
    if not all(type(line) is int for line in lines):
        raise GpioRefused('"lines" must hold whole numbers')
    return lines


def _choice(request: dict[str, Any], name: str, *allowed: str) -> str:
    """The first of `allowed` is the default."""
    value = request.get(name, allowed[0])
    if value not in allowed:
        raise GpioRefused(f'"{name}" must be one of {", ".join(allowed)}')
    return str(value)


def _level(value: object) -> bool:
    if value is True or value is False or (type(value) is int and value in (0, 1)):
        return bool(value)
    raise GpioRefused("a level is 0, 1, false or true")
