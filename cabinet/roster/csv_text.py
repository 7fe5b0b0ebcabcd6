"""CSV (RFC 4180: commas, quotes doubled inside quotes) into cells that know where they stand.

The standard library's reader does not tell line and column, and passes over quotes in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# Possessive (++, *+): no backtracking, so memory stays flat on any input.
_QUOTED: Final = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"')
_PLAIN: Final = re.compile(r"[^,\r\n]*+")
_END: Final = re.compile(r"\r\n|\n|\r|\Z")
_BREAK: Final = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Cell:
    """`text` without its quotes and the blanks around it; line and column from 1, in characters."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Fault:
    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """`at` is where it begins in the text, for row_at(): cells of a hundred thousand rows are not kept."""

    at: int
    line: int
    cells: list[Cell]


def rows(text: str) -> Iterator[Row | Fault]:
    """Every row that is not blank, and in the place of a row what breaks its form. Never raises."""
    reader = _Reader(text, 0, 1)
    while not reader.ended:
        at, line = reader.at, reader.line
        found = reader.row()
        if isinstance(found, Fault):
            yield found
        elif len(found) > 1 or found[0].text:
            yield Row(at, line, found)


def row_at(text: str, at: int, line: int) -> list[Cell]:
    """The cells of a row that rows() has found."""
    found = _Reader(text, at, line).row()
    assert not isinstance(found, Fault), "it was read before"
    return found


class _Reader:
    def __init__(self, text: str, at: int, line: int) -> None:
        self._text = text
        self._at = at
        self._line = line
        self._line_start = at

    @property
    def at(self) -> int:
        return self._at

    @property
    def line(self) -> int:
        return self._line

    @property
    def ended(self) -> bool:
        return self._at >= len(self._text)

    def row(self) -> list[Cell] | Fault:
        row: list[Cell] = []
        while True:
            cell = self._cell()
            if isinstance(cell, Fault):
                self._skip_line()
                return cell
            row.append(cell)
            if self._text.startswith(",", self._at):
                self._at += 1
                continue
            self._pass_line_end()
            return row

    def _cell(self) -> Cell | Fault:
        line, column = self._line, self._at - self._line_start + 1
        if not self._text.startswith('"', self._at):
            plain = _PLAIN.match(self._text, self._at)
            assert plain, "the pattern matches nothing too"
            if '"' in plain[0]:
                return Fault(
                    line, column, "a quote inside a cell: put the whole cell in quotes and double the inner ones"
                )
            self._at = plain.end()
            return Cell(plain[0].strip(), line, column)
        quoted = _QUOTED.match(self._text, self._at)
        if quoted is None:
            return Fault(line, column, "the quote opened here is never closed")
        self._at = quoted.end()
        for line_break in _BREAK.finditer(quoted[0]):
            self._line += 1
            self._line_start = quoted.start() + line_break.end()
        if not self._text.startswith(",", self._at) and not _END.match(self._text, self._at):
            place = self._at - self._line_start + 1
            return Fault(
                self._line, place, "text after a closing quote: only a comma or the end of the line may follow"
            )
        return Cell(quoted[1].replace('""', '"').strip(), line, column)

    def _skip_line(self) -> None:
        end = _BREAK.search(self._text, self._at)
        self._at = end.start() if end else len(self._text)
        self._pass_line_end()

    def _pass_line_end(self) -> None:
        end = _END.match(self._text, self._at)
        assert end, "a cell ends at a comma or at the end of its line"
        self._at = end.end()
        self._line += 1
        self._line_start = self._at
