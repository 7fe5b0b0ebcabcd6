"""A matrix keypad on GPIO lines: idle until an edge, scanned only while a key is down."""

from __future__ import annotations

import asyncio

from drivers.specs.matrix_keypad import MatrixKeypadSpec
from drivers.typed_digits import TypedDigits
from drivers.wire.keypad import Debouncer, Key, corners, keys_down, label
from hal.buses import GpioLines
from hal.capabilities import DeviceSuspect, Emit, Keypad
from hal.clock import Clock

MOMENT_S = 0.001
"""The shortest wait: the rounding of a time-out must not make it wait for nothing again and again."""
STUCK_S = 20.0
"""Nobody holds a key for so long."""
SLOWER = 4
"""Beside a jammed key there is no rest: scanned so many times less often while nothing else is down."""


class MatrixKeypad(Keypad):
    """A to D do nothing. A key that is down from the start, or for very long, is ignored until it is let go, so that
    the others still work."""

    def __init__(self, spec: MatrixKeypadSpec, gpio: GpioLines, clock: Clock) -> None:
        self.device = spec.id
        self.keys = len(spec.rows) * len(spec.columns)
        self._spec = spec
        self._gpio = gpio
        self._debouncer = Debouncer(spec.scans)
        self._digits = TypedDigits(spec.id, clock, entry_s=spec.entry_s, digits_max=spec.digits_max)
        self._clock = clock
        self._since_s: dict[Key, float] = {}
        """Since when each key that is down is so."""
        self._told: frozenset[Key] = frozenset()
        """The keys that are known to be stuck."""

    async def start(self) -> None:
        """Claims the lines and takes a first look at the keys; a keypad cannot prove that it is there."""
        await self._gpio.release(self._spec.rows + self._spec.columns)
        # Open drain: two keys pressed together never short a high row to a low one.
        await self._gpio.claim_outputs(self._spec.rows, high=False, drive="open-drain")
        await self._gpio.claim_inputs(self._spec.columns, pull="up", edges=True)
        self._debouncer = Debouncer(self._spec.scans)
        self._since_s, self._told = {}, frozenset()
        self._debouncer.scan(await self._scan())

    async def watch(self, emit: Emit) -> None:
        try:
            while True:
                await self._scan_until_at_rest(emit)
                await self._wait_for_key()
                self._digits.forget_if_late(emit)
        finally:
            self._digits.forget(emit)

    async def stop(self) -> None:
        await self._gpio.release(self._spec.rows + self._spec.columns)

    async def _scan_until_at_rest(self, emit: Emit) -> None:
        while True:
            key = self._debouncer.scan(await self._scan())
            if key is not None:
                self._digits.press(label(key), emit)
            self._tell_stuck(emit)
            self._digits.forget_if_late(emit)
            if self._debouncer.at_rest:
                return
            scans = SLOWER if self._debouncer.all_stuck else 1
            await asyncio.sleep(scans * self._spec.scan_ms / 1000)

    async def _scan(self) -> frozenset[Key]:
        levels = []
        for row in self._spec.rows:
            await self._gpio.write({line: line != row for line in self._spec.rows})
            levels.append(await self._gpio.read(self._spec.columns))  # later than 5 us: the row has settled
        return keys_down(levels)

    async def _wait_for_key(self) -> None:
        """Until a column moves, or typed digits are too old."""
        await self._gpio.write(dict.fromkeys(self._spec.rows, False))
        if not all(await self._gpio.read(self._spec.columns)):
            return  # pressed meanwhile; do not rely on its edge, a full queue drops some
        try:
            left_s = self._digits.left_s()
            async with asyncio.timeout(None if left_s is None else max(MOMENT_S, left_s)) as limit:
                await self._gpio.next_edges(self._spec.columns)
        except TimeoutError:
            if not limit.expired():
                raise

    def _tell_stuck(self, emit: Emit) -> None:
        """Whose digit counted when it went down, if it did, cannot be meant."""
        now_s = self._clock.mono_s()
        self._since_s = {key: self._since_s.get(key, now_s) for key in self._debouncer.down}
        stuck = frozenset(key for key, since_s in self._since_s.items() if now_s - since_s >= STUCK_S)
        if stuck == self._told:
            return
        if stuck - self._told:
            self._debouncer.give_up(stuck)
            self._digits.forget(emit)
        self._told = stuck
        emit(DeviceSuspect(self.device, "key.stuck", _what_is(stuck) if stuck else None))


def _what_is(stuck: frozenset[Key]) -> str:
    places = ", ".join(f"row {row + 1} column {column + 1}" for row, column in sorted(stuck))
    ghosts = " (one of them may only seem so)" if corners(stuck) else ""
    return f"a key stays down: {places}{ghosts}; look for a jammed key or a short. The others work without it"
