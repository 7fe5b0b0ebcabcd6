"""People: who they are, not what they may do."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, cast

from cabinet.cli.arguments import add_dry_run, values
from cabinet.cli.daemon import Result, Roster, say_change
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser


def person_add_arguments(parser: Parser) -> None:
    parser.epilog = "What is not given stays as it is for a person who is known already."
    parser.add_argument("id", metavar="ID", help="personal id; up to 12 digits are also the number typed at the keypad")
    parser.add_argument("--name", required=True, help="as it is shown at the cabinet")
    parser.add_argument("--department", metavar="TEXT")
    parser.add_argument("--groups", type=values, metavar="A;B", help="groups that rights can name")
    parser.add_argument("--language", choices=("en", "zh"), help="what the cabinet shows them")
    parser.add_argument("--active-from", metavar="DAY", help="first day, such as 2026-03-31; empty: since ever")
    parser.add_argument("--active-until", metavar="DAY", help="last day; empty: without end")
    parser.add_argument("--roles", type=values, metavar="A;B", help="such as custodian")
    parser.add_argument(
        "--qualifications", type=values, metavar="A;B:DAY", help="learnt or signed, with the last day where it expires"
    )
    parser.add_argument("--host", metavar="ID", help="who answers for a visitor; goes with --roles visitor")
    add_dry_run(parser)


def person_add(args: Namespace, out: Output) -> int:
    person: dict[str, object] = {"id": args.id, "name": args.name}
    for key in ("department", "groups", "language", "roles", "qualifications"):
        if getattr(args, key) is not None:
            person[key] = getattr(args, key)
    for key in ("active_from", "active_until", "host"):
        if getattr(args, key) is not None:
            person[key] = getattr(args, key) or None
    with Roster(args, out) as roster:
        result = roster.change({"kind": "person.put", "person": person}, args.dry_run)
    say_change(out, result, args.dry_run)
    return Exit.OK


def person_list_arguments(parser: Parser) -> None:
    parser.add_argument("--visitors", action="store_true", help="only visitors, each with their host")
    parser.add_argument("--expired", action="store_true", help="only who left so long ago that they are to be erased")


def person_list(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        people = [one for one in roster.all("people") if not args.visitors or _is_visitor(one)]
        if args.expired:
            expired = cast("list[str]", roster.call("person.expired", {})["people"])
            people = [one for one in people if one["id"] in expired]
    if out.as_json:
        out.answer({"people": people})
        return Exit.OK
    of_all = ("id", "name", "department", "groups", "roles", "active_from", "active_until", "suspended", "cards", "pin")
    columns = ("id", "name", "host", "groups", "active_from", "active_until", "suspended") if args.visitors else of_all
    titles = [column.replace("_", " ") for column in columns]
    out.table(titles, [[person.get(column) for column in columns] for person in people])
    return Exit.OK


def _is_visitor(person: Result) -> bool:
    return "visitor" in cast("list[str]", person["roles"])
