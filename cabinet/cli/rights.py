"""Rights: who may take what."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cabinet.cli.arguments import add_dry_run
from cabinet.cli.daemon import Result, Roster, say_change
from cabinet.cli.errors import CommandError, UsageError
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser

GROUP = "group:"
EVERY = "*"
CUT = "..."
"""Stands behind names when the daemon left some of a long list out."""
_COLUMNS = ("id", "who", "what", "for", "factors", "schedule", "curfew", "approval", "at most")
_KEYS = (
    *("for", "factors", "schedule", "curfew", "authorisers", "authorised_by", "distinct_departments"),
    *("most_out", "most_out_together", "blocked_while_overdue", "any_of", "requires"),
)


def right_grant_arguments(parser: Parser) -> None:
    parser.epilog = "A right of the same id is replaced. Without --id it follows from --who and --what."
    parser.add_argument("--id", help="name of the right")
    parser.add_argument("--who", action="append", required=True, metavar="PERSON|group:G|*", help="repeatable")
    parser.add_argument("--what", action="append", default=[], metavar="ITEM|group:G|*", help="repeatable")
    parser.add_argument("--for", action="append", metavar="ACT", help="take (without it), return, door; repeatable")
    parser.add_argument(
        "--factors",
        action="append",
        metavar="A+B",
        help="card, card+pin, number+pin, code, code+pin, strong-card, strong-card+pin, ...; repeat for alternatives",
    )
    parser.add_argument("--schedule", metavar="ID", help="only at the times of this schedule")
    parser.add_argument(
        "--curfew",
        action="append",
        metavar="WHEN",
        help='due after "8h", at "18:00", "fri 18:00" or "2026-03-31 18:00", with the "schedule"; the earliest',
    )
    parser.add_argument("--requires", action="append", metavar="QUALIFICATION", help="the taker has it; repeatable")
    parser.add_argument("--authorisers", type=int, metavar="N", help="so many others have to approve at the cabinet")
    parser.add_argument(
        "--authorised-by", action="append", metavar="GROUP", help="whose members may approve; repeatable"
    )
    parser.add_argument(
        "--distinct-departments", action="store_true", default=None, help="approvers are of different departments"
    )
    parser.add_argument("--most-out", type=int, metavar="N", help="so many of them may one person have at a time")
    parser.add_argument("--most-out-together", type=int, metavar="N", help="and all people of the right together")
    parser.add_argument(
        "--blocked-while-overdue", action="store_true", default=None, help="nothing for who has something overdue"
    )
    parser.add_argument(
        "--any-of", action="store_true", default=None, help="they are equal: the cabinet gives the least used of them"
    )
    add_dry_run(parser)


def right_grant(args: Namespace, out: Output) -> int:
    if not args.what and getattr(args, "for") != ["door"]:
        raise UsageError("--what is needed: the items, group:G, or * for everything")
    right: dict[str, object] = {"id": args.id} if args.id else {}
    right |= _split(args.who, "persons", "groups") | _split(args.what, "items", "item_groups")
    for key in _KEYS:
        if getattr(args, key) is not None:
            right[key] = getattr(args, key)
    with Roster(args, out) as roster:
        result = roster.change({"kind": "right.put", "right": right}, args.dry_run)
    say_change(out, result, args.dry_run)
    return Exit.OK


def right_revoke_arguments(parser: Parser) -> None:
    parser.add_argument("id", metavar="ID", help="name of the right, as `right list` shows it")
    add_dry_run(parser)


def right_revoke(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        result = roster.change({"kind": "right.revoke", "right": args.id}, args.dry_run)
    say_change(out, result, args.dry_run)
    return Exit.OK


def right_list_arguments(parser: Parser) -> None:
    parser.add_argument("--who", metavar="PERSON", help="only rights that name this person, or a group of theirs")
    parser.add_argument("--item", metavar="ITEM", help="only rights that name this item, or a group of it")


def right_list(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        rights = list(roster.all("rights"))
        if args.who is not None:
            rights = [one for one in rights if _names(one, _one(roster, "people", args.who), "persons", "groups")]
        if args.item is not None:
            rights = [one for one in rights if _names(one, _one(roster, "items", args.item), "items", "item_groups")]
    if out.as_json:
        out.answer({"rights": rights})
    else:
        out.table(_COLUMNS, [_row(right) for right in rights])
    return Exit.OK


def _one(roster: Roster, what: str, name: str) -> Result:
    """Raises CommandError."""
    for found in roster.all(what):
        if found["id"] == name:
            return found
    kind = {"people": "person", "items": "item"}[what]
    raise CommandError(Exit.NOT_FOUND, f"there is no {kind} {name}; see `cabinetctl {kind} list`")


def _names(right: Result, one: Result, single: str, grouped: str) -> bool:
    """A list that the daemon has cut short may name anybody."""
    names, groups = set(_list(right, single)), set(_list(right, grouped))
    mine = {EVERY, *_list(one, "member_of")}
    return bool(right.get("cut")) or one["id"] in names or EVERY in names or not groups.isdisjoint(mine)


def _list(one: Result, key: str) -> list[str]:
    found = one.get(key)
    return [str(name) for name in found] if isinstance(found, list) else []


def _split(names: Sequence[str], single: str, grouped: str) -> dict[str, object]:
    found: dict[str, object] = {
        single: [name for name in names if not name.startswith(GROUP)],
        grouped: [name.removeprefix(GROUP) for name in names if name.startswith(GROUP)],
    }
    return {key: value for key, value in found.items() if value}


def _row(right: Result) -> list[object]:
    factors = right.get("factors")
    either = " or ".join(map(str, factors)) if isinstance(factors, list) else factors
    who, what = _joined(right, "persons", "groups"), _joined(right, "items", "item_groups")
    if right.get("cut"):
        who, what = [*who, CUT], [*what, CUT]
    until = (right.get("schedule"), right.get("curfew"))
    return [right.get("id"), who, what, _list(right, "for"), either, *until, _approval(right), _at_most(right)]


def _at_most(right: Result) -> str:
    each, together = right.get("most_out"), right.get("most_out_together")
    parts = [f"{each} each" if each else "", f"{together} together" if together else ""]
    parts.append("none while overdue" if right.get("blocked_while_overdue") else "")
    parts.append("the least used" if right.get("any_of") else "")
    return ", ".join(part for part in parts if part)


def _approval(right: Result) -> str:
    count, groups = right.get("authorisers"), right.get("authorised_by")
    if not count or not isinstance(groups, list):
        return ""
    apart = ", distinct departments" if right.get("distinct_departments") else ""
    return f"{count} of {' or '.join(map(str, groups))}{apart}"


def _joined(right: Result, single: str, grouped: str) -> list[str]:
    names, groups = right.get(single), right.get(grouped)
    found = [str(name) for name in names] if isinstance(names, list) else []
    return found + ([f"{GROUP}{name}" for name in groups] if isinstance(groups, list) else [])
