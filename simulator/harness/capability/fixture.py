"""What is screwed to the cabinet, and the driver a process has for it.

A fixture lives as long as the cabinet and has faults; a driver belongs to one run of the daemon. What a fixture tells
its driver goes through a queue, so it reaches a living process in that process's own turn, and a dead one not at all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from random import Random
from typing import Generic, TypeVar

from hal.capabilities import Emit
from hal.clock import Clock
from hal.errors import DeviceTimeout, LinkLost
from simulator.faults import Fault, FaultError

M = TypeVar("M")
F = TypeVar("F", bound="Fixture")


class Fixture:
    """`faults` are those it offers; unplugged it is a lost link, silent it does not answer."""

    faults: tuple[str, ...] = ("unplug", "silent")

    def __init__(self, device: str, random: Random) -> None:
        self.device = device
        self.random = random
        self.plugged = True
        self.answers = True
        self.powered = True
        self._listening: Driver[Fixture, object] | None = None

    def fault(self, fault: Fault) -> None:
        """Sets it, beside those already set. Raises FaultError."""
        match fault.name:
            case "unplug":
                self.plugged = False
            case "silent":
                self.answers = False
            case _:
                self.afflict(fault)
        self.nudge()

    def clear(self) -> None:
        """Ends all faults."""
        self.plugged = self.answers = True
        self.heal()
        self.nudge()

    def power(self, *, on: bool) -> None:
        self.powered = on

    def afflict(self, fault: Fault) -> None:
        raise FaultError(f"{fault.name}: not offered here")

    def heal(self) -> None:
        """Ends the faults that `afflict` set."""

    @property
    def within_reach(self) -> bool:
        """A program can talk with it."""
        return self.plugged and self.answers and self.powered

    def check(self) -> None:
        """Raises what a driver finds now. Nothing was done then."""
        if not (self.plugged and self.powered):
            raise LinkLost(self.device, "unplugged")
        if not self.answers:
            raise DeviceTimeout(self.device, "no answer; check its power and its wires")

    def listen(self, driver: Driver[Fixture, object] | None) -> None:
        """The driver that is told from now on."""
        self._listening = driver

    def tell(self, message: object) -> None:
        """Lost when nobody listens."""
        if self._listening is not None and self.within_reach:
            self._listening.put(message)

    def nudge(self) -> None:
        """The driver looks again how the fixture is."""
        if self._listening is not None:
            self._listening.wake()


class Driver(Generic[F, M]):
    """One run's driver of a fixture. Subclasses say what a message means."""

    def __init__(self, fixture: F, clock: Clock) -> None:
        self.device = fixture.device
        self.fixture = fixture
        self.clock = clock
        self._messages: deque[M] = deque()
        self._arrived = asyncio.Event()

    def put(self, message: M) -> None:
        self._messages.append(message)
        self._arrived.set()

    def wake(self) -> None:
        self._arrived.set()

    async def start(self) -> None:
        self.fixture.check()

    async def watch(self, emit: Emit) -> None:
        self._messages.clear()
        self.fixture.listen(self)  # type: ignore[arg-type]  # it only puts and wakes
        try:
            self.begin(emit)
            while True:
                self.fixture.check()
                while self._messages:
                    self.take(self._messages.popleft(), emit)
                self._arrived.clear()
                await self._arrived.wait()
        finally:
            self.fixture.listen(None)

    async def stop(self) -> None:
        """Nothing to switch off."""

    def begin(self, emit: Emit) -> None:
        """What is told at first."""

    def take(self, message: M, emit: Emit) -> None:
        """What a message of the fixture means."""
