"""Complaints and incidents about items, customers and what stands in the journal."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from cabinet.cli.arguments import add_dry_run
from cabinet.cli.daemon import Result, Roster
from cabinet.cli.output import Output, local_time
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser

GONE = "(cannot be read any more)"


def incident_record_arguments(parser: Parser) -> None:
    parser.epilog = (
        "The text is sealed: under the person given, else the first person of the leaf, else the customer, else the "
        "house. Who is erased takes it along, so give --person when the text is about somebody."
    )
    parser.add_argument("--kind", choices=("complaint", "incident"), required=True)
    about = parser.add_mutually_exclusive_group(required=True)
    about.add_argument("--item", metavar="ID")
    about.add_argument("--customer", metavar="ID")
    about.add_argument("--leaf", type=int, metavar="N", help="an event of the journal")
    parser.add_argument("--person", metavar="ID", help="whom the text is about")
    parser.add_argument("--text", required=True, help="what happened, at most 500 characters")
    add_dry_run(parser)


def incident_record(args: Namespace, out: Output) -> int:
    params = {"kind": args.kind, "text": args.text, "dry_run": args.dry_run}
    params |= {
        key: value for key in ("item", "customer", "leaf", "person") if (value := getattr(args, key)) is not None
    }
    with Roster(args, out) as roster:
        return _done(out, roster.call("incident.record", params), args, "recorded as")


def incident_list_arguments(parser: Parser) -> None:
    parser.epilog = "Those that are open, and the last 200 that are closed; the journal has all."
    parser.add_argument("--item", metavar="ID")
    parser.add_argument("--customer", metavar="ID")
    parser.add_argument("--open", action="store_true", help="leave out what is closed")


def incident_list(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        found = incidents(roster, item=args.item, customer=args.customer, only_open=args.open)
    if out.as_json:
        out.answer({"incidents": found})
        return Exit.OK
    columns = ("n", "kind", "item", "customer", "person", "leaf", "since", "closed", "text")
    out.table(columns, [_row(one) for one in found])
    return Exit.OK


def incident_close_arguments(parser: Parser) -> None:
    parser.add_argument("n", type=int, metavar="N", help="number of the incident, as `incident list` shows it")
    parser.add_argument("--text", required=True, help="how it ended, at most 500 characters")
    add_dry_run(parser)


def incident_close(args: Namespace, out: Output) -> int:
    params = {"n": args.n, "text": args.text, "dry_run": args.dry_run}
    with Roster(args, out) as roster:
        return _done(out, roster.call("incident.close", params), args, f"{args.n} closed with")


def incidents(
    roster: Roster, *, item: str | None = None, customer: str | None = None, only_open: bool = False
) -> list[Result]:
    """As the daemon tells them, page by page."""
    return list(_pages(roster, {"item": item, "customer": customer, "open": only_open}))


def open_lines(found: Sequence[Result]) -> list[str]:
    """One line for each of these."""
    return [
        f"{one['item']}: {one['kind']} {one['n']} since {local_time(one['since'])}: {one['text'] or GONE}"
        for one in found
    ]


def _pages(roster: Roster, params: Result) -> Iterator[Result]:
    after: object = None
    while True:
        page = roster.call("incident.list", params | {"after": after})
        yield from cast("list[Result]", page["incidents"])
        after = page.get("next")
        if after is None:
            return


def _row(one: Result) -> list[object]:
    about = [one[key] for key in ("n", "kind", "item", "customer", "person", "leaf")]
    closing = f" | {one['closing'] or GONE}" if one["closed"] else ""
    return [*about, local_time(one["since"]), local_time(one["closed"]), f"{one['text'] or GONE}{closing}"]


def _done(out: Output, result: Result, args: Namespace, what: str) -> int:
    if out.as_json:
        out.answer(result | {"dry_run": args.dry_run})
    else:
        out.line("dry run: nothing was changed" if args.dry_run else f"incident {what} leaf {result['n']}")
    return Exit.OK
