"""Roster methods with the daemon down: the same engine over the same books, for one call."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Mapping
from pathlib import Path

from cabinet.acts import Hardware
from cabinet.books import Books
from cabinet.config import load
from cabinet.control.protocol import Code, ControlError
from cabinet.control.session import Peer
from cabinet.core.events import RosterFound
from cabinet.engine import Engine
from cabinet.epochs import NotDue, Order
from cabinet.journal.errors import JournalBusy, JournalError
from cabinet.roster.tables import RosterUnusable
from cabinet.vault.key_source import KeyFileError
from hal.clock import Clock
from hal.system_clock import SystemClock
from hal.worker import InlineWorker


def offline_call(config: Path, method: str, params: Mapping[str, object]) -> object:
    """What the service socket would answer. Takes the writer's lock; blocks.

    Raises ConfigError for the configuration, ControlError for everything else: busy (a daemon runs), not found
    (a method that needs the daemon), refused, journal."""
    clock = SystemClock()
    return call_books(_books(config, clock), clock, method, params)


def _books(config: Path, clock: Clock, order: Order | None = None) -> Books:
    try:
        return Books.open(load(config, os.environ), clock, order)
    except JournalBusy as error:
        raise ControlError(Code.BUSY, str(error)) from None
    except NotDue as error:
        raise ControlError(Code.REFUSED, str(error)) from None
    except JournalError as error:
        raise ControlError(Code.JOURNAL, str(error)) from None
    except (KeyFileError, RosterUnusable, OSError) as error:
        raise ControlError(Code.INTERNAL, str(error)) from None


def call_books(books: Books, clock: Clock, method: str, params: Mapping[str, object]) -> object:
    """The same on books that are open, and closed with it. Raises ControlError."""
    return asyncio.run(_call(books, clock, method, params))


def offline_new_epoch(config: Path, why: str) -> None:
    """As `journal.new_epoch` of the daemon. Takes the writer's lock; blocks. Raises ConfigError, ControlError."""
    order = Order(getpass.getuser(), why)
    _books(config, SystemClock(), order).close()


async def _call(books: Books, clock: Clock, method: str, params: Mapping[str, object]) -> object:
    engine = Engine(books, Hardware({}, {}, (), (), None, {}, _never_up), clock, lambda name: InlineWorker())
    loop = asyncio.create_task(engine.runner.run())
    try:
        methods = {
            **engine.roster.methods(),
            **engine.erasure.methods(),
            **engine.disclosure.methods(),
            **engine.incidents.methods(),
            **engine.leavers.methods(),
            **engine.backups.methods(),
            **engine.keys.methods(),
        }
        handler = methods.get(method)
        if handler is None:
            raise ControlError(Code.NOT_FOUND, f"{method} needs a running cabinetd; start it first")
        engine.runner.inbox.post(RosterFound(books.roster.version, books.roster.digest))
        return await handler(dict(params), Peer(os.getuid(), os.getpid(), getpass.getuser()))
    finally:
        loop.cancel()
        await engine.close()


async def _never_up(device: str, within_s: float) -> bool:
    return False
