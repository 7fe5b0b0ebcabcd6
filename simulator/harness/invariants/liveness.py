"""It goes on working: 12 (a dead device holds up no other), 13 (after the last fault), 14 (bounded), and 18: no
mistake of ours on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median

from simulator.harness import happenings as seen
from simulator.harness.witness import Hear, Violated

RECOVERED_S = 15.0
ENOUGH = 15
"""Visits, before medians are compared: a pulse alone takes one to three of its own times."""
IN_FLIGHT_S = 0.45
"""A question to the dead device that was just asked is waited for, and the silence after it."""


class OneDeadDevice:
    number = 12
    title = "one dead device leaves the others' latency within twice their normal"

    def __init__(self) -> None:
        self._normal: list[float] = []
        self._beside_dead: list[float] = []

    def hears(self) -> Mapping[type, Hear]:
        return {}

    def at_rest(self) -> None:
        if min(len(self._normal), len(self._beside_dead)) < ENOUGH:
            return
        normal_ms, beside_ms = (median(one) * 1000 for one in (self._normal, self._beside_dead))
        if beside_ms > 2 * normal_ms:
            raise Violated(
                self, f"badge to bolt takes {beside_ms:.0f} ms beside a dead device, else {normal_ms:.0f} ms"
            )

    def measured(self, latency_s: float, dead: str | None) -> None:
        """From the last key of a choice to the coil; `dead` is a device that this does not need."""
        (self._normal if dead is None else self._beside_dead).append(latency_s)
        if dead is not None and self._normal and latency_s > 2 * max(self._normal) + IN_FLIGHT_S:
            raise Violated(self, f"beside the dead {dead}, badge to bolt took {latency_s * 1000:.0f} ms")


class WorksAgain:
    number = 13
    title = "after the last fault a valid visit works within 15 s"

    def hears(self) -> Mapping[type, Hear]:
        return {}

    def at_rest(self) -> None:
        """Nothing more than what is tried."""

    def answers(self, listening: bool) -> None:
        if not listening:
            raise Violated(self, f"{RECOVERED_S:.0f} s after the last fault the daemon does not answer")

    def tried(self, who: str, opened: bool, screen: str) -> None:
        if not opened:
            raise Violated(self, f"{RECOVERED_S:.0f} s after the last fault {who} is not served: {screen!r}")


class Bounded:
    number = 14
    title = "queues, memory and tasks are bounded"

    def __init__(self, load: Callable[[], dict[str, tuple[int, int]]]) -> None:
        """`load`: how much there is of everything, and how much there may be."""
        self._load = load

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Broken: self._look, seen.Mended: self._look}

    def at_rest(self) -> None:
        self._look(None)

    def _look(self, _: object) -> None:
        for what, (count, most) in self._load().items():
            if count > most:
                raise Violated(self, f"{count} {what}, at most {most} are allowed")


class NoMistakes:
    number = 18
    title = "nothing unexpected happens inside"

    def __init__(self, unhandled: Callable[[], list[str]]) -> None:
        self._unhandled = unhandled

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Logged: self._logged}

    def at_rest(self) -> None:
        if found := self._unhandled():
            raise Violated(self, found[0])

    def _logged(self, logged: seen.Logged) -> None:
        if logged.traceback:
            raise Violated(self, f"{logged.text}: {logged.traceback.splitlines()[-1]}")
