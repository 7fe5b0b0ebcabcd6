"""cabinetd as a whole: books, engine, devices and sockets, started and ended in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable

from cabinet.books import Books, salvage_journal
from cabinet.config import Config
from cabinet.control.server import ControlServer
from cabinet.control.session import Handler
from cabinet.core.events import RosterFound, Started, Stopping
from cabinet.engine import Engine
from cabinet.epochs import Order
from cabinet.journal.errors import JournalDamaged
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.service.cards import Cards
from cabinet.service.disk import told
from cabinet.service.fingers import reader_hint, reader_view
from cabinet.service.release import Release
from cabinet.service.see import See
from cabinet.service.views import View, iso
from cabinet.service.watchers import Watchers
from cabinet.vault.device_key import Random
from cabinet.vault.signing_key import KeyFolder, SigningKeys
from cabinet.watchdog import feed
from cabinet.wiring import Wiring
from hal.clock import Clock
from hal.links import link_plans, make_bus
from hal.notify import Notifier
from hal.system_clock import SystemClock
from hal.worker import ThreadWorker, Worker

log = logging.getLogger(__name__)

_READY_S = 3.0
_STUCK_S = 15.0


class Daemon:
    """One run. After `start` people are served, after `found` all devices that answer; `stop` leaves every coil off.

    `service` and `uplink` are the methods of the two roles, for whoever listens for them; `runner` is the loop."""

    def __init__(
        self,
        books: Books,
        wiring: Wiring,
        clock: Clock,
        workers: Callable[[str], Worker] = ThreadWorker,
        random: Random = os.urandom,
    ) -> None:
        self._clock = clock
        self._wiring = wiring
        self._engine = Engine(books, wiring.hardware(), clock, workers, random)
        self._watchers = Watchers()
        self.runner = self._engine.runner
        self._upstream = self._engine.upstream(self._watchers)
        self.runner.on_commit += [self._watchers.committed, self._upstream.committed, self._engine.keys.committed]
        self.service, self.uplink = self._methods()
        self._loop_task: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def order(self) -> Order | None:
        """What a technician wants done with the journal, once this run has ended."""
        return self._engine.new_epoch.order

    async def start(self) -> None:
        """Journals the start, then lets the devices in."""
        roster = self._engine.books.roster
        self.runner.inbox.post(Started(self.runner.state.size))
        self.runner.inbox.post(RosterFound(roster.version, roster.digest))
        await self.runner.settle()
        self._loop_task = asyncio.create_task(self.runner.run(), name="runner")
        self._keeping = asyncio.create_task(self._engine.retention.keep(), name="retention")
        self._wiring.start(self.runner.inbox.post, roster.card_digest, roster.code_digest)

    async def found(self) -> None:
        """Returns when every device has answered or was given up for the moment: a cabinet with a dead board is
        ready too, without it."""
        try:
            async with asyncio.timeout(_READY_S):
                while not self._ready():
                    await self.runner.next_turn().wait()
        except TimeoutError:
            log.warning("not every device has answered yet; see `cabinetctl devices`")

    async def run(self, notifier: Notifier, ended: asyncio.Event) -> None:
        """Until `ended`, or until the journal has to go on in its next epoch. Raises what ended the loop, if that comes
        first."""
        assert self._loop_task is not None, "start() comes first"
        watchdog = asyncio.create_task(feed(notifier, self._progress()), name="watchdog")
        waiting = [asyncio.create_task(one.wait()) for one in (ended, self._engine.over)]
        await asyncio.wait((*waiting, self._loop_task), return_when=asyncio.FIRST_COMPLETED)
        for task in (watchdog, *waiting):
            task.cancel()
        if self._engine.over.is_set():
            log.warning("nothing more is added to this epoch of the journal; the next start opens the next one")
        if self._loop_task.done():
            self._loop_task.result()

    async def stop(self) -> None:
        """Devices (all coils off), the last leaf, the books: each bounded. Nobody may ask anything any more."""
        if self._keeping is not None:
            self._keeping.cancel()
        await self._engine.acts.stop()  # first: a pulse that waits in its lane must not follow the switching off
        await self._wiring.stop()
        if self._loop_task is not None and not self._loop_task.done():
            self._loop_task.cancel()
            await asyncio.wait((self._loop_task,))
            if not self.runner.state.ledger.contradicted:
                self.runner.inbox.post(Stopping())
                await self.runner.settle()
        await self._engine.close()

    def _methods(self) -> tuple[dict[str, Handler], dict[str, Handler]]:
        see = See(
            self.runner,
            self._watchers,
            devices=self._devices,
            proof_ms=self._proof_ms,
            ready=self._ready,
            read_leaves=self._engine.read_leaves,
            summary=self._upstream.state,
            unsent=lambda: self._engine.retention.unsent,
            leavers=lambda: len(self._engine.leavers.due()),
        )
        service: dict[str, Handler] = {
            **see.methods(),
            **self._engine.roster.methods(),
            **self._engine.erasure.methods(),
            **self._engine.disclosure.methods(),
            **self._engine.bookings.methods(),
            **self._engine.incidents.methods(),
            **self._engine.keys.methods(),
            **self._engine.enrolment.methods(),
            **self._engine.fingers.methods(),
            **self._engine.backups.methods(),
            **self._engine.clock.methods(),
            **self._engine.retention.methods(),
            **self._engine.leavers.methods(),
            "journal.new_epoch": self._engine.new_epoch.open,
            "slot.release": Release(self._engine.desk).slot,
            **Cards(self._wiring, self._engine.desk).methods(),
        }
        uplink: dict[str, Handler] = {
            "status": see.status,
            **self._upstream.methods(),
            **self._engine.erased_before().methods(),
        }
        return _told(service), _told(uplink)

    def _ready(self) -> bool:
        """Every device was found or given up for the moment, every sensor that answers has spoken, and what hung here
        at the start is named."""
        state = self.runner.state
        silent = any(self._wiring.sensor_up(slot) for slot in state.unproven)
        nameless = state.settle_ends is not None and state.arrivals
        doorless = state.door is None and self._wiring.door_up()
        return self._wiring.settled() and not (silent or nameless or doorless)

    def _progress(self) -> Callable[[], bool]:
        """Did the loop go round since the last look, or had it nothing to do? Is no lane stuck?"""
        seen = -1

        def progress() -> bool:
            nonlocal seen
            moved = self.runner.rounds != seen or not self.runner.inbox.waiting
            seen = self.runner.rounds
            return moved and self._engine.acts.lanes.stuck_s() < _STUCK_S

        return progress

    def _devices(self) -> list[View]:
        now = self._clock.now()
        listed = []
        for status in self._wiring.statuses():
            since_s = status.pop("since_mono_s")
            assert isinstance(since_s, float)
            reader = str(status["device"])
            if view := reader_view(self.runner.state, self.runner.rights, reader):
                status |= {"fingers": view} | ({"hint": reader_hint(view, reader)} if status["up"] else {})
            listed.append({**status, "since": iso(now.wall_ms - int((now.mono_s - since_s) * 1000))})
        return listed

    def _proof_ms(self, slot: int) -> int | None:
        proof_s, now = self._wiring.proof_mono_s(slot), self._clock.now()
        return None if proof_s is None else now.wall_ms - int((now.mono_s - proof_s) * 1000)


async def serve(config: Config) -> None:
    """Runs the daemon until SIGTERM or SIGINT. Raises what `Books.open` and `Daemon` raise."""
    clock = SystemClock()
    notifier = Notifier(os.environ)
    ended = asyncio.Event()
    for number_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number_, ended.set)
    books = Books.open(config, clock)
    daemon = Daemon(books, _wiring(config, clock), clock)
    servers = _servers(config, daemon)
    damage: JournalDamaged | None = None
    try:
        await daemon.start()
        for server in servers:
            await server.start()
        await daemon.found()
        # What the start made stays: a later collection that walked through all of it would hold up a visit.
        gc.collect()
        gc.freeze()
        log.info("ready: %s, %d leaves", config.origin, books.journal.size)
        notifier.tell("READY=1")
        await daemon.run(notifier, ended)
    except JournalDamaged as error:
        damage = error
        raise
    finally:
        notifier.tell("STOPPING=1")
        for server in servers:
            await server.close()
        await daemon.stop()
        if damage is not None:
            folder = SqliteFolder(config.state_dir)
            salvage_journal(folder, config, SigningKeys(KeyFolder(config.state_dir)), clock.now(), damage)
    if daemon.order is not None:
        Books.open(config, clock, daemon.order).close()


async def locks_off(config: Config) -> list[str]:
    """Switches every lock off; the boards that did not confirm it, each with why. Needs no database."""
    return await _wiring(config, SystemClock()).locks_off(_READY_S)


def _told(methods: dict[str, Handler]) -> dict[str, Handler]:
    return {name: told(handler) for name, handler in methods.items()}


def _wiring(config: Config, clock: Clock) -> Wiring:
    return Wiring(config.table, link_plans(config.table, clock, make_bus), clock)


def _servers(config: Config, daemon: Daemon) -> list[ControlServer]:
    """One socket a role. Raises OSError where their folder cannot be made."""
    folder = config.socket_dir
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return [
        ControlServer(folder / "service.sock", daemon.service, "cabinet-service", daemon.uplink.keys()),
        ControlServer(folder / "uplink.sock", daemon.uplink, "cabinet-uplink", daemon.service.keys()),
    ]
