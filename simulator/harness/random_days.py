"""Days of a cabinet as they may come: people, troubles and technicians by the seed, and now and then a calm moment in
which everything has to be in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from cabinet.control.protocol import ControlError
from simulator.harness import happenings as seen
from simulator.harness.invariants.fingers import CHANGED
from simulator.harness.invariants.liveness import RECOVERED_S
from simulator.harness.network.troubles import NetworkTroubles
from simulator.harness.people.booked import Wish, book, cancel, collect
from simulator.harness.people.custodian import agree, disclose, erase, suspend, welcome
from simulator.harness.people.fingers import let_it_know
from simulator.harness.people.mix import MANNERS
from simulator.harness.people.reliable import RELIABLE, try_visit
from simulator.harness.people.visitor import Lobby, Visitor
from simulator.harness.simulation import Simulation
from simulator.harness.troubles import GROUPS, Group, Troubles
from simulator.types import seeded

VISITS_AN_HOUR: Final = 10
TROUBLE_EVERY_S: Final = 1_500
TECHNICIAN_EVERY_S: Final = 9_000
BOOKED_EVERY_S: Final = 5_400
ERASED_EVERY_S: Final = 28_800
ERASED: Final = ("Kim", "Eve", "Ivo", "Pia", "Uma")
"""Who is forgotten now and then, and comes back as somebody new: a visitor among them, and nobody's host."""
CALM_EVERY_S: Final = 7_200
FINGERS_EVERY_S: Final = 5_400
LEFT_S: Final = 40
"""Longer than a visit lasts in which nobody does anything."""
READER: Final = "finger"
COPIED_AFTER_S: Final = 7_200
AWAY_S: Final = 10_800
IN_REACH_S: Final = 900
TOLD_S: Final = 20.0
ARRIVED_S: Final = 420
"""Longer than any pause before what was not acknowledged is sent again."""
LOOK_S: Final = 10
BOOKED: Final = (
    *(("Ada", "K-0007"), ("Uma", "K-0007"), ("Lin", "K-0001"), ("Lin", "K-0002"), ("Max", "K-0003")),
    *(("Max", "K-0004"), ("Noa", "V-0005"), ("Noa", "V-0006"), ("Eve", "K-0003"), ("Noa", "K-0007")),
)
"""For whom and what; some of them in vain. Nobody but Lin books what she takes in a calm."""
BYSTANDERS: Final = (
    *(("display", "unplug"), ("inputs-a", "silent"), ("inputs-b", "silent"), ("fobs", "unplug")),
    ("finger", "unplug"),
)
"""Devices that a release does not need, and how they die alone."""


@dataclass(slots=True)
class Tally:
    """What a run has met."""

    visits: int = 0
    calms: int = 0
    skipped: int = 0


