"""A simulation from its start to its verdict: loop, cabinet, witness and invariants put together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any, Final

from simulator.harness.blueprint import COSIGNER, Settings, blueprint
from simulator.harness.cabinet import Cabinet, Level
from simulator.harness.capability.level import CapabilityLevel
from simulator.harness.happenings import Logged
from simulator.harness.invariants.all_checks import all_checks
from simulator.harness.memory_roster import Shelf
from simulator.harness.model_disk import ModelDisk
from simulator.harness.network.broker import ModelBroker
from simulator.harness.network.uplink import UplinkProcess
from simulator.harness.network.upstream import ModelUpstream
from simulator.harness.process import Killed, born, current, may_run
from simulator.harness.virtual_loop import VirtualLoop
from simulator.harness.witness import Violated, Witness
from simulator.types import seeded
from simulator.world import World

LEVELS: Final = ("capability", "wire")
START_MS: Final = 1_772_496_000_000
"""2026-03-03 00:00 UTC: four weeks before the clocks change."""
DAY_MS: Final = 86_400_000


class Simulation:
    """One cabinet, from `run` to its end."""

    def __init__(
        self,
        seed: int,
        level: str = "capability",
        *,
        start_ms: int | None = None,
        settings: Settings = (),
        without: frozenset[str] = frozenset(),
        disk: ModelDisk | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        """`settings`: keys of the configuration that are not as in config/simulated.toml. `without`: devices that
        the cabinet has not. `disk` and `shelf` stand in
        for the models of a disk."""
        self.seed = seed
        self.level = level
        self.loop = VirtualLoop.make(may_run, born)
        self.witness = Witness(self.loop.time)
        plan = blueprint(settings, without)
        plan = plan if shelf is None else replace(plan, shelf=shelf)
        self._plan = replace(plan, ids=plan.ids.anew())
        self._disk = disk
        # A run of some weeks meets the change of clocks sooner or later, or not at all.
        self._start_ms = START_MS + seed * 7 % 200 * DAY_MS if start_ms is None else start_ms

    def run(self, story: Callable[[Simulation], Coroutine[Any, Any, None]]) -> Violated | None:
        """Plays it; what was violated first, if anything was."""
        with _heard(self.witness):
            try:
                self.loop.run(self._play(story))
            except Violated as violated:
                self.witness.violate(violated)
            finally:
                self.loop.run(self._bury())
        return self.witness.violated

    async def _play(self, story: Callable[[Simulation], Coroutine[Any, Any, None]]) -> None:
        self.cabinet = Cabinet(
            self._plan, self.loop, self.witness, self.seed, self._start_ms, self._make_level, self._disk
        )
        self.checks = all_checks(self.cabinet, self.loop.time, self._unhandled)
        self.witness.add(self.checks.all)
        self.broker = ModelBroker(seeded(self.seed, "broker"))
        self.uplink = UplinkProcess(self.cabinet, self.broker, self.loop, self.seed)
        self.upstream = ModelUpstream(
            self.broker, COSIGNER, self.witness, seeded(self.seed, "upstream"), lambda: self.cabinet.wall.true_ms
        )
        self.upstream.start()
        playing = asyncio.ensure_future(story(self))
        watching = asyncio.ensure_future(self.witness.ended.wait())
        await asyncio.wait((playing, watching), return_when=asyncio.FIRST_COMPLETED)
        watching.cancel()
        if playing.done():
            playing.result()

    async def _bury(self) -> None:
        """Ends everything that is left, so that nothing of it reaches into the next simulation."""
        self.cabinet.abandon()
        self.uplink.end("the simulation ends")
        self.upstream.crash()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for _ in range(3):
            await asyncio.sleep(0)

    def _make_level(self, world: World) -> Level:
        if self.level == "wire":
            from simulator.harness.wire.level import WireLevel

            return WireLevel(self._plan.config.table, world, self.seed)
        return CapabilityLevel(self._plan.config.table, world, self.seed)

    def _unhandled(self) -> list[str]:
        found = []
        for context in self.loop.unhandled:
            error = context.get("exception")
            if not isinstance(error, Killed):
                trace = "".join(traceback.format_exception(error)) if error else ""
                found.append(f"{context.get('message')} {trace}".strip())
        self.loop.unhandled.clear()
        return found


class _Ear(logging.Handler):
    """The log of living processes, as the trace has it."""

    def __init__(self, witness: Witness) -> None:
        super().__init__(logging.WARNING)
        self._witness = witness

    def emit(self, record: logging.LogRecord) -> None:
        process = current()
        if process is not None and not process.alive:
            return
        trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self._witness.tell(Logged(f"{record.levelname} {record.getMessage()}", trace))


@contextlib.contextmanager
def _heard(witness: Witness) -> Iterator[None]:
    root, ear = logging.getLogger(), _Ear(witness)
    level, handlers = root.level, root.handlers[:]
    root.setLevel(logging.WARNING)
    root.handlers[:] = [ear]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
