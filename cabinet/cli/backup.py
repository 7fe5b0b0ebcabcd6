"""Backups: made on the cabinet, sealed to a key that is not there, and checked anywhere."""

from __future__ import annotations

import base64
import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cabinet.cli.daemon import Result, Roster
from cabinet.cli.errors import CommandError, UsageError
from cabinet.cli.output import NOTHING, Output, local_time
from cabinet.control.address import DEFAULT_CONFIG
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.backup.create import BackupFile
    from cabinet.backup.replay import Replay
    from cabinet.cli.arguments import Parser
    from cabinet.config import Config

SEALED_S = 120.0
"""A large roster takes a while on a small board."""
BOTH = ("journal", "roster")


def backup_keygen_arguments(parser: Parser) -> None:
    parser.epilog = "Run it where backups are restored, not on the cabinet: backup.identity is not to be there."
    parser.add_argument("directory", metavar="DIR", type=Path, help="where the two files are put")


def backup_keygen(args: Namespace, out: Output) -> int:
    from cabinet.backup.keys import IDENTITY, make_identity

    try:
        recipient = make_identity(args.directory)
    except FileExistsError as error:
        raise UsageError(str(error)) from None
    identity = args.directory / IDENTITY
    if out.as_json:
        out.answer({"recipient": recipient, "identity": str(identity)})
        return Exit.OK
    out.line(f'[backup]\nrecipient = "{recipient}"')
    out.note(f"the lines above belong into the configuration of the cabinets; keep {identity} away from them, twice")
    return Exit.OK


def backup_create_arguments(parser: Parser) -> None:
    parser.epilog = "Sealed to [backup] recipient of the configuration. The cabinet goes on meanwhile; it is journaled."
    parser.add_argument("file", metavar="FILE", type=Path, help="a new file")
    parser.add_argument(
        "--since",
        type=Path,
        metavar="FILE",
        help="only what is newer than this backup or checkpoint; a restore needs both, in order",
    )
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--journal", action="store_true", help="without the roster: nothing personal can be opened in it")
    only.add_argument("--roster", action="store_true", help="without the journal")


def backup_create(args: Namespace, out: Output) -> int:
    from cabinet.backup.create import new_file, said, since_of
    from cabinet.backup.journal_part import parse_note
    from cabinet.backup.keys import parse_recipient

    if args.roster and args.since:
        raise UsageError("--since is about the journal; a roster is always taken whole")
    config = loaded(args)
    if config.backup.recipient is None:
        raise CommandError(
            Exit.CONFIGURATION,
            "there is no [backup] recipient: make a key with `cabinetctl backup keygen DIR`, elsewhere",
        )
    parts = [part for part in BOTH if not getattr(args, {"journal": "roster", "roster": "journal"}[part])]
    recipient, note = parse_recipient(config.backup.recipient), None
    with refusing(), Roster(args, out) as cabinet:
        since = since_of(args.since) if args.since else None
        try:
            with new_file(args.file) as file:
                if "roster" in parts:
                    _roster(cabinet, file.write)
                if "journal" in parts:
                    note = _journal(config, since, recipient, file, out)
                checkpoint = said(parse_note(note, "the journal")) if note else None
                told = {"parts": parts, "size": file.size, "digest": file.digest, "checkpoint": checkpoint}
        except FileExistsError as error:
            raise UsageError(str(error)) from None
        n = cabinet.call("backup.told", {"act": "made", **told}).get("n")
    if out.as_json:
        out.answer({"file": str(args.file), **told, "n": n})
        return Exit.OK
    out.line(f"{args.file}: {' and '.join(parts)}, {told['size']:,} bytes, sealed to {config.backup.recipient}")
    out.line(f"SHA-256 {told['digest']}, journaled as event {n}")
    if checkpoint:
        out.line(f"up to {checkpoint}")
    return Exit.OK


def backup_verify_arguments(parser: Parser) -> None:
    parser.epilog = (
        "Without --identity: whether the files are whole, and what they say of themselves. Exit 13 for a file that is "
        "damaged, does not open or does not fit the one before it."
    )
    add_files(parser)
    parser.add_argument("--identity", type=Path, metavar="FILE", help="the key: everything in it is checked")


def backup_verify(args: Namespace, out: Output) -> int:
    from cabinet.backup.create import digest_of

    with refusing():
        size, digest = digest_of(args.files)
        found: Result = {"opened": args.identity is not None, "size": size, "digest": digest}
        found |= _checked(args, out) if args.identity else _skimmed(args)
    if out.as_json:
        out.answer(found)
        return Exit.OK
    for epoch in cast("list[Result]", found["epochs"]):
        out.line(f"journal: {epoch['size']} events of {epoch['origin']}, from {epoch['first']} on")
        if "vkey" in epoch:
            out.line(f"  signed by {epoch['vkey'] or 'a key that the cabinet does not know any more: nobody says so'}")
    if found["roster"] is not None:
        roster = cast("Result", found["roster"])
        known = {True: ", which this journal had in force", False: "", None: ""}[
            cast("bool | None", roster.get("known"))
        ]
        out.line(f"roster: version {roster['version']}{known}")
    out.line(f"SHA-256 {digest}, {size:,} bytes")
    out.line("verified" if args.identity else "whole; only with --identity FILE everything in it is checked")
    return Exit.OK


def backup_last_arguments(parser: Parser) -> None:
    parser.epilog = "As the journal has it: a test somewhere else than on the cabinet does not count."


