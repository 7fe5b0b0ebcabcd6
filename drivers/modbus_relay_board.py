"""Bolts on a Modbus relay board that times each pulse itself."""

from __future__ import annotations

import asyncio
import logging
import math

from drivers.specs.modbus_relay_board import ModbusRelayBoardSpec
from drivers.specs.relay_profile import RelayProfile
from drivers.wire.relay_commands import CoilsOff, CoilWrite, RegisterWrite, Write, all_off, coil, pulses, switch_off
from hal.buses import ModbusLine
from hal.capabilities import Emit, Lock, LockBoard
from hal.clock import Clock
from hal.errors import DeviceError, DeviceMisconfigured, DeviceRefused, DeviceTimeout, LinkLost, OutcomeUnknown

logger = logging.getLogger(__name__)

MARGIN_S = 0.5
"""A coil may read on so long after its pulse: the board's own clock, and the way of the answer."""
MISSES_LOST = 2
"""So many polls in a row without an answer (each asked twice by the line) mean that the board is lost."""
WAY_S = 0.1
"""From a board's own time to what it then does."""
STOP_S = 1.0
NO_SUCH_REGISTER = (1, 2)
"""Modbus exceptions of a board that lacks the function or the address (Application Protocol V1.1b3, 7)."""
SURELY_NOT_DONE = (1, 2, 3, 6)
"""Exceptions before the act; 4 and 5 (a fault while acting, accepted for later) leave it open."""


class RelayLock(Lock):
    """One coil of a board."""

    def __init__(self, board: ModbusRelayBoard, channel: int) -> None:
        self.device = board.device
        self._board = board
        self._channel = channel

    async def pulse(self, hold_s: float) -> None:
        await self._board.pulse(self._channel, hold_s)

    async def energised(self) -> bool:
        return await self._board.energised(self._channel)


