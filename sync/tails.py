"""Leaves of epochs that have ended, and which nobody has confirmed: sent once on each connection, behind everything
else, until an operator has accepted the epoch that followed. Pure.

One batch at a time: they are history, and in nobody's way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from sync.events import Tail

_EPOCH: Final = re.compile(r"/e([1-9][0-9]{0,5})$")


class Tails:
    """Where to go on reading. What upstream makes of them is not told, and changes nothing."""

    def __init__(self) -> None:
        self._all: tuple[Tail, ...] = ()
        self._left: list[Tail] = []
        self._accepted = 1
        self._busy = False
        self._token: int | None = None

    def connect(self) -> None:
        """A new connection: all of them once more."""
        self._busy, self._token = False, None
        self._left = list(self._all)

    def found(self, tails: Sequence[Tail]) -> None:
        """What the cabinet has of them, on every asking."""
        if tuple(tails) != self._all:
            self._all = tuple(tails)
            self._left = list(self._all)

    def forget(self) -> None:
        """The cabinet is gone; what was asked for is not answered."""
        self._busy = False

    def accept(self, origin: str) -> None:
        """And with it whatever came before."""
        self._accepted = epoch_of(origin)

    def next(self) -> Tail | None:
        """From where on to read now; None while something is under way."""
        while self._left and epoch_of(self._left[0].origin) < self._accepted:
            self._left.pop(0)
        if self._busy or self._token is not None or not self._left:
            return None
        self._busy = True
        return self._left[0]

    def expects(self, origin: str, first: int) -> bool:
        """Whether this is what was asked for last, on this connection."""
        self._busy = False
        return bool(self._left) and (self._left[0].origin, self._left[0].first) == (origin, first)

    def sent(self, token: int, origin: str, end: int) -> None:
        """What was read is on its way to the broker."""
        self._token = token
        first = self._left.pop(0)
        if end < first.size:
            self._left.insert(0, Tail(origin, end, first.size))

    def ended(self) -> None:
        """There is nothing more of it, or it could not be read."""
        self._busy = False
        if self._left:
            self._left.pop(0)

    def taken(self, token: int) -> None:
        """The broker has it, or has refused it: on with the next."""
        if token == self._token:
            self._token = None


def epoch_of(origin: str) -> int:
    """1 without a number behind it."""
    match = _EPOCH.search(origin)
    return int(match[1]) if match else 1
