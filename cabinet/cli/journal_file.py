"""The journal's files as the commands open them, and the key they must be signed with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cabinet.cli.arguments import whole_number
from cabinet.cli.errors import CommandError, UsageError
from cabinet.control.address import AddressError, state_dir
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from argparse import Namespace

    from cabinet.cli.arguments import Parser
    from cabinet.config import Config
    from cabinet.journal.note import Verifier
    from cabinet.journal.reader import JournalReader
    from cabinet.journal.revocation import Revocation

FILE_BYTES_MAX = 65536
"""Of a checkpoint, a key or a receipt: all are a few lines."""


def add_epoch(parser: Parser, default: str = "the newest") -> None:
    parser.add_argument("--epoch", type=whole_number, metavar="N", help=f"file N of the journal; {default} otherwise")


def add_key(parser: Parser) -> None:
    parser.add_argument("--key", type=Path, metavar="FILE", help="the verifier key, if not the one of this cabinet")


@contextmanager
def open_reader(args: Namespace) -> Iterator[JournalReader]:
    """One epoch, the newest unless another one is asked for."""
    from cabinet.journal.reader import JournalReader

    with journal_folder(args) as folder, JournalReader(folder, args.epoch) as reader:
        yield reader


@contextmanager
def journal_folder(args: Namespace) -> Iterator[Path]:
    """Turns what is wrong with the files into an exit code, as long as they are in use."""
    from cabinet.backup import swap
    from cabinet.journal.errors import JournalBusy, JournalDamaged, JournalError, JournalMissing

    exits = {JournalMissing: Exit.NOT_FOUND, JournalBusy: Exit.BUSY, JournalDamaged: Exit.JOURNAL}
    try:
        folder = state_dir(args.config)
        swap.finish(folder)
        yield folder
    except AddressError as error:
        raise CommandError(Exit.CONFIGURATION, str(error)) from None
    except JournalError as error:
        raise CommandError(exits.get(type(error), Exit.FAILURE), error.hint) from None


def vkey_of(args: Namespace, reader: JournalReader) -> str:
    """The key that the epoch begins with: the one that was given or is known here, or that follows from it."""
    from cabinet.journal.known_keys import first_key

    known = log_keys(args.key) if args.key is not None else own_keys(args)
    origin = re.sub(r"/e[1-9][0-9]*$", "", known[0].name)
    return first_key(reader.path.parent, reader.epoch, known, origin).vkey


def log_keys(file: Path) -> list[Verifier]:
    """The keys of journals in a file of verifier keys, at least one. Raises NoteRefused for what is no such file."""
    from cabinet.journal.note import ED25519, read_vkeys

    keys = [key for key in read_vkeys(small_file(file).decode("utf-8", "replace")) if key.kind == ED25519]
    if not keys:
        raise UsageError(f"{file} holds no key of a journal: one line name+id+key")
    return keys


def add_revocations(parser: Parser) -> None:
    parser.add_argument(
        "--revocation",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a key that is not trusted beyond some event; repeatable",
    )
    parser.add_argument(
        "--fleet-key", type=Path, metavar="FILE", help="who signs revocations, if not the fleet_key of this cabinet"
    )


def revocations(args: Namespace) -> list[Revocation]:
    """Those given, each signed by the fleet key. Raises NoteRefused."""
    from cabinet.journal import revocation

    if not args.revocation:
        return []
    fleet = fleet_key(args)
    return [revocation.read(small_file(file), fleet) for file in args.revocation]


def fleet_key(args: Namespace) -> Verifier:
    """The one that was given, or that of the configuration."""
    from cabinet.journal.note import Verifier

    if args.fleet_key is not None:
        return log_keys(args.fleet_key)[0]
    configured = configuration(args).upstream.fleet_key
    if configured is None:
        raise UsageError("whose word counts? Give --fleet-key FILE, or set fleet_key in [upstream]")
    return Verifier.from_vkey(configured)


def configuration(args: Namespace) -> Config:
    import os

    from cabinet.config import load
    from cabinet.control.address import DEFAULT_CONFIG
    from hal.problems import ConfigError

    file = Path(args.config) if args.config is not None else DEFAULT_CONFIG
    try:
        return load(file, os.environ)
    except ConfigError as error:
        raise CommandError(Exit.CONFIGURATION, f"{file} cannot be used", error.lines) from None


def small_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def own_keys(args: Namespace) -> list[Verifier]:
    """The keys that this cabinet's journal began with, as far as they are known; else its own, named as the first
    epoch."""
    import os

    from cabinet.config import load
    from cabinet.control.address import DEFAULT_CONFIG
    from cabinet.journal.known_keys import read_known
    from cabinet.journal.note import Signer
    from cabinet.vault.key_source import KeyFileError
    from cabinet.vault.signing_key import open_or_create
    from hal.problems import ConfigError

    file = Path(args.config) if args.config is not None else DEFAULT_CONFIG
    try:
        config = load(file, os.environ)
        known = read_known(config.state_dir)
        return known or [Signer(config.origin, open_or_create(config.state_dir, journal_exists=True)).verifier]
    except ConfigError as error:
        raise CommandError(Exit.CONFIGURATION, f"{file} does not say whose journal it is", error.lines) from None
    except KeyFileError as error:
        raise CommandError(Exit.JOURNAL, f"not verified: {error}; or give --key FILE") from None
