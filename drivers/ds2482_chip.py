"""What a driver asks a DS2482-800: each question is one transfer, and each byte of the answer is judged.

The chip is slower than the bus, so its status is read until it is no longer busy. How many bytes that takes depends
on the bus alone and is measured once, which spares a transfer for every wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from drivers.wire import ds2482, onewire
from hal.buses import I2cBus
from hal.errors import DeviceRefused, DeviceTimeout

Line = Literal["idle", "present", "short"]
"""What a 1-Wire reset finds: nobody, somebody, a line that is held low."""

RESET_MAX = 64
"""Status bytes that a 1-Wire reset of 1.3 ms lasts at most, at the chip's limit of 400 kHz."""
BYTE_SHARE, TRIPLET_SHARE = 0.48, 0.18
"""How long eight and three time slots take, of a reset (data sheet: 8 and 3 of 69.3 us, of 1160 us)."""
MARGIN, MORE = 1.25, 2


class ChipWasReset(DeviceTimeout):
    """It lost its power or was reset; nothing holds that it was told. set_up() makes it good."""


class Ds2482Chip:
    """All calls raise DeviceTimeout (nothing is known), LinkLost, DeviceRefused."""

    def __init__(self, device: str, bus: I2cBus, address: int) -> None:
        self._device = device
        self._bus = bus
        self._address = address
        self._reset_reads = self._byte_reads = self._triplet_reads = 0

    async def set_up(self) -> None:
        """Resets and configures it, and finds out how long it is busy."""
        (after,) = await self._ask(ds2482.RESET, 1)
        state = ds2482.status(after[0])
        if state.busy or not state.was_reset:
            hint = f"something else than a DS2482 answers at 0x{self._address:02X}; check the address pins"
            raise DeviceRefused(self._device, hint)
        (configuration,) = await self._ask(ds2482.CONFIGURE, 1)
        if configuration[0] != ds2482.CONFIGURED:
            raise DeviceTimeout(self._device, "it does not keep its configuration; check its supply and the bus")
        await self._measure()

    async def look(self, channels: Sequence[int], number_of: int | None = None) -> tuple[list[Line], bytes | None]:
        """What a 1-Wire reset finds on each channel, in this order; and as read_number(number_of), if there is one."""
        messages = [message for channel in channels for message in self._reset(channel)]
        if number_of is not None:
            messages += self._number(number_of)
        replies = iter(await self._ask(*messages))
        lines = [self._found(channel, replies) for channel in channels]
        return lines, None if number_of is None else self._number_in(number_of, replies)

    async def read_number(self, channel: int) -> bytes | None:
        """The number of the one chip on this channel; None when there is none, or its check is wrong."""
        return self._number_in(channel, iter(await self._ask(*self._number(channel))))

    async def alone(self, channel: int, rom: bytes) -> bool:
        """Whether a search finds exactly this number: each bit and its complement, and no second chip."""
        bits = onewire.bits(rom)
        messages = [*self._reset(channel), ds2482.write_byte(onewire.SEARCH_ROM), self._byte_reads]
        for bit in bits:
            messages += [ds2482.triplet(bit), self._triplet_reads]
        replies = iter(await self._ask(*messages))
        found = self._found(channel, replies)
        self._settled(next(replies))
        states = [self._settled(reply) for reply in replies]
        return found == "present" and all(
            (state.first, state.second) == (bit, not bit) for state, bit in zip(states, bits, strict=True)
        )

    async def _measure(self) -> None:
        again = (ds2482.LINE_RESET, RESET_MAX)
        choices = (ds2482.select(ds2482.CHANNELS), 1, ds2482.select(1), 1)
        last, first, *replies = await self._ask(*choices, *again, *again)
        self._check(ds2482.CHANNELS, last)
        self._check(1, first)
        busy = [[ds2482.status(byte).busy for byte in reply] for reply in replies]
        if any(reply[-1] for reply in busy):
            raise DeviceTimeout(self._device, "it stays busy; switch its power off and on")
        longest = max(sum(reply) for reply in busy)
        self._reset_reads, self._byte_reads, self._triplet_reads = (
            round(longest * share * MARGIN) + MORE for share in (1.0, BYTE_SHARE, TRIPLET_SHARE)
        )

    def _reset(self, channel: int) -> list[bytes | int]:
        return [ds2482.select(channel), 1, ds2482.LINE_RESET, self._reset_reads]

    def _number(self, channel: int) -> list[bytes | int]:
        messages = [*self._reset(channel), ds2482.write_byte(onewire.READ_ROM), self._byte_reads]
        for _ in range(onewire.ROM_BYTES):
            messages += [ds2482.READ_BYTE, self._byte_reads, ds2482.READ_DATA, 1]
        return [*messages, ds2482.READ_STATUS, 1]

    def _number_in(self, channel: int, replies: Iterator[bytes]) -> bytes | None:
        """The answers to `_number`."""
        found = self._found(channel, replies)
        self._settled(next(replies))
        rom = b""
        for _ in range(onewire.ROM_BYTES):
            self._settled(next(replies))
            rom += next(replies)
        self._settled(next(replies))
        return rom if found == "present" and onewire.is_number(rom) else None

    def _found(self, channel: int, replies: Iterator[bytes]) -> Line:
        """The answers to `_reset`."""
        self._check(channel, next(replies))
        state = self._settled(next(replies))
        return "short" if state.short else "present" if state.presence else "idle"

    def _check(self, channel: int, code: bytes) -> None:
        if (other := ds2482.selected(code[0])) != channel:
            hint = f"channel {channel} was chosen and it says {other or 'none'}; check its supply and the bus"
            raise DeviceTimeout(self._device, hint)

    def _settled(self, reply: bytes) -> ds2482.Status:
        state = ds2482.status(reply[-1])
        if state.busy:
            raise DeviceTimeout(self._device, "it stays busy; switch its power off and on")
        if state.was_reset:
            raise ChipWasReset(self._device, "it was reset, by itself; check its supply and its ground")
        return state

    async def _ask(self, *messages: bytes | int) -> tuple[bytes, ...]:
        return await self._bus.transfer(self._address, *messages)
