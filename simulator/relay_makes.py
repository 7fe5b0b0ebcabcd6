"""Relay boards of other makes: the relays of the Waveshare twin, moved by other commands.

LC-Tech type: FC05 and FC0F as usual; register 3 + 5 * relay takes a mode and the next one a time in steps of 100 ms.
The pulse is mode 4, or with `pulse_mode=2` mode 2; the other one switches off, and on after that time.
Eletechsup R4D8 type: FC06 to register 1 + relay; the high byte is the action: 01 on, 02 off, 03 the other way, 05 on
for one second, 06 on for as many seconds as the low byte says; register 0: 07 all on, 08 all off. FC03 tells 1 for on.
It has no coils that FC01 or FC05 would know.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.contacts import Contacts
from simulator.modbus_board import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Refused
from simulator.modbus_relay_board import ALL_RELAYS, Bolts, ModbusRelayBoard

MODES = (2, 4)
TIMED_FIRST, TIMED_STEP = 3, 5


class LcRelayBoard(ModbusRelayBoard):
    def __init__(
        self,
        unit: int,
        coils: int,
        bolts: Bolts,
        contacts: Contacts,
        inputs: int,
        rate: str = "9600",
        pulse_mode: int = 4,
    ) -> None:
        super().__init__(unit, coils, bolts, contacts, inputs, rate)
        self._pulse_mode = pulse_mode
        self._mode = 0

    def write_coil(self, address: int, value: int) -> None:
        if address > ALL_RELAYS:
            raise Refused(ILLEGAL_ADDRESS)
        super().write_coil(address, value)

    def read_register(self, address: int) -> int:
        if address != 0:
            raise Refused(ILLEGAL_ADDRESS)
        return self.unit

    def write_register(self, address: int, value: int) -> None:
        relay, at = divmod(address - TIMED_FIRST, TIMED_STEP)
        if address == 0 and 1 <= value <= 255:
            self.unit = value
        elif at == 0 and relay in range(len(self._channels)):
            if value not in MODES:
                raise Refused(ILLEGAL_VALUE)
            self._mode = value
        elif at == 1 and relay in range(len(self._channels)):
            self._flash(value, on=self._mode == self._pulse_mode)(relay + 1)
        else:
            raise Refused(ILLEGAL_ADDRESS)


class EletechsupRelayBoard(ModbusRelayBoard):
    def read_coils(self, first: int, count: int) -> list[bool]:
        raise Refused(ILLEGAL_FUNCTION)

    def write_coil(self, address: int, value: int) -> None:
        raise Refused(ILLEGAL_FUNCTION)

    def write_coils(self, first: int, values: list[bool]) -> None:
        raise Refused(ILLEGAL_FUNCTION)

    def read_register(self, address: int) -> int:
        [channel] = self._range(address - 1, 1)
        return int(self._energised[channel])

    def write_register(self, address: int, value: int) -> None:
        action, seconds = divmod(value, 256)
        channels = list(self._channels) if address == 0 else self._range(address - 1, 1)
        act = self._action(action, seconds, of_all=address == 0)
        for channel in channels:
            act(channel)

    def _action(self, action: int, seconds: int, *, of_all: bool) -> Callable[[int], None]:
        match action, of_all:
            case (1, False) | (7, True):
                return lambda channel: self._switch(channel, on=True)
            case (2, False) | (8, True):
                return lambda channel: self._switch(channel, on=False)
            case 3, False:
                return lambda channel: self._switch(channel, on=not self._commanded[channel])
            case 5, False:
                return self._flash(10, on=True)
            case 6, False:
                return self._flash(10 * seconds, on=True)
        raise Refused(ILLEGAL_VALUE)


MAKES: dict[str, tuple[int, type[ModbusRelayBoard]]] = {
    "waveshare-8": (8, ModbusRelayBoard),
    "lc-8": (8, LcRelayBoard),
    "eletechsup-4": (4, EletechsupRelayBoard),
}
"""Boards of the configuration that there is a twin for, and their relays."""
