"""rights.toml: `[[right]]`, `[[schedule]]`, `[[group]]`, `[[prompt]]`, `[[customer]]`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from cabinet.roster.content import CustomerEntry, GroupEntry, PromptEntry, RightEntry, ScheduleEntry
from cabinet.roster.csv_files import ROWS_MAX
from cabinet.settings.toml_text import read_toml
from hal.problems import Problem
from hal.wording import problems_of, rest_of, unknown_key

RIGHTS: Final = "rights.toml"
_TABLES: Final = ("right", "schedule", "group", "prompt", "customer")
M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class RightsText:
    """The entries, each with its index in the file, without the keys that `problems` are about."""

    rights: list[tuple[int, RightEntry]] = field(default_factory=list)
    schedules: list[tuple[int, ScheduleEntry]] = field(default_factory=list)
    groups: list[tuple[int, GroupEntry]] = field(default_factory=list)
    customers: list[tuple[int, CustomerEntry]] = field(default_factory=list)
    prompts: list[tuple[int, PromptEntry]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_rights(text: str) -> RightsText:
    """Never raises but TomlFault, when the text is no TOML at all. A right without an id is named by its place:
    `right-1` is the first of the file."""
    raw = read_toml(text)
    found = RightsText()
    for key in raw:
        if key not in _TABLES:
            found.problems.append(Problem((key,), unknown_key(key, _TABLES)))
    found.rights = [
        (index, entry if entry.id else entry.model_copy(update={"id": f"right-{index + 1}"}))
        for index, entry in _entries(raw, "right", RightEntry, found.problems)
    ]
    found.schedules = list(_entries(raw, "schedule", ScheduleEntry, found.problems))
    found.prompts = list(_entries(raw, "prompt", PromptEntry, found.problems))
    found.groups = list(_entries(raw, "group", GroupEntry, found.problems))
    found.customers = list(_entries(raw, "customer", CustomerEntry, found.problems))
    return found


def _entries(raw: dict[str, Any], table: str, model: type[M], problems: list[Problem]) -> Iterator[tuple[int, M]]:
    tables = raw.get(table, [])
    if not isinstance(tables, list):
        problems.append(Problem((table,), f"write [[{table}]], in two brackets, above each {table}"))
        return
    if len(tables) > ROWS_MAX:
        problems.append(Problem((table, ROWS_MAX), f"more than {ROWS_MAX:,} of them; nothing from here on was read"))
    for index, entry in enumerate(tables[:ROWS_MAX]):
        try:
            yield index, model.model_validate(entry)
        except ValidationError as error:
            problems.extend(problems_of(error, model, (table, index)))
            if isinstance(entry, dict):
                yield index, rest_of(error, model, entry)
