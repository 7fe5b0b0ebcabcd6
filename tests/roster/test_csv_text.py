"""The cell reader against the standard library's, and on anything at all."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.roster.csv_text import Fault, Row, row_at, rows

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)


def texts(text: str) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in whole(text)]


def whole(text: str) -> list[Row]:
    """Its rows, of which none has a fault."""
    found = [*rows(text)]
    assert [row for row in found if isinstance(row, Fault)] == []
    return [row for row in found if isinstance(row, Row)]


@given(st.lists(st.lists(CELL, min_size=2, max_size=4), max_size=5), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_another_program_writes_is_read(table: list[list[str]], line_end: str) -> None:
    file = io.StringIO()
    csv.writer(file, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(table)
    assert texts(file.getvalue()) == [[cell.strip() for cell in row] for row in table]


@given(st.text(alphabet='a1;" ,\r\n', max_size=40))
def test_positions_point_at_the_cell(text: str) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for cell in (cell for row in rows(text) if isinstance(row, Row) for cell in row.cells):
        rest = lines[cell.line - 1][cell.column - 1 :]
        assert cell.column == 1 or lines[cell.line - 1][cell.column - 2] == ","
        start = rest.lstrip(" ")
        assert start.startswith(('"', cell.text.split("\n")[0].split("\r")[0][:1]))


@given(st.text(max_size=200))
def test_never_raises(text: str) -> None:
    found = [*rows(text)]
    assert all(one.line >= 1 and one.column >= 1 and one.message for one in found if isinstance(one, Fault))
    assert all(one.cells == row_at(text, one.at, one.line) != [] for one in found if isinstance(one, Row))


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('a,b\nc,"d', (2, 3), "never closed"),
        ('a,b\n"c"d,e\nf,g', (2, 4), "after a closing quote"),
        ('a,b\nc,d"e\nf,g', (2, 3), "double the inner ones"),
        ('a,"x\ny"z\nf,g', (2, 3), "after a closing quote"),
    ],
)
def test_broken_form_is_placed(text: str, place: tuple[int, int], message: str) -> None:
    faults = [row for row in rows(text) if isinstance(row, Fault)]
    assert [(fault.line, fault.column) for fault in faults] == [place]
    assert message in faults[0].message


def test_a_long_row_of_quotes_needs_no_memory() -> None:
    (fault,) = rows('"' * 1_000_001)
    assert isinstance(fault, Fault)
