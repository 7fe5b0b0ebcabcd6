"""right explain: yes or no, and the rules that lead there."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from cabinet.cli.daemon import Result, Roster
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit
from cabinet.policy.words import RULES

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser


def right_explain_arguments(parser: Parser) -> None:
    parser.epilog = "Answers as the cabinet would, if the person shows all they have. The exit code is 0 for both."
    parser.add_argument("person", metavar="PERSON", help="id of the person")
    parser.add_argument("item", metavar="ITEM", help="id of the item")
    parser.add_argument("--for", default="take", choices=("take", "return"), help="what is to be done; without it take")
    parser.add_argument("--at", metavar="TIME", help="local time such as 2026-03-31T08:00; without it now")


def right_explain(args: Namespace, out: Output) -> int:
    params = {"person": args.person, "item": args.item} | ({"at": args.at} if args.at else {})
    params["for"] = getattr(args, "for")
    with Roster(args, out) as roster:
        told = roster.call("roster.explain", params)
    if out.as_json:
        out.answer(told)
        return Exit.OK
    for line in _lines(told):
        out.line(line)
    return Exit.OK


def _lines(told: Result) -> Iterator[str]:
    who, what = f"{told['person']} may", f"{told['for']} {told['item']} at {told['at']}"
    if told["allowed"]:
        yield f"yes: {who} {what}, " + (f"by right {told['right']}" if told["right"] else "as anybody: it has no rule")
    else:
        missing = f" ({told['missing']})" if told["missing"] else ""
        missing += f" ({told['window']})" if told["rule"] == "booked" else ""
        yield f"no: {who} not {what}: {RULES.get(str(told['rule']), told['rule'])}{missing}"
    if told["holder"]:
        yield f"  out with: {told['holder']}"
    if told["expired"]:
        yield "  it has expired, which the display says; that keeps nobody from it"
    for one in cast("list[Result]", told["asks"]):
        yield f"  asked before: {one['ask']}{'' if one['required'] else ' (may be skipped)'}"
    if told["bookings"]:
        yield f"  booked: {_joined(told['bookings'])}"
    for step in cast("list[Result]", told["rights"]):
        yield f"  right {step['right']}: {RULES.get(str(step['verdict']), step['verdict'])}"
        yield f"    open: {step['schedule'] or 'at any time'}"
        yield f"    identify: {_either(step)}"
        if step["approvals"]:
            yield f"    approval: {step['approvals']} of {_joined(step['approvers']) or 'nobody who may'}"
        yield f"    due back: {step['due'] or 'never'}"
    if told["help"]:
        helpers = _joined(told["helpers"])
        yield f"  who can help: {told['help']}{f' ({helpers})' if helpers else ''}"


def _either(step: Result) -> str:
    lacking = cast("list[str]", step["lacking"])
    return " or ".join(f"{one} (not enrolled)" if one in lacking else one for one in cast("list[str]", step["factors"]))


def _joined(names: object) -> str:
    return ", ".join(map(str, cast("list[str]", names)))