class ModbusRelayBoard(LockBoard):
    """One coil at a time: they share one supply, and each draws more than an ampere.

    A coil found on outside its pulse is switched off; one that stays on ends `watch`."""

    def __init__(self, spec: ModbusRelayBoardSpec, profile: RelayProfile, line: ModbusLine, clock: Clock) -> None:
        self.device = spec.id
        self._spec = spec
        self._profile = profile
        self._line = line
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._free_at_s = -math.inf
        """When the last pulse has ended."""
        self._may_be_on_until_s: dict[int, float] = {}
        self._way: int | None = None
        """Which of several ways of asking for a pulse is the right one; None: no release has shown it yet."""

    def lock(self, channel: int) -> Lock:
        self._coil(channel)
        return RelayLock(self, channel)

    async def start(self) -> None:
        await self.all_off()
        await self._check_control_mode()

    async def watch(self, emit: Emit) -> None:
        """Emits nothing: ends with DeviceRefused when a coil stays on, or with what the line raises."""
        misses = 0
        while True:
            await asyncio.sleep(self._spec.poll_s)
            try:
                await self._switch_off_forgotten()
                misses = 0
            except DeviceTimeout:
                misses += 1
                if misses >= MISSES_LOST:
                    raise

    async def stop(self) -> None:
        try:
            async with asyncio.timeout(STOP_S):
                await self.all_off()
        except DeviceError:
            raise
        except TimeoutError:
            raise DeviceTimeout(self.device, "coils not confirmed off in time; check them by hand") from None

    async def all_off(self) -> None:
        await self._write(all_off(self._profile))
        stays_on = [channel for channel, on in enumerate(await self._read_coils(), start=1) if on]
        if stays_on:
            raise self._stays_on(stays_on[0])

    async def energised(self, channel: int) -> bool:
        """As Lock.energised."""
        offset = self._coil(channel) - self._profile.coil_first
        (on,) = await self._read_states(offset, 1, urgent=True)
        return on

    async def pulse(self, channel: int, hold_s: float) -> None:
        """As Lock.pulse; waits for the pulse before it, of whichever channel, to end."""
        try:
            ways = pulses(self._profile, channel, hold_s)
        except ValueError as error:
            raise DeviceMisconfigured(self.device, f"channel {channel}: {error}") from None
        async with self._one_at_a_time:
            wait_s = self._free_at_s - self._clock.mono_s()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self._may_be_on_until_s[channel] = math.inf
            on_s = self._profile.pulse_s or hold_s
            try:
                await self._ask_for(channel, on_s, ways)
            except (DeviceTimeout, DeviceRefused, LinkLost):
                on_s = 0.0  # surely not pulsed
                raise
            finally:
                self._free_at_s = self._clock.mono_s() + on_s
                self._may_be_on_until_s[channel] = self._free_at_s + MARGIN_S

    async def _ask_for(self, channel: int, hold_s: float, ways: list[Write]) -> None:
        """The first release shows which way is the right one; each other is tried after the coil was read as off."""
        for way, command in enumerate(ways):
            if self._way not in (None, way):
                continue
            try:
                came_on = await self._pulse(channel, hold_s, command)
            except (DeviceTimeout, DeviceRefused, LinkLost) as error:
                if way == 0 or self._way is not None:
                    raise
                raise OutcomeUnknown(self.device, error.hint) from error  # the first way may have moved it
            if came_on:
                self._way = way
                return
            if self._way is None and len(ways) > 1:
                await self._undo(channel, hold_s)
        raise OutcomeUnknown(
            self.device, f"channel {channel}: pulse sent, coil reads off; check the board's supply and relay"
        )

    async def _undo(self, channel: int, hold_s: float) -> None:
        """What was no pulse may have been its opposite: off, and on after a while."""
        logger.warning("%s: channel %d did not come on when it was pulsed, switched off", self.device, channel)
        try:
            await self._write(switch_off(self._profile, channel))
            await asyncio.sleep(hold_s + WAY_S)
            if await self.energised(channel):
                await self._switch_off(channel)
        except DeviceError as error:
            hint = f"channel {channel}: the coil read off, then the board could not be asked: {error.hint}"
            raise OutcomeUnknown(self.device, hint) from error

    async def _pulse(self, channel: int, hold_s: float, command: Write) -> bool:
        """False: the board has accepted it, and reads off while the pulse should last."""
        asked_s = self._clock.mono_s()
        silent: DeviceTimeout | None = None
        try:
            await self._write(command)
        except DeviceTimeout as error:
            silent = error
        except DeviceRefused as error:
            if error.code in SURELY_NOT_DONE:
                raise DeviceRefused(self.device, f"channel {channel}: {error.hint}", error.code) from error
        except (LinkLost, OutcomeUnknown) as error:
            raise type(error)(self.device, f"channel {channel}: {error.hint}") from error
        try:
            if await self.energised(channel):
                return True
        except DeviceError as error:
            raise OutcomeUnknown(
                self.device, f"channel {channel}: pulse sent, then the coil could not be read: {error.hint}"
            ) from error
        # A pulse begun after asking would still be on: the board answers in order.
        if self._clock.mono_s() - asked_s < hold_s:
            if silent is None:
                return False
            raise DeviceTimeout(self.device, f"channel {channel}: not pulsed: {silent.hint}") from silent
        raise OutcomeUnknown(
            self.device, f"channel {channel}: pulse sent, coil reads off; check the board's supply and relay"
        )

    async def _switch_off_forgotten(self) -> None:
        asked_s = self._clock.mono_s()
        for channel, on in enumerate(await self._read_coils(), start=1):
            if on and asked_s > self._may_be_on_until_s.get(channel, -math.inf):
                await self._switch_off(channel)

    async def _switch_off(self, channel: int) -> None:
        """Once; a coil that then still reads on is past our help."""
        await self._write(switch_off(self._profile, channel))
        if await self.energised(channel):
            raise self._stays_on(channel)
        logger.warning("%s: channel %d was on without a pulse of ours, switched off", self.device, channel)

    async def _check_control_mode(self) -> None:
        """Inputs that switch relays by themselves would open bolts without a grant."""
        first, normal = self._profile.control_mode_first, self._profile.control_mode_normal
        if first is None:
            return
        try:
            modes = await self._line.read_registers(self._spec.unit, first, self._profile.channels)
        except DeviceRefused as error:
            if error.code not in NO_SUCH_REGISTER:
                raise
            return
        for channel, mode in enumerate(modes, start=1):
            if mode != normal:
                raise DeviceMisconfigured(
                    self.device,
                    f"channel {channel}: control mode is {mode}: an input of the board may switch the relay by"
                    f" itself; write {normal} to register 0x{first + channel - 1:04X}",
                )

    async def _read_coils(self) -> tuple[bool, ...]:
        return await self._read_states(0, self._profile.channels)

    async def _read_states(self, offset: int, count: int, *, urgent: bool = False) -> tuple[bool, ...]:
        unit, registers = self._spec.unit, self._profile.command_first
        if registers is None:
            return await self._line.read_coils(unit, self._profile.coil_first + offset, count, urgent=urgent)
        values = await self._line.read_registers(unit, registers + offset, count, urgent=urgent)
        return tuple(value != 0 for value in values)

    async def _write(self, command: Write) -> None:
        unit = self._spec.unit
        match command:
            case CoilWrite():
                await self._line.write_coil(unit, command.address, command.value)
            case CoilsOff():
                await self._line.write_coils(unit, command.first, [False] * command.count)
            case RegisterWrite():
                await self._line.write_register(unit, command.address, command.value)
            case _:
                await self._line.write_registers(unit, command.first, command.values)

    def _coil(self, channel: int) -> int:
        try:
            return coil(self._profile, channel)
        except ValueError as error:
            raise DeviceMisconfigured(self.device, str(error)) from None

    def _stays_on(self, channel: int) -> DeviceRefused:
        return DeviceRefused(
            self.device,
            f"channel {channel}: the coil stays on although it was switched off;"
            " cut the supply of the locks and replace the board",
        )