class RandomDays:
    """`play` is a story for Simulation.run."""

    def __init__(self, hours: float, faults: frozenset[Group] = GROUPS) -> None:
        self.tally = Tally()
        self._hours = hours
        self._reported: int | None = None
        """The last incident."""
        self._faults = faults

    async def play(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._cabinet = simulation.cabinet
        self._lobby = Lobby(self._cabinet.world)
        network = NetworkTroubles(
            self._cabinet,
            simulation.broker,
            simulation.uplink,
            simulation.upstream,
            seeded(simulation.seed, "network troubles"),
        )
        self.troubles = Troubles(self._cabinet, network, seeded(simulation.seed, "troubles"), self._faults)
        self._cast = list(self._cabinet.plan.cast.values())
        self._cabinet.power_on()
        await asyncio.sleep(5)
        goings = [
            self._visitors(),
            self._technicians(),
            self._custodian(),
            self._forgets(),
            self._fingers(),
            self._calms(),
        ]
        if self._faults:
            goings.append(self._things_break())
        if "network" in self._faults:
            goings.append(self._line_comes_and_goes())
            if simulation.seed % 5 == 0:
                goings.append(self._a_copy_is_confirmed(network))
        tasks = [asyncio.ensure_future(one) for one in goings]
        end = asyncio.ensure_future(asyncio.sleep(self._hours * 3600 - 5))
        done, _ = await asyncio.wait((end, *tasks), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        for task in tasks:
            task.cancel()
        await self._calm()
        self._simulation.broker.lies.clear()
        self._simulation.broker.cut()  # what an epoch has given up comes once on each connection, for better or worse
        await self._arrives()
        self._simulation.checks.upstream.arrived()
        await self._cabinet.stop()

    async def _arrives(self) -> None:
        upstream = self._simulation.checks.upstream
        for _ in range(ARRIVED_S // LOOK_S):
            await asyncio.sleep(LOOK_S)
            if upstream.has_arrived:
                return

    async def _visitors(self) -> None:
        random = seeded(self._simulation.seed, "visits")
        visits: set[asyncio.Task[None]] = set()
        while True:
            await asyncio.sleep(random.expovariate(VISITS_AN_HOUR / 3600))
            person = random.choice(self._cast)
            [manner] = random.choices(list(MANNERS), weights=list(MANNERS.values()))
            self.tally.visits += 1
            visitor = Visitor(
                self._cabinet, self._lobby, person, seeded(self._simulation.seed, f"visit {self.tally.visits}")
            )
            visits.add(asyncio.ensure_future(visitor.visit(manner)))
            for visit in [visit for visit in visits if visit.done()]:
                visits.discard(visit)
                visit.result()

    async def _things_break(self) -> None:
        random = seeded(self._simulation.seed, "when things break")
        while True:
            await asyncio.sleep(random.expovariate(1 / TROUBLE_EVERY_S))
            await self._lobby.enter()
            self.troubles.begin()
            self._lobby.leave()

    async def _line_comes_and_goes(self) -> None:
        """The broker is in reach for some minutes, and away for some hours."""
        random, broker = seeded(self._simulation.seed, "the line"), self._simulation.broker
        while True:
            broker.lie("away")
            await asyncio.sleep(random.expovariate(1 / AWAY_S))
            broker.lies.discard("away")
            await asyncio.sleep(random.expovariate(1 / IN_REACH_S))

    async def _a_copy_is_confirmed(self, network: NetworkTroubles) -> None:
        """Once, at some time when the cabinet is there."""
        random = seeded(self._simulation.seed, "a copy")
        while True:
            await asyncio.sleep(random.expovariate(1 / COPIED_AFTER_S))
            network.copy()

    async def _custodian(self) -> None:
        """Books what somebody may take, or may not, for some time soon; whoever is given a code comes with it."""
        random, visits = seeded(self._simulation.seed, "bookings"), set()
        number = 0
        while True:
            await asyncio.sleep(random.expovariate(1 / BOOKED_EVERY_S))
            number += 1
            who, item = random.choice(BOOKED)
            starts_ms = self._cabinet.wall.shown_ms + random.randint(-600, 7_200) * 1000
            until_ms = starts_ms + random.randint(600, 14_400) * 1000
            wish = Wish(who, item, starts_ms, until_ms, random.random() < 0.6, random.random() < 0.3)
            comes_s = max(0.0, (starts_ms - self._cabinet.wall.shown_ms) / 1000 + random.uniform(-1_500, 1_500))
            with contextlib.suppress(ControlError):
                code = await book(self._cabinet, wish)
                if code is not None:
                    visits.add(asyncio.ensure_future(self._collect(number, who, code, comes_s)))
                if random.random() < 0.15:
                    await cancel(self._cabinet, item)
            for visit in [visit for visit in visits if visit.done()]:
                visits.discard(visit)
                visit.result()

    async def _forgets(self) -> None:
        """Somebody is erased, perhaps while they have a key or stand there, and added anew some time later."""
        random = seeded(self._simulation.seed, "erasures")
        while True:
            await asyncio.sleep(random.expovariate(1 / ERASED_EVERY_S))
            name = random.choice(ERASED)
            await self._at_the_desk(disclose, name)
            await self._at_the_desk(erase, name)
            while True:
                await asyncio.sleep(random.uniform(10, 7_200))
                if await self._at_the_desk(welcome, name) is None:
                    break

    async def _fingers(self) -> None:
        """Somebody has a finger enrolled, or does not agree any more; another module is taken for the right one."""
        random = seeded(self._simulation.seed, "fingers")
        number = 0
        while True:
            await asyncio.sleep(random.expovariate(1 / FINGERS_EVERY_S))
            number += 1
            daemon, person = self._cabinet.daemon, random.choice(self._cast)
            if daemon and f"{CHANGED}/{READER}" in daemon.runner.state.ledger.alarms and random.random() < 0.7:
                await self._ask("module.accept", {"reader": READER})
            elif random.random() < 0.25:
                await self._at_the_desk(partial(agree, withdrawn=True), person.name)
            else:
                visitor = Visitor(self._cabinet, self._lobby, person, seeded(self._simulation.seed, f"finger {number}"))
                await visitor.visit(partial(let_it_know, self._simulation))

    async def _at_the_desk(self, request: Callable[[Simulation, str], Awaitable[str | None]], name: str) -> str | None:
        """Not in a calm."""
        await self._lobby.enter()
        try:
            return await request(self._simulation, name)
        finally:
            self._lobby.leave()

    async def _collect(self, number: int, who: str, code: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self.tally.visits += 1
        random = seeded(self._simulation.seed, f"booking {number}")
        visitor = Visitor(self._cabinet, self._lobby, self._cabinet.plan.cast[who], random)
        await visitor.visit(partial(collect, code=code))

    async def _technicians(self) -> None:
        random = seeded(self._simulation.seed, "technicians")
        number = 0
        while True:
            await asyncio.sleep(random.expovariate(1 / TECHNICIAN_EVERY_S))
            number += 1
            requests: tuple[Callable[[int], Awaitable[None]], ...] = (
                self._release,
                self._suspend,
                self._bad_change,
                self._confirm_clock,
                self._rotate,
            )
            await random.choice(requests)(number)

    async def _release(self, number: int) -> None:
        slot = number % 8 + 1
        await self._report(number)
        if await self._ask("slot.release", {"slot": slot, "reason": f"service call {number}"}):
            fob = self._cabinet.world.fob_in(slot)
            await asyncio.sleep(1)
            if fob is not None and not self._cabinet.world.locked(slot):
                self._cabinet.world.lift(slot)
                await asyncio.sleep(30)
                if self._cabinet.world.fob_in(slot) is None:
                    self._cabinet.world.seat(slot, fob)
                self._cabinet.world.close_door()

    async def _report(self, number: int) -> None:
        """Closes what was recorded the last time, and records something new."""
        if self._reported is not None:
            await self._ask("incident.close", {"n": self._reported, "text": f"done with {number}"})
        daemon = self._cabinet.daemon
        if await self._ask("incident.record", {"kind": "incident", "item": "K-0007", "text": "it jams"}) and daemon:
            self._reported = max(daemon.runner.state.ledger.incidents, default=None)

    async def _suspend(self, number: int) -> None:
        """Somebody, for a while."""
        person = self._cast[number % len(self._cast)]
        if person.name == RELIABLE:
            return
        for suspended in (True, False):
            if await suspend(self._simulation, person.name, suspended=suspended) is not None:
                await suspend(self._simulation, person.name, suspended=suspended)
            await asyncio.sleep(1_800)

    async def _bad_change(self, number: int) -> None:
        changes: list[dict[str, object]] = [
            {"kind": "card.enrol", "person": "1001", "card": "0008844356"},
            {"kind": "person.suspend", "person": "4711"},
            {"kind": "right.put", "right": {"id": "all", "persons": ["*"], "items": ["K-9999"]}},
            {"kind": "nonsense"},
        ]
        await self._ask("roster.change", {"change": changes[number % len(changes)]})

    async def _confirm_clock(self, number: int) -> None:
        """Whatever the clock says: what is opened by it is theirs to answer for."""
        await self._ask("clock.confirm", {"reason": f"compared, {number}"})

    async def _rotate(self, number: int) -> None:
        """Now and then two ask at once."""
        asks = [self._ask("journal.rotate_key", {"reason": f"rotation {number}"}) for _ in range(1 + (number % 5 == 0))]
        await asyncio.gather(*asks)

    async def _ask(self, method: str, params: dict[str, object]) -> bool:
        try:
            await self._cabinet.call(method, params)
        except ControlError as error:
            self._cabinet.witness.tell(seen.Asked(method, f"refused: {error.message}"))
            return False
        self._cabinet.witness.tell(seen.Asked(method, "done"))
        return True

    # -- calm ----------------------------------------------------------------------------------------------------

    async def _calms(self) -> None:
        random = seeded(self._simulation.seed, "calms")
        while True:
            await asyncio.sleep(random.uniform(0.5, 1.5) * CALM_EVERY_S)
            await self._calm()

    async def _calm(self) -> None:
        """Everybody has left, everything is mended: it works again, and what the journal says is so."""
        await self._lobby.close()
        await self._forgotten()
        self.tally.calms += 1
        self.troubles.mend()
        self._cabinet.world.close_door()
        await asyncio.sleep(RECOVERED_S)
        await self._probe()
        if "device" in self._faults:
            device, fault = seeded(self._simulation.seed, f"calm {self.tally.calms}").choice(BYSTANDERS)
            self.troubles.break_device(device, fault)
            await asyncio.sleep(TOLD_S)
            await self._probe(device)
            self.troubles.mend()
        await asyncio.sleep(TOLD_S)
        self._cabinet.witness.at_rest()
        self._lobby.open()

    async def _forgotten(self) -> None:
        """Whoever went without a word may still be served, and the next one would be taken for a second person."""
        for _ in range(LEFT_S):
            if self._cabinet.daemon is None or self._cabinet.daemon.runner.state.visit is None:
                return
            await asyncio.sleep(1)

    async def _probe(self, dead: str | None = None) -> None:
        self.tally.skipped += not await try_visit(self._simulation, self._lobby, dead)
