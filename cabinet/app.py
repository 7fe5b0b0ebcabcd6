"""cabinetd: arguments, logging, and what went wrong as an exit code."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cabinet.config import Config, load
from cabinet.control.protocol import Exit
from cabinet.control.server import SocketTaken
from cabinet.journal.errors import JournalBusy, JournalError
from cabinet.roster.tables import RosterUnusable
from cabinet.vault.key_source import KeyFileError
from hal.problems import ConfigError

log = logging.getLogger("cabinet")


def main(arguments: Sequence[str] | None = None) -> int:
    """The whole program. Returns the exit code."""
    chosen = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        config = load(chosen.config, os.environ)
        if chosen.locks_off:
            return _locks_off(config)
        return _serve(config)
    except ConfigError as error:
        return _end(Exit.CONFIGURATION, *error.lines)
    except (KeyFileError, RosterUnusable) as error:
        return _end(Exit.CONFIGURATION, str(error))
    except (JournalBusy, SocketTaken) as error:
        return _end(Exit.BUSY, str(error))
    except JournalError as error:
        return _end(Exit.JOURNAL, str(error))
    except OSError as error:
        return _end(Exit.FAILURE, str(error))


def _serve(config: Config) -> int:
    from cabinet.daemon import serve

    asyncio.run(serve(config))
    return Exit.OK


def _locks_off(config: Config) -> int:
    from cabinet.daemon import locks_off

    failures = asyncio.run(locks_off(config))
    for failure in failures:
        log.error("%s", failure)
    return Exit.HARDWARE if failures else Exit.OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cabinetd", description="The key cabinet controller.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="configuration (TOML)")
    parser.add_argument("--locks-off", action="store_true", help="switch every lock off and end")
    return parser


def _end(code: Exit, *lines: str) -> int:
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 -- for the person who started it
    return code
