"""New cards get the keys of this site, at a reader of the cabinet."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from cabinet.cli.arguments import add_dry_run, seconds
from cabinet.cli.asking import add_yes, ask
from cabinet.cli.credentials import ANSWER_S
from cabinet.cli.daemon import call
from cabinet.cli.errors import CommandError
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser

WRITES_S = 30.0
_STATES = {
    "new": "nothing of this site is on it",
    "unfinished": "its keys are as made",
}


def credential_personalise_arguments(parser: Parser) -> None:
    parser.epilog = (
        "Lay the card on the reader and leave it there. The application and its keys are written, the card proves them,"
        " and that is journaled. A card with keys of somebody else is left alone. Then: credential enrol --at READER."
    )
    parser.add_argument("reader", metavar="READER", help="a pn532-reader whose table says `strong`")
    parser.add_argument("--timeout", type=seconds, default=30.0, metavar="S", help="how long it waits (30 s)")
    add_yes(parser)
    add_dry_run(parser)


def credential_personalise(args: Namespace, out: Output) -> int:
    out.note(f"lay the card on {args.reader} within {args.timeout:g} s, and leave it there")
    found = call(args, "credential.look", {"reader": args.reader, "timeout_s": args.timeout}, args.timeout + ANSWER_S)
    card, state = found["card"], str(found["state"])
    if state == "foreign":
        raise CommandError(Exit.REFUSED, f"card {card} is left alone: {found['hint']}")
    if state in _STATES and not args.dry_run:
        question = f"Write the keys of this site onto card {card} ({_STATES[state]})? They stay on it."
        ask(args, question, "credential personalise writes keys onto a card", "nothing was written")
        call(args, "credential.personalise", {"reader": args.reader, "card": card}, WRITES_S)
    if out.as_json:
        out.answer({"card": card, "state": state, "dry_run": args.dry_run})
    elif state not in _STATES:
        out.line(f"card {card} holds the keys of this site already; nothing was written")
    elif args.dry_run:
        out.line(f"dry run: card {card} would get the keys of this site ({_STATES[state]})")
    else:
        out.line(f"card {card} has got its keys and has proved them")
    return Exit.OK
