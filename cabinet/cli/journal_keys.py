"""The key that signs the journal: followed by a new one, or replaced where it is lost or was revoked."""

from __future__ import annotations

import getpass
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cabinet.cli.arguments import add_dry_run, reason
from cabinet.cli.asking import add_yes, ask
from cabinet.cli.daemon import Roster
from cabinet.cli.errors import CommandError
from cabinet.cli.journal_file import configuration, fleet_key, small_file
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser
    from cabinet.replacing import Replaced


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


def journal_replace_key_arguments(parser: Parser) -> None:
    parser.epilog = (
        "Only for a key that cannot be had back. Nothing vouches for the new one: whoever verifies has to be told of "
        "it, and upstream waits for an operator to accept it. cabinetd has to be stopped."
    )
    parser.add_argument("--reason", required=True, type=reason, metavar="TEXT", help="why; it is journaled")
    add_yes(parser)


def journal_replace_key(args: Namespace, out: Output) -> int:
    from cabinet.replacing import replace_lost
    from hal.system_clock import SystemClock

    config = configuration(args)
    question = f"Go on in a new file, signed by a new key that nothing vouches for ({args.reason})?"
    ask(args, question, "journal replace-key makes a key that nothing vouches for", "nothing was changed")
    with _explained():
        done = replace_lost(config, SystemClock().now(), operator=getpass.getuser(), why=args.reason)
    return _say(done, out)


def journal_revoke_key_arguments(parser: Parser) -> None:
    parser.epilog = (
        "The journal goes on in a new file behind the last event that the revocation knows, signed by a new key; "
        "upstream waits for an operator to accept it. cabinetd has to be stopped."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="what `cabinet-collector revocation` printed")
    parser.add_argument(
        "--fleet-key", type=Path, metavar="FILE", help="the fleet's verifier key, if not that of the configuration"
    )
    add_yes(parser)


def journal_revoke_key(args: Namespace, out: Output) -> int:
    from cabinet.replacing import replace_revoked
    from hal.system_clock import SystemClock

    config, fleet = configuration(args), fleet_key(args)
    data = small_file(args.file)
    ask(
        args,
        "Give up the signing key, and go on in a new file?",
        "journal revoke-key gives up a key",
        "nothing was changed",
    )
    with _explained():
        done = replace_revoked(config, data, fleet, SystemClock().now(), operator=getpass.getuser())
    return _say(done, out)


def _say(done: Replaced, out: Output) -> int:
    if out.as_json:
        out.answer({"epoch": done.epoch, "old_origin": done.old.origin, "old_size": done.old.size, "vkey": done.vkey})
    else:
        out.line(f"epoch {done.epoch} goes on behind {done.old.size} events of {done.old.origin}; it is signed by")
        out.line(done.vkey)
        out.line("Tell this key to whoever verifies, start cabinetd, and accept key and epoch upstream.")
    return Exit.OK


@contextmanager
def _explained() -> Iterator[None]:
    from cabinet.journal.errors import JournalBusy, JournalDamaged, JournalError, JournalMissing, NoteRefused
    from cabinet.replacing import NothingToReplace
    from cabinet.vault.key_source import KeyFileError

    exits = {
        JournalMissing: Exit.NOT_FOUND,
        JournalBusy: Exit.BUSY,
        JournalDamaged: Exit.JOURNAL,
        NothingToReplace: Exit.REFUSED,
    }
    try:
        yield
    except JournalError as error:
        raise CommandError(exits.get(type(error), Exit.FAILURE), error.hint) from None
    except NoteRefused as error:
        raise CommandError(Exit.REFUSED, f"nothing was changed: {error}") from None
    except (KeyFileError, OSError) as error:
        raise CommandError(Exit.FAILURE, f"nothing was changed: {error}") from None
