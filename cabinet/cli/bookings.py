"""Bookings: an item kept for somebody at some time."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, cast

from cabinet.cli.arguments import add_dry_run, reason, whole_number
from cabinet.cli.daemon import Result, call
from cabinet.cli.errors import UsageError
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser


def booking_make_arguments(parser: Parser) -> None:
    parser.epilog = "While it lasts nobody else gets the item, and who has it before has to bring it back in time."
    parser.add_argument("person", metavar="PERSON", help="id of the person, who needs a right to the item at that time")
    parser.add_argument("item", metavar="ITEM", help="id of the item")
    parser.add_argument("--from", required=True, dest="starts", metavar="T", help="local time: 2026-03-31T08:00")
    parser.add_argument("--until", required=True, metavar="T", help="local time; then it is due")
    parser.add_argument("--reason", type=reason, metavar="TEXT", help="what for; it is journaled")
    parser.add_argument("--override", action="store_true", help="cancel bookings that are in the way; needs --reason")
    parser.add_argument("--code", action="store_true", help="show a one-time code for the keypad")
    add_dry_run(parser)


def booking_make(args: Namespace, out: Output) -> int:
    if args.override and args.reason is None:
        raise UsageError("--override cancels what others have booked: say why with --reason TEXT")
    params = {"person": args.person, "item": args.item, "from": args.starts, "until": args.until}
    params |= {"reason": args.reason, "override": args.override, "code": args.code, "dry_run": args.dry_run}
    made = call(args, "booking.make", params)
    if out.as_json:
        out.answer(made | {"dry_run": args.dry_run})
        return Exit.OK
    what = f"{made['item']} for {made['person']} from {_time(made['from'])} until {_time(made['until'])}"
    out.line(f"dry run: {what} could be booked" if args.dry_run else f"booking {made['booking']}: {what}")
    if made.get("code"):
        out.line(f"code, shown this once: {made['code']}")
    return Exit.OK


def booking_list_arguments(parser: Parser) -> None:
    parser.add_argument("--item", metavar="ITEM", help="only of this item")
    parser.add_argument("--who", metavar="PERSON", help="only of this person")


def booking_list(args: Namespace, out: Output) -> int:
    wanted = {key: value for key, value in (("item", args.item), ("person", args.who)) if value is not None}
    found = [
        one
        for one in cast("list[Result]", call(args, "booking.list")["bookings"])
        if all(one[key] == value for key, value in wanted.items())
    ]
    if out.as_json:
        out.answer({"bookings": found})
        return Exit.OK
    columns = ("booking", "item", "person", "from", "until", "code")
    rows = [[one["booking"], one["item"], one["person"], *_times(one), one["code"]] for one in found]
    out.table(columns, rows)
    return Exit.OK


def booking_cancel_arguments(parser: Parser) -> None:
    parser.add_argument("booking", metavar="N", type=whole_number, help="its number, as booking list has it")
    parser.add_argument("--reason", required=True, type=reason, metavar="TEXT", help="why; it is journaled")
    add_dry_run(parser)


def booking_cancel(args: Namespace, out: Output) -> int:
    params = {"booking": args.booking, "reason": args.reason, "dry_run": args.dry_run}
    gone = call(args, "booking.cancel", params)
    if out.as_json:
        out.answer(gone | {"dry_run": args.dry_run})
        return Exit.OK
    starts, until = _times(gone)
    what = f"booking {gone['booking']}: {gone['item']} for {gone['person']} from {starts} until {until}"
    out.line(f"dry run: {what} would be cancelled" if args.dry_run else f"{what} cancelled")
    return Exit.OK


def _times(one: Result) -> tuple[str, str]:
    return _time(one["from"]), _time(one["until"])


def _time(iso: object) -> str:
    """In the cabinet's zone, as the daemon says it."""
    return str(iso)[:16].replace("T", " ")
