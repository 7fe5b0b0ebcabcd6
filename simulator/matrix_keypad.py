"""A matrix keypad and the finger on it: a pressed key joins the line of its row and the line of its column.

No diodes: three keys on the corners of a rectangle show the fourth. Contacts bounce for some milliseconds when
they close and when they open.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from functools import partial
from typing import ClassVar

from simulator.faults import ActiveFaults, Fault, FaultError
from simulator.gpio_chip import LINES, GpioChip
from simulator.options import OptionError, Options

LAYOUT = ("123A", "456B", "789C", "*0#D")
BOUNCES_MAX = 3
BOUNCE_S = (0.0003, 0.0015)
PRESS_S, PAUSE_S = 0.060, 0.060
"""How long a finger stays on a key, and off it, at least."""
PASSES = 8
"""So often the scanning side goes over the row meanwhile: a busy machine may be slower than a finger."""
PATIENCE_S = 3.0
"""A finger does not wait longer than this for a side that does not scan."""
PRESSES_MAX = 64

NO_KEY: frozenset[str] = frozenset()

Lines = tuple[int, ...]


class MatrixKeypad:
    title = "4x3 or 4x4 keypad on GPIO lines, rows driven low one after the other"
    options: ClassVar = {
        "rows": "lines of the rows, from 1 2 3 to * 0 #; default 5,6,13,19",
        "columns": "lines of the columns, from 1 4 7 * on, 3 or 4; default 16,20,21",
        "press": "keys pressed as soon as a program scans; default none",
    }
    faults = ("noise", "silent", "duplicate", "unplug", "stuck-on", "ghost", "two-keys", "held")

    def __init__(self, rows: Lines, columns: Lines, rng: random.Random, settle_s: float = 0.0, press: str = "") -> None:
        """`settle_s`: how long the scanning side needs to be sure of a key; a finger stays twice as long."""
        self._rows = rows
        self._columns = columns
        self._rng = rng
        self._press_s = max(PRESS_S, 2 * settle_s)
        self._pause_s = max(PAUSE_S, 2 * settle_s)
        self._finger = asyncio.Lock()
        self._faults = ActiveFaults()
        self._chip: GpioChip | None = None
        self._pressed: frozenset[str] = frozenset()
        self._stuck: str | None = None
        self._scanned = asyncio.Event()
        self._rows_low: set[int] = set()
        self._passes = dict.fromkeys(rows, 0)
        self._moved = asyncio.Event()
        self._closed: frozenset[str] = frozenset()
        self._presses: asyncio.Task[None] | None = None
        self._press_first = press

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> MatrixKeypad:
        rows = options.numbers("rows", (5, 6, 13, 19), 0, LINES - 1)
        columns = options.numbers("columns", (16, 20, 21), 0, LINES - 1)
        if len(rows) != 4 or len(columns) not in (3, 4) or set(rows) & set(columns):
            raise OptionError("rows are 4 lines, columns 3 or 4, each line once")
        keypad = cls(rows, columns, rng, press=options.text("press") or "")
        try:
            keypad.check(options.text("press") or "")
        except ValueError as error:
            raise OptionError(f"press: {error}") from None
        return keypad

    def attach(self, chip: GpioChip) -> None:
        self._chip = chip
        for line in self._rows + self._columns:
            chip.watch(line, partial(self._look, line))

    def power(self, *, on: bool) -> None:
        if on and self._press_first and self._presses is None:
            self._presses = asyncio.get_running_loop().create_task(self._press_when_scanned())
        elif not on:
            if self._presses:
                self._presses.cancel()
            self._touch(NO_KEY)

    def check(self, keys: str) -> None:
        """Raises ValueError when one of `keys` is not on this keypad, or there are too many."""
        if len(keys) > PRESSES_MAX:
            raise ValueError(f"at most {PRESSES_MAX} keys at a time")
        for key in keys:
            if not any(key in row for row in self._keys):
                raise ValueError(f"no key {key!r} here; there are {' '.join(self._keys)}")

    async def press(self, keys: str) -> None:
        """Presses one key after the other and returns when the last is released. Raises ValueError as check()."""
        self.check(keys)
        async with self._finger:
            for key in keys:
                for _ in range(2 if self._faults.act("duplicate") else 1):
                    await self._press(key)

    def afflict(self, fault: Fault) -> None:
        if fault.name != "stuck-on":
            self._faults.set(fault)
            return
        key = fault.place or "5"
        if len(key) != 1 or not any(key in row for row in self._keys):
            raise FaultError(f"stuck-on={key[:40]}: the argument is a key of {' '.join(self._keys)}")
        self._stuck = key
        self._touch(self._pressed)

    def heal(self) -> None:
        self._faults.clear()
        self._stuck = None
        self._touch(self._pressed)

    @property
    def _keys(self) -> list[str]:
        return [row[: len(self._columns)] for row in LAYOUT]

    @property
    def _is_scanned(self) -> bool:
        return self._chip is not None and self._chip.claimed(self._rows + self._columns)

    def _look(self, line: int, level: bool | None) -> None:
        if line in self._passes:
            self._row(line, low=level is False)
        if self._is_scanned:
            self._scanned.set()

    def _row(self, line: int, *, low: bool) -> None:
        self._passes[line] += low
        self._rows_low = self._rows_low | {line} if low else self._rows_low - {line}
        self._moved.set()

    @property
    def _at_rest(self) -> bool:
        """All rows are low: the scanning side waits for a key."""
        return len(self._rows_low) == len(self._rows)

    async def _stay(self, at_least_s: float, row: int, *, off: bool) -> None:
        """The finger is on the key or `off` it, until whoever scans cannot have overlooked that."""
        seen = self._passes[row] + PASSES
        await asyncio.sleep(at_least_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while self._is_scanned and self._passes[row] < seen and not (off and self._at_rest):
                    self._moved.clear()
                    await self._moved.wait()

    async def _press_when_scanned(self) -> None:
        await self._scanned.wait()
        await self.press(self._press_first)

    async def _press(self, key: str) -> None:
        if self._faults.act("silent"):
            await asyncio.sleep(self._press_s + self._pause_s)
            return
        row, _ = self._lines_of(key)
        keys = self._under_the_finger(key)
        try:
            await self._bounce(keys, NO_KEY)
            self._touch(keys)
            await self._stay(self._faults.amount("held") / 1000 or self._press_s, row, off=False)
            await self._bounce(NO_KEY, keys)
        finally:
            self._touch(NO_KEY)
        await self._stay(self._pause_s, row, off=True)

    def _under_the_finger(self, key: str) -> frozenset[str]:
        """The key, and what a clumsy finger presses beside it."""
        row, column = next((number, keys.index(key)) for number, keys in enumerate(self._keys) if key in keys)
        beside = self._keys[row][column - 1 if column else 1]
        keys = {key}
        if self._faults.act("two-keys"):
            keys.add(beside)
        if self._faults.act("ghost"):
            keys |= {beside, self._keys[row - 1 if row else 1][column]}
        return frozenset(keys)

    async def _bounce(self, to: frozenset[str], back: frozenset[str]) -> None:
        for _ in range(self._rng.randint(0, BOUNCES_MAX) + self._faults.amount("noise")):
            for pressed in (to, back):
                self._touch(pressed)
                await asyncio.sleep(self._rng.uniform(*BOUNCE_S))

    def _touch(self, pressed: frozenset[str]) -> None:
        """The finger is on these keys now, or on none."""
        assert self._chip is not None
        self._pressed = pressed
        closed = pressed | ({self._stuck} if self._stuck else set())
        for key in sorted(closed - self._closed):
            self._chip.join(*self._lines_of(key))
        for key in sorted(self._closed - closed):
            self._chip.part(*self._lines_of(key))
        self._closed = closed

    def _lines_of(self, key: str) -> tuple[int, int]:
        row = next(row for row, keys in enumerate(LAYOUT) if key in keys)
        return self._rows[row], self._columns[LAYOUT[row].index(key)]
