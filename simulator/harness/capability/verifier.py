"""A camera and the face before it."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final

from hal.capabilities import Emit, Verifier
from hal.clock import Clock
from hal.errors import DeviceRefused
from simulator.faults import Fault, FaultError
from simulator.harness.capability.fixture import Driver, Fixture
from simulator.harness.process import outside
from simulator.socket_verifier import LOOKS_S, THINKS_S, IsPerson

UNBELIEVABLE: Final = ("bad-checksum", "stale")


class VerifierFixture(Fixture):
    faults = (*Fixture.faults, *UNBELIEVABLE)

    def __init__(self, device: str, random: Random) -> None:
        super().__init__(device, random)
        self.believable = True
        self._face: IsPerson | None = None
        self._asked: str | None = None
        self._answering: asyncio.TimerHandle | None = None

    def afflict(self, fault: Fault) -> None:
        if fault.name not in UNBELIEVABLE:
            raise FaultError(f"{fault.name}: not offered here")
        self.believable = False

    def heal(self) -> None:
        self.believable = True

    def look(self, face: IsPerson) -> None:
        self._face = face
        self._later(THINKS_S if self._asked is not None else LOOKS_S)

    def ask(self, person: str) -> None:
        self._asked = person
        if self._face is not None:
            self._later(THINKS_S)

    def _later(self, seconds: float) -> None:
        if self._answering is not None:
            self._answering.cancel()
        self._answering = asyncio.get_running_loop().call_later(seconds, self._answer)

    def _answer(self) -> None:
        if self._asked is not None and self._face is not None:
            self.tell((self._asked, self._face(self._asked)))
        self._asked = self._face = None


class WorldVerifier(Driver[VerifierFixture, tuple[str, bool]], Verifier):
    def __init__(self, fixture: VerifierFixture, clock: Clock) -> None:
        super().__init__(fixture, clock)
        self._question: tuple[str, asyncio.Future[bool]] | None = None

    async def verify(self, person: str, within_s: float) -> bool | None:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._question = person, answer
        outside(self.fixture.ask, person)
        try:
            async with asyncio.timeout(within_s):
                verdict = await answer
        except (TimeoutError, DeviceRefused):
            return None
        finally:
            self._question = None
        return verdict

    def take(self, message: tuple[str, bool], emit: Emit) -> None:
        person, verdict = message
        if self._question is None or self._question[0] != person or self._question[1].done():
            return
        if not self.fixture.believable:
            error = DeviceRefused(self.device, "its signature does not fit this question; are both key files the same?")
            self._question[1].set_exception(error)
            raise error
        self._question[1].set_result(verdict)
