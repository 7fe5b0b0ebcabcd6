"""How the commands answer: text for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from cabinet.control.protocol import Exit

SCHEMA: Final = 1


class CommandError(Exception):
    """One sentence that says what to do."""

    def __init__(self, exit_code: Exit, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def answer(fields: Mapping[str, object]) -> None:
    print(json.dumps({"schema": SCHEMA, **fields}), flush=True)  # noqa: T201


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in found.items()) or "-"


def table(columns: list[str], cells: list[list[object]]) -> None:
    lines = [columns, *(["-" if cell is None else str(cell) for cell in row] for row in cells)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines if cells else []:
        say("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
