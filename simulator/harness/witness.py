"""Sees everything that happens, and asks each invariant at the moment it happens."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from simulator.harness.happenings import Happening
from simulator.harness.process import outside

LINES_KEPT: Final = 30
Hear = Callable[[Any], None]


Listener = Callable[[float, Happening], None]
"""Hears of everything, with the time it happened."""


def line(at_s: float, happening: Happening) -> str:
    """Of the trace."""
    return f"{at_s:.6f} {happening}"


class Digest:
    """Of a whole trace: a listener."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def __call__(self, at_s: float, happening: Happening) -> None:
        self._hash.update(line(at_s, happening).encode() + b"\n")

    def hex(self) -> str:
        return self._hash.hexdigest()


class Check(Protocol):
    """One invariant. `hears` names what it looks at; each of these may raise Violated."""

    number: int
    title: str

    def hears(self) -> Mapping[type, Hear]: ...

    def at_rest(self) -> None:
        """Everything works and nobody does anything: what must hold then. Raises Violated."""
        ...


class Violated(AssertionError):
    """An invariant does not hold. `what` says in plain words what happened that must not."""

    def __init__(self, check: Check, what: str) -> None:
        super().__init__(f"invariant {check.number} ({check.title}): {what}")
        self.check = check
        self.what = what


class Witness:
    """`now_s` is the simulated time. After a violation, whoever runs the simulation looks at `violated`: what raised
    it may have been caught by the program under test."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.count = 0
        self.violated: Violated | None = None
        self.ended = asyncio.Event()
        """Something is violated: what comes after it says little."""
        self.listeners: list[Listener] = []
        self._now_s = now_s
        self._last: deque[tuple[float, Happening]] = deque(maxlen=LINES_KEPT)
        self._checks: list[Check] = []
        self._ears: dict[type, list[Hear]] = {}

    def add(self, checks: Iterable[Check]) -> None:
        for check in checks:
            self._checks.append(check)
            for kind, hear in check.hears().items():
                self._ears.setdefault(kind, []).append(hear)

    @property
    def lines(self) -> list[str]:
        """The last ones."""
        return [line(at_s, happening) for at_s, happening in self._last]

    def tell(self, happening: Happening) -> None:
        now_s = self._now_s()
        self.count += 1
        self._last.append((now_s, happening))
        for listener in self.listeners:
            listener(now_s, happening)
        try:
            for hear in self._ears.get(type(happening), ()):
                hear(happening)
        except Violated as violated:
            self.violate(violated)

    def at_rest(self) -> None:
        """Asks all invariants for what must hold now."""
        try:
            for check in self._checks:
                check.at_rest()
        except Violated as violated:
            self.violate(violated)

    def violate(self, violated: Violated) -> None:
        """The first one is kept."""
        if self.violated is None:
            self.violated = violated
            outside(self.ended.set)
