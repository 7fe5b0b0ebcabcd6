"""A directory of roster files: checked here, applied by the daemon as a whole or not at all."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cabinet.cli.arguments import add_dry_run
from cabinet.cli.daemon import Result, Roster, say_change
from cabinet.cli.errors import CommandError
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser

PART_CHARACTERS = 10_000
"""One character takes at most six bytes of a line of 64 kB."""
COMMIT_S = 120.0
"""Ten thousand people take a while on a small board."""


def roster_check_arguments(parser: Parser) -> None:
    parser.epilog = "Needs no cabinet. Exit 78 when there are problems."
    _add_directory(parser)


def roster_check(args: Namespace, out: Output) -> int:
    from cabinet.roster.files import check

    problems = check(args.directory)
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise CommandError(Exit.CONFIGURATION, f"{count} in {args.directory}: correct the files", problems)
    if out.as_json:
        out.answer({"problems": []})
    else:
        out.line("no problems")
    return Exit.OK


def roster_import_arguments(parser: Parser) -> None:
    parser.epilog = "All of it is applied, or nothing. What the files do not name stays as it is."
    _add_directory(parser)
    add_dry_run(parser)


def roster_import(args: Namespace, out: Output) -> int:
    files = _texts(args.directory)
    with Roster(args, out) as roster:
        result = _import(roster, files, args.dry_run)
    say_change(out, result, args.dry_run)
    return Exit.OK


def _add_directory(parser: Parser) -> None:
    parser.add_argument("directory", metavar="DIR", type=Path, help="holds people.csv, items.csv, rights.toml")


def _texts(directory: Path) -> dict[str, str]:
    from cabinet.roster.files import load
    from cabinet.settings.toml_text import TomlFault, read_text

    try:
        files = load(directory)
    except OSError as error:
        raise CommandError(Exit.CONFIGURATION, f"{directory}: {error.strerror or error}") from None
    except ValueError as error:
        raise CommandError(Exit.CONFIGURATION, str(error)) from None
    texts = {}
    for name, data in files.items():
        try:
            texts[name] = read_text(data)
        except TomlFault as fault:
            message = f"{name}:{fault.line}:{fault.column}: {fault.message}"
            raise CommandError(Exit.CONFIGURATION, message) from None
    return texts


def _import(roster: Roster, files: Mapping[str, str], dry_run: bool) -> Result:
    if not roster.online:
        return roster.call("roster.import", {"files": files, "dry_run": dry_run})
    upload = roster.call("roster.import.begin", {})["upload"]
    for name, part in _parts(files):
        roster.call("roster.import.part", {"upload": upload, "file": name, "data": part})
    return roster.call("roster.import.commit", {"upload": upload, "dry_run": dry_run}, COMMIT_S)


def _parts(files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, text in files.items():
        for at in range(0, max(len(text), 1), PART_CHARACTERS):
            yield name, text[at : at + PART_CHARACTERS]
