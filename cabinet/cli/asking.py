"""A question before what cannot be taken back."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from cabinet.cli.errors import CommandError, UsageError
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser


def add_yes(parser: Parser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


def ask(args: Namespace, question: str, command: str, not_done: str) -> None:
    """Returns if the answer is yes. Raises CommandError(INTERRUPTED) with `not_done`; UsageError where nobody can be
    asked: `command` says what it would do, such as "slot release opens a slot without a visit"."""
    if args.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{command}: add --yes where nobody can be asked")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError(Exit.INTERRUPTED, not_done)
