"""What a command says: text for people, JSON for programs, errors for both.

rich is loaded only for a table or a progress bar on a terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]

SCHEMA = 1
NOTHING = "-"
"""Stands for what is not known or not there."""


class Output:
    """Text that comes from elsewhere may hold control characters; none of them reaches the terminal."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                # A terminal without UTF-8 gets escapes; half a surrogate pair becomes its JSON escape.
                reconfigure(errors="backslashreplace")

    def answer(self, fields: Mapping[str, object]) -> None:
        """One JSON object on a line of its own, at once."""
        text = json.dumps({"schema": SCHEMA, **fields}, ensure_ascii=not _speaks_utf_8())
        print(text, flush=True)

    def line(self, text: str) -> None:
        print("\n".join(map(printable, text.split("\n"))), flush=True)

    def verbatim(self, data: bytes) -> None:
        """Signed bytes, as they are: they are meant for a file."""
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    @contextmanager
    def progress(self) -> Iterator[Progress | None]:
        """On a terminal a bar, told what is done of how much, and what it is; None elsewhere."""
        if self.as_json or not (sys.stdout.isatty() and sys.stderr.isatty()):
            yield None
            return
        from rich.console import Console
        from rich.progress import Progress as Bar

        with Bar(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda what, done, size: bar.update(task, description=what, completed=done, total=size)

    def note(self, text: str) -> None:
        """Something a person should know and a program need not."""
        print(printable(text), file=sys.stderr, flush=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """None and the empty text become a dash, lists are joined by `;`, truth is yes or no."""
        cells = [[printable(word(value)) for value in row] for row in rows]
        if sys.stdout.isatty():
            _rich_table(columns, cells)
            return
        lines = [list(columns), *cells] if rows else []
        widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
        for row in lines:
            print(_aligned(row, widths))

    def facts(self, pairs: Mapping[str, object]) -> None:
        """One name and value a line."""
        width = max(map(len, pairs))
        for name, value in pairs.items():
            print(f"{name:{width}}  {printable(word(value))}")

    def error(self, exit_code: int, message: str, problems: Sequence[object] = ()) -> int:
        """On stderr, or as an object on stdout; returns the exit code."""
        lines = [str(problem) for problem in problems]
        if self.as_json:
            body = {"exit": int(exit_code), "message": message} | ({"problems": lines} if lines else {})
            self.answer({"error": body})
            return int(exit_code)
        for line in lines if lines != [message] else []:
            self.note(line)
        self.note(f"cabinetctl: {message}")
        return int(exit_code)


def word(value: object) -> str:
    if value is None or value == "" or value == []:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ";".join(map(str, value))
    return str(value)


def printable(text: str) -> str:
    """Control characters could move the cursor or hide what stands before them."""
    if text.isprintable():
        return text
    from unicodedata import category

    # Spaces other than ASCII's are not printable for Python either, and do no harm.
    return "".join(c if c.isprintable() or category(c) == "Zs" else "\N{REPLACEMENT CHARACTER}" for c in text)


def local_time(iso: object) -> str | None:
    """A time of the daemon (`2026-01-01T08:00:00Z`) as the clock on the wall says it; None for none."""
    if not isinstance(iso, str):
        return None
    from datetime import datetime

    try:
        return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return iso


def _speaks_utf_8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Columns on a terminal: Chinese takes two each."""
    if text.isascii():
        return len(text)
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # rich itself leaves out colours for NO_COLOR, but not bold.
    table = Table(box=box.SIMPLE_HEAD, header_style="" if os.environ.get("NO_COLOR") else "bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        # Text, since a name in square brackets would be taken for markup.
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
