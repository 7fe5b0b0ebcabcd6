"""The full check of the journal, beside a running daemon or alone."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from cabinet.cli.errors import CommandError
from cabinet.cli.journal_file import add_epoch, add_key, open_reader, small_file, vkey_of
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser
    from cabinet.journal.verify import Verdict


def journal_verify_arguments(parser: Parser) -> None:
    parser.epilog = "Exit 0 verified, 3 with a tail that is not sealed yet, 13 failed, rolled back or forked."
    parser.add_argument(
        "--trusted",
        type=Path,
        metavar="FILE",
        help="an earlier checkpoint: shows whether the journal was cut or swapped",
    )
    add_epoch(parser)
    add_key(parser)


def journal_verify(args: Namespace, out: Output) -> int:
    from cabinet.journal.errors import NoteRefused
    from cabinet.journal.verify import verify

    trusted = None if args.trusted is None else small_file(args.trusted)
    with open_reader(args) as reader:
        try:
            verdict = verify(reader, vkey_of(args, reader), trusted=trusted)
        except NoteRefused as error:
            raise CommandError(Exit.JOURNAL, f"not verified: {error}") from None
    return _say_verdict(verdict, out)


def _say_verdict(verdict: Verdict, out: Output) -> int:
    code, sentence = _meaning(verdict)
    if out.as_json:
        fields = ("result", "size", "sealed", "failed_at", "rule", "pruned")
        found: dict[str, object] = {name: getattr(verdict, name) for name in fields}
        out.answer(found if code == Exit.OK else found | {"error": {"exit": int(code), "message": sentence}})
        return code
    if code == Exit.JOURNAL:
        return out.error(code, sentence)
    out.line(sentence + (f"; {verdict.pruned} are pruned to their hash" if verdict.pruned else ""))
    return code


def _meaning(verdict: Verdict) -> tuple[Exit, str]:
    if verdict.result == "verified":
        return Exit.OK, f"verified: {verdict.size} events"
    if verdict.result == "unsealed-tail":
        tail = verdict.size - verdict.sealed
        return Exit.DEGRADED, f"verified: {verdict.sealed} events, and {tail} more that are not sealed yet"
    if verdict.result == "failed":
        return Exit.JOURNAL, f"failed at index {verdict.failed_at} ({verdict.rule}): keep the files as they are"
    what = "is shorter than" if verdict.result == "rolled-back" else "does not continue"
    return Exit.JOURNAL, f"{verdict.result}: the journal {what} the trusted checkpoint; keep the files as they are"
