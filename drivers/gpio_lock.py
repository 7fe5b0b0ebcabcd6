"""Bolts on GPIO lines: the program ends each pulse, so a hardware one-shot must stand behind it."""

from __future__ import annotations

import asyncio
import math
from collections import deque

from drivers.specs.gpio_lock import GpioLockSpec
from hal.buses import GpioLines
from hal.capabilities import Emit, Lock, LockBoard
from hal.clock import Clock
from hal.errors import DeviceError, DeviceMisconfigured, DeviceRefused, LinkLost, OutcomeUnknown

HOLD_S_MIN, HOLD_S_MAX = 0.1, 1.0
WINDOW_S = 60.0
"""What `duty_percent` is a share of."""
REST_S = 0.1
"""Between two coils on one supply."""
SWEEP_S = 1.0
"""So often the lines are read to find one that stays on, and a lost chip."""
ROUNDING_S = 1e-6


class GpioBolt(Lock):
    """One line."""

    def __init__(self, board: GpioLock, channel: int) -> None:
        self.device = board.device
        self._board = board
        self._channel = channel

    async def pulse(self, hold_s: float) -> None:
        """As Lock.pulse, but the program ends it: returns when it is over."""
        await self._board.pulse(self._channel, hold_s)

    async def energised(self) -> bool:
        return await self._board.energised(self._channel)


class GpioLock(LockBoard):
    """One coil at a time. Off at start, at stop, and when whoever waits for a pulse gives up."""

    def __init__(self, spec: GpioLockSpec, gpio: GpioLines, clock: Clock) -> None:
        self.device = spec.id
        self._spec = spec
        self._gpio = gpio
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._free_at_s = -math.inf
        self._on: dict[int, deque[tuple[float, float]]] = {line: deque() for line in spec.lines}
        """When each coil was switched on in the last minute, and for how long."""

    def lock(self, channel: int) -> Lock:
        self._line(channel)
        return GpioBolt(self, channel)

    async def start(self) -> None:
        await self._gpio.release(self._spec.lines)
        await self._gpio.claim_outputs(self._spec.lines, high=not self._spec.active_high)
        await self._check_off()

    async def watch(self, emit: Emit) -> None:
        """Emits nothing: ends with DeviceRefused when a line stays on, or with LinkLost."""
        while True:
            await asyncio.sleep(SWEEP_S)
            async with self._one_at_a_time:
                await self._check_off()

    async def stop(self) -> None:
        await self._write_off()

    async def all_off(self) -> None:
        """Claims the lines if they are not: a program that does nothing else may ask for it."""
        await self._gpio.release(self._spec.lines)
        await self._gpio.claim_outputs(self._spec.lines, high=not self._spec.active_high)
        await self._check_off()

    async def energised(self, channel: int) -> bool:
        """As Lock.energised."""
        (high,) = await self._gpio.read([self._line(channel)])
        return high == self._spec.active_high

    async def pulse(self, channel: int, hold_s: float) -> None:
        """As GpioBolt.pulse; waits for the pulse before it, of whichever channel, to end."""
        line = self._line(channel)
        if not HOLD_S_MIN <= hold_s <= HOLD_S_MAX:
            raise DeviceMisconfigured(
                self.device, f"channel {channel}: hold_s {hold_s}: allowed are {HOLD_S_MIN} to {HOLD_S_MAX} s"
            )
        async with self._one_at_a_time:
            await asyncio.sleep(max(0.0, self._free_at_s - self._clock.mono_s()))
            self._check_duty(channel, line, hold_s)
            began_s, gone = self._clock.mono_s(), False
            try:
                try:
                    await self._gpio.write({line: self._spec.active_high})
                except LinkLost:
                    gone = True  # surely not pulsed
                    raise
                if not await self.energised(channel):
                    hint = "switched on, and the line reads off; check it for a short"
                    raise OutcomeUnknown(self.device, f"channel {channel}: {hint}")
                await asyncio.sleep(max(0.0, began_s + hold_s - self._clock.mono_s()))
            except LinkLost as error:
                if gone:
                    raise
                raise self._lost(channel, error) from error
            finally:
                if not gone:
                    await self._end(channel, line, began_s)

    async def _end(self, channel: int, line: int, began_s: float) -> None:
        """Also when whoever waits has given up: nothing may come between."""
        try:
            await asyncio.shield(self._gpio.write({line: not self._spec.active_high}))
        except DeviceError as error:
            raise self._lost(channel, error) from error
        finally:
            self._free_at_s = self._clock.mono_s() + REST_S
            self._on[line].append((began_s, self._clock.mono_s() - began_s))

    def _lost(self, channel: int, error: DeviceError) -> OutcomeUnknown:
        return OutcomeUnknown(self.device, f"channel {channel}: the chip was lost in the pulse: {error.hint}")

    def _check_duty(self, channel: int, line: int, hold_s: float) -> None:
        now_s, on = self._clock.mono_s(), self._on[line]
        while on and on[0][0] + WINDOW_S <= now_s:
            on.popleft()
        allowed_s = self._spec.duty_percent / 100 * WINDOW_S
        used_s = sum(on_s for _, on_s in on)
        if used_s + hold_s > allowed_s + ROUNDING_S and on:
            wait_s = math.ceil(on[0][0] + WINDOW_S - now_s)
            raise DeviceRefused(
                self.device,
                f"channel {channel}: its coil was on for {used_s:.1f} s within a minute and has to cool;"
                f" again in {wait_s} s",
            )

    async def _write_off(self) -> None:
        await self._gpio.write(dict.fromkeys(self._spec.lines, not self._spec.active_high))

    async def _check_off(self) -> None:
        await self._write_off()
        for channel, high in enumerate(await self._gpio.read(self._spec.lines), start=1):
            if high == self._spec.active_high:
                raise DeviceRefused(
                    self.device,
                    f"channel {channel}: the line stays on although it was switched off;"
                    " cut the supply of the locks and look for a short",
                )

    def _line(self, channel: int) -> int:
        if not 1 <= channel <= len(self._spec.lines):
            raise DeviceMisconfigured(
                self.device, f"channel {channel}: there are channels 1 to {len(self._spec.lines)}"
            )
        return self._spec.lines[channel - 1]
