"""cabinetctl. Start reading at commands.py, the table of everything it can do; run.py finds the command and turns
what goes wrong into an exit code. Each command is imported only when it is called: start-up time is a promise."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """The whole program. Returns the exit code; never raises for bad input."""
    try:
        from cabinet.cli.run import run

        return run(arguments)
    except KeyboardInterrupt:
        return 130
