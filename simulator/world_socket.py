"""world.sock: lines of commands to the world, each answered by one line."""

from __future__ import annotations

from pathlib import Path

from simulator.line_server import LINE_MAX, LineServer
from simulator.world_commands import WorldCommands


def world_server(path: Path, commands: WorldCommands) -> LineServer:
    return LineServer(path, lambda say: WorldSession(commands))


class WorldSession:
    def __init__(self, commands: WorldCommands) -> None:
        self._commands = commands

    async def answer(self, line: str) -> str:
        return await self._commands.answer(line)

    def too_long(self) -> str:
        return f"error: a line has at most {LINE_MAX} bytes"

    def close(self) -> None:
        """What a person did stays done."""
