"""people.csv and items.csv: the header names the columns, one person or item a line, `;` between several values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from cabinet.roster.content import ItemEntry, PersonEntry
from cabinet.roster.csv_text import Cell, Fault, rows
from hal.problems import Problem
from hal.wording import allowed, did_you_mean, problems_of, quoted, rest_of

E = TypeVar("E", PersonEntry, ItemEntry)

PEOPLE: Final = "people.csv"
ITEMS: Final = "items.csv"
_LISTS: Final = frozenset({"groups", "cards", "roles", "tags", "qualifications", "consents"})
_NUMBERS: Final = frozenset({"slot", "keys"})
_ROWS_MAX: Final = 100_000


@dataclass(slots=True)
class Sheet(Generic[E]):
    """The rows of one file, with faults those that have them; `faults` are those of the form and of single rows.

    `refused` holds id and groups of rows with faults, so that what names them is not a fault as well."""

    entries: list[E] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)
    _columns: list[str] = field(default_factory=list)
    _rows: list[list[Cell]] = field(default_factory=list)

    def place(self, path: Sequence[str | int]) -> tuple[int, int]:
        """Line and column of (index of the entry, column, ...)."""
        cells = self._rows[int(path[0])]
        column = path[1] if len(path) > 1 else ""
        cell = cells[self._columns.index(str(column))] if column in self._columns else cells[0]
        return cell.line, cell.column

    def take(self, entry: E, cells: list[Cell]) -> None:
        self.entries.append(entry)
        self._rows.append(cells)

    def refuse(self, cells: list[Cell]) -> None:
        row = {name: cell.text for name, cell in zip(self._columns, cells, strict=False)}
        self.refused[row.get("id", "")] = _parts(row.get("groups", ""))


def read_people(text: str) -> Sheet[PersonEntry]:
    """Never raises."""
    return _read(text, PersonEntry, required=("id", "name"))


def read_items(text: str) -> Sheet[ItemEntry]:
    """Never raises."""
    return _read(text, ItemEntry, required=("id",))


def _read(text: str, model: type[E], required: tuple[str, ...]) -> Sheet[E]:
    found, faults = rows(text)
    known = list(_fields(model))
    if not found:
        empty = Fault(1, 1, f"nothing in here: the first line names the columns, {allowed(known)}")
        return Sheet(faults=faults or [empty])
    header, *lines = found
    columns = [cell.text for cell in header]
    sheet: Sheet[E] = Sheet(faults=list(faults), _columns=columns)
    sheet.faults.extend(_header_faults(header, known, required))
    if len(lines) > _ROWS_MAX:
        sheet.faults.append(Fault(1, 1, f"{len(lines)} lines; at most {_ROWS_MAX} are allowed"))
        return sheet
    for cells in lines:
        if len(cells) != len(columns):
            sheet.faults.append(_ragged(cells, len(columns)))
            sheet.refuse(cells)
            continue
        _read_row(sheet, model, columns, cells)
    return sheet


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


def _read_row(sheet: Sheet[E], model: type[E], columns: list[str], cells: list[Cell]) -> None:
    row = {name: cell for name, cell in zip(columns, cells, strict=True) if name in _fields(model)}
    raw = {name: _value(name, cell.text, model) for name, cell in row.items()}
    try:
        sheet.take(model.model_validate(raw), cells)
    except ValidationError as error:
        sheet.take(rest_of(error, model, raw), cells)
        sheet.refuse(cells)
        for problem in problems_of(error, model):
            fault = _cell_fault(problem, row, cells[0])
            if fault:
                sheet.faults.append(fault)


def _value(column: str, text: str, model: type[PersonEntry] | type[ItemEntry]) -> Any:
    """What the model wants; a text that is no number stays text, for the model to refuse."""
    if column in _LISTS:
        return _parts(text)
    if not text:
        field_info = _fields(model)[column]
        return "" if field_info.is_required() else field_info.get_default()
    if column in _NUMBERS and text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    return text


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
