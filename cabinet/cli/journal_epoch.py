"""The next epoch of the journal, where the cabinet waits for somebody to open it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from cabinet.cli.arguments import reason
from cabinet.cli.daemon import call, offline_config
from cabinet.cli.errors import CommandError
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser


def journal_new_epoch_arguments(parser: Parser) -> None:
    parser.epilog = (
        "For a cabinet whose upstream holds another journal than its own, a second time within a day. The daemon "
        "starts anew; the first event of the new file says why, and who asked for it."
    )
    parser.add_argument("--reason", required=True, type=reason, metavar="TEXT", help="why; it is journaled")


def journal_new_epoch(args: Namespace, out: Output) -> int:
    try:
        call(args, "journal.new_epoch", {"reason": args.reason})
    except CommandError as error:
        config = offline_config(args)
        if error.exit_code != Exit.DAEMON_DOWN or config is None:
            raise
        out.note(f"cabinetd does not run: working on the files that {config} names")
        _offline(config, args.reason)
    if out.as_json:
        out.answer({})
    else:
        out.line("the journal goes on in a new file; look at: cabinetctl status")
    return Exit.OK


def _offline(config: str, why: str) -> None:
    from cabinet.offline import offline_new_epoch
    from hal.problems import ConfigError

    try:
        offline_new_epoch(Path(config), why)
    except ConfigError as error:
        raise CommandError(Exit.CONFIGURATION, f"{config} cannot be used", error.lines) from None
