"""cabinet-collector: arguments, the loop's surroundings, and what went wrong as an exit code."""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cabinet.control.protocol import Exit
from cabinet.journal.errors import JournalBusy, JournalDamaged, JournalError, JournalMissing
from hal.clock import Clock
from hal.notify import Notifier
from hal.problems import ConfigError
from hal.system_clock import SystemClock
from sync.broker import Broker
from sync.collector import answers, commands, epoch_commands, key_commands
from sync.collector.answers import CommandError
from sync.collector.batch import PAYLOAD_BYTES_MAX
from sync.collector.config import Config, load
from sync.collector.ingest import Ingest
from sync.collector.key import KeyFileError, open_or_create
from sync.collector.service import LOOK_S, Service
from sync.collector.store import Store
from sync.tls import tls_context

GOODBYE_S: Final = 2.0
_EXITS: Final = {JournalMissing: Exit.NOT_FOUND, JournalBusy: Exit.BUSY, JournalDamaged: Exit.JOURNAL}


def main(arguments: Sequence[str] | None = None) -> int:
    """The whole program. Returns the exit code."""
    chosen = _chosen(arguments)
    try:
        config = load(chosen.config, os.environ)
        if chosen.command is None:
            return serve(config)
        return int(chosen.command(config, chosen))
    except ConfigError as error:
        return _end(chosen, Exit.CONFIGURATION, f"{chosen.config} cannot be used", error.lines)
    except KeyFileError as error:
        return _end(chosen, Exit.CONFIGURATION, str(error))
    except CommandError as error:
        return _end(chosen, error.exit_code, str(error))
    except JournalError as error:
        return _end(chosen, _EXITS.get(type(error), Exit.FAILURE), error.hint)
    except BrokenPipeError:
        # The reader has seen enough (| head). Without this the interpreter complains when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except OSError as error:
        return _end(chosen, Exit.FAILURE, str(error))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def serve(config: Config) -> int:
    """Runs until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    tls_context(config.broker)
    config.database.parent.mkdir(parents=True, exist_ok=True)
    cosigner = open_or_create(config.key_file, config.name, database_exists=config.database.exists())
    clock = SystemClock()
    store = Store(config.database)
    try:
        ingest = Ingest(store, cosigner, clock, config.pins)
        with _Bell() as bell:
            broker = Broker.at(
                config.broker,
                config.client_id,
                wake=bell.ring,
                clock=clock,
                random=random.random,
                payload_max=PAYLOAD_BYTES_MAX,
                manual_ack=True,
            )
            _run(Service(ingest, broker, config.base, clock), broker, bell, clock)
    finally:
        store.close()
    return Exit.OK


def _run(service: Service, broker: Broker, bell: _Bell, clock: Clock) -> None:
    notifier = Notifier(os.environ)
    notifier.tell("READY=1")
    fed_s = clock.mono_s()
    while not bell.is_over:
        service.turn()
        if notifier.interval_s and clock.mono_s() - fed_s >= notifier.interval_s / 2:
            fed_s = clock.mono_s()
            notifier.tell("WATCHDOG=1")
        bell.wait(min(service.wait_s(), notifier.interval_s or LOOK_S))
    notifier.tell("STOPPING=1")
    service.end()
    until_s = clock.mono_s() + GOODBYE_S
    while broker.is_up and clock.mono_s() < until_s:
        bell.wait(until_s - clock.mono_s())
        broker.poll()
    broker.close()


class _Bell:
    """A context: `wait` ends when it is rung, from any thread, or when the program is asked to end."""

    def __init__(self) -> None:
        self.is_over = False

    def __enter__(self) -> _Bell:
        self._heard, self._rope = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        # paho's thread may ring once more: the pipe stays open until the program ends.

    def ring(self) -> None:
        try:
            os.write(self._rope, b"\0")
        except BlockingIOError:
            return

    def wait(self, seconds: float) -> None:
        if select.select([self._heard], [], [], seconds)[0]:
            os.read(self._heard, 65536)

    def _stop(self, _number: int, _frame: object) -> None:
        self.is_over = True
        self.ring()


def _chosen(arguments: Sequence[str] | None) -> argparse.Namespace:
    shared = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    shared.add_argument("--config", type=Path, metavar="FILE", help="configuration (TOML)")
    shared.add_argument("--json", action="store_true", help="JSON instead of text")
    parser = argparse.ArgumentParser(
        prog="cabinet-collector",
        description="Holds the journals of a site's cabinets and says so with its signature.",
        epilog="Without a command it runs until SIGTERM.",
        parents=[shared],
    )
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, run, summary in (
        ("list", commands.listed, "origins, how far each is held and cosigned, gaps, alarms"),
        ("verify", commands.verified, "check everything that is held; exit 13 where something is wrong"),
        ("export", commands.exported, "write one origin as plain files that anyone can check"),
        ("epochs", epoch_commands.epochs, "epochs that cabinets have opened, why, and who has accepted them"),
        ("accept-epoch", epoch_commands.accept_epoch, "record that an epoch was looked into; its alarms end"),
        ("evidence", epoch_commands.evidence_of, "list what contradicts a journal, or write one piece of it to DIR"),
        (
            "accept-key",
            key_commands.accept_key,
            "pin a key that nothing vouches for: the old one is lost or revoked",
        ),
        ("fleet-key", key_commands.fleet_key, "make the key that revokes others, and print what goes into fleet_key"),
        ("revocation", key_commands.revoke, "sign that the key of an origin is trusted up to a size, and no further"),
        ("revoke", key_commands.revoked, "check a revocation, and go by it from now on"),
        ("key", commands.key, "the key that cabinets name in upstream.delivery_keys; made if there is none yet"),
    ):
        command = kinds.add_parser(name, help=summary, description=summary, parents=[shared])
        command.set_defaults(command=run)
        if name == "export":
            command.add_argument("directory", type=Path, metavar="DIR", help="new or empty")
            command.add_argument("--origin", metavar="O", help="needed where there are several")
        if name == "accept-epoch":
            command.add_argument("cabinet", metavar="CAB", help="the cabinet's name, or site/name")
            command.add_argument("number", type=int, metavar="N", help="2 for the epoch /e2")
            command.add_argument("--reason", required=True, metavar="TEXT", help="why it is all right; recorded")
        if name == "accept-key":
            command.add_argument("vkey", metavar="VKEY", help="as the cabinet printed it")
            command.add_argument("--reason", required=True, metavar="TEXT", help="how you know it is right; recorded")
        if name == "fleet-key":
            command.add_argument("file", type=Path, metavar="FILE", help="the private key; new")
            command.add_argument("name", metavar="NAME", help="of the key, such as fleet.example.com")
        if name == "revocation":
            command.add_argument("origin", metavar="ORIGIN", help="as list shows it")
            command.add_argument("--fleet", type=Path, required=True, metavar="FILE", help="the fleet's private key")
            command.add_argument("--name", required=True, metavar="NAME", help="of the fleet key")
            command.add_argument("--size", type=int, metavar="N", help="events that are good, if not all held")
            command.add_argument("--vkey", metavar="VKEY", help="the key, if not the one that is pinned")
        if name == "revoke":
            command.add_argument("file", type=Path, metavar="FILE", help="what revocation printed")
        if name == "evidence":
            command.add_argument("number", type=int, nargs="?", metavar="ID", help="as listed")
            command.add_argument("directory", type=Path, nargs="?", metavar="DIR", help="new or empty")
    # Defaults only now: a command's own would hide what stands before it.
    chosen = {"json": False, "command": None, **vars(parser.parse_args(arguments))}
    if "config" not in chosen:
        parser.error("--config FILE is needed")
    return argparse.Namespace(**chosen)


def _end(chosen: argparse.Namespace, code: Exit, message: str, lines: Sequence[str] = ()) -> int:
    """One sentence on stderr, or one object on stdout."""
    if chosen.json:
        body = {"exit": int(code), "message": message} | ({"problems": list(lines)} if lines else {})
        print(json.dumps({"schema": answers.SCHEMA, "error": body}))  # noqa: T201
        return code
    for line in (*lines, f"cabinet-collector: {message}"):
        print(line, file=sys.stderr)  # noqa: T201
    return code
