"""What ends a command early, beside the daemon's own ControlError. Each is one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cabinet.control.protocol import Exit


class CommandError(Exception):
    """`exit_code` is what cabinetctl ends with; `problems` are lines shown one by one."""

    def __init__(self, exit_code: Exit, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.problems = list(problems)


class UsageError(CommandError):
    """The command line cannot be meant like that; nothing was done."""

    def __init__(self, message: str) -> None:
        super().__init__(Exit.USAGE, message)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean X?)`, or nothing when no known word is near."""
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""
