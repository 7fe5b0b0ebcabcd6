"""One device under the supervisor: begun again until it works, its state told once for each change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hal.capabilities import Cause, Device, DeviceSuspect, Emit, FobRead, InputRead, Reading
from hal.clock import Clock
from hal.errors import DeviceAway, DeviceError, DeviceMisconfigured, DeviceTimeout, LinkLost

log = logging.getLogger(__name__)

DEVICE_BACKOFF_S = 0.5
BACKOFF_MAX_S = 5.0
ENOUGH_S = 1.0
"""A device that held for so long and is pulled out is looked for at once; one that flickers, ever more rarely: each
time is journaled."""
START_S = 10.0
"""A device that has not started by then has failed; its own questions have shorter bounds."""
STOP_S = 1.0
UNEXPECTED = "unexpected error in the driver, see the log"

State = Literal["starting", "up", "lost", "stopped"]


@dataclass(frozen=True, slots=True)
class Reports:
    """Where the news go. Called in the loop; they neither block nor raise."""

    emit: Emit
    """What devices read. After `lost`, each input and fob that the device had reported, and each suspicion, is emitted
    once more, with None."""
    lost: Callable[[str, str], None]
    """(device, hint) once, when it stops working or does not begin to."""
    restored: Callable[[str], None]
    """(device) once, when it begins to work; also the first time, so that each loss before finds its end."""


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """`since_mono_s`: when the state began. `hint`: why it is not up, or what is suspect at one that is. stopped: until
    the daemon starts again."""

    device: str
    link: str
    state: State
    since_mono_s: float
    hint: str | None


class Backoff:
    """Pauses that double up to 5 s, and begin anew after something has held for `enough_s`."""

    def __init__(self, first_s: float, enough_s: float) -> None:
        self._first_s = first_s
        self._enough_s = enough_s
        self._next_s = first_s
        self._wake = asyncio.Event()

    def begin_anew(self) -> None:
        self._next_s = self._first_s

    async def pause(self, *, held_s: float) -> None:
        """`held_s`: for how long there was no failure before this one."""
        if held_s >= self._enough_s:
            self.begin_anew()
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, BACKOFF_MAX_S)
        await self.pause_for(pause_s)

    async def pause_for(self, pause_s: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    def wake(self) -> None:
        """Ends the pause, if there is one."""
        self._wake.set()


class KeptDevice:
    def __init__(self, device: Device, link: str, reports: Reports, clock: Clock) -> None:
        self.name = device.device
        self.state: State = "starting"
        self._device = device
        self._link = link
        self._reports = reports
        self._clock = clock
        self._since_mono_s = clock.mono_s()
        self._hint: str | None = None
        self._inputs: set[int] = set()
        self._fobs: set[int] = set()
        self._suspect: dict[Cause, str] = {}
        self._backoff = Backoff(DEVICE_BACKOFF_S, enough_s=BACKOFF_MAX_S)

    async def keep(self) -> None:
        """While its link is open. Ends when the device is misconfigured; raises LinkLost when the link is gone."""
        self._backoff.begin_anew()
        while True:
            try:
                await self._run()
            except LinkLost:
                raise
            except DeviceMisconfigured as error:
                self.lose(error.hint, "stopped")
                return
            except DeviceError as error:
                held_s, was_up = self._held_s(), self.state == "up"
                self.lose(error.hint)
                if isinstance(error, DeviceAway) and (held_s >= ENOUGH_S or not was_up):
                    await self._backoff.pause_for(DEVICE_BACKOFF_S)
                    continue
            except Exception:
                held_s = self._held_s()
                if self.state != "lost":
                    log.exception("%s: unexpected error", self.name)
                self.lose(UNEXPECTED)
            await self._backoff.pause(held_s=held_s)

    async def stop(self) -> None:
        """Best effort within 1 s; never raises."""
        try:
            async with asyncio.timeout(STOP_S):
                await self._device.stop()
        except (DeviceError, TimeoutError) as error:
            log.warning("%s: not stopped cleanly: %s", self.name, error or "no answer in time")
        except Exception:
            log.exception("%s: unexpected error while stopping", self.name)

    def lose(self, hint: str, state: Literal["lost", "stopped"] = "lost") -> None:
        """Told once; what is lost already only has a newer hint."""
        if self.state == "stopped":
            return
        self._hint = hint
        if self.state == "lost" and state == "lost":
            return
        told = self.state == "lost"
        self._change(state)
        if not told:
            log.warning("%s: lost: %s", self.name, hint)
            self._reports.lost(self.name, hint)
            self._forget_readings()

    def wake(self) -> None:
        """Tries at once if it pauses."""
        self._backoff.wake()

    def status(self) -> DeviceStatus:
        hint = self._hint or "; ".join(self._suspect.values()) or None
        return DeviceStatus(self.name, self._link, self.state, self._since_mono_s, hint)

    async def _run(self) -> None:
        await self._start()
        log.info("%s: %s", self.name, "back" if self.state == "lost" else "up")
        self._hint = None
        self._change("up")
        self._reports.restored(self.name)
        await self._device.watch(self._emit)
        raise RuntimeError("watch ended by itself")

    async def _start(self) -> None:
        try:
            async with asyncio.timeout(START_S) as limit:
                await self._device.start()
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise DeviceTimeout(self.name, f"it did not start within {START_S:.0f} s") from error

    def _emit(self, reading: Reading) -> None:
        if isinstance(reading, InputRead):
            self._inputs.add(reading.channel)
        elif isinstance(reading, FobRead):
            self._fobs.add(reading.channel)
        elif isinstance(reading, DeviceSuspect):
            self._suspects(reading)
        self._reports.emit(reading)

    def _suspects(self, found: DeviceSuspect) -> None:
        if found.hint is None:
            self._suspect.pop(found.cause, None)
        else:
            self._suspect[found.cause] = found.hint
            log.warning("%s: %s", self.name, found.hint)

    def _forget_readings(self) -> None:
        for channel in sorted(self._inputs):
            self._reports.emit(InputRead(self.name, channel, None))
        for channel in sorted(self._fobs):
            self._reports.emit(FobRead(self.name, channel, None))
        for cause in self._suspect:
            self._reports.emit(DeviceSuspect(self.name, cause, None))
        self._inputs.clear()
        self._fobs.clear()
        self._suspect.clear()

    def _change(self, state: State) -> None:
        self.state = state
        self._since_mono_s = self._clock.mono_s()

    def _held_s(self) -> float:
        return self._clock.mono_s() - self._since_mono_s if self.state == "up" else 0.0
