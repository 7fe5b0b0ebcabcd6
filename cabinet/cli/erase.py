"""Forgetting a person or a customer for good."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, cast

from cabinet.cli.arguments import add_dry_run, reason
from cabinet.cli.daemon import Result, Roster
from cabinet.cli.errors import CommandError, UsageError
from cabinet.cli.output import Output, printable
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser

ERASE_S = 100.0
"""A large roster on a small board is written anew."""


def person_erase_arguments(parser: Parser) -> None:
    parser.epilog = (
        "There is no way back: their key is destroyed, and with it everything the journal has sealed for them; what "
        "is left is a label that fits nobody. What they still hold is named first. The reason stays in the journal in "
        "clear, so it may not name them."
    )
    _add_options(parser, "PERSON")


def person_erase(args: Namespace, out: Output) -> int:
    return _erase(args, out, "person")


def customer_erase_arguments(parser: Parser) -> None:
    parser.epilog = (
        "There is no way back: name and key are destroyed, and texts that were sealed for them cannot be read any "
        "more. Their items stay, and belong to nobody. The reason stays in the journal in clear."
    )
    _add_options(parser, "CUSTOMER")


def customer_erase(args: Namespace, out: Output) -> int:
    return _erase(args, out, "customer")


def _add_options(parser: Parser, who: str) -> None:
    parser.add_argument("id", metavar=who)
    parser.add_argument("--reason", required=True, type=reason, metavar="TEXT", help="why; it is journaled")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_dry_run(parser)


def _erase(args: Namespace, out: Output, kind: str) -> int:
    params: dict[str, object] = {kind: args.id, "reason": args.reason}
    if not (args.yes or args.dry_run or sys.stdin.isatty()):
        raise UsageError(f"{kind} erase cannot be undone: add --yes where nobody can be asked")
    with Roster(args, out) as roster:
        before = roster.call(f"{kind}.erase", params | {"dry_run": True})
        for line in _left(before):
            out.note(line)
        if args.dry_run:
            return _say(out, before | {"dry_run": True}, f"dry run: {kind} {args.id} would be erased")
        if not args.yes:
            _confirm(kind, args.id)
        done = roster.call(f"{kind}.erase", params | {"dry_run": False}, ERASE_S)
    label = str(done["pseudonym"])
    return _say(out, done | {"dry_run": False}, f"{kind} {args.id} is erased; the journal calls them {label}")


def _say(out: Output, result: Result, line: str) -> int:
    if out.as_json:
        out.answer(result)
    else:
        out.line(line)
    return Exit.OK


def _left(result: Result) -> list[str]:
    """What whoever erases should know."""
    holding = [_place(one) for one in cast("list[Result]", result["holding"])]
    lines = (
        [f"they still hold {', '.join(holding)}: whoever brings it back, the journal names nobody"] if holding else []
    )
    released = [_place(one) for one in cast("list[Result]", result["released"])]
    lines += [f"just released for them: {', '.join(released)}"] if released else []
    lines += [f"bookings that end with it: {result['bookings']}"] if result["bookings"] else []
    lines += [f"set aside by a restore, and not reached by this: {one}; delete it" for one in _names(result)]
    lines += [f"open incidents whose text ends with it: {result['incidents']}"] if result["incidents"] else []
    return lines


def _names(result: Result) -> list[str]:
    return [printable(one) for one in cast("list[str]", result["aside"])]


def _place(one: Result) -> str:
    return printable(f"{one['item'] or 'something'} (slot {one['slot']})")


def _confirm(kind: str, id_: str) -> None:
    question = f"Erase {kind} {printable(id_)} for good? This cannot be undone. [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError(Exit.INTERRUPTED, "nobody was erased")
