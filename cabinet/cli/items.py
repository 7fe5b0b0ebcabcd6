"""Items: what the slots hold."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from cabinet.cli.arguments import add_dry_run, slot_number, values
from cabinet.cli.daemon import Result, Roster, say_change
from cabinet.cli.errors import CommandError
from cabinet.cli.incidents import incidents, open_lines
from cabinet.cli.output import Output, local_time
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser


def item_add_arguments(parser: Parser) -> None:
    parser.epilog = "What is not given stays as it is for an item that is known already."
    parser.add_argument("id", metavar="ID", help="such as K-0007")
    parser.add_argument("--kind", help="key, bunch, vehicle-key, document, document-pouch, certificate or card (key)")
    parser.add_argument("--slot", type=slot_number, metavar="N", help="where it hangs")
    parser.add_argument("--fob", metavar="NUMBER", help="number of the fob fixed to it")
    parser.add_argument(
        "--return", choices=("fixed", "any"), help="into its own slot (fixed), or any that tells fobs apart"
    )
    parser.add_argument("--groups", type=values, metavar="A;B", help="groups that rights can name")
    parser.add_argument("--name", help="as it is shown at the cabinet")
    parser.add_argument("--keys", type=int, metavar="N", help="how many keys a bunch has")
    parser.add_argument("--seal", metavar="NUMBER", help="number of the seal; empty: none")
    parser.add_argument("--expires", metavar="DAY", help="last day on which a document holds; empty: without end")
    add_dry_run(parser)


def item_add(args: Namespace, out: Output) -> int:
    keys = ("id", "kind", "slot", "fob", "return", "groups", "name", "keys", "seal")
    item = {key: getattr(args, key) for key in keys if getattr(args, key) is not None}
    if args.expires is not None:
        item["expires"] = args.expires or None
    with Roster(args, out) as roster:
        result = roster.change({"kind": "item.put", "item": item}, args.dry_run)
    say_change(out, result, args.dry_run)
    return Exit.OK


def item_replace_fob_arguments(parser: Parser) -> None:
    parser.epilog = "Everything else stays: its rights, its history, who has it. The old fob is foreign from then on."
    parser.add_argument("id", metavar="ID", help="such as K-0007")
    parser.add_argument("fob", metavar="FOB", help="number of the new fob")
    add_dry_run(parser)


def item_replace_fob(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        result = roster.change({"kind": "fob.replace", "item": args.id, "fob": args.fob}, args.dry_run)
    say_change(out, result, args.dry_run)
    return Exit.OK


def item_retire_arguments(parser: Parser) -> None:
    parser.epilog = "It loses slot and fob, and nobody may take it; what was journaled of it stays."
    parser.add_argument("id", metavar="ID")
    add_dry_run(parser)


def item_retire(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        result = roster.change({"kind": "item.retire", "item": args.id}, args.dry_run)
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
    columns = ("id", "kind", "name", "slot", "fob", "return", "customer", "groups", "tags", "expires", "retired")
    out.table(columns, [[item.get(column) for column in columns] for item in items])
    return Exit.OK


def item_find_arguments(parser: Parser) -> None:
    parser.epilog = (
        "Every word has to stand in the id, name, kind, a tag, a group, or the id or name of the customer. "
        "Exit 10: nothing is found."
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="capital letters do not matter")
    parser.add_argument("--customer", metavar="ID|NAME", help="only what belongs to this customer")
    parser.add_argument("--tag", metavar="TAG", help="only what has this tag")
    parser.add_argument("--kind", metavar="KIND", help="only items of this kind")


def item_find(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        customers = {str(one["id"]): str(one["name"]) for one in roster.all("customers")}
        found = [item for item in roster.all("items") if _matches(item, args, customers)]
        told = roster.call("roster.outs", {})
        troubles = incidents(roster, only_open=True) if found else []
    outs = {one["item"]: one for one in cast("list[Result]", told["outs"])}
    elsewhere = {one["item"]: one for one in cast("list[Result]", told["elsewhere"])}
    if not found:
        raise CommandError(Exit.NOT_FOUND, f"there is no item with {_asked(args)}; see `cabinetctl item list`")
    if out.as_json:
        places: list[Result] = [
            {
                "out": outs.get(item["id"]),
                "elsewhere": elsewhere.get(item["id"]),
                "incidents": [one for one in troubles if one["item"] == item["id"]],
            }
            for item in found
        ]
        out.answer({"items": [item | place for item, place in zip(found, places, strict=True)]})
        return Exit.OK
    columns = ("id", "kind", "name", "customer", "slot", "with", "since", "due")
    rows = [(item, _place(item, elsewhere.get(item["id"])), outs.get(item["id"])) for item in found]
    out.table(columns, [_where(item, customers, place, gone) for item, place, gone in rows])
    names = {item["id"] for item in found}
    for line in open_lines([one for one in troubles if one["item"] in names]):
        out.line(line)
    return Exit.OK


def customer_list_arguments(parser: Parser) -> None:
    parser.epilog = "Every word has to stand in the id or name. Exit 10: nothing is found."
    parser.add_argument("words", nargs="*", metavar="WORD", help="capital letters do not matter")


def customer_list(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        customers = [one for one in roster.all("customers") if _has(f"{one['id']} {one['name']}", args.words)]
    if args.words and not customers:
        raise CommandError(Exit.NOT_FOUND, f"no customer has all of: {' '.join(args.words)}")
    if out.as_json:
        out.answer({"customers": customers})
        return Exit.OK
    columns = ("id", "name", "items")
    out.table(columns, [[one.get(column) for column in columns] for one in customers])
    return Exit.OK


def _matches(item: Result, args: Namespace, customers: Mapping[str, str]) -> bool:
    tags, groups = cast("list[str]", item.get("tags") or []), cast("list[str]", item.get("groups") or [])
    customer = str(item.get("customer") or "")
    names = (customer, customers.get(customer, ""))
    text = " ".join((*(str(item.get(key) or "") for key in ("id", "name", "kind")), *names, *tags, *groups))
    return (
        _has(text, args.words)
        and _is(args.customer, *names)
        and _is(args.tag, *tags)
        and _is(args.kind, str(item.get("kind")))
    )


def _has(text: str, words: Sequence[str]) -> bool:
    return all(word.casefold() in text.casefold() for word in words)


def _is(wanted: str | None, *values: str) -> bool:
    return wanted is None or wanted.casefold() in (value.casefold() for value in values)


def _asked(args: Namespace) -> str:
    options = [f"{key} {getattr(args, key)}" for key in ("customer", "tag", "kind") if getattr(args, key) is not None]
    return ", ".join([*args.words, *options]) or "anything"


def _place(item: Result, elsewhere: Result | None) -> object:
    """Its slot; of what hangs in another, that."""
    slot = "retired" if item.get("retired") else item.get("slot")
    if elsewhere is None:
        return slot
    return f"{elsewhere['slot']} (not {slot})" if elsewhere["fob"] == "misplaced" else elsewhere["slot"]


def _where(item: Result, customers: Mapping[str, str], place: object, out: Result | None) -> list[object]:
    customer = str(item.get("customer") or "")
    about = [item.get("id"), item.get("kind"), item.get("name"), customers.get(customer) or customer, place]
    if out is None:
        return [*about, None, None, None]
    late = " overdue" if out["overdue"] else ""
    due = local_time(out["due"])
    return [*about, out["holder"] or "nobody knows", local_time(out["since"]), f"{due}{late}" if due else None]
