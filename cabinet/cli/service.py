"""Work of a technician at the cabinet."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from cabinet.cli.arguments import add_dry_run, reason, slot_number
from cabinet.cli.daemon import call
from cabinet.cli.errors import CommandError, UsageError
from cabinet.cli.output import Output, printable
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser

RELEASE_S = 30.0
"""A board may be slow, or in the middle of another bolt."""


def slot_release_arguments(parser: Parser) -> None:
    parser.epilog = "The release is journaled with its reason and your name before the bolt moves."
    parser.add_argument("slot", metavar="SLOT", type=slot_number)
    parser.add_argument("--reason", required=True, type=reason, metavar="TEXT", help="why; it is journaled")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_dry_run(parser)


def slot_release(args: Namespace, out: Output) -> int:
    if not args.dry_run:
        _confirm(args)
    params = {"slot": args.slot, "reason": args.reason, "dry_run": args.dry_run}
    result = call(args, "slot.release", params, RELEASE_S)
    if out.as_json:
        out.answer(result | {"dry_run": args.dry_run})
        return Exit.OK
    what = f"slot {result.get('slot')} ({result.get('item') or 'no item'})"
    out.line(f"dry run: {what} would be released" if args.dry_run else f"{what} released")
    return Exit.OK


def _confirm(args: Namespace) -> None:
    if args.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("slot release opens a slot without a visit: add --yes where nobody can be asked")
    question = f"Open slot {args.slot} now ({printable(args.reason)})? Anybody can take what it holds. [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError(Exit.INTERRUPTED, "not released")
