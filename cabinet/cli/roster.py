"""A directory of roster files: checked here, applied by the daemon as a whole or not at all."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cabinet.cli.arguments import add_dry_run, reason, whole_number
from cabinet.cli.daemon import Result, Roster, say_change
from cabinet.cli.errors import CommandError, UsageError
from cabinet.cli.output import Output, local_time
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
        result = _send(roster, "roster.import", files, {"dry_run": args.dry_run})
    say_change(out, result, args.dry_run)
    return Exit.OK


def roster_diff_arguments(parser: Parser) -> None:
    parser.epilog = "What `roster apply` would do. Exit 0: the roster is equal to the files; 3: it differs."
    _add_directory(parser)


def roster_diff(args: Namespace, out: Output) -> int:
    files = _texts(args.directory)
    with Roster(args, out) as roster:
        result = _send(roster, "roster.apply", files, {"dry_run": True})
        return _say_differences(roster, out, result, dry_run=True)


def roster_apply_arguments(parser: Parser) -> None:
    parser.epilog = (
        "What the files do not list goes: rights, schedules, groups and customers are removed, cards revoked, items "
        "retired, people suspended. With --dry-run exit 0: nothing differs; 3: something does."
    )
    _add_directory(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_dry_run(parser)


def roster_apply(args: Namespace, out: Output) -> int:
    files = _texts(args.directory)
    if not (args.yes or args.dry_run or sys.stdin.isatty()):
        raise UsageError("roster apply takes away what the files do not list: add --yes where nobody can be asked")
    with Roster(args, out) as roster:
        if args.dry_run or not args.yes:
            result = _send(roster, "roster.apply", files, {"dry_run": True})
            code = _say_differences(roster, out, result, dry_run=True)
            if args.dry_run or code == Exit.OK:
                return code
            _confirm()
            result = _send(roster, "roster.apply", files, {"expected": result["version"]})
            out.line(f"roster version {result['version']}")
            return Exit.OK
        result = _send(roster, "roster.apply", files, {})
        return _say_differences(roster, out, result, dry_run=False)


def roster_export_arguments(parser: Parser) -> None:
    parser.epilog = "The directory is made, or holds no roster files yet. They name people and cards: keep them safe."
    _add_directory(parser)


def roster_export(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        result = roster.call("roster.export", {"at_once": not roster.online}, COMMIT_S)
        files = cast("dict[str, str]", result["files"]) if "files" in result else _pieces(roster, result)
    try:
        args.directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            with (args.directory / name).open("x", encoding="utf-8", newline="") as file:
                file.write(text)
            (args.directory / name).chmod(0o600)
    except OSError as error:
        raise CommandError(Exit.CONFIGURATION, f"{error.filename}: {error.strerror}") from None
    if out.as_json:
        out.answer({"files": sorted(files)})
    else:
        out.line(f"{', '.join(files)} are in {args.directory}")
    return Exit.OK


def _pieces(roster: Roster, page: Result) -> dict[str, str]:
    files: dict[str, str] = {}
    for name, text in map(json.loads, _all_lines(roster, page)):
        files[name] = files.get(name, "") + text
    return files


def _all_lines(roster: Roster, page: Result) -> list[str]:
    lines = list(cast("list[str]", page["lines"]))
    while page["next"] is not None:
        page = roster.call("roster.lines", {"after": page["next"]})
        lines += cast("list[str]", page["lines"])
    return lines


def roster_versions_arguments(parser: Parser) -> None:
    parser.epilog = (
        "The last 50 changes of the policy: its rights, schedules, groups and items, and what people are in."
    )


def roster_versions(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        versions = cast("list[Result]", roster.call("roster.versions", {})["versions"])
    if out.as_json:
        out.answer({"versions": versions})
        return Exit.OK
    for one in versions:
        out.line(f"{one['version']}  {local_time(one['at'])}  {one['operator'] or '-'}")
        counts = cast("dict[str, int]", one["counts"])
        out.line("    " + ", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in counts.items()))
        for line in cast("list[str]", one["lines"]):
            out.line(f"    {line}")
    return Exit.OK


def roster_rollback_arguments(parser: Parser) -> None:
    parser.epilog = (
        "A new version with the old policy. It brings back no revoked card, no PIN, and nobody who is suspended or "
        "was erased. With --dry-run exit 0: nothing differs; 3: something does."
    )
    parser.add_argument("version", metavar="VERSION", type=whole_number, help="as `roster versions` lists them")
    parser.add_argument("--reason", type=reason, metavar="TEXT", help="why; it is journaled")
    add_dry_run(parser)


def roster_rollback(args: Namespace, out: Output) -> int:
    params: dict[str, object] = {"version": args.version, "dry_run": args.dry_run}
    if args.reason is not None:
        params["reason"] = args.reason
    with Roster(args, out) as roster:
        params["at_once"] = not roster.online
        result = roster.call("roster.rollback", params, COMMIT_S)
        return _say_differences(roster, out, result, dry_run=args.dry_run)


def _say_differences(roster: Roster, out: Output, result: Result, *, dry_run: bool) -> int:
    """Every line, and 3 when only said but not done."""
    lines, total = _all_lines(roster, result), int(str(result["differences"]))
    if out.as_json:
        out.answer({"version": result["version"], "dry_run": dry_run, "differences": total, "lines": lines})
    else:
        for line in lines:
            out.line(line)
        if total > len(lines):
            out.line(f"and {total - len(lines)} more")
        out.line(_last_line(total, result, dry_run))
    return Exit.DEGRADED if dry_run and total else Exit.OK


def _last_line(total: int, result: Result, dry_run: bool) -> str:
    if not total:
        return "equal: nothing changes"
    if dry_run:
        return f"{total} difference{'s' if total > 1 else ''}; nothing was changed"
    return f"roster version {result['version']}"


def _confirm() -> None:
    print("Make the roster so? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError(Exit.INTERRUPTED, "nothing was changed")


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


def _send(roster: Roster, method: str, files: Mapping[str, str], more: Mapping[str, object]) -> Result:
    """`roster.import` or `roster.apply`. A line carries 64 kB, so the files go in parts."""
    if not roster.online:
        return roster.call(method, {"files": files, **more})
    upload = roster.call("roster.import.begin", {})["upload"]
    for name, part in _parts(files):
        roster.call("roster.import.part", {"upload": upload, "file": name, "data": part})
    return roster.call(f"{method}.commit", {"upload": upload, **more}, COMMIT_S)


def _parts(files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, text in files.items():
        for at in range(0, max(len(text), 1), PART_CHARACTERS):
            yield name, text[at : at + PART_CHARACTERS]
