"""One cabinet under simulation: the production daemon over a modelled disk, devices of one level, and a service
manager that starts it again. It can be killed at any moment, and lose its power."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final, Literal, Protocol

from cabinet.books import Books, open_journal, salvage_journal
from cabinet.control.protocol import Code, ControlError
from cabinet.control.session import Handler, Peer
from cabinet.core.effects import Effect as CoreEffect
from cabinet.daemon import Daemon
from cabinet.epochs import Old, Order
from cabinet.journal.checkpoint import parse
from cabinet.journal.errors import JournalDamaged, JournalError
from cabinet.journal.leaf import glance
from cabinet.journal.note import Signer
from cabinet.journal.note import parse as parse_note
from cabinet.journal.opening import epoch_origin
from cabinet.journal.outbox import Outbox
from cabinet.replacing import go_on
from cabinet.roster.tables import RosterUnusable
from cabinet.vault.key_source import KeyFileError
from cabinet.vault.signing_key import NEXT_KEY, SIGNING_KEY, SigningKeys
from cabinet.wiring import Wiring
from hal.clock import Clock
from hal.notify import Notifier
from hal.supervisor import LinkPlan
from simulator.faults import Fault, parse_fault
from simulator.harness import happenings as seen
from simulator.harness.blueprint import Blueprint
from simulator.harness.memory_keys import MemoryKeys
from simulator.harness.memory_roster import KEYS, SIGNING_SEED
from simulator.harness.model_disk import ModelDisk, Moment
from simulator.harness.model_image import Ack, Image, Thinned, Write
from simulator.harness.process import Killed, Process, outside
from simulator.harness.random_bytes import RandomBytes
from simulator.harness.virtual_clock import VirtualClock, WallTime
from simulator.harness.virtual_loop import VirtualLoop
from simulator.harness.virtual_worker import VirtualWorker
from simulator.harness.witness import Witness
from simulator.socket_verifier import IsPerson
from simulator.types import seeded
from simulator.wiring import places_of
from simulator.world import Change, World

RESTART_S: Final = 1.0
BOOT_S: Final = 8.0
LOCKS_OFF_S: Final = 3.0
PIN_S: Final = 0.25
SYNC_S: Final = (0.0005, 0.004)
SLOW_SYNC_S: Final = (0.5, 2.0)
TECHNICIAN: Final = Peer(1000, 1, "technician")

Boundary = Callable[[str], None]


class Fixed(Protocol):
    """A device in its place."""

    faults: tuple[str, ...]

    def fault(self, fault: Fault) -> None: ...

    def clear(self) -> None: ...


class Level(Protocol):
    """All devices of a cabinet, byte for byte or as capabilities."""

    @property
    def devices(self) -> Mapping[str, Fixed]: ...

    def plans(self, clock: Clock) -> list[LinkPlan]: ...

    def abandon(self) -> None: ...

    def power(self, *, on: bool) -> None: ...

    def present(self, card: bytes, how: Literal["plain", "strong", "forged"] = "plain") -> None:
        """strong: it proves its key. forged: it answers as if it held it."""
        ...

    def remove(self) -> None: ...

    async def press(self, keys: str) -> None: ...

    def look(self, face: IsPerson) -> None: ...

    async def touch(self, finger: int) -> None: ...

    def fingers(self) -> tuple[bytes, Mapping[int, int]]:
        """The mark of the module behind the finger reader (empty: it has none), and the finger of each template."""
        ...

    def switch_on(self, slot: int) -> None:
        """The relay of the slot, as somebody else than the daemon does. Nothing where it does not answer."""
        ...

    def spoil(self, random: Random) -> tuple[str, Callable[[], None]] | None:
        """Something on the way to the devices gets worse: what, and what ends it. None where there is no way."""
        ...


class Aboard(Protocol):
    """Another process of the board."""

    def start(self) -> None: ...

    def end(self, how: str) -> None: ...

    def unwind(self) -> None: ...


class Cabinet:
    """`boundaries` hear of each step a run could end at: moments of a write, effects, coils."""

    def __init__(
        self,
        plan: Blueprint,
        loop: VirtualLoop,
        witness: Witness,
        seed: int,
        start_ms: int,
        level: Callable[[World], Level],
        disk: ModelDisk | None = None,
    ) -> None:
        self.plan = plan
        self.witness = witness
        self.wall = WallTime(loop, start_ms)
        self.disk = ModelDisk(seeded(seed, "disk")) if disk is None else disk
        self.keys = MemoryKeys(self.passes)
        self.world = World(places_of(plan.config.table), loop.call_later)
        self.level = level(self.world)
        self.boundaries: list[Boundary] = []
        self.daemon: Daemon | None = None
        self.powered = False
        self.listening = False
        """The daemon serves its sockets."""
        self.on_death: list[Callable[[], None]] = []
        """Hear when its process ends."""
        self.aboard: list[Aboard] = []
        """What else runs on the board."""
        self.slow_disk = False
        self.boots = 0
        self._loop = loop
        self._seed = seed
        self._random = seeded(seed, "board")
        self._process: Process | None = None
        self._tool: Process | None = None
        """A command of a technician, with the daemon down."""
        self._gone = asyncio.Event()
        self._ended = asyncio.Event()
        self.booted_s = 0.0
        """When the board got its power."""
        self._back = loop.call_soon(lambda: None)
        self._manager: asyncio.Task[None] | None = None
        self._heard = 0
        plan.shelf.restore()
        self.disk.durable.append(self._written)
        self.disk.moments.append(self._moment)
        self.world.observe(self._changed)

    # -- power and processes -------------------------------------------------------------------------------------

    def power_on(self, boot_s: float = 0.0) -> None:
        """The board boots, and then the daemon starts. No effect while it has power."""
        if self.powered:
            return
        self.powered = True
        self._back.cancel()
        self.booted_s = self._loop.time()
        self.level.power(on=True)
        self._manager = self._loop.create_task(self._keep(boot_s))

    def power_fails(self, for_s: float) -> None:
        """All at once: processes, devices, and what was not synced. No effect while there is none."""
        if not self.powered:
            return
        self.powered = False
        self._back = outside(self._loop.call_later, for_s, self.power_on, BOOT_S)
        if self._manager is not None:
            self._manager.cancel()
        self._end("power cut")
        if self._tool is not None:
            self._tool.kill()
        for other in self.aboard:
            other.end("power cut")
        self.disk.power_cut()
        self.level.power(on=False)
        self._unwind()
        for other in self.aboard:
            other.unwind()

    def replace_key(self) -> bool:
        """The signing key is lost, and a technician puts another in its place while no daemon runs. False: the power
        fails in the middle of it, or there is none."""
        if not self.powered:
            return False
        self._end("killed")
        for name in (SIGNING_KEY, NEXT_KEY) if SIGNING_KEY in self.keys.kept else ():
            self.keys.kept.pop(name, None)
        tool = self._tool = Process("cabinetctl journal replace-key", self._loop)
        try:
            tool.call(self._go_on)
        except Killed:
            return False
        finally:
            tool.kill()
        return True

    def _go_on(self) -> None:
        """As cabinet.replacing does on files."""
        config = self.plan.config
        claim = self.disk.claim()
        epoch = max(self.disk.epochs())
        file = self.disk.open(epoch, Signer(epoch_origin(config.origin, epoch), SIGNING_SEED))
        sealed = parse(parse_note(file.newest_checkpoint() or b"").text)
        now = VirtualClock(self._loop, self.wall, self.booted_s).now()
        random = RandomBytes(f"{self._seed}/replacing {self.boots} {epoch} {now.mono_s}")
        old = Old(sealed.origin, sealed.size, sealed.root)
        signing = SigningKeys(self.keys, random=random, environ={})
        go_on(
            *(self.disk, config, signing, file.state(), old, "key-lost", now, random),
            tell=lambda key: None,
            said={"operator": "technician", "why": "lost"},
        )
        claim.release()

    def kill(self) -> None:
        """SIGKILL; the service manager starts it again."""
        self._end("killed")
        self._unwind()

    async def stop(self) -> None:
        """An orderly end, for good."""
        if self._manager is not None:
            self._manager.cancel()
        self._ended.set()
        if self.running:
            await self._gone.wait()

    @property
    def running(self) -> bool:
        """A daemon process is alive, ready or not."""
        return self._process is not None and self._process.alive

    def abandon(self) -> None:
        """Nothing of it runs any more, and nothing is started again."""
        if self._manager is not None:
            self._manager.cancel()
        if self._process is not None:
            self._process.kill()

    @property
    def tasks(self) -> int:
        """Of the daemon's process."""
        return 0 if self._process is None else self._process.tasks

    def kept_leaves(self, epoch: int | None = None) -> list[bytes | None]:
        """What a start would find of an epoch, by default the newest."""
        return self.disk.kept(epoch)

    def newest_image(self) -> Image | None:
        return self.disk.images[max(self.disk.images)] if self.disk.images else None

    def newest_ms(self) -> int | None:
        """Wall time of the newest leaf that a start would find."""
        kept = self.kept_leaves()
        return glance(kept[-1])["ts"] if kept and kept[-1] is not None else None

    def uplink_methods(self) -> tuple[Callable[[Any], asyncio.Task[Any]], dict[str, Handler]] | None:
        """What uplink.sock offers, and how the daemon serves it; None while nobody listens there."""
        process, daemon = self._process, self.daemon
        if process is None or not process.alive or daemon is None or not self.listening:
            return None
        return process.spawn, daemon.uplink

    async def call(self, method: str, params: dict[str, Any], within_s: float = 15) -> Any:
        """A request on the service socket. Raises ControlError."""
        process, daemon = self._process, self.daemon
        if process is None or not process.alive or daemon is None:
            raise ControlError(Code.INTERNAL, "cabinetd does not answer")
        answer: asyncio.Future[Any] = self._loop.create_future()
        process.spawn(_answer(daemon.service[method](params, TECHNICIAN), answer))
        gone = asyncio.ensure_future(self._gone.wait())
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED, timeout=within_s)
        gone.cancel()
        if not answer.done():
            raise ControlError(Code.INTERNAL, "cabinetd ended before it answered")
        return answer.result()

    # -- faults --------------------------------------------------------------------------------------------------

    def fault(self, device: str, text: str) -> None:
        """As world.sock has it. Raises FaultError."""
        fixed = self.level.devices[device]
        fixed.fault(parse_fault(text, fixed.faults))
        self.witness.tell(seen.Broken(device, text))

    def clear(self, device: str) -> None:
        self.level.devices[device].clear()
        self.witness.tell(seen.Mended(device))

    def switch_on(self, slot: int) -> None:
        """Somebody else does."""
        self.witness.tell(seen.Foreign(slot))
        self.level.switch_on(slot)

    # -- one run -------------------------------------------------------------------------------------------------

    async def _keep(self, boot_s: float) -> None:
        await asyncio.sleep(boot_s)
        for other in self.aboard:
            other.start()
        while True:
            self._gone, self._ended = asyncio.Event(), asyncio.Event()
            self.boots += 1
            self.witness.tell(seen.Booted("cabinetd"))
            process = self._process = Process("cabinetd", self._loop)
            process.spawn(self._serve(process))
            await self._gone.wait()
            await self._locks_off()
            await asyncio.sleep(RESTART_S)

    async def _serve(self, process: Process) -> None:
        """As cabinetd's main: from the books to the end."""
        how = "ended"
        try:
            await self._live(process)
        except (JournalError, KeyFileError, RosterUnusable, OSError) as error:
            how = str(error)
        except Exception:
            how = "crashed"
            logging.getLogger("cabinet").exception("cabinetd crashed")
        outside(self._end, how)

    async def _live(self, process: Process) -> None:
        clock = VirtualClock(self._loop, self.wall, self.booted_s)
        books = self._open_books()
        wiring = Wiring(self.plan.config.table, self.level.plans(clock), clock)
        random = RandomBytes(f"{self._seed}/boot {self.boots}")
        daemon = self.daemon = Daemon(books, wiring, clock, self._worker, random)
        daemon.runner.on_effect.append(self._effect)
        damage: JournalDamaged | None = None
        try:
            await daemon.start()
            self.listening = True
            await daemon.found()
            self.witness.tell(seen.Ready())
            await daemon.run(Notifier({}), self._ended)
        except JournalDamaged as error:
            damage = error
            raise
        finally:
            if process.alive:
                await daemon.stop()
                if damage is not None:
                    now, random = clock.now(), RandomBytes(f"{self._seed}/salvaging {self.boots}")
                    salvage_journal(self.disk, self.plan.config, self._signing(), now, damage, random)
        if daemon.order is not None:
            self._open_books(daemon.order).close()

    def _open_books(self, order: Order | None = None) -> Books:
        config = self.plan.config
        signing = self._signing()
        now = VirtualClock(self._loop, self.wall, self.booted_s).now()
        journal = open_journal(
            self.disk, config, signing, now, RandomBytes(f"{self._seed}/opening {self.boots}"), order
        )
        try:
            outbox = Outbox(journal, config.upstream.verifiers())
            return Books(config, KEYS, signing, journal, self.plan.shelf.open(), outbox)
        except BaseException:
            journal.close()
            raise

    def _signing(self) -> SigningKeys:
        return SigningKeys(self.keys, random=RandomBytes(f"{self._seed}/keys {self.boots}"), environ={})

    async def _locks_off(self) -> None:
        """ExecStopPost, a process of its own."""
        done = asyncio.Event()
        process = Process("cabinetd --locks-off", self._loop)
        clock = VirtualClock(self._loop, self.wall, self.booted_s)

        async def off() -> None:
            await Wiring(self.plan.config.table, self.level.plans(clock), clock).locks_off(LOCKS_OFF_S)
            outside(done.set)

        process.spawn(off())
        await done.wait()
        process.kill()

    def _worker(self, name: str) -> VirtualWorker:
        return VirtualWorker({"journal": self._sync_s, "pin": lambda: (PIN_S, 0.0)}.get(name, self._sync_s))

    def _sync_s(self) -> tuple[float, float]:
        span = SLOW_SYNC_S if self.slow_disk else SYNC_S
        return self._random.uniform(*span), self._random.uniform(*span)

    def _end(self, how: Literal["killed", "power cut"] | str) -> None:
        process = self._process
        if process is None or not process.alive:
            return
        process.kill()
        self.daemon = None
        self.listening = False
        self.level.abandon()
        self.witness.tell(seen.Died("cabinetd", how))
        self._gone.set()
        for hear in self.on_death:
            outside(hear)

    def _unwind(self) -> None:
        if self._tool is not None:
            self._tool.unwind()
        if self._process is not None:
            self._process.unwind()

    # -- what happens --------------------------------------------------------------------------------------------

    def _written(self, epoch: int, write: Write) -> None:
        if isinstance(write, Ack):
            self.witness.tell(seen.Acked(epoch, write.size, write.note))
            return
        if isinstance(write, Thinned):
            self.witness.tell(seen.Thinned(epoch, write.sizes))
            return
        for row in write.entries:
            data = row[-1]
            assert data is not None
            self.witness.tell(seen.Leaf(epoch, row[0], glance(data), data))
        self.witness.tell(seen.Sealed(epoch, write.size, write.note))

    def _moment(self, moment: Moment) -> None:
        self.passes(f"disk {moment}")

    def _effect(self, effect: CoreEffect) -> None:
        self.passes(f"effect {type(effect).__name__}")
        self.witness.tell(seen.Effect(effect))

    def passes(self, boundary: str) -> None:
        """A step at which everything could end."""
        for hear in self.boundaries:
            hear(boundary)

    def _changed(self, change: Change) -> None:
        world, slot = self.world, change.slot
        match change.what:
            case "coil":
                assert slot is not None
                on = world.energised(slot)
                self.witness.tell(seen.Coil(slot, on))
                if on:
                    self.passes("coil on")
            case "bolt":
                assert slot is not None
                self.witness.tell(seen.Bolt(slot, world.locked(slot)))
            case "fob":
                assert slot is not None
                self.witness.tell(seen.Fob(slot, world.fob_in(slot)))
            case "door":
                self.witness.tell(seen.Door(world.door_open))
            case "display":
                self.witness.tell(seen.Screen(world.display))


async def _answer(handling: Any, answer: asyncio.Future[Any]) -> None:
    try:
        result = await handling
    except ControlError as error:
        if not answer.done():
            answer.set_exception(error)
    except Killed:
        raise
    else:
        if not answer.done():
            answer.set_result(result)
