"""Giving a person what is kept on them."""

from __future__ import annotations

import base64
import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cabinet.cli.daemon import Result, Roster
from cabinet.cli.errors import CommandError, UsageError
from cabinet.cli.leaf_line import leaf_line
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser

EXPORT_S = 60.0
PERSON, EVENTS, TEXT, VKEY = "person.json", "events.jsonl", "read-me.txt", "vkey"


def person_export_arguments(parser: Parser) -> None:
    parser.epilog = (
        "The directory is made, or must be empty. It holds person.json (roster, rights, what they hold), events.jsonl "
        "(every event that concerns them, with what is sealed for them opened, and its proof), the checkpoints that "
        "the proofs lead to, and all of it as text in read-me.txt. That it was given is journaled."
    )
    parser.add_argument("id", metavar="PERSON")
    parser.add_argument("directory", metavar="DIR", type=Path)


def person_export(args: Namespace, out: Output) -> int:
    folder: Path = args.directory
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty: give another directory")
        with Roster(args, out) as roster:
            found = roster.call("person.export", {"person": args.id, "at_once": not roster.online}, EXPORT_S)
            count = _write(folder, found, _events(roster, found))
    except OSError as error:
        raise CommandError(Exit.CONFIGURATION, f"{error.filename or folder}: {error.strerror}") from None
    lost = cast("list[int]", found["lost_epochs"])
    if out.as_json:
        out.answer({"person": args.id, "directory": str(folder), "events": count, "lost_epochs": lost})
        return Exit.OK
    out.line(f"{count} events and the record of person {args.id} are in {folder}; they name them: hand it over safely")
    if lost:
        out.note(f"left out, since their files are gone: epochs {', '.join(map(str, lost))} of the journal")
    return Exit.OK


def _events(roster: Roster, found: Result) -> Iterator[Result]:
    """Page by page; with the daemon down they came at once."""
    yield from cast("list[Result]", found.get("events", []))
    at = None if "events" in found else [1, 0]
    while at is not None:
        epoch, first = at
        page = roster.call("person.events", {"export": found["export"], "epoch": epoch, "first": first}, EXPORT_S)
        yield from cast("list[Result]", page["events"])
        at = cast("list[int] | None", page["next"])


def _write(folder: Path, found: Result, events: Iterator[Result]) -> int:
    person = cast("dict[str, Any]", found["person"])
    _file(folder / PERSON, json.dumps(person, ensure_ascii=False, indent=1) + "\n")
    _file(folder / VKEY, "".join(f"{vkey}\n" for vkey in cast("list[str]", found["vkeys"])))
    for one in cast("list[dict[str, Any]]", found["epochs"]):
        _file(folder / f"checkpoint-{one['epoch']}", str(one["checkpoint"]))
    count = 0
    with (folder / EVENTS).open("x", encoding="utf-8") as lines, (folder / TEXT).open("x", encoding="utf-8") as text:
        for path in (folder / EVENTS, folder / TEXT):
            path.chmod(0o600)
        text.write(
            "\n".join([*_facts(person), "", "Events that concern you, and what is sealed for you in them:", "", ""])
        )
        for event in events:
            lines.write(json.dumps(event, ensure_ascii=False, sort_keys=True) + "\n")
            text.write(told_of(event))
            count += 1
    return count


def _facts(person: dict[str, Any]) -> Iterator[str]:
    for key, value in person.items():
        if isinstance(value, list):
            value = "; ".join(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in value)
        yield f"{key.replace('_', ' ')}: {'-' if value in (None, '') else value}"


def told_of(event: Result) -> str:
    if event["damaged"]:
        return f"{event['index']:>6}  its bytes are damaged on this device; upstream and backups may have it whole\n"
    leaf = json.loads(base64.b64decode(str(event["leaf"])))
    told = [leaf_line(int(str(event["index"])), leaf)]
    for one in cast("list[dict[str, Any]]", event["opened"]):
        said = ", ".join(f"{key} {value}" for key, value in one["said"].items() if value not in (None, "", []))
        told.append(f"         as {one['role']}: {said}")
    return "\n".join(told) + "\n"


def _file(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    path.chmod(0o600)
