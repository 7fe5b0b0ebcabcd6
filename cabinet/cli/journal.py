"""The journal's files, read beside a running daemon or alone."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from cabinet.cli.arguments import slot_number, whole_number
from cabinet.cli.errors import CommandError, UsageError
from cabinet.cli.leaf_line import leaf_line
from cabinet.cli.output import Output
from cabinet.control.address import AddressError, state_dir
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser
    from cabinet.journal.reader import JournalReader
    from cabinet.journal.verify import Verdict

Event: TypeAlias = tuple[int, bytes | None]
PAGE = 1000
FILE_BYTES_MAX = 65536
"""Of a checkpoint or a key: both are a few lines."""


def journal_list_arguments(parser: Parser) -> None:
    parser.add_argument("--kind", help="such as item.removed")
    parser.add_argument("--slot", type=slot_number, metavar="N")
    parser.add_argument("--item", metavar="ID")
    parser.add_argument("--since", type=_instant_ms, metavar="TIME", help="2026-03-02 or 2026-03-02T08:00, local time")
    parser.add_argument("--limit", type=whole_number, metavar="N", help="only the newest N")


def journal_list(args: Namespace, out: Output) -> int:
    from cabinet.journal.leaf import glance

    with _reader(args) as reader:
        for n, data in _events(reader, args):
            leaf = None if data is None else glance(data)
            if out.as_json:
                out.answer({"n": n, "leaf": leaf})
            else:
                out.line(leaf_line(n, leaf))
    return Exit.OK


def journal_verify_arguments(parser: Parser) -> None:
    parser.epilog = "Exit 0 verified, 3 with a tail that is not sealed yet, 13 failed, rolled back or forked."
    parser.add_argument(
        "--trusted",
        type=Path,
        metavar="FILE",
        help="an earlier checkpoint: shows whether the journal was cut or swapped",
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="the verifier key, if not the one of this cabinet")


def journal_verify(args: Namespace, out: Output) -> int:
    from cabinet.journal.errors import NoteRefused
    from cabinet.journal.verify import verify

    trusted = None if args.trusted is None else _small_file(args.trusted)
    with _reader(args) as reader:
        try:
            verdict = verify(reader, _vkey(args, reader), trusted=trusted)
        except NoteRefused as error:
            raise CommandError(Exit.JOURNAL, f"not verified: {error}") from None
    return _say_verdict(verdict, out)


def journal_export_arguments(parser: Parser) -> None:
    parser.epilog = "The directory is made, or must be empty. Events that are not sealed yet are left out."
    parser.add_argument("directory", metavar="DIR", type=Path)
    parser.add_argument(
        "--prove", action="append", type=whole_number, default=[], metavar="N", help="a proof for event N; repeatable"
    )
    parser.add_argument(
        "--since", action="append", type=Path, default=[], metavar="FILE", help="a proof from an earlier checkpoint"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="the verifier key, if not the one of this cabinet")


def journal_export(args: Namespace, out: Output) -> int:
    from cabinet.journal.errors import NoteRefused
    from cabinet.journal.export import export

    since = [_small_file(path) for path in args.since]
    with _reader(args) as reader:
        try:
            sealed = export(reader, args.directory, [_vkey(args, reader)], prove=args.prove, since=since)
        except NoteRefused as error:
            raise CommandError(Exit.JOURNAL, f"not exported: {error}") from None
        except (ValueError, FileExistsError, NotADirectoryError) as error:
            raise UsageError(f"not exported: {error}") from None
    if out.as_json:
        out.answer({"directory": str(args.directory), "origin": sealed.origin, "size": sealed.size})
    else:
        out.line(f"{sealed.size} events of {sealed.origin} are in {args.directory}")
    return Exit.OK


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


@contextmanager
def _reader(args: Namespace) -> Iterator[JournalReader]:
    """The newest epoch. Turns what is wrong with the files into an exit code, while it is open, too."""
    from cabinet.journal.errors import JournalBusy, JournalDamaged, JournalError, JournalMissing
    from cabinet.journal.reader import JournalReader

    exits = {JournalMissing: Exit.NOT_FOUND, JournalBusy: Exit.BUSY, JournalDamaged: Exit.JOURNAL}
    try:
        with JournalReader(state_dir(args.config)) as reader:
            yield reader
    except AddressError as error:
        raise CommandError(Exit.CONFIGURATION, str(error)) from None
    except JournalError as error:
        raise CommandError(exits.get(type(error), Exit.FAILURE), error.hint) from None


def _events(reader: JournalReader, args: Namespace) -> Iterator[Event]:
    chosen = any(value is not None for value in (args.kind, args.slot, args.item, args.since))
    if chosen:
        found = _found(reader, args)
        return iter(deque(found, args.limit)) if args.limit is not None else found
    size = reader.size
    first = 0 if args.limit is None else max(0, size - args.limit)
    return ((stored.n, stored.data) for stored in reader.leaves(first, size))


def _found(reader: JournalReader, args: Namespace) -> Iterator[Event]:
    first = 0
    while page := reader.find(
        kind=args.kind, slot=args.slot, item=args.item, since_ts=args.since, first=first, limit=PAGE
    ):
        yield from page
        first = page[-1][0] + 1


def _vkey(args: Namespace, reader: JournalReader) -> str:
    """The key that the journal must be signed with: the one that was given, or this cabinet's own."""
    from cabinet.journal.note import ED25519, Signer, read_vkeys

    if args.key is not None:
        text = _small_file(args.key).decode("utf-8", "replace")
        for verifier in read_vkeys(text):
            if verifier.kind == ED25519:
                return verifier.vkey
        raise UsageError(f"{args.key} holds no key of a journal: one line name+id+key")
    origin, seed = _own_key(args, reader)
    return Signer(origin, seed).vkey


def _own_key(args: Namespace, reader: JournalReader) -> tuple[str, bytes]:
    import os

    from cabinet.config import load
    from cabinet.control.address import DEFAULT_CONFIG
    from cabinet.vault.key_source import KeyFileError
    from cabinet.vault.signing_key import open_or_create
    from hal.problems import ConfigError

    file = Path(args.config) if args.config is not None else DEFAULT_CONFIG
    try:
        config = load(file, os.environ)
        seed = open_or_create(config.state_dir, journal_exists=True)
    except ConfigError as error:
        raise CommandError(Exit.CONFIGURATION, f"{file} does not say whose journal it is", error.lines) from None
    except KeyFileError as error:
        raise CommandError(Exit.JOURNAL, f"not verified: {error}; or give --key FILE") from None
    return config.origin if reader.epoch == 1 else f"{config.origin}/e{reader.epoch}", seed


def _small_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _instant_ms(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-03-02 or 2026-03-02T08:00") from None
