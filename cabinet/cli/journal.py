"""The events of the journal, read beside a running daemon or alone."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from cabinet.cli.arguments import slot_number, whole_number
from cabinet.cli.journal_file import add_epoch, open_reader
from cabinet.cli.leaf_line import leaf_line
from cabinet.cli.output import Output
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser
    from cabinet.journal.reader import JournalReader

Event: TypeAlias = tuple[int, bytes | None]
PAGE = 1000


def journal_list_arguments(parser: Parser) -> None:
    parser.add_argument("--kind", help="such as item.removed")
    parser.add_argument("--slot", type=slot_number, metavar="N")
    parser.add_argument("--item", metavar="ID")
    parser.add_argument("--since", type=_instant_ms, metavar="TIME", help="2026-03-02 or 2026-03-02T08:00, local time")
    parser.add_argument("--limit", type=whole_number, metavar="N", help="only the newest N")
    add_epoch(parser)


def journal_list(args: Namespace, out: Output) -> int:
    from cabinet.journal.leaf import glance

    with open_reader(args) as reader:
        for n, data in _events(reader, args):
            leaf = None if data is None else glance(data)
            if out.as_json:
                out.answer({"n": n, "leaf": leaf})
            else:
                out.line(leaf_line(n, leaf))
    return Exit.OK


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


def _instant_ms(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-03-02 or 2026-03-02T08:00") from None
