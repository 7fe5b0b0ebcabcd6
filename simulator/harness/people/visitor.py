"""One person in front of the cabinet: eyes, hands, and what they carry."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Literal

from drivers.wire.card_number import parse_card
from simulator.cast import Person
from simulator.harness import happenings as seen
from simulator.harness.cabinet import Cabinet
from simulator.world import Change, NotPossible, World

REACT_S = (0.2, 1.5)


class Lobby:
    """The place before the cabinet: who comes waits until it is open, and sees what happens there."""

    def __init__(self, world: World) -> None:
        self.inside = 0
        self._sight = asyncio.Event()
        world.observe(self._seen)
        self._open = asyncio.Event()
        self._open.set()
        self._empty = asyncio.Event()
        self._empty.set()

    async def enter(self) -> None:
        while not self._open.is_set():
            await self._open.wait()
        self.inside += 1
        self._empty.clear()

    async def see(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Looks on until it is so."""
        end_s = asyncio.get_running_loop().time() + within_s
        while not holds():
            left_s = end_s - asyncio.get_running_loop().time()
            if left_s <= 0:
                return False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._sight.wait()
        return True

    def _seen(self, change: Change) -> None:
        if change.what in ("display", "bolt"):
            self._sight.set()
            self._sight = asyncio.Event()

    def leave(self) -> None:
        self.inside -= 1
        if not self.inside:
            self._empty.set()

    async def close(self) -> None:
        """Returns when the last one has left."""
        self._open.clear()
        await self._empty.wait()

    def open(self) -> None:
        self._open.set()


class Visitor:
    """Acts through card, keys and fobs only, and knows what the display shows."""

    def __init__(self, cabinet: Cabinet, lobby: Lobby, person: Person, random: Random) -> None:
        self.person = person
        self.random = random
        self.cabinet = cabinet
        self._lobby = lobby

    @property
    def name(self) -> str:
        return self.person.name

    @property
    def screen(self) -> str:
        return self.cabinet.world.display

    def beside(self, person: Person) -> Visitor:
        """Somebody else, at the same time."""
        return Visitor(self.cabinet, self._lobby, person, self.random)

    async def pause(self, low_s: float = REACT_S[0], high_s: float = REACT_S[1]) -> None:
        await asyncio.sleep(self.random.uniform(low_s, high_s))

    async def visit(self, manner: Callable[[Visitor], Awaitable[None]]) -> None:
        """Comes, behaves so, and goes."""
        await self._lobby.enter()
        try:
            await manner(self)
        finally:
            self._lobby.leave()

    async def be_away(self, seconds: float) -> None:
        """Goes, and comes back after a while."""
        self._lobby.leave()
        try:
            await asyncio.sleep(seconds)
        finally:
            await self._lobby.enter()

    async def badge(self, card: str | None = None, how: Literal["plain", "strong", "forged"] = "plain") -> None:
        """Holds their card (or another) to the reader for a moment."""
        number = card or self.person.card
        self.cabinet.witness.tell(seen.Card(self.name, number, how))
        self.cabinet.level.present(parse_card(number), how)
        await self.pause(0.3, 0.8)
        self.cabinet.level.remove()

    async def touch(self, finger: int | None = None) -> None:
        """Puts their finger (or another) on the reader for a moment."""
        number = self.person.finger if finger is None else finger
        self.cabinet.witness.tell(seen.Touched(self.name, number))
        await self.cabinet.level.touch(number)

    async def type(self, keys: str) -> None:
        self.cabinet.witness.tell(seen.Keys(self.name, keys))
        await self.cabinet.level.press(keys)

    def look(self) -> None:
        """At the camera."""
        names, name = self.cabinet.plan.ids, self.name
        self.cabinet.witness.tell(seen.Looked(name))
        self.cabinet.level.look(lambda person: names.get(person) == name)

    async def read(self, *fragments: str, within_s: float = 3.0) -> str | None:
        """Looks at the display until one of these is on it; which one."""
        await self._lobby.see(lambda: self._shown(fragments) is not None, within_s)
        return self._shown(fragments)

    async def unlocked(self, slot: int, within_s: float = 2.0) -> bool:
        """Tries until the bolt gives way."""
        return await self._lobby.see(lambda: not self.cabinet.world.locked(slot), within_s)

    def lift(self, slot: int) -> str | None:
        """Pulls; the fob in hand, or nothing."""
        fob = self.cabinet.world.fob_in(slot)
        return self._try(lambda: self.cabinet.world.lift(slot), f"lifts slot {slot}", fob)

    def force(self, slot: int) -> str | None:
        fob = self.cabinet.world.fob_in(slot)
        return self._try(lambda: self.cabinet.world.force(slot), f"tears slot {slot} out", fob)

    def seat(self, slot: int, fob: str) -> bool:
        return self._try(lambda: self.cabinet.world.seat(slot, fob), f"puts {fob} into slot {slot}", fob) is not None

    def open_door(self) -> None:
        self.cabinet.world.open_door()

    def close_door(self) -> None:
        self.cabinet.world.close_door()

    def _shown(self, fragments: Sequence[str]) -> str | None:
        return next((fragment for fragment in fragments if fragment in self.screen), None)

    def _try(self, act: object, what: str, fob: str | None) -> str | None:
        assert callable(act)
        try:
            act()
        except NotPossible as reason:
            self.cabinet.witness.tell(seen.Act(self.name, f"{what}: {reason}"))
            return None
        self.cabinet.witness.tell(seen.Act(self.name, what))
        return fob
