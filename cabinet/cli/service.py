"""Work of a technician at the cabinet."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from cabinet.cli.arguments import add_dry_run, reason, slot_number
from cabinet.cli.asking import add_yes, ask
from cabinet.cli.daemon import call
from cabinet.cli.output import Output, printable
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser

RELEASE_S = 30.0
"""A board may be slow, or in the middle of another bolt."""
_WHY = {
    "no-source": "neither a time service nor a battery clock vouches for it",
    "stepped": "it was set while no time service vouched for it",
    "behind": "it is earlier than the newest event of the journal",
}


def slot_release_arguments(parser: Parser) -> None:
    parser.epilog = "The release is journaled with its reason and your name before the bolt moves."
    parser.add_argument("slot", metavar="SLOT", type=slot_number)
    parser.add_argument("--reason", required=True, type=reason, metavar="TEXT", help="why; it is journaled")
    add_yes(parser)
    add_dry_run(parser)


def slot_release(args: Namespace, out: Output) -> int:
    if not args.dry_run:
        ask(
            args,
            f"Open slot {args.slot} now ({printable(args.reason)})? Anybody can take what it holds.",
            "slot release opens a slot without a visit",
            "not released",
        )
    params = {"slot": args.slot, "reason": args.reason, "dry_run": args.dry_run}
    result = call(args, "slot.release", params, RELEASE_S)
    if out.as_json:
        out.answer(result | {"dry_run": args.dry_run})
        return Exit.OK
    what = f"slot {result.get('slot')} ({result.get('item') or 'no item'})"
    out.line(f"dry run: {what} would be released" if args.dry_run else f"{what} released")
    return Exit.OK


def module_accept_arguments(parser: Parser) -> None:
    parser.epilog = (
        "Whoever had a finger in the module that was there before enrols again; theirs are revoked. What the new "
        "module holds of nobody is deleted."
    )
    parser.add_argument("reader", metavar="READER", help="a finger reader, as `devices` names it")
    add_yes(parser)
    add_dry_run(parser)


def module_accept(args: Namespace, out: Output) -> int:
    found = call(args, "module.accept", {"reader": args.reader, "dry_run": True})
    if not args.dry_run:
        ask(
            args,
            f"Take the module behind {args.reader} for good? {found['people']} people lose their fingers with the one "
            "before, and enrol again.",
            "module accept takes another module for good",
            "not accepted",
        )
        found = call(args, "module.accept", {"reader": args.reader}, RELEASE_S)
    if out.as_json:
        out.answer(found | {"dry_run": args.dry_run})
        return Exit.OK
    lead = "dry run: the" if args.dry_run else "the"
    out.line(f"{lead} module behind {args.reader} is the right one from now on; {found['people']} people enrol again")
    return Exit.OK


def clock_confirm_arguments(parser: Parser) -> None:
    parser.epilog = (
        "For a cabinet without a time service, after its clock was compared with a good one. Holds until the clock is "
        "set again or the board starts anew; what is timed may then be taken again. Exit 5: nothing is to be confirmed."
    )
    parser.add_argument("--reason", required=True, type=reason, metavar="TEXT", help="how you know; it is journaled")
    add_yes(parser)
    add_dry_run(parser)


def clock_confirm(args: Namespace, out: Output) -> int:
    shown = call(args, "clock.show")
    told = f"{str(shown.get('local'))[:19].replace('T', ' ')} ({shown.get('zone')})"
    if not args.dry_run and not shown.get("trusted"):
        why = _WHY.get(str(shown.get("why")), "nobody vouches for it")
        ask(
            args,
            f"The cabinet's clock says {told}; {why}. Is it right?",
            "clock confirm lets what is timed be taken by this clock",
            "not confirmed; set the clock (timedatectl set-time), then confirm it",
        )
    result = call(args, "clock.confirm", {"reason": args.reason, "dry_run": args.dry_run})
    if out.as_json:
        out.answer(shown | result | {"dry_run": args.dry_run})
        return Exit.OK
    out.line(f"dry run: {told} would be confirmed" if args.dry_run else f"{told} is confirmed")
    return Exit.OK
