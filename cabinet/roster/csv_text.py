"""CSV (RFC 4180: commas, quotes doubled inside quotes) into cells that know where they stand.

The standard library's reader does not tell line and column, and passes over quotes in the wrong place.
"""

from __future__ import annotations

import re
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


def rows(text: str) -> tuple[list[list[Cell]], list[Fault]]:
    """Every row that is not blank, and what breaks the form. A row with a fault is left out; never raises."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._line_start = 0

    def read(self) -> tuple[list[list[Cell]], list[Fault]]:
        found: list[list[Cell]] = []
        faults: list[Fault] = []
        while self._at < len(self._text):
            row = self._row()
            if isinstance(row, Fault):
                faults.append(row)
            elif len(row) > 1 or row[0].text:
                found.append(row)
        return found, faults

    def _row(self) -> list[Cell] | Fault:
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