def backup_last(args: Namespace, out: Output) -> int:
    with Roster(args, out) as cabinet:
        found = cabinet.call("backup.last", {})
    if out.as_json:
        out.answer(found)
    else:
        out.facts({act: f"{local_time(at)}{_age(at)}" if at else NOTHING for act, at in found.items()})
    return Exit.OK


# -- shared with backup_restore.py -------------------------------------------------------------------------------


def add_files(parser: Parser) -> None:
    parser.add_argument(
        "files", metavar="FILE", type=Path, nargs="+", help="a full backup, and then what was added since, in order"
    )


def loaded(args: Namespace) -> Config:
    from cabinet.config import load
    from hal.problems import ConfigError

    file = Path(args.config) if args.config is not None else DEFAULT_CONFIG
    try:
        return load(file.absolute(), os.environ)
    except ConfigError as error:
        raise CommandError(Exit.CONFIGURATION, f"{file} cannot be used", error.lines) from None


@contextmanager
def refusing() -> Iterator[None]:
    """What is wrong with a backup, or with the cabinet's files, as an exit code."""
    from cabinet.backup.errors import BackupRefused
    from cabinet.journal.errors import JournalBusy, JournalDamaged, JournalError, JournalMissing
    from cabinet.roster.tables import RosterUnusable
    from cabinet.vault.key_source import KeyFileError

    exits = {JournalMissing: Exit.NOT_FOUND, JournalBusy: Exit.BUSY, JournalDamaged: Exit.JOURNAL}
    try:
        yield
    except (BackupRefused, RosterUnusable, KeyFileError) as error:
        raise CommandError(Exit.JOURNAL, str(error)) from None
    except JournalError as error:
        raise CommandError(exits.get(type(error), Exit.FAILURE), error.hint) from None


@contextmanager
def events(out: Output) -> Iterator[Callable[[int, int], None]]:
    """To be told how many of how many are done; shown on a terminal."""
    with out.progress() as bar:
        yield lambda done, total: bar("events", done, total) if bar is not None else None


def replayed(args: Namespace, out: Output) -> Replay:
    """Everything in the files, checked, and kept nowhere. Raises BackupRefused."""
    from cabinet.backup.keys import read_identity
    from cabinet.backup.replay import Nowhere, Replay

    with events(out) as progress:
        replay = Replay(read_identity(args.identity), lambda epoch, origin: Nowhere(), progress)
        for path in args.files:
            with path.open("rb") as file:
                replay.read(file, str(path))
    return replay


def _checked(args: Namespace, out: Output) -> Result:
    from cabinet.backup.roster_part import check

    replay = replayed(args, out)
    if replay.roster is not None:
        check(replay.roster)
    epochs = [
        {"origin": one.origin, "first": 0, "size": one.frontier.size, "pruned": one.pruned, "vkey": one.vkey}
        for one in replay.epochs.values()
    ]
    roster = replay.roster
    known = None if roster is None or not epochs else replay.roster_is_known
    return {"epochs": epochs, "roster": {"version": roster.version, "known": known} if roster else None}


def _skimmed(args: Namespace) -> Result:
    """What the headers say; the newest roster."""
    from cabinet.backup.journal_part import parse_note
    from cabinet.backup.replay import headers

    epochs: list[Result] = []
    roster: Result | None = None
    for path in args.files:
        for header, _ in headers(path):
            for one in cast("list[dict[str, Any]]", header.get("epochs", [])):
                note = parse_note(str(one.get("checkpoint")).encode(), str(path))
                epochs.append({"origin": note.origin, "first": one.get("first"), "size": note.size})
            if "roster" in header:
                roster = {"version": header["roster"]}
    return {"epochs": epochs, "roster": roster}


def _roster(cabinet: Roster, write: Callable[[bytes], None]) -> None:
    """Comes sealed: in pieces from a daemon that runs."""
    begun = cabinet.call("backup.roster", {"at_once": not cabinet.online}, SEALED_S)
    if "data" in begun:
        write(cast("bytes", begun["data"]))
        return
    for n in range(cast("int", begun["pieces"])):
        piece = cabinet.call("backup.roster.piece", {"backup": begun["backup"], "piece": n})
        write(base64.b64decode(str(piece["data"])))


def _journal(config: Config, since: bytes | None, recipient: Any, file: BackupFile, out: Output) -> bytes:
    """All epochs, beside a daemon that runs; gives the newest checkpoint in it."""
    from cabinet.backup.create import write_journal
    from cabinet.backup.journal_part import extents
    from cabinet.journal.note import Signer
    from cabinet.journal.reader import JournalReader
    from cabinet.journal.schema import epochs
    from cabinet.vault.signing_key import open_or_create

    signer = Signer(config.origin, open_or_create(config.state_dir, journal_exists=True))
    with ExitStack() as stack, events(out) as progress:
        numbers = epochs(config.state_dir) or [1]
        readers = [stack.enter_context(JournalReader(config.state_dir, number)) for number in numbers]
        taken = extents(readers, config.origin, signer.verifier, since)
        write_journal(taken, config.origin, since, recipient, file.write, progress)
    return taken[-1].moment.checkpoint


def _age(at: object) -> str:
    then = datetime.fromisoformat(str(at))
    days = (datetime.now(UTC) - then).days
    return f", {days} days ago" if days != 1 else ", 1 day ago"
