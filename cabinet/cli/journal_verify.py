"""The full check of the journal, beside a running daemon or alone."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cabinet.cli.errors import CommandError
from cabinet.cli.journal_file import (
    add_epoch,
    add_key,
    add_revocations,
    journal_folder,
    log_keys,
    own_keys,
    revocations,
    small_file,
)
from cabinet.cli.output import Output, Progress
from cabinet.cli.verdict_words import as_json, exit_code, lines, sentence
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser
    from cabinet.journal.verify_epochs import JournalVerdict
    from cabinet.state_check import StateVerdict


def journal_verify_arguments(parser: Parser) -> None:
    parser.epilog = "Exit 0 verified, 3 with a tail that is not sealed yet, 13 failed, rolled back or forked."
    parser.add_argument(
        "--trusted",
        type=Path,
        metavar="FILE",
        help="an earlier checkpoint: shows whether the journal was cut or swapped",
    )
    parser.add_argument(
        "--state", action="store_true", help="add the events up, and compare with what the cabinet resumes from"
    )
    add_epoch(parser, "all of them")
    add_key(parser)
    add_revocations(parser)


def journal_verify(args: Namespace, out: Output) -> int:
    from cabinet.journal.errors import NoteRefused
    from cabinet.journal.verify_epochs import newest_epoch, verify_epochs
    from hal.aside import Aside, cores

    trusted = None if args.trusted is None else small_file(args.trusted)
    with journal_folder(args) as folder, out.progress() as bar:
        try:
            newest_epoch(folder)
            known = own_keys(args) if args.key is None else log_keys(args.key)
            verdict = verify_epochs(
                folder,
                known,
                epoch=args.epoch,
                trusted=trusted,
                revoked=revocations(args),
                progress=_told(bar),
                aside=Aside if cores() > 1 else None,
            )
        except NoteRefused as error:
            raise CommandError(Exit.JOURNAL, f"not verified: {error}") from None
        state = _state(folder, verdict, bar) if args.state else None
    return _say(verdict, state, out)


def _told(bar: Progress | None) -> Callable[[int, int, int], None] | None:
    return None if bar is None else lambda epoch, done, size: bar(f"epoch {epoch}", done, size)


def _state(folder: Path, verdict: JournalVerdict, bar: Progress | None) -> StateVerdict | None:
    """Of the newest epoch that was checked, unless the leaves themselves are wrong."""
    from cabinet.journal.reader import JournalReader
    from cabinet.state_check import check_state

    newest = verdict.epochs[-1]
    if newest.verdict.result == "failed":
        return None
    with JournalReader(folder, newest.epoch) as reader:
        return check_state(reader, None if bar is None else lambda done, size: bar("state", done, size))


def _say(verdict: JournalVerdict, state: StateVerdict | None, out: Output) -> int:
    code = exit_code(verdict, state)
    if out.as_json:
        found = as_json(verdict, state)
        error = {"error": {"exit": int(code), "message": sentence(verdict, state)}} if code != Exit.OK else {}
        out.answer({**found, **error})
        return code
    told = lines(verdict, state)
    if code == Exit.JOURNAL:
        return out.error(code, sentence(verdict, state), told)
    for line in told:
        out.line(line)
    out.line(sentence(verdict, state))
    return code
