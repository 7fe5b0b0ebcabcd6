"""Options: those that every command takes, and the kinds of values they share."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import NoReturn

from cabinet.cli.commands import Command
from cabinet.cli.errors import UsageError, did_you_mean

REASON_LENGTH_MAX = 200
GENERAL_OPTIONS = frozenset({"--json", "--socket", "--config", "--help"})


class Parser(argparse.ArgumentParser):
    """The parser of one command. Raises UsageError instead of ending the program."""

    def __init__(self, command: Command) -> None:
        super().__init__(
            prog=f"cabinetctl {command.words}",
            description=f"{command.summary}.",
            formatter_class=_Formatter,
            allow_abbrev=False,
        )
        general = self.add_argument_group("general options")
        general.add_argument("--json", action="store_true", help="JSON instead of text")
        general.add_argument("--socket", metavar="PATH", help="the daemon's service.sock")
        general.add_argument("--config", metavar="FILE", help="where sockets and databases are")

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Raises UsageError; SystemExit after showing the help."""
        self._refuse_unknown_options(arguments)
        args, unknown = self.parse_known_args(arguments)
        if unknown:
            self.error(f"{unknown[0]!r} is one word too many")
        return args

    def _refuse_unknown_options(self, arguments: Sequence[str]) -> None:
        """First, since a misspelt option is otherwise reported as another one that is missing."""
        before = takewhile(lambda word: word != "--", arguments)
        given = [word.partition("=")[0] for word in before if word.startswith("--")]
        if GENERAL_OPTIONS.issuperset(given):
            return
        known = re.findall(r"--[a-z-]+", self.format_usage())
        for option in given:
            if option not in GENERAL_OPTIONS and option not in known:
                self.error(f"no option {option}{did_you_mean(option, [*known, *GENERAL_OPTIONS])}")


class _Formatter(argparse.HelpFormatter):
    """Is asked for the width with each option that is added, and would load shutil with all its compressors for it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else 80
    except (OSError, ValueError):
        return 80


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would change and change nothing")


def values(text: str) -> list[str]:
    """`a;b` as in a cell of the roster files."""
    return [part.strip() for part in text.split(";") if part.strip()]


def whole_number(text: str) -> int:
    """An index or a count: 0 or more."""
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 up")
    return int(text)


def slot_number(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no slot number (1 to 9999)")
    return int(text)


def seconds(text: str) -> float:
    """0 to 3600, as the daemon allows."""
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or float(text) > 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no time in seconds from 0 to 3600")
    return float(text)


def reason(text: str) -> str:
    stripped = text.strip()
    if not 1 <= len(stripped) <= REASON_LENGTH_MAX or not stripped.isprintable():
        raise argparse.ArgumentTypeError(f"say why in 1 to {REASON_LENGTH_MAX} characters on one line")
    return stripped
