"""The key that signs the journal: followed by a new one."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from cabinet.cli.arguments import add_dry_run, reason
from cabinet.cli.daemon import Roster
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser


def journal_rotate_key_arguments(parser: Parser) -> None:
    parser.epilog = (
        "Whoever verifies the journal with the old key goes on doing so: the journal itself names the new one, and "
        "both sign that. The old private key is destroyed."
    )
    parser.add_argument("--reason", required=True, type=reason, metavar="TEXT", help="why; it is journaled")
    add_dry_run(parser)


def journal_rotate_key(args: Namespace, out: Output) -> int:
    with Roster(args, out) as daemon:
        result = daemon.call("journal.rotate_key", {"reason": args.reason, "dry_run": args.dry_run})
    if out.as_json:
        out.answer(result | {"dry_run": args.dry_run})
    elif args.dry_run:
        out.line(f"dry run: a new key would follow {result['old']}")
    else:
        out.line(f"rotated with leaf {result['n']}; from now on the journal is signed by")
        out.line(str(result["vkey"]))
    return Exit.OK
