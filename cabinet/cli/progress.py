"""How far a long command is, on one line of a terminal."""

from __future__ import annotations

import sys
from types import TracebackType

from cabinet.cli.output import Output


class Progress:
    """Call it with what is done and what there is (None: not known). Says nothing in JSON, or where nobody looks."""

    def __init__(self, out: Output, what: str) -> None:
        self._what = what
        self._shown = -1
        self._speaks = not out.as_json and sys.stderr.isatty()

    def __call__(self, done: int, total: int | None = None) -> None:
        step = done * 100 // total if total else done // 10_000
        if self._speaks and step != self._shown:
            self._shown = step
            amount = f"{done:,} of {total:,}" if total else f"{done:,}"
            print(f"\r{amount} {self._what} ", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown >= 0:
            print(file=sys.stderr)
