"""journal prune: what outlived its period goes now, and not only at night."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, cast

from cabinet.cli.arguments import add_dry_run, reason
from cabinet.cli.daemon import Result, connect
from cabinet.cli.errors import CommandError
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser

CALL_S = 60.0
_WHY = {
    "clock-not-trusted": "the clock is not trusted: nobody knows what has expired",
    "journal-not-good": "the journal cannot be written; see `cabinetctl status`",
    "busy": "too much is being journaled just now; try again",
}


def journal_prune_arguments(parser: Parser) -> None:
    parser.epilog = (
        "Of an event that is pruned only the hash is left. The periods are in [retention] of the configuration; the "
        "cabinet prunes by itself once a day. What upstream does not hold stays, and what something open refers to."
    )
    parser.add_argument("--reason", type=reason, metavar="TEXT", help="why now; it is journaled")
    add_dry_run(parser)


def journal_prune(args: Namespace, out: Output) -> int:
    params = {"dry_run": args.dry_run, "reason": args.reason}
    with connect(args) as client:
        found = cast("Result", client.call("journal.prune", params, CALL_S))
        while found["more"]:
            found = cast("Result", client.call("journal.prune", params | {"again": True}, CALL_S))
    if found["why"] is not None:
        raise CommandError(Exit.REFUSED, f"{found['pruned']} events pruned, then no more: {_WHY[str(found['why'])]}")
    if out.as_json:
        out.answer({key: found[key] for key in ("pruned", "referred", "unsent", "rules")} | {"dry_run": args.dry_run})
        return Exit.OK
    rules = cast("dict[str, int]", found["rules"])
    by_rule = "".join(f"\n  {count:>7}  {rule} days" for rule, count in rules.items())
    begin = f"dry run: {found['pruned']} events would be" if args.dry_run else f"{found['pruned']} events"
    out.line(f"{begin} pruned to their hash{by_rule}")
    if found["referred"]:
        out.line(f"{found['referred']} stay for now: something open refers to them")
    if found["unsent"]:
        out.line(f"{found['unsent']} stay: upstream does not hold them")
    return Exit.OK
