"""Items: what the slots hold."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from cabinet.cli.arguments import add_dry_run, slot_number, values
from cabinet.cli.daemon import Roster, say_change
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser


def item_add_arguments(parser: Parser) -> None:
    parser.epilog = "What is not given stays as it is for an item that is known already."
    parser.add_argument("id", metavar="ID", help="such as K-0007")
    parser.add_argument("--kind", help="key, bunch, vehicle key, document pouch, ... (key)")
    parser.add_argument("--slot", type=slot_number, metavar="N", help="where it hangs")
    parser.add_argument("--fob", metavar="NUMBER", help="number of the fob fixed to it")
    parser.add_argument("--groups", type=values, metavar="A;B", help="groups that rights can name")
    parser.add_argument("--name", help="as it is shown at the cabinet")
    add_dry_run(parser)


def item_add(args: Namespace, out: Output) -> int:
    keys = ("id", "kind", "slot", "fob", "groups", "name")
    item = {key: getattr(args, key) for key in keys if getattr(args, key) is not None}
    with Roster(args, out) as roster:
        result = roster.change({"kind": "item.put", "item": item}, args.dry_run)
    say_change(out, result, args.dry_run)
    return Exit.OK


def item_list_arguments(parser: Parser) -> None:
    pass


def item_list(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        items = list(roster.all("items"))
    if out.as_json:
        out.answer({"items": items})
        return Exit.OK
    columns = ("id", "kind", "name", "slot", "fob", "customer", "groups", "tags", "expires")
    out.table(columns, [[item.get(column) for column in columns] for item in items])
    return Exit.OK
