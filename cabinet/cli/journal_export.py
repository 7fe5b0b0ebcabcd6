"""What others check without this cabinet: an export of the whole journal, a receipt for one event."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from cabinet.cli.arguments import whole_number
from cabinet.cli.errors import CommandError, UsageError
from cabinet.cli.journal_file import (
    add_epoch,
    add_key,
    add_revocations,
    log_keys,
    open_reader,
    revocations,
    small_file,
    vkey_of,
)
from cabinet.cli.leaf_words import facts_of, what
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser
    from cabinet.journal.reader import JournalReader
    from cabinet.journal.receipt import Receipt


def journal_export_arguments(parser: Parser) -> None:
    parser.epilog = "The directory is made, or must be empty. Events that are not sealed yet are left out."
    parser.add_argument("directory", metavar="DIR", type=Path)
    parser.add_argument(
        "--prove", action="append", type=whole_number, default=[], metavar="N", help="a proof for event N; repeatable"
    )
    parser.add_argument(
        "--since", action="append", type=Path, default=[], metavar="FILE", help="a proof from an earlier checkpoint"
    )
    add_epoch(parser)
    add_key(parser)


def journal_export(args: Namespace, out: Output) -> int:
    from cabinet.journal.errors import NoteRefused
    from cabinet.journal.export import export

    since = [small_file(path) for path in args.since]
    with open_reader(args) as reader:
        try:
            sealed = export(reader, args.directory, [vkey_of(args, reader)], prove=args.prove, since=since)
        except NoteRefused as error:
            raise CommandError(Exit.JOURNAL, f"not exported: {error}") from None
        except (ValueError, FileExistsError, NotADirectoryError) as error:
            raise UsageError(f"not exported: {error}") from None
    if out.as_json:
        out.answer({"directory": str(args.directory), "origin": sealed.origin, "size": sealed.size})
    else:
        out.line(f"{sealed.size} events of {sealed.origin} are in {args.directory}")
    return Exit.OK


def journal_receipt_arguments(parser: Parser) -> None:
    parser.epilog = "Whoever holds it can prove this one event and sees no other: see journal verify-receipt."
    parser.add_argument("n", metavar="N", type=whole_number, help="index of the event, as journal list shows it")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there instead of printing it")
    add_epoch(parser)
    add_key(parser)


def journal_receipt(args: Namespace, out: Output) -> int:
    from cabinet.journal.errors import NoteRefused
    from cabinet.journal.leaf import glance
    from cabinet.journal.receipt import NoReceipt, receipt

    with open_reader(args) as reader:
        try:
            vkey = vkey_of(args, reader)
            data = receipt(reader, args.n, [vkey])
            found = _as_its_holder(reader, data, vkey)
        except NoReceipt as error:
            raise CommandError(Exit.NOT_FOUND, f"no receipt: {error}") from None
        except NoteRefused as error:
            raise CommandError(Exit.JOURNAL, f"no receipt: {error}") from None
    _write(args.out, data)
    if out.as_json:
        to = {"receipt": data.decode()} if args.out is None else {"file": str(args.out)}
        out.answer({"n": found.n, "origin": found.checkpoint.origin, "size": found.checkpoint.size, **to})
    elif args.out is None:
        out.verbatim(data)
    else:
        out.line(f"a receipt for event {found.n} ({what(glance(found.leaf))}) is in {args.out}")
    return Exit.OK


def _as_its_holder(reader: JournalReader, data: bytes, vkey: str) -> Receipt:
    """What is handed out is checked as its holder will check it."""
    from cabinet.journal.errors import ExportRefused
    from cabinet.journal.key_walk import walked
    from cabinet.journal.note import Verifier
    from cabinet.journal.receipt import verify_receipt

    try:
        return verify_receipt(data, [vkey])
    except ExportRefused:
        # By one of the keys that followed; to find them takes reading the index from end to end.
        keys = walked(Verifier.from_vkey(vkey), reader.rotations()).keys
        return verify_receipt(data, [key.vkey for key in keys])


def journal_verify_receipt_arguments(parser: Parser) -> None:
    parser.epilog = "Needs neither the cabinet nor its configuration. Exit 0 genuine, 13 not."
    parser.add_argument("file", metavar="FILE", type=Path, help="the receipt")
    parser.add_argument(
        "--key", type=Path, metavar="FILE", required=True, help="the verifier key that the cabinet's operator published"
    )
    add_revocations(parser)


def journal_verify_receipt(args: Namespace, out: Output) -> int:
    from cabinet.journal.errors import ExportRefused, NoteRefused
    from cabinet.journal.leaf import glance
    from cabinet.journal.receipt import verify_receipt

    data = small_file(args.file)
    try:
        revoked = revocations(args)
    except NoteRefused as error:
        raise CommandError(Exit.JOURNAL, f"not verified: {error}") from None
    try:
        found = verify_receipt(data, [key.vkey for key in log_keys(args.key)], revoked)
        leaf = glance(found.leaf)
    except ExportRefused as error:
        raise CommandError(Exit.JOURNAL, f"{args.file} proves nothing: {error.hint}") from None
    except NoteRefused as error:
        raise CommandError(Exit.JOURNAL, f"{args.key} is no file of verifier keys: {error}") from None
    signed = found.checkpoint
    if out.as_json:
        proven = {"n": found.n, "origin": signed.origin, "size": signed.size, "leaf": leaf}
        out.answer({"result": "genuine", **proven})
        return Exit.OK
    out.line(f"genuine: event {found.n} of the {signed.size} that {signed.origin} signed")
    out.facts(facts_of(leaf))
    return Exit.OK


def _write(file: Path | None, data: bytes) -> None:
    if file is None:
        return
    try:
        with file.open("xb") as opened:
            opened.write(data)
    except FileExistsError:
        raise UsageError(f"{file} is there already; name a new file") from None
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"there is no directory {file.parent}") from None
