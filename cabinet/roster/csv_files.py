"""people.csv and items.csv: the header names the columns, one person or item a line, `;` between several values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from cabinet.roster.content import ItemEntry, PersonEntry, kinds_of
from cabinet.roster.csv_text import Cell, Fault, Row, row_at, rows
from hal.problems import Problem
from hal.wording import allowed, did_you_mean, problems_of, quoted, rest_of

E = TypeVar("E", PersonEntry, ItemEntry)

PEOPLE: Final = "people.csv"
ITEMS: Final = "items.csv"
_WORDS: Final = {"yes": True, "true": True, "no": False, "false": False}
ROWS_MAX: Final = 100_000
FAULTS_MAX: Final = 5000
"""A file of another kind has a fault in every line: more of them say nothing new."""


@dataclass(slots=True)
class Sheet(Generic[E]):
    """The rows of one file, with faults those that have them; `faults` are those of the form and of single rows.

    `refused` holds id and groups of rows with faults, so that what names them is not a fault as well."""

    entries: list[E] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)
    cut: bool = False
    """There is more in the file than was looked at."""
    _text: str = field(default="", repr=False)
    _places: list[tuple[int, int]] = field(default_factory=list)

    def place(self, path: Sequence[str | int]) -> tuple[int, int]:
        """Line and column of (index of the entry, column, ...)."""
        cells = row_at(self._text, *self._places[int(path[0])])
        column = path[1] if len(path) > 1 else ""
        cell = cells[self.columns.index(str(column))] if column in self.columns else cells[0]
        return cell.line, cell.column

    def line(self, index: int) -> int:
        """Where the entry begins."""
        return self._places[index][1]

    def take(self, entry: E, row: Row) -> None:
        self.entries.append(entry)
        self._places.append((row.at, row.line))

    def refuse(self, row: Row) -> None:
        named = {name: cell.text for name, cell in zip(self.columns, row.cells, strict=False)}
        self.refused[named.get("id", "")] = _parts(named.get("groups", ""))


def read_people(text: str) -> Sheet[PersonEntry]:
    """Never raises."""
    return _read(text, PersonEntry, required=("id", "name"))


def read_items(text: str) -> Sheet[ItemEntry]:
    """Never raises."""
    return _read(text, ItemEntry, required=("id",))


def _read(text: str, model: type[E], required: tuple[str, ...]) -> Sheet[E]:
    sheet: Sheet[E] = Sheet(_text=text)
    known = list(_fields(model))
    lines = 0
    for row in rows(text):
        if isinstance(row, Fault):
            sheet.faults.append(row)
        elif not sheet.columns:
            sheet.columns = [cell.text for cell in row.cells]
            sheet.faults.extend(_header_faults(row.cells, known, required))
        elif lines == ROWS_MAX:
            sheet.faults.append(Fault(row.line, 1, f"more than {ROWS_MAX:,} lines; nothing from here on was read"))
            sheet.cut = True
            break
        elif len(sheet.faults) > FAULTS_MAX:
            sheet.cut = True
            break
        else:
            lines += 1
            _take_row(sheet, model, row)
    if not sheet.columns and not sheet.faults:
        sheet.faults.append(Fault(1, 1, f"nothing in here: the first line names the columns, {allowed(known)}"))
    return sheet


def _take_row(sheet: Sheet[E], model: type[E], row: Row) -> None:
    if len(row.cells) == len(sheet.columns):
        _read_row(sheet, model, row)
    else:
        sheet.faults.append(_ragged(row.cells, len(sheet.columns)))
        sheet.refuse(row)


def _header_faults(header: list[Cell], known: list[str], required: tuple[str, ...]) -> Iterator[Fault]:
    names = [cell.text for cell in header]
    for position, cell in enumerate(header):
        if cell.text not in known:
            hint = "; columns are separated by commas" if ";" in cell.text else did_you_mean(cell.text, known)
            yield Fault(cell.line, cell.column, f"unknown column {quoted(cell.text)}, {allowed(known)}{hint}")
        elif cell.text in names[:position]:
            yield Fault(cell.line, cell.column, f"column {quoted(cell.text)} stands here twice; keep one")
    for name in required:
        if name not in names:
            yield Fault(header[0].line, 1, f'the column "{name}" is missing')


def _ragged(cells: list[Cell], wanted: int) -> Fault:
    place = cells[wanted] if len(cells) > wanted else cells[-1]
    message = f"{len(cells)} cells where the header has {wanted}; quote a cell that holds a comma"
    return Fault(place.line, place.column, message)


def _read_row(sheet: Sheet[E], model: type[E], row: Row) -> None:
    cells = {name: cell for name, cell in zip(sheet.columns, row.cells, strict=True) if name in _fields(model)}
    raw = {name: _value(name, cell.text, model) for name, cell in cells.items()}
    try:
        sheet.take(model.model_validate(raw), row)
    except ValidationError as error:
        sheet.take(rest_of(error, model, raw), row)
        sheet.refuse(row)
        for problem in problems_of(error, model):
            fault = _cell_fault(problem, cells, row.cells[0])
            if fault:
                sheet.faults.append(fault)


def _value(column: str, text: str, model: type[PersonEntry] | type[ItemEntry]) -> Any:
    """What the model wants; a text that is no number stays text, for the model to refuse."""
    kind = kinds_of(model)[column]
    if kind is list:
        return _parts(text)
    if not text:
        field_info = _fields(model)[column]
        return "" if field_info.is_required() else field_info.get_default()
    if kind is bool:
        return _WORDS.get(text.lower(), text)
    if kind is int and text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    return text


@lru_cache(maxsize=2)
def _fields(model: type[PersonEntry] | type[ItemEntry]) -> dict[str, FieldInfo]:
    """By the name of their column."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _cell_fault(problem: Problem, row: dict[str, Cell], first: Cell) -> Fault | None:
    column = str(problem.path[0]) if problem.path else ""
    if column and column not in row:
        return None  # The header already said that this column is missing.
    cell = row.get(column, first)
    return Fault(cell.line, cell.column, problem.message)
