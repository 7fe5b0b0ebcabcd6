"""A directory of roster files as one change: read without a daemon, every problem at once with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Final, TypeAlias

from cabinet.roster.content import (
    Content,
    CustomerEntry,
    GroupEntry,
    ItemEntry,
    PersonEntry,
    PromptEntry,
    RightEntry,
    ScheduleEntry,
)
from cabinet.roster.csv_files import ITEMS, PEOPLE, Sheet, read_items, read_people
from cabinet.roster.csv_text import Fault
from cabinet.roster.references import NOTHING_KNOWN, Known, conflicts
from cabinet.roster.rights_file import RIGHTS, RightsText, read_rights
from cabinet.settings.toml_text import TomlFault, read_text
from hal.problems import Problem
from hal.wording import allowed, did_you_mean

FILES: Final = (PEOPLE, ITEMS, RIGHTS)
BYTES_MAX: Final = 32 * 1024 * 1024
PROBLEMS_MAX: Final = 500
"""Lines shown; what goes beyond is counted."""
_SOURCE: Final[Mapping[str | int, tuple[str, ...]]] = {
    "persons": (PEOPLE,),
    "groups": (PEOPLE,),
    "authorised_by": (PEOPLE,),
    "items": (ITEMS,),
    "item_groups": (ITEMS,),
    "includes": (PEOPLE, ITEMS),
}
"""The files that have what a key of a right or a group names."""
_FILE_OF: Final = {"person": PEOPLE, "item": ITEMS}
_Named: TypeAlias = PersonEntry | ItemEntry | RightEntry | ScheduleEntry | GroupEntry | PromptEntry | CustomerEntry


def read(
    files: Mapping[str, bytes], *, known: Known = NOTHING_KNOWN, slots: Collection[int] | None = None
) -> tuple[Content, list[str]]:
    """What the files say, and all problems as `file:line:column: what`; with problems, the content is empty.

    `known` is what the roster has already, `slots` what the configuration has. Pure; never raises."""
    directory = Directory(files)
    problems = directory.problems(known, slots)
    return Content() if problems else directory.content, problems


def load(folder: Path) -> dict[str, bytes]:
    """The roster files of a directory, to be handed to read(). Blocks. Raises OSError, and ValueError with a
    sentence when there is none, when a name looks misspelt, or when they are too large."""
    names = sorted(path.name for path in folder.iterdir() if path.suffix in (".csv", ".toml"))
    for name in names:
        if name not in FILES:
            raise ValueError(f"{folder / name}: no roster file, {allowed(FILES)}{did_you_mean(name, FILES)}")
    if not names:
        raise ValueError(f"{folder}: no roster file in it, {allowed(FILES)}")
    if sum((folder / name).stat().st_size for name in names) > BYTES_MAX:
        raise ValueError(f"{folder}: more than {BYTES_MAX // 1024 // 1024} MB of roster files")
    return {name: (folder / name).read_bytes() for name in names}


def check(folder: Path, slots: Collection[int] | None = None) -> list[str]:
    """Every problem of a directory, ready to print. Blocks; never raises."""
    try:
        files = load(folder)
    except OSError as error:
        return [f"{folder}: {error.strerror or error}"]
    except ValueError as error:
        return [str(error)]
    return read(files, slots=slots)[1]


class Directory:
    """One reading of the files; the positions of TOML are looked up only if something there is wrong."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Never raises."""
        self._faults: dict[str, list[Fault]] = {}
        self._unreadable: set[str] = set()
        self._people: Sheet[PersonEntry] = Sheet()
        self._items: Sheet[ItemEntry] = Sheet()
        self._rights = RightsText()
        self._rights_text = ""
        self._indexes: dict[str, dict[str, int]] = {}
        self._header_lines: dict[str, list[int]] = {}
        for name, data in files.items():
            try:
                self._faults[name] = list(self._read_file(name, read_text(data)))
            except TomlFault as fault:
                self._unreadable.add(name)
                self._faults[name] = [Fault(fault.line, fault.column, fault.message)]
        self.content = Content(
            people=tuple(self._people.entries),
            items=tuple(self._items.entries),
            rights=tuple(entry for _, entry in self._rights.rights),
            schedules=tuple(entry for _, entry in self._rights.schedules),
            groups=tuple(entry for _, entry in self._rights.groups),
            prompts=tuple(entry for _, entry in self._rights.prompts),
            customers=tuple(entry for _, entry in self._rights.customers),
        )

    def problems(self, known: Known, slots: Collection[int] | None) -> list[str]:
        """Every one, with its place; to be asked once."""
        for problem in islice(conflicts(self.content, self._with_refused(known), slots), PROBLEMS_MAX):
            self._add_conflict(problem)
        self._add_rights_problems()
        return self._lines()

    @property
    def people_columns(self) -> list[str]:
        return self._people.columns

    def place(self, kind: str, name: str) -> str:
        """`file:line` of an entry, `file` of one that is not there. `kind` is person, item, right, ..."""
        file = _FILE_OF.get(kind, RIGHTS)
        if kind not in self._indexes:
            self._indexes[kind] = {entry.id or "": index for index, entry in enumerate(self._entries(kind))}
        index = self._indexes[kind].get(name)
        if index is None:
            return file
        if file == PEOPLE:
            return f"{file}:{self._people.line(index)}"
        if file == ITEMS:
            return f"{file}:{self._items.line(index)}"
        return f"{file}:{self._rights_line(kind, index)}"

    def _entries(self, kind: str) -> Sequence[_Named]:
        content = self.content
        entries: dict[str, Sequence[_Named]] = {
            "person": content.people,
            "item": content.items,
            "right": content.rights,
            "schedule": content.schedules,
            "group": content.groups,
            "prompt": content.prompts,
            "customer": content.customers,
        }
        return entries[kind]

    def _rights_line(self, kind: str, index: int) -> int:
        """Positions know it too, but take seconds for fifty thousand rights."""
        if kind not in self._header_lines:
            header = re.compile(rf"^[ \t]*\[\[[ \t]*{kind}[ \t]*\]\]")
            lines = enumerate(self._rights_text.split("\n"), 1)
            self._header_lines[kind] = [number for number, line in lines if header.match(line)]
        lines_of_kind = self._header_lines[kind]
        if len(lines_of_kind) == len(self._entries(kind)):
            return lines_of_kind[index]
        from cabinet.settings.positions import Positions

        return Positions(self._rights_text).of((kind, index))[0]

    def _read_file(self, name: str, text: str) -> Iterable[Fault]:
        if name == PEOPLE:
            self._people = read_people(text)
            self._unreadable |= {PEOPLE} if self._people.cut else set()
            return self._people.faults
        if name == ITEMS:
            self._items = read_items(text)
            self._unreadable |= {ITEMS} if self._items.cut else set()
            return self._items.faults
        if name == RIGHTS:
            self._rights_text, self._rights = text, read_rights(text)
            return []
        return [Fault(1, 1, f"no roster file, {allowed(FILES)}{did_you_mean(name, FILES)}")]

    def _with_refused(self, known: Known) -> Known:
        people, items = self._people.refused, self._items.refused
        return replace(
            known,
            people={*known.people, *people},
            groups={*known.groups, *chain.from_iterable(people.values())},
            items={*known.items, *items},
            item_groups={*known.item_groups, *chain.from_iterable(items.values())},
        )

    def _add_conflict(self, problem: Problem) -> None:
        table, index, *rest = problem.path
        if table == "people":
            self._faults[PEOPLE].append(_in_sheet(self._people, problem))
        elif table == "items":
            self._faults[ITEMS].append(_in_sheet(self._items, problem))
        elif not rest or self._unreadable.isdisjoint(_SOURCE.get(rest[0], ())):
            entries = {
                "right": [place for place, _ in self._rights.rights],
                "schedule": [place for place, _ in self._rights.schedules],
                "group": [place for place, _ in self._rights.groups],
                "customer": [place for place, _ in self._rights.customers],
                "prompt": [place for place, _ in self._rights.prompts],
            }
            path = (table, entries[str(table)][int(index)], *rest)
            self._rights.problems.append(Problem(path, problem.message))

    def _add_rights_problems(self) -> None:
        if not self._rights.problems:
            return
        from cabinet.settings.positions import Positions

        positions = Positions(self._rights_text)
        self._faults[RIGHTS] += [Fault(*positions.of(p.path), p.message) for p in self._rights.problems]

    def _lines(self) -> list[str]:
        found = [
            f"{name}:{fault.line}:{fault.column}: {fault.message}"
            for name in self._faults
            for fault in sorted(self._faults[name], key=lambda fault: (fault.line, fault.column))
        ]
        if len(found) > PROBLEMS_MAX:
            return [*found[:PROBLEMS_MAX], f"and at least {len(found) - PROBLEMS_MAX} problems more"]
        return found


def _in_sheet(sheet: Sheet[PersonEntry] | Sheet[ItemEntry], problem: Problem) -> Fault:
    return Fault(*sheet.place(problem.path[1:]), problem.message)
