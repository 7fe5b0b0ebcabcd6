"""Cards, PINs and fingers. A PIN never stands in an argument list, where every process of the machine could read it."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from cabinet.cli.arguments import add_dry_run, seconds, whole_number
from cabinet.cli.daemon import Roster, call, say_change
from cabinet.cli.errors import CommandError, UsageError
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cabinet.cli.arguments import Parser

ANSWER_S = 5.0
PIN_LINE_MAX = 64
FINGER_S = 190.0
"""The cabinet asks, and the person takes their time."""


def credential_enrol_arguments(parser: Parser) -> None:
    parser.epilog = "The PIN is asked for twice on a terminal, or read as one line from standard input elsewhere."
    parser.add_argument("person", metavar="PERSON", help="id of somebody in the roster")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--card", metavar="NUMBER", help="ten digits as printed on the card, or hex")
    how.add_argument("--at", metavar="READER", help="the next card presented at this reader")
    how.add_argument("--pin", action="store_true", help="set the PIN, which replaces the old one")
    how.add_argument("--code", action="store_true", help="show a one-time code: they enrol themselves at the cabinet")
    how.add_argument("--finger", action="store_true", help="the person is asked at the cabinet, and puts it on there")
    parser.add_argument("--reader", metavar="READER", help="with --finger: at which, where there are several")
    parser.add_argument("--temporary", action="store_true", help="with --pin: to be changed at its first use")
    parser.add_argument("--timeout", type=seconds, default=30.0, metavar="S", help="how long --at waits (30 s)")
    add_dry_run(parser)


def credential_enrol(args: Namespace, out: Output) -> int:
    if args.temporary and not args.pin:
        raise UsageError("--temporary is about a PIN: give --pin with it")
    if args.reader is not None and not args.finger:
        raise UsageError("--reader is about a finger: give --finger with it")
    if args.code:
        return _offer(args, out)
    if args.finger:
        return _finger(args, out)
    pin = read_pin(args.person) if args.pin else None
    with Roster(args, out) as roster:
        change: dict[str, object]
        if pin is not None:
            change = {"kind": "pin.set", "person": args.person, "pin": pin}
            change |= {"temporary": True} if args.temporary else {}
        else:
            shown = {"card": args.card} if args.at is None else _scan(args, roster, out)
            change = {"kind": "card.enrol", "person": args.person, **shown}
        result = roster.change(change, args.dry_run)
    say_change(out, result, args.dry_run)
    return Exit.OK


def _offer(args: Namespace, out: Output) -> int:
    offered = call(args, "credential.offer", {"person": args.person, "dry_run": args.dry_run})
    if out.as_json:
        out.answer(offered | {"dry_run": args.dry_run})
    elif args.dry_run:
        out.line(f"dry run: {args.person} could be given a code")
    else:
        out.line(f"code for {args.person}, shown this once, good for {offered['hours']} h: {offered['code']}")
    return Exit.OK


def _finger(args: Namespace, out: Output) -> int:
    if not args.dry_run:
        out.note(f"{args.person} is asked on the display of the cabinet; go there with them")
    params = {"person": args.person, "dry_run": args.dry_run} | ({"reader": args.reader} if args.reader else {})
    answer = call(args, "finger.enrol", params, FINGER_S)
    if out.as_json:
        out.answer(answer | {"dry_run": args.dry_run})
    elif args.dry_run:
        out.line(f"dry run: {args.person} could enrol a finger now")
    else:
        out.line(f"a finger of {args.person} is known from now on")
    return Exit.OK


def read_pin(person: str) -> str:
    """Raises UsageError when nothing usable was typed; what was typed is never repeated."""
    if sys.stdin.isatty():
        from getpass import getpass

        pin = getpass(f"PIN for {person}: ")
        if getpass("once more: ") != pin:
            raise UsageError("the two entries differ: nothing was changed")
    else:
        pin = sys.stdin.readline(PIN_LINE_MAX).rstrip("\r\n")
    if not (pin.isascii() and pin.isdigit()):
        raise UsageError("a PIN is digits only, on one line: nothing was changed")
    return pin


def _scan(args: Namespace, roster: Roster, out: Output) -> Mapping[str, object]:
    """Its number, and as how strong it has shown itself."""
    if not roster.online:
        message = "a card can be read only while cabinetd runs: start it, or give --card NUMBER"
        raise CommandError(Exit.DAEMON_DOWN, message)
    out.note(f"present the card at {args.at} within {args.timeout:g} s")
    params = {"reader": args.at, "timeout_s": args.timeout}
    shown = roster.call("credential.scan", params, args.timeout + ANSWER_S)
    if shown["strength"] == "weak":
        out.note("it shows its number alone, which can be copied: enrolled as weak")
    return shown


def credential_revoke_arguments(parser: Parser) -> None:
    parser.epilog = "What was a finger is deleted in its module too: at once, or when the reader answers again."
    parser.add_argument("person", metavar="PERSON", help="id of somebody in the roster")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--card", metavar="NUMBER", help="ten digits as printed on the card, or hex")
    how.add_argument("--fingers", action="store_true", help="all of theirs")
    how.add_argument("--finger", metavar="N", type=whole_number, help="this one, by its number in `credential list`")
    add_dry_run(parser)


def credential_revoke(args: Namespace, out: Output) -> int:
    change: dict[str, object] = {"kind": "finger.revoke", "person": args.person}
    if args.card is not None:
        change = {"kind": "card.revoke", "person": args.person, "card": args.card}
    elif args.finger is not None:
        change["template"] = args.finger
    with Roster(args, out) as roster:
        result = roster.change(change, args.dry_run)
    say_change(out, result, args.dry_run)
    return Exit.OK


def credential_list_arguments(parser: Parser) -> None:
    parser.add_argument("person", metavar="PERSON", nargs="?", help="only this one's")


def credential_list(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        found = [one for one in roster.all("credentials") if args.person in (None, one.get("person"))]
    if out.as_json:
        out.answer({"credentials": found})
        return Exit.OK
    columns = ("person", "kind", "card", "strength", "finger")
    out.table(columns, [[credential.get(column) for column in columns] for credential in found])
    return Exit.OK
