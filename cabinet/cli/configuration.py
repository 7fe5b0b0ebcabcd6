"""The configuration, read without the daemon."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from cabinet.cli.errors import CommandError
from cabinet.cli.output import Output
from cabinet.control.address import DEFAULT_CONFIG
from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.cli.arguments import Parser

Table: TypeAlias = dict[str, object]


def config_check_arguments(parser: Parser) -> None:
    parser.epilog = f"Reads --config FILE, or {DEFAULT_CONFIG}. Exit 78 when there are problems."


def config_check(args: Namespace, out: Output) -> int:
    from cabinet.config import check

    file = _file(args)
    problems = check(file, os.environ)
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise CommandError(Exit.CONFIGURATION, f"{count} in {file}: cabinetd would not start with it", problems)
    if out.as_json:
        out.answer({"problems": []})
    else:
        out.line("no problems")
    return Exit.OK


def config_show_arguments(parser: Parser) -> None:
    parser.epilog = "All layers merged, with the defaults of what is not said, as TOML that can be read again."


def config_show(args: Namespace, out: Output) -> int:
    from cabinet.config import load
    from hal.problems import ConfigError

    file = _file(args)
    try:
        config = load(file.absolute(), os.environ)
    except ConfigError as error:
        message = f"{file} cannot be used: correct it first"
        raise CommandError(Exit.CONFIGURATION, message, error.lines) from None
    tables: dict[str, Table | list[Table]] = {
        "cabinet": _plain(config.cabinet),
        "visit": _plain(config.visit),
        "door": _plain(config.table.door),
        "upstream": _plain(config.upstream),
        "retention": _plain(config.retention),
        "link": [_plain(link) for link in config.table.links],
        "device": [_plain(device.spec) for device in config.table.devices],
        "slot": [_plain(slot) for slot in config.table.slots],
    }
    if out.as_json:
        out.answer({"config": tables})
    else:
        out.line("\n\n".join(text for name, table in tables.items() for text in _toml(name, table)))
    return Exit.OK


def _plain(model: Iterable[tuple[str, object]]) -> Table:
    """Keys and values of a pydantic model as they would stand in a file; those without a value are left out."""
    return {key: _value(value) for key, value in model if value is not None}


def _value(value: object) -> object:
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(one) for one in value]
    if isinstance(value, dict):
        return {key: _value(one) for key, one in value.items()}
    return str(value)


def _toml(name: str, table: Table | list[Table]) -> Iterator[str]:
    many = isinstance(table, list)
    for one in table if isinstance(table, list) else [table]:
        lines = [f"{key} = {_written(value)}" for key, value in one.items()]
        yield "\n".join([f"[[{name}]]" if many else f"[{name}]", *lines])


def _written(value: object) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{json.dumps(key)} = {_written(one)}" for key, one in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False)


def _file(args: Namespace) -> Path:
    return Path(args.config) if args.config is not None else DEFAULT_CONFIG
