"""One person: what they are known by, have learnt, and agree to."""

from __future__ import annotations

from argparse import Namespace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from cabinet.cli.arguments import add_dry_run
from cabinet.cli.daemon import Result, Roster, say_change
from cabinet.cli.errors import CommandError
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser

_PLAIN = (
    *("id", "name", "department", "groups", "roles", "language", "host", "active_from", "active_until", "suspended"),
    *("cards", "fingers", "pin"),
)


def person_show_arguments(parser: Parser) -> None:
    parser.epilog = "Exit 10: there is no such person."
    parser.add_argument("id", metavar="PERSON")


def person_show(args: Namespace, out: Output) -> int:
    with Roster(args, out) as roster:
        person = next((one for one in roster.all("people") if one["id"] == args.id), None)
    if person is None:
        raise CommandError(Exit.NOT_FOUND, f"there is no person {args.id}; see `cabinetctl person list`")
    if out.as_json:
        out.answer(person)
        return Exit.OK
    facts = {key.replace("_", " "): person.get(key) for key in _PLAIN}
    facts["qualifications"] = "; ".join(_dated(one, "until", _today()) for one in _texts(person, "qualifications"))
    facts["consents"] = "; ".join(_dated(one, "given", None) for one in _texts(person, "consents"))
    out.facts(facts)
    return Exit.OK


def person_qualify_arguments(parser: Parser) -> None:
    parser.epilog = "A right asks for it by `requires`; a qualification of the same name is replaced."
    parser.add_argument("id", metavar="PERSON")
    parser.add_argument("name", metavar="NAME", help="such as forklift")
    parser.add_argument("--until", metavar="DAY", help="last day on which it holds; without it for good")
    add_dry_run(parser)


def person_qualify(args: Namespace, out: Output) -> int:
    qualification = f"{args.name}:{args.until}" if args.until else args.name
    return _change(args, out, {"kind": "person.qualify", "person": args.id, "qualification": qualification})


def person_unqualify_arguments(parser: Parser) -> None:
    parser.add_argument("id", metavar="PERSON")
    parser.add_argument("name", metavar="NAME")
    add_dry_run(parser)


def person_unqualify(args: Namespace, out: Output) -> int:
    return _change(args, out, {"kind": "person.unqualify", "person": args.id, "name": args.name})


def person_consent_arguments(parser: Parser) -> None:
    parser.add_argument("id", metavar="PERSON")
    parser.add_argument("purpose", metavar="PURPOSE", help="such as fingerprint")
    parser.add_argument("--withdrawn", action="store_true", help="they do not agree any more")
    parser.add_argument("--day", metavar="DAY", help="when it was given or withdrawn; without it today")
    add_dry_run(parser)


def person_consent(args: Namespace, out: Output) -> int:
    change: dict[str, object] = {"kind": "person.consent", "person": args.id, "purpose": args.purpose}
    return _change(args, out, change | {"day": args.day or _today(), "withdrawn": args.withdrawn})


def _change(args: Namespace, out: Output, change: dict[str, object]) -> int:
    with Roster(args, out) as roster:
        result = roster.change(change, args.dry_run)
    say_change(out, result, args.dry_run)
    return Exit.OK


def _dated(text: str, word: str, today: str | None) -> str:
    name, colon, day = text.partition(":")
    if not colon:
        return name
    return f"{name} {word} {day}{' (expired)' if today is not None and day < today else ''}"


def _texts(person: Result, key: str) -> list[str]:
    return cast("list[str]", person.get(key) or [])


def _today() -> str:
    return datetime.now().astimezone().date().isoformat()
