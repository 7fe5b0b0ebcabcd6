"""From an argument list to an exit code: finds the command, runs it, says in one sentence what went wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from cabinet.cli.commands import Command, choose, help_text
from cabinet.cli.errors import CommandError
from cabinet.cli.output import Output
from cabinet.control.protocol import ControlError, Exit

if TYPE_CHECKING:
    from argparse import Namespace

    Run = Callable[[Namespace, Output], int]


def run(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    out = Output(as_json="--json" in given)
    try:
        code = _answered(given, out)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough (| head). Without this the interpreter complains when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return code


def _answered(given: list[str], out: Output) -> int:
    try:
        return _run(given, out)
    except CommandError as error:
        return out.error(error.exit_code, error.message, error.problems)
    except ControlError as error:
        problems = error.data.get("problems")
        return out.error(error.exit, error.message, problems if isinstance(problems, list) else [])
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return out.error(Exit.FAILURE, f"{where}{error.strerror or error}")
    except Exception as error:  # noqa: BLE001 - a mistake of ours is said in one sentence, too
        return out.error(Exit.FAILURE, f"unexpected {type(error).__name__} at {_place(error)}: please report it")


def _run(given: list[str], out: Output) -> int:
    command, rest = choose(given)
    if command is None:
        out.line(help_text(rest))
        return Exit.OK
    run_it, args = _prepared(command, rest)
    return Exit.OK if args is None else run_it(args, out)


def _prepared(command: Command, rest: Sequence[str]) -> tuple[Run, Namespace | None]:
    """No arguments when only help was asked for."""
    from cabinet.cli.arguments import Parser

    module = import_module(f"cabinet.cli.{command.module}")
    parser = Parser(command)
    getattr(module, f"{command.function}_arguments")(parser)
    try:
        return getattr(module, command.function), parser.parse(rest)
    except SystemExit:
        return getattr(module, command.function), None


def _place(error: Exception) -> str:
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{os.path.basename(last.filename)}:{last.lineno}"
