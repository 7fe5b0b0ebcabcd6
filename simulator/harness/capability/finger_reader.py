"""A finger reader, the module behind it, and the finger on its glass. A finger is a number, each its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from hal.capabilities import Emit, EnrolStep, FingerModule, FingerReader, FingerSeen, FingerUnknown
from hal.clock import Clock
from hal.errors import DeviceRefused, DeviceTimeout, FingerRefused, LinkLost
from simulator.faults import Fault
from simulator.harness.capability.fixture import Driver, Fixture
from simulator.harness.process import outside

CAPACITY: Final = 100
MARK_BYTES: Final = 16
TOUCH_S: Final = 1.0
SEES_S: Final = 0.3
STORES_S: Final = 0.2
UNCLEAR: Final = 0.1
"""How often the module wants a finger once more."""


@dataclass(slots=True)
class Module:
    """What it keeps without power."""

    mark: bytes
    fingers: dict[int, int] = field(default_factory=dict)
    """By template number."""


class FingerFixture(Fixture):
    faults = (*Fixture.faults, "other-module", "factory-reset")

    def __init__(self, device: str, random: Random) -> None:
        super().__init__(device, random)
        self.module = self._own = Module(random.randbytes(MARK_BYTES))

    def afflict(self, fault: Fault) -> None:
        match fault.name:
            case "other-module":
                self.module = Module(self.random.randbytes(MARK_BYTES), {n: 60_000 + n for n in range(3)})
            case "factory-reset":
                self.module = self._own = Module(self.random.randbytes(MARK_BYTES))
            case _:
                super().afflict(fault)
        self.tell(None)

    def heal(self) -> None:
        if self.module is not self._own:
            self.module = self._own
            self.tell(None)

    async def touch(self, finger: int) -> None:
        """Puts it on for a moment."""
        loop = asyncio.get_running_loop()
        loop.call_later(SEES_S, self.tell, finger)
        await asyncio.sleep(TOUCH_S)

    def stored(self) -> dict[int, int]:
        return dict(self.module.fingers)


class WorldFingers(Driver[FingerFixture, int | None], FingerReader):
    def __init__(self, fixture: FingerFixture, clock: Clock) -> None:
        super().__init__(fixture, clock)
        self._emit: Emit = lambda reading: None
        self._wanted: asyncio.Future[int] | None = None
        """The finger that enrols."""

    def begin(self, emit: Emit) -> None:
        self._emit = emit
        self._report()

    def take(self, message: int | None, emit: Emit) -> None:
        module = self.fixture.module
        if message is None:
            self._report()
        elif self._wanted is not None:
            if not self._wanted.done():
                self._wanted.set_result(message)
        elif (template := _find(module, message)) is not None:
            emit(FingerSeen(self.device, module.mark, template))
        else:
            emit(FingerUnknown(self.device))

    def wake(self) -> None:
        super().wake()
        if self._wanted is not None and not self._wanted.done() and not self.fixture.within_reach:
            self._wanted.set_exception(LinkLost(self.device, "unplugged"))

    async def enrol(self, template: int, told: Callable[[EnrolStep], None], within_s: float) -> None:
        self.fixture.check()
        module = self.fixture.module
        if template in module.fingers or template >= CAPACITY:
            raise DeviceRefused(self.device, "the number is taken, or there is no such number")
        try:
            async with asyncio.timeout(within_s):
                first = await self._capture("put", told)
                if _find(module, first) is not None:
                    raise FingerRefused(self.device, "this finger is known already", "known")
                told("lift")
                second = await self._capture("again", told)
        except TimeoutError:
            raise DeviceTimeout(self.device, "nobody put a finger on in time") from None
        finally:
            self._wanted = None
        self.fixture.check()
        if module is not self.fixture.module:
            raise LinkLost(self.device, "another module is there")
        if first != second:
            raise FingerRefused(self.device, "these were two fingers", "differs")
        outside(module.fingers.__setitem__, template, first)
        self._report()
        await asyncio.sleep(STORES_S)

    async def delete(self, templates: frozenset[int]) -> None:
        self.fixture.check()
        for template in templates:
            outside(self.fixture.module.fingers.pop, template, None)
        self._report()

    async def _capture(self, step: EnrolStep, told: Callable[[EnrolStep], None]) -> int:
        told(step)
        while True:
            self._wanted = asyncio.get_running_loop().create_future()
            finger = await self._wanted
            if self.fixture.random.random() >= UNCLEAR:
                return finger
            told("unclear")

    def _report(self) -> None:
        module = self.fixture.module
        self._emit(FingerModule(self.device, module.mark, frozenset(module.fingers), CAPACITY))


def _find(module: Module, finger: int) -> int | None:
    return next((template for template, one in module.fingers.items() if one == finger), None)
